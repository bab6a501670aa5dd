"""A model's name means one file, or there is one line that says why not."""

from base64 import urlsafe_b64encode
from hashlib import sha256
from importlib.metadata import Distribution
from pathlib import Path

import pytest

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
    ("name", "parts"),
    [
        ("user/repo", ("user/repo", None)),
        ("user/photos-v1.5", ("user/photos-v1.5", None)),
        ("user/repo@v1.0", ("user/repo", "v1.0")),
        ("user/repo@refs/pr/3", ("user/repo", "refs/pr/3")),
    ],
)
def test_names_of_the_hub_have_a_repository_and_perhaps_a_revision(name, parts):
    assert hub.split(name) == parts


@pytest.mark.parametrize(
    "name",
    [
        "enlarge",
        "a/b/c",
        "../repo",
        "/user/repo",
        "~/repo",
        "runs/my.onnx",
        "user/repo@../../x",
    ],
)
def test_other_names_are_never_asked_of_the_hub(name):
    with pytest.raises(ModelError, match="not user/repo"):
        hub.split(name)
    with pytest.raises(ModelError, match="not a bundled one"):
        hub.find(name)


def test_only_a_snapshot_of_the_cache_has_a_commit():
    digits = "0123456789" * 4
    assert hub.commit(Path("models--a--b/snapshots", digits, "model.onnx")) == digits
    for path in ("model.onnx", "snapshots/mine/model.onnx", f"runs/{digits}/model.onnx"):
        assert hub.commit(Path(path)) is None


def test_a_bundled_model_is_compared_with_what_its_wheel_wrote_down(tmp_path, monkeypatch):
    """An installation of pip's: a folder of packages with a RECORD of each file's SHA-256."""
    model = tmp_path / "imagine_cli" / "weights" / "upscale" / "model.onnx"
    model.parent.mkdir(parents=True)
    model.write_bytes(b"weights")
    digest = urlsafe_b64encode(sha256(b"weights").digest()).decode().rstrip("=")
    about = tmp_path / "imagine_cli-1.dist-info"
    about.mkdir()
    (about / "RECORD").write_text(f"imagine_cli/weights/upscale/model.onnx,sha256={digest},7\n")
    monkeypatch.setattr(hub, "_bundled", lambda: model.parents[1])
    monkeypatch.setattr(hub, "distribution", lambda name: Distribution.at(about))
    assert hub.verify("upscale", model) == "the same bytes as when it was installed"
    model.write_bytes(b"Weights")
    with pytest.raises(ModelError, match="install imagine-cli again"):
        hub.verify("upscale", model)
