"""Resampling as Pillow does it, in banded matrices: to shrink, to enlarge, and to mend.

Shrinking is linear and separable, y = Hy x Hxᵀ, until Pillow rounds. What a picture lacks is put
back smoothly: a small picture of nudges n, enlarged plainly (bicubic, E) and added, x + Ey n Exᵀ.
The nudges (Hy Ey)⁻¹ r (Hx Ex)⁻ᵀ mend a residual r exactly, borders included, and stably: H E has a
condition number below three for every kernel, factor and size. (The least-norm correction, with Hᵀ
for E, would show the edges of the small pixels under box.)
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .choices import Kernel
from .evidence import Pixels

KERNELS = tuple(kernel.value for kernel in Kernel)

_BAND = 128  # large rows at a time: 25 MB of float32 where a picture is 16384 wide
_MARGIN = 32  # small pixels, after which the inverse of H E has decayed below 1e-12


class Block(NamedTuple):
    """Some rows of a banded matrix: the columns that they touch, and the weights there."""

    rows: slice
    columns: slice
    weights: NDArray[np.float64]


def across(blocks: Iterable[Block], array: Pixels) -> Pixels:
    """A banded matrix applied to the rows' pixels: (…, columns, c) -> (…, rows, c)."""
    return down(blocks, array.swapaxes(0, 1)).swapaxes(0, 1)


def down(blocks: Iterable[Block], array: Pixels) -> Pixels:
    """A banded matrix applied to the columns' pixels: (columns, …, c) -> (rows, …, c)."""
    return np.concatenate([times(weights, array[columns]) for _, columns, weights in blocks])


def times(weights: NDArray[np.float64], array: Pixels) -> Pixels:
    product: Pixels = np.tensordot(weights.astype(array.dtype), array, 1)
    return product


def enlarged(nudges: Pixels, factor: int) -> Iterator[tuple[slice, Pixels]]:
    """The nudges enlarged, band by band: rows of the large picture, and their pixels."""
    height, width = nudges.shape[:2]
    for large, small, weights in resizing(height, height * factor, "bicubic"):
        wide = across(resizing(width, width * factor, "bicubic"), nudges[small])
        yield large, times(weights, wide)


def plainly_enlarged(samples: NDArray[Any], factor: int) -> Iterator[tuple[slice, NDArray[Any]]]:
    """By Lanczos, band by band: rows of the large picture, and their samples."""
    height, width = samples.shape[:2]
    for rows in _bands(height, max(1, _BAND // factor)):
        size = (width * factor, (rows.stop - rows.start) * factor)
        near = slice(max(rows.start - 3, 0), min(rows.stop + 3, height))  # what Lanczos sees
        box = (0, rows.start - near.start, width, rows.stop - near.start)
        large = _by_pillow(samples[near], size, "lanczos", box)
        if samples.dtype == np.uint16:
            large = np.rint(large).clip(0, 65535).astype(np.uint16)
        yield slice(rows.start * factor, rows.stop * factor), large


def columns_first(height: int, width: int) -> bool:
    """Whether Pillow's first pass, which it rounds, is down the columns."""
    return height > 2 * width and _PILLOW_TURNS_TALL_PICTURES


def shrunk_by_pillow(
    cut: NDArray[Any], vertical: Block, horizontal: Block, factor: int, kernel: str
) -> NDArray[Any]:
    """Some rows and columns of the shrunk picture, bit for bit, from the pixels that they touch.

    Of 16 bits, which Pillow resizes one channel at a time and in floating point, rounded.
    """
    (left, right), (top, bottom) = _within(horizontal, factor), _within(vertical, factor)
    small = _by_pillow(
        cut, (_count(horizontal), _count(vertical)), kernel, (left, top, right, bottom)
    )
    return small if cut.dtype == np.uint8 else np.rint(small).clip(0, 65535).astype(np.uint16)


def shrunk_unrounded(
    cut: NDArray[Any], vertical: Block, horizontal: Block, factor: int, kernel: str
) -> NDArray[np.float64]:
    """The same before it is rounded at last."""
    weights = vertical.weights
    if cut.dtype == np.uint8:
        weights = np.rint(weights * 2**22) / 2**22  # Pillow's fixed point
    left, right = _within(horizontal, factor)
    size, box = (_count(horizontal), len(cut)), (left, 0, right, len(cut))
    passed = _by_pillow(cut, size, kernel, box).astype(np.float64)
    return times(weights, passed).clip(0, np.iinfo(cut.dtype).max)


def _within(block: Block, factor: int) -> tuple[int, int]:
    """Where the pixels that a block's rows stand for begin and end among those that they touch."""
    start, stop = (
        factor * end - block.columns.start for end in (block.rows.start, block.rows.stop)
    )
    return start, stop


def _count(block: Block) -> int:
    return int(block.rows.stop - block.rows.start)


def _by_pillow(
    band: NDArray[Any],
    size: tuple[int, int],
    kernel: str,
    box: tuple[float, float, float, float] | None = None,
) -> NDArray[Any]:
    if band.dtype == np.uint8:
        return np.asarray(Image.fromarray(band).resize(size, FILTERS[kernel], box))
    planes = np.moveaxis(np.atleast_3d(band), 2, 0).astype(np.float32)
    resized = [Image.fromarray(one).resize(size, FILTERS[kernel], box) for one in planes]
    return np.dstack([np.asarray(one) for one in resized]).reshape(
        size[1], size[0], *band.shape[2:]
    )


def shrinking_matrix(size: int, factor: int, kernel: str) -> NDArray[np.float64]:
    """H, by which Pillow shrinks `factor * size` samples to `size`: (size, factor * size)."""
    return _block(slice(0, size), size * factor, size, kernel).weights


def mending_matrix(size: int, factor: int, kernel: str) -> NDArray[np.float64]:
    """E (H E)⁻¹, by which `project` mends one axis: (factor * size, size)."""
    enlarge = _block(slice(0, size * factor), size, size * factor, "bicubic").weights
    return enlarge @ _inverse(shrinking_matrix(size, factor, kernel) @ enlarge)


@lru_cache(maxsize=64)
def resizing(size_in: int, size_out: int, kernel: str, band: int = _BAND) -> tuple[Block, ...]:
    """Pillow's resampling of `size_in` samples to `size_out`; a block for every `band` or so."""
    height = max(1, band * size_out // max(size_in, size_out))
    return tuple(_block(rows, size_in, size_out, kernel) for rows in _bands(size_out, height))


def all_of(size_in: int, size_out: int) -> Block:
    """All rows in one block, for what needs no weights: those of a wide picture fill gigabytes."""
    return Block(slice(0, size_out), slice(0, size_in), np.empty((0, 0)))


@lru_cache(maxsize=64)
def mending(size: int, factor: int, kernel: str) -> tuple[Block, ...]:
    """(H E)⁻¹. It decays so fast that each block is taken from the inverse of its neighbourhood."""
    blocks = []
    for rows in _bands(size, _MARGIN):
        near = slice(max(rows.start - _MARGIN, 0), min(rows.stop + _MARGIN, size))
        shrink = _block(near, size * factor, size, kernel)
        enlarge = _block(shrink.columns, size, size * factor, "bicubic")
        inside = slice(near.start - enlarge.columns.start, near.stop - enlarge.columns.start)
        inverse = _inverse(shrink.weights @ enlarge.weights[:, inside])
        blocks.append(Block(rows, near, inverse[rows.start - near.start : rows.stop - near.start]))
    return tuple(blocks)


def _inverse(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.linalg.inv(matrix), np.float64)


def _bands(size: int, height: int) -> list[slice]:
    return [slice(first, min(first + height, size)) for first in range(0, size, height)]


def _block(rows: slice, size_in: int, size_out: int, kernel: str) -> Block:
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
    return Block(rows, touched, taps / taps.sum(axis=1, keepdims=True))


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

FILTERS = {kernel: Image.Resampling[kernel.upper()] for kernel in KERNELS}

# Mean of the rows, then of the columns, each rounded up: 2. The other way about: 1.
_PROBE = Image.fromarray(np.array([[0, 1], [0, 3]] * 3, np.uint8))
_PILLOW_TURNS_TALL_PICTURES = _PROBE.resize((1, 3), Image.Resampling.BOX).getpixel((0, 0)) == 1
