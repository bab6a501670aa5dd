"""What tests of training share."""

import pytest
import torch
from imagine_training.method import perceptual


@pytest.fixture(scope="session")
def chance():
    """Weights of the perceptual networks that chance made, by name: making them takes a second."""
    torch.manual_seed(0)
    return {net: trunk(None).state_dict() for net, trunk in perceptual._TRUNKS.items()}
