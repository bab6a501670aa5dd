"""LPIPS is LPIPS: held to published reference values where the networks are at hand."""

from pathlib import Path

import numpy as np
import pytest
import torch
from imagine_training.method import backbones, perceptual
from imagine_training.method.perceptual import Eye
from PIL import Image

from imagine_cli.errors import ModelError

SHARED = Path(__file__).parents[3] / "shared"
needs_networks = pytest.mark.skipif(
    not (SHARED / "backbones").is_dir(), reason="the feature networks are not at hand"
)
REFERENCE = {"alex": 0.58973, "vgg": 0.44759, "squeeze": 0.47853}


@needs_networks
@pytest.mark.parametrize("net", REFERENCE)
def test_distances_are_the_reference_s(net, monkeypatch):
    monkeypatch.setenv(backbones.FOLDER_VARIABLE, str(SHARED / "backbones"))
    picture = Image.open(SHARED / "data/eval/Kodak24/01.png").crop((0, 0, 256, 256))
    soft = picture.resize((64, 64), Image.BICUBIC).resize((256, 256), Image.BICUBIC)
    eye = Eye(net)
    sharp, soft = (eye.look(np.asarray(one)) for one in (picture, soft))
    assert eye.far(sharp, soft) == pytest.approx(REFERENCE[net], abs=1e-3)
    assert eye.far(soft, soft) == 0


@pytest.fixture
def invented(monkeypatch):
    """VGG's shape, and weights that chance made."""
    torch.manual_seed(0)
    state = perceptual._vgg(None).state_dict()
    monkeypatch.setattr(perceptual, "_trunk_weights", lambda net: state)
    return perceptual.Lpips("vgg")


def test_the_distance_is_a_mean_over_places(invented):
    one, other = torch.rand(2, 1, 3, 32, 32).unbind()
    tiled = invented(one.tile(1, 1, 2, 2), other.tile(1, 1, 2, 2))
    assert tiled.item() == pytest.approx(invented(one, other).item(), rel=0.25)
    assert invented(one, one).item() == 0
    assert invented(one, other).item() == pytest.approx(invented(other, one).item())


def test_half_precision_hardly_moves_it(invented):
    one, other = torch.rand(2, 1, 3, 32, 32).unbind()
    half = perceptual.Lpips("vgg", reduced=True)
    assert half(one, other).item() == pytest.approx(invented(one, other).item(), rel=0.02)


def test_missing_networks_are_told_with_what_helps(monkeypatch, tmp_path):
    monkeypatch.setattr(backbones, "folders", lambda: [tmp_path])
    with pytest.raises(ModelError, match="IMAGINE_BACKBONES"):
        perceptual.Lpips("alex")


def test_the_places_are_those_of_the_difference(invented, monkeypatch):
    monkeypatch.setattr(perceptual, "Lpips", lambda net: invented)
    eye = Eye("vgg")
    picture = np.random.default_rng(0).integers(0, 256, (64, 96, 3)).astype(np.uint8)
    other = picture.copy()
    other[:16, -16:] = 255 - other[:16, -16:]
    seen, changed = eye.look(picture), eye.look(other)
    places = eye.places(seen, changed, (64, 96))
    assert places.shape == (64, 96)
    assert places.mean() == pytest.approx(eye.far(seen, changed), rel=0.05)
    assert places[:16, -16:].mean() > 5 * places[32:, :48].mean()
    assert not eye.places(seen, seen, (64, 96)).any()
