"""The generator: its codes are alive from the start, and it sees no further than it says."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from imagine_training.method.cells import Cells
from imagine_training.method.checkpoint import save_weights
from imagine_training.method.data import _standard_tables
from imagine_training.method.network import Bicubic, Generator, hold
from imagine_training.method.presets import DECOMPRESS, PRESETS, UPSCALE, LevelShape, Preset
from imagine_training.run.export import Convolved, export

from imagine_cli import JpegCoded, OnnxModel, dct, imagine
from imagine_cli.jpeg import condition_vector

EXAMPLES = Path(__file__).parents[2] / "examples"

HELD = replace(UPSCALE, levels=(replace(UPSCALE.levels[2], held=(2, 4, 8, 1)),))
FORMER = replace(
    DECOMPRESS,
    levels=(LevelShape(64, 32, 3, downsample=2, enlarge=1, block_grid=8, map_after_blocks=True),),
)
EVERY_LEVEL = [(UPSCALE, level) for level in range(4)]
EVERY_LEVEL += [(DECOMPRESS, 0), (FORMER, 0), (HELD, 0)]


@pytest.fixture(params=EVERY_LEVEL, ids=lambda case: f"{case[0].task}-{case[1] + 1}")
def case(request):
    preset, level = request.param
    torch.manual_seed(0)
    return preset, level, Generator(preset).eval()


def inputs(preset, level, side):
    shape = preset.levels[level]
    return [
        torch.rand(1, 3, side, side),
        torch.randn(1, shape.map_channels, side, side),
        torch.randn(1, preset.vector),
        torch.rand(1, preset.condition),
    ]


@pytest.mark.parametrize("part", [1, 2, 3], ids=["map", "vector", "condition"])
def test_both_parts_of_a_code_and_the_condition_change_the_picture_at_step_0(case, part):
    preset, level, network = case
    given = inputs(preset, level, 32)
    before = network(level, *given)
    given[part] = torch.rand_like(given[part]).requires_grad_()
    after = network(level, *given)
    assert (after - before).abs().mean() > 1e-5
    after.square().mean().backward()
    assert given[part].grad.abs().max() > 1e-8


def test_a_level_begins_near_the_plain_enlargement(case):
    preset, level, network = case
    given = inputs(preset, level, 32)
    side = 32 * preset.levels[level].enlarge
    plain = torch.nn.functional.interpolate(given[0], (side, side), mode="bicubic")
    assert (network(level, *given) - plain).abs().mean() < 0.15


def test_presets_that_no_run_could_follow_are_refused():
    first, second = UPSCALE.levels[:2]
    with pytest.raises(ValueError, match="first level"):
        replace(UPSCALE, levels=(first, replace(second, shared=1)))
    (only,) = DECOMPRESS.levels
    for preset, level in (
        (UPSCALE, replace(first, cells=True)),
        (DECOMPRESS, replace(only, map_channels=2)),
    ):
        with pytest.raises(ValueError, match="cells"):
            replace(preset, levels=(level,))
    for shared, network in ((4, "compact"), (-1, "compact"), (1, "unet")):
        with pytest.raises(ValueError, match="cannot be shared"):
            replace(DECOMPRESS, levels=(replace(only, shared=shared),), network=network)
    with pytest.raises(ValueError, match="begin later"):
        replace(UPSCALE, levels=(first, second), later_starts=0.1)


def test_what_lies_beyond_the_margin_changes_nothing(case):
    preset, level, network = case
    shape = preset.levels[level]
    reach, step = network.margin(shape), network.multiple(shape)
    assert reach % step == 0
    side = -(-(2 * reach + 32) // step) * step
    given = inputs(preset, level, side)
    other = [given[0].clone(), given[1].clone(), *given[2:]]
    other[0][..., reach + step :] = 0.5
    other[1][..., reach + step :] = 0
    edge = step * preset.levels[level].enlarge
    with torch.no_grad():
        assert torch.equal(network(level, *given)[..., :edge], network(level, *other)[..., :edge])


def test_the_map_enters_after_every_block_and_is_heard_at_once():
    torch.manual_seed(0)
    level = Generator(UPSCALE).levels[3]
    pixels, vector, condition = torch.rand(1, 3, 8, 8), torch.randn(1, 32), torch.zeros(1, 5)
    with torch.no_grad():
        level.entry.parametrizations.weight.original1[:, 3:] = 0  # no other way in for the map
        one, other = (level(pixels, torch.randn(1, 4, 8, 8), vector, condition) for _ in range(2))
    assert (one - other).abs().max() > 1e-4


def test_what_is_held_is_one_number_a_square():
    latent_map = torch.randn(2, 3, 8, 11)
    held = hold(latent_map, (1, 2, 4))
    assert torch.equal(held[:, 0], latent_map[:, 0])
    for channel, side in ((1, 2), (2, 4)):
        for top, left in ((0, 0), (4, 8)):
            square = held[:, channel, top : top + side, left : left + side]
            first = latent_map[:, channel, top, left, None, None]
            assert torch.equal(square, first.expand_as(square))
    assert torch.equal(hold(held, (1, 2, 4)), held)
    assert hold(latent_map, ()) is latent_map


def test_a_map_in_cells_is_as_large_as_the_file_leaves_it_open():
    torch.manual_seed(0)
    cells, latent_map = Cells(), torch.randn(1, 4, 64, 64)
    found = []
    for quality in (95, 50, 10, 1):
        luma, chroma = _standard_tables(quality)
        told = torch.tensor(condition_vector(luma, chroma, 2, 2, grey=False))[None]
        seen = cells(latent_map, told).detach()
        assert torch.equal(seen[:, 3], latent_map[:, 3])
        found.append(seen[:, :3].std((0, 2, 3)))
        # The transform is the encoder's: the planes have the coefficients that were drawn.
        coefficients = dct.coefficients(8 * seen[0, 0].numpy() + 128)
        drawn = F.pixel_unshuffle(latent_map[0, :1], 8).permute(1, 2, 0).reshape(8, 8, 8, 8)
        size = np.median(coefficients / drawn.numpy(), (0, 1))
        assert np.allclose(coefficients, size * drawn.numpy(), atol=1e-2)
        assert (size < luma / 12**0.5).all()
    rising = torch.stack(found)
    assert (rising[1:] > rising[:-1]).all()
    assert rising[-1].max() < 13 * rising[0].min()


def test_what_is_shared_knows_no_code_and_the_rest_needs_no_more():
    torch.manual_seed(0)
    (level,) = Generator(DECOMPRESS).levels
    pixels, latent_map, vector, condition = inputs(DECOMPRESS, 0, 32)
    with torch.no_grad():
        whole = level(pixels, latent_map, vector, condition)
        shared = level.share(pixels, condition)
        assert torch.equal(level(pixels, latent_map, vector, condition, shared), whole)
        assert not torch.equal(level(pixels, latent_map, vector, condition, 0 * shared), whole)


def test_a_preset_with_levels_that_might_have_come_again_is_read():
    values = json.loads(json.dumps(UPSCALE.as_json()))
    for level in values["levels"]:
        level["again"] = False
    assert Preset.from_json(values) == UPSCALE


def test_a_preset_comes_back_from_its_json():
    assert Preset.from_json(json.loads(json.dumps(HELD.as_json()))) == HELD
    for task in PRESETS.values():
        for preset in task.values():
            assert Preset.from_json(preset.as_json()) == preset
    assert replace(UPSCALE, steps=1) != UPSCALE


def test_the_shipped_sizes_stay_small():
    for preset in (UPSCALE, DECOMPRESS):
        count = sum(weights.numel() for weights in Generator(preset).parameters())
        assert 4 * count < 12e6  # bytes


def test_variants_of_an_exported_model_that_share_are_those_that_are_alone(tmp_path):
    save_weights(Generator(DECOMPRESS).state_dict(), DECOMPRESS, tmp_path)
    model = OnnxModel(export(tmp_path, "toy"), "cpu")
    assert (model.card.levels[0].shared, model.card.levels[0].stride) == (96, 4)
    coded = JpegCoded.from_file(EXAMPLES / "coffee.jpg")
    together = [one.picture for one in imagine(coded, model, (0, 1), tile=128)]
    alone = [next(imagine(coded, model, [seed])).picture.astype(int) for seed in (0, 1)]
    assert not np.array_equal(*together)
    for one, other in zip(together, alone, strict=True):
        assert np.abs(one - other).max() <= 1


@pytest.mark.parametrize("enlarge", [2, 4, 16])
def test_what_is_exported_enlarges_plainly_as_torch_does(enlarge):
    plain = Bicubic(enlarge)
    pixels = torch.rand(2, 3, 7, 5)
    assert torch.allclose(Convolved(plain)(pixels), plain(pixels), atol=1e-5)
