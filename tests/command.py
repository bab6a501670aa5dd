"""The command as a person types it, what it is given, and what it wrote."""

from pathlib import Path

import numpy as np
import pytest
from models import Toy, card
from pictures import photograph
from PIL import Image
from typer.testing import CliRunner

from imagine_cli import model as model_module
from imagine_cli.cli import app


@pytest.fixture
def toy(monkeypatch, request):
    """A model of ten lines in place of the bundled one, unless a test asks for the real one."""
    if "bundled" in request.keywords:
        return
    cards = {"upscale": card((2, 4, 8, 16)), "decompress": card((1,), "decompress", 131)}

    def opened(path, device="auto", threads=0):
        toy = Toy(cards[Path(path).parent.name], strength=0.01)
        toy.device = "cpu"
        return toy

    monkeypatch.setattr(model_module, "OnnxModel", opened)


@pytest.fixture
def photo(tmp_path):
    file = tmp_path / "photo.png"
    Image.fromarray(photograph(96, 128)).resize((16, 12), Image.Resampling.BICUBIC).save(file)
    return file


@pytest.fixture
def jpeg(tmp_path):
    file = tmp_path / "photo.jpg"
    Image.fromarray(photograph(40, 56)).save(file, quality=20)
    return file


def pixels(file):
    return np.asarray(Image.open(file)).tobytes()


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])
