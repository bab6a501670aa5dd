"""Spans cover a picture once, read alike much, and begin where the model wants it."""

import numpy as np
import pytest

from imagine_cli.tiles import spans


@pytest.mark.parametrize(("height", "width", "side", "margin"), [
    (10, 10, 4, 2), (3, 100, 16, 8), (64, 64, 64, 32), (65, 1, 32, 16), (1, 1, 1, 0),
])  # fmt: skip
def test_every_pixel_is_answered_for_once(height, width, side, margin):
    covered = np.zeros((height, width), int)
    shapes = set()
    for rows in spans(height, side, margin):
        for columns in spans(width, side, margin):
            covered[rows.inner, columns.inner] += 1
            shapes.add(tuple(span.outer.stop - span.outer.start for span in (rows, columns)))
    assert (covered == 1).all()
    assert len(shapes) == 1


def test_each_reads_its_margin_or_up_to_the_border():
    for span in spans(1000, 96, 32):
        assert span.outer.start <= max(span.inner.start - 32, 0)
        assert span.outer.stop >= min(span.inner.stop + 32, 1000)


def test_there_are_as_few_as_there_can_be_and_none_is_a_sliver():
    for length in range(16, 1000, 16):
        some = list(spans(length, 96, 32, 16))
        assert len(some) == -(-length // 96)
        sizes = [span.inner.stop - span.inner.start for span in some]
        assert max(sizes) <= 96
        assert max(sizes) - min(sizes) < 16 * len(some)
        assert all(span.outer.start % 16 == 0 for span in some)
