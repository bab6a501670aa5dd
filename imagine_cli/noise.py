"""Seeds, and the random codes that they stand for.

A latent code has two parts for each level: a vector, for what is global, and a field, a map of the
size of the level's input, for what is local. Both are standard normal. A field is never made as a
whole: it is a plane of cells, each with its own stream, so that any cut can be had at any time.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CELL = 64
LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True)
class Like:
    """A seed to stay near: codes √(1 − spread²) z + spread z′ of its z and a new z′, so normal too.

    Spread 0 is the seed's own code, whatever the new seed; 1 has nothing of it any more.
    """

    seed: int
    spread: float  # 0 to 1


def vector(seed: int, level: int, length: int, like: Like | None = None) -> NDArray[np.float32]:
    """The global part of a level's code: (length,)."""
    return _code(seed, level, (1, 0, 0), like, (length,)).astype(np.float32)


@dataclass(frozen=True)
class Field:
    """The local part of a level's code, unbounded to the right and below."""

    seed: int
    level: int
    channels: int
    like: Like | None = None

    def cut(self, rows: slice, columns: slice) -> NDArray[np.float32]:
        """The part within `rows` and `columns`: (channels, height, width)."""
        height, width = rows.stop - rows.start, columns.stop - columns.start
        field = np.empty((self.channels, height, width), np.float32)
        for row in range(rows.start // CELL, -(-rows.stop // CELL)):
            for column in range(columns.start // CELL, -(-columns.stop // CELL)):
                here, there = _overlap(rows, row)
                across, thither = _overlap(columns, column)
                field[:, here, across] = self._cell(row, column)[:, there, thither]
        return field

    def _cell(self, row: int, column: int) -> NDArray[np.float64]:
        shape = self.channels, CELL, CELL
        return _code(self.seed, self.level, (0, row, column), self.like, shape)


def _code(
    seed: int, level: int, part: tuple[int, int, int], like: Like | None, shape: tuple[int, ...]
) -> NDArray[np.float64]:
    if like is None:
        return _stream(seed, level, (0, *part)).standard_normal(shape)
    # The new code has streams of its own: variant 7 around variant 7 is another one.
    new = _stream(seed, level, (1, *part)).standard_normal(shape)
    old = _stream(like.seed, level, (0, *part)).standard_normal(shape)
    return math.sqrt(1 - like.spread**2) * old + like.spread * new


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
