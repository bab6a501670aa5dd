"""The search for whole samples that shrink to the input.

A picture that shrinks to it exactly does so no longer once it is clipped and rounded, as Pillow
rounds too. So the small picture of nudges that is added to it, enlarged, is moved on where Pillow
finds another sample than the input's: the fewer pixels have room to follow, the farther.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .canvas import Canvas, Rows
from .evidence import Pixels, Samples, white
from .resampling import Block, across, resizing, shrunk_by_pillow, shrunk_unrounded, times

_ROUNDS = 60
_PATIENCE = 8  # rounds in which the error did not fall by a fifth
_PACE = 1.3  # at first: H E has eigenvalues from 0.1 to 1 in two dimensions; below 2 it converges
_SLOWER, _FASTER = 0.7, 1.3  # a pace's factor after a turn, and while there is none
_FASTEST = 1.5  # with larger ones more is met, and farther from where nothing is met
_LEAST_ROOM = 0.1  # so that nudges stay small where all is black or white already
_REACH = 6  # small pixels: two that a nudge touches, three that Lanczos sees, and one
_WIDTH = 256  # large columns of what is worked on at a time, where few nudges moved


@dataclass(frozen=True)
class Search:
    """For a picture (h·factor, w·factor, 3) that Pillow's `kernel` shrinks to `observed`."""

    observed: Samples
    factor: int
    kernel: str
    channels: Callable[[NDArray[Any]], Pixels]
    """Of samples or pixels, those to compute with."""

    def write(self, pixels: Rows, nudges: Pixels, picture: Canvas) -> None:
        """Write `pixels`, in [0, 1], and enlarged nudges into `picture`; (h, w, c) `nudges` begin.

        Where no picture shrinks to the input, the round that came nearest counts.
        """
        best, nearest = nudges, math.inf
        least, since = math.inf, 0
        paces, moved = _Paces(nudges.shape), np.ones(nudges.shape[:2], bool)
        for turn in range(_ROUNDS):
            self._lay(pixels, nudges, picture, moved)
            further, error = self._further(nudges, picture, moved, paces)
            if error < nearest:
                best, nearest = nudges, error
            if error < 0.8 * least:
                least, since = error, turn
            if error == 0 or turn - since == _PATIENCE or turn == _ROUNDS - 1:
                break
            moved = (further != nudges).any(2)
            nudges = further
        if best is not nudges:
            self._lay(pixels, best, picture, (best != nudges).any(2))

    def _lay(self, pixels: Rows, nudges: Pixels, picture: Canvas, moved: NDArray[np.bool_]) -> None:
        """What `pixels` and `nudges` amount to, rounded, where any nudge moved."""
        height, width = nudges.shape[:2]
        largest = white(self.observed)
        for vertical in resizing(height, height * self.factor, "bicubic"):
            if not moved[vertical.columns].any():
                continue
            band, given = picture[vertical.rows], pixels[vertical.rows]
            for horizontal in resizing(width, width * self.factor, "bicubic", _WIDTH):
                if not moved[vertical.columns, horizontal.columns].any():
                    continue
                laid = times(vertical.weights, across([horizontal], nudges[vertical.columns]))
                laid += self.channels(given[:, horizontal.rows])
                laid *= largest
                band[:, horizontal.rows] = np.rint(laid, out=laid).clip(0, largest, out=laid)
            picture[vertical.rows] = band

    def _further(
        self, nudges: Pixels, picture: Rows, moved: NDArray[np.bool_], paces: "_Paces"
    ) -> tuple[Pixels, float]:
        """The nudges, moved on where Pillow finds another sample; and the squared error it finds.

        Blocks in which no nudge moved are skipped: they had no error.
        """
        height, width = nudges.shape[:2]
        largest = white(self.observed)
        further, squares = nudges.copy(), 0.0
        for vertical in resizing(height * self.factor, height, self.kernel):
            if not moved[_around(vertical.rows)].any():
                continue
            band = picture[vertical.columns]
            for horizontal in resizing(width * self.factor, width, self.kernel, _WIDTH):
                if not moved[_around(vertical.rows), _around(horizontal.rows)].any():
                    continue
                here = (vertical.rows, horizontal.rows)
                cut = band[:, horizontal.columns]
                seen = self.channels(
                    shrunk_unrounded(cut, vertical, horizontal, self.factor, self.kernel)
                )
                target = self.channels(self.observed[here])
                error = target - np.floor(seen + 0.5)
                if not error.any():
                    continue
                lacking = np.where(error != 0, target - seen, 0)
                room = self._room(cut, lacking, vertical, horizontal)
                step = paces.now(here, lacking) / largest * lacking
                further[here] += step / np.maximum(room, _LEAST_ROOM)
                squares += float((error**2).sum())
        return further, squares

    def _room(self, cut: Samples, lacking: Pixels, vertical: Block, horizontal: Block) -> Pixels:
        """Which share of the pixels behind a small one can follow, as it lacks light or dark."""
        largest = white(self.observed)
        if cut.min() > 0 and cut.max() < largest:
            return np.ones_like(lacking)
        upwards, downwards = (
            self.channels(shrunk_by_pillow(share, vertical, horizontal, self.factor, "bilinear"))
            for share in ((cut < largest) * np.uint8(255), (cut > 0) * np.uint8(255))
        )
        return np.where(lacking > 0, upwards, downwards) / np.float32(255)


def _around(some: slice) -> slice:
    return slice(max(some.start - _REACH, 0), some.stop + _REACH)


class _Paces:
    """How much of what is lacking each nudge makes up for at a time: (h, w, channels).

    Even areas round all at once, so that steps of one length would lead to and fro for ever. After
    a turn they are shorter, and while there is none longer: Riedmiller & Braun's Rprop (1993).
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.paces, self.towards = np.full(shape, _PACE, np.float32), np.zeros(shape, np.int8)

    def now(self, here: tuple[slice, slice], lacking: NDArray[np.float64]) -> NDArray[np.float32]:
        before, towards = self.towards[here], np.sign(lacking).astype(np.int8)
        turns = towards * before
        self.paces[here] *= np.where(turns < 0, _SLOWER, np.where(turns > 0, _FASTER, 1))
        np.minimum(self.paces[here], _FASTEST, out=self.paces[here])
        self.towards[here] = np.where(towards, towards, before)
        return self.paces[here]
