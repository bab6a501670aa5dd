"""What is read of a JPEG, whoever wrote it, and what is refused."""

import io
import tempfile
from pathlib import Path

import jpeglib
import numpy as np
import pytest
from jpegs import coefficients, encode, standard_tables
from pictures import photograph
from PIL import Image
from scipy.fft import idctn

from imagine_cli import jpeg_codec
from imagine_cli.errors import OutputError, PictureError
from imagine_cli.jpeg import JpegCoded
from imagine_cli.jpeg_codec import recompressed


@pytest.fixture
def file(tmp_path):
    return tmp_path / "picture.jpg"


def test_the_coefficients_are_those_that_the_observed_picture_was_decoded_from(file):
    encode(file, photograph(40, 56), "grey", standard_tables(30))
    evidence = JpegCoded.from_file(file)
    (luma,) = evidence.planes
    decoded = idctn(luma.quantised * luma.steps, axes=(2, 3), norm="ortho") + 128
    decoded = decoded.swapaxes(1, 2).reshape(40, 56).clip(0, 255)
    assert evidence.grey
    assert np.abs(evidence.observed.astype(float) - decoded[..., None]).max() < 1


def test_the_observed_picture_is_pillow_s_as_it_lies_in_the_file(file):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    Image.fromarray(photograph(24, 40)).save(file, exif=exif)
    evidence = JpegCoded.from_file(file)
    with Image.open(file) as image:
        expected = np.asarray(image)
    assert (evidence.height, evidence.width) == (24, 40)
    assert (evidence.observed == expected).all()
    assert evidence.observed.dtype == np.uint8


@pytest.mark.parametrize(
    "options",
    [{"progressive": True}, {"optimize": True}, {"restart_marker_blocks": 2}],
    ids=["progressive", "optimised", "restarts"],
)
def test_other_ways_to_write_it_tell_the_same(file, options):
    picture = Image.fromarray(photograph(50, 70))
    picture.save(file, quality=50)
    expected = coefficients(file)
    picture.save(file, quality=50, **options)
    found = JpegCoded.from_file(file).planes
    assert all((p.quantised == e).all() for p, e in zip(found, expected, strict=True))


def test_a_phone_s_many_segments_do_no_harm(file):
    Image.fromarray(photograph(32, 48)).save(file)
    expected, data = coefficients(file), file.read_bytes()
    file.write_bytes(data[:2] + (b"\xff\xe1\x10\x00" + bytes(4094)) * 70 + data[2:])
    found = JpegCoded.from_file(file).planes
    assert all((p.quantised == e).all() for p, e in zip(found, expected, strict=True))


def test_what_libjpeg_mutters_is_not_passed_on(file, capfd):
    Image.fromarray(photograph(32, 48)).save(file)
    expected, data = coefficients(file), file.read_bytes()
    file.write_bytes(data[:-2] + bytes(9) + data[-2:])
    capfd.readouterr()
    found = JpegCoded.from_file(file).planes
    assert capfd.readouterr() == ("", "")
    assert all((p.quantised == e).all() for p, e in zip(found, expected, strict=True))
    jpeglib.read_dct(file)
    assert "extraneous" in capfd.readouterr().err


def written(kind):
    """Files that are refused, made from a good one."""
    picture, file = Image.fromarray(photograph(32, 48)), io.BytesIO()
    if kind == "PNG":
        picture.save(file, "PNG")
    elif kind == "CMYK":
        picture.convert("CMYK").save(file, "JPEG")
    elif kind == "RGB":
        picture.save(file, "JPEG", keep_rgb=True)
    else:
        picture.save(file, "JPEG", quality=90)
    data = bytearray(file.getvalue())
    frame = data.find(b"\xff\xc0")
    if kind == "12 bits":
        data[frame + 4] = 12
    elif kind == "arithmetic":
        data[frame + 1] = 0xC9
    elif kind == "4:1:1":
        data[frame + 11] = 0x41
    elif kind == "truncated":
        del data[len(data) // 2 :]
    elif kind == "header alone":
        del data[frame + 6 :]
    elif kind == "empty":
        data.clear()
    return bytes(data)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("PNG", "imagine upscale"),
        ("empty", "not a JPEG"),
        ("CMYK", "CMYK"),
        ("RGB", "RGB"),
        ("12 bits", "12-bit"),
        ("arithmetic", "arithmetic"),
        ("4:1:1", "4:2:0"),
        ("truncated", "truncated"),
        ("header alone", "truncated"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(file, capfd, kind, words):
    file.write_bytes(written(kind))
    with pytest.raises(PictureError, match=words) as refusal:
        JpegCoded.from_file(file)
    assert "\n" not in str(refusal.value)
    assert capfd.readouterr() == ("", "")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(PictureError, match="No such file"):
        JpegCoded.from_file(tmp_path / "nothing.jpg")


@pytest.mark.parametrize("pad", [b"\xff", b"\xff\xff\xff", b"\x00", b"\x12\x34"], ids=repr)
def test_padding_between_segments_is_passed_over(file, pad):
    Image.fromarray(photograph(32, 48)).save(file, quality=30)
    plain = JpegCoded.from_file(file)
    data = file.read_bytes()
    for marker in (b"\xff\xdb", b"\xff\xc0", b"\xff\xda"):
        where = data.index(marker)
        file.write_bytes(data[:where] + pad + data[where:])
        padded = JpegCoded.from_file(file)
        for one, other in zip(plain.planes, padded.planes, strict=True):
            np.testing.assert_array_equal(one.quantised, other.quantised)
            assert (one.vertical, one.horizontal) == (other.vertical, other.horizontal)


def test_a_step_of_zero_is_refused(file):
    Image.fromarray(photograph(32, 48)).save(file, quality=30)
    data = bytearray(file.read_bytes())
    data[data.index(b"\xff\xdb") + 9] = 0
    file.write_bytes(data)
    with pytest.raises(PictureError, match="damaged"):
        JpegCoded.from_file(file)


@pytest.mark.parametrize("memory", [jpeg_codec._MEMORY, "/none"])
def test_a_full_folder_for_temporary_files_is_not_the_file_s_fault(memory, file, monkeypatch):
    Image.fromarray(photograph(32, 48)).save(file, quality=30)
    full = Path("/dev/full/none") if Path("/dev/full").exists() else file / "none"
    monkeypatch.setattr(tempfile, "tempdir", str(full))
    monkeypatch.setattr(jpeg_codec, "_MEMORY", memory)
    with pytest.raises(OutputError, match="TMPDIR"):
        JpegCoded.from_file(file)


def test_files_in_memory_and_on_the_disk_are_read_alike(file, monkeypatch):
    Image.fromarray(photograph(32, 48)).save(file, quality=30)
    picture = photograph(32, 48, 1)

    def found():
        evidence = JpegCoded.from_file(file)
        return *(plane.quantised for plane in evidence.planes), *recompressed(
            picture, evidence.planes
        )

    here = found()
    monkeypatch.setattr(jpeg_codec, "_MEMORY", "/none")
    for one, other in zip(here, found(), strict=True):
        assert np.array_equal(one, other)


def mutated(data, rng):
    """A JPEG with a few bytes changed, taken out, doubled or cut off, mostly in its header."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 4)):
        reach = 640 if rng.random() < 0.8 else len(data)
        where = int(rng.integers(2, min(reach, len(data))))
        length = int(rng.integers(1, 9))
        match int(rng.integers(6)):
            case 0 | 1:
                data[where] = int(rng.integers(256))
            case 2:
                data[where] = int(rng.choice([0, 1, 255, 0xC0, 0xC4, 0xDA, 0xDB, 0xD9]))
            case 3:
                del data[where : where + length]
            case 4:
                data[where:where] = data[where : where + length]
            case 5:
                del data[max(where, len(data) // 2) :]
    return bytes(data)


@pytest.mark.parametrize("seed", range(8))
def test_mutated_files_are_read_or_refused_in_one_line(file, seed):
    rng = np.random.default_rng(seed)
    originals = []
    for sampling in ("4:4:4", "4:2:2", "4:2:0", "grey"):
        encode(file, photograph(24, 40, seed), sampling, standard_tables(int(rng.integers(5, 95))))
        originals.append(file.read_bytes())
    refused = []
    for number in range(250):  # 2,000 in all
        file.write_bytes(mutated(originals[number % len(originals)], rng))
        try:
            with Image.open(file) as image:
                large = image.width * image.height > 20_000
        except Exception:
            large = False
        if large:
            continue  # correct, but slow
        try:
            evidence = JpegCoded.from_file(file)
            if number % 5 == 0:  # the slow part
                evidence.agreement(evidence.render(evidence.observed / np.float32(255)))
        except PictureError as error:
            refused.append(str(error))
    assert 0 < len(refused) < 250
    assert not any("\n" in line for line in refused)
