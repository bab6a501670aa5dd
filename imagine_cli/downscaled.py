"""Evidence from a small picture: a scale and a kernel.

What a picture lacks to shrink to the small one is put back smoothly: see `resampling`. Clipping and
rounding then spoil it again, so the nudges are sought until Pillow, the witness, finds every byte.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .choices import Scale
from .evidence import EightBits, Pixels, checked
from .resampling import (
    FILTERS,
    KERNELS,
    across,
    columns_first,
    down,
    enlarged,
    mending,
    resizing,
    shrunk_by_pillow,
    times,
)

FACTORS = tuple(int(scale) for scale in Scale)

_ROUNDS = 60
_PATIENCE = 8  # rounds in which the error did not fall by a fifth
_PACE = 1.3  # H E has eigenvalues between 0.1 and 1 in two dimensions: below 2 it converges
_LEAST_ROOM = 0.1  # so that nudges stay small where all is black or white already


class Downscaled:
    """The pictures, `factor` times as large, that Pillow's `kernel` shrinks to `picture`.

    picture: uint8 (h, w, 3). grey: results have three equal channels; by default, if `picture` has.
    Raises ValueError for another kind of array, a factor not in FACTORS or a kernel not in KERNELS.
    """

    def __init__(
        self, picture: EightBits, factor: int, kernel: str = "bicubic", grey: bool | None = None
    ) -> None:
        if factor not in FACTORS or kernel not in KERNELS:
            raise ValueError(f"factor is one of {FACTORS}, kernel one of {KERNELS}")
        self.picture, self.factor, self.kernel = checked(picture), factor, kernel
        self.grey = bool((picture == picture[..., :1]).all()) if grey is None else grey
        self.observed: NDArray[np.float32] = (picture / np.float32(255)).astype(np.float32)
        self.factors = FACTORS[: FACTORS.index(factor) + 1]

    def condition(self) -> NDArray[np.float32]:
        """The kernel, one-hot in the order of KERNELS: (5,)."""
        return np.array([kernel == self.kernel for kernel in KERNELS], np.float32)

    def project(self, pixels: Pixels, level: int) -> None:
        """Correct `pixels`, in place, to shrink to `observed` exactly.

        pixels: (h·f, w·f, 3) with f = factors[level]; float16 is exact to its own precision.
        """
        height, width = self.picture.shape[:2]
        factor = self.factors[level]
        lacking = self._channels(self.observed).astype(np.result_type(pixels, np.float32))
        for small, large, weights in resizing(height * factor, height, self.kernel):
            low = times(weights, self._channels(pixels[large]))
            lacking[small] -= across(resizing(width * factor, width, self.kernel), low)
        nudges = across(mending(width, factor, self.kernel), lacking)
        nudges = down(mending(height, factor, self.kernel), nudges)
        for large, correction in enlarged(nudges, factor):
            pixels[large] = self._channels(pixels[large]) + correction

    def eight_bits(self, pixels: Pixels) -> EightBits:
        """The uint8 picture, (h·factor, w·factor, 3), near `pixels`, that shrinks to the input.

        Clipping and rounding, Pillow's own included, spoil an exact projection. So nudges are added
        first; where Pillow still finds another byte they grow, the more the fewer pixels have room
        to follow. Where no picture shrinks to the input, the round that came nearest counts.
        """
        height, width = self.picture.shape[:2]
        if columns_first(height, width):
            return self._turned().eight_bits(pixels.swapaxes(0, 1)).swapaxes(0, 1)
        picture = np.empty((height * self.factor, width * self.factor, 3), np.uint8)
        nudges = np.zeros_like(self._channels(self.observed))
        best, least, since = nudges, math.inf, 0
        for turn in range(_ROUNDS):
            self._render(pixels, nudges, picture)
            grown, error = self._grown(nudges, picture)
            if error < 0.8 * least:
                best, least, since = nudges, error, turn
            if error == 0 or turn - since == _PATIENCE:
                break
            nudges = grown
        if best is not nudges:
            self._render(pixels, best, picture)
        return picture

    def agreement(self, picture: EightBits) -> "DownscaledAgreement":
        """How well `picture`, (h·factor, w·factor, 3), agrees: byte by byte, after Pillow."""
        if columns_first(*picture.shape[:2]):
            return self._turned().agreement(picture.swapaxes(0, 1))
        squares, largest, same = 0.0, 0.0, 0
        for rows, large, _ in resizing(len(picture), len(self.picture), self.kernel):
            seen = shrunk_by_pillow(picture[large], large, rows, self.factor, self.kernel)
            error = np.abs(seen.astype(np.float32) - self.picture[rows])
            squares += float((error**2).sum())
            largest = max(largest, float(error.max()))
            same += int((error == 0).sum())
        count = self.picture.size
        decibels = 10 * math.log10(255**2 * count / max(squares, 0.5))
        return DownscaledAgreement(decibels, largest, same / count)

    def _render(self, pixels: Pixels, nudges: Pixels, picture: EightBits) -> None:
        """Write what `pixels` and `nudges` amount to into `picture`, rounded."""
        for large, correction in enlarged(nudges, self.factor):
            correction += self._channels(pixels[large])
            correction *= 255
            picture[large] = np.rint(correction, out=correction).clip(0, 255, out=correction)

    def _grown(self, nudges: Pixels, picture: EightBits) -> tuple[Pixels, float]:
        """The nudges, grown where Pillow finds another byte; and the squared error it finds."""
        width = self.picture.shape[1]
        grown, squares = nudges.copy(), 0.0
        for rows, large, weights in resizing(len(picture), len(self.picture), self.kernel):
            band = picture[large]
            # Pillow's first pass; the second in its fixed point, to see what it would round away.
            image = Image.fromarray(band).resize((width, len(band)), FILTERS[self.kernel])
            passed = self._channels(np.asarray(image)).astype(np.float64)
            seen = times(np.rint(weights * 2**22) / 2**22, passed).clip(0, 255)
            target = self._channels(self.picture[rows])
            error = target - np.floor(seen + 0.5)
            if not error.any():
                continue
            lacking = np.where(error != 0, target - seen, 0)
            up, down = (
                self._channels(shrunk_by_pillow(share, large, rows, self.factor, "bilinear"))
                for share in ((band < 255) * np.uint8(255), (band > 0) * np.uint8(255))
            )
            room = np.where(lacking > 0, up, down) / np.float32(255)
            grown[rows] += _PACE / 255 * lacking / np.maximum(room, _LEAST_ROOM)
            squares += float((error**2).sum())
        return grown, squares

    def _turned(self) -> "Downscaled":
        """The same evidence with rows for columns."""
        return Downscaled(self.picture.swapaxes(0, 1), self.factor, self.kernel, self.grey)

    def _channels(self, values: NDArray[Any]) -> Pixels:
        """The channels to compute with: one, their mean, where all are to be equal."""
        values = values.astype(np.result_type(values, np.float32))
        return values.mean(axis=2, keepdims=True) if self.grey else values


@dataclass(frozen=True)
class DownscaledAgreement:
    """What Pillow shrinks a picture to, against the input, in its 8-bit levels.

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
        """Below 55 dB or 99 % identical bytes, a clause for the user; else None."""
        if self.lr_psnr_db >= 55 and self.identical >= 0.99:
            return None
        nearest = f"the nearest agrees to {self.lr_psnr_db:.1f} dB"
        return f"found no picture that shrinks to this one: {nearest}"
