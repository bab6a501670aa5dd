"""The pictures of a run: bad ones are counted, and which validate follows from what is in them."""

import numpy as np
import pytest
from imagine_training.run.pictures import Pictures
from pictures import photograph, photographs
from PIL import Image

from imagine_cli import ImagineError, encode, origin, picture


@pytest.fixture
def data(tmp_path):
    return photographs(tmp_path / "data", 110, 114)


def test_bad_files_are_counted_and_never_stop_a_run(data):
    folder = data / "more"
    folder.mkdir()
    (folder / "notes.txt").write_text("no picture")
    Image.new("RGB", (5, 70)).save(folder / "tiny.png")
    (folder / "copy.png").write_bytes((data / "0.png").read_bytes())
    wide = Image.fromarray(photograph(80, 90, 7))
    wide.convert("CMYK").save(folder / "cmyk.jpg")
    deep = np.asarray(wide.convert("L")).astype(np.uint16) * 256 + 7
    Image.fromarray(deep).save(folder / "deep.png")
    other = Image.fromarray(photograph(80, 90, 8))
    wide.save(folder / "moving.gif", save_all=True, append_images=[other])
    (folder / ".hidden.png").write_bytes(b"")
    (folder / "run").mkdir()
    (folder / "run" / "run.json").write_text("{}")
    wide.save(folder / "run" / "preview.png")

    pictures = Pictures([data, folder], 64)
    assert len(pictures.train) + len(pictures.validation) == 5 + 3
    assert {kind: len(lines) for kind, lines in pictures.found.items()} == {
        "in CMYK, converted to sRGB": 1,
        "the same as another, left out": 1,
        "with 16 bits a sample, read as 8": 1,
        "animated, or of several pages: the first is used": 1,
        "unreadable, left out": 1,
        "smaller than 64 pixels, left out": 1,
    }
    assert f"1 smaller than 64 pixels, left out: {folder / 'tiny.png'} (5 x 70)" in (
        pictures.summary()
    )


def test_results_of_imagine_are_no_originals(data):
    made = origin.Origin("upscale", 2, "bicubic", "0", "", "", "photo.png", "upscale", "0.1.0")
    about = picture.About(xmp=made.xmp())
    encode.write(photograph(80, 90, 9), data / "photo-x2-0.png", about=about)
    pictures = Pictures([data], 64)
    assert len(pictures.train) + len(pictures.validation) == 5
    assert [kind for kind in pictures.found if "results of imagine" in kind]


def test_the_split_follows_from_what_is_in_the_files(data, tmp_path):
    before = Pictures([data], 64)
    other = tmp_path / "other"
    other.mkdir()
    for number, file in enumerate(sorted(data.iterdir())):
        file.rename(other / f"{9 - number}{file.suffix}")
    after = Pictures([other], 64)
    assert before.fingerprint == after.fingerprint
    assert np.array_equal(before.validation, after.validation)


def test_pictures_too_small_for_the_whole_chain_do_not_validate(data, tmp_path):
    for number in range(8):
        Image.fromarray(photograph(48, 48, 50 + number)).save(data / f"small{number}.png")
    pictures = Pictures([data], 48, 64)
    assert {min(one.shape[:2]) for one in pictures.train} >= {48}
    assert min(min(one.shape[:2]) for one in pictures.validation) >= 64
    with pytest.raises(ImagineError, match="0 pictures of at least 300 pixels"):
        Pictures([data], 48, 300)


def test_too_few_pictures_are_one_line(data, tmp_path):
    with pytest.raises(ImagineError, match=r"0 pictures of at least 300 pixels .*5 smaller than"):
        Pictures([data], 300)
    with pytest.raises(ImagineError, match="no such folder"):
        Pictures([tmp_path / "missing"], 64)
