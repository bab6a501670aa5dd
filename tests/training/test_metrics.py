"""Metrics against formulas written another way, other people's implementations, and ideals."""

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
import torch
from imagine_training.evaluation import metrics
from pictures import photograph
from skimage.metrics import peak_signal_noise_ratio, structural_similarity


@pytest.fixture
def observed():
    return photograph(64, 96)


@pytest.fixture
def picture(observed):
    noise = np.random.default_rng(1).normal(0, 12, observed.shape)
    return (observed + noise).clip(0, 255).astype(np.uint8)


def test_psnr_is_scikit_image_s(picture, observed):
    assert metrics.psnr(picture, observed) == pytest.approx(
        peak_signal_noise_ratio(observed, picture, data_range=255)
    )


def test_ssim_is_scikit_image_s(picture, observed):
    theirs = structural_similarity(
        observed, picture, data_range=255, channel_axis=2,
        gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
    )  # fmt: skip
    assert metrics.ssim(picture, observed) == pytest.approx(theirs, abs=1e-9)
    assert metrics.ssim(picture, observed) < 0.95


@pytest.mark.parametrize("scale", [4, 16])
def test_lr_psnr_is_that_of_pictures_shrunk_by_torch(picture, observed, scale):
    def shrunk(pixels):
        tensor = torch.tensor(pixels).permute(2, 0, 1)[None]
        size = pixels.shape[0] // scale, pixels.shape[1] // scale
        return torch.nn.functional.interpolate(tensor, size, mode="bicubic", antialias=True)

    error = (shrunk(picture).double() - shrunk(observed).double()).square().mean()
    assert metrics.lr_psnr(picture, observed, scale) == pytest.approx(
        10 * np.log10(255**2 / error.item()), abs=0.2
    )


def test_lr_psnr_forgives_what_shrinking_takes_away(observed):
    checks = np.indices(observed.shape[:2]).sum(0) % 2 * 10
    picture = (observed.clip(10, 245) + checks[..., None] - 5).astype(np.uint8)
    other = observed.clip(10, 245)
    assert metrics.lr_psnr(picture, other, 4) > metrics.psnr(picture, other) + 15


def test_a_picture_against_itself_is_ideal(observed):
    ideal = 10 * np.log10(2 * 255**2 * 64 * 96 * 3)
    assert metrics.psnr(observed, observed) == pytest.approx(ideal, abs=1e-9)
    small = 10 * np.log10(2 * 255**2 * 16 * 24 * 3)
    assert metrics.lr_psnr(observed, observed, 4) == pytest.approx(small, abs=1e-9)
    assert metrics.ssim(observed, observed) == 1
    assert np.array_equal(metrics.mean_picture([observed, observed, observed]), observed)


def test_the_mean_picture_is_one_of_pixels(picture, observed):
    mean = metrics.mean_picture([picture, observed])
    assert mean.shape == observed.shape
    assert np.abs(mean - (picture / 2 + observed / 2)).max() <= 0.5


def test_spread_is_the_mean_over_different_pairs():
    distances = np.array([[0, 1, 2], [1, 0, 6], [2, 6, 0]])
    assert metrics.spread(distances) == 3
    assert metrics.spread(np.zeros((1, 1))) == metrics.spread(np.zeros((4, 4))) == 0


@pytest.mark.parametrize("sigma", [0.3, 0.2, 0.15])
def test_faithfulness_weighted_variance_is_its_formula(sigma):
    to_mean, to_observed = np.array([0.2, 0.4, 0.1]), np.array([0.5, 0.3, 0.7])
    expected = (
        scipy.stats.norm(scale=sigma).pdf(np.sqrt(to_observed))
        / scipy.stats.norm(scale=sigma).pdf(0)
        * to_mean
    ).sum() / 3
    found = metrics.faithfulness_weighted_variance(to_mean, to_observed, sigma)
    assert found == pytest.approx(expected)


def test_variants_that_are_all_alike_have_no_variance():
    assert metrics.faithfulness_weighted_variance(np.zeros(5), np.full(5, 0.4), 0.2) == 0


def test_s10_is_worked_out_by_hand():
    # Means 4 and 3, so G = 3; the pixels' least are 1, 2, 4 and 1, so B = 2.
    maps = np.array([[[1, 6], [4, 5]], [[5, 2], [4, 1]]], float)
    assert metrics.s10(maps) == pytest.approx(100 / 3)


def test_s10_of_identical_variants_is_none():
    one = np.random.default_rng(0).random((1, 5, 7))
    assert metrics.s10(np.repeat(one, 10, 0)) == pytest.approx(0, abs=1e-9)
    assert metrics.s10(np.zeros((10, 5, 7))) == 0


@pytest.mark.parametrize(("count", "other"), [(9, 14), (60, 45)])
def test_frechet_distance_is_the_formula_with_scipy_s_root(count, other):
    """Fewer pictures than dimensions, and more."""
    random = np.random.default_rng(2)
    mix = random.normal(size=(20, 20))
    one, two = random.normal(size=(count, 20)) @ mix, 1.5 * random.normal(size=(other, 20)) + 0.3
    # A little on the diagonals, as SciPy's root of singular matrices is none.
    first, second = (np.cov(some, rowvar=False) + 1e-9 * np.eye(20) for some in (one, two))
    root = scipy.linalg.sqrtm(first @ second).real
    expected = np.sum((one.mean(0) - two.mean(0)) ** 2) + np.trace(first + second - 2 * root)
    assert metrics.frechet(one, two) == pytest.approx(expected, rel=1e-4)
    assert metrics.frechet(one, two) == pytest.approx(metrics.frechet(two, one))
    assert metrics.frechet(one, one[::-1]) == pytest.approx(0, abs=1e-9 * np.trace(first))


def test_frechet_distance_of_a_line_is_known():
    """In one dimension: (μ₁ - μ₂)² + (σ₁ - σ₂)²."""
    one, two = np.array([[-1.0], [1.0]]), np.array([[1.0], [5.0], [9.0]])
    assert metrics.frechet(one, two) == pytest.approx(5**2 + (2**0.5 - 4) ** 2)


def test_kid_is_the_mean_over_different_pairs():
    random = np.random.default_rng(3)
    one, two = random.normal(size=(6, 4)), random.normal(size=(9, 4)) + 1

    def mean(x, y, different):
        pairs = [
            (a, b) for i, a in enumerate(x) for j, b in enumerate(y) if i != j or not different
        ]
        return sum((sum(a * b) / 4 + 1) ** 3 for a, b in pairs) / len(pairs)

    expected = mean(one, one, True) + mean(two, two, True) - 2 * mean(one, two, False)
    assert metrics.kid(one, two) == pytest.approx(expected)
    assert expected > 0.5


def test_kid_is_unbiased_where_the_frechet_distance_is_not():
    """Two halves of one population: 0 on the mean of many trials."""
    random = np.random.default_rng(4)
    trials = [random.normal(size=(2, 8, 3)) for _ in range(400)]
    distances = np.array([metrics.kid(*trial) for trial in trials])
    assert abs(distances.mean()) < 4 * distances.std() / 20
    assert min(metrics.frechet(*trial) for trial in trials) > 0


def test_the_interval_is_scipy_s_bootstrap():
    values = np.random.default_rng(5).gamma(2, size=40)
    theirs = scipy.stats.bootstrap(
        [values], np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(6)
    ).confidence_interval
    assert metrics.bootstrap(values) == pytest.approx((theirs.low, theirs.high), rel=0.02)
    assert metrics.bootstrap(values) == metrics.bootstrap(values)
    assert metrics.bootstrap(np.array([0.25])) == (0.25, 0.25)
