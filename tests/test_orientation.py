"""A picture is seen in one of several ways, and what is imagined is laid back."""

from dataclasses import replace

import numpy as np
import pytest
from models import Sharing, Toy, card
from pictures import photograph

from imagine_cli import Downscaled, imagine
from imagine_cli.orientation import MIRRORED, TURNED, laid, laid_back, way
from imagine_cli.seeds import Near


class Leaning(Toy):
    """The toy, darker to the right and below: not the same picture however it lies."""

    def __call__(self, level, pixels, *rest):
        there = np.indices(pixels.shape[:2]) % 2  # 0 and 1 in turn, of whole tiles too
        seen = pixels * (1 - 0.1 * there[0] - 0.2 * there[1])[..., None].astype(np.float32)
        return super().__call__(level, seen, *rest)


def leaning(orientations):
    return Leaning(card((2, 4), orientations=orientations), strength=0)


def pictures(model, seeds, tile=0):
    evidence = Downscaled(photograph(20, 28), 4, "bicubic")
    found = [*imagine(evidence, model, seeds, tile=tile)]
    assert all(variant.agreement.shortfall is None for variant in found)
    return [variant.picture for variant in found]


def test_what_is_laid_is_laid_back_and_no_two_ways_are_one():
    picture = photograph(3, 5)
    ways = [laid(picture, one) for one in range(TURNED)]
    assert all((laid_back(there, one) == picture).all() for one, there in enumerate(ways))
    assert len({there.tobytes() for there in ways}) == TURNED
    assert all(there.shape == picture.shape for there in ways[:MIRRORED])


@pytest.mark.parametrize("orientations", [1, MIRRORED, TURNED])
def test_neighbours_are_seen_in_other_ways(orientations):
    made = pictures(leaning(orientations), range(9))
    assert len({picture.tobytes() for picture in made}) == orientations
    assert (made[0] == made[8]).all()


def test_what_variants_share_lies_as_the_picture_does():
    class Fair(Sharing):
        """Shares the means of squares, which are the same numbers however a picture lies."""

        def share(self, level, pixels, condition):
            height, width = pixels.shape[:2]
            return pixels.reshape(height // 2, 2, width // 2, 2, 3).mean((1, 3)).transpose(2, 0, 1)

    model = Fair(replace(Sharing().card, orientations=TURNED), strength=0)
    made = pictures(model, range(TURNED))
    assert all(np.abs(one - made[0].astype(int)).max() <= 1 for one in made)


def test_around_a_variant_it_is_seen_as_that_one_until_more_is_new():
    assert [way(Near(3, spread, 5), TURNED) for spread in (0, 0.3, 0.7, 0.8, 1)] == [3, 3, 3, 5, 5]


@pytest.mark.parametrize("seed", range(TURNED))
def test_tiles_leave_no_trace_in_any_way(seed):
    model = replace(leaning(TURNED), strength=0.05)
    (whole,) = pictures(model, [seed])
    for tile in (4, 6, 10):
        assert (pictures(model, [seed], tile)[0] == whole).all()
