"""What comes with a photograph, and how: a test for each row of docs/photographs.md."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command import run
from models import Toy
from pictures import photograph
from PIL import ExifTags, Image, features

from imagine_cli import Downscaled, JpegCoded, encode, imagine, open_picture, picture, xmp
from imagine_cli.resampling import plainly_enlarged

pytestmark = pytest.mark.usefixtures("toy")

PACKET = b"""<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 tiff:Orientation="6" xmp:Rating="5"><tiff:ImageWidth>4000</tiff:ImageWidth>
<xmp:Thumbnails><rdf:Alt><rdf:li>BASE64</rdf:li></rdf:Alt></xmp:Thumbnails></rdf:Description>
</rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""


def deep(height=20, width=28, channels=3):
    """A photograph in sixteen bits, whose low bytes say something too."""
    grain = np.random.default_rng(7).integers(0, 256, (height, width, 4), dtype=np.uint16)
    soft = Image.fromarray(photograph(height // 4, width // 4)).resize((width, height))
    samples = np.asarray(soft).astype(np.uint16) // 2 + 60
    four = np.dstack((samples, samples[..., :1])) << 8 | grain
    if channels < 3:
        four[..., :3] = four[..., :1]
    return four[..., :3], four[..., 3] if channels in (2, 4) else None


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_sixteen_bits_are_read_as_they_were_written(tmp_path, suffix, channels):
    samples, alpha = deep(channels=channels)
    file = tmp_path / f"deep.{suffix}"
    encode.write(samples, file, alpha=alpha, grey=channels < 3)
    read = picture.read(file, deep=True)
    assert read.pixels.dtype == np.uint16
    assert np.array_equal(read.pixels, samples)
    assert (read.alpha is None) == (alpha is None)
    assert alpha is None or np.array_equal(read.alpha, alpha)
    assert read.warnings == ()
    shallow = picture.read(file)  # Pillow, the witness, gives the high bytes
    assert np.array_equal(shallow.pixels, samples >> 8)
    assert shallow.warnings == ("16-bit samples are read as 8-bit",)


@pytest.mark.parametrize("kernel", ["box", "bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("factor", [2, 4])
def test_a_variant_of_sixteen_bits_shrinks_to_every_one_of_them(kernel, factor):
    small, _ = deep()
    (variant,) = imagine(Downscaled(small, factor, kernel), Toy(), [1])
    assert variant.picture.dtype == np.uint16
    planes = [Image.fromarray(variant.picture[..., one].astype(np.float32)) for one in range(3)]
    filter = Image.Resampling[kernel.upper()]
    shrunk = np.dstack([np.asarray(one.resize((28, 20), filter)) for one in planes])
    assert np.abs(shrunk - small).max() < 2  # of 65,535
    assert variant.agreement.lr_psnr_db > 95  # eight bits, exact, have 48 dB of these
    assert variant.agreement.shortfall is None


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_sixteen_bits_go_in_and_come_out(tmp_path, suffix):
    samples, alpha = deep(channels=4)
    encode.write(samples, tmp_path / "deep.png", alpha=alpha)
    result = run(
        "upscale", tmp_path / "deep.png", "--scale", 2, "-n", 2, "--format", suffix,
        "--json", "--mean", "--sheet", "--gallery",
    )  # fmt: skip
    assert result.exit_code == 0
    assert "16-bit" not in result.stderr
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert all(one["agreement"]["lr_psnr_db"] > 90 for one in told if one["agreement"])
    read = picture.read(tmp_path / f"deep-x2-0.{suffix}", deep=True)
    assert read.pixels.dtype == read.alpha.dtype == np.uint16
    assert np.unique(read.pixels & 255).size > 200  # low bytes that say something
    again = run("upscale", tmp_path / "deep.png", "--scale", 2, "-n", 2, "--format", suffix)
    assert "2 already there" in again.stderr


def test_webp_has_eight_bits_and_says_so(tmp_path):
    encode.write(deep()[0], tmp_path / "deep.png")
    result = run("upscale", tmp_path / "deep.png", "--scale", 2, "-n", 1, "--format", "webp")
    assert result.exit_code == 0
    assert "16-bit samples are read as 8-bit" in result.stderr


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_what_is_enlarged_plainly_is_what_pillow_makes_of_the_whole(dtype):
    plane = np.random.default_rng(3).integers(0, 255, (75, 9)).astype(dtype)
    bands = [band for _, band in plainly_enlarged(plane, 4)]
    assert len(bands) > 1
    held = plane if dtype == np.uint8 else plane.astype(np.float32)
    whole = Image.fromarray(held).resize((36, 300), Image.Resampling.LANCZOS)
    expected = np.rint(np.asarray(whole)).clip(0, np.iinfo(dtype).max)
    assert np.array_equal(np.concatenate(bands), expected)


def test_arrays_of_sixteen_bits_are_pictures():
    samples, alpha = deep(channels=4)
    read = open_picture(np.dstack((samples, alpha)))
    assert np.array_equal(read.pixels, samples)
    assert np.array_equal(read.alpha, alpha)
    assert open_picture(samples[..., 0]).grey


def test_xmp_keeps_what_lasts_letter_by_letter():
    kept = xmp.lasting(PACKET)
    assert b'xmp:Rating="5"' in kept
    for gone in (b"Orientation", b"ImageWidth", b"4000", b"Thumbnails", b"BASE64"):
        assert gone not in kept
    joined = xmp.joined('<rdf:Description a="1"/>', kept)
    assert joined.count(b"</rdf:RDF>") == 1
    assert b'<rdf:Description a="1"/></rdf:RDF>' in joined
    assert joined.endswith(b'<?xpacket end="w"?>')
    for damaged in (b"\xff\xfe<", b"<x:xmpmeta>", None, b"", 7):
        assert xmp.lasting(damaged) is None


@pytest.mark.parametrize("suffix", ["png", "webp", "tiff"])
def test_xmp_dpi_and_exif_return_in_the_result_and_strip_drops_them(tmp_path, suffix):
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Leica"
    Image.fromarray(photograph(8, 12)).save(
        tmp_path / "in.jpg", dpi=(300, 200), xmp=PACKET, exif=exif
    )
    common = ("decompress", tmp_path / "in.jpg", "-n", 1, "--format", suffix)
    assert run(*common).exit_code == 0
    with Image.open(tmp_path / f"in-decompressed-0.{suffix}") as image:
        assert b'xmp:Rating="5"' in bytes(image.info["xmp"])
        assert image.getexif()[ExifTags.Base.Make] == "Leica"
        if suffix != "webp":  # which has no place for it
            assert image.info["dpi"] == pytest.approx((300, 200), abs=0.01)
    assert '"input": "in.jpg"' in run("info", tmp_path / f"in-decompressed-0.{suffix}").stdout
    assert run(*common, "--strip", "--overwrite").exit_code == 0
    with Image.open(tmp_path / f"in-decompressed-0.{suffix}") as image:
        assert b"Rating" not in bytes(image.info["xmp"])
        assert ExifTags.Base.Make not in image.getexif()
        assert "dpi" not in image.info or suffix == "tiff"


def test_an_input_that_is_a_result_hands_its_xmp_on_but_not_its_origin(tmp_path, photo):
    assert run("upscale", photo, "--scale", 2, "-n", 1).exit_code == 0
    made = photo.with_name("photo-x2-0.png")
    assert run("upscale", made, "--scale", 2, "-n", 1).exit_code == 0
    with Image.open(made.with_name("photo-x2-0-x2-0.png")) as image:
        assert bytes(image.info["xmp"]).count(b"imagine:origin=") == 1
    assert '"input": "photo-x2-0.png"' in run("info", made.with_name("photo-x2-0-x2-0.png")).stdout


def test_a_jpeg_is_decompressed_and_then_enlarged_variant_by_variant(tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.fromarray(photograph(24, 32)).save(tmp_path / "in.jpg", quality=30, exif=exif)
    result = run(
        "upscale", "--decompress", tmp_path / "in.jpg", "--scale", 2, "-n", 2,
        "--json", "--sheet", "--gallery",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "artifacts" not in result.stderr
    one, other = (tmp_path / f"in-decompressed-x2-{seed}.png" for seed in (0, 1))
    agreement = json.loads(result.stdout.splitlines()[0])["agreement"]
    assert agreement["coefficients_kept"] == 1
    assert agreement["lr_psnr_db"] > 55
    small = [picture.read(file).pixels for file in (one, other)]
    assert small[0].shape == (64, 48, 3)  # upright
    stored = [np.rot90(pixels) for pixels in small]  # as the camera held it
    shrunk = [
        Image.fromarray(pixels).resize((32, 24), Image.Resampling.BICUBIC) for pixels in stored
    ]
    assert not np.array_equal(*map(np.asarray, shrunk))  # originals that differ
    known = JpegCoded.from_file(tmp_path / "in.jpg")
    assert all(known.agreement(np.asarray(pixels)).kept == 1 for pixels in shrunk)
    page = (tmp_path / "in-decompressed-x2.html").read_text()
    assert "compresses to the file: 100 % of its coefficients" in page
    assert page.count("--decompress --scale 2") == 2  # in the command for more like each
    again = run("upscale", "--decompress", tmp_path / "in.jpg", "--scale", 2, "-n", 2)
    assert "2 already there" in again.stderr


def test_what_cannot_be_decompressed_first_is_told(tmp_path, photo):
    result = run("upscale", "--decompress", photo, "--scale", 2)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"{photo}: not a JPEG")
    assert run("upscale", "--decompress", photo, "--mean").exit_code == 2


def test_two_hundred_spoilt_pictures_are_read_or_refused_in_silence():
    """By hand, 20,000: python tests/mutate_pictures.py 0 20000."""
    command = [sys.executable, Path(__file__).with_name("mutate_pictures.py"), "0", "200"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    counted = json.loads(done.stdout)
    assert counted["refused"] > 50
    assert counted["read"] > 20


def test_a_broken_checksum_is_refused_as_such(tmp_path, photo):
    data = bytearray(photo.read_bytes())
    data[data.index(b"IDAT") + 20] ^= 1
    photo.write_bytes(data)
    result = run("upscale", photo, "--scale", 2)
    assert result.exit_code == 1
    [line, _] = result.stderr.splitlines()
    assert line.startswith(f"{photo}: damaged or truncated (")


def test_heic_is_read_by_its_plugin(tmp_path, photo):
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    Image.fromarray(photograph(16, 24)).save(tmp_path / "phone.heic", quality=90)
    read = picture.read(tmp_path / "phone.heic")
    assert read.pixels.shape == (16, 24, 3)
    assert np.abs(read.pixels.astype(int) - photograph(16, 24)).mean() < 20
    assert run("upscale", tmp_path / "phone.heic", "--scale", 2, "-n", 1).exit_code == 0


def test_heic_without_its_plugin_is_told_what_helps(tmp_path, monkeypatch):
    monkeypatch.setattr(picture, "_readable", lambda: picture.READABLE)
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    result = run("upscale", tmp_path / "phone.heic")
    assert result.exit_code == 1
    assert result.stderr.startswith(
        f"{tmp_path / 'phone.heic'}: HEIC needs a plugin: pip install pillow-heif\n"
    )


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("CMYK", "a CMYK JPEG, which is not supported yet; convert it to RGB first"),
        ("4:1:1", "unsupported chroma subsampling; 4:4:4, 4:2:2, 4:2:0 and 4:4:0 can be read"),
        ("RGB", "an RGB JPEG, not YCbCr; save it as an ordinary JPEG"),
        ("arithmetic", "an arithmetic-coded or lossless JPEG; save it as an ordinary JPEG"),
    ],
)
def test_a_jpeg_that_is_not_decompressed_says_why(tmp_path, kind, said):
    file = tmp_path / "odd.jpg"
    image = Image.fromarray(photograph(32, 32))
    if kind == "RGB":
        image.save(file, keep_rgb=True)
    elif kind == "CMYK":
        image.convert("CMYK").save(file)
    else:
        image.save(file, subsampling="4:2:0")
        data = bytearray(file.read_bytes())
        frame = data.index(b"\xff\xc0")
        if kind == "arithmetic":
            data[frame + 1] = 0xC9
        else:
            data[frame + 11] = 0x41  # Y has four samples across for each of the chroma planes
        file.write_bytes(data)
    result = run("decompress", file)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[0] == f"{file}: {said}"


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_avif_is_read(tmp_path):
    Image.fromarray(photograph(16, 16)).save(tmp_path / "a.avif")
    assert run("upscale", tmp_path / "a.avif", "--scale", 2, "-n", 1).exit_code == 0
