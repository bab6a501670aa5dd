"""A model's name means one file, or there is one line that says why not."""

import pytest
from huggingface_hub.errors import LocalEntryNotFoundError

from imagine_cli import ModelError, OnnxModel, hub


@pytest.mark.parametrize("task", ["upscale", "decompress"])
def test_the_bundled_models_are_found_and_are_small(task):
    file = hub.find(task)
    assert file.stat().st_size < 12e6
    assert OnnxModel(file).card.task == task
    assert {"README.md", "config.json", "model.safetensors"} <= {
        path.name for path in file.parent.iterdir()
    }


def test_a_folder_or_a_file_is_itself(tmp_path):
    file = tmp_path / "model.onnx"
    file.touch()
    assert hub.find(str(tmp_path)) == hub.find(str(file)) == file
    with pytest.raises(ModelError, match="not a model"):
        OnnxModel(file)


def test_what_is_nothing_is_told_with_what_there_is(tmp_path):
    with pytest.raises(ModelError, match="decompress, upscale"):
        hub.find("nosuchmodel")
    with pytest.raises(ModelError, match=r"no model\.onnx"):
        hub.find(str(tmp_path))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (LocalEntryNotFoundError("gone"), "go online once"),
        (OSError("no space left"), "no space left"),
        (ValueError("bad name"), "bad name"),
    ],
)
def test_the_hub_s_errors_are_one_line(monkeypatch, error, said):
    import huggingface_hub

    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fail)
    with pytest.raises(ModelError, match=said):
        hub.find("somebody/model")


def test_a_revision_is_passed_on(monkeypatch, tmp_path):
    import huggingface_hub

    asked = {}

    def download(repository, file, **options):
        asked.update(repository=repository, file=file, **options)
        return str(tmp_path / file)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    assert hub.find("somebody/model@v1") == tmp_path / "model.onnx"
    assert (asked["repository"], asked["revision"]) == ("somebody/model", "v1")
