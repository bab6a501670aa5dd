"""The paper's section 2: what is known stays, and what may be is kept, or lost."""

import gzip
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
import typer
from imagine_training.mnist import digits, line
from imagine_training.mnist.toy import Plan, gan, imle, nearest_codes, samples
from PIL import Image
from scipy.stats import multivariate_normal
from typer.testing import CliRunner

from imagine_cli.errors import ImagineError

app = typer.Typer()
app.command()(digits.main)


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(0)
    return np.clip(rng.normal(0.5, 0.2, (60, 16)) @ rng.normal(0, 0.5, (16, 16)), 0, 1)


def test_predictions_share_the_ten_known_coordinates_and_no_other(pictures):
    space = digits.Coordinates(pictures)
    asked = space.coordinates(pictures[:1])[0]
    found = space.coordinates(space.pictures(asked[:10], torch.randn(5, 6)))
    assert np.abs(found[:, :10] - asked[:10]).max() < 1e-4
    assert found[:, 10:].std(0).min() > 1e-3


def test_coordinates_are_the_principal_ones(pictures):
    space = digits.Coordinates(pictures)
    variances = space.coordinates(pictures).var(0, ddof=1)
    singular = np.linalg.svd(pictures - pictures.mean(0), compute_uv=False)
    assert np.allclose(variances, singular**2 / (len(pictures) - 1))
    known, rest = space.coordinates(pictures)[3, :10], space.halves(space.coordinates(pictures))[1]
    assert np.allclose(space.pictures(known, rest[3:4]), pictures[3], atol=1e-5)


def test_the_density_is_a_mixture_of_normals():
    points, at = torch.randn(7, 2), torch.randn(3, 2)
    kernels = [multivariate_normal(point, digits.BANDWIDTH**2) for point in points.numpy()]
    expected = np.log(np.mean([kernel.pdf(at.numpy()) for kernel in kernels], 0))
    assert np.allclose(digits.log_density(points, at).numpy(), expected, atol=1e-4)


def test_the_truth_is_as_often_in_a_region_as_the_region_says():
    torch.manual_seed(0)
    rows = [digits.judged(torch.randn(300, 6), torch.randn(6), 1.0) for _ in range(200)]
    figures = digits.averaged(rows)
    assert figures["observed in the 50 % region"] == pytest.approx(0.5, abs=0.1)
    assert figures["observed in the 90 % region"] == pytest.approx(0.9, abs=0.06)
    assert figures["share of samples farther from it"] == pytest.approx(0.5, abs=0.07)


def test_the_nearest_code_is_never_farther_than_the_first():
    torch.manual_seed(0)
    known, observed = line.pairs(50)
    sampler = imle(known, observed, Plan(rounds=1, steps=1), candidates=1)
    torch.manual_seed(1)
    first = nearest_codes(sampler, known, observed, 1)
    torch.manual_seed(1)
    nearest = nearest_codes(sampler, known, observed, 9)
    far = [(sampler(known, code) - observed).abs() for code in (first, nearest)]
    assert (far[1] <= far[0]).all()
    assert (far[1] < far[0]).any()


def test_one_candidate_loses_the_modes_that_several_keep():
    covered, plan = {}, replace(line.plan(12), steps=50)
    for count in (1, 8):
        torch.manual_seed(0)
        sampler = imle(*line.pairs(500), plan, candidates=count)
        covered[count] = line.measured(sampler)["modes covered"]
    assert covered[1] < 0.2
    assert covered[8] > 0.8


def test_the_gan_learns_where_the_answer_lies():
    torch.manual_seed(0)
    known = 2 * torch.rand(500, 1) - 1
    sampler = gan(known, line.wave(known) + 2, Plan(rounds=8, width=64))
    assert (samples(sampler, known, 5) - line.wave(known)[:, None] - 2).abs().mean() < 0.3


def test_mnist_is_read_from_its_files_and_from_npz(tmp_path, pictures):
    bytes_ = np.rint(255 * pictures).astype(np.uint8).reshape(-1, 4, 4)
    for part, some in (("train", bytes_[:40]), ("t10k", bytes_[40:])):
        head = np.array([2051, len(some), 4, 4], ">i4").tobytes()
        file = tmp_path / f"{part}-images-idx3-ubyte.gz"
        file.write_bytes(gzip.compress(head + some.tobytes()))
    np.savez(tmp_path / "mnist.npz", x_train=bytes_[:40], x_test=bytes_[40:])
    for given in (digits.read(tmp_path), digits.read(tmp_path / "mnist.npz")):
        assert np.allclose(given.train * 255, bytes_[:40].reshape(40, 16))
        assert np.allclose(given.test * 255, bytes_[40:].reshape(20, 16))


def test_without_mnist_there_is_a_small_set_and_it_is_named(monkeypatch):
    given = digits.read(None)
    assert given.train.shape == (1497, 64)
    assert given.test.shape == (300, 64)
    assert given.train.max() == 1
    assert "not MNIST" in given.name

    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImagineError, match="pip install scikit-learn"):
        digits.read(None)


def test_the_command_writes_both_figures_and_says_what_it_saw(tmp_path, pictures):
    shaped = np.rint(255 * pictures).astype(np.uint8).reshape(-1, 4, 4)
    np.savez(tmp_path / "mnist.npz", x_train=shaped[:40], x_test=shaped[40:])
    out = tmp_path / "out"
    asked = ["--data", str(tmp_path / "mnist.npz"), "--out", str(out), "--rounds", "1"]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    assert "MNIST: 40 digits to train on, 20 to test; seed 0" in done.output
    for name in ("figure-1a.png", "figure-1b.png"):
        assert np.asarray(Image.open(out / name)).std() > 10

    again = CliRunner().invoke(app, asked)
    assert again.exit_code == 1
    assert "holds something already" in again.output


@pytest.mark.parametrize("name", ["nothing", "empty", "text.npz"])
def test_what_is_not_mnist_gets_one_line(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.npz").write_text("not an archive")
    asked = ["--data", str(tmp_path / name), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 1
    assert len(done.output.splitlines()) == 1
    assert "MNIST cannot be read" in done.output


def test_the_line_is_drawn(tmp_path):
    asked = ["--example", "line", "--out", str(tmp_path / "out"), "--rounds", "1"]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    assert "modes covered" in done.output
    assert np.asarray(Image.open(tmp_path / "out" / "line.png")).std() > 10
