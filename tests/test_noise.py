"""Codes come from their seed, wherever they are cut."""

import numpy as np
import pytest
from scipy import stats

from imagine_cli import noise, seeds
from imagine_cli.seeds import Near


def test_a_cut_is_a_part_of_the_whole():
    field = noise.Field(7, 2, 3)
    whole = field.cut(slice(0, 200), slice(0, 150))
    part = field.cut(slice(50, 131), slice(63, 65))
    assert np.array_equal(part, whole[:, 50:131, 63:65])


@pytest.mark.parametrize("other", [noise.Field(8, 2, 3), noise.Field(7, 1, 3)])
def test_seed_and_level_change_every_number(other):
    rows = columns = slice(0, 100)
    assert not (noise.Field(7, 2, 3).cut(rows, columns) == other.cut(rows, columns)).any()
    assert not (noise.vector(7, 2, 9) == noise.vector(other.seed, other.level, 9)).any()


def test_codes_are_standard_normal_and_cells_do_not_repeat():
    field = noise.Field(0, 0, 2).cut(slice(0, 256), slice(0, 256))
    assert stats.kstest(field.ravel(), "norm").pvalue > 0.001
    cells = field[0].reshape(4, 64, 4, 64).transpose(0, 2, 1, 3).reshape(16, -1)
    correlations = np.corrcoef(cells) - np.eye(16)
    assert np.abs(correlations).max() < 0.08  # five standard deviations of chance
    assert stats.kstest(noise.vector(0, 0, 10_000), "norm").pvalue > 0.001


def test_the_numbers_of_a_seed_never_change():
    # Written down once: a variant that somebody keeps the seed of must come back.
    assert noise.vector(7, 0, 3) == pytest.approx(VECTOR, abs=1e-6)
    assert noise.Field(7, 3, 1).cut(slice(64, 65), slice(130, 133)).ravel() == pytest.approx(
        CUT, abs=1e-6
    )


def test_the_largest_seed_is_one_too():
    assert np.isfinite(noise.vector(seeds.LARGEST, 0, 4)).all()


VECTOR = (0.2852361, -0.8254925, 1.9575834)
CUT = (-0.4788978, 0.5806689, 0.5642921)


SPAN = slice(0, 256)


@pytest.mark.parametrize("spread", [0.05, 0.3, 0.8])
def test_codes_around_another_are_standard_normal_and_as_near_as_asked(spread):
    near, liked = Near(7, spread, 2), 7
    for code, centre in (
        (noise.vector(near, 1, 50_000), noise.vector(liked, 1, 50_000)),
        (noise.Field(near, 1, 1).cut(SPAN, SPAN), noise.Field(liked, 1, 1).cut(SPAN, SPAN)),
    ):
        assert code.dtype == np.float32
        assert stats.kstest(code.ravel(), "norm").pvalue > 0.001
        correlation = np.corrcoef(code.ravel(), centre.ravel())[0, 1]
        assert correlation == pytest.approx(np.sqrt(1 - spread**2), abs=0.02)


def test_codes_around_one_that_is_itself_around_another_are_standard_normal():
    code = noise.Field(Near(Near(7, 0.6, 2), 0.6, 3), 0, 1).cut(SPAN, SPAN)
    assert stats.kstest(code.ravel(), "norm").pvalue > 0.001


@pytest.mark.parametrize(("spread", "same"), [(0.0, 7), (1.0, 2)])
def test_spread_goes_from_the_liked_to_an_independent_one(spread, same):
    near = Near(7, spread, 2)
    assert np.array_equal(noise.vector(near, 3, 9), noise.vector(same, 3, 9))
    here = slice(60, 70)
    cuts = [noise.Field(seed, 3, 2).cut(here, here) for seed in (near, same)]
    assert np.array_equal(*cuts)


def test_a_cut_around_another_is_a_part_of_the_whole():
    field = noise.Field(Near(7, 0.3, 2), 2, 3)
    part = field.cut(slice(50, 131), slice(63, 65))
    assert np.array_equal(part, field.cut(slice(0, 200), slice(0, 150))[:, 50:131, 63:65])
