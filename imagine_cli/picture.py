"""Pictures in files: read upright and in eight bits, written whole or not at all.

What lies around the pixels (alpha, colour profile, EXIF) is kept aside and returns in the results.
"""

import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from .choices import Format
from .errors import OutputError, PictureError
from .whole import whole

# Pillow warns of large pictures, then refuses them. Ours are meant to be large, and --max-pixels
# governs them: `size` is asked before anything is decoded.
Image.MAX_IMAGE_PIXELS = None

# Pillow's readers of pixels. Not EPS, say, which starts another program on a stranger's file.
READABLE = (
    *("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "GIF", "BMP", "JPEG2000", "PPM"),
    *("PSD", "TGA", "ICO", "QOI", "DDS", "PCX", "SGI"),
)

# The formats of results, and the longest side that each can say.
LONGEST: dict[str, int] = {Format.png: 2**31 - 1, Format.webp: 16_383, Format.tiff: 2**31 - 1}

# Four megapixels (Kodak 1, enlarged, with noise), one core: PNG takes 0.26 s at level 2, and 1.2 s
# at the usual 6, for 0.5 % less; WebP 0.5 s at quality 0, and 3.1 s at the usual 80, for no less.
OPTIONS: dict[str, dict[str, Any]] = {
    Format.png: {"compress_level": 2},
    Format.webp: {"lossless": True, "exact": True, "quality": 0, "method": 4},
}


Source = str | os.PathLike[str] | BinaryIO | Image.Image


@dataclass(frozen=True)
class Metadata:
    """What a file says beside its samples.

    `icc` fits the samples as `read` gives them (grey or RGB) or is None. `exif` lacks what will not
    be true of a result: orientation, thumbnail, sizes, and how the samples lay in the file.
    """

    icc: bytes | None
    exif: bytes | None
    orientation: int
    """1 to 8, as EXIF counts: how `upright` has to turn the stored samples."""
    warnings: tuple[str, ...]
    """One clause each, about what is not used of the file."""


@dataclass(frozen=True)
class Picture:
    """A picture in eight bits, upright, its colours as stored."""

    pixels: NDArray[np.uint8]
    """(height, width, 3)."""
    alpha: NDArray[np.uint8] | None
    """(height, width), 0 where nothing is seen."""
    grey: bool
    """Stored grey, and to be written grey; the three channels of `pixels` are the same."""
    icc: bytes | None
    exif: bytes | None
    warnings: tuple[str, ...]


def read(source: Source) -> Picture:
    """Read a picture: a path, an open file, or an image of Pillow's, which is left as it is.

    Palettes, CMYK and 16 bits come out as eight bits of grey or RGB.

    Raises:
        PictureError: There is no such file, or no picture in it, or a damaged one. One line, which
            does not name the file.
    """
    with _opened(source) as image:
        # The header tells how samples are stored only until they are read.
        grey, notes = _grey(image), _warnings(image)
        image.load()
        about = _metadata(image, grey, notes)
        plain = _in_eight_bits(image, grey)
        pixels = np.asarray(plain.convert("RGB"))
        alpha = np.asarray(plain.getchannel("A")) if plain.mode in ("LA", "RGBA") else None
    return Picture(
        np.ascontiguousarray(upright(pixels, about.orientation)),
        None if alpha is None else np.ascontiguousarray(upright(alpha, about.orientation)),
        grey,
        about.icc,
        about.exif,
        about.warnings,
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
        return _metadata(image, _grey(image), _warnings(image))


def upright(array: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Turn stored samples, (height, width, …), as EXIF's orientation tag asks. A view."""
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
            warnings.catch_warnings(action="ignore"),
            Image.open(source, formats=READABLE) as image,
        ):
            yield image
    except PictureError:
        raise
    except FileNotFoundError as error:
        raise PictureError("no such file") from error
    except PermissionError as error:
        raise PictureError("permission denied") from error
    except UnidentifiedImageError as error:
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
    return " ".join(str(tile.args) for tile in getattr(image, "tile", ()))


def _warnings(image: Image.Image) -> tuple[str, ...]:
    """What `read` does not take from a file; asked of a picture that is not decoded yet."""
    said = []
    deep_ppm = image.format == "PPM" and "65535" in _raw(image)
    if ";16" in image.mode or ";16" in _raw(image) or deep_ppm:
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
    icc = _fitting(image.info.get("icc_profile"), grey)
    try:
        return Metadata(icc, _lasting(exif), orientation, notes)
    except (struct.error, AttributeError, LookupError, TypeError, ValueError):
        return Metadata(icc, None, orientation, (*notes, "its EXIF is damaged and is left out"))


def _orientation(image: Image.Image, exif: Image.Exif) -> int:
    if image.format == "TIFF":
        return 1  # Pillow turns TIFF files itself
    said = exif.get(ExifTags.Base.Orientation, 1)
    return said if said in range(1, 9) else 1


def _fitting(icc: bytes | None, grey: bool) -> bytes | None:
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


def check_writable_size(width: int, height: int, format: str) -> None:
    """See that `format` ("png", "webp", "tiff") can hold so many pixels.

    Raises:
        PictureError: It cannot; says what can be done.
    """
    longest = LONGEST[format]
    if max(width, height) > longest:
        limit = f"{longest:,} pixels a side"
    elif format == "tiff" and width * height * 4 >= 2**32:  # its offsets have 32 bits
        limit = "4 GB"
    else:
        return
    raise PictureError(
        f"{width} x {height} pixels are more than {format.upper()} can hold ({limit}):"
        " choose another --format or a smaller --scale"
    )


def write(
    picture: NDArray[np.uint8],
    path: Path | str,
    *,
    alpha: NDArray[np.uint8] | None = None,
    grey: bool = False,
    icc: bytes | None = None,
    exif: bytes | None = None,
    xmp: bytes | None = None,
) -> None:
    """Write a picture, (height, width, 3), without loss, as its suffix says: .png, .webp, .tiff.

    With `grey` its green channel is written alone. A profile that does not fit is left out.

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
    check_writable_size(picture.shape[1], picture.shape[0], format)
    icc = _fitting(icc, grey and format != "webp")  # WebP knows no grey
    with whole(path) as file:
        if format == "tiff":
            _write_tiff(file, picture[:, :, 1:2] if grey else picture, alpha, icc, exif, xmp)
            return
        image = Image.fromarray(picture[:, :, 1] if grey else picture)
        if alpha is not None:
            image.putalpha(Image.fromarray(alpha))
        about: dict[str, Any] = {"icc_profile": icc or b"", "exif": exif or b""}
        if format == "webp":
            about["xmp"] = xmp or b""
        elif xmp:
            about["pnginfo"] = PngInfo()
            about["pnginfo"].add_itxt("XML:com.adobe.xmp", xmp.decode())
        image.save(file, format, **about, **OPTIONS[format])


def _write_tiff(
    file: BinaryIO,
    samples: NDArray[np.uint8],
    alpha: NDArray[np.uint8] | None,
    icc: bytes | None,
    exif: bytes | None,
    xmp: bytes | None,
) -> None:
    """A TIFF of deflated strips (TIFF 6.0), from samples of one or three channels.

    Not by Pillow, which fails to write EXIF into compressed TIFF ("Error setting from dictionary"),
    and whose libtiff tells a full disk on stderr instead of raising it.
    """
    height, width, colours = samples.shape
    channels = colours + (alpha is not None)
    rows = max(1, 2**20 // (width * channels))
    strips = range(0, height, rows)

    tags = Image.Exif()
    tags.load(exif or b"")
    tags.update(
        {256: width, 257: height, 258: (8,) * channels, 259: 8, 262: 1 if colours == 1 else 2}
    )
    tags.update({277: channels, 278: rows, 284: 1, 317: 2})
    if alpha is not None:
        tags[338] = 2  # not multiplied into the colours
    if icc:
        tags[34675] = icc
    if xmp:
        tags[700] = xmp

    lengths = [0] * len(strips)

    def directory() -> bytes:
        # What Pillow calls EXIF is a TIFF but for six bytes; strips count from its own end.
        tags[273] = tuple(accumulate(lengths[:-1], initial=0))
        tags[279] = tuple(lengths)
        return tags.tobytes()[6:]

    file.write(directory())  # as long as it will be; what it says is known at the end
    for number, top in enumerate(strips):
        strip = samples[top : top + rows]
        if alpha is not None:
            strip = np.dstack([strip, alpha[top : top + rows]])
        differences = strip.copy()
        differences[:, 1:] -= strip[:, :-1]  # modulo 256, as predictor 2 wants
        # Level 1: a third of level 5's time, and as small on noisy differences.
        lengths[number] = file.write(zlib.compress(differences.tobytes(), 1))
    file.seek(0)
    file.write(directory())
