"""What a person meets: names, exit codes, one clear line for each thing that is wrong."""

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
from models import Toy, card, model_file
from pictures import photograph
from PIL import Image
from profiles import DISPLAY_P3
from typer.testing import CliRunner

import imagine_cli
from imagine_cli import choose, hub, jobs
from imagine_cli import model as model_module
from imagine_cli.cli import app
from imagine_cli.errors import ImagineError


@pytest.fixture(autouse=True)
def toy(monkeypatch, request):
    """A model of ten lines in place of the bundled one, unless a test asks for the real one."""
    if "bundled" in request.keywords:
        return
    cards = {"upscale": card((2, 4, 8, 16)), "decompress": card((1,), "decompress", 131)}

    def opened(path, device="auto", threads=0):
        toy = Toy(cards[Path(path).parent.name], strength=0.01)
        toy.device = "cpu"
        return toy

    monkeypatch.setattr(model_module, "OnnxModel", opened)


@pytest.fixture
def photo(tmp_path):
    file = tmp_path / "photo.png"
    Image.fromarray(photograph(96, 128)).resize((16, 12), Image.Resampling.BICUBIC).save(file)
    return file


@pytest.fixture
def jpeg(tmp_path):
    file = tmp_path / "photo.jpg"
    Image.fromarray(photograph(40, 56)).save(file, quality=20)
    return file


def pixels(file):
    return np.asarray(Image.open(file)).tobytes()


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


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


def test_more_like_one_is_named_so_and_is_no_picture_to_work_on(photo):
    assert run("upscale", photo, "--scale", 2, "-n", 1, "--seed", 7).exit_code == 0
    result = run("upscale", photo, "--scale", 2, "-n", 1, "--like", 7, "--spread", 0, "--json")
    told = json.loads(result.stdout)
    assert (told["like"], told["spread"], told["seed"]) == (7, 0, 0)
    same = photo.with_name("photo-x2-like7-0-0.png")
    assert pixels(same) == pixels(photo.with_name("photo-x2-7.png"))
    result = run("upscale", photo, "--scale", 2, "-n", 1, "--like", 7)
    other = photo.with_name("photo-x2-like7-0.3-0.png")
    assert result.stdout.split() == [str(other)]
    assert pixels(other) != pixels(same)
    # A folder's own results are left out, these too.
    result = run("upscale", photo.parent, "--scale", 2, "-n", 1, "--seed", 7)
    assert result.stdout.split() == [str(photo.with_name("photo-x2-7.png"))]


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


def test_the_version_is_the_package_s():
    assert run("--version").stdout == f"imagine {imagine_cli.__version__}\n"


def like(photo, *arguments):
    """Pixels of the one variant of seed 2 around seed 7."""
    assert run("upscale", photo, "--scale", 2, "--seed", 2, "-n", 1, *arguments).exit_code == 0
    [file] = photo.parent.glob("photo-x2-like7*")
    written = pixels(file)
    file.unlink()
    return written


def test_variants_go_from_the_liked_one_to_independent_ones(photo):
    run("upscale", photo, "--scale", 2, "--seed", 7, "-n", 1)
    run("upscale", photo, "--scale", 2, "--seed", 2, "-n", 1)
    liked, new = (pixels(photo.with_name(f"photo-x2-{seed}.png")) for seed in (7, 2))
    assert like(photo, "--like", 7, "--spread", 0) == liked
    assert like(photo, "--like", 7, "--spread", 1) == new
    assert like(photo, "--like", 7) == like(photo, "--like", 7, "--spread", 0.3)
    assert like(photo, "--like", 7) not in (liked, new)


def test_variants_around_another_have_names_and_records_of_their_own(photo):
    run("upscale", photo, "--scale", 2, "--seed", 0, "-n", 9)
    result = run("upscale", photo, "--scale", 2, "--like", 1, "-n", 2, "--json", "--sheet")
    *records, _sheet = [json.loads(line) for line in result.stdout.splitlines()]
    names = ["photo-x2-like1-0.3-0.png", "photo-x2-like1-0.3-2.png"]  # 1 itself is left out
    assert [Path(record["output"]).name for record in records] == names
    assert [(one["like"], one["spread"], one["seed"]) for one in records] == [
        (1, 0.3, 0),
        (1, 0.3, 2),
    ]
    assert "3 written" in result.stderr
    assert photo.with_name("photo-x2-like1-0.3-sheet.jpg").exists()
    # None of them is taken for a picture of its own.
    result = run("upscale", photo.parent, "--scale", 2, "--like", 1, "-n", 2)
    assert len(result.stdout.splitlines()) == 2


def test_a_pool_keeps_the_few_that_differ_most_and_writes_no_others(photo):
    wanted = ["upscale", photo, "--scale", 2, "-n", 3, "--pool", 9, "--seed", 4]
    result = run(*wanted, "--json")
    assert result.exit_code == 0, result.output
    records = [json.loads(line) for line in result.stdout.splitlines()]
    kept = [record["seed"] for record in records]
    assert len(kept) == 3
    assert kept[0] == 4
    assert set(kept) <= set(range(4, 13))
    assert {record["pool"] for record in records} == {9}
    assert {file.name for file in photo.parent.iterdir()} == {
        *(f"photo-x2-{seed}.png" for seed in kept),
        "photo.png",
    }
    files = [photo.with_name(f"photo-x2-{seed}.png") for seed in range(4, 13)]
    run("upscale", photo, "--scale", 2, "-n", 9, "--seed", 4)
    prints = [choose.fingerprint(np.asarray(Image.open(file))) for file in files]
    assert [4 + place for place in choose.farthest(prints, 3)] == kept
    again = run(*wanted)
    assert "3 already there" in again.stderr


def test_a_pool_as_large_as_what_is_kept_is_no_choice(photo):
    result = run("upscale", photo, "--scale", 2, "-n", 3, "--pool", 3)
    assert [Path(line).name for line in result.stdout.split()] == [
        f"photo-x2-{seed}.png" for seed in range(3)
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--pool", 2),
        ("--spread", 0.5),
        ("--like", "x"),
        ("--like", 7, "--spread", 1.1),
        ("--like", 7, "--spread", "nan"),
    ],
)
def test_a_choice_that_makes_no_sense_is_a_usage_error(photo, arguments):
    result = run("upscale", photo, *arguments)
    assert result.exit_code == 2
    assert len(list(photo.parent.iterdir())) == 1


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


def test_a_missing_file_is_told_by_one_shard_alone(tmp_path):
    codes = [run("upscale", tmp_path / "no.png", "--shard", f"{n}/3").exit_code for n in (1, 2, 3)]
    assert sorted(codes) == [0, 0, 1]


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
