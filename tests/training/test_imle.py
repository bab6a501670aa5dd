"""Draw, choose the nearest, pull it closer: what conditional IMLE promises."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from imagine_training.data import batch_of
from imagine_training.imle import distances, nearest_codes, random_codes
from imagine_training.network import Generator
from imagine_training.presets import UPSCALE, LevelShape
from pictures import photograph

TINY = replace(
    UPSCALE,
    levels=(LevelShape(8, 4, 1, 1, 2, tail=(8,)), LevelShape(8, 4, 1, 1, 2, tail=(8,), window=8)),
    crop=64,
    batch=3,
    candidates=(6, 6),
)


@pytest.fixture
def scene():
    torch.manual_seed(0)
    crops = [photograph(64, 64, seed) for seed in range(3)]
    batch = batch_of(crops, TINY, np.random.default_rng(0))
    measure = [
        lambda pictures, target=step.target: (pictures - target).square().mean((1, 2, 3))
        for step in batch.steps
    ]
    network = Generator(TINY)
    with torch.no_grad():  # codes that matter
        for level in network.levels:
            level.out.parametrizations.weight.original0.mul_(30)
    return network, batch, measure


def test_the_evidence_of_each_level_is_met_by_the_observed_picture(scene):
    _, batch, _ = scene
    for step in batch.steps:
        assert torch.allclose(step.agree.project(step.target), step.target, atol=1e-4)


def test_the_choice_is_never_worse_than_a_random_one_at_the_first_level(scene):
    network, batch, measure = scene
    far = []
    for count in (1, 6):
        preset = replace(TINY, candidates=(count, 1))
        generator = torch.Generator().manual_seed(3)
        codes = nearest_codes(network, batch, preset, measure, generator)
        far.append(distances(network, batch, codes, measure)[0])
    assert (far[1] <= far[0] + 1e-6).all()
    assert (far[1] < far[0] - 1e-6).any()


def test_the_second_level_is_chosen_with_the_first_fixed(scene):
    network, batch, measure = scene
    generator = torch.Generator().manual_seed(5)
    chosen = nearest_codes(network, batch, TINY, measure, generator)
    nearest = distances(network, batch, chosen, measure)[1]
    for seed in range(5):
        others = random_codes(batch, TINY, torch.Generator().manual_seed(seed))
        far = distances(network, batch, [chosen[0], others[1]], measure)[1]
        assert (nearest <= far).float().mean() >= 0.5  # best of six against one


def test_one_candidate_regresses_to_the_mean_and_several_keep_both_modes():
    spreads = {count: _trained_on_two_modes(count) for count in (1, 8)}
    assert spreads[1] < 0.1
    assert spreads[8] > 0.5


def _trained_on_two_modes(count):
    """How far apart predictions end, when the answer is −1 or 1 with equal right."""
    torch.manual_seed(1)
    network = torch.nn.Sequential(
        torch.nn.Linear(4, 32), torch.nn.LeakyReLU(0.2), torch.nn.Linear(32, 1)
    )
    optimiser = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(300):
        observed = torch.randint(0, 2, (64, 1)) * 2.0 - 1
        codes = torch.randn(count, 64, 4)
        with torch.no_grad():
            nearest = (network(codes) - observed).square().sum(2).argmin(0)
        loss = (network(codes[nearest, torch.arange(64)]) - observed).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network(torch.randn(1000, 4)).std().item()
