"""What tests of training share."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pictures
import pytest
import torch
from imagine_training.method import backbones, perceptual, presets
from imagine_training.run import eight_bits
from tiny import TINY


@pytest.fixture(scope="session")
def chance():
    """Weights of the perceptual networks that chance made, by name: making them takes a second."""
    torch.manual_seed(0)
    return {net: trunk(None).state_dict() for net, trunk in perceptual._TRUNKS.items()}


@pytest.fixture(autouse=True)
def few_leaves(monkeypatch):
    """A model's ranges are met on one picture here: on all of them that takes ten seconds."""
    monkeypatch.setattr(eight_bits, "PICTURES", 1)


@pytest.fixture(scope="module")
def tiny_presets(chance):
    """Tiny presets, and a perceptual network that chance made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(perceptual, "_trunk_weights", chance.__getitem__)
        patch.setattr(backbones, "find", lambda net: None)
        patch.setattr(backbones, "fetch", lambda *nets, **how: None)
        for task, preset in TINY.items():
            patch.setitem(presets.PRESETS[task], "compact", preset)
        yield


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    return pictures.photographs(tmp_path_factory.mktemp("data") / "photographs", 110, 114)


@pytest.fixture
def data(photographs, tmp_path):
    """Pictures that a test may spoil."""
    return Path(shutil.copytree(photographs, tmp_path / "data"))


@pytest.fixture(scope="session")
def execute():
    """Runs a command that finds what tests find; it has to succeed."""

    def run(command):
        paths = os.pathsep.join(filter(None, sys.path))
        settings = {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "IMAGINE_BACKBONES": ""}
        environment = {**os.environ, **settings}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    return run
