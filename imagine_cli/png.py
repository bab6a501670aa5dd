"""PNG, band by band, in 8 or 16 bits: Pillow writes neither 16-bit colour nor parts of a picture.

ISO/IEC 15948 (PNG 1.2). Every row is filtered by the mean of left and above (type 3): of the five
filters the one that leaves least of a photograph. Four megapixels of enlarged, noisy Kodak 4 take
half the time of Pillow's choice among five at level 2, and 6 % fewer bytes.
"""

import struct
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

MEAN = 3
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # by channels: grey, grey and alpha, RGB, RGBA


def write(
    file: BinaryIO,
    shape: tuple[int, int, int],
    dtype: np.dtype[Any],
    bands: Iterable[NDArray[Any]],
    chunks: Mapping[bytes, bytes],
) -> None:
    """A PNG of `shape`, (height, width, channels), from bands of rows.

    chunks: what else it says, in order: type and content of each.
    """
    height, width, channels = shape
    file.write(b"\x89PNG\r\n\x1a\n")
    header = (width, height, 8 * dtype.itemsize, COLOUR_TYPES[channels], 0, 0, 0)
    _chunk(file, b"IHDR", struct.pack(">2I5B", *header))
    for kind, content in chunks.items():
        _chunk(file, kind, content)
    deflate = zlib.compressobj(2, strategy=zlib.Z_FILTERED)
    above = np.zeros((width, channels * dtype.itemsize), np.uint8)
    for band in bands:
        samples = np.ascontiguousarray(band, dtype.newbyteorder(">"))
        rows = samples.view(np.uint8).reshape(len(band), *above.shape)
        _chunk(file, b"IDAT", deflate.compress(_filtered(rows, above)))
        above = rows[-1]
    _chunk(file, b"IDAT", deflate.flush())
    _chunk(file, b"IEND", b"")


def profile(icc: bytes) -> bytes:
    """The content of iCCP."""
    return b"ICC Profile\0\0" + zlib.compress(icc)


def text(keyword: bytes, content: bytes) -> bytes:
    """The content of iTXt, UTF-8."""
    return keyword + b"\0" * 5 + content


def per_metre(dpi: tuple[float, float]) -> bytes:
    """The content of pHYs."""
    across, down = (round(dots / 0.0254) for dots in dpi)
    return struct.pack(">2IB", across, down, 1)


def _filtered(rows: NDArray[np.uint8], above: NDArray[np.uint8]) -> bytes:
    """Each byte less the mean of the same byte one pixel to the left and one above."""
    up = np.concatenate((above[None], rows[:-1]))
    left = np.zeros_like(rows)
    left[:, 1:] = rows[:, :-1]
    mean = (up & left) + ((up ^ left) >> 1)  # without a carry
    filtered = np.empty((len(rows), 1 + rows[0].size), np.uint8)
    filtered[:, 0] = MEAN
    filtered[:, 1:] = (rows - mean).reshape(len(rows), -1)
    return filtered.tobytes()


def _chunk(file: BinaryIO, kind: bytes, content: bytes) -> None:
    if content or kind == b"IEND":
        check = zlib.crc32(content, zlib.crc32(kind))
        file.write(struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check))
