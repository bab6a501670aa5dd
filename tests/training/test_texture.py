"""Textures compared wherever they lie: what is forgiven (a displacement), and what is not."""

from itertools import product

import numpy as np
import pytest
import torch
from imagine_training.method import texture
from scipy.optimize import linear_sum_assignment
from scipy.stats import wasserstein_distance


def features(seed, side=64):
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(2, 8, side // 2**tap, side // 2**tap, generator=generator) for tap in range(4)
    ]


def far(some, others, seed=0):
    return texture.compare(texture.projected(some, 64, seed), texture.projected(others, 64, seed))


def test_a_displacement_inside_a_window_is_forgiven():
    here = features(0)
    there = [tap.clone() for tap in here]
    for tap in there:
        window = tap.shape[-1] // 2
        tap[..., :window, :window] = tap[..., :window, :window].roll((3, 5), (-2, -1))
    assert torch.allclose(far(here, there), torch.zeros(2), atol=1e-10)


def test_a_displacement_to_another_window_is_not():
    here = features(0)
    for tap in here:  # one half is textured, the other flat
        tap[..., : tap.shape[-1] // 2] *= 0.1
    there = [tap.flip(-1) for tap in here]
    assert (far(here, there) > 0.5).all()


def test_never_more_than_place_by_place():
    here, there = features(0), features(1)
    generator = torch.Generator().manual_seed(0)
    aligned = torch.zeros(2)
    for a, b in zip(here[: texture.TAPS], there, strict=False):
        directions = torch.randn(texture.DIRECTIONS, 8, generator=generator)
        directions = torch.nn.functional.normalize(directions) * 8**0.5
        along = torch.einsum("dc,nchw->ndhw", directions, a - b)
        aligned += along.square().mean((1, 2, 3))
    anywhere = far(here, there)
    assert (anywhere < aligned).all()
    assert (anywhere > 0).all()


def test_a_missing_texture_costs_the_same_in_every_direction_of_the_features():
    """On average over directions: the squared distance of the means, summed over channels."""
    flat = [torch.zeros(1, 8, 64 // 2**tap, 64 // 2**tap) for tap in range(3)]
    shifted = [tap + torch.arange(8.0).view(1, 8, 1, 1) / 8 for tap in flat]
    many = torch.stack([far(flat, shifted, seed) for seed in range(150)]).mean()
    expected = 3 * (torch.arange(8.0) / 8).square().sum()
    assert torch.isclose(many, expected, rtol=0.07)


def test_the_distance_is_that_of_the_best_pairing_along_each_direction():
    """Written out: project, pair by SciPy's assignment, mean of squares; taps summed."""
    here, there = (features(seed, side=16) for seed in (2, 3))
    generator, expected = torch.Generator().manual_seed(5), np.zeros(2)
    for a, b in list(zip(here, there, strict=True))[:3]:  # one window at this size
        directions = torch.randn(texture.DIRECTIONS, 8, generator=generator).double().numpy()
        directions *= np.sqrt(8) / np.linalg.norm(directions, axis=1, keepdims=True)
        for picture, direction in product(range(2), directions):
            x, y = (tap[picture].flatten(1).double().numpy().T @ direction for tap in (a, b))
            cost = np.subtract.outer(x, y) ** 2
            expected[picture] += cost[linear_sum_assignment(cost)].mean() / texture.DIRECTIONS
    ours = texture.compare(*(texture.projected(some, 16, 5) for some in (here, there)))
    assert np.allclose(ours.numpy(), expected, rtol=1e-4)


def test_each_windows_values_are_sorted_by_themselves():
    """SciPy's distance of two samples is the mean difference of what `projected` has sorted."""
    here, there = (texture.projected(features(seed), 64, 0) for seed in (2, 3))
    for a, b, places in zip(here, there, (32**2, 16**2, 8**2), strict=True):
        assert a.shape == (2, texture.DIRECTIONS, 4, places)
        shuffled = a[1, 3, 2][torch.randperm(places)]
        expected = wasserstein_distance(shuffled, b[1, 3, 2])
        assert (a - b).abs().mean(-1)[1, 3, 2].item() == pytest.approx(expected, rel=1e-4)
