"""Evidence from a small picture: a scale and a kernel.

Shrinking is linear and separable, y = Hy x Hxᵀ, until Pillow rounds. What a picture lacks is put
back smoothly: a small picture of nudges n, enlarged plainly (bicubic, E) and added, x + Ey n Exᵀ.
The nudges (Hy Ey)⁻¹ r (Hx Ex)⁻ᵀ mend a residual r exactly, borders included, and stably: H E has a
condition number below three for every kernel, factor and size. (The least-norm correction, with Hᵀ
for E, would show the edges of the small pixels under box.)
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagine_cli.evidence import EightBits, Pixels

KERNELS = ("box", "bilinear", "hamming", "bicubic", "lanczos")
FACTORS = (2, 4, 8, 16)


class Downscaled:
    """The pictures, `factor` times as large, that Pillow's `kernel` shrinks to `picture`.

    picture: uint8 (h, w, 3). grey: results have three equal channels; by default, if `picture` has.
    Raises ValueError for a factor not in FACTORS or a kernel not in KERNELS.
    """

    def __init__(
        self, picture: EightBits, factor: int, kernel: str = "bicubic", grey: bool | None = None
    ) -> None:
        if factor not in FACTORS or kernel not in KERNELS:
            raise ValueError(f"factor is one of {FACTORS}, kernel one of {KERNELS}")
        self.picture, self.factor, self.kernel = picture, factor, kernel
        self.grey = bool((picture == picture[..., :1]).all()) if grey is None else grey
        self.observed: NDArray[np.float32] = (picture / np.float32(255)).astype(np.float32)
        self.factors = FACTORS[: FACTORS.index(factor) + 1]

    def condition(self, level: int) -> NDArray[np.float32]:
        """The kernel, one-hot in the order of KERNELS: (5,)."""
        return np.array([kernel == self.kernel for kernel in KERNELS], np.float32)

    def project(self, pixels: Pixels, level: int) -> None:
        """Correct `pixels`, in place, to shrink to `observed` exactly.

        pixels: (h·f, w·f, 3) with f = factors[level]; float16 is exact to its own precision.
        """
        height, width = self.picture.shape[:2]
        factor = self.factors[level]
        lacking = self._channels(self.observed).astype(np.result_type(pixels, np.float32))
        for small, large, weights in _resizing(height * factor, height, self.kernel):
            low = _times(weights, self._channels(pixels[large]))
            lacking[small] -= _across(_resizing(width * factor, width, self.kernel), low)
        nudges = _across(_mending(width, factor, self.kernel), lacking)
        nudges = _down(_mending(height, factor, self.kernel), nudges)
        for large, correction in _enlarged(nudges, factor):
            pixels[large] = self._channels(pixels[large]) + correction

    def eight_bits(self, pixels: Pixels) -> EightBits:
        """The uint8 picture, (h·factor, w·factor, 3), near `pixels`, that shrinks to the input.

        Clipping and rounding, Pillow's own included, spoil an exact projection. So nudges are added
        first; where Pillow still finds another byte they grow, the more the fewer pixels have room
        to follow. Where no picture shrinks to the input, the round that came nearest counts.
        """
        height, width = self.picture.shape[:2]
        if _columns_first(height, width):
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
        if _columns_first(*picture.shape[:2]):
            return self._turned().agreement(picture.swapaxes(0, 1))
        squares, largest, same = 0.0, 0.0, 0
        for rows, large, _ in _resizing(len(picture), len(self.picture), self.kernel):
            seen = _shrunk_by_pillow(picture[large], large, rows, self.factor, self.kernel)
            error = np.abs(seen.astype(np.float32) - self.picture[rows])
            squares += float((error**2).sum())
            largest = max(largest, float(error.max()))
            same += int((error == 0).sum())
        count = self.picture.size
        decibels = 10 * math.log10(255**2 * count / max(squares, 0.5))
        return DownscaledAgreement(decibels, largest, same / count)

    def _render(self, pixels: Pixels, nudges: Pixels, picture: EightBits) -> None:
        """Write what `pixels` and `nudges` amount to into `picture`, rounded."""
        for large, correction in _enlarged(nudges, self.factor):
            correction += self._channels(pixels[large])
            correction *= 255
            picture[large] = np.rint(correction, out=correction).clip(0, 255, out=correction)

    def _grown(self, nudges: Pixels, picture: EightBits) -> tuple[Pixels, float]:
        """The nudges, grown where Pillow finds another byte; and the squared error it finds."""
        width = self.picture.shape[1]
        grown, squares = nudges.copy(), 0.0
        for rows, large, weights in _resizing(len(picture), len(self.picture), self.kernel):
            band = picture[large]
            # Pillow's first pass; the second in its fixed point, to see what it would round away.
            image = Image.fromarray(band).resize((width, len(band)), _FILTERS[self.kernel])
            passed = self._channels(np.asarray(image)).astype(np.float64)
            seen = _times(np.rint(weights * 2**22) / 2**22, passed).clip(0, 255)
            target = self._channels(self.picture[rows])
            error = target - np.floor(seen + 0.5)
            if not error.any():
                continue
            lacking = np.where(error != 0, target - seen, 0)
            up, down = (
                self._channels(_shrunk_by_pillow(share, large, rows, self.factor, "bilinear"))
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


def shrinking_matrix(size: int, factor: int, kernel: str) -> NDArray[np.float64]:
    """H, by which Pillow shrinks `factor * size` samples to `size`: (size, factor * size)."""
    return _block(slice(0, size), size * factor, size, kernel).weights


def mending_matrix(size: int, factor: int, kernel: str) -> NDArray[np.float64]:
    """E (H E)⁻¹, by which `project` mends one axis: (factor * size, size)."""
    enlarge = _block(slice(0, size * factor), size, size * factor, "bicubic").weights
    return enlarge @ _inverse(shrinking_matrix(size, factor, kernel) @ enlarge)


_ROUNDS = 60
_PATIENCE = 8  # rounds in which the error did not fall by a fifth
_PACE = 1.3  # H E has eigenvalues between 0.1 and 1 in two dimensions: below 2 it converges
_LEAST_ROOM = 0.1  # so that nudges stay small where all is black or white already

_BAND = 128  # large rows at a time: 25 MB of float32 where a picture is 16384 wide
_MARGIN = 32  # small pixels, after which the inverse of H E has decayed below 1e-12


class _Block(NamedTuple):
    """Some rows of a banded matrix: the columns that they touch, and the weights there."""

    rows: slice
    columns: slice
    weights: NDArray[np.float64]


def _across(blocks: tuple[_Block, ...], array: Pixels) -> Pixels:
    """A banded matrix applied to the rows' pixels: (…, columns, c) -> (…, rows, c)."""
    return _down(blocks, array.swapaxes(0, 1)).swapaxes(0, 1)


def _down(blocks: tuple[_Block, ...], array: Pixels) -> Pixels:
    """A banded matrix applied to the columns' pixels: (columns, …, c) -> (rows, …, c)."""
    return np.concatenate([_times(weights, array[columns]) for _, columns, weights in blocks])


def _times(weights: NDArray[np.float64], array: Pixels) -> Pixels:
    product: Pixels = np.tensordot(weights.astype(array.dtype), array, 1)
    return product


def _enlarged(nudges: Pixels, factor: int) -> Iterator[tuple[slice, Pixels]]:
    """The nudges enlarged, band by band: rows of the large picture, and their pixels."""
    height, width = nudges.shape[:2]
    for large, small, weights in _resizing(height, height * factor, "bicubic"):
        wide = _across(_resizing(width, width * factor, "bicubic"), nudges[small])
        yield large, _times(weights, wide)


def _columns_first(height: int, width: int) -> bool:
    """Whether Pillow's first pass, which it rounds, is down the columns."""
    return height > 2 * width and _PILLOW_TURNS_TALL_PICTURES


def _shrunk_by_pillow(
    band: EightBits, large: slice, rows: slice, factor: int, kernel: str
) -> EightBits:
    """Some rows of the shrunk picture, bit for bit, from the `band` of large rows they touch."""
    top = rows.start * factor - large.start
    box = (0, top, band.shape[1], top + (rows.stop - rows.start) * factor)
    size = (band.shape[1] // factor, rows.stop - rows.start)
    return np.asarray(Image.fromarray(band).resize(size, _FILTERS[kernel], box))


@lru_cache(maxsize=64)
def _resizing(size_in: int, size_out: int, kernel: str) -> tuple[_Block, ...]:
    """Pillow's resampling of `size_in` samples to `size_out`."""
    height = max(1, _BAND * size_out // max(size_in, size_out))
    return tuple(_block(rows, size_in, size_out, kernel) for rows in _bands(size_out, height))


@lru_cache(maxsize=64)
def _mending(size: int, factor: int, kernel: str) -> tuple[_Block, ...]:
    """(H E)⁻¹. It decays so fast that each block is taken from the inverse of its neighbourhood."""
    blocks = []
    for rows in _bands(size, _MARGIN):
        near = slice(max(rows.start - _MARGIN, 0), min(rows.stop + _MARGIN, size))
        shrink = _block(near, size * factor, size, kernel)
        enlarge = _block(shrink.columns, size, size * factor, "bicubic")
        inside = slice(near.start - enlarge.columns.start, near.stop - enlarge.columns.start)
        inverse = _inverse(shrink.weights @ enlarge.weights[:, inside])
        blocks.append(_Block(rows, near, inverse[rows.start - near.start : rows.stop - near.start]))
    return tuple(blocks)


def _inverse(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.linalg.inv(matrix), np.float64)


def _bands(size: int, height: int) -> list[slice]:
    return [slice(first, min(first + height, size)) for first in range(0, size, height)]


def _block(rows: slice, size_in: int, size_out: int, kernel: str) -> _Block:
    """Some rows of Pillow's resampling, as precompute_coeffs in its Resample.c finds them.

    The kernel is stretched when shrinking, cut at the borders, and made to sum to one.
    """
    function, support = _KERNEL_FUNCTIONS[kernel]
    scale = size_in / size_out
    stretch = max(scale, 1.0)
    centre = (np.arange(rows.start, rows.stop)[:, None] + 0.5) * scale
    first = np.maximum(np.floor(centre - support * stretch + 0.5), 0).astype(int)
    last = np.minimum(np.floor(centre + support * stretch + 0.5), size_in).astype(int)
    columns = np.arange(first[0, 0], last[-1, 0])
    taps = function((columns + 0.5 - centre) / stretch) * ((first <= columns) & (columns < last))
    touched = slice(int(first[0, 0]), int(last[-1, 0]))
    return _Block(rows, touched, taps / taps.sum(axis=1, keepdims=True))


def _box(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where((x > -0.5) & (x <= 0.5), 1.0, 0.0)


def _bilinear(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(1.0 - np.abs(x), 0.0)


def _hamming(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.abs(x) < 1.0, np.sinc(x) * (0.54 + 0.46 * np.cos(np.pi * x)), 0.0)


def _bicubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x * x + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return np.where(x < 1.0, near, np.where(x < 2.0, far, 0.0))


def _lanczos(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.abs(x) < 3.0, np.sinc(x) * np.sinc(x / 3.0), 0.0)


_KERNEL_FUNCTIONS = {
    "box": (_box, 0.5),
    "bilinear": (_bilinear, 1.0),
    "hamming": (_hamming, 1.0),
    "bicubic": (_bicubic, 2.0),
    "lanczos": (_lanczos, 3.0),
}

_FILTERS = {kernel: Image.Resampling[kernel.upper()] for kernel in KERNELS}

# Mean of the rows, then of the columns, each rounded up: 2. The other way about: 1.
_PROBE = Image.fromarray(np.array([[0, 1], [0, 3]] * 3, np.uint8))
_PILLOW_TURNS_TALL_PICTURES = _PROBE.resize((1, 3), Image.Resampling.BOX).getpixel((0, 0)) == 1
