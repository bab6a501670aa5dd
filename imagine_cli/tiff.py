"""TIFF of deflated strips, band by band, in 8 or 16 bits (TIFF 6.0).

Not by Pillow, which writes no part of a picture, fails to write EXIF into compressed TIFF ("Error
setting from dictionary"), and whose libtiff tells a full disk on stderr instead of raising it.
"""

import zlib
from collections.abc import Iterable
from itertools import accumulate
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

STRIP = 2**20  # bytes, about


def write(
    file: BinaryIO,
    shape: tuple[int, int, int],
    dtype: np.dtype[Any],
    bands: Iterable[NDArray[Any]],
    *,
    exif: bytes | None,
    more: dict[int, Any],
) -> None:
    """A TIFF of `shape`, (height, width, channels), from bands of `rows(shape, dtype)` rows.

    more: other tags by number.
    """
    height, width, channels = shape
    alpha, grey, bits = channels in (2, 4), channels < 3, 8 * dtype.itemsize
    high = rows(shape, dtype)

    tags = Image.Exif()
    tags.load(exif or b"")
    tags.update({256: width, 257: height, 258: (bits,) * channels, 259: 8, 262: 1 if grey else 2})
    tags.update({277: channels, 278: high, 284: 1, 317: 2})
    if alpha:
        tags[338] = 2  # not multiplied into the colours
    tags.update(more)
    stored = dtype.newbyteorder("<" if tags.endian == "<" else ">")  # as EXIF has its numbers

    lengths = [0] * -(-height // high)

    def directory() -> bytes:
        # What Pillow calls EXIF is a TIFF but for six bytes; strips count from its own end.
        tags[273] = tuple(accumulate(lengths[:-1], initial=0))
        tags[279] = tuple(lengths)
        return tags.tobytes()[6:]

    file.write(directory())  # as long as it will be; what it says is known at the end
    for number, strip in enumerate(bands):
        differences = strip.copy()
        differences[:, 1:] -= strip[:, :-1]  # modulo 2 to the bits, as predictor 2 wants
        # Level 1: a third of level 5's time, and as small on noisy differences.
        lengths[number] = file.write(zlib.compress(differences.astype(stored).data, 1))
    file.seek(0)
    file.write(directory())


def rows(shape: tuple[int, int, int], dtype: np.dtype[Any]) -> int:
    """How many rows a strip has."""
    return int(max(1, STRIP // (shape[1] * shape[2] * dtype.itemsize)))
