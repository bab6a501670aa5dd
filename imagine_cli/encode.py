"""Pictures to files, without loss: PNG, TIFF and WebP, whole or not at all.

PNG and TIFF are written band by band, so that no more of a picture need be in memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from . import png, tiff
from .canvas import BAND, Rows
from .choices import Format
from .errors import OutputError, PictureError
from .picture import NOTHING, About, fitting
from .whole import whole

# The formats of results, and the longest side that each can say.
LONGEST: dict[str, int] = {Format.png: 2**31 - 1, Format.webp: 16_383, Format.tiff: 2**31 - 1}
EIGHT_BITS_ONLY = frozenset({Format.webp})

_MORE = 1.01  # a TIFF's directory and metadata, and what deflate adds to noise

# Four megapixels (Kodak 1, enlarged, with noise), one core: 0.5 s at quality 0, and 3.1 s at the
# usual 80, for no less.
WEBP: dict[str, Any] = {"lossless": True, "exact": True, "quality": 0, "method": 4}


def check_writable_size(width: int, height: int, format: str, pixel: int = 1) -> None:
    """See that `format` ("png", "webp", "tiff") can hold so many pixels.

    pixel: its bytes; one at least, where no more is known.

    Raises:
        PictureError: It cannot; says what can be done.
    """
    longest = LONGEST[format]
    if max(width, height) > longest:
        limit = f"{longest:,} pixels a side"
    elif format == "tiff" and _MORE * width * height * pixel >= 2**32:  # offsets of 32 bits
        limit = "4 GB"
    else:
        return
    raise PictureError(
        f"{width} x {height} pixels are more than {format.upper()} can hold ({limit}):"
        " choose another --format or a smaller --scale"
    )


def bytes_of_pixel(format: str, *, grey: bool, alpha: bool, deep: bool) -> int:
    """Of a result, before it is compressed."""
    channels = (1 if _stays_grey(format, grey, alpha, deep) else 3) + alpha
    return channels * (2 if deep else 1)


def _stays_grey(format: str, grey: bool, alpha: bool, deep: bool) -> bool:
    """Grey that its readers know: WebP has none, Pillow's TIFF none in 16 bits with alpha."""
    return grey and format != "webp" and not (format == "tiff" and deep and alpha)


def write(
    picture: Rows,
    path: Path | str,
    *,
    alpha: Rows | None = None,
    grey: bool = False,
    about: About = NOTHING,
) -> None:
    """Write a picture, (height, width, 3), without loss, as its suffix says: .png, .webp, .tiff.

    8 or 16 bits a channel, as `picture` and `alpha` have; WebP only 8. With `grey` the green
    channel is written alone. A profile that does not fit is left out, as is what the format cannot
    say.

    Raises:
        OutputError: It cannot be written; says what helps. Nothing is left behind, and what lay
            there before stays.
        PictureError: It has more pixels than the format can hold.
    """
    path = Path(path)
    format = path.suffix.lower().removeprefix(".")
    format = "tiff" if format == "tif" else format
    if format not in LONGEST:
        raise OutputError("results are written as .png, .webp or .tiff")
    deep = picture.dtype != np.uint8
    if deep and format in EIGHT_BITS_ONLY:
        raise OutputError(f"{format} holds 8 bits a channel: write .png or .tiff")
    there = {"grey": grey, "alpha": alpha is not None, "deep": deep}
    height, width = picture.shape[:2]
    check_writable_size(width, height, format, bytes_of_pixel(format, **there))
    grey = _stays_grey(format, **there)
    samples = _Samples(picture, alpha, grey)
    icc = fitting(about.icc, grey)
    with whole(path) as file:
        _WRITERS[Format(format)](file, samples, replace(about, icc=icc))


@dataclass(frozen=True)
class _Samples:
    """What is written of a picture: one to four channels."""

    picture: Rows
    alpha: Rows | None
    grey: bool

    @property
    def shape(self) -> tuple[int, int, int]:
        height, width = self.picture.shape[:2]
        return height, width, (1 if self.grey else 3) + (self.alpha is not None)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.picture.dtype

    def bands(self, height: int) -> Iterator[NDArray[Any]]:
        for top in range(0, self.shape[0], height):
            rows = slice(top, min(top + height, self.shape[0]))
            colours = self.picture[rows][..., 1:2] if self.grey else self.picture[rows]
            yield colours if self.alpha is None else np.dstack((colours, self.alpha[rows]))


def _write_png(file: BinaryIO, samples: _Samples, about: About) -> None:
    chunks = {
        b"iCCP": about.icc and png.profile(about.icc),
        b"pHYs": about.dpi and png.per_metre(about.dpi),
        b"iTXt": about.xmp and png.text(b"XML:com.adobe.xmp", about.xmp),
        b"eXIf": about.exif and about.exif.removeprefix(b"Exif\0\0"),
    }
    said = {kind: content for kind, content in chunks.items() if content}
    height = max(1, BAND // (samples.shape[1] * samples.shape[2] * samples.dtype.itemsize))
    png.write(file, samples.shape, samples.dtype, samples.bands(height), said)


def _write_tiff(file: BinaryIO, samples: _Samples, about: About) -> None:
    more: dict[int, Any] = {34675: about.icc, 700: about.xmp}
    if about.dpi:
        more |= {282: about.dpi[0], 283: about.dpi[1], 296: 2}  # pixels for an inch
    said = {tag: value for tag, value in more.items() if value}
    strips = samples.bands(tiff.rows(samples.shape, samples.dtype))
    tiff.write(file, samples.shape, samples.dtype, strips, exif=about.exif, more=said)


def _write_webp(file: BinaryIO, samples: _Samples, about: About) -> None:
    whole_of_it = np.concatenate(list(samples.bands(samples.shape[0])))
    image = Image.fromarray(whole_of_it)
    said = {"icc_profile": about.icc or b"", "exif": about.exif or b"", "xmp": about.xmp or b""}
    image.save(file, "webp", **said, **WEBP)


_WRITERS = {Format.png: _write_png, Format.tiff: _write_tiff, Format.webp: _write_webp}
