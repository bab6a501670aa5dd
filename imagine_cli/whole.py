"""A file appears whole or not at all: the one place where results, models and pages are written.

A hidden file beside the goal is written first, and takes its name in one move.
"""

import errno
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from .errors import OutputError


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which takes the name `path` when the block ends well and vanishes when not.

    Missing folders are made. Raises `OutputError`, one line and what helps, if the system refuses.
    """
    try:
        # "x" creates it as the umask says.
        with _moved_to(path) as part, open(part, "x+b") as file:
            _lock(file)
            yield file
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        other = (
            f"{path} could not be written ({error.strerror or error}): choose another place with -o"
        )
        raise OutputError(HELP.get(error.errno or 0, other)) from error
    except MemoryError as error:
        raise OutputError("too large for this computer's memory") from error


def replace_file(path: Path, write: Callable[[Path], Any]) -> None:
    """The same for what is written by name, as `write` does. Raises OSError as it comes."""
    with _moved_to(path) as part:
        write(part)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(part, 0o666 & ~umask)  # safetensors would keep it from others
        with open(part, "rb") as written:
            os.fsync(written.fileno())


@contextmanager
def _moved_to(path: Path) -> Iterator[Path]:
    """A hidden name beside `path`, short where that is long; what has it at the end is moved."""
    beginning = f".{path.name[:50]}."
    part = path.with_name(f"{beginning}{secrets.token_hex(4)}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path.parent, beginning)
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


FULL = "the disk is full: make room, or choose another folder with -o"
CLOSED = "permission denied: choose another folder with -o"
BLOCKED = "a file is in the way of a folder: choose another folder with -o"
HELP = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), FULL),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), CLOSED),
    **dict.fromkeys((errno.ENOTDIR, errno.EEXIST), BLOCKED),
    errno.EISDIR: "a folder has this name: remove it, or choose another place with -o",
    errno.ENAMETOOLONG: "the name is too long: give the input a shorter one",
}


try:
    import fcntl

    def _lock(file: BinaryIO) -> None:
        """Mark a file as being written. Raises OSError if another process writes it."""
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

except ImportError:

    def _lock(file: BinaryIO) -> None:
        """Windows lets nobody remove a file that is being written."""


def _sweep(folder: Path, beginning: str) -> None:
    """Remove what a run that was killed left half written; not what another run is writing."""
    for left in folder.iterdir():
        if left.name.startswith(beginning) and left.suffix == ".part":
            with suppress(OSError):
                with open(left, "rb") as file:
                    _lock(file)
                left.unlink()
