"""A model file is run as its card says, and one that lies fails clearly."""

import json
from dataclasses import replace
from io import BytesIO
from typing import ClassVar

import numpy as np
import pytest
from models import card, model_file
from pictures import photograph
from PIL import Image

from imagine_cli import DeviceError, JpegCoded, ModelError, OnnxModel, devices, imagine
from imagine_cli.card import Card
from imagine_cli.errors import ModelMemoryError


@pytest.fixture
def about():
    return card((1,), "decompress", 131)


def run(model, channels=1):
    return model(
        0,
        np.full((4, 6, 3), 0.25),
        np.ones((channels, 4, 6), np.float32),
        np.zeros(2, np.float32),
        np.zeros(131, np.float32),
    )


def test_pixels_and_codes_go_in_and_pixels_come_out(tmp_path, about):
    model = OnnxModel(model_file(tmp_path / "m.onnx", about))
    assert model.card == about
    assert np.array_equal(run(model), np.full((4, 6, 3), 1.25))


def test_a_card_comes_back_from_its_json(about):
    assert Card.from_json(about.as_json()) == about


def test_a_card_of_the_first_format_is_read(about):
    values = json.loads(about.as_json()) | {"format": 1}
    del values["orientations"], values["levels"][0]["shared"], values["levels"][0]["stride"]
    read = Card.from_json(json.dumps(values))
    assert read == replace(about, format=1, levels=(replace(about.levels[0], stride=2),))
    values["levels"][0]["multiple"] = 1
    assert Card.from_json(json.dumps(values)).levels[0].stride == 1


def test_a_card_of_the_second_format_sees_pictures_as_they_are(about):
    values = json.loads(about.as_json()) | {"format": 2}
    del values["orientations"]
    assert Card.from_json(json.dumps(values)) == replace(about, format=2, orientations=1)


@pytest.mark.parametrize("orientations", [0, 2, 9, True, 4.0, "8"])
def test_a_card_of_ways_that_there_are_not_is_refused(about, orientations):
    with pytest.raises(ModelError, match="out of range"):
        Card.from_json(replace(about, orientations=orientations).as_json())


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"stride": 3}, {}),
        ({"stride": 0}, {}),
        ({"shared": 17}, {}),
        ({"shared": -1}, {}),
        ({"shared": 1.0}, {}),
        ({}, {"shared": 8}),
    ],
)
def test_a_card_that_shares_what_cannot_be_shared_is_refused(first, second):
    shown = card((1, 2))
    levels = (replace(shown.levels[0], **first), replace(shown.levels[1], **second))
    with pytest.raises(ModelError, match="out of range"):
        Card.from_json(replace(shown, levels=levels).as_json())


def test_a_file_without_a_card_or_of_another_format_is_refused(tmp_path, about):
    with pytest.raises(ModelError, match="not a model of imagine"):
        OnnxModel(model_file(tmp_path / "m.onnx", about, json.dumps({"a": 1})))
    later = replace(about, format=99).as_json()
    with pytest.raises(ModelError, match="format is 99, this version reads 1, 2 and 3"):
        OnnxModel(model_file(tmp_path / "m.onnx", about, later))


@pytest.fixture
def sharing(about):
    return replace(about, levels=(replace(about.levels[0], shared=3, stride=2),))


def test_what_variants_share_comes_out_and_goes_in(tmp_path, sharing):
    model = OnnxModel(model_file(tmp_path / "m.onnx", sharing))
    condition, pixels = np.zeros(131, np.float32), np.full((4, 6, 3), 0.25, np.float32)
    shared = model.share(0, pixels, condition)
    assert np.array_equal(shared, np.full((3, 2, 3), 0.25))
    field, vector = np.ones((1, 4, 6), np.float32), np.zeros(2, np.float32)
    imagined = model(0, pixels, field, vector, condition, 2 * shared)
    assert np.array_equal(imagined, np.full((4, 6, 3), 1.75))
    with pytest.raises(ValueError, match="share"):
        model(0, pixels, field, vector, condition)


@pytest.mark.parametrize("wrong", [{"shared": 0}, {"shared": 4}])
def test_a_model_whose_card_says_otherwise_is_refused(wrong, tmp_path, sharing):
    said = replace(sharing, levels=(replace(sharing.levels[0], **wrong),))
    with pytest.raises(ModelError, match="does not match its card"):
        OnnxModel(model_file(tmp_path / "m.onnx", sharing, said.as_json()))


def test_a_model_that_lies_about_its_shape_fails_in_one_line(tmp_path, about):
    model = OnnxModel(model_file(tmp_path / "m.onnx", about))
    with pytest.raises(ModelError, match="the model failed") as caught:
        run(model, channels=2)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "said",
    [
        "BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 9",
        "CUDA failure 2: out of memory ; GPU=0",
        "8007000E E_OUTOFMEMORY: not enough memory resources are available",
        "std::bad_alloc",
    ],
    ids=["arena", "CUDA", "DirectML", "C++"],
)
def test_a_device_without_memory_is_told_from_a_model_that_fails(said, tmp_path, about):
    class Short:
        def run(self, *_):
            raise (MemoryError if said == "std::bad_alloc" else RuntimeError)(said)

    model = OnnxModel(model_file(tmp_path / "m.onnx", about), "cpu")
    model._session = Short()
    with pytest.raises(ModelMemoryError, match="cpu has too little free memory"):
        run(model)


def test_on_a_gpu_tiles_are_large_until_its_memory_runs_out(tmp_path, about, monkeypatch):
    monkeypatch.setattr(devices, "there", lambda: ["cuda", "cpu"])
    monkeypatch.setitem(devices.PROVIDERS, "cuda", "CPUExecutionProvider")  # a GPU of this machine
    file = model_file(tmp_path / "m.onnx", about)
    on_cpu, on_gpu = OnnxModel(file, "cpu"), OnnxModel(file, "auto")
    assert on_gpu.device == "cuda"

    class Gpu:
        runs: ClassVar = []
        session = on_gpu._session

        def run(self, names, feeds, options):
            self.runs.append(feeds["pixels_1"].shape[2:])
            if max(self.runs[-1]) > 256:
                raise RuntimeError("CUDA failure 2: out of memory ; GPU=0")
            return self.session.run(names, feeds, options)

    on_gpu._session = Gpu()
    picture = BytesIO()
    Image.fromarray(photograph(600, 30)).save(picture, "JPEG")
    evidence = JpegCoded.from_bytes(picture.getvalue())
    expected, got = (next(imagine(evidence, model, [3])) for model in (on_cpu, on_gpu))
    assert np.array_equal(got.picture, expected.picture)
    assert max(Gpu.runs[0]) > 500 > 256 >= max(Gpu.runs[-1]) > 128


def test_a_device_that_is_not_there_is_an_error_and_auto_says_what_it_is(tmp_path, about):
    file = model_file(tmp_path / "m.onnx", about)
    assert OnnxModel(file, "auto").device in ("cpu", "cuda", "coreml", "directml")
    with pytest.raises(DeviceError, match="not available"):
        OnnxModel(file, "abacus")
