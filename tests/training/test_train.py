"""A run, small: it goes on where it stopped, and leaves a folder that the program takes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from imagine_training import loop, perceptual, presets
from imagine_training.data import Pictures
from imagine_training.export import export
from imagine_training.presets import DECOMPRESS, UPSCALE, LevelShape
from imagine_training.run import run
from pictures import photograph
from PIL import Image
from safetensors.torch import load_file

from imagine_cli import Downscaled, ImagineError, ModelError, OnnxModel, hub, imagine

SMALL = LevelShape(8, 4, 1, 1, 2, tail=(8,))
TINY = {
    "upscale": replace(
        UPSCALE, levels=(SMALL,) * 4, crop=256, batch=2, warm_steps=2, perceptual=("squeeze",)
    ),
    "decompress": replace(
        DECOMPRESS, levels=(replace(DECOMPRESS.levels[0], channels=8, growth=4),), crop=32, batch=2,
        warm_steps=1, perceptual=("squeeze",),
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Tiny presets, and a perceptual network that chance made."""
    torch.manual_seed(0)
    state = perceptual._squeeze(None).state_dict()
    monkeypatch.setattr(perceptual, "_trunk_weights", lambda net: state)
    for task, preset in TINY.items():
        monkeypatch.setitem(presets.PRESETS[task], "compact", preset)


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for seed in range(4):
        Image.fromarray(photograph(260, 270, seed)).save(folder / f"{seed}.png")
    (folder / "notes.txt").write_text("no picture")
    Image.new("RGB", (5, 5)).save(folder / "tiny.png")
    return folder


def trained(task, data, out, steps=4):
    return run(
        task, [data], out, hours=None, steps=steps, batch=None, init="none", seed=3, threads=0
    )


@pytest.mark.parametrize("task", TINY)
def test_a_run_leaves_a_folder_that_the_program_takes(task, data, tmp_path):
    file = trained(task, data, tmp_path / "mine")
    assert {path.name for path in file.parent.iterdir()} == {
        *("README.md", "config.json", "model.onnx", "model.safetensors", "state.pt")
    }
    model = OnnxModel(hub.find(str(file.parent)))
    assert model.card.task == task
    if task == "upscale":
        evidence = Downscaled(photograph(90, 60)[::10, ::10].copy(), 16)
        one, other = (variant.picture for variant in imagine(evidence, model, [0, 1]))
        assert one.shape == (144, 96, 3)
        assert not np.array_equal(one, other)


def test_a_run_that_was_stopped_ends_as_one_that_was_not(data, tmp_path, monkeypatch):
    trained("upscale", data, tmp_path / "whole")
    real = loop.save_state

    def stop_after_saving(state, folder):
        real(state, folder)
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "save_state", stop_after_saving)
    with pytest.raises(KeyboardInterrupt):
        loop.train(replace(TINY["upscale"], steps=4), [data], tmp_path / "cut", seed=3,
                   minutes_between_looks=0)  # fmt: skip
    monkeypatch.undo()
    monkeypatch.setattr(perceptual, "_trunk_weights", lambda net: perceptual_state())
    assert torch.load(tmp_path / "cut" / "state.pt")["step"] == 1
    loop.train(replace(TINY["upscale"], steps=4), [data], tmp_path / "cut", seed=3)
    whole, cut = (load_file(tmp_path / run / "model.safetensors") for run in ("whole", "cut"))
    assert all(torch.equal(whole[name], cut[name]) for name in whole)


def perceptual_state():
    torch.manual_seed(0)
    return perceptual._squeeze(None).state_dict()


def test_bad_files_are_counted_and_never_stop_a_run(data):
    pictures = Pictures([data], 64)
    assert len(pictures.train) == 4
    assert sorted(pictures.refused.values())[1].startswith("smaller than the crop")
    assert len(pictures.refused) == 2


def test_a_folder_without_pictures_is_one_line(tmp_path):
    with pytest.raises(ImagineError, match="no pictures of at least 64"):
        Pictures([tmp_path], 64)


def test_weights_that_are_none_are_refused(tmp_path):
    with pytest.raises(ModelError, match="no trained model"):
        export(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="not a model"):
        export(tmp_path)
