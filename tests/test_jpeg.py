"""Every variant compresses to the file that it was made from. libjpeg is the witness."""

import contextlib
import io

import numpy as np
import pytest
from pictures import photograph
from PIL import Image

from imagine_cli import PictureError
from imagine_cli.jpeg import JpegCoded, condition_vector


def coded(tmp_path, height=50, width=70, mode="RGB", **options):
    file = tmp_path / "coded.jpg"
    Image.fromarray(photograph(height, width, 3)).convert(mode).save(file, **options)
    return file


def noisy(evidence, strength, seed=0):
    noise = np.random.default_rng(seed).normal(0, strength, evidence.observed.shape)
    return (evidence.observed + noise).astype(np.float32)


def same_scan(file, picture, tmp_path):
    """Whether Pillow, given the file's tables and sampling, writes the same coded data."""
    image = Image.open(file)
    grey = image.mode == "L"
    again = Image.fromarray(picture[..., 0] if grey else picture)
    options = {} if grey else {"subsampling": image.info.get("subsampling", -1)}
    written = io.BytesIO()
    if not grey:
        from PIL.JpegImagePlugin import get_sampling

        options["subsampling"] = get_sampling(image)
    again.save(written, "JPEG", qtables=image.quantization, **options)
    return written.getvalue() == file.read_bytes()


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("quality", [1, 10, 40, 60])
def test_variants_compress_to_the_same_bytes_up_to_quality_60(tmp_path, quality, subsampling):
    file = coded(tmp_path, quality=quality, subsampling=subsampling)
    evidence = JpegCoded.from_file(file)
    pixels = noisy(evidence, 0.05)
    evidence.project(pixels, 0)
    picture = evidence.eight_bits(pixels)
    assert evidence.agreement(picture).as_json() == {
        "coefficients_kept": 1.0, "worst_cell_error": 0.0,
    }  # fmt: skip
    assert same_scan(file, picture, tmp_path)
    assert np.abs(picture / 255 - evidence.observed).mean() > 0.003  # not the plain decoding


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (17, 33), (16, 5)])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_all_sizes_and_grey(tmp_path, size, mode):
    file = coded(tmp_path, *size, mode=mode, quality=30)
    evidence = JpegCoded.from_file(file)
    picture = evidence.eight_bits(noisy(evidence, 0.03))
    assert picture.shape == (*size, 3)
    assert evidence.grey == (mode == "L")
    assert evidence.agreement(picture).kept == 1
    assert same_scan(file, picture, tmp_path)


@pytest.mark.parametrize("options", [
    {"progressive": True}, {"optimize": True}, {"restart_marker_rows": 1},
])  # fmt: skip
def test_all_ways_of_coding(tmp_path, options):
    evidence = JpegCoded.from_file(coded(tmp_path, quality=40, **options))
    assert evidence.agreement(evidence.eight_bits(noisy(evidence, 0.03))).kept == 1


@pytest.mark.parametrize("quality", [75, 90, 95, 100])
def test_never_fewer_than_plain_decoding_keeps(tmp_path, quality):
    evidence = JpegCoded.from_file(coded(tmp_path, quality=quality))
    plain = np.rint(evidence.observed * 255).astype(np.uint8)
    pixels = noisy(evidence, 0.01)
    evidence.project(pixels, 0)
    kept = evidence.agreement(evidence.eight_bits(pixels)).kept
    assert kept >= evidence.agreement(plain).kept
    assert kept >= {75: 0.9999, 90: 0.995}.get(quality, 0)


def test_projecting_twice_changes_nothing(tmp_path):
    evidence = JpegCoded.from_file(coded(tmp_path, 48, 64, quality=20, subsampling=2))
    once = noisy(evidence, 0.2)
    evidence.project(once, 0)
    twice = once.copy()
    evidence.project(twice, 0)
    assert twice == pytest.approx(once, abs=1e-4)


def test_the_witness_sees_a_change(tmp_path):
    evidence = JpegCoded.from_file(coded(tmp_path, 16, 16, quality=50, subsampling=0))
    picture = evidence.eight_bits(evidence.observed.copy())
    picture[3, 3] ^= 128
    found = evidence.agreement(picture)
    assert 0 < found.kept < 1
    assert found.worst >= 1
    assert "not kept" in found.shortfall


def test_the_tables_are_told_to_the_model(tmp_path):
    file = coded(tmp_path, quality=10, subsampling=1)
    told = JpegCoded.from_file(file).condition(0)
    table = np.array(Image.open(file).quantization[0])
    assert told[:64] * 8 == pytest.approx(np.log2(table))
    assert told[128:].tolist() == [1, 0, 0]
    grey = condition_vector(np.full((8, 8), 4), np.ones((8, 8)), 1, 1, grey=True)
    assert grey[:128] == pytest.approx(0.25)
    assert grey[128:].tolist() == [0, 0, 1]


def test_what_is_no_ordinary_jpeg_is_refused_in_one_line(tmp_path):
    picture = Image.fromarray(photograph(20, 20))
    kinds = {
        "a.png": lambda file: picture.save(file),
        "cmyk.jpg": lambda file: picture.convert("CMYK").save(file),
        "rgb.jpg": lambda file: picture.save(file, keep_rgb=True),
        "empty.jpg": lambda file: file.touch(),
        "text.jpg": lambda file: file.write_text("hello"),
    }
    for name, make in kinds.items():
        make(tmp_path / name)
        with pytest.raises(PictureError) as caught:
            JpegCoded.from_file(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_damaged_files_are_refused_or_read_but_never_crash(tmp_path):
    whole = coded(tmp_path, quality=30).read_bytes()
    file = tmp_path / "damaged.jpg"
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(PictureError):
        JpegCoded.from_file(file)
    random = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(whole)
        for place in random.integers(2, len(whole), 4):
            damaged[place] = random.integers(256)
        file.write_bytes(damaged)
        with contextlib.suppress(PictureError):
            JpegCoded.from_file(file)
