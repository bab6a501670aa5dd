"""Many files on a Ray cluster, each a task of its own.

All machines see the files under the same names, and have this program installed.
"""

import logging
import os
import re
import socket
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import Any

from .errors import ImagineError, install
from .files import Source
from .turns import Event, Failed, Worker

LOCAL = "local"
_HOST_AND_PORT = re.compile(r"(?:ray://)?\[?([^/\]]+)\]?:([0-9]+)")
AHEAD = 4  # tasks a core that are handed out at a time: a million would fill memory


def turns(
    address: str, worker: Worker, sources: Sequence[Source], inputs: Collection[str]
) -> Iterator[tuple[Source, list[Event]]]:
    """What came of each picture, in the order in which they are done.

    address: `local`, for this machine's cores, or that of a cluster: `auto`, `ray://head:10001`.
    A task whose process dies is done again, three times at most; what it had written by then is
    found there. Raises ImagineError: no cluster, or no model to run on it.
    """
    ray = _begun(address)
    need = {"num_cpus": worker.threads or 1, "num_gpus": int(worker.device == "cuda")}
    task = ray.remote(max_retries=3, **need)(_turn)
    given = ray.put((os.getcwd(), worker, inputs))
    run = given.hex()
    queue = iter(sources)
    waiting: dict[Any, Source] = {}
    try:
        many = AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))
        waiting |= {task.remote(run, given, one): one for one in islice(queue, many)}
        while waiting:
            (done,), _ = ray.wait(list(waiting))
            source = waiting.pop(done)
            waiting |= {task.remote(run, given, one): one for one in islice(queue, 1)}
            yield source, _told(ray, done)
    finally:
        for one in waiting:
            ray.cancel(one)
        ray.shutdown()


def _begun(address: str) -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its makers
    try:
        import ray
    except ImportError:
        raise ImagineError(f"--ray needs Ray: {install('ray')}") from None
    where = {"include_dashboard": False} if address == LOCAL else {"address": address}
    try:
        if found := _HOST_AND_PORT.fullmatch(address):  # where nobody answers, Ray ends the program
            socket.create_connection((found[1], int(found[2])), timeout=10).close()
        ray.init(**where, log_to_driver=False, logging_level=logging.ERROR)
        ray._private.worker._worker_logs_enabled = False  # stdout is for results, not for its news
    except Exception as error:  # of many kinds, none of them documented
        line = " ".join(str(error).split())[:200]
        raise ImagineError(f"--ray {address}: no cluster there ({line})") from None
    return ray


def _told(ray: Any, done: Any) -> list[Event]:
    try:
        found: list[Event] | ImagineError = ray.get(done)
    except ray.exceptions.RayError as error:
        line = " ".join(str(error).split())[:200]
        return [Failed(f"the process that worked on it died, and so did the next ones ({line})")]
    if isinstance(found, ImagineError):
        raise found
    return found


_workers: dict[str, Worker] = {}
"""In a process of the cluster, by run: the models that one has opened stay."""


def _turn(
    run: str, given: tuple[str, Worker, Collection[str]], source: Source
) -> list[Event] | ImagineError:
    folder, worker, inputs = given
    try:
        os.chdir(folder)
    except OSError as error:
        line = f"a machine of the cluster does not see the folder {folder} ({error.strerror})"
        return [Failed(line)]
    told: list[Event] = []
    try:
        _workers.setdefault(run, worker).turn(source, inputs, told.append)
    except ImagineError as error:
        return error
    return told
