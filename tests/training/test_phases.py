"""A level's way out, computed at the size before the last doubling."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from imagine_training.method.network import Doubled, Level
from imagine_training.method.presets import UPSCALE
from imagine_training.run.phases import InPlace, Phases, by_phases
from torch.nn.utils.parametrize import remove_parametrizations


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@torch.no_grad()
def test_phases_in_their_places_are_what_is_doubled_and_convolved():
    layer, x = Doubled(3, 5), torch.randn(2, 3, 4, 7)
    assert torch.allclose(InPlace()(Phases(layer)(x)), layer(x), atol=1e-6)


@pytest.mark.parametrize(("downsample", "tail"), [(1, ()), (1, (6,)), (2, (6, 5)), (4, (6, 5, 4))])
@torch.no_grad()
def test_a_level_gives_the_same_by_phases(downsample, tail):
    shape = replace(UPSCALE.levels[0], channels=8, growth=4, downsample=downsample, tail=tail)
    level = Level(replace(shape, enlarge=2 ** len(tail) // downsample or 1), UPSCALE).eval()
    for module in list(level.modules()):
        if hasattr(module, "parametrizations"):
            remove_parametrizations(module, "weight")
    level.out.weight *= 100  # what it adds is small at first
    quicker = deepcopy(level)
    by_phases(quicker)
    pixels, latent_map = torch.rand(1, 3, 8, 12), torch.randn(1, shape.map_channels, 8, 12)
    given = pixels, latent_map, torch.randn(1, UPSCALE.vector), torch.rand(1, UPSCALE.condition)
    expected = level(*given)
    assert torch.allclose(quicker(*given), expected, atol=1e-4)
    assert (expected - level.plain(pixels)).abs().max() > 0.01
