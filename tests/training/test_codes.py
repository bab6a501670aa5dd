"""What a code does is measured level by level and part by part."""

import numpy as np
import pytest
from imagine_training.evaluation.codes import deviations, standard_deviation
from models import Sharing, Toy, card
from pictures import photograph

from imagine_cli import Downscaled, variants


class Parts(Toy):
    """The toy, but a part of its code at some levels is not heeded."""

    heeded = ()  # (level, part)

    def __call__(self, level, pixels, field, vector, condition):
        field = field if (level, "map") in self.heeded else np.zeros_like(field)
        vector = vector if (level, "vector") in self.heeded else np.zeros_like(vector)
        return super().__call__(level, pixels, field, vector, condition)


def found(*heeded):
    model = Parts(card((2, 4)))
    model.heeded = heeded
    return deviations(Downscaled(photograph(16, 24), 4, "bicubic"), model)


def test_the_deviation_is_the_root_of_the_mean_variance():
    black = np.zeros((2, 2, 3), np.uint8)
    half = black.copy()
    half[0] = 8  # half of the samples: 0 and 8, of variance 32
    assert standard_deviation([black, half]) == pytest.approx(4)
    assert standard_deviation([black]) == 0


def test_only_the_part_that_is_heeded_moves_the_picture():
    of_map = found((1, "map"))
    assert {key for key, value in of_map.items() if value} == {(1, "code"), (1, "map")}
    assert of_map[1, "code"] == of_map[1, "map"] > 1


def test_a_level_is_measured_in_its_own_picture():
    both = found((0, "map"), (1, "map"))
    assert both[0, "map"] == found((0, "map"))[0, "map"]
    assert both[0, "vector"] == both[1, "vector"] == 0


def test_a_level_that_leaps_counts_as_the_last_whose_place_it_takes():
    evidence = Downscaled(photograph(4, 6), 16, "bicubic")
    leaping = deviations(evidence, Toy(card((4, 16))))
    assert {level for level, _ in leaping} == {1, 3}
    assert all(leaping.values())
    of_four = deviations(Downscaled(photograph(4, 6), 4, "bicubic"), Toy(card((4, 16))))
    assert of_four == {key: value for key, value in leaping.items() if key[0] == 1}


def test_what_variants_share_goes_through():
    evidence = Downscaled(photograph(16, 24), 4, "bicubic")
    assert deviations(evidence, Sharing())[1, "map"] > 1


def test_held_codes_are_held_in_every_tile(monkeypatch):
    whole = found((0, "map"), (1, "map"))
    monkeypatch.setattr(variants, "PLACES", 4)
    monkeypatch.setattr(variants, "MARGINS", 0)
    assert found((0, "map"), (1, "map")) == pytest.approx(whole, rel=1e-6)
