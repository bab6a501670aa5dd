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


def test_a_cast_to_another_kind_stays(file):
    model = onnx.load(file)
    model.graph.node[0].attribute[0].i = TensorProto.DOUBLE
    content = model.SerializeToString()
    assert [node.op_type for node in onnx.load_from_string(in_full(content)).graph.node] == [
        "Cast",
        "Conv",
        "Add",
    ]


def test_a_half_that_something_else_reads_stays_too(file):
    model = onnx.load(file)
    model.graph.node.append(helper.make_node("Abs", ["weight.half"], ["unused"]))
    names = [
        one.name
        for one in onnx.load_from_string(in_full(model.SerializeToString())).graph.initializer
    ]
    assert sorted(names) == ["weight", "weight.half"]


def test_a_half_that_is_cast_again_and_again_unfolds_to_nothing(file):
    model = onnx.load(file)
    for number in range(300):
        model.graph.node.append(
            helper.make_node("Cast", ["weight.half"], [f"w{number}"], to=TensorProto.FLOAT)
        )
    file.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="cast twice"):
        OnnxModel(file)


def test_what_was_not_read_as_a_graph_does_not_become_one(file):
    content = file.read_bytes() + bytes([7 << 3 | 1]) + b"\x0a\x06\x22\x04Tile"
    assert in_full(content).endswith(content[-9:])


@pytest.mark.parametrize("raw", [b"", b"\x00", WEIGHT.tobytes()[:-2]])
def test_a_weight_that_is_too_short_is_refused_in_one_line(file, raw):
    model = onnx.load(file)
    model.graph.initializer[0].raw_data = raw
    file.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="not a model that onnxruntime can run") as caught:
        OnnxModel(file)
    assert "\n" not in str(caught.value)
