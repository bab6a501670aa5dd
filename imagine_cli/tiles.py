"""Cutting a picture into tiles with margins so wide that they leave no trace."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """One side of a tile: what it reads (`outer`) and what of that it answers for (`inner`)."""

    outer: slice
    inner: slice


def spans(length: int, side: int, margin: int, multiple: int = 1) -> Iterator[Span]:
    """As few as there can be, and as even: a last one that is a sliver would read as much."""
    count = -(-length // side)
    side = -(-length // (count * multiple)) * multiple
    reach = min(length, side + 2 * margin)
    for start in range(0, length, side):
        first = min(max(start - margin, 0), length - reach)
        yield Span(slice(first, first + reach), slice(start, min(start + side, length)))
