"""Seeds, and the random codes that they stand for.

A latent code has two parts for each level: a vector, for what is global, and a field, a map of the
size of the level's input, for what is local. Both are standard normal. A field is never made as a
whole: it is a plane of cells, each with its own stream, so that any cut can be had at any time.
Around a variant that is liked, both parts are a mixture, number by number. A third part is of all
levels, how the picture lies when it is seen: `orientation.py`.
"""

from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from .seeds import Near, Seed

CELL = 64


def vector(seed: Seed, level: int, length: int) -> NDArray[np.float32]:
    """The global part of a level's code: (length,)."""
    if isinstance(seed, Near):
        return _mixed(seed, *(vector(one, level, length) for one in (seed.like, seed.seed)))
    return _stream(seed, level, (0, 1, 0, 0)).standard_normal(length).astype(np.float32)


@dataclass(frozen=True)
class Field:
    """The local part of a level's code, unbounded to the right and below."""

    seed: Seed
    level: int
    channels: int

    def cut(self, rows: slice, columns: slice) -> NDArray[np.float32]:
        """The part within `rows` and `columns`: (channels, height, width)."""
        if isinstance(self.seed, Near):
            fields = (replace(self, seed=one) for one in (self.seed.like, self.seed.seed))
            return _mixed(self.seed, *(field.cut(rows, columns) for field in fields))
        height, width = rows.stop - rows.start, columns.stop - columns.start
        field = np.empty((self.channels, height, width), np.float32)
        for row in range(rows.start // CELL, -(-rows.stop // CELL)):
            for column in range(columns.start // CELL, -(-columns.stop // CELL)):
                here, there = _overlap(rows, row)
                across, beyond = _overlap(columns, column)
                stream = _stream(self.seed, self.level, (0, 0, row, column))
                cell = stream.standard_normal((self.channels, CELL, CELL))
                field[:, here, across] = cell[:, there, beyond]
        return field


def _mixed(seed: Near, liked: NDArray[np.float32], new: NDArray[np.float32]) -> NDArray[np.float32]:
    """√(1−t²)·liked + t·new: exactly `liked` at t = 0 and exactly `new` at t = 1."""
    return np.float32(sqrt(1 - seed.spread**2)) * liked + np.float32(seed.spread) * new


def _stream(seed: int, level: int, counter: tuple[int, int, int, int]) -> np.random.RandomState:
    # NumPy keeps RandomState's normal numbers for ever; Generator's may change.
    return np.random.RandomState(
        np.random.Philox(
            key=np.array([seed, level], np.uint64), counter=np.array(counter, np.uint64)
        )
    )


def _overlap(wanted: slice, cell: int) -> tuple[slice, slice]:
    """Where a cell lies in the cut, and which part of the cell that is."""
    start, stop = max(wanted.start, cell * CELL), min(wanted.stop, (cell + 1) * CELL)
    return (
        slice(start - wanted.start, stop - wanted.start),
        slice(start - cell * CELL, stop - cell * CELL),
    )
