"""Every picture that leaves `Downscaled` shrinks to the small one. Pillow is the witness."""

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from pictures import photograph
from PIL import Image

from imagine_cli import nudges
from imagine_cli.downscaled import FACTORS, Downscaled
from imagine_cli.resampling import KERNELS, mending_matrix, shrinking_matrix

EVALUATION = Path(__file__).parents[2] / "shared" / "data" / "eval"

every_kernel = pytest.mark.parametrize("kernel", KERNELS)
every_factor = pytest.mark.parametrize("factor", FACTORS)


def in_pairs(name, values):
    """Each value with every kernel and every factor, and these with each other; not all threes."""
    return pytest.mark.parametrize(
        (name, "kernel", "factor"),
        [
            (value, kernel, FACTORS[(place + other) % len(FACTORS)])
            for place, value in enumerate(values)
            for other, kernel in enumerate(KERNELS)
        ],
    )


def shrunk(picture, factor, kernel):
    """By Pillow; float pictures channel by channel, unrounded."""
    size, resample = (
        (picture.shape[1] // factor, picture.shape[0] // factor),
        Image.Resampling[kernel.upper()],
    )
    if picture.dtype == np.uint8:
        return np.asarray(Image.fromarray(picture).resize(size, resample))
    planes = [picture[..., c].astype(np.float32) for c in range(3)]
    return np.stack([Image.fromarray(plane).resize(size, resample) for plane in planes], 2)


def noisy_enlargement(picture, factor, levels=25):
    """What a careless model might say: float16, and far from the evidence."""
    size = (picture.shape[1] * factor, picture.shape[0] * factor)
    plain = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC)) / 255
    noise = np.random.default_rng(0).normal(0, levels / 255, plain.shape)
    return (plain + noise).astype(np.float16)


def any_picture(*shape):
    return np.random.default_rng(1).integers(0, 256, (*shape, 3), np.uint8)


def flat(*colour):
    return np.full((24, 24, 3), colour, np.uint8)


def checkerboard(side):
    dark = np.indices((side, side)).sum(0)[..., None].repeat(3, 2) % 2
    return (dark * 255).astype(np.uint8)


@in_pairs("size", [(1, 1), (1, 7), (5, 2), (13, 70)])
def test_a_projected_picture_shrinks_to_the_observed_one(kernel, factor, size):
    evidence = Downscaled(any_picture(*size), factor, kernel)
    pixels = np.random.default_rng(2).random((size[0] * factor, size[1] * factor, 3))
    evidence.project(pixels, len(evidence.factors) - 1)
    assert np.abs(shrunk(pixels, factor, kernel) - evidence.observed / 255).max() < 1e-5


@every_kernel
def test_each_level_is_projected_at_its_own_scale(kernel):
    evidence = Downscaled(any_picture(6, 9), 16, kernel)
    assert evidence.factors == (2, 4, 8, 16)
    for level, factor in enumerate(evidence.factors):
        pixels = np.zeros((6 * factor, 9 * factor, 3), np.float32)
        evidence.project(pixels, level)
        assert np.abs(shrunk(pixels, factor, kernel) - evidence.observed / 255).max() < 1e-5


@every_kernel
def test_projecting_twice_changes_nothing(kernel):
    evidence = Downscaled(any_picture(11, 40), 8, kernel)
    once = np.random.default_rng(2).random((88, 320, 3))
    evidence.project(once, 2)
    twice = once.copy()
    evidence.project(twice, 2)
    assert np.abs(twice - once).max() < 1e-12


@every_kernel
@every_factor
def test_bands_leave_no_trace(kernel, factor):
    height, width = 150, 3
    evidence = Downscaled(any_picture(height, width), factor, kernel)
    pixels = np.random.default_rng(2).random((height * factor, width * factor, 3))
    lacking = evidence.observed / np.float32(255) - np.einsum(
        "ab,bcd,ec->aed",
        shrinking_matrix(height, factor, kernel),
        pixels,
        shrinking_matrix(width, factor, kernel),
        optimize=True,
    )
    mend_rows, mend_columns = (mending_matrix(n, factor, kernel) for n in (height, width))
    whole = pixels + np.einsum("ab,bcd,ec->aed", mend_rows, lacking, mend_columns, optimize=True)
    evidence.project(pixels, len(evidence.factors) - 1)
    assert np.abs(pixels - whole).max() < 1e-10


@every_kernel
def test_a_correction_does_not_show_the_small_pixels(kernel):
    wave = np.sin(np.arange(40 * 16) / 60)
    smooth = 0.5 + 0.3 * wave[:, None, None] * np.ones((1, 2 * 16, 3))
    evidence = Downscaled(flat(128)[:1, :2].repeat(40, 0), 16, kernel)
    pixels = smooth.copy()
    evidence.project(pixels, 3)
    steps = np.abs(np.diff((pixels - smooth)[:, 0, 0]))
    borders = steps[15::16]
    within = np.delete(steps, slice(15, None, 16))
    assert borders.mean() < 1.1 * within.mean()


def test_projection_needs_little_memory():
    evidence = Downscaled(any_picture(128, 128), 16)
    pixels = np.zeros((2048, 2048, 3), np.float16)
    evidence.project(pixels, 3)  # fills the caches
    tracemalloc.start()
    evidence.project(pixels, 3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < pixels.nbytes / 2


PICTURES = {
    "photograph": photograph(40, 56),
    "black": flat(0, 0, 0),
    "white": flat(255, 255, 255),
    "red": flat(255, 0, 0),
    "tall": photograph(70, 20),
    "nearly white": 240 + photograph(24, 24) // 17,
}


@in_pairs("name", PICTURES)
def test_what_is_written_shrinks_to_the_input(name, factor, kernel):
    picture = PICTURES[name]
    enlarged = Image.fromarray(picture).resize(
        (picture.shape[1] * factor, picture.shape[0] * factor), Image.Resampling.LANCZOS
    )
    evidence = Downscaled(shrunk(np.asarray(enlarged), factor, kernel), factor, kernel)
    written = evidence.render(noisy_enlargement(picture, factor))
    assert_agrees(written, evidence)


@every_factor
@pytest.mark.parametrize("name", ["Kodak24/03.png", "Kodak24/20.png", "Kodak24/23.png"])
def test_photographs_are_met(name, factor):
    if not (EVALUATION / name).exists():
        pytest.skip(f"{EVALUATION / name} is not there")
    large = np.asarray(Image.open(EVALUATION / name).convert("RGB"))[:320, :480]
    evidence = Downscaled(shrunk(large, 16 if factor > 4 else 8, "bicubic"), factor)
    written = evidence.render(noisy_enlargement(evidence.observed, factor))
    assert evidence.agreement(written).identical >= 0.9995


def test_even_areas_which_round_all_at_once_are_met():
    rows, columns = np.mgrid[0:20, 0:24] / 24
    sky = np.dstack([90 + 20 * rows, 140 + 10 * columns, 190 + 5 * rows]).round().astype(np.uint8)
    for factor in FACTORS:
        evidence = Downscaled(sky, factor)
        written = evidence.render(np.repeat(np.repeat(sky, factor, 0), factor, 1) / np.float32(255))
        assert evidence.agreement(written).identical == 1


def assert_agrees(written, evidence):
    error = shrunk(written, evidence.factor, evidence.kernel).astype(int) - evidence.observed
    agreement = evidence.agreement(written)
    assert (error == 0).mean() >= 0.999
    assert 10 * np.log10(255**2 / max((error**2).mean(), 1e-9)) >= 55
    assert agreement.identical == (error == 0).mean()
    assert agreement.max_error == np.abs(error).max()
    assert agreement.shortfall is None


@pytest.mark.parametrize(("height", "width"), [(140, 90), (140, 9), (9, 140)])
def test_agreement_is_what_pillow_says_of_the_whole_picture(height, width):
    evidence = Downscaled(any_picture(height, width), 4, "lanczos")
    picture = any_picture(4 * height, 4 * width)
    error = shrunk(picture, 4, "lanczos").astype(float) - evidence.observed
    agreement = evidence.agreement(picture)
    assert agreement.lr_psnr_db == pytest.approx(10 * np.log10(255**2 / (error**2).mean()))
    assert agreement.max_error == np.abs(error).max()
    assert agreement.identical == (error == 0).mean()


def test_perfect_agreement_is_a_number_that_json_knows():
    decibels = []
    for side in (2, 8):
        evidence = Downscaled(flat(90)[:side, :side], 2)
        figures = evidence.agreement(flat(90)[: 2 * side, : 2 * side]).as_json()
        assert json.loads(json.dumps(figures, allow_nan=False)) == figures
        assert (figures["identical"], figures["max_error"]) == (1, 0)
        decibels.append(figures["lr_psnr_db"])
    assert decibels == pytest.approx([10 * np.log10(255**2 * n / 0.5) for n in (12, 192)])


def test_a_checkerboard_says_that_nothing_shrinks_to_it():
    evidence = Downscaled(checkerboard(12), 8, "bicubic")
    canvas = noisy_enlargement(evidence.observed, 8, levels=0)
    plain = np.rint(np.clip(canvas * 255.0, 0, 255)).astype(np.uint8)
    nearest = evidence.agreement(evidence.render(canvas))
    assert "found no picture" in nearest.shortfall
    assert f"{nearest.lr_psnr_db:.1f} dB" in nearest.shortfall
    assert nearest.lr_psnr_db > evidence.agreement(plain).lr_psnr_db + 1


def test_the_nearest_picture_is_found_in_bounded_time(monkeypatch):
    rounds = []
    lay = nudges.Search._lay
    monkeypatch.setattr(nudges.Search, "_lay", lambda *a: (rounds.append(1), lay(*a)))
    evidence = Downscaled(checkerboard(12), 2, "bilinear")
    evidence.render(noisy_enlargement(evidence.observed, 2))
    assert len(rounds) < nudges._ROUNDS / 2


def test_grey_stays_grey():
    grey = photograph(20, 24)[..., :1].repeat(3, 2)
    evidence = Downscaled(grey, 8)
    assert evidence.grey
    pixels = noisy_enlargement(grey, 8)
    assert not equal_channels(pixels)
    written = evidence.render(pixels)
    assert equal_channels(written)
    assert_agrees(written, evidence)
    evidence.project(pixels, 2)
    assert equal_channels(pixels)
    assert np.abs(shrunk(pixels, 8, "bicubic") - evidence.observed / 255).max() < 1e-3


def test_colour_is_allowed_where_it_was_asked_for():
    assert not Downscaled(photograph(8, 8), 2).grey
    black = Downscaled(flat(0), 2, grey=False)
    pixels = noisy_enlargement(black.observed, 2)
    black.project(pixels, 0)
    assert not equal_channels(pixels)


def equal_channels(picture):
    return (picture == picture[..., :1]).all()


def test_the_canvas_is_only_read():
    evidence = Downscaled(photograph(9, 9), 4)
    canvas = noisy_enlargement(evidence.observed, 4)
    before = canvas.copy()
    evidence.render(canvas)
    assert (canvas == before).all()


def test_the_model_is_told_the_kernel():
    told = [Downscaled(flat(0), 4, kernel).condition() for kernel in KERNELS]
    assert (np.stack(told) == np.eye(5)).all()
    assert told[0].dtype == np.float32


@pytest.mark.parametrize(("scale", "kernel"), [(3, "bicubic"), (32, "bicubic"), (4, "nearest")])
def test_other_scales_and_kernels_are_refused(scale, kernel):
    with pytest.raises(ValueError, match="factor is one of"):
        Downscaled(flat(0), scale, kernel)
