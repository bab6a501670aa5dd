"""What a step costs is known before it is done."""

from dataclasses import replace

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
    codes = 2 + 3  # candidates, and further maps for the patches
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
        seen.append((level, given.device.type))
        return imagine(network, level, given, code, step)

    monkeypatch.setattr(HyperRIM, "imagine", noted)
    counted = cost.counted(replace(PAPER_UPSCALE, levels=PAPER_UPSCALE.levels[:1], crop=64))
    assert counted.trying > 0.9 * counted.operations
    assert {device for _, device in seen} == {"meta"}
    assert len(seen) == 3  # a try, a pull of one picture, a pull of two
