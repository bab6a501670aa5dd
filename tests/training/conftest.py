"""What tests of training share."""

import pytest
import torch
from imagine_training.method import perceptual
from imagine_training.run import eight_bits


@pytest.fixture(scope="session")
def chance():
    """Weights of the perceptual networks that chance made, by name: making them takes a second."""
    torch.manual_seed(0)
    return {net: trunk(None).state_dict() for net, trunk in perceptual._TRUNKS.items()}


@pytest.fixture(autouse=True)
def few_leaves(monkeypatch):
    """A model's ranges are met on one picture here: on all of them that takes ten seconds."""
    monkeypatch.setattr(eight_bits, "PICTURES", 1)
