"""Rows that are still being painted: who reads some waits until they are there."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .canvas import Canvas
from .timings import WAITING, part


class Coming:
    """A canvas that one thread paints from the top, while another reads what is there."""

    def __init__(self, canvas: Canvas) -> None:
        self.shape, self.dtype = canvas.shape, canvas.dtype
        self.waited = 0.0  # seconds, until rows were there
        self._canvas, self._painted = canvas, Condition()
        self._rows = 0  # that are there
        self._error: BaseException | None = None
        self._seconds, self._at_work = 0.0, False

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """What is done for it, by who paints: an error is raised by who reads, too."""
        began, self._at_work = time.perf_counter(), True
        try:
            yield
        except BaseException as error:
            self._error = error
            raise
        finally:
            with self._painted:
                self._seconds += time.perf_counter() - began
                self._at_work = False
                self._painted.notify_all()

    @property
    def seconds(self) -> float:
        """What the work took that has been begun: if need be, once it has ended."""
        with self._painted:
            self._painted.wait_for(lambda: not self._at_work)
            return self._seconds

    def __len__(self) -> int:
        return self.shape[0]

    def __setitem__(self, rows: slice, values: NDArray[Any]) -> None:
        with self._painted:
            self._canvas[rows] = values
            self._rows = max(self._rows, rows.indices(len(self))[1])
            self._painted.notify_all()

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        wanted, began = rows.indices(len(self))[1], time.perf_counter()
        with self._painted:
            with part(WAITING):
                self._painted.wait_for(lambda: self._rows >= wanted or self._error)
            self.waited += time.perf_counter() - began
            if self._error:
                raise self._error
            return self._canvas[rows]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """All of it, in memory."""
        return np.asarray(self[:], dtype)
