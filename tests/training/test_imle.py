"""Draw, choose the nearest, pull it closer: what conditional IMLE promises."""

from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from imagine_training.method import imle
from imagine_training.method.data import batch_of, fixed_batches, random_batch, smallest_crop
from imagine_training.method.imle import imagine_levels, nearest_code
from imagine_training.method.latent import draw, silent
from imagine_training.method.network import Generator
from imagine_training.method.objective import Objective
from imagine_training.method.presets import PRESETS, UPSCALE, LevelShape
from pictures import photograph

TINY = replace(
    UPSCALE,
    levels=(LevelShape(8, 4, 1, 1, 2, tail=(8,)), LevelShape(8, 4, 1, 1, 2, tail=(8,), window=8)),
    crop=64,
    batch=3,
    candidates=(6, 6),
    patch=0,
    teacher_forcing=0.0,
)


@pytest.fixture
def scene():
    torch.manual_seed(0)
    crops = [photograph(64, 64, seed) for seed in range(3)]
    batch = batch_of(crops, TINY, np.random.default_rng(0))
    network = Generator(TINY)
    with torch.no_grad():  # codes that matter
        for level in network.levels:
            level.out.parametrizations.weight.original0.mul_(30)
    return network, batch


def measures(batch, pieces):
    def far(pictures, target):
        return F.adaptive_avg_pool2d((pictures - target).square().mean(1), pieces)

    return [SimpleNamespace(distance=partial(far, target=step.target)) for step in batch.steps]


def chosen(scene, preset, seed):
    """How far the first and the second level's pictures of the nearest codes are: (n,) each."""
    network, batch = scene
    codes_rng = torch.Generator().manual_seed(seed)
    near = measures(batch, 1)
    choose = partial(nearest_code, network, batch, preset, near, codes_rng)
    pictures = imagine_levels(network, batch, choose)
    return [one.distance(it).mean((1, 2)) for one, it in zip(near, pictures, strict=True)]


def test_the_evidence_of_each_level_is_met_by_the_observed_picture(scene):
    _, batch = scene
    for step in batch.steps:
        assert torch.allclose(step.agree.project(step.target), step.target, atol=1e-4)


def test_the_choice_is_never_worse_than_a_random_one_at_the_first_level(scene):
    random = chosen(scene, replace(TINY, candidates=(1, 1)), 3)[0]
    nearest = chosen(scene, replace(TINY, candidates=(6, 1)), 3)[0]
    assert (nearest <= random + 1e-6).all()
    assert (nearest < random - 1e-6).any()


def test_the_second_level_is_chosen_with_the_first_fixed(scene):
    random = chosen(scene, replace(TINY, candidates=(1, 1)), 5)
    nearest = chosen(scene, replace(TINY, candidates=(1, 6)), 5)
    assert torch.equal(nearest[0], random[0])
    assert (nearest[1] <= random[1] + 1e-6).all()
    assert (nearest[1] < random[1] - 1e-6).any()


def test_a_map_is_put_together_of_the_nearer_patches(scene):
    network, batch = scene
    preset = replace(TINY, candidates=(1, 1), patch=4, maps=1)
    near = measures(batch, 2)

    def far(code):
        with torch.no_grad():
            return near[0].distance(network.imagine(0, batch.observed, code, batch.steps[0])[0])

    generator = torch.Generator().manual_seed(9)
    one, other = (draw(preset, 0, batch.observed, generator) for _ in range(2))
    other = replace(other, vector=one.vector)
    generator.manual_seed(9)
    code = nearest_code(network, batch, preset, near, generator, 0, batch.observed)

    taken = far(other) < far(one)
    assert taken.any()
    assert not taken.all()
    half = batch.observed.shape[-1] // 2
    taken = taken.repeat_interleave(half, 1).repeat_interleave(half, 2)[:, None]
    assert torch.equal(code.vector, one.vector)
    assert torch.equal(code.map, torch.where(taken, other.map, one.map))
    assert far(code).mean() < far(one).mean()


@pytest.mark.parametrize("task", ["upscale", "decompress"])
def test_codes_tried_together_are_those_tried_one_after_another(monkeypatch, task):
    torch.manual_seed(0)
    preset = replace(PRESETS[task]["compact"], crop=64, candidates=(3,), patch=16, maps=4)
    preset = replace(preset, levels=(replace(preset.levels[0], channels=8, growth=4),))
    batch = batch_of(
        [photograph(64, 64, seed) for seed in (1, 2)], preset, np.random.default_rng(0)
    )
    objective = Objective(batch.steps[0].target, [], preset, np.random.default_rng(1))
    network = Generator(preset)
    with torch.no_grad():
        network.levels[0].out.parametrizations.weight.original0.mul_(30)

    found = []
    for together in (1, 3):
        monkeypatch.setitem(imle.AT_ONCE, "cpu", together)
        codes = torch.Generator().manual_seed(4)
        found.append(nearest_code(network, batch, preset, [objective], codes, 0, batch.observed))
    one, other = found
    assert torch.equal(one.map, other.map)
    assert torch.equal(one.vector, other.vector)


def test_a_level_that_is_forced_begins_from_the_true_picture(scene):
    network, _ = scene
    crops = [photograph(64, 64, seed) for seed in range(3)]
    forced = replace(TINY, teacher_forcing=1.0)
    batch = batch_of(crops, forced, np.random.default_rng(0))
    first, second = batch.steps
    codes = {}

    def choose(level, pixels):
        codes[level] = draw(forced, level, pixels, torch.Generator().manual_seed(level))
        return codes[level]

    truth = first.target[..., *second.window]
    _, large = imagine_levels(network, batch, choose)
    assert torch.equal(large, network.imagine(1, truth, codes[1], second)[0])


def test_so_many_pictures_are_forced_as_the_preset_says():
    half = replace(TINY, teacher_forcing=0.5)
    crops = [photograph(64, 64)] * 200
    forced = batch_of(crops, half, np.random.default_rng(0)).steps[1].forced
    assert 70 < forced.sum() < 130


def test_pictures_for_validation_are_never_forced():
    (batch,) = fixed_batches([photograph(64, 64)], replace(TINY, teacher_forcing=1.0))
    assert all(step.forced is None for step in batch.steps)


def test_a_level_learns_from_its_own_picture_alone(scene):
    network, batch = scene
    pictures = imagine_levels(network, batch, partial(silent, TINY))
    pictures[1].sum().backward()
    assert all(one.grad is None for one in network.levels[0].parameters())
    assert any(one.grad is not None for one in network.levels[1].parameters())


def test_some_batches_begin_later_on_pictures_too_small_for_the_whole_chain():
    preset = replace(UPSCALE, later_starts=0.5, batch=2)
    assert smallest_crop(preset) == preset.crop // 4
    assert smallest_crop(UPSCALE) == UPSCALE.crop
    small = photograph(smallest_crop(preset), smallest_crop(preset), 0)
    large = photograph(preset.crop, preset.crop, 1)

    levels = set()
    for step in range(12):
        batch = random_batch([small, large], preset, np.random.default_rng(step), range(2))
        levels.add(len(batch.steps))
        assert batch.observed.shape[-1] == preset.crop // 16  # the first level sees as much
    assert levels == {2, 3, 4}
