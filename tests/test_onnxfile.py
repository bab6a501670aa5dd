"""A model file is data: what would reach beyond itself is refused before anything is run."""

import ast
import json
import os
import pickle
import subprocess
import sys
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
from models import card, model_file
from onnx import TensorProto, external_data_helper, helper, numpy_helper

from imagine_cli import ModelError, OnnxModel, hub, onnxfile
from imagine_cli.card import read_card

ROOT = Path(__file__).parents[1]


@pytest.fixture
def about():
    return card((1,), "decompress", 131)


@pytest.fixture
def file(tmp_path, about):
    return model_file(tmp_path / "m.onnx", about)


@pytest.fixture
def no_session(monkeypatch):
    """Making a session would fail in a way of its own."""
    monkeypatch.setattr("imagine_cli.model.onnxruntime", None)


def changed(file, change):
    model = onnx.load(file, load_external_data=False)
    change(model)
    file.write_bytes(model.SerializeToString())
    return file


def refused(file):
    with pytest.raises(ModelError) as caught:
        read_card(file)
    line = str(caught.value)
    assert line.startswith(f"{file}: ")
    assert "\n" not in line
    return line


@pytest.mark.parametrize("name", ["upscale", "decompress"])
def test_the_description_is_what_onnx_itself_reads(name):
    file = hub.find(name)
    entries = onnx.load(file).metadata_props
    assert onnxfile.metadata(file) == {entry.key: entry.value for entry in entries}


def weight(model):
    """A constant that the graph does not use."""
    model.graph.initializer.append(numpy_helper.from_array(np.ones(9, np.float32), "weight"))
    return model.graph.initializer[0]


def outside(model):
    external_data_helper.set_external_data(weight(model), "../secret")


def outside_in_a_constant(model):
    tensor = weight(model)
    external_data_helper.set_external_data(tensor, "/etc/passwd")
    model.graph.node.append(helper.make_node("Constant", [], ["c"], value=tensor))
    del model.graph.initializer[:]


def location_alone(model):
    weight(model).data_location = TensorProto.EXTERNAL


def custom_operator(model):
    model.graph.node[0].domain = "com.microsoft"


def custom_operators(model):
    model.opset_import.append(helper.make_opsetid("own\x1b[31m", 1))


def function(model):
    parts = (["x"], ["y"], [helper.make_node("Relu", ["x"], ["y"])])
    opsets = [helper.make_opsetid("", 18)]
    model.functions.append(helper.make_function("", "Add", *parts, opsets))


def loop(model):
    body = helper.make_graph([], "body", [], [])
    model.graph.node.append(helper.make_node("Loop", ["", ""], [], body=body))


def branches(model):
    attribute = helper.make_attribute("branches", [helper.make_graph([], "one", [], [])])
    model.graph.node[0].attribute.append(attribute)


def sparse(model):
    values, where = np.ones(1, np.float32), np.zeros(1, np.int64)
    tensors = [numpy_helper.from_array(array) for array in (values, where)]
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(*tensors, [2**40]))


def three_gigabytes(model):
    shape = numpy_helper.from_array(np.array([750_000_000]), "shape")
    model.graph.initializer.append(shape)
    model.graph.node.append(helper.make_node("ConstantOfShape", ["shape"], ["large"]))


def training(model):
    model.training_info.add()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (outside, "data in another file"),
        (outside_in_a_constant, "data in another file"),
        (location_alone, "data in another file"),
        (custom_operator, "operators that are not ONNX's own ('com.microsoft')"),
        (custom_operators, r"operators that are not ONNX's own ('own\x1b[31m')"),
        (function, "operators of its own making"),
        (loop, "loops or branches"),
        (branches, "loops or branches"),
        (sparse, "sparse tensors"),
        (training, "training steps"),
        (three_gigabytes, "an operator of unbounded size (ConstantOfShape)"),
    ],
)
def test_what_reaches_beyond_the_file_is_refused_unrun(file, no_session, change, said):
    with pytest.raises(ModelError):
        OnnxModel(changed(file, change), "cpu")
    assert said in refused(file)


def test_what_is_written_in_an_unusual_way_is_seen_all_the_same(file):
    plain = file.read_bytes()
    # Protocol Buffers merge a second graph into the first; numbers may be longer than they need.
    file.write_bytes(plain + b"\xba\x00\x05\x2a\x03\x70\x81\x00")
    assert onnx.load(file, load_external_data=False).graph.initializer[0].data_location == 1
    assert "data in another file" in refused(file)


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00", b"\x08", b"\x3a\xff", b"\x0b", b"\x08" + b"\xff" * 11, b"text", bytes(99)],
)
def test_what_is_no_onnx_file_is_told(file, content):
    file.write_bytes(content)
    assert "not a model of imagine" in refused(file)


def test_size_is_bounded_before_anything_is_read(file, monkeypatch):
    os.truncate(file, 2**31 + 5)  # a file of holes
    assert "2,147,483,653 bytes" in refused(file)
    file.write_bytes(b"\x08\x01" * 101)
    monkeypatch.setattr(onnxfile, "_MOST_FIELDS", 100)
    assert "more than 100 parts" in refused(file)


def test_a_pickle_is_never_opened(file, tmp_path):
    class Bait:
        def __reduce__(self):
            return Path.touch, (tmp_path / "opened",)

    file.write_bytes(pickle.dumps(Bait()))
    assert "not a model of imagine" in refused(file)
    assert not (tmp_path / "opened").exists()


def test_nobody_in_the_house_loads_pickles():
    for source in (*ROOT.glob("imagine_cli/*.py"), *ROOT.glob("training/**/*.py")):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", "")}
                assert not names & {"pickle", "dill", "joblib", "shelve", "marshal"}, source
            if isinstance(node, ast.Call):
                options = {option.arg: ast.unparse(option.value) for option in node.keywords}
                assert options.get("allow_pickle", "False") == "False", source
                if ast.unparse(node.func) == "torch.load":
                    assert options.get("weights_only") == "True", source


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        ({"vector": 3}, "vector_1 is a tensor(float) of [1, 2], not of (1, 3)"),
        ({"condition": 5}, "condition_1"),
        ({"levels": card((1,)).levels * 2}, "it has no condition_2"),
    ],
)
def test_a_card_that_is_not_its_model_s_is_refused(tmp_path, about, lie, said):
    file = model_file(tmp_path / "m.onnx", about, replace(about, **lie).as_json())
    with pytest.raises(ModelError, match="does not match its card") as caught:
        OnnxModel(file, "cpu")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        {"vector": 10**12},
        {"vector": 2.0},
        {"vector": -1},
        {"task": "mine bitcoin"},
        {"name": "\x1b[31mred"},
        {"levels": []},
        {"levels": [{"factor": 1, "channels": 1, "multiple": 0, "margin": 2}]},
        {"levels": [{"factor": 1, "channels": 1, "multiple": 2, "margin": 10**9}]},
        {"levels": [{"factor": 3, "channels": 1, "multiple": 2, "margin": 2}] * 2 + [1]},
        {"levels": 7},
        {"extra": 1},
    ],
)
def test_a_card_that_says_what_cannot_be_is_refused(tmp_path, about, values):
    text = json.dumps(asdict(about) | values)
    refused(model_file(tmp_path / "m.onnx", about, text))


def test_a_picture_of_another_shape_or_of_no_numbers_is_refused(file):
    def ask(model):
        field, vector = np.ones((1, 4, 6), np.float32), np.zeros(2, np.float32)
        return model(0, np.full((4, 6, 3), 0.25), field, vector, np.zeros(131, np.float32))

    def turned(model):
        model.graph.node[0].output[0] = "sum"
        model.graph.node.append(
            helper.make_node("Transpose", ["sum"], ["imagined_1"], perm=[0, 1, 3, 2])
        )

    def root_of_less_than_nothing(model):
        model.graph.node[1].CopyFrom(helper.make_node("Neg", ["sum"], ["less"]))
        model.graph.node.append(helper.make_node("Sqrt", ["less"], ["imagined_1"]))

    with pytest.raises(ModelError, match=r"what it imagined is \(1, 3, 6, 4\), not \(1, 3, 4, 6\)"):
        ask(OnnxModel(changed(file, turned), "cpu"))
    with pytest.raises(ModelError, match="not finite"):
        ask(OnnxModel(changed(file, root_of_less_than_nothing), "cpu"))


@pytest.mark.parametrize("constant", [True, False])
def test_a_model_that_asks_for_more_memory_than_the_bound_is_refused(file, monkeypatch, constant):
    def doubled(model):
        """16 bytes, or a picture, doubled 40 times: 16 terabytes and more."""
        start = "small" if constant else "sum"
        model.graph.initializer.append(numpy_helper.from_array(np.ones(4, np.float32), "small"))
        model.graph.node[0].output[0] = "sum"
        names = [start, *(f"doubled_{number}" for number in range(40))]
        for name, twice in pairwise(names):
            model.graph.node.append(helper.make_node("Concat", [name] * 2, [twice], axis=0))
        model.graph.node.append(helper.make_node("ReduceSum", names[-1:], ["one"], keepdims=0))
        model.graph.node.append(helper.make_node("Add", ["sum", "one"], ["imagined_1"]))

    model = OnnxModel(changed(file, doubled), "cpu")
    field, vector = np.ones((1, 4, 6), np.float32), np.zeros(2, np.float32)
    with pytest.raises(ModelError, match="it asks for more than 4 GiB of memory"):
        model(0, np.full((4, 6, 3), 0.25), field, vector, np.zeros(131, np.float32))


@pytest.mark.skipif(os.name == "nt", reason="limits and alarms are POSIX's")
@pytest.mark.parametrize(("name", "count"), [("toy", 500), ("decompress", 50)])
def test_a_spoilt_model_is_refused_in_one_line_or_runs(file, name, count):
    victim = file if name == "toy" else hub.find(name)
    command = [sys.executable, ROOT / "tests" / "mutate_onnx.py", victim, "0", str(count)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    tally = json.loads(done.stdout)
    assert sum(tally.values()) == count
    assert tally["runs"] > 0 < tally["refused when opened"]
