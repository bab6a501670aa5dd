"""Colour profiles against Little CMS, and models that are given sRGB."""

from io import BytesIO

import numpy as np
import pytest
from models import Sharing, Toy, card
from pictures import photograph
from PIL import Image, ImageCms
from profiles import ADOBE_RGB, DISPLAY_P3, LINEAR, TABLED

from imagine_cli import Downscaled, imagine
from imagine_cli.colours import Profile, Translated, srgb, translated

PROFILES = {"P3": DISPLAY_P3, "Adobe": ADOBE_RGB, "table": TABLED, "linear": LINEAR}
SRGB = ImageCms.createProfile("sRGB")


@pytest.mark.parametrize("name", PROFILES)
def test_colours_are_those_of_little_cms(name):
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    own = ImageCms.ImageCmsProfile(BytesIO(PROFILES[name]))
    seen = ImageCms.profileToProfile(Image.fromarray(pixels), own, SRGB, 1, "RGB")
    light = Profile.parse(PROFILES[name]).to_light(pixels / np.float32(255))
    ours = (srgb().from_light(light) * 255).clip(0, 255)  # it clips, we do not
    far = np.abs(ours - np.asarray(seen))
    assert far.max() < 2
    assert far.mean() < 0.4  # a rounding's is 0.25
    assert np.abs(ours - pixels).mean() > 5


@pytest.mark.parametrize("name", PROFILES)
def test_there_and_back_nothing_is_lost_not_even_beyond_srgb(name):
    profile = Profile.parse(PROFILES[name])
    cube = np.random.default_rng(1).uniform(-0.05, 1.05, (1000, 3)).astype(np.float32)
    seen = srgb().from_light(profile.to_light(cube))
    assert seen.min() < -0.05
    back = profile.from_light(srgb().to_light(seen))
    assert np.abs(back - cube).max() < 0.5 / 255


def test_neutral_stays_neutral():
    greys = np.repeat(np.linspace(0, 1, 33, dtype=np.float32)[:, None], 3, 1)
    seen = srgb().from_light(Profile.parse(DISPLAY_P3).to_light(greys))
    assert np.abs(seen - greys).max() < 1 / 255


class Witness(Toy):
    """Remembers what it was shown."""

    def __call__(self, level, pixels, *rest):
        self.seen = pixels
        return super().__call__(level, pixels, *rest)


def test_a_model_sees_srgb_and_its_picture_comes_back_in_the_files_own_colours():
    small = np.array(Image.fromarray(photograph(64, 96)).resize((48, 32)))
    in_p3 = Profile.parse(DISPLAY_P3).from_light(srgb().to_light(small / np.float32(255)))
    in_p3 = np.rint(in_p3 * 255).clip(0, 255).astype(np.uint8)
    model = Witness(card((2, 4, 8, 16)), strength=0.0)
    (variant,) = imagine(Downscaled(in_p3, 2), translated(model, DISPLAY_P3), [0])
    height, width = small.shape[:2]
    mirrored = model.seen[8 : 8 + height, 8 : 8 + width] * 255
    assert np.abs(mirrored - small).mean() < 0.5  # and not what lies in the file:
    assert np.abs(in_p3.astype(int) - small).mean() > 5
    assert variant.agreement.shortfall is None
    (plain,) = imagine(Downscaled(in_p3, 2), Toy(model.card, strength=0.0), [0])
    assert np.abs(variant.picture.astype(int) - plain.picture).mean() < 1


def test_what_variants_share_is_made_of_the_picture_in_srgb():
    class Witness(Sharing):
        def share(self, level, pixels, condition):
            self.seen = pixels
            return super().share(level, pixels, condition)

    model = Witness()
    in_p3 = np.full((16, 16, 3), (200, 40, 40), np.uint8)
    next(imagine(Downscaled(in_p3, 2), translated(model, DISPLAY_P3), [0]))
    assert model.seen[8, 8, 0] * 255 > 210  # as red, sRGB needs more


def test_srgb_grey_and_what_is_not_understood_change_nothing():
    model = Toy(card((2,)))
    assert translated(model, None) is model
    assert translated(model, ImageCms.ImageCmsProfile(SRGB).tobytes()) is model
    for cut in range(0, len(DISPLAY_P3), 7):
        assert translated(model, DISPLAY_P3[:cut]) is model or cut > 300
    assert isinstance(translated(model, DISPLAY_P3), Translated)


def test_a_damaged_profile_does_no_harm():
    rng = np.random.default_rng(0)
    values = np.linspace(0, 1, 30, dtype=np.float32).reshape(10, 3)
    read = 0
    for _ in range(500):
        damaged = np.frombuffer(DISPLAY_P3, np.uint8).copy()
        damaged[rng.integers(len(damaged), size=rng.integers(1, 20))] = rng.integers(256)
        profile = Profile.parse(damaged.tobytes())
        if profile is not None:
            read += 1
            assert np.isfinite(profile.to_light(values)).all()
            assert np.isfinite(profile.from_light(values)).all()
    assert 50 < read < 450
