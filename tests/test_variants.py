"""A variant depends on the evidence, the model and its seed, and on nothing else."""

from dataclasses import dataclass, replace
from io import BytesIO
from math import inf
from threading import Event, Timer

import numpy as np
import pytest
from models import Sharing, Toy, card
from pictures import photograph
from PIL import Image

from imagine_cli import Downscaled, ModelError, canvas, imagine, shared
from imagine_cli.colours import Translated, srgb
from imagine_cli.errors import ModelMemoryError
from imagine_cli.jpeg import JpegCoded
from imagine_cli.seeds import Near


@pytest.fixture
def evidence():
    return Downscaled(photograph(40, 33), 4)


def test_variant_depends_on_its_seed_only(evidence):
    alone = next(imagine(evidence, Toy(), [5]))
    among = list(imagine(evidence, Toy(), [3, 4, 5]))
    assert np.array_equal(alone.picture, among[2].picture)
    assert not np.array_equal(among[0].picture, among[1].picture)


def test_tiles_leave_no_trace(evidence):
    whole = next(imagine(evidence, Toy(), [1], tile=4096)).picture.astype(int)
    for tile in (8, 14, 32):
        tiled = next(imagine(evidence, Toy(), [1], tile=tile)).picture
        assert np.abs(tiled - whole).max() <= 1


@dataclass
class Small(Toy):
    """On a device that holds so many pixels at a time."""

    most: int = 1000
    refused: int = 0

    def __call__(self, level, pixels, *rest):
        if pixels.shape[0] * pixels.shape[1] > self.most:
            self.refused += 1
            raise ModelMemoryError("too little memory")
        return super().__call__(level, pixels, *rest)


def test_where_memory_is_short_tiles_are_smaller(evidence):
    plenty = next(imagine(evidence, Toy(), [1])).picture.astype(int)
    model = Small(most=1500)
    short = next(imagine(evidence, model, [1])).picture
    assert model.refused
    assert np.abs(short - plenty).max() <= 1


def test_tiles_that_were_too_large_are_not_tried_again(evidence):
    model = Small(most=1500)
    first, second = (model.refused for _ in imagine(evidence, model, range(2)))
    assert first == second


@dataclass
class Gpu(Small):
    most: int = 10**6
    tile: int = 1024
    largest: int = 0

    def __call__(self, level, pixels, *rest):
        self.largest = max(self.largest, *pixels.shape[:2])
        return super().__call__(level, pixels, *rest)


def test_a_models_own_tiles_are_taken():
    wide = Downscaled(np.zeros((4, 600, 3), np.uint8), 2)
    model = Gpu()
    assert next(imagine(wide, model, [1])).agreement.identical == 1
    assert model.largest >= 600
    assert next(imagine(wide, Translated(model, srgb()), [1], tile=64)).agreement.identical == 1
    assert model.refused == 0


@dataclass
class SmallSharing(Sharing, Small):
    pass


@pytest.mark.parametrize("held", [True, False])
def test_what_variants_share_is_made_once_a_tile(held, evidence, tmp_path, monkeypatch):
    monkeypatch.setattr(canvas, "IN_MEMORY", 10**6 if held else 0)
    model, alone = Sharing(), Sharing()
    variants = list(imagine(evidence, model, iter(range(3)), tile=16, scratch=tmp_path))
    tiles = model.made
    assert tiles > 4
    for variant in variants:
        expected = next(imagine(evidence, alone, [variant.seed], tile=16)).picture
        assert np.array_equal(variant.picture, expected)
    assert alone.made == 3 * tiles


@pytest.mark.parametrize("ways", [4, 8])
def test_what_variants_share_is_made_once_for_those_seen_in_one_way(ways, evidence):
    model, alone = (Sharing(replace(Sharing().card, orientations=ways)) for _ in range(2))
    variants = list(imagine(evidence, model, range(ways + 2)))
    assert model.made == ways
    assert len({variant.picture.tobytes() for variant in variants}) == len(variants)
    for variant in variants:
        expected = next(imagine(evidence, alone, [variant.seed])).picture
        assert np.array_equal(variant.picture, expected)


def test_what_is_painted_is_rendered_while_the_rest_is_painted():
    begun, waited = Event(), []

    class Eager(JpegCoded):
        def render(self, pixels, into=None):
            assert pixels[0:8].any()
            begun.set()
            return super().render(pixels, into)

    class Patient(Toy):
        def __call__(self, level, pixels, *rest):
            waited.append(not waited or begun.wait(30))
            return super().__call__(level, pixels, *rest)

    file = BytesIO()
    Image.fromarray(photograph(128, 16)).save(file, "JPEG", quality=20)
    model = Patient(card((1,), "decompress", 131))
    next(imagine(Eager.from_bytes(file.getvalue()), model, [0], tile=32))  # one below another
    assert len(waited) > 3
    assert all(waited)


def test_one_variant_alone_keeps_nothing(evidence, tmp_path, monkeypatch):
    monkeypatch.setattr(canvas, "IN_MEMORY", 0)
    made = []
    monkeypatch.setattr(
        shared, "canvas", lambda *given: made.append(given) or canvas.canvas(*given)
    )
    next(imagine(evidence, Sharing(), [7], scratch=tmp_path))
    assert not made
    list(imagine(evidence, Sharing(), [7, 8], scratch=tmp_path))
    assert len(made) == 1


def test_a_model_cannot_change_what_others_will_be_given(evidence):
    class Careless(Sharing):
        def __call__(self, level, pixels, field, vector, condition, *shared):
            for coarse in shared:
                coarse *= 0.5
            return super().__call__(level, pixels, field, vector, condition, *shared)

    with pytest.raises(ValueError, match="read-only"):
        next(imagine(evidence, Careless(), [0, 1]))


def test_a_model_that_does_not_share_as_its_card_says_is_named(evidence):
    class Short(Sharing):
        def share(self, *given):
            return super().share(*given)[:, 1:]

    with pytest.raises(ModelError, match=r"what the model 'toy' shares is \(3, .*\), not \(3, "):
        next(imagine(evidence, Short(), [0]))
    with pytest.raises(ModelError, match="`share`"):
        next(imagine(evidence, Toy(Sharing().card), [0]))


def test_what_is_shared_is_made_anew_for_smaller_tiles(evidence):
    plenty, short = SmallSharing(most=10**6), SmallSharing(most=1500)
    for one, other in zip(*(imagine(evidence, it, (1, 2)) for it in (plenty, short)), strict=True):
        assert np.abs(one.picture.astype(int) - other.picture).max() <= 1
    assert short.refused
    assert short.made > plenty.made == 1


def test_where_memory_is_too_short_it_is_said(evidence):
    with pytest.raises(ModelMemoryError):
        next(imagine(evidence, Small(most=10), [1]))


def test_tiles_leave_no_trace_around_a_liked_one_either(evidence):
    near = Near(1, 0.3, 2)
    whole = next(imagine(evidence, Toy(), [near], tile=4096)).picture.astype(int)
    tiled = next(imagine(evidence, Toy(), [near], tile=14))
    assert tiled.seed == near
    assert np.abs(tiled.picture - whole).max() <= 1


def test_every_variant_shrinks_to_its_input(evidence):
    for variant in imagine(evidence, Toy(strength=0.2), range(3)):
        assert variant.picture.shape == (160, 132, 3)
        assert variant.agreement.identical >= 0.99
        assert variant.agreement.lr_psnr_db >= 55
        assert variant.agreement.shortfall is None


@pytest.mark.parametrize("seeds", [[0], [0, 1, 2]])
def test_progress_rises_to_the_number_of_variants(evidence, seeds):
    shares = []
    list(imagine(evidence, Toy(), seeds, tile=16, progress=shares.append))
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(len(seeds))
    assert len(shares) > 10


def test_a_closed_iterator_stops_within_a_tile(evidence):
    class Slow(Toy):
        calls, entered, go = 0, Event(), Event()

        def __call__(self, *given):
            self.calls += 1
            if self.calls > before:
                self.entered.set()
                self.go.wait(30)
            return super().__call__(*given)

    model, before = Slow(), inf
    list(imagine(evidence, model, [0], tile=16))
    before, model.calls = model.calls, 0
    found = imagine(evidence, model, range(9), tile=16)
    next(found)
    assert model.entered.wait(30)  # the first tile of the next one
    Timer(1, model.go.set).start()
    found.close()
    assert model.calls == before + 1


def test_odd_sizes_are_padded_and_cut_again():
    evidence = Downscaled(photograph(5, 7), 4)
    model = Toy(card(multiple=16, margin=16))
    assert next(imagine(evidence, model, [0])).picture.shape == (20, 28, 3)


def test_a_model_for_something_else_is_refused(evidence):
    with pytest.raises(ModelError, match="is for decompress at 1, not for a scale of 4"):
        next(imagine(evidence, Toy(card((1,), "decompress", 131)), [0]))
    with pytest.raises(ModelError, match="decompress"):
        next(imagine(evidence, Toy(card((2, 4), "decompress", 131)), [0]))


@pytest.mark.parametrize("factors", [(4, 16), (16,)])
def test_a_level_may_enlarge_more_than_twice(factors):
    evidence, model = Downscaled(photograph(6, 8) // 2 + 64, 16), Toy(card(factors))
    one, other = imagine(evidence, model, [0, 1])
    assert one.picture.shape == (96, 128, 3)
    assert not np.array_equal(one.picture, other.picture)
    assert one.agreement.shortfall is None
    with pytest.raises(ModelError, match=r"upscale at (4, )?16, not for a scale of 8"):
        next(imagine(Downscaled(photograph(6, 8), 8), model, [0]))


def test_what_a_leap_hands_on_agrees_at_its_own_scale():
    seen = []

    class Watched(Toy):
        def __call__(self, level, pixels, *rest):
            seen.append(pixels)
            return super().__call__(level, pixels, *rest)

    evidence = Downscaled(photograph(6, 8), 16)
    next(imagine(evidence, Watched(card((4, 16))), [0]))
    border = 8
    handed_on = seen[1][border:-border, border:-border].astype(np.float32)
    again = handed_on.copy()
    evidence.project(again, evidence.factors.index(4))
    assert np.abs(again - handed_on).max() < 2e-3  # of half precision


def test_a_model_that_gives_no_numbers_is_named(evidence):
    with pytest.raises(ModelError, match="not finite"):
        next(imagine(evidence, Toy(strength=float("nan")), [0]))
