"""`-` is standard input, and standard output."""

import io
import json

import pytest
from PIL import Image
from typer.testing import CliRunner

from imagine_cli.cli import app

pytestmark = pytest.mark.usefixtures("toy")


def run(*arguments, given=b""):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=given)


def test_a_picture_comes_in_and_a_variant_goes_out(photo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("upscale", "-", "--scale", 4, "-n", 1, "-o", "-", given=photo.read_bytes())
    assert result.exit_code == 0, result.output
    assert Image.open(io.BytesIO(result.stdout_bytes)).size == (64, 48)
    assert "1 written" in result.stderr
    assert list(tmp_path.iterdir()) == [photo]
    run("upscale", photo, "--scale", 4, "-n", 1)
    same = Image.open(photo.with_name("photo-x4-0.png")).tobytes()
    assert Image.open(io.BytesIO(result.stdout_bytes)).tobytes() == same


def test_results_of_standard_input_lie_here_or_in_the_folder(jpeg, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("decompress", "-", "-n", 2, "--sheet", given=jpeg.read_bytes())
    assert result.exit_code == 0, result.output
    assert result.stdout.split() == [
        f"stdin-decompressed-{end}" for end in ("0.png", "1.png", "sheet.jpg")
    ]
    result = run("decompress", "-", "-n", 1, "-o", "out", "--json", given=jpeg.read_bytes())
    told = json.loads(result.stdout)
    assert told["input"] == "-"
    assert (tmp_path / "out" / "stdin-decompressed-0.png").is_file()
    page = run("decompress", "-", "-n", 2, "--gallery", given=jpeg.read_bytes())
    assert page.exit_code == 0, page.output
    assert "imagine decompress - --like 1" in (tmp_path / "stdin-decompressed.html").read_text()


def test_a_named_file_goes_to_standard_output_too(photo):
    result = run("upscale", photo, "--scale", 2, "-n", 1, "-o", "-", "--format", "webp")
    assert Image.open(io.BytesIO(result.stdout_bytes)).format == "WEBP"


@pytest.mark.parametrize("given", [b"", b"hello"])
def test_what_comes_in_and_is_no_picture_is_told_by_its_name(given):
    result = run("upscale", "-", "-o", "-", "-n", 1, "-q", given=given)
    assert result.exit_code == 1
    assert result.stdout_bytes == b""
    assert result.stderr.startswith("-: ")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "more",
    [("-n", 2), ("--sheet",), ("--mean",), ("--gallery",), ("--json",), ("other.png",)],
    ids=str,
)
def test_more_than_one_picture_does_not_fit_into_standard_output(photo, more):
    result = run("upscale", photo, "-n", 1, "-o", "-", *more)
    assert result.exit_code == 2
    assert "one variant" in result.stderr
    assert run("upscale", "-", photo).exit_code == 2
