"""What a program may use: the documents' examples run, and wrong arguments are told clearly."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from models import Toy
from pictures import photograph
from PIL import Image

import imagine_cli
from imagine_cli import (
    Downscaled,
    JpegCoded,
    OutputError,
    PictureError,
    imagine,
    load_model,
    open_jpeg,
    open_picture,
)
from imagine_cli.seeds import LARGEST, Near

ROOT = Path(__file__).parents[1]


def examples():
    for document in (ROOT / "README.md", ROOT / "docs" / "api.md"):
        found = re.findall(r"^```python\n(.*?)^```", document.read_text(), re.S | re.M)
        assert found, document
        for number, code in enumerate(found, 1):
            yield pytest.param(code, id=f"{document.name}-{number}")


@pytest.mark.bundled
@pytest.mark.parametrize("code", list(examples()))
def test_the_examples_in_the_documents_run(code, tmp_path, monkeypatch, capsys):
    (tmp_path / "examples").mkdir()
    cat = Image.open(ROOT / "examples" / "cat.png")
    cat.crop((0, 0, 12, 8)).save(tmp_path / "examples" / "cat.png")
    coffee = Image.open(ROOT / "examples" / "coffee.jpg").crop((0, 0, 64, 48))
    coffee.save(tmp_path / "examples" / "coffee.jpg", quality=20)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "example", "exec"), {})
    printed = capsys.readouterr().out
    for promised in re.findall(r"print\(error\)  # (.*?)(?: …)?$", code, re.M):
        assert promised in printed


def test_the_package_is_light_typed_and_silences_telemetry():
    code = "import sys, os, imagine_cli as i; assert set(i.__all__) >= {'imagine', 'load_model'}\n"
    code += "assert not {'numpy', 'PIL', 'onnxruntime', 'typer'} & set(sys.modules)\n"
    code += "assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'\n"
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert (Path(imagine_cli.__file__).parent / "py.typed").is_file()


@pytest.mark.parametrize("name", imagine_cli.__all__)
def test_every_public_name_is_there(name):
    assert getattr(imagine_cli, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'other'"):
        _ = imagine_cli.other


@pytest.fixture
def turned(tmp_path):
    """A photograph on its side, as a phone writes it."""
    file = tmp_path / "photo.png"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(photograph(6, 9)).save(file, exif=exif)
    return file


def test_a_picture_is_the_same_from_wherever_it_comes(turned):
    upright = np.rot90(photograph(6, 9), -1)
    with Image.open(turned) as image:
        sources = [str(turned), turned, io.BytesIO(turned.read_bytes()), image, upright]
        for source in sources:
            assert np.array_equal(open_picture(source).pixels, upright)
        assert image.getexif()[0x0112] == 6  # Pillow's own image is left as it was
    clear = open_picture(np.dstack([upright, upright[..., 0]]))
    assert np.array_equal(clear.pixels, upright)
    assert np.array_equal(clear.alpha, upright[..., 0])
    assert open_picture(upright[..., 0]).grey


@pytest.mark.parametrize(
    "array",
    [np.zeros((4, 4, 3)), np.zeros((4, 4, 2), np.uint8), np.zeros(9, np.uint8)],
    ids=["float", "two channels", "a row"],
)
def test_an_array_that_is_no_picture_is_refused(array):
    with pytest.raises(PictureError, match="not " + str(array.dtype)):
        open_picture(array)


@pytest.mark.parametrize("opened", [open_picture, open_jpeg])
def test_errors_name_the_file(opened, tmp_path):
    text = tmp_path / "text.jpg"
    text.write_text("no picture")
    for file in (text, tmp_path / "gone.jpg"):
        with pytest.raises(PictureError) as caught:
            opened(file)
        assert str(caught.value).startswith(f"{file}: ")
        assert str(caught.value).count(str(file)) == 1


def test_an_empty_array_and_bytes_that_are_no_jpeg_are_refused():
    with pytest.raises(PictureError, match="empty"):
        open_picture(np.zeros((0, 4, 3), np.uint8))
    with pytest.raises(PictureError, match="JPEG"):
        open_jpeg(b"no JPEG")


def test_a_jpeg_from_its_bytes_is_that_of_its_file(tmp_path):
    file = tmp_path / "photo.jpg"
    Image.fromarray(photograph(24, 16)).save(file, quality=30)
    one, other = open_jpeg(file), open_jpeg(file.read_bytes())
    assert isinstance(one, JpegCoded)
    assert np.array_equal(one.observed, other.observed)


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (np.zeros((4, 4, 3)), r"not float64; np.rint\(255 \* picture\)"),
        (np.zeros((4, 4, 3), np.uint32), "not uint32"),
        (np.zeros((4, 4), np.uint8), r"\(height, width, 3\), not \(4, 4\)"),
        (np.zeros((4, 4, 4), np.uint8), r"not \(4, 4, 4\)"),
        (np.zeros((0, 4, 3), np.uint8), r"not \(0, 4, 3\)"),
        ([[1, 2, 3]], "not list"),
    ],
)
def test_evidence_of_the_wrong_kind_is_refused(picture, said):
    with pytest.raises(ValueError, match=said):
        Downscaled(picture, 4)


@pytest.mark.parametrize("seed", [-1, LARGEST + 1, 0.5, "7", Near(3, 0.5, -2)])
def test_a_seed_that_is_none_is_refused(seed):
    with pytest.raises(ValueError, match="a seed is"):
        next(imagine(Downscaled(photograph(4, 4), 2), Toy(), [seed]))


def test_numpy_s_whole_numbers_are_seeds():
    evidence = Downscaled(photograph(4, 4), 2)
    (one,) = imagine(evidence, Toy(), np.arange(3, 4))
    (other,) = imagine(evidence, Toy(), [3])
    assert (one.seed, type(one.seed)) == (3, int)
    assert np.array_equal(one.picture, other.picture)


def test_a_variant_is_saved_with_what_its_picture_has(tmp_path):
    grey = open_picture(photograph(4, 4)[..., 0])
    (variant,) = imagine(Downscaled(grey.pixels, 2), Toy(), [0])
    file = variant.save(tmp_path / "plain.webp")
    assert np.array_equal(open_picture(file).pixels, variant.picture)
    assert Image.open(variant.save(str(tmp_path / "grey.png"), like=grey)).mode == "L"
    with pytest.raises(OutputError, match=r"variant\.jpg: .*\.png"):
        variant.save(tmp_path / "variant.jpg")


def test_the_same_seed_gives_the_same_picture_for_ever():
    # Written down once, at version 0.1: a variant that somebody keeps the seed of must come back.
    small = np.array([[40, 90, 200], [70, 180, 20]], np.uint8)[..., None].repeat(3, 2)
    variants = imagine(Downscaled(small, 4, "lanczos"), Toy(), [0, 7, Near(7, 0.3, 2)])
    for variant, kept in zip(variants, KEPT, strict=True):
        kept = np.frombuffer(bytes.fromhex(kept), np.uint8).reshape(8, 12, 1)
        # Another machine's arithmetic may round a pixel the other way.
        assert np.abs(variant.picture.astype(int) - kept).max() <= 1


KEPT = (
    "29281a1436333d4ef1ffffff2727191438353e4cebf8ffff383725235c5b575ed5dbdadb"
    "3030212362645b55bcb7afad2e2f3d45e7ecb7a10000000026283846edf5bb9800000000"
    "272a3242f1fad8ae0000000025283142f2fcd9ac00000000",
    "302f221c403c4355f1ffffff2f2e221c423f4452eaf6ffff232328263b3a6469cfd4e2e3"
    "1e1f26294545695caea3a8a63435525bcacdddbc000000002f31505fd3d8e2ae00000000"
    "0f113e4feff6d99c000000000e103e50f1f8da9900000000",
    "3331251d3d384556f1ffffff3130241e3f3b4754eaf6ffff242426233b386367ced2dedf"
    "1e1e23264445695cafa3a6a336385059c9cde3c20000000030324d5cd3daeab600000000"
    "11143c4fedf5d3970000000010133c50eff8d59400000000",
)


def test_a_model_is_loaded_by_its_name():
    model = load_model("decompress", device="cpu", threads=1)
    assert (model.card.task, model.device) == ("decompress", "cpu")


def test_a_name_for_a_model_and_a_number_for_seeds_are_told():
    evidence = Downscaled(open_picture("examples/cat.png").pixels, 2)
    with pytest.raises(ValueError, match=r"a model, not its name: load_model\('upscale'\)"):
        next(imagine(evidence, "upscale", [0]))
    with pytest.raises(ValueError, match=r"range\(3\) or \[3\]"):
        next(imagine(evidence, load_model("upscale"), 3))
