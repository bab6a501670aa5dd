"""Pictures by rows: in memory while they are small, else in a file without a name.

Who works on rows alone, `canvas[top:bottom]`, needs not know which of the two it has.
"""

import os
import tempfile
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .errors import OutputError

IN_MEMORY = 2**26  # bytes: more than that goes to the disk
BAND = 2**22  # bytes of rows that are worked on at a time


class Rows(Protocol):
    """Rows of pixels, (height, width, …), of which some are read at a time. Arrays are such."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice, /) -> NDArray[Any]: ...


class Canvas(Rows, Protocol):
    """Rows that are written too."""

    def __setitem__(self, rows: slice, values: NDArray[Any], /) -> None: ...


def canvas(shape: tuple[int, ...], dtype: DTypeLike, scratch: Path | None = None) -> Canvas:
    """A canvas: one that is too large to be held is a file in the folder `scratch`, if given."""
    if scratch is None or prod(shape) * np.dtype(dtype).itemsize <= IN_MEMORY:
        return np.empty(shape, dtype)
    return OnDisk(shape, dtype, scratch)


def bands(picture: Rows) -> Iterator[slice]:
    """All rows, a few at a time."""
    height = max(1, BAND // (prod(picture.shape[1:]) * picture.dtype.itemsize))
    for top in range(0, len(picture), height):
        yield slice(top, min(top + height, len(picture)))


class OnDisk:
    """A canvas in a file that has no name, and is gone with the process, however that ends.

    Raises OutputError where the disk is full.
    """

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike, folder: Path) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        self._row = prod(shape[1:]) * self.dtype.itemsize
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        except OSError as error:
            raise self._refused(error) from error

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        start, stop, _ = rows.indices(len(self))
        read = np.zeros((max(stop - start, 0), *self.shape[1:]), self.dtype)
        self._file.seek(start * self._row)
        view, done = read.reshape(-1).view(np.uint8).data, 0
        while done < len(view) and (got := self._file.readinto(view[done:])):
            done += got
        return read

    def __setitem__(self, rows: slice, values: NDArray[Any]) -> None:
        start, stop, _ = rows.indices(len(self))
        given = np.broadcast_to(values, (stop - start, *self.shape[1:]))
        view, done = np.ascontiguousarray(given, self.dtype).reshape(-1).view(np.uint8).data, 0
        try:
            self._file.seek(start * self._row)
            while done < len(view):
                done += self._file.write(view[done:])
        except OSError as error:
            raise self._refused(error) from error

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """All of it, in memory."""
        return self[:].astype(dtype or self.dtype, copy=False)

    def _refused(self, error: OSError) -> OutputError:
        return OutputError(
            f"no room for the {self._row * len(self) / 1e9:.1f} GB that are worked on "
            f"({error.strerror or os.strerror(error.errno or 0)}): make room, choose another "
            "folder with -o, or a smaller --scale"
        )
