"""Weights in half precision: half the file, and the same network once they are written in full."""

import numpy as np
import onnx
import pytest
from models import card, model_file
from onnx import TensorProto, helper, numpy_helper

from imagine_cli import ModelError, OnnxModel
from imagine_cli.halves import in_full

WEIGHT = np.random.default_rng(0).normal(size=(3, 3, 1, 1)).astype(np.float16)


@pytest.fixture
def file(tmp_path):
    """Mixes the colours by a weight in half precision, then adds the field."""
    path = model_file(tmp_path / "m.onnx", card((1,), "decompress", 131))
    model = onnx.load(path)
    model.graph.node[0].input[0] = "mixed"
    nodes = [
        helper.make_node("Cast", ["weight.half"], ["weight"], to=TensorProto.FLOAT),
        helper.make_node("Conv", ["pixels_1", "weight"], ["mixed"]),
        *model.graph.node,
    ]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.append(numpy_helper.from_array(WEIGHT, "weight.half"))
    onnx.save(model, path)
    return path


def test_casts_of_weights_become_weights_and_nothing_else_changes(file):
    model = onnx.load_from_string(in_full(file.read_bytes()))
    onnx.checker.check_model(model, full_check=True)
    assert [node.op_type for node in model.graph.node] == ["Conv", "Add"]
    (weight,) = model.graph.initializer
    assert weight.name == "weight"
    assert weight.data_type == TensorProto.FLOAT
    assert np.array_equal(numpy_helper.to_array(weight), WEIGHT.astype(np.float32))
    before = onnx.load(file)
    assert model.metadata_props == before.metadata_props
    assert model.graph.input == before.graph.input


def test_a_picture_is_what_the_weights_say(file):
    pixels = np.random.default_rng(1).random((4, 6, 3), np.float32)
    field, vector, told = np.ones((1, 4, 6)), np.zeros(2), np.zeros(131)
    numbers = (value.astype(np.float32) for value in (field, vector, told))
    expected = pixels @ WEIGHT[..., 0, 0].astype(np.float32).T + 1
    assert np.allclose(OnnxModel(file)(0, pixels, *numbers), expected, atol=1e-6)


def test_a_file_without_halves_is_left_as_it_is(tmp_path):
    content = model_file(tmp_path / "m.onnx", card((1,), "decompress", 131)).read_bytes()
    assert in_full(content) == content


def test_a_cast_of_something_else_stays(file):
    model = onnx.load(file)
    model.graph.node[0].input[0] = "pixels_1"
    del model.graph.initializer[:]
    content = model.SerializeToString()
    assert in_full(content) == content


@pytest.mark.parametrize("raw", [b"", b"\x00", WEIGHT.tobytes()[:-2]])
def test_a_weight_that_is_too_short_is_refused_in_one_line(file, raw):
    model = onnx.load(file)
    model.graph.initializer[0].raw_data = raw
    file.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="not a model that onnxruntime can run") as caught:
        OnnxModel(file)
    assert "\n" not in str(caught.value)
