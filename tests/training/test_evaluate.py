"""A table that can be trusted: ideals, the same figures again, and nothing left out in silence."""

import json
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
import schema
from imagine_training.evaluation import codes, ladder
from imagine_training.evaluation.metrics import psnr
from imagine_training.evaluation.programs import coded, contender, shrunk
from imagine_training.evaluation.scores import Scores
from imagine_training.method import backbones, perceptual
from pictures import photograph
from PIL import Image
from safetensors.torch import save_file
from typer.testing import CliRunner

from imagine_cli import ModelError
from imagine_cli.cli import app


@pytest.fixture
def networks(monkeypatch, chance):
    """Perceptual networks that chance made, and no Inception."""
    monkeypatch.setattr(perceptual, "_trunk_weights", chance.__getitem__)
    monkeypatch.setattr(backbones, "folders", lambda: [])
    monkeypatch.setattr(backbones, "fetch", lambda nets, **how: None)


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed, (height, width) in enumerate(((96, 128), (80, 70), (64, 64))):
        Image.fromarray(photograph(height, width, seed)).save(folder / f"{seed}.png")
    return folder


def evaluate(*words):
    return CliRunner().invoke(app, ["evaluate", *map(str, words)])


def rows_of(done):
    """What the table has for each figure, without its arrow."""
    rows = (line.split() for line in done.stdout.splitlines() if line.startswith("  "))
    return {name: [cell for cell in cells if cell not in "↓↑"] for name, *cells in rows}


def script(folder, body):
    """A program of its own, as a --model."""
    file = folder / "program.py"
    file.write_text("import sys\nfrom PIL import Image\ngiven, made = sys.argv[1:3]\n" + body)
    return f"{shlex.quote(sys.executable)} {shlex.quote(str(file))} {{input}} {{output}}"


def figures(out):
    results = json.loads((out / "report.json").read_text())["results"]
    return {(one["contender"], one["setting"]): one for one in results}


def test_the_observed_picture_is_ideal_and_identical_variants_do_not_differ(networks):
    case = shrunk("one", photograph(96, 64), 4, "bicubic")
    found = Scores("upscale", 3).of_picture(case, [case.observed] * 3)
    nothing = {name for name in found if name.startswith(("lpips", "spread", "s3", "fwv"))}
    assert len(nothing) == 6 + 2 + 2 + 1 + 3
    assert {found[name] for name in nothing} == {0}
    assert found["ssim"] == 1
    assert found["lr_psnr"] == found["lr_psnr_worst"] > 80


def test_variants_that_are_alike_but_wrong_do_not_differ(networks):
    case = shrunk("one", photograph(96, 64), 4, "bicubic")
    found = Scores("upscale", 3).of_picture(case, [photograph(96, 64, 1)] * 3)
    assert found["lpips_vgg"] == pytest.approx(found["lpips_vgg_best"])
    assert found["lpips_vgg"] > 0
    for name in ("spread", "s3", "fwv_0.3", "fwv_0.2", "fwv_0.15"):
        assert found[name] == pytest.approx(0, abs=1e-4)


def test_the_best_is_the_least_distance_and_variety_is_seen(networks):
    observed = photograph(96, 64)
    case = shrunk("one", observed, 4, "bicubic")
    found = Scores("upscale", 2).of_picture(case, [photograph(96, 64, 1), observed])
    for net in ("alex", "vgg", "squeeze"):
        assert found[f"lpips_{net}_best"] == 0
        assert found[f"lpips_{net}"] > 0
    # One variant is the observed picture, so their distance is twice the mean distance to it.
    assert found["spread"] == pytest.approx(2 * found["lpips_alex"], rel=1e-4)
    assert found["fwv_0.3"] > found["fwv_0.15"] > 0
    assert found["lr_psnr_worst"] < found["lr_psnr"]


def test_at_half_the_size_fine_weave_is_gone(networks):
    observed = photograph(96, 64).clip(20, 235)
    case = shrunk("one", observed, 4, "bicubic")
    rows, columns = np.indices(observed.shape[:2])
    woven = observed + (16 * (-1.0) ** (rows + columns))[..., None].astype(np.int16)
    found = Scores("upscale", 1, ["lpips"]).of_picture(case, [woven.astype(np.uint8)])
    for net in ("alex", "vgg"):
        assert found[f"lpips_{net}"] > 0.001
        assert found[f"lpips_{net}_half"] < found[f"lpips_{net}"] / 20


@pytest.mark.bundled
def test_a_model_s_codes_and_edges_are_measured(networks, data):
    options = ("--limit", 1, "-n", 1, "--scale", 4, "--metrics", "std,ladder")
    done = evaluate("--data", data, *options, "--model", "lanczos", "--model", "upscale")
    assert done.exit_code == 0, done.output
    rows = rows_of(done)
    parts = ("", "_map", "_vector", "_way")
    codes = [f"std_{level}{part}" for level in (1, 2) for part in parts]
    assert list(rows) == [*codes, "ladder"]
    assert all(rows[name][0] == "-" and float(rows[name][1]) > 0.1 for name in codes)
    assert all(1 < float(figure) < 20 for figure in rows["ladder"])
    plain = evaluate("--data", data, "--model", "lanczos", "--metrics", "std")
    assert plain.exit_code == 1
    assert "no 'std'" in plain.stderr


def test_halves_of_the_truth_make_up_the_whole(networks):
    observed = photograph(96, 64)
    case = shrunk("one", observed, 4, "bicubic")
    above, below = photograph(96, 64, 1), photograph(96, 64, 1)
    above[:48], below[48:] = observed[:48], observed[48:]
    assert Scores("upscale", 2).of_picture(case, [above, below])["s2"] > 50


def test_errors_that_cancel_are_gone_from_the_mean(networks):
    observed = photograph(96, 64).clip(4, 251)
    case = shrunk("one", observed, 4, "bicubic")
    found = Scores("upscale", 2, ["psnr"]).of_picture(case, [observed + 4, observed - 4])
    assert found["psnr"] == pytest.approx(20 * np.log10(255 / 4))
    assert found["psnr_of_mean"] > 80


def test_a_jpeg_s_coefficients_are_counted(networks):
    case = coded("one", photograph(96, 64), 10)
    (plain,) = contender("plain").variants(case, 5)
    family = Scores("decompress", 2, ["kept"])
    one, other, both = (
        family.of_picture(case, some) for some in ([plain], [255 - plain], [plain, 255 - plain])
    )
    assert one["kept"] > 0.999
    assert other["kept"] < 0.97
    assert both["kept"] == pytest.approx((one["kept"] + other["kept"]) / 2)
    assert both["kept_worst"] == other["kept"]


@pytest.mark.bundled
def test_a_second_run_gives_the_same_figures(networks, data, tmp_path, monkeypatch):
    monkeypatch.setattr(ladder, "SIDE", 16)
    monkeypatch.setattr(codes, "COUNT", 2)
    outs = [tmp_path / "first", tmp_path / "second"]
    words = ["--data", data, "--limit", 2, "--scale", 2, "-n", 2]
    words += ["--model", "upscale", "--model", "bicubic"]
    first, second = (evaluate(*words, "--out", out) for out in outs)
    assert first.exit_code == second.exit_code == 0, first.stderr
    assert first.stdout == second.stdout
    assert (outs[0] / "report.json").read_bytes() == (outs[1] / "report.json").read_bytes()
    found = figures(outs[0])
    assert found["upscale", "x2"]["figures"]["lr_psnr"]["mean"] > 60
    assert found["upscale", "x2"]["figures"]["spread"]["mean"] > 0
    assert found["bicubic", "x2"]["figures"]["spread"]["mean"] == 0
    for name in ("report.json", "report.md", "sheets/x2/photos-0.png"):
        assert (outs[0] / name).is_file()


def test_the_report_says_all_that_is_needed_to_have_it_again(networks, data, tmp_path):
    out = tmp_path / "out"
    evaluate("--data", data, "--scale", 8, "--model", "lanczos", "-n", 1, "--out", out)
    report = json.loads((out / "report.json").read_text())
    assert set(report["data"]) == {"photos-0", "photos-1", "photos-2"}
    assert all(len(sha256) == 64 for sha256 in report["data"].values())
    assert report["asked"]["seeds"] == [0]
    assert "--scale 8 --kernel bicubic" in report["asked"]["command"]
    (result,) = report["results"]
    assert set(result["figures"]) == set(report["definitions"])
    each = result["of_each_picture"]["psnr"]
    summary = result["figures"]["psnr"]
    assert summary["mean"] == pytest.approx(np.mean(each))
    assert min(each) <= summary["low"] < summary["mean"] < summary["high"] <= max(each)
    assert result["figures"]["lr_psnr_worst"] == {
        "least": min(result["of_each_picture"]["lr_psnr"])
    }
    assert "lanczos" in (out / "report.md").read_text()


def test_every_quality_has_its_figures(networks, data, tmp_path):
    out = tmp_path / "out"
    words = ["--task", "decompress", "--quality", "5,40", "--metrics", "psnr,kept"]
    done = evaluate("--data", data, *words, "--model", "plain", "--out", out)
    assert done.exit_code == 0, done.stderr
    found = figures(out)
    means = [found["plain", f"quality {q}"]["figures"]["psnr"]["mean"] for q in (5, 40)]
    decoded = []
    for file in sorted(data.iterdir()):
        observed = np.asarray(Image.open(file))
        observed = np.asarray(Image.fromarray(_middle(observed)))
        Image.fromarray(observed).save(tmp_path / "q.jpg", quality=40)
        decoded.append(psnr(np.asarray(Image.open(tmp_path / "q.jpg")), observed))
    assert means[0] < means[1] == pytest.approx(np.mean(decoded))
    assert set(found["plain", "quality 5"]["figures"]) == {
        *("psnr", "psnr_of_mean", "kept", "kept_worst")
    }


def _middle(observed):
    height, width = (length // 16 * 16 for length in observed.shape[:2])
    top, left = ((a - b) // 2 for a, b in zip(observed.shape, (height, width), strict=False))
    return observed[top : top + height, left : left + width]


def test_one_picture_has_no_interval(networks, data):
    options = ("-n", 1, "--metrics", "psnr", "--model", "lanczos", "--scale", 4)
    one = evaluate("--data", data, *options, "--limit", 1).stdout
    assert "[" not in one
    assert "[" in evaluate("--data", data, *options).stdout


def test_several_scales_have_a_table_each(networks, data):
    options = ("--limit", 1, "-n", 1, "--metrics", "psnr", "--model", "lanczos")
    both = evaluate("--data", data, *options, "--scale", "4,2,4")
    assert both.exit_code == 0, both.output
    tables = [evaluate("--data", data, *options, "--scale", scale).stdout for scale in (4, 2)]
    assert both.stdout == "".join(tables)
    assert tables[0] != tables[1]
    assert "not '4,3'" in evaluate("--data", data, "--scale", "4,3").stderr


def refuse(nets, **how):
    assert sorted(nets) == ["alex", "inception", "squeeze", "vgg"]
    raise ModelError("no way there")


def test_figures_without_their_networks_are_left_out_by_name(monkeypatch, data):
    monkeypatch.setattr(backbones, "folders", lambda: [])
    monkeypatch.setattr(backbones, "fetch", refuse)
    done = evaluate("--data", data, "--scale", 4, "--model", "lanczos")
    assert done.exit_code == 0
    assert "no way there" in done.stderr
    told = [line for line in done.stderr.splitlines() if line.startswith("left out: ")]
    assert len(told) == 4
    names = {name for line in told for name in line[10:].partition(" (")[0].split(", ")}
    assert {"lpips_alex", "s10", "lpips_vgg", "fwv_0.2", "lpips_squeeze", "fid", "kid"} <= names
    shown = {line.split()[0] for line in done.stdout.splitlines()}
    assert {"psnr", "ssim", "lr_psnr"} <= shown
    assert not names & shown


def test_networks_are_found_in_the_folder_that_is_named(monkeypatch, data, tmp_path):
    monkeypatch.setenv(backbones.FOLDER_VARIABLE, "/nowhere")
    state = {f"features.{k}": v for k, v in perceptual._alex(None).features.state_dict().items()}
    save_file(state, tmp_path / "alexnet_features.safetensors")
    words = ["--data", data, "--scale", 4, "--model", "lanczos", "--metrics", "lpips_alex"]
    done = evaluate(*words, "--networks", tmp_path)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "lpips_alex_best" in done.stdout
    assert evaluate(*words, "--networks", tmp_path / "nowhere").exit_code == 2


def test_another_program_is_measured_on_the_same_pictures(networks, data, tmp_path):
    body = "i = Image.open(given)\ni.resize((4 * i.width, 4 * i.height), Image.BICUBIC).save(made)"
    out, program = tmp_path / "out", script(tmp_path, body)
    words = ["--data", data, "--scale", 4, "-n", 1, "--metrics", "psnr,lpips"]
    done = evaluate(*words, "--model", program, "--model", "bicubic", "--out", out)
    assert done.exit_code == 0, done.stderr
    ours, theirs = (one["figures"] for one in figures(out).values())
    assert ours == theirs
    (about,) = (
        one for one in json.loads((out / "report.json").read_text())["contenders"].values()
        if "command" in one
    )  # fmt: skip
    assert [run["exit"] for run in about["runs"]] == [0, 0, 0]
    assert about["seconds"] > 0


def test_a_program_with_a_seed_gives_as_many_variants_as_asked(tmp_path):
    body = "Image.new('RGB', (64, 64), (int(sys.argv[3]), 0, 0)).save(made)"
    case = shrunk("one", photograph(64, 64), 4, "box")
    variants = contender(script(tmp_path, body) + " {seed}").variants(case, 3)
    assert [int(one[0, 0, 0]) for one in variants] == [0, 1, 2]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("sys.exit('out of luck')", "exit code 1 (out of luck)"),
        ("pass", "it wrote no picture"),
        ("Image.open(given).save(made)", "its picture is 32 x 24, not 128 x 96"),
        ("open(made, 'w').write('nonsense')", "cannot be read"),
    ],
)
def test_a_program_that_fails_is_told_and_the_others_go_on(networks, data, tmp_path, body, words):
    done = evaluate(
        *("--data", data, "--scale", 4, "--limit", 1, "--metrics", "psnr"),
        *("--model", script(tmp_path, body), "--model", "lanczos"),
    )
    assert done.exit_code == 1
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "lanczos" in done.stdout


def test_another_program_that_fails_at_drawings_has_its_other_figures(networks, data, tmp_path):
    body = (
        "i = Image.open(given)\nassert i.getcolors(9999) is None or len(i.getcolors(9999)) > 90\n"
        "i.resize((2 * i.width, 2 * i.height)).save(made)"
    )
    options = ("--limit", 1, "--scale", 2, "--metrics", "psnr,ladder", "-n", 1)
    done = evaluate("--data", data, *options, "--model", script(tmp_path, body))
    assert done.exit_code == 1
    assert ": drawings, x2: exit code 1 (AssertionError)" in done.stderr
    rows = rows_of(done)
    assert float(rows["psnr"][0]) > 10
    assert rows["ladder"] == ["-"]


def test_a_bad_picture_is_told_and_the_others_go_on(networks, data):
    (data / "broken.png").write_bytes(b"no picture")
    Image.new("RGB", (20, 20)).save(data / "tiny.png")
    done = evaluate("--data", data, "--scale", 4, "--metrics", "psnr", "--model", "lanczos")
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 2
    assert done.stdout.splitlines()[1].split() == ["pictures", "3"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--metrics", "beauty"], "no 'beauty'; there are fid"),
        (["--model", "plain"], "plain is for decompress"),
        (["--model", "nosuchprogram {input} {output}"], "no program nosuchprogram"),
        (["--model", "cat {input}"], "has both {input} and {output}"),
        (["--model", "nosuchmodel"], "no model 'nosuchmodel'"),
    ],
)
def test_what_cannot_be_asked_is_one_line(networks, data, words, said):
    done = evaluate("--data", data, "--scale", 4, *words)
    assert done.exit_code == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_list_of_qualities_that_is_none_is_a_usage_error(data):
    for text in ("0", "5,x", "101", ""):
        assert evaluate("--data", data, "--task", "decompress", "--quality", text).exit_code == 2


def test_a_folder_that_holds_something_is_left_as_it_is(networks, data):
    before = sorted(Path(data).iterdir())
    done = evaluate("--data", data, "--scale", 4, "--model", "lanczos", "--out", data)
    assert done.exit_code == 1
    assert "choose another --out" in done.stderr
    assert sorted(Path(data).iterdir()) == before


def test_two_contenders_of_one_name_are_told_apart(networks, data, tmp_path):
    out = tmp_path / "out"
    words = ["--scale", 4, "--metrics", "psnr", "--model", "lanczos", "--model", "lanczos"]
    evaluate("--data", data, *words, "--out", out)
    assert set(figures(out)) == {("lanczos", "x4"), ("lanczos-2", "x4")}


def test_a_folder_without_pictures_is_one_line(tmp_path):
    done = evaluate("--data", tmp_path, "--model", "lanczos", "--metrics", "psnr")
    assert done.exit_code == 1
    assert "there are no pictures in this folder" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_report_is_a_line_of_json(networks, data, tmp_path):
    asked = ("--data", data, "--model", "lanczos", "--metrics", "psnr")
    result = evaluate(*asked, "--json", "--out", tmp_path / "report")
    (line,) = schema.read(result.stdout)
    written = json.loads((tmp_path / "report" / "report.json").read_text())
    assert line == {"kind": "report", "status": "written"} | written
