"""What a person gets: names, what is written, what is left."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from command import run
from models import Toy, card, model_file
from pictures import photograph
from PIL import Image
from profiles import DISPLAY_P3

import imagine_cli
from imagine_cli import hub
from imagine_cli import model as model_module

pytestmark = pytest.mark.usefixtures("toy")


def test_results_are_named_for_what_was_done_and_lie_beside_the_input(photo):
    result = run("upscale", photo, "-n", 2, "--seed", 7)
    assert result.exit_code == 0, result.output
    expected = [photo.with_name("photo-x16-7.png"), photo.with_name("photo-x16-8.png")]
    assert result.stdout.split() == [str(file) for file in expected]
    assert all(Image.open(file).size == (256, 192) for file in expected)


def test_json_tells_all_and_the_written_file_bears_it_out(photo):
    result = run("upscale", photo, "--scale", 4, "-n", 1, "--json", "--kernel", "lanczos")
    record = json.loads(result.stdout)
    assert (record["width"], record["height"], record["seed"]) == (64, 48, 0)
    again = Image.open(record["output"]).resize((16, 12), Image.Resampling.LANCZOS)
    same = np.asarray(again) == np.asarray(Image.open(photo))
    assert record["agreement"]["identical"] == pytest.approx(same.mean())
    assert record["agreement"]["lr_psnr_db"] >= 55


def test_decompressed_variants_compress_to_the_same_file(jpeg):
    result = run("decompress", jpeg, "-n", 2, "--json")
    assert result.exit_code == 0, result.output
    for line in result.stdout.splitlines():
        record = json.loads(line)
        assert record["agreement"]["coefficients_kept"] == 1
        assert Path(record["output"]).name.startswith("photo-decompressed-")


def test_what_exists_is_left_unless_overwrite(photo):
    kept = photo.with_name("photo-x2-0.png")
    assert run("upscale", photo, "--scale", 2, "-n", 1).exit_code == 0
    before = kept.stat()
    result = run("upscale", photo, "--scale", 2, "-n", 2)
    assert result.exit_code == 0
    after = kept.stat()  # it is read, so its access time may differ
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert "1 written" in result.stderr
    assert "1 already there" in result.stderr
    assert str(kept) in result.stdout
    run("upscale", photo, "--scale", 2, "-n", 2, "--overwrite")
    assert kept.stat() != before


def differing(photo, monkeypatch, what):
    """The arguments of a run whose result has the first one's name, and is another picture."""
    if what == "another input":
        Image.fromarray(photograph(12, 16, 5)).save(photo)
    if what == "another model, 'upscale'":
        other = photo.with_name("model.onnx")
        model_file(other, card((2, 4, 8, 16)))
        find = hub.find
        monkeypatch.setattr(hub, "find", lambda name, **how: find(name, **how) and other)
        monkeypatch.setattr(model_module, "OnnxModel", None)  # not needed
    if what == "it does not say":
        photo.with_name("photo-x2-0.png").write_bytes(b"mine")
    return ["--kernel", "lanczos"] if what == "another kernel" else []


@pytest.mark.parametrize(
    "what", ["another input", "another model, 'upscale'", "another kernel", "it does not say"]
)
def test_an_old_result_does_not_pass_for_another(photo, monkeypatch, what):
    arguments = ["upscale", photo, "--scale", 2, "-n", 1]
    assert run(*arguments).exit_code == 0
    arguments += differing(photo, monkeypatch, what)
    there = photo.with_name("photo-x2-0.png")
    before = there.read_bytes()
    result = run(*arguments)
    assert result.exit_code == 1
    (line,) = [line for line in result.stderr.splitlines() if str(there) in line]
    assert what.partition("'")[0] in line
    assert "--overwrite" in line
    assert there.read_bytes() == before


@pytest.mark.parametrize("format", ["png", "webp", "tiff"])
def test_a_result_tells_what_it_was_made_of(photo, format):
    run("upscale", photo, "--scale", 2, "-n", 1, "--seed", 7, "--format", format, "--mean")
    result = run("info", photo.with_name(f"photo-x2-7.{format}"))
    told = json.loads(result.stdout)
    assert (told["task"], told["scale"], told["kernel"], told["seed"]) == (
        "upscale", 2, "bicubic", "7",
    )  # fmt: skip
    assert told["input"] == "photo.png"
    assert told["input_sha256"] == hashlib.sha256(photo.read_bytes()).hexdigest()
    assert told["model_sha256"] == hub.sha256(hub.find("upscale"))
    assert told["version"] == imagine_cli.__version__
    assert run("info", photo).exit_code == 1


def test_results_among_many_files_are_passed_over(photo):
    other = photo.with_name("other.png")
    other.write_bytes(photo.read_bytes())
    assert run("upscale", photo, other, "--scale", 2, "-n", 1).exit_code == 0
    there = sorted(photo.parent.glob("*.png"))
    result = run("upscale", *there, "--scale", 2, "-n", 1)
    assert result.exit_code == 0, result.output
    assert result.stderr.count("skipped") == 2
    assert sorted(photo.parent.glob("*.png")) == there


def test_an_input_is_never_overwritten(photo):
    other = photo.with_name("photo-x2-0.png")
    Image.open(photo).save(other)
    before = other.read_bytes()
    result = run("upscale", photo, other, "--scale", 2, "-n", 1, "--overwrite")
    assert result.exit_code == 1
    assert "also an input" in result.stderr
    assert other.read_bytes() == before


def test_a_sheet_is_written_beside_the_variants_and_completed_later(photo):
    sheet = photo.with_name("photo-x2-sheet.jpg")
    assert run("upscale", photo, "--scale", 2, "--sheet").exit_code == 0
    made = sheet.read_bytes()
    sheet.unlink()
    assert run("upscale", photo, "--scale", 2, "--sheet").exit_code == 0
    assert sheet.read_bytes() == made
    Image.new("RGB", (8, 8), "red").save(photo)
    result = run("upscale", photo, "--scale", 2, "--sheet", "--seed", 40)
    assert result.exit_code == 1
    assert f"{sheet} exists, made from something else (other seeds, another input)" in result.stderr
    assert sheet.read_bytes() == made


def test_a_sheet_says_what_it_is_of_and_is_small(photo):
    assert run("upscale", photo, "-n", 3, "--sheet").exit_code == 0
    sheet = photo.with_name("photo-x16-sheet.jpg")
    told = json.loads(run("info", sheet).stdout)
    assert (told["input"], told["scale"], told["seed"]) == ("photo.png", 16, "0 1 2")
    assert sheet.stat().st_size < sum(
        photo.with_name(f"photo-x16-{seed}.png").stat().st_size for seed in range(3)
    )


def test_a_sheet_is_no_input_of_a_second_run(photo):
    assert run("upscale", photo, "--scale", 2, "-n", 1, "--sheet").exit_code == 0
    everything = sorted(photo.parent.iterdir())
    assert len(everything) == 3
    result = run("upscale", *everything, "--scale", 2, "-n", 1)
    assert result.exit_code == 0
    assert result.stderr.count("skipped") == 2
    assert run("upscale", photo.parent, "--scale", 2, "-n", 1).exit_code == 0
    assert sorted(photo.parent.iterdir()) == everything


@pytest.mark.parametrize("orientation", [1, 6, 7])
def test_the_mean_of_the_variants_agrees_as_they_do(jpeg, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    with Image.open(jpeg) as image:
        image.save(jpeg, quality="keep", exif=exif)
    result = run("decompress", jpeg, "-n", 4, "--mean", "--json")
    assert result.exit_code == 0, result.output
    *variants, mean = (json.loads(line) for line in result.stdout.splitlines())
    assert [line["seed"] for line in variants] == [0, 1, 2, 3]
    assert mean["kind"] == "mean"
    assert mean["output"] == str(jpeg.with_name("photo-decompressed-mean.png"))
    assert mean["agreement"]["coefficients_kept"] == 1
    pictures = [np.asarray(Image.open(line["output"]), float) for line in variants]
    between = np.asarray(Image.open(mean["output"]), float)
    assert np.abs(between - np.mean(pictures, axis=0)).mean() < 1
    assert np.abs(pictures[0] - pictures[1]).mean() > 1.5  # so that the line above says something


def test_the_network_sees_srgb_whatever_the_file_says_in(photo, monkeypatch):
    with Image.open(photo) as image:
        small = np.asarray(image.convert("RGB"))
        image.save(photo, icc_profile=DISPLAY_P3)
    seen = []

    class Witness(Toy):
        def __call__(self, level, pixels, *rest):
            seen.append(pixels)
            return super().__call__(level, pixels, *rest)

    witness = Witness(card((2, 4, 8, 16)), strength=0.0)
    witness.device = "cpu"
    monkeypatch.setattr(model_module, "OnnxModel", lambda *_: witness)
    assert run("upscale", photo, "-n", 1, "--scale", 2).exit_code == 0
    shown = seen[0][8 : 8 + len(small), 8 : 8 + small.shape[1]] * 255
    assert np.abs(shown - small).mean() > 2
    with Image.open(photo.with_name("photo-x2-0.png")) as result:
        assert result.info["icc_profile"] == DISPLAY_P3
        back = result.resize(small.shape[1::-1], Image.Resampling.BICUBIC)
    assert (np.asarray(back) == small).mean() >= 0.99


def test_who_enlarges_jpegs_is_told_once_what_may_help(photo, jpeg, tmp_path):
    other = tmp_path / "other.jpg"
    other.write_bytes(jpeg.read_bytes())
    result = run("upscale", photo, jpeg, other, "-n", 1, "--scale", 2)
    assert result.exit_code == 0
    assert result.stderr.count("--decompress") == 1
    assert str(jpeg) in result.stderr
    for quiet in (("upscale", photo), ("decompress", jpeg), ("upscale", jpeg, "-q")):
        assert "--decompress" not in run(*quiet, "-n", 1, "-o", tmp_path / "o").stderr


def test_the_mean_is_left_as_it_is_and_made_again_when_it_is_gone(photo):
    mean = photo.with_name("photo-x2-mean.png")
    assert run("upscale", photo, "--scale", 2, "--mean").exit_code == 0
    made = mean.read_bytes()
    mean.unlink()
    assert run("upscale", photo, "--scale", 2, "--mean").exit_code == 0
    assert mean.read_bytes() == made
    assert run("upscale", photo, "--scale", 2, "--mean", "-n", 2).exit_code == 0
    assert mean.read_bytes() != made  # of two variants, not three
    mean.write_bytes(b"mine")
    assert run("upscale", photo, "--scale", 2, "--mean").exit_code == 1
    assert mean.read_bytes() == b"mine"
    folder = run("upscale", photo.parent, "--scale", 2)  # its own results are no inputs
    assert "photo-x2-mean" not in folder.output


def test_folders_keep_their_structure_under_the_output(photo, tmp_path):
    deep = tmp_path / "in" / "deep"
    deep.mkdir(parents=True)
    photo.rename(deep / "photo.png")
    out = tmp_path / "out"
    assert run("upscale", tmp_path / "in", "-o", out, "--scale", 2).exit_code == 1
    result = run("upscale", tmp_path / "in", "-o", out, "--scale", 2, "-n", 1, "--recursive")
    assert result.exit_code == 0
    assert (out / "deep" / "photo-x2-0.png").exists()


def test_metadata_alpha_and_grey_come_through(tmp_path):
    grey = tmp_path / "grey.png"
    Image.fromarray(photograph(6, 8)[..., 0]).save(grey)
    assert run("upscale", grey, "--scale", 2, "-n", 1).exit_code == 0
    assert Image.open(tmp_path / "grey-x2-0.png").mode == "L"
    clear = tmp_path / "clear.png"
    Image.fromarray(np.dstack([photograph(6, 8), np.full((6, 8), 99, np.uint8)])).save(clear)
    assert run("upscale", clear, "--scale", 2, "-n", 1).exit_code == 0
    written = Image.open(tmp_path / "clear-x2-0.png")
    assert written.mode == "RGBA"
    assert (np.asarray(written)[..., 3] == 99).all()


def test_a_turned_jpeg_is_written_upright(tmp_path):
    file = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(photograph(40, 24)).save(file, quality=90, exif=exif)
    assert run("decompress", file, "-n", 1).exit_code == 0
    written = Image.open(tmp_path / "turned-decompressed-0.png")
    assert written.size == (40, 24)
    assert written.getexif().get(0x0112, 1) == 1


def test_the_version_is_the_package_s():
    assert run("--version").stdout == f"imagine {imagine_cli.__version__}\n"


@pytest.mark.bundled
def test_the_bundled_models_run_and_agree(photo, jpeg, tmp_path):
    for arguments in (["upscale", photo, "--scale", 4], ["decompress", jpeg]):
        result = run(*arguments, "-n", 2, "--json")
        assert result.exit_code == 0, result.output
        first, second = map(json.loads, result.stdout.splitlines())
        pictures = [np.asarray(Image.open(record["output"])) for record in (first, second)]
        assert not np.array_equal(*pictures)
        shares = [list(record["agreement"].values()) for record in (first, second)]
        assert all(share[-1] >= 0.99 or share[0] == 1 for share in shares)


@pytest.mark.bundled
def test_threads_do_not_change_a_variant(photo, tmp_path):
    written = []
    for threads in (1, 2):
        out = tmp_path / str(threads)
        run("upscale", photo, "--scale", 8, "-n", 1, "--threads", threads, "-o", out)
        written.append((out / "photo-x8-0.png").read_bytes())
    assert written[0] == written[1]


@pytest.mark.bundled
@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
def test_ctrl_c_ends_at_once_and_leaves_no_half_file(tmp_path):
    photo = tmp_path / "large.png"
    Image.fromarray(photograph(40, 40)).save(photo)
    command = [sys.executable, "-m", "imagine_cli", "upscale", str(photo), "-n", "99"]
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # A suite in the background has it ignored, and would hand that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    first, until = tmp_path / "large-x16-0.png", time.monotonic() + 60
    while not first.exists() and time.monotonic() < until:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=20)
    assert running.returncode == 130, said
    assert "Traceback" not in said
    assert not list(tmp_path.glob(".*"))
    for file in tmp_path.glob("large-*.png"):
        Image.open(file).load()


def test_shards_together_write_what_one_run_writes(tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(8):
        Image.fromarray(photograph(4, 4, number)).save(folder / f"{number}.png")
    # The names of results are found among all files, not among those of a shard.
    Image.fromarray(photograph(4, 4, 8)).save(folder / "0.bmp")
    outputs = {name: tmp_path / name for name in ("whole", "parts")}
    assert run("upscale", folder, "-n", 1, "--scale", 2, "-o", outputs["whole"]).exit_code == 0
    there = []
    for number in (1, 2, 3):
        part = ("--shard", f"{number}/3", "-o", outputs["parts"])
        result = run("upscale", folder, "-n", 1, "--scale", 2, *part)
        assert result.exit_code == 0, result.output
        there.append(len(list(outputs["parts"].iterdir())))
    whole, parts = (
        {file.name: file.read_bytes() for file in output.iterdir()} for output in outputs.values()
    )
    assert 0 < there[0] < there[1] < there[2] == 9
    assert parts == whole
