"""Textures compared as heaps: what is forgiven (a displacement), and what is not."""

import torch
from imagine_training import texture


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
    heaped = far(here, there)
    assert (heaped < aligned).all()
    assert (heaped > 0).all()


def test_a_missing_texture_costs_the_same_in_every_direction_of_the_features():
    """On average over directions: the squared distance of the means, summed over channels."""
    flat = [torch.zeros(1, 8, 64 // 2**tap, 64 // 2**tap) for tap in range(3)]
    shifted = [tap + torch.arange(8.0).view(1, 8, 1, 1) / 8 for tap in flat]
    many = torch.stack([far(flat, shifted, seed) for seed in range(300)]).mean()
    expected = 3 * (torch.arange(8.0) / 8).square().sum()
    assert torch.isclose(many, expected, rtol=0.05)
