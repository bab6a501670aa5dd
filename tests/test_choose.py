"""Of many variants those are kept that differ most, as a person sees it."""

from itertools import combinations

import numpy as np
import pytest
from pictures import photograph

from imagine_cli import choose


def smallest(fingerprints, places):
    apart = choose.distances(fingerprints)
    return min(apart[pair] for pair in combinations(places, 2))


def points(random, count):
    """Fingerprints of one plane, in clumps, so that the first few may lie close or far."""
    centres = random.normal(0, 1, (3, 2))
    near = centres[random.integers(0, 3, count)] + random.normal(0, random.choice([0.01, 1]), 2)
    return [[(near[n] + random.normal(0, 0.2, 2)).astype(np.float32)] for n in range(count)]


@pytest.mark.parametrize("seed", range(20))
def test_the_kept_are_never_nearer_one_another_than_the_first(seed):
    random = np.random.default_rng(seed)
    pool = int(random.integers(2, 14))
    count = int(random.integers(2, pool + 1))
    fingerprints = points(random, pool)
    kept = choose.farthest(fingerprints, count)
    assert kept[0] == 0
    assert kept == sorted(set(kept))
    assert len(kept) == count
    assert smallest(fingerprints, kept) >= smallest(fingerprints, range(count))


def test_where_going_for_the_farthest_ends_worse_the_first_are_kept():
    # The farthest from the first lies between the two others, and spoils both.
    places = [(0, 0), (5, 0), (2.5, 4.33), (4.76, 2.75)]
    assert choose.farthest([[np.array(place, np.float32)] for place in places], 3) == [0, 1, 2]


def test_one_is_the_first_and_all_are_all():
    fingerprints = points(np.random.default_rng(0), 6)
    assert choose.farthest(fingerprints, 1) == [0]
    assert choose.farthest(fingerprints, 6) == list(range(6))


def test_the_odd_one_out_is_kept():
    smooth = photograph(90, 120)
    random = np.random.default_rng(1)
    pool = [smooth + random.integers(0, 3, smooth.shape).astype(np.uint8) for _ in range(6)]
    stripes = smooth.copy()
    stripes[30:60, ::2] //= 2  # fine detail: reduced to a thumbnail, nearly the same
    pool[4] = stripes
    assert choose.farthest([choose.fingerprint(one) for one in pool], 2) == [0, 4]


def test_two_textures_of_a_kind_are_near_and_the_direction_counts():
    random = np.random.default_rng(2)
    rows, columns, other = (np.full((256, 384, 3), 128, np.uint8) for _ in range(3))
    rows[::2], columns[:, ::2] = 98, 98
    other[1::2] = 98  # rows again, no pixel of them the same
    noisy = [one + random.integers(0, 3, one.shape).astype(np.uint8) for one in (rows, other)]
    apart = choose.distances([choose.fingerprint(one) for one in (*noisy, columns)])
    assert apart[0, 1] < 0.3 * apart[0, 2]


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (3, 50), (700, 30)])
def test_every_size_has_a_fingerprint(shape):
    pictures = np.random.default_rng(0).integers(0, 256, (4, *shape, 3), dtype=np.uint8)
    fingerprints = [choose.fingerprint(picture) for picture in pictures]
    assert all(np.isfinite(plane).all() for planes in fingerprints for plane in planes)
    assert (choose.distances(fingerprints) + np.eye(4) > 0).all()
