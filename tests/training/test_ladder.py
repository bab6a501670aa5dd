"""Stairs along oblique edges: known ones are measured as they are."""

from math import radians

import numpy as np
import pytest
from imagine_training.evaluation.ladder import drawing, ladder, variation
from PIL import Image


def shrunk_and_enlarged(how):
    def enlarge(picture):
        image = Image.fromarray(picture)
        small = image.resize((image.width // 8, image.height // 8), Image.Resampling.BICUBIC)
        return np.asarray(small.resize(image.size, how))

    return enlarge


@pytest.mark.parametrize("scale", [4, 16])
def test_the_true_drawing_has_next_to_no_ladder(scale):
    assert ladder(lambda drawn: drawn, scale) < 1.5


def test_stairs_are_seen_and_blur_is_not_taken_for_them():
    blurred = ladder(shrunk_and_enlarged(Image.Resampling.LANCZOS), 8)
    stairs = ladder(shrunk_and_enlarged(Image.Resampling.NEAREST), 8)
    assert 1 < blurred < 4
    assert stairs > 4 * blurred


@pytest.mark.parametrize("angle", [20, 57])
def test_a_wave_along_the_edge_counts_as_its_root_mean_square(angle):
    scale, angle = 8, radians(angle)
    drawn, distance = drawing("edge", angle, scale)
    rows, columns = np.indices(distance.shape)
    along = rows * np.cos(angle) - columns * np.sin(angle)
    waved = drawn + 20 * np.sin(along * 2 * np.pi / 7)[..., None]
    assert variation(waved, distance, scale) == pytest.approx(20 / np.sqrt(2), rel=0.05)
    # One that runs across the edge, slowly enough for the strips, is its profile and no stair.
    profiled = drawn + 20 * np.sin(distance * 2 * np.pi / 14)[..., None]
    assert variation(profiled, distance, scale) < 1.5


@pytest.mark.parametrize("kind", ["edge", "line"])
def test_what_is_drawn_has_the_levels_and_the_place_that_are_said(kind):
    drawn, distance = drawing(kind, radians(33), 4)
    assert drawn.shape == (128, 128, 3)
    assert set(np.unique(drawn[np.abs(distance) > 8])) <= {51, 204}
    inside = np.abs(distance) < 2 if kind == "line" else distance > 1
    assert (drawn[inside] == 204).all()
