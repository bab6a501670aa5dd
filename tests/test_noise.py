"""Codes come from their seed, wherever they are cut."""

import math

import numpy as np
import pytest
from scipy import stats

from imagine_cli import noise


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
    assert np.isfinite(noise.vector(noise.LARGEST_SEED, 0, 4)).all()


def codes(seed, like=None):
    cut = slice(0, 128), slice(64, 192)
    field = noise.Field(seed, 1, 2, like).cut(*cut)
    return np.concatenate([field.ravel(), noise.vector(seed, 1, 3000, like)])


def test_spread_nought_is_the_seed_itself():
    assert (codes(3, noise.Like(7, 0)) == codes(7)).all()


@pytest.mark.parametrize("seed", [3, 7])  # 7 around 7 too: its new code is another one
@pytest.mark.parametrize("spread", [0.3, 0.8, 1])
def test_around_a_seed_codes_stay_normal_and_as_near_as_told(seed, spread):
    around = codes(seed, noise.Like(7, spread))
    assert stats.kstest(around, "norm").pvalue > 0.001
    nearness = np.corrcoef(around, codes(7))[0, 1]
    assert nearness == pytest.approx(math.sqrt(1 - spread**2), abs=0.03)


VECTOR = (0.2852361, -0.8254925, 1.9575834)
CUT = (-0.4788978, 0.5806689, 0.5642921)
