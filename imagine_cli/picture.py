"""Pictures in files, as they are read: upright, in 8 or 16 bits.

What lies around the pixels (alpha, colour profile, EXIF, XMP) is kept aside and returns in results.
"""

import os
import re
import struct
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from . import xmp
from .canvas import Rows
from .errors import PictureError
from .evidence import Samples
from .silence import silence

# Pillow warns of large pictures, then refuses them. Ours are meant to be large, and --max-pixels
# governs them: `size` is asked before anything is decoded.
Image.MAX_IMAGE_PIXELS = None

# Pillow's readers of pixels. Not EPS, say, which starts another program on a stranger's file.
READABLE = (
    *("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "GIF", "BMP", "JPEG2000", "PPM"),
    *("PSD", "TGA", "ICO", "QOI", "DDS", "PCX", "SGI"),
)

HEIC = frozenset({".heic", ".heif", ".hif"})
"""Suffixes of what a plugin reads, where there is one (`pip install pillow-heif`)."""


Source = str | os.PathLike[str] | BinaryIO | Image.Image


@dataclass(frozen=True)
class About:
    """What is said of a picture beside its samples, and stays true of a result.

    `icc` fits the samples as `read` gives them (grey or RGB) or is None. `exif` and `xmp` lack
    orientation, thumbnail, sizes, and how the samples lay in the file. `dpi` is across and down.
    """

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None


NOTHING = About()


@dataclass(frozen=True)
class Metadata:
    """What a file says beside its samples."""

    about: About
    orientation: int
    """1 to 8, as EXIF counts: how `upright` has to turn the stored samples."""
    warnings: tuple[str, ...]
    """One clause each, about what is not used of the file."""


@dataclass(frozen=True)
class Picture:
    """A picture, upright, its colours as stored."""

    pixels: Samples
    """(height, width, 3)."""
    alpha: Samples | None
    """(height, width), 0 where nothing is seen."""
    grey: bool
    """Stored grey, and to be written grey; the three channels of `pixels` are the same."""
    about: About
    warnings: tuple[str, ...]


def read(source: Source, *, deep: bool = False) -> Picture:
    """Read a picture: a path, an open file, or an image of Pillow's, which is left as it is.

    Palettes and CMYK come out as eight bits of grey or RGB. With `deep` 16-bit PNG and TIFF come
    as uint16; else, and of formats that Pillow reduces itself, as uint8, and `warnings` says so.

    Raises:
        PictureError: There is no such file, or no picture in it, or a damaged one. One line, which
            does not name the file.
    """
    with _opened(source) as image:
        # The header tells how samples are stored only until they are read.
        grey, kind = _grey(image), _deep_kind(image) if deep else None
        notes = _warnings(image, deep=kind is not None)
        if kind:
            samples = _in_sixteen_bits(image, kind, source)
        else:
            image.load()
        said = _metadata(image, grey, notes)
        if not kind:
            samples = np.asarray(_in_eight_bits(image, grey))
            samples = samples[..., None] if samples.ndim == 2 else samples
    samples = np.asarray(upright(samples, said.orientation))
    alpha = samples[..., -1] if samples.shape[2] in (2, 4) else None
    colours = np.repeat(samples[..., :1], 3, axis=2) if samples.shape[2] < 3 else samples[..., :3]
    return Picture(
        np.ascontiguousarray(colours),
        None if alpha is None else np.ascontiguousarray(alpha),
        grey,
        said.about,
        said.warnings,
    )


def size(path: Path | str) -> tuple[int, int]:
    """Width and height of the upright picture, from the header alone. Raises as `read`."""
    with _opened(path) as image:
        width, height = image.size
        # Not PNG's own getexif, which decodes the picture in search of a late EXIF chunk.
        turned = _orientation(image, Image.Image.getexif(image)) >= 5
    return (height, width) if turned else (width, height)


def metadata(path: Path | str) -> Metadata:
    """What a file says beside its samples, for who reads these alone. Raises as `read`."""
    with _opened(path) as image:
        return _metadata(image, _grey(image), _warnings(image, deep=False))


def upright(picture: Rows, orientation: int) -> Rows:
    """Turn stored samples, (height, width, …), as EXIF's orientation tag asks."""
    if orientation == 1:
        return picture
    array = np.asarray(picture)
    if orientation in (5, 6, 7, 8):
        array = array.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return array


@contextmanager
def _opened(source: Source) -> Iterator[Image.Image]:
    """A picture's header, read; what goes wrong until the block ends is a `PictureError`."""
    try:
        if isinstance(source, Image.Image):
            yield source.copy()  # its EXIF would be changed
            return
        if isinstance(source, str | os.PathLike):
            _check_file(Path(source))
        with (
            silence(),  # libtiff tells of damage on stderr
            warnings.catch_warnings(action="ignore"),
            Image.open(source, formats=_readable()) as image,
        ):
            yield image
    except PictureError:
        raise
    except FileNotFoundError as error:
        raise PictureError("no such file") from error
    except PermissionError as error:
        raise PictureError("permission denied") from error
    except UnidentifiedImageError as error:
        if isinstance(source, str | os.PathLike) and Path(source).suffix.lower() in HEIC:
            raise PictureError("HEIC needs a plugin: pip install pillow-heif") from error
        raise PictureError(
            "not a picture that can be read (JPEG, PNG, WebP, TIFF, AVIF, …), or one without pixels"
        ) from error
    except MemoryError as error:
        raise PictureError("too large for this computer's memory") from error
    except Exception as error:  # Pillow's readers raise nearly anything at a damaged file
        if isinstance(error, OSError) and error.strerror:
            raise PictureError(f"cannot be read: {error.strerror}") from error
        reason = " ".join(str(error).split()) or type(error).__name__
        raise PictureError(f"damaged or truncated ({reason})") from error


@cache
def _readable() -> tuple[str, ...]:
    """READABLE, and HEIF where its plugin is there."""
    try:
        import pillow_heif  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        return READABLE
    pillow_heif.register_heif_opener(thumbnails=False)
    return (*READABLE, "HEIF")


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise PictureError("this is a folder, not a picture")
    if path.exists() and not path.is_file():
        raise PictureError("this is not a regular file")
    if path.stat().st_size == 0:
        raise PictureError("the file is empty")


def _in_eight_bits(image: Image.Image, grey: bool) -> Image.Image:
    """The picture in one of the modes L, LA, RGB, RGBA."""
    tags = getattr(image, "tag_v2", {})
    negative, planes = tags.get(262) == 0, tags.get(284) == 2 and tags.get(259) == 1
    if max(tags.get(258, (8,))) > 8 and (negative or planes):  # Pillow gives these back wrong
        raise PictureError(
            "this kind of 16-bit TIFF is not supported: save it with 8 bits a channel"
        )
    if image.mode == "CMYK":
        return _in_srgb(image)
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))  # convert("L") would clip
    if image.mode in ("I", "F"):
        raise PictureError("32-bit samples are not supported: save it with 8 or 16 bits a channel")
    mode = ("L" if grey else "RGB") + ("A" if image.has_transparency_data else "")
    return image if image.mode == mode else image.convert(mode)


def _deep_kind(image: Image.Image) -> str | None:
    """How 16-bit samples lie in a file, in Pillow's words, if both bytes of each can be had."""
    tags = getattr(image, "tag_v2", {})
    if image.format not in ("PNG", "TIFF", None) or "transparency" in image.info:
        return None
    if tags.get(262) == 0 or tags.get(284) == 2:  # negative, or a plane for each channel
        return None
    if image.mode.startswith("I;16"):
        return "I;16"
    kinds = {tile.args if isinstance(tile.args, str) else tile.args[0] for tile in _tiles(image)}
    kind = kinds.pop() if len(kinds) == 1 else ""
    return kind if re.fullmatch(r"(RGB|RGBA|LA);16[BLN]", kind) else None


def _in_sixteen_bits(image: Image.Image, kind: str, source: Source) -> NDArray[np.uint16]:
    """Samples of 16 bits, (height, width, 1 to 4), of a picture that is not decoded yet."""
    if kind == "I;16":
        return np.asarray(image).astype(np.uint16)[..., None]
    if kind.startswith("LA"):  # as if each of its four bytes were a channel
        _decode_as(image, "RGBA")
        four = np.asarray(image)
        high, low = four[..., ::2], four[..., 1::2]
    else:  # Pillow gives the byte that it takes for the high one: so ask again, for the other
        high = np.asarray(image)
        own = "L" if sys.byteorder == "little" else "B"
        order = kind[-1].replace("N", own)
        with _opened(source) as again:
            _decode_as(again, kind[:-1] + {"B": "L", "L": "B"}[order])
            low = np.asarray(again)
    samples: NDArray[np.uint16] = high.astype(np.uint16) << 8 | low
    return samples


def _decode_as(image: Image.Image, kind: str) -> None:
    image.tile = [  # type: ignore[attr-defined]
        tile._replace(args=kind if isinstance(tile.args, str) else (kind, *tile.args[1:]))
        for tile in _tiles(image)
    ]


def _tiles(image: Image.Image) -> list[Any]:
    return getattr(image, "tile", [])


def _in_srgb(image: Image.Image) -> Image.Image:
    """A CMYK picture in sRGB, by its own profile where it has a sound one."""
    try:
        own = ImageCms.ImageCmsProfile(BytesIO(image.info["icc_profile"]))
        return ImageCms.buildTransform(own, ImageCms.createProfile("sRGB"), "CMYK", "RGB").apply(
            image
        )
    except (KeyError, OSError, ImageCms.PyCMSError):
        return image.convert("RGB")


def _grey(image: Image.Image) -> bool:
    """Whether a picture that is not decoded yet is stored grey."""
    # Pillow opens grey with alpha in 16 bits as RGBA.
    return image.mode in ("1", "L", "LA", "I", "F") or ";16" in image.mode or "LA;16" in _raw(image)


def _raw(image: Image.Image) -> str:
    """How a picture's samples lie in the file, in Pillow's words, such as "RGB;16B"."""
    return " ".join(str(tile.args) for tile in _tiles(image))


def _warnings(image: Image.Image, *, deep: bool) -> tuple[str, ...]:
    """What `read` does not take from a file; asked of a picture that is not decoded yet."""
    said = []
    deep_ppm = image.format == "PPM" and "65535" in _raw(image)
    if not deep and (";16" in image.mode or ";16" in _raw(image) or deep_ppm):
        said.append("16-bit samples are read as 8-bit")
    # A phone's MPO is a photograph with a helper behind it; a PSD's frames are its layers.
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format not in ("MPO", "PSD"):
        said.append(f"only the first of {frames} frames or pages is read")
    if image.mode == "CMYK":
        said.append("CMYK is converted to sRGB")
    return tuple(said)


def _metadata(image: Image.Image, grey: bool, notes: tuple[str, ...]) -> Metadata:
    exif = image.getexif()
    orientation = _orientation(image, exif)
    icc = fitting(image.info.get("icc_profile"), grey)
    packet, dpi = xmp.lasting(image.info.get("xmp")), _dpi(image)
    try:
        return Metadata(About(icc, _lasting(exif), packet, dpi), orientation, notes)
    except (struct.error, AttributeError, LookupError, TypeError, ValueError):
        notes = (*notes, "its EXIF is damaged and is left out")
        return Metadata(About(icc, None, packet, dpi), orientation, notes)


def _dpi(image: Image.Image) -> tuple[float, float] | None:
    """Pixels for an inch, across and down, if the file gives sensible ones."""
    try:
        across, down = (float(dots) for dots in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return (across, down) if 1 <= across <= 1e5 and 1 <= down <= 1e5 else None


def _orientation(image: Image.Image, exif: Image.Exif) -> int:
    if image.format == "TIFF":
        return 1  # Pillow turns TIFF files itself
    said = exif.get(ExifTags.Base.Orientation, 1)
    return said if said in range(1, 9) else 1


def fitting(icc: bytes | None, grey: bool) -> bytes | None:
    """The profile, if its colour space (ICC.1:2022, bytes 16 to 19) is that of the samples."""
    return icc if icc and icc[16:20] == (b"GRAY" if grey else b"RGB ") else None


# TIFF 6.0's tags that tell how samples lie in one file; and XMP, which repeats the orientation.
LAYOUT = frozenset(
    {*range(254, 269), *range(273, 282), 284, *range(288, 296), 297, 301}
    | {*range(317, 348), *range(512, 533), 700, 34675}
)
# PixelXDimension, PixelYDimension, and the pointer to the rules of the camera's own file.
SIZES = (0xA002, 0xA003, 0xA005)


def _lasting(exif: Image.Exif) -> bytes | None:
    """The EXIF that stays true of a result. Pillow leaves the thumbnail (IFD1) out by itself."""
    if exif.bigtiff:
        return None  # 64-bit offsets, which no other format's EXIF may have
    for tag in SIZES:
        exif.get_ifd(ExifTags.IFD.Exif).pop(tag, None)
    for tag in LAYOUT.intersection(exif):
        del exif[tag]
    return exif.tobytes() if exif else None
