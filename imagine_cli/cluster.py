"""Many files on a Ray cluster, each a task of its own.

All machines see the files under the same names, and have this program installed.
"""

import logging
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Collection, Generator, Sequence
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
) -> Generator[tuple[Source, list[Event]], None, None]:
    """What came of each picture, in the order in which they are done.

    address: `local`, for this machine's cores, or that of a cluster: `auto`, `ray://head:10001`.
    A task whose process dies is done again, three times at most; what it had written by then is
    found there. Raises ImagineError: no cluster, or no model to run on it.
    """
    ray = _begun(address)
    need = {"num_cpus": worker.threads, "num_gpus": int(worker.device == "cuda")}
    task = ray.remote(max_retries=3, **need)(_turn)
    given = ray.put((worker, inputs))
    queue = iter(sources)
    waiting: dict[Any, Source] = {}

    def hand_out(many: int) -> None:
        for one in islice(queue, many):
            waiting[task.remote(given.hex(), [given], os.getcwd(), one)] = one

    try:
        many = AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))
        hand_out(many)
        while waiting:
            done = _first_of(ray, list(waiting))
            source = waiting.pop(done)
            hand_out(1)
            yield source, _told(ray, done)
    except BaseException:  # Ctrl-C, and who asks no more: Ray itself ends with the program
        for one in waiting:
            ray.cancel(one)
        raise
    ray.shutdown()


def _begun(address: str) -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its makers
    try:
        import ray
    except ImportError:
        raise ImagineError(f"--ray needs Ray: {install('ray')}") from None
    more: dict[str, Any] = {"include_dashboard": False} if address == LOCAL else {}
    ours = signal.getsignal(signal.SIGTERM)
    try:
        if found := _HOST_AND_PORT.fullmatch(address):  # where nobody answers, Ray ends the program
            socket.create_connection((found[1], int(found[2])), timeout=10).close()
        ray.init(address, **more, log_to_driver=False, logging_level=logging.ERROR)
        ray._private.worker._worker_logs_enabled = False  # stdout is for results, not for its news
    except Exception as error:  # of many kinds, none of them documented
        line = " ".join(str(error).split())[:200]
        raise ImagineError(f"--ray {address}: no cluster there ({line})") from None
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, ours)  # Ray has put its own there
    return ray


def _first_of(ray: Any, waiting: list[Any]) -> Any:
    """That is done. Signals come while we sleep: Ray makes SystemErrors of what they raise."""
    while not (done := ray.wait(waiting, timeout=0)[0]):
        time.sleep(0.05)
    return done[0]


def _told(ray: Any, done: Any) -> list[Event]:
    try:
        found: list[Event] | ImagineError = ray.get(done)
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError):
        return [Failed("the process that worked on it died, and so did three others after it")]
    except ray.exceptions.RayError as error:
        words = "".join(letter for letter in str(error) if letter.isprintable() or letter.isspace())
        line = " ".join(words.strip().splitlines()[-1].split())[:200]
        return [Failed(f"could not be worked on there ({line})")]
    if isinstance(found, ImagineError):
        raise found
    return found


_workers: dict[str, tuple[Worker, Collection[str]]] = {}
"""In a process of the cluster, by run: the models that one has opened stay."""


def _turn(run: str, given: list[Any], folder: str, source: Source) -> list[Event] | ImagineError:
    """One task. What is `given` to the whole run, the worker and the inputs, is fetched once."""
    try:
        os.chdir(folder)
    except OSError as error:
        line = f"a machine of the cluster does not see the folder {folder} ({error.strerror})"
        return [Failed(line)]
    if run not in _workers:
        import ray

        _workers[run] = ray.get(given[0])
    worker, inputs = _workers[run]
    told: list[Event] = []
    try:
        worker.turn(source, inputs, told.append)
    except ImagineError as error:
        return error
    return told
