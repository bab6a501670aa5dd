"""What cannot be done is one clear line; the others go on, and the exit code tells."""

import os

import pytest
from command import run
from PIL import Image

from imagine_cli import jobs
from imagine_cli import model as model_module
from imagine_cli.errors import ImagineError

pytestmark = pytest.mark.usefixtures("toy")


def test_one_bad_file_does_not_stop_the_others(photo, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_text("no picture")
    result = run("upscale", bad, photo, tmp_path / "gone.png", "--scale", 2, "-n", 1)
    assert result.exit_code == 1
    assert photo.with_name("photo-x2-0.png").exists()
    complaints = [line for line in result.stderr.splitlines() if line.startswith(str(tmp_path))]
    assert len(complaints) == 2
    assert "1 written" in result.stderr
    assert "2 failed" in result.stderr


def spoilt(kind, folder, photo):
    file = folder / "spoilt.png"
    if kind == "empty":
        file.touch()
    elif kind == "truncated":
        file.write_bytes(photo.read_bytes()[:-100])
    elif kind == "folder":
        (folder / "none").mkdir()
        return folder / "none"
    elif kind == "text":
        file.write_text("hello")
    return file


@pytest.mark.parametrize("kind", ["empty", "truncated", "folder", "text", "missing"])
@pytest.mark.parametrize("command", ["upscale", "decompress"])
def test_each_bad_input_gets_one_clear_line(kind, command, tmp_path, photo):
    bad = spoilt(kind, tmp_path, photo)
    result = run(command, bad, "--quiet")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stderr.startswith(f"{bad}: ")
    assert "Traceback" not in result.stderr


def test_a_png_is_no_jpeg(photo):
    result = run("decompress", photo, "--quiet")
    assert result.exit_code == 1
    assert "upscale" in result.stderr


def test_sizes_are_checked_before_anything_is_computed(photo, tmp_path, monkeypatch):
    monkeypatch.setattr(model_module, "OnnxModel", None)  # calling it would fail
    result = run("upscale", photo, "--max-pixels", 1000)
    assert result.exit_code == 1
    assert "use a smaller --scale, a larger --max-pixels or --yes" in result.stderr
    assert "--yes" in result.stderr
    wide = tmp_path / "wide.png"
    Image.new("L", (2000, 1)).save(wide)
    result = run("upscale", wide, "--format", "webp", "--max-pixels", 10**9)
    assert result.exit_code == 1
    assert "WEBP" in result.stderr


def test_usage_errors_are_two():
    assert run("upscale").exit_code == 2
    assert run("upscale", "x.png", "--scale", 3).exit_code == 2
    assert run("upscale", "x.png", "-n", 0).exit_code == 2


def test_a_model_that_is_none_is_one_line(photo, tmp_path, monkeypatch):
    monkeypatch.undo()
    for name in (tmp_path, tmp_path / "gone", photo):
        result = run("upscale", photo, "--model", name)
        assert result.exit_code == 1
        assert result.stderr.startswith("imagine: ")
        assert len(result.stderr.strip().splitlines()) == 1


def test_an_absent_device_is_refused(photo, monkeypatch):
    monkeypatch.undo()
    result = run("upscale", photo, "--device", "directml")
    assert result.exit_code == 1
    assert "pip install onnxruntime-directml" in result.stderr


def test_what_is_no_shard_is_a_usage_error(photo):
    result = run("upscale", photo, "--shard", "9/3")
    assert result.exit_code == 2
    assert "'9/3' is not a shard" in result.output


@pytest.mark.parametrize("error", [ValueError("strange\nthing"), ImagineError("the model failed")])
def test_whatever_one_file_does_the_others_go_on(photo, monkeypatch, error):
    other = photo.with_name("other.png")
    other.write_bytes(photo.read_bytes())
    work = jobs.work

    def failing(source, *arguments, **options):
        if source.path == photo:
            raise error
        yield from work(source, *arguments, **options)

    monkeypatch.setattr(jobs, "work", failing)
    result = run("upscale", photo, other, "-n", 1, "--scale", 2)
    assert result.exit_code == 1
    assert other.with_name("other-x2-0.png").is_file()
    (line,) = [line for line in result.stderr.splitlines() if str(photo) in line]
    assert "strange thing" in line or "the model failed" in line


def test_a_file_that_may_not_be_read_is_one_of_many(photo, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.R_OK)  # for root reads all
    result = run("upscale", photo, "-n", 1, "--scale", 2)
    assert result.exit_code == 0, result.output


def test_a_wrong_model_is_told_even_if_all_is_done(photo):
    assert run("upscale", photo, "-n", 1, "--scale", 2).exit_code == 0
    result = run("upscale", photo, "-n", 1, "--scale", 2, "--model", "nonexistent")
    assert result.exit_code == 1
    assert "nonexistent" in result.stderr


def test_an_empty_name_is_not_the_current_folder(photo, monkeypatch):
    monkeypatch.chdir(photo.parent)
    result = run("upscale", "", "-n", 1)
    assert result.exit_code == 2
    assert "empty name" in result.stderr


def test_output_that_is_called_as_a_picture_is_a_usage_error(photo, tmp_path):
    goal = tmp_path / "large.png"
    result = run("upscale", photo, "-o", goal)
    assert result.exit_code == 2
    assert "takes a folder" in " ".join(result.stderr.split())
    assert not goal.exists()


def test_a_folder_with_a_result_s_name_is_no_result(photo):
    photo.with_name("photo-x2-0.png").mkdir()
    result = run("upscale", photo, "-n", 1, "--scale", 2)
    assert result.exit_code == 1
    assert "already there" not in result.stderr
    assert "a folder has this name" in result.stderr


def test_a_missing_file_is_told_by_one_shard_alone(tmp_path):
    codes = [run("upscale", tmp_path / "no.png", "--shard", f"{n}/3").exit_code for n in (1, 2, 3)]
    assert sorted(codes) == [0, 0, 1]
