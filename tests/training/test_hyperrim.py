"""The paper's network: as large as its public code makes it, and wired as its figures say."""

from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from imagine_training.baselines.networks import build
from imagine_training.method.checkpoint import load_weights, save_weights
from imagine_training.method.data import batch_of
from imagine_training.method.imle import imagine_levels, nearest_code
from imagine_training.method.latent import draw
from imagine_training.method.network import Generator
from imagine_training.method.presets import PRESETS, LevelShape
from imagine_training.run.command import finish
from pictures import photograph

from imagine_cli.errors import ModelError

UPSCALE, DECOMPRESS = PRESETS["upscale"]["paper"], PRESETS["decompress"]["paper"]
NARROW = replace(
    UPSCALE,
    levels=tuple(LevelShape(size, 4, 2, 2, 3, tail=(), map_channels=5) for size in (8, 6)),
    vector=16,
    style_width=32,
    crop=64,
    candidates=(4, 4),
)


def count(module):
    return sum(weights.numel() for weights in module.parameters())


def test_it_is_as_large_as_the_papers():
    with torch.device("meta"):
        upscale, decompress = build(UPSCALE), build(DECOMPRESS)
    assert [count(level) for level in upscale.levels] == [
        112_012_678, 54_940_358, 29_679_302, 12_417_734,
    ]  # fmt: skip
    assert count(upscale) == 209_050_072
    assert count(decompress) == 12_380_870


@pytest.fixture
def network():
    torch.manual_seed(0)
    return build(NARROW).eval()


def second(side=16):
    """A second level's inputs: picture and features, map, vector, condition."""
    return [torch.rand(1, 11, side, side), torch.randn(1, 5, side, side), torch.randn(1, 16), None]


def test_a_level_gives_a_picture_in_range_twice_as_large_and_features(network):
    first = network(0, torch.rand(2, 3, 6, 4), torch.randn(2, 5, 6, 4), torch.randn(2, 16), None)
    assert first.shape == (2, 3 + 8, 12, 8)
    last = network(1, first, torch.randn(2, 5, 12, 8), torch.randn(2, 16), None)
    assert last.shape == (2, 3 + 6, 24, 16)
    for pictures in (first[:, :3], last[:, :3]):
        assert 0 < pictures.min() < pictures.max() < 1


def test_decompression_keeps_the_size():
    same = build(replace(NARROW, levels=(replace(NARROW.levels[0], enlarge=1),)))
    imagined = same(0, torch.rand(1, 3, 6, 4), torch.randn(1, 5, 6, 4), torch.randn(1, 16), None)
    assert imagined.shape == (1, 11, 6, 4)


@pytest.mark.parametrize("part", [slice(0, 3), slice(3, 11)], ids=["picture", "features"])
def test_the_second_level_sees_the_picture_and_the_features(network, part):
    given = second()
    before = network(1, *given)
    given[0] = given[0].clone()
    given[0][:, part] = torch.rand_like(given[0][:, part])
    assert (network(1, *given) - before).abs().max() > 1e-5


def test_the_first_level_is_given_0_to_1_and_the_second_what_tanh_left(network):
    entered = []
    for level in network.levels:
        level.entry.register_forward_pre_hook(lambda _, given: entered.append(given[0]))
    pixels = torch.rand(1, 3, 4, 4)
    first = network(0, pixels, torch.randn(1, 5, 4, 4), torch.randn(1, 16), None)
    network(1, first, torch.randn(1, 5, 8, 8), torch.randn(1, 16), None)
    assert torch.equal(entered[0][:, :3], pixels)
    assert torch.allclose(entered[1][:, :3], 2 * first[:, :3] - 1)
    assert torch.allclose(entered[1][:, 8:], 0.1 * first[:, 3:])


def test_the_map_is_alive_at_first_and_the_vector_is_dead_as_in_the_paper(network):
    given = second()
    before = network(1, *given)
    other_map = network(1, given[0], torch.randn_like(given[1]), *given[2:])
    other_vector = network(1, *given[:2], torch.randn_like(given[2]), None)
    assert (other_map - before).abs().mean() > 1e-4
    assert (other_vector - before).abs().mean() < 1e-6

    for level in network.levels:  # with weights ten times as large it speaks
        for layer in (*level.mapping, *(block.style for block in level.trunk)):
            if isinstance(layer, torch.nn.Linear):
                layer.weight.data.mul_(10)
    revived = [network(1, *given[:2], torch.randn(1, 16), None) for _ in range(2)]
    assert (revived[1] - revived[0]).abs().mean() > 1e-4


def test_codes_are_chosen_and_the_last_loss_reaches_the_first_level(network):
    rng = np.random.default_rng(0)
    batch = batch_of([photograph(64, 64, 0)], NARROW, rng)

    def far(pictures, target):
        return (pictures - target).square().mean((1, 2, 3))[:, None, None]

    near = [SimpleNamespace(distance=partial(far, target=step.target)) for step in batch.steps]
    last = {}
    for name, pick in (("random", (1, 1)), ("nearest", (1, 8))):
        codes = torch.Generator().manual_seed(1)
        preset = replace(NARROW, candidates=pick)
        choose = partial(nearest_code, network, batch, preset, near, codes)
        pictures = imagine_levels(network, batch, choose)
        assert [one.shape for one in pictures] == [step.target.shape for step in batch.steps]
        last[name] = near[1].distance(pictures[1]).mean()
    assert last["nearest"] < last["random"]

    drawn = partial(draw, NARROW, generator=torch.Generator())
    near[1].distance(imagine_levels(network, batch, drawn)[1]).sum().backward()
    assert network.levels[0].entry.bias.grad.abs().max() > 0


def test_what_needs_pictures_alone_refuses_it():
    with pytest.raises(ModelError, match="the model's is 'hyperrim'"):
        Generator(NARROW)


def test_a_finished_run_leaves_its_weights_and_no_onnx_file(network, tmp_path):
    save_weights(network.state_dict(), NARROW, tmp_path)
    file = finish(tmp_path)
    assert file == tmp_path / "model.safetensors"
    weights, preset = load_weights(file.parent)
    assert preset == NARROW
    build(preset).load_state_dict(weights)
    assert not (tmp_path / "model.onnx").exists()
