"""What the variants of a picture that are seen in one way share: made once, kept for the others."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .canvas import Canvas, canvas

Values = NDArray[np.float32]


class Shared:
    """What a model's first level shares, a tile a row of a canvas: in a file where that is large.

    keep: whether other variants will come. Where tiles become smaller, it begins anew.
    """

    def __init__(self, scratch: Path | None, *, keep: bool) -> None:
        self._scratch, self._keep = scratch, keep
        self._side, self._there = 0, set[int]()
        self._rows: Canvas | None = None

    def tile(self, side: int, place: int, count: int, make: Callable[[], Values]) -> Values:
        """Of one of `count` tiles of that side, not to be changed; `make` gives what is not there.

        The tiles of a side are all of one shape.
        """
        if side != self._side:
            self._side, self._there, self._rows = side, set(), None
        if place in self._there and self._rows is not None:
            return _locked(self._rows[place : place + 1][0])
        made = _locked(np.asarray(make(), np.float32))
        if self._keep:
            if self._rows is None:
                self._rows = canvas((count, *made.shape), np.float32, self._scratch)
            self._rows[place : place + 1] = made
            self._there.add(place)
        return made


def _locked(values: Values) -> Values:
    """The same numbers, which nobody can change: others will be given them too."""
    values = values.view()
    values.flags.writeable = False
    return values
