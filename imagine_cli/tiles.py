"""Cutting a picture into tiles with margins so wide that they leave no trace."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """One side of a tile: what it reads (`outer`) and what of that it answers for (`inner`)."""

    outer: slice
    inner: slice


@dataclass(frozen=True)
class Tile:
    rows: Span
    columns: Span


def tiles(height: int, width: int, side: int, margin: int) -> Iterator[Tile]:
    """Tiles of one shape that cover (height, width), in reading order.

    Each answers for at most side² pixels and reads `margin` more on every side, unless the picture
    ends there. Starts are multiples of whatever height, width, side and margin are multiples of.
    """
    for rows in spans(height, side, margin):
        for columns in spans(width, side, margin):
            yield Tile(rows, columns)


def spans(length: int, side: int, margin: int) -> Iterator[Span]:
    reach = min(length, side + 2 * margin)
    for start in range(0, length, side):
        first = min(max(start - margin, 0), length - reach)
        yield Span(slice(first, first + reach), slice(start, min(start + side, length)))
