"""Pictures come in as they were meant."""

import struct
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pictures import scene
from PIL import ExifTags, Image, ImageCms, ImageOps

from imagine_cli import encode, picture
from imagine_cli.errors import PictureError
from imagine_cli.picture import About

WRITTEN = ("png", "webp", "tiff")
STORED = ("jpg", "png", "webp", "tiff", "avif", "gif", "bmp", "jp2", "ppm", "tga", "qoi")


def png(samples: NDArray[np.uint16], colour: int, width: int | None = None) -> bytes:
    """A PNG of 16 bits, which Pillow does not write in colour (PNG, 11.2.1)."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    header = struct.pack(">2I5B", width or samples.shape[1], len(samples), 16, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@cache  # Little CMS writes the time into it
def srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def green_ink() -> bytes:
    """A profile (ICC.1:2022, lut8Type) by which every ink looks dark green, but for black."""
    white, green, black = bytes([255, 128, 128]), bytes([110, 110, 140]), bytes([0, 128, 128])
    corners = white + black + (green + black) * 7
    matrix = struct.pack(">9i", *(65536 * (place % 4 == 0) for place in range(9)))
    identity = bytes(range(256))
    lut = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + matrix + identity * 4 + corners + identity * 3
    paper = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    table = struct.pack(">I", 2) + b"A2B0" + struct.pack(">2I", 176, len(lut))
    table += b"wtpt" + struct.pack(">2I", 156, 20)
    head = struct.pack(">I4sI", 176 + len(lut), b"lcms", 0x02400000) + b"prtrCMYKLab "
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061) + bytes(48)
    return head + table + paper + lut


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_read_upright(tmp_path: Path, suffix: str, orientation: int) -> None:
    path = tmp_path / f"turned.{suffix}"
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(scene()).save(path, exif=exif)
    with Image.open(path) as image:
        witness = np.asarray(ImageOps.exif_transpose(image))
    read = picture.read(path)
    assert np.array_equal(read.pixels, witness)
    assert picture.size(path) == witness.shape[1::-1]
    assert read.about.exif is None  # there was nothing but the orientation


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I;16"])
def test_grey_stays_grey(tmp_path: Path, mode: str) -> None:
    grey = Image.fromarray(scene()).convert("L")
    stored = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    stored = stored if mode == "I;16" else grey.convert(mode)
    assert stored.mode == mode
    stored.save(tmp_path / "in.png")
    read = picture.read(tmp_path / "in.png")
    assert read.grey
    assert np.array_equal(read.pixels, np.asarray((grey if mode != "1" else stored).convert("RGB")))
    encode.write(read.pixels, tmp_path / "out.png", alpha=read.alpha, grey=True)
    with Image.open(tmp_path / "out.png") as image:
        assert image.mode == ("LA" if mode == "LA" else "L")
        assert np.array_equal(np.asarray(image.convert("RGB")), read.pixels)


@pytest.mark.parametrize("mode", ["LA", "RGBA", "P"])
def test_transparency_is_read(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(scene())
    if mode == "P":
        image = image.quantize(16)
        alpha = np.where(np.asarray(image) == 5, 0, 255)
        image.save(tmp_path / "in.png", transparency=5)
    else:
        image = image.convert(mode)
        alpha = np.arange(40 * 24).reshape(24, 40) % 256
        image.putalpha(Image.fromarray(alpha.astype(np.uint8)))
        image.save(tmp_path / "in.png")
    read = picture.read(tmp_path / "in.png")
    assert read.alpha is not None
    assert np.array_equal(read.alpha, alpha)


@pytest.mark.parametrize(("colour", "channels"), [(0, 1), (4, 2), (2, 3), (6, 4)])
def test_sixteen_bits_are_shifted_and_named(tmp_path: Path, colour: int, channels: int) -> None:
    ramp = np.linspace(0, 65535, 8 * 6 * channels).astype(np.uint16).reshape(8, 6, channels)
    ramp[..., 0] = ramp[::-1, :, 0]
    (tmp_path / "deep.png").write_bytes(png(ramp.reshape(8, -1) if channels == 1 else ramp, colour))
    if channels != 1:
        (tmp_path / "deep.png").write_bytes(png(ramp.reshape(8, -1), colour, width=6))
    read = picture.read(tmp_path / "deep.png")
    assert read.warnings == ("16-bit samples are read as 8-bit",)
    assert read.grey == (channels < 3)
    expected = (ramp >> 8).astype(np.uint8)
    assert np.array_equal(read.pixels[..., 0], expected[..., 0])
    if channels in (2, 4):
        assert read.alpha is not None
        assert np.array_equal(read.alpha, expected[..., -1])


def test_what_pillow_gives_back_wrong_is_refused(tmp_path: Path) -> None:
    deep = Image.fromarray(np.arange(48, dtype=np.uint16).reshape(6, 8) * 1000)
    deep.save(tmp_path / "negative.tif", tiffinfo={262: 0})
    with pytest.raises(PictureError, match="16-bit TIFF"):
        picture.read(tmp_path / "negative.tif")


def test_frames_beyond_the_first_are_named(tmp_path: Path) -> None:
    first, second = Image.fromarray(scene()), Image.fromarray(scene()[::-1])
    first.save(tmp_path / "pages.tiff", save_all=True, append_images=[second])
    read = picture.read(tmp_path / "pages.tiff")
    assert read.warnings == ("only the first of 2 frames or pages is read",)
    assert np.array_equal(read.pixels, scene())


def test_cmyk_is_seen_through_its_profile(tmp_path: Path) -> None:
    ink = Image.fromarray(np.full((4, 4, 4), (255, 0, 255, 0), np.uint8), "CMYK")
    ink.save(tmp_path / "own.tiff", icc_profile=green_ink())
    ink.save(tmp_path / "none.tiff")
    own, none = picture.read(tmp_path / "own.tiff"), picture.read(tmp_path / "none.tiff")
    lab = Image.fromarray(
        np.full((1, 1, 3), (110, 110 - 128, 140 - 128), np.int8).view(np.uint8), "LAB"
    )
    to_srgb = ImageCms.buildTransform(
        ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"
    )
    witness = np.asarray(to_srgb.apply(lab))
    assert np.abs(own.pixels.astype(int) - witness).max() <= 2
    assert none.pixels[0, 0].tolist() == [0, 255, 0]
    assert own.about.icc is None
    assert own.warnings == ("CMYK is converted to sRGB",)


def test_a_profile_is_kept_where_it_fits(tmp_path: Path) -> None:
    colour = Image.fromarray(scene())
    colour.save(tmp_path / "colour.jpg", icc_profile=srgb())
    colour.convert("L").save(tmp_path / "grey.jpg", icc_profile=srgb())
    read = picture.read(tmp_path / "colour.jpg")
    assert read.about.icc == srgb()
    assert picture.read(tmp_path / "grey.jpg").about.icc is None
    for suffix in WRITTEN:
        path = tmp_path / f"out.{suffix}"
        encode.write(read.pixels, path, about=About(icc=read.about.icc))
        assert picture.read(path).about.icc == srgb()
        encode.write(read.pixels, path, about=About(icc=b"\0" * 16 + b"GRAY"))
        with Image.open(path) as image:
            assert "icc_profile" not in image.info


@pytest.mark.parametrize("suffix", WRITTEN)
def test_exif_remembers_the_photograph_and_forgets_the_file(tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Make] = "Leica"
    exif[ExifTags.Base.ImageWidth] = 4000
    photo = {ExifTags.Base.ExposureTime: 0.5, 0xA002: 4000, 0xA003: 3000}
    exif.get_ifd(ExifTags.IFD.Exif).update(photo)
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    said = bytearray(exif.tobytes())
    end = 6 + 8 + 2 + 12 * 5  # of the first directory, where the place of a second is told
    assert said[end : end + 4] == bytes(4)
    byte_order = "<" if said[6:8] == b"II" else ">"
    said[end : end + 4] = struct.pack(f"{byte_order}I", len(said) - 6)
    said += struct.pack(f"{byte_order}HHHII4x", 1, 259, 3, 1, 6) + b"THUMBNAIL"
    Image.fromarray(scene()).save(tmp_path / "in.jpg", exif=bytes(said))
    with Image.open(tmp_path / "in.jpg") as image:
        assert image.getexif().get_ifd(ExifTags.IFD.IFD1)  # the witness sees the thumbnail

    read = picture.read(tmp_path / "in.jpg")
    assert read.about.exif is not None
    assert b"THUMBNAIL" not in read.about.exif
    encode.write(read.pixels, tmp_path / f"out.{suffix}", about=About(exif=read.about.exif))
    with Image.open(tmp_path / f"out.{suffix}") as image:
        kept = image.getexif()
        assert kept[ExifTags.Base.Make] == "Leica"
        assert kept.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExposureTime] == 0.5
        assert kept.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"
        assert not {0xA002, 0xA003} & set(kept.get_ifd(ExifTags.IFD.Exif))
        assert ExifTags.Base.Orientation not in kept
        assert kept.get(ExifTags.Base.ImageWidth) in (None, read.pixels.shape[1])


def test_damaged_exif_does_not_spoil_the_picture(tmp_path: Path) -> None:
    make = struct.pack(
        ">HHHIf4x", 1, ExifTags.Base.Make, 11, 1, 0.5
    )  # a number, where a name should be
    Image.fromarray(scene()).save(tmp_path / "in.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08" + make)
    read = picture.read(tmp_path / "in.jpg")
    assert read.pixels.shape == (24, 40, 3)
    assert read.about.exif is None
    assert read.warnings == ("its EXIF is damaged and is left out",)


def test_metadata_tells_how_stored_samples_are_turned(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 8
    Image.fromarray(scene()).save(tmp_path / "in.jpg", exif=exif, icc_profile=srgb())
    said, read = picture.metadata(tmp_path / "in.jpg"), picture.read(tmp_path / "in.jpg")
    with Image.open(tmp_path / "in.jpg") as image:
        stored = np.asarray(image)
    assert np.array_equal(picture.upright(stored, said.orientation), read.pixels)
    assert (said.about, said.warnings) == (read.about, read.warnings)


def test_a_size_needs_the_header_only(tmp_path: Path) -> None:
    (tmp_path / "huge.png").write_bytes(png(np.zeros((3, 3), np.uint16), 0, width=2**31 - 1))
    assert picture.size(tmp_path / "huge.png") == (2**31 - 1, 3)


@pytest.mark.parametrize("suffix", STORED)
def test_a_picture_cut_short_is_an_error(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cut.{suffix}"
    Image.fromarray(scene()).save(path)
    whole = path.read_bytes()
    picture.read(path)
    for share in (0.02, 0.3, 0.6, 0.95):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(PictureError) as caught:
            picture.read(path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", STORED)
def test_a_damaged_picture_is_read_or_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"damaged.{suffix}"
    Image.fromarray(scene(12, 8)).save(path)
    whole = path.read_bytes()
    random = np.random.default_rng(1)
    refused = 0
    for _ in range(40):
        damaged = bytearray(whole)
        for place in random.integers(0, min(len(whole), 200), 3):
            damaged[place] = random.integers(256)
        path.write_bytes(damaged)
        try:
            width, height = picture.size(path)
            if width * height < 1_000_000:  # as the command asks before it reads
                picture.read(path)
        except PictureError:
            refused += 1
    assert refused


def test_what_is_no_picture_gets_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("Dear diary")
    (tmp_path / "script.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    (tmp_path / "zero.png").write_bytes(png(np.zeros((0, 3), np.uint16), 0))
    Image.fromarray(np.zeros((2, 2), np.float32)).save(tmp_path / "light.tiff")
    lines = {
        "empty.png": "empty",
        "text.png": "not a picture",
        "script.eps": "not a picture",
        "zero.png": "without pixels",
        "light.tiff": "32-bit",
        "missing.png": "no such file",
        ".": "folder",
        "x" * 300: "too long",
        "text.png/x.png": "Not a directory",
    }
    for name, line in lines.items():
        with pytest.raises(PictureError, match=line) as caught:
            picture.read(tmp_path / name)
        assert "\n" not in str(caught.value)
        assert str(tmp_path) not in str(caught.value)
