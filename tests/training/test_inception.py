"""Inception's features: of its shape, by either file's names, and sensitive to what blurs."""

from pathlib import Path

import numpy as np
import pytest
import torch
from imagine_training.evaluation.inception import Inception, torch_names
from imagine_training.evaluation.metrics import frechet, kid
from imagine_training.method import backbones
from PIL import Image
from safetensors.torch import save_file

from imagine_cli.errors import ModelError

SHARED = Path(__file__).parents[3] / "shared"
TRUNK = SHARED / "backbones" / backbones.BACKBONES["inception"].other
needs_network = pytest.mark.skipif(not TRUNK.is_file(), reason="the network is not at hand")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The only place where weights are looked for."""
    monkeypatch.setattr(backbones, "folders", lambda: [tmp_path])
    return tmp_path


def pytorch_fid_state(shapes):
    """Weights by chance, as pytorch-fid's file has them, for (out, in, height, width) shapes."""
    random = torch.Generator().manual_seed(0)
    state = {}
    for theirs, shape in shapes.items():
        fan = shape[1] * shape[2] * shape[3]
        state[f"{theirs}.conv.weight"] = torch.randn(shape, generator=random) * (2 / fan) ** 0.5
        for name in ("weight", "running_var"):
            state[f"{theirs}.bn.{name}"] = 0.5 + torch.rand(shape[0], generator=random)
        for name in ("bias", "running_mean"):
            state[f"{theirs}.bn.{name}"] = torch.randn(shape[0], generator=random) / 10
    return state


def shapes():
    """What torchvision's `inception_v3` has, block by block."""
    found = {
        "Conv2d_1a_3x3": (32, 3, 3, 3), "Conv2d_2a_3x3": (32, 32, 3, 3),
        "Conv2d_2b_3x3": (64, 32, 3, 3), "Conv2d_3b_1x1": (80, 64, 1, 1),
        "Conv2d_4a_3x3": (192, 80, 3, 3),
    }  # fmt: skip

    def block(name, channels, **branches):
        for branch, (out, *kernels) in branches.items():
            found[f"Mixed_{name}.branch{branch}"] = (out, kernels[0] or channels, *kernels[1:])

    for name, channels, pool in (("5b", 192, 32), ("5c", 256, 64), ("5d", 288, 64)):
        block(name, channels, **{
            "1x1": (64, 0, 1, 1), "5x5_1": (48, 0, 1, 1), "5x5_2": (64, 48, 5, 5),
            "3x3dbl_1": (64, 0, 1, 1), "3x3dbl_2": (96, 64, 3, 3), "3x3dbl_3": (96, 96, 3, 3),
            "_pool": (pool, 0, 1, 1),
        })  # fmt: skip
    block("6a", 288, **{
        "3x3": (384, 0, 3, 3), "3x3dbl_1": (64, 0, 1, 1), "3x3dbl_2": (96, 64, 3, 3),
        "3x3dbl_3": (96, 96, 3, 3),
    })  # fmt: skip
    for name, c in (("6b", 128), ("6c", 160), ("6d", 160), ("6e", 192)):
        block(name, 768, **{
            "1x1": (192, 0, 1, 1), "7x7_1": (c, 0, 1, 1), "7x7_2": (c, c, 1, 7),
            "7x7_3": (192, c, 7, 1), "7x7dbl_1": (c, 0, 1, 1), "7x7dbl_2": (c, c, 7, 1),
            "7x7dbl_3": (c, c, 1, 7), "7x7dbl_4": (c, c, 7, 1), "7x7dbl_5": (192, c, 1, 7),
            "_pool": (192, 0, 1, 1),
        })  # fmt: skip
    block("7a", 768, **{
        "3x3_1": (192, 0, 1, 1), "3x3_2": (320, 192, 3, 3), "7x7x3_1": (192, 0, 1, 1),
        "7x7x3_2": (192, 192, 1, 7), "7x7x3_3": (192, 192, 7, 1), "7x7x3_4": (192, 192, 3, 3),
    })  # fmt: skip
    for name, channels in (("7b", 1280), ("7c", 2048)):
        block(name, channels, **{
            "1x1": (320, 0, 1, 1), "3x3_1": (384, 0, 1, 1), "3x3_2a": (384, 384, 1, 3),
            "3x3_2b": (384, 384, 3, 1), "3x3dbl_1": (448, 0, 1, 1), "3x3dbl_2": (384, 448, 3, 3),
            "3x3dbl_3a": (384, 384, 1, 3), "3x3dbl_3b": (384, 384, 3, 1), "_pool": (192, 0, 1, 1),
        })  # fmt: skip
    return found


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 256, (80, 96, 3)).astype(np.uint8)


def test_the_full_network_gives_2048_features_and_its_trunk_768(folder, picture):
    state = pytorch_fid_state(shapes())
    torch.save(state, folder / backbones.BACKBONES["inception"].name)
    full = Inception()
    assert full(picture).shape == (full.features,) == (2048,)
    # The trunk, folded and by TensorFlow's names, as the other file has it.
    names = {theirs: ours for theirs, ours in torch_names().items() if "_7" not in theirs}
    folded = {
        f"{ours}.{part}": full._weights[f"{ours}.{part}"]
        for ours in names.values()
        for part in ("weight", "bias")
    }
    (folder / backbones.BACKBONES["inception"].name).unlink()
    save_file(folded, folder / backbones.BACKBONES["inception"].other)
    trunk = Inception()
    assert trunk(picture).shape == (trunk.features,) == (768,)


def test_normalisation_is_folded_in_as_torch_normalises(folder):
    shape = {"Conv2d_1a_3x3": (32, 3, 3, 3)}
    state = pytorch_fid_state(shapes())
    torch.save(state, folder / backbones.BACKBONES["inception"].name)
    network = Inception()
    theirs = next(iter(shape))
    x = torch.rand(1, 3, 9, 9)
    plain = torch.nn.functional.conv2d(x, state[f"{theirs}.conv.weight"], stride=2)
    normalised = torch.nn.functional.batch_norm(
        plain, *(state[f"{theirs}.bn.{name}"] for name in ("running_mean", "running_var")),
        *(state[f"{theirs}.bn.{name}"] for name in ("weight", "bias")), eps=1e-3,
    )  # fmt: skip
    found = network._conv(x, "conv", stride=2, whole=True)
    assert torch.allclose(found, normalised.relu(), atol=1e-5)


@needs_network
def test_the_names_are_those_of_the_trunk_s_file_and_shapes_agree():
    from safetensors import safe_open

    with safe_open(TRUNK, "pt") as file:
        there = {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
    expected = {f"{torch_names()[name]}.weight": shape for name, shape in shapes().items()}
    assert {key: shape for key, shape in there.items() if key.endswith("weight")} == {
        key: shape for key, shape in expected.items() if key in there
    }
    assert {"mixed_7_tower_1_conv_4.weight", "conv_4.weight"} <= set(expected) & set(there)


@needs_network
def test_the_more_blur_the_further_from_photographs(monkeypatch):
    monkeypatch.setenv("IMAGINE_BACKBONES", str(TRUNK.parent))
    network = Inception()
    files = sorted((SHARED / "data/eval/Kodak24").glob("*.png"))[:6]
    pictures = [Image.open(file).resize((192, 128)) for file in files]

    def seen(factor):
        small = (one.reduce(factor).resize(one.size, Image.BICUBIC) for one in pictures)
        return np.stack([network(np.asarray(one)) for one in small])

    sharp, soft, softer = seen(1), seen(4), seen(8)
    for distance in (frechet, kid):
        assert distance(softer, sharp) > distance(soft, sharp) > distance(sharp, sharp) + 1e-4


def test_missing_weights_are_told_with_what_helps(folder):
    with pytest.raises(ModelError, match="IMAGINE_BACKBONES"):
        Inception()
