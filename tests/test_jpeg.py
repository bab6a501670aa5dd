"""A JPEG as evidence, and variants that agree with it: Pillow's encoder is the witness."""

from pathlib import Path

import jpeglib
import numpy as np
import pytest
from jpegs import SAMPLINGS, coefficients, encode, standard_tables
from pictures import photograph
from PIL import Image, ImageDraw
from scipy.fft import dctn

from imagine_cli.encode import write
from imagine_cli.jpeg import JpegCoded, condition_vector

EVAL = Path(__file__).parents[2] / "shared" / "data" / "eval"


def kept(file, picture, sampling):
    """The share of a file's coefficients that a picture, compressed likewise, gives back."""
    with Image.open(file) as image:
        tables = list(image.quantization.values())
    again = file.with_name("again.jpg")
    encode(again, picture, sampling, tables)
    pairs = zip(coefficients(file), coefficients(again), strict=True)
    equal = [np.ravel(one == other) for one, other in pairs]
    return np.concatenate(equal).mean()


def plain(evidence):
    return evidence.observed


def variant(evidence, noise, seed=0):
    """What a model might make: the plain picture with noise, brought into the cells."""
    random = np.random.default_rng(seed)
    pixels = evidence.observed / 255 + random.normal(0, noise, evidence.observed.shape)
    pixels = pixels.astype(np.float32)
    evidence.project(pixels, 0)
    return pixels


@pytest.fixture
def file(tmp_path):
    return tmp_path / "picture.jpg"


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("quality", [1, 10, 40, 60])
def test_every_coefficient_of_the_file_is_kept(file, sampling, quality):
    encode(file, photograph(83, 121), sampling, standard_tables(quality))
    evidence = JpegCoded.from_file(file)
    picture = evidence.render(variant(evidence, 0.1))
    assert kept(file, picture, sampling) == 1
    assert np.abs(picture.astype(float) - evidence.observed).mean() > 1  # and is another picture


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize(("quality", "share"), [(75, 0.9999), (90, 0.999)])
def test_of_fine_tables_nearly_every_coefficient_is_kept(file, sampling, quality, share):
    encode(file, photograph(90, 130), sampling, standard_tables(quality))
    evidence = JpegCoded.from_file(file)
    assert kept(file, evidence.render(variant(evidence, 0.05)), sampling) >= share
    assert kept(file, plain(evidence), sampling) < 1


def hard_pictures():
    text = Image.new("RGB", (96, 48))
    ImageDraw.Draw(text).multiline_text((4, 4), "White on\nblack, 0123", fill="white")
    red = Image.new("RGB", (90, 50), "red")
    ImageDraw.Draw(red).ellipse((20, 5, 70, 40), fill="blue", outline="lime")
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    return [np.asarray(text), np.asarray(red), noise]


@pytest.mark.parametrize("quality", [30, 90, 100])
@pytest.mark.parametrize("picture", hard_pictures(), ids=["text", "red", "noise"])
def test_never_fewer_are_kept_than_by_plain_decoding(file, picture, quality):
    encode(file, picture, "4:2:0", standard_tables(quality))
    evidence = JpegCoded.from_file(file)
    made = evidence.render(variant(evidence, 0.2))
    assert kept(file, made, "4:2:0") >= kept(file, plain(evidence), "4:2:0")
    assert kept(file, made, "4:2:0") == 1 or quality > 30


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (9, 7), (15, 17), (33, 31)])
def test_any_size_will_do(file, sampling, size):
    encode(file, photograph(*size), sampling, standard_tables(50))
    evidence = JpegCoded.from_file(file)
    picture = evidence.render(variant(evidence, 0.1))
    assert picture.shape == (*size, 3)
    assert kept(file, picture, sampling) == 1
    assert evidence.agreement(picture).as_json()["coefficients_kept"] == 1


@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:2", "4:2:0", "4:4:0"])
def test_projected_coefficients_lie_in_their_cells(file, sampling):
    encode(file, photograph(304, 32), sampling, standard_tables(20))  # more than one band
    evidence = JpegCoded.from_file(file)
    ycc = (
        variant(evidence, 0.3).astype(float)
        * 255
        @ np.array(
            [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]]
        ).T
    )
    down, across = SAMPLINGS[sampling]
    small = ycc.reshape(304 // down, down, 32 // across, across, 3).mean((1, 3))
    jpeg = jpeglib.read_dct(file)
    for i, pixels in enumerate((ycc[..., 0] - 128, small[..., 1], small[..., 2])):
        blocks = pixels.reshape(pixels.shape[0] // 8, 8, -1, 8).swapaxes(1, 2)
        found = dctn(blocks, axes=(2, 3), norm="ortho") / jpeg.get_component_qt(i)
        error = np.abs(found - (jpeg.Y, jpeg.Cb, jpeg.Cr)[i])
        assert error.max() < 0.4505
        assert error.max() > 0.4  # the noise was there


def test_projecting_twice_changes_nothing(file):
    encode(file, photograph(64, 48), "4:2:0", standard_tables(20))
    evidence = JpegCoded.from_file(file)
    once = variant(evidence, 0.2)
    twice = once.copy()
    evidence.project(twice, 0)
    assert twice == pytest.approx(once, abs=1e-5)


def test_at_odd_borders_projecting_again_and_again_comes_to_rest(file):
    encode(file, photograph(35, 21), "4:2:0", standard_tables(20))
    evidence = JpegCoded.from_file(file)
    pixels = variant(evidence, 0.2)
    for _ in range(30):
        evidence.project(pixels, 0)
    rest = pixels.copy()
    evidence.project(rest, 0)
    assert rest == pytest.approx(pixels, abs=1e-3)


def test_noise_in_one_corner_leaves_the_rest_alone(file):
    encode(file, photograph(64, 64), "4:2:0", standard_tables(75))
    evidence = JpegCoded.from_file(file)
    pixels = variant(evidence, 0.02)
    other = pixels.copy()
    other[:16, :16] = 1 - other[:16, :16]
    one, two = evidence.render(pixels), evidence.render(other)
    one[:16, :16] = two[:16, :16]
    assert (one == two).all()


def test_a_grey_file_gives_grey_variants(file):
    encode(file, photograph(40, 56), "grey", standard_tables(30))
    evidence = JpegCoded.from_file(file)
    picture = evidence.render(variant(evidence, 0.1))
    assert (picture == picture[..., :1]).all()


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_the_model_is_told_tables_and_sampling(file, sampling):
    encode(file, photograph(24, 24), sampling, standard_tables(35))
    told = JpegCoded.from_file(file).condition()
    tables = standard_tables(35)
    down, across = SAMPLINGS[sampling]
    assert told.shape == (131,)
    assert told.dtype == np.float32
    assert 2 ** (told[:64] * 8) == pytest.approx(tables[0], rel=1e-5)  # Pillow's, row by row
    assert 2 ** (told[64:128] * 8) == pytest.approx(tables[sampling != "grey"], rel=1e-5)
    assert list(told[128:]) == [across == 2, down == 2, sampling == "grey"]


def test_the_condition_is_written_once():
    luma, chroma = np.full((8, 8), 2), np.full((8, 8), 16)
    expected = [1 / 8] * 64 + [4 / 8] * 64 + [1, 0, 0]
    assert list(condition_vector(luma, chroma, 2, 1, False)) == expected


def test_each_plane_may_have_its_own_table_of_steps_beyond_a_byte(file, capfd):
    tables = [[300] * 64, [20] * 64, [700] * 64]
    Image.fromarray(photograph(32, 48)).save(file, qtables=tables, subsampling="4:2:0")
    evidence = JpegCoded.from_file(file)
    assert [plane.steps[0, 0] for plane in evidence.planes] == [300, 20, 700]
    capfd.readouterr()  # libjpeg, in Pillow, remarks on such steps
    picture = evidence.render(variant(evidence, 0.1))
    assert capfd.readouterr() == ("", "")
    assert kept(file, picture, "4:2:0") == 1


def test_agreement_counts_what_differs(file):
    encode(file, photograph(32, 48), "4:4:4", standard_tables(50))
    evidence = JpegCoded.from_file(file)
    good = evidence.agreement(evidence.render(variant(evidence, 0.05)))
    assert good.as_json() == {"coefficients_kept": 1, "worst_cell_error": 0}
    assert good.shortfall is None
    other = photograph(32, 48, seed=1)
    bad = evidence.agreement(other)
    assert bad.as_json()["coefficients_kept"] == pytest.approx(kept(file, other, "4:4:4"))
    assert bad.as_json()["worst_cell_error"] > 1
    assert bad.shortfall == f"{bad.differing:,} of the file's 4,608 coefficients are not kept"


def test_no_promise_is_made_for_the_finest_tables(file):
    encode(file, photograph(32, 48), "4:4:4", standard_tables(98))
    evidence = JpegCoded.from_file(file)
    assert evidence.agreement(plain(evidence)).shortfall is None


@pytest.mark.skipif(not EVAL.exists(), reason="the evaluation pictures are not here")
@pytest.mark.parametrize(("quality", "share"), [(10, 1), (60, 1), (75, 0.9999), (90, 0.995)])
@pytest.mark.parametrize("name", ["05", "20"])  # much detail; a blown sky
def test_photographs_keep_what_is_promised(file, name, quality, share):
    with Image.open(EVAL / "Kodak24" / f"{name}.png") as image:
        picture = np.asarray(image.convert("RGB"))[:160, :320]
    encode(file, picture, "4:2:0", standard_tables(quality))
    evidence = JpegCoded.from_file(file)
    assert kept(file, evidence.render(variant(evidence, 0.1)), "4:2:0") >= share


@pytest.mark.parametrize("quality", [10, 50, 75, 85])
def test_what_is_measured_of_a_grey_file_is_what_is_written(file, quality):
    for seed in range(4):
        Image.fromarray(photograph(64, 96, seed)).convert("L").save(file, quality=quality)
        evidence = JpegCoded.from_file(file)
        noise = np.random.default_rng(seed).normal(0, 12 / 255, evidence.observed.shape)
        picture = evidence.render(evidence.observed / np.float32(255) + noise.astype(np.float32))
        assert (picture == picture[..., :1]).all()
        goal = file.with_suffix(".png")
        write(picture, goal, grey=True)
        written = np.asarray(Image.open(goal).convert("RGB"))
        share = kept(file, written, "grey")
        assert share == pytest.approx(evidence.agreement(picture).kept, abs=1e-12)
