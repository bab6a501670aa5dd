"""`--json`: a line for whatever a run makes, finds or fails at, as docs/json.md says."""

import pytest
import schema
from command import run

pytestmark = pytest.mark.usefixtures("toy")


def told(*arguments):
    """What each line is, and its status; every line is as the document says."""
    lines = schema.read(run(*arguments, "--json").stdout)
    return [(line["kind"], line["status"]) for line in lines]


@pytest.mark.parametrize("command", ["upscale", "decompress"])
def test_whatever_a_run_makes_finds_or_fails_at_is_a_line(command, photo, jpeg):
    good = photo if command == "upscale" else jpeg
    wanted = (command, good, "-n", 2, "--sheet", "--mean", "--gallery")
    kinds = ("variant", "variant", "mean", "sheet", "page")
    gone = photo.with_name("gone.png")
    first = told(*wanted, gone)
    assert first == [("failure", "failed"), *((kind, "written") for kind in kinds)]
    assert told(*wanted) == [(kind, "there") for kind in kinds]
    said = run(*wanted).stderr
    assert said == "0 written, 5 already there\n"


def test_what_is_made_again_is_counted(photo):
    wanted = ("upscale", photo, "-n", 2, "--scale", 2, "--sheet")
    assert "3 written on cpu" in run(*wanted).stderr
    photo.with_name("photo-x2-sheet.jpg").unlink()
    assert run(*wanted).stderr == "1 written, 2 already there\n"


def test_agreement_is_told_of_what_was_written_and_null_of_what_was_there(photo):
    wanted = ("upscale", photo, "-n", 1, "--scale", 2, "--like", 7, "--pool", 2, "--json")
    (made,) = schema.read(run(*wanted).stdout)
    assert made["agreement"]["identical"] > 0.99
    assert (made["like"], made["spread"], made["pool"]) == (7, 0.3, 2)
    (there,) = schema.read(run(*wanted).stdout)
    assert there["agreement"] is None


def test_what_ends_a_run_is_a_line_too(photo):
    result = run("upscale", photo, "--model", "nonexistent", "--json")
    (line,) = schema.read(result.stdout)
    assert line["input"] is None
    assert "nonexistent" in line["error"]
    assert result.exit_code == 1


def test_a_page_of_any_pictures_is_a_line(photo):
    page = photo.with_name("page.html")
    result = run("compare", photo, photo, "-o", page, "--json")
    (line,) = schema.read(result.stdout)
    assert (line["kind"], line["inputs"], line["output"]) == (
        "comparison", [str(photo), str(photo)], str(page),
    )  # fmt: skip


@pytest.mark.parametrize("command", ["list", "info", "verify"])
def test_models_are_lines(command, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "none"))
    names = ["upscale"] if command == "info" else []
    lines = schema.read(run("models", command, *names, "--json").stdout)
    upscale = lines[-1]
    assert (upscale["name"], upscale["scales"]) == ("upscale", [2, 4, 8, 16])
    assert (upscale["sha256"] is None) == (command == "list")
    assert (upscale["verified"] is None) == (command != "verify")


def test_a_model_that_is_none_is_a_failure():
    result = run("models", "verify", "nonexistent", "--json")
    (line,) = schema.read(result.stdout)
    assert (line["kind"], line["input"]) == ("failure", "nonexistent")
    assert result.exit_code == 1
