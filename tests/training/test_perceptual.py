"""LPIPS is LPIPS: held to published reference values where the networks are at hand."""

from pathlib import Path

import pytest
import torch
from imagine_training import perceptual
from imagine_training.metrics import lpips, psnr, spread
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
    import numpy as np

    monkeypatch.setenv(perceptual.FOLDER_VARIABLE, str(SHARED / "backbones"))
    picture = Image.open(SHARED / "data/eval/Kodak24/01.png").crop((0, 0, 256, 256))
    soft = picture.resize((64, 64), Image.BICUBIC).resize((256, 256), Image.BICUBIC)
    distance = lpips(net)
    picture, soft = np.asarray(picture), np.asarray(soft)
    assert distance(picture, soft) == pytest.approx(REFERENCE[net], abs=1e-3)
    assert distance(picture, picture) == 0
    assert spread([soft, soft, soft], distance) == 0


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
    monkeypatch.setattr(perceptual, "backbone_folders", lambda: [tmp_path])
    with pytest.raises(ModelError, match="IMAGINE_BACKBONES"):
        perceptual.Lpips("alex")


def test_psnr_is_the_formula():
    import numpy as np

    black = np.zeros((4, 4, 3), np.uint8)
    assert psnr(black, black) == float("inf")
    assert psnr(black, black + 1) == pytest.approx(48.1308, abs=1e-4)
