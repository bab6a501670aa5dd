"""How a command ends: its exit codes, and one line for what ends it early."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer

from ..errors import ImagineError
from . import records

FAILED, INTERRUPTED = 1, 130


@contextmanager
def exit_codes(as_json: bool = False) -> Iterator[None]:
    """What cannot be mended by going on to the next file ends the run, in one line."""
    try:
        with _terminable():
            yield
    except _TerminatedError as error:
        typer.echo("terminated; files already written are complete", err=True)
        raise typer.Exit(128 + error.args[0]) from None
    except ImagineError as error:
        typer.echo(f"imagine: {error}", err=True)
        if as_json:
            typer.echo(records.failure(None, error))
        raise typer.Exit(FAILED) from None
    except KeyboardInterrupt:
        typer.echo("interrupted; files already written are complete", err=True)
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:  # whoever read our results has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(FAILED) from None


PATIENCE = 2.0  # seconds


@contextmanager
def impatient() -> Iterator[None]:
    """Within it Ctrl-C ends the program in any case: a model's long call does not hear it.

    Python hears signals between its own steps alone; a thread hears them through a pipe.
    """
    if os.name == "nt" or threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    done = threading.Event()

    def watch() -> None:
        while number := os.read(reader, 1):
            if number[0] == signal.SIGINT:
                time.sleep(PATIENCE)
                if not done.is_set():
                    os._exit(INTERRUPTED)  # the next run removes what is half written
        os.close(reader)

    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        done.set()
        signal.set_wakeup_fd(before)
        os.close(writer)  # which ends the thread


class _TerminatedError(BaseException):
    """SIGTERM or SIGHUP, so that half files are cleaned up as after Ctrl-C."""


@contextmanager
def _terminable() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # signals reach the main thread alone
        return

    def end(number: int, _: FrameType | None) -> None:
        raise _TerminatedError(number)

    names = ("SIGTERM", "SIGHUP")  # Windows has no SIGHUP
    there = [getattr(signal, name) for name in names if hasattr(signal, name)]
    # Who runs us under nohup wants no SIGHUP to end us.
    taken = [one for one in there if signal.getsignal(one) is not signal.SIG_IGN]
    before = {one: signal.signal(one, end) for one in taken}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
