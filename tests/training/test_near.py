"""How far imagined pictures are from the observed ones, against values that are known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from imagine_training.near import Near
from imagine_training.network import Generator
from imagine_training.presets import UPSCALE
from pictures import photograph

PLAIN = replace(UPSCALE, perceptual=(), pixel_weight=0.5, patch=0)


@pytest.fixture
def target():
    return torch.from_numpy(photograph(48, 48).copy()).permute(2, 0, 1)[None].float() / 255


def near(target, preset):
    return Near(target, (), preset, np.random.default_rng(0))


def test_without_networks_the_loss_is_the_weighted_mean_difference(target):
    assert near(target, PLAIN).loss(target + 0.1).item() == pytest.approx(0.05, rel=1e-4)
    assert near(target, PLAIN).loss(target).item() == 0


def test_a_difference_is_seen_in_its_own_patch_alone(target):
    pictures = target.clone()
    pictures[..., 12:24, 36:48] += 0.2
    places = near(target, replace(PLAIN, patch=12))(pictures)
    assert places.shape == (1, 4, 4)
    expected = torch.zeros(1, 4, 4)
    expected[0, 1, 3] = 0.1
    assert torch.allclose(places, expected, atol=1e-6)


def test_patches_larger_than_the_picture_are_the_picture(target):
    assert near(target, replace(PLAIN, patch=100))(target + 0.1).shape == (1, 1, 1)


def test_the_map_enters_after_every_block_and_is_heard_at_once():
    torch.manual_seed(0)
    level = Generator(UPSCALE).levels[3]
    pixels, vector, condition = torch.rand(1, 3, 8, 8), torch.randn(1, 32), torch.zeros(1, 5)
    with torch.no_grad():
        level.entry.parametrizations.weight.original1[:, 3:] = 0  # no other way in for the map
        one, other = (level(pixels, torch.randn(1, 4, 8, 8), vector, condition) for _ in range(2))
    assert (one - other).abs().max() > 1e-4
