"""Evidence from a small picture: a scale and a kernel.

What a picture lacks to shrink to the small one is put back smoothly: see `resampling`. Clipping and
rounding then spoil it again, until Pillow, the witness, finds every byte: see `nudges`.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .canvas import Canvas, Rows
from .choices import Scale
from .evidence import InUnits, Pixels, Samples, checked, white
from .nudges import Search
from .resampling import (
    KERNELS,
    across,
    all_of,
    columns_first,
    down,
    enlarged,
    mending,
    resizing,
    shrunk_by_pillow,
    times,
)

FACTORS = tuple(int(scale) for scale in Scale)


class Downscaled:
    """The pictures, `factor` times as large, that Pillow's `kernel` shrinks to `picture`.

    picture: uint8 or uint16 (h, w, 3). grey: results have three equal channels; by default, if
    `picture` has.
    Raises ValueError for another kind of array, a factor not in FACTORS or a kernel not in KERNELS.
    """

    def __init__(
        self, picture: Samples, factor: int, kernel: str = "bicubic", grey: bool | None = None
    ) -> None:
        if factor not in FACTORS or kernel not in KERNELS:
            raise ValueError(f"factor is one of {FACTORS}, kernel one of {KERNELS}")
        self.observed, self.factor, self.kernel = checked(picture), factor, kernel
        self.grey = bool((picture == picture[..., :1]).all()) if grey is None else grey
        self.white = white(self.observed)
        self.factors = FACTORS[: FACTORS.index(factor) + 1]

    def condition(self) -> NDArray[np.float32]:
        """The kernel, one-hot in the order of KERNELS: (5,)."""
        return np.array([kernel == self.kernel for kernel in KERNELS], np.float32)

    def project(self, pixels: Canvas, level: int) -> None:
        """Correct `pixels`, in place, to shrink to `observed` exactly.

        pixels: (h·f, w·f, 3) with f = factors[level]; float16 is exact to its own precision.
        """
        factor = self.factors[level]
        for large, correction in enlarged(self._nudges(pixels, factor), factor):
            pixels[large] = self._channels(pixels[large]) + correction

    def render(self, pixels: Rows, into: Canvas | None = None) -> Canvas:
        """The picture in whole samples, (h·factor, w·factor, 3), near `pixels`, that shrinks to the
        input.

        Where no picture shrinks to the input, the one that comes nearest: see `nudges`.
        """
        height, width = self.observed.shape[:2]
        shape = height * self.factor, width * self.factor, 3
        picture = np.empty(shape, self.observed.dtype) if into is None else into
        if columns_first(height, width):
            turned = self._turned().render(np.swapaxes(np.asarray(pixels), 0, 1))
            picture[:] = np.swapaxes(np.asarray(turned), 0, 1)
            return picture
        search = Search(self.observed, self.factor, self.kernel, self._channels)
        search.write(pixels, self._nudges(pixels, self.factor), picture)
        return picture

    def agreement(self, picture: Rows) -> "DownscaledAgreement":
        """How well `picture`, (h·factor, w·factor, 3), agrees: byte by byte, after Pillow."""
        if columns_first(*picture.shape[:2]):
            return self._turned().agreement(np.swapaxes(np.asarray(picture), 0, 1))
        squares, largest, same = 0.0, 0.0, 0
        for rows, seen in self._by_pillow(picture):
            error = np.abs(seen.astype(np.float64) - self.observed[rows])
            squares += float((error**2).sum())
            largest = max(largest, float(error.max()))
            same += int((error == 0).sum())
        count = self.observed.size
        decibels = 10 * math.log10(self.white**2 * count / max(squares, 0.5))
        return DownscaledAgreement(decibels, largest, same / count)

    def shrunk(self, picture: Rows) -> Samples:
        """What Pillow shrinks a picture, (h·factor, w·factor, 3), to."""
        if columns_first(*picture.shape[:2]):
            return np.swapaxes(self._turned().shrunk(np.swapaxes(np.asarray(picture), 0, 1)), 0, 1)
        return np.concatenate([seen for _, seen in self._by_pillow(picture)])

    def _by_pillow(self, picture: Rows) -> Iterator[tuple[slice, Samples]]:
        """The same, some rows at a time."""
        height, width = self.observed.shape[:2]
        horizontal = all_of(picture.shape[1], width)
        for vertical in resizing(len(picture), height, self.kernel):
            band = picture[vertical.columns]
            small = shrunk_by_pillow(band, vertical, horizontal, self.factor, self.kernel)
            yield vertical.rows, small

    def _nudges(self, pixels: Rows, factor: int) -> Pixels:
        """Those that make `pixels`, (h·factor, w·factor, 3), shrink to the input, unrounded."""
        height, width = self.observed.shape[:2]
        lacking = self._known(pixels)
        for small, large, weights in resizing(height * factor, height, self.kernel):
            low = times(weights, self._channels(pixels[large]))
            lacking[small] -= across(resizing(width * factor, width, self.kernel), low)
        nudges = across(mending(width, factor, self.kernel), lacking)
        return down(mending(height, factor, self.kernel), nudges)

    def _turned(self) -> "Downscaled":
        """The same evidence with rows for columns."""
        return Downscaled(np.swapaxes(self.observed, 0, 1), self.factor, self.kernel, self.grey)

    def _known(self, pixels: Rows) -> Pixels:
        """The input in [0, 1], as finely as `pixels` are computed with."""
        known = self._channels(InUnits(self.observed)[:])
        return known.astype(np.result_type(pixels.dtype, np.float32))

    def _channels(self, values: NDArray[Any]) -> Pixels:
        """The channels to compute with: one, their mean, where all are to be equal."""
        values = values.astype(np.result_type(values, np.float32))
        return values.mean(axis=2, keepdims=True) if self.grey else values


@dataclass(frozen=True)
class DownscaledAgreement:
    """What Pillow shrinks a picture to, against the input, in its own samples, of 8 bits or 16.

    lr_psnr_db counts a squared error of at least one half, in all, so that it is finite when every
    byte is identical, and grows with size.
    """

    lr_psnr_db: float
    max_error: float
    identical: float
    """The share of the bytes that are, 0 to 1."""

    def as_json(self) -> dict[str, float]:
        """The three figures by their names."""
        return asdict(self)

    def __str__(self) -> str:
        share = int(self.identical * 10_000) / 100  # 100 % is every byte
        return f"shrinks to the input: {share:g} % of its bytes, {self.lr_psnr_db:.1f} dB"

    @property
    def shortfall(self) -> str | None:
        """Below 55 dB or 99 % identical bytes, a clause for the user; else None.

        From 70 dB on, as sixteen bits have it with fewer of them identical, all is well.
        """
        if self.lr_psnr_db >= 70 or (self.lr_psnr_db >= 55 and self.identical >= 0.99):
            return None
        nearest = f"the nearest agrees to {self.lr_psnr_db:.1f} dB"
        return f"found no picture that shrinks to this one: {nearest}"
