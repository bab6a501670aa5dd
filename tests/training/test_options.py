"""The options of a run, and what is told of them before it begins."""

import sys

import pytest
import schema
from imagine_training.method import backbones, perceptual, presets
from imagine_training.method.network import Generator
from imagine_training.run import command, dry
from imagine_training.run.command import run, settings
from imagine_training.run.export import export
from imagine_training.run.options import Options
from PIL import Image
from tiny import TINY
from typer.testing import CliRunner

from imagine_cli import ImagineError, ModelError
from imagine_cli.cli import app
from imagine_cli.progress import Silent

pytestmark = pytest.mark.usefixtures("tiny_presets")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"candidates": "2,x"}, "--candidates 2,x: a number, or 4 of them"),
        ({"candidates": "2,2"}, "or 4 of them"),
        ({"candidates": "0"}, "or 4 of them"),
        ({"perceptual": "vgg,eye"}, "--perceptual eye: there are vgg, alex, squeeze, and none"),
        ({"preset": "huge"}, "--preset huge: for upscale there are"),
        ({"init": "decompress"}, "is for decompress, not for upscale"),
    ],
)
def test_options_that_cannot_be_are_one_line(options, said):
    with pytest.raises(ImagineError, match=said):
        settings(Options(**options))


WRONG = [
    (["train", "--data", "gone"], "gone: there is no such folder"),
    (["train", "--data", ".", "--preset", "huge"], "for upscale there are compact, wide, paper"),
    (["train", "--data", ".", "--perceptual", "eye"], "there are vgg, alex, squeeze, and none"),
    (["train", "--data", ".", "--out", "full"], "full: there is something here already"),
    (["train", "--resume", "--out", "none"], "none: there is no run to resume here"),
    (["train", "--data", ".", "--tensorboard"], "in the checkout, pip install '.[tensorboard]'"),
    (["evaluate", "--data", "gone"], "gone: no such file or folder"),
    (["evaluate", "--data", ".", "--scale", "3"], "--scale: some of 2, 4, 8, 16, not '3'"),
    (["evaluate", "--data", ".", "--quality", "0"], "--quality: a list of 1 to 100"),
    (["evaluate", "--data", ".", "--out", "full"], "full: holds something already"),
]


CHECK = """
import sys
from typer.testing import CliRunner
from imagine_cli.cli import app

sys.modules["tensorboard"] = None  # as if it were not installed
for words, said in eval(sys.argv[1]):
    done = CliRunner().invoke(app, words)
    assert done.exit_code in (1, 2) and said in done.stderr, (words, done.output)
assert "torch" not in sys.modules
"""


def test_what_cannot_be_is_told_before_torch_is_there(execute, tmp_path, monkeypatch):
    (tmp_path / "full").mkdir()
    Image.new("RGB", (64, 64)).save(tmp_path / "full" / "picture.png")
    monkeypatch.chdir(tmp_path)
    execute([sys.executable, "-c", CHECK, repr(WRONG)])


def test_networks_have_one_list_of_names():
    assert tuple(perceptual._TRUNKS) == presets.NETS


@pytest.mark.parametrize("options", [[], ["--data", ".", "--steps", "3", "--hours", "1"]])
def test_a_command_without_data_or_with_two_ends_is_wrong(options):
    assert CliRunner().invoke(app, ["train", *options]).exit_code == 2


def test_options_become_the_preset():
    preset, start = settings(Options(init="none", candidates="3", lr=0.5, perceptual="alex,vgg"))
    assert (preset.candidates, preset.learning_rate) == ((3,) * 3, 0.5)
    assert preset.perceptual == ("alex", "vgg")
    assert start is None
    preset, start = settings(Options())
    assert (preset.learning_rate, preset.warm_steps) == (1e-4, 0)
    assert start.name == "upscale"


def test_a_dry_run_writes_nothing(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = "\n".join(dry.estimate(Options(init="none", steps=500), [data], "cpu", Silent()))
    assert [file.name for file in tmp_path.iterdir()] == ["data"]
    assert "4 pictures to train on, 1 for validation" in said
    count = sum(one.numel() for one in Generator(TINY["upscale"]).parameters())
    assert f"{count:,} parameters" in said
    assert "500 steps take" in said


def test_without_a_length_a_run_has_a_stated_one(data, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(command, "run", lambda options, *_, **__: asked.append(options))
    result = CliRunner().invoke(app, ["train", "--data", str(data), "--out", str(tmp_path / "a")])
    assert result.exit_code == 0
    assert asked[0].hours == 2
    assert "2 hours" in result.stderr


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_run_and_an_estimate_are_lines_of_json(dry_run, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "run", lambda *_, **__: tmp_path / "model.onnx")
    monkeypatch.setattr(dry, "estimate", lambda *_, **__: ["2 hours"])
    asked = ["train", "--data", str(tmp_path), "--json", *(["--dry-run"] if dry_run else [])]
    (line,) = schema.read(CliRunner().invoke(app, asked).stdout)
    assert line["kind"] == ("estimate" if dry_run else "run")


def test_weights_that_are_none_are_refused(tmp_path):
    with pytest.raises(ModelError, match="no trained model"):
        export(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="not a model"):
        export(tmp_path)


def test_folders_are_looked_at_before_anything_is_fetched(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(backbones, "fetch", lambda nets, **how: asked.append(list(nets)))
    for folder in (tmp_path / "gone", tmp_path):
        with pytest.raises(ImagineError, match=str(folder)):
            run(Options(task="upscale", steps=1), [folder], tmp_path / "out", line=Silent())
    assert asked == []
