"""Models in eight bits: nearly the pictures of full precision, whatever the tiles and threads."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from imagine_training.method.checkpoint import save_weights
from imagine_training.method.network import Generator
from imagine_training.method.presets import DECOMPRESS, UPSCALE, LevelShape
from imagine_training.run import eight_bits, export
from imagine_training.run.leaves import leaves

from imagine_cli import Downscaled, JpegCoded, OnnxModel, imagine, open_picture
from imagine_cli.halves import in_full

EXAMPLES = Path(__file__).parents[2] / "examples"
SHAPE = LevelShape(16, 8, 1, tail=(8,), map_after_blocks=True)
SMALL = replace(UPSCALE, levels=(SHAPE, SHAPE), candidates=(1, 1))
CODED = replace(DECOMPRESS, levels=(replace(DECOMPRESS.levels[0], channels=16, growth=8),))


@pytest.fixture(params=[SMALL, CODED], ids=["upscale", "decompress"])
def case(request, tmp_path):
    """A model's folder, and evidence for it."""
    torch.manual_seed(0)
    network = Generator(request.param)
    for level in network.levels:  # so that what it adds is seen
        level.out.parametrizations.weight.original0.data.mul_(10)
    save_weights(network.state_dict(), request.param, tmp_path)
    if request.param == SMALL:
        return tmp_path, Downscaled(open_picture(EXAMPLES / "cat.png").pixels, 4)
    return tmp_path, JpegCoded.from_file(EXAMPLES / "coffee.jpg")


@pytest.fixture
def in_full_precision(case, monkeypatch):
    """The same model's file before."""
    folder, _ = case
    with monkeypatch.context() as without:
        without.setattr(export, "quantise", lambda file: None)
        return export.export(folder).rename(folder / "full.onnx")


def variant(file, evidence, threads=0, tile=0):
    model = OnnxModel(file, "cpu", threads)
    return next(imagine(evidence, model, [3], tile=tile)).picture.astype(float)


def apart(one, other):
    return np.sqrt(((one - other) ** 2).mean())


def test_a_trunk_is_in_eight_bits_and_what_lies_around_it_is_not(case):
    graph = onnx.load_from_string(in_full(export.export(case[0]).read_bytes())).graph
    coarse = {
        name for node in graph.node if node.op_type == "DequantizeLinear" for name in node.output
    }
    kinds = {
        node.name: coarse.issuperset(node.input) for node in graph.node if node.op_type == "Conv"
    }
    assert len(kinds) > 6
    for name, is_coarse in kinds.items():
        assert is_coarse == ("/trunk." in name and "map_gain" not in name), name
    weights = {tensor.data_type for tensor in graph.initializer if len(tensor.dims) == 4}
    assert weights == {onnx.TensorProto.INT8, onnx.TensorProto.FLOAT}
    largest = max(
        np.abs(onnx.numpy_helper.to_array(tensor).astype(int)).max()
        for tensor in graph.initializer
        if tensor.data_type == onnx.TensorProto.INT8 and tensor.dims
    )
    assert largest == 64


def test_variants_are_nearly_those_of_full_precision(case, in_full_precision):
    folder, evidence = case
    before, after = (variant(file, evidence) for file in (in_full_precision, export.export(folder)))
    assert 0 < apart(before, after) < 1


def test_neither_tiles_nor_threads_leave_a_trace(case):
    folder, evidence = case
    file = export.export(folder)
    whole = variant(file, evidence, threads=1)
    assert np.array_equal(variant(file, evidence, threads=2), whole)
    assert np.array_equal(variant(file, evidence, tile=32), whole)


def test_a_model_that_would_give_other_pictures_stays_in_full(case, in_full_precision, monkeypatch):
    folder, _ = case
    monkeypatch.setattr(eight_bits, "MOST", 0)
    assert export.export(folder).read_bytes() == in_full_precision.read_bytes()
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json",
        "full.onnx",
        "model.onnx",
        "model.safetensors",
    ]


def test_leaves_are_of_all_colours_and_the_same_for_one_seed():
    picture = leaves(np.random.default_rng(0), 64)
    assert np.array_equal(picture, leaves(np.random.default_rng(0), 64))
    assert picture.shape == (64, 64, 3)
    assert picture.min() == 0
    assert picture.max() == 255
    assert picture.std((0, 1)).min() > 20
