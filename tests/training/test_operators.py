"""Shrinking, coding and projection are the same in torch and in the program."""

import numpy as np
import pytest
import torch
from imagine_training.method.operators import Coded, Shrunk, shrink, twin
from pictures import photograph
from PIL import Image

from imagine_cli.downscaled import Downscaled
from imagine_cli.jpeg import JpegCoded
from imagine_cli.resampling import KERNELS


def tensor(picture):
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255


def array(pictures):
    return pictures[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize("kernel", KERNELS)
def test_projection_onto_a_small_picture_is_the_program_s(kernel):
    small = photograph(9, 14, 1)
    noisy = torch.rand(1, 3, 72, 112)
    evidence = Shrunk(torch.zeros(1, 3, 72, 112), 8, kernel)
    evidence.small = tensor(small)
    expected = array(noisy).copy()
    Downscaled(small, 8, kernel).project(expected, 2)
    assert array(evidence.project(noisy)) == pytest.approx(expected, abs=2e-5)


def test_shrinking_is_pillow_s():
    picture = photograph(64, 96) // 2 + 64  # no overshoot to clip
    expected = np.asarray(Image.fromarray(picture).resize((12, 8), Image.Resampling.BICUBIC))
    assert np.abs(array(shrink(tensor(picture), 8, "bicubic")) * 255 - expected).max() < 1.6


@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_projection_onto_a_jpeg_is_the_program_s(tmp_path, subsampling):
    picture = photograph(48, 64, 2)
    file = tmp_path / "p.jpg"
    Image.fromarray(picture).save(file, quality=20, subsampling=subsampling)
    evidence = JpegCoded.from_file(file)
    tables = Image.open(file).quantization
    steps = torch.tensor([list(tables[0]), list(tables[1])]).reshape(1, 2, 8, 8).float()
    vertical, horizontal = ((1, 1), (1, 2), (2, 2))[subsampling]
    twin = Coded(tensor(picture), steps, (vertical, horizontal))
    noisy = tensor(picture) + 0.2 * torch.randn(1, 3, 48, 64)
    expected = array(noisy).copy()
    evidence.project(expected, 0)
    # The encoder rounds colours to bytes before it transforms: a few cells differ by one.
    difference = np.abs(array(twin.project(noisy)) - expected) * 255
    assert np.median(difference) < 0.01


def test_the_twin_of_a_small_picture_projects_as_the_program_does():
    evidence = Downscaled(photograph(6, 9), 4, "lanczos")
    noisy = torch.rand(1, 3, 24, 36)
    expected = array(noisy).copy()
    evidence.project(expected, 1)
    assert array(twin(evidence, 1).project(noisy)) == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_the_twin_of_a_jpeg_projects_as_the_program_does(tmp_path, subsampling):
    picture = photograph(48, 64, 2)
    Image.fromarray(picture).save(tmp_path / "p.jpg", quality=20, subsampling=subsampling)
    evidence = JpegCoded.from_file(tmp_path / "p.jpg")
    noisy = tensor(picture) + 0.2 * torch.randn(1, 3, 48, 64)
    expected = array(noisy).copy()
    evidence.project(expected, 0)
    assert array(twin(evidence, 0).project(noisy)) == pytest.approx(expected, abs=1e-4)


def test_projecting_twice_changes_nothing():
    pictures = torch.rand(2, 3, 32, 32)
    evidence = Coded(pictures, torch.full((2, 2, 8, 8), 40.0), (2, 2))
    once = evidence.project(torch.rand(2, 3, 32, 32))
    assert torch.allclose(evidence.project(once), once, atol=1e-5)
