"""What a step costs is known before it is done."""

from pathlib import Path

import pytest
import torch
from imagine_training.method import perceptual
from imagine_training.method.hyperrim import HyperRIM
from imagine_training.method.presets import PAPER_UPSCALE
from imagine_training.run import cost
from imagine_training.run.learner import Learner
from pictures import photograph
from tiny import PIXELS_ALONE, TINY
from torch.utils.flop_counter import FlopCounterMode

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def networks_of_chance(chance, monkeypatch):
    monkeypatch.setattr(perceptual, "_trunk_weights", chance.__getitem__)


def test_a_small_preset_costs_what_is_counted_by_hand():
    side = 32 // 2  # the level works at half of the crop
    multiplications = [
        4**2 * 192 * 8 * 16,  # whole JPEG blocks, 1 x 1, to 8 channels at each place
        side**2 * 9 * (7 * 4 + 8) * 8,  # the entry: pixels and map, unshuffled, and those 8
        side**2 * 9 * (8 * 4 + 12 * 8),  # the dense block
        side**2 * (4 * 4) * 8,  # the map, once more
        side**2 * 9 * 8 * 8,  # the end of the trunk
        32**2 * 9 * (8 * 8 + 8 * 3),  # the tail, and out
        (32 + 131) * 128 + 2 * 128 * 128 + 128 * 16,  # the mapping network, and the style
        2 * 32**2 * 9,  # the projection: to luma and chroma, and back
        2 * (32**2 + 2 * 16**2) * (8 + 8),  # and to coefficients, chroma being half as wide
    ]
    codes = 2 + 5  # candidates, and further maps for the patches
    pictures = 2
    assert cost.counted(PIXELS_ALONE).imagining == (
        2 * sum(multiplications) * pictures * (codes + cost.LEARNING),
    )


@pytest.mark.parametrize("task", TINY)
def test_what_is_counted_is_what_a_step_does(task):
    preset = TINY[task]
    learner = Learner(preset, None, seed=0, reduced=False, device=CPU, say=print)
    drawn = learner.draw([photograph(preset.crop, preset.crop)], preset.warm_steps, range(2))
    with FlopCounterMode(display=False) as counter:
        learner.pull(lambda part: learner.method.losses(drawn))
    assert cost.counted(preset).operations == counter.get_total_flops()


def test_the_papers_120_codes_are_counted_without_being_imagined(monkeypatch):
    seen = []
    imagine = HyperRIM.imagine

    def noted(network, level, given, code, step):
        seen.append(given.device.type)
        return imagine(network, level, given, code, step)

    monkeypatch.setattr(HyperRIM, "imagine", noted)
    counted = cost.counted(PAPER_UPSCALE)
    assert seen == ["meta"] * 4 * 3  # a try, a pull of one picture, a pull of two

    plan = (Path(cost.__file__).parents[3] / "docs/cluster.md").read_text()
    trying, rest = counted.trying / 1e12, (counted.operations - counted.trying) / 1e12
    assert f"{trying + rest:.1f} T: {trying:.1f} to choose among 120 codes" in plan
    assert f"a level, {rest:.1f} for the loss" in plan
    assert f"{counted.parameters:,}; {4 * counted.parameters / 1e6:.0f} MB" in plan
    kept = cost.KEPT * counted.parameters
    assert f"{kept / 1e9:.1f} GB, and {(counted.memory - kept) / 1e9:.1f} GB a picture" in plan
