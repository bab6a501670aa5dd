"""Pictures go out whole."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pictures import scene
from PIL import Image
from users import ordinary_user

from imagine_cli import encode, picture
from imagine_cli.choices import Format, Kernel, Task
from imagine_cli.errors import ImagineError, OutputError, PictureError
from imagine_cli.opened import Opened, opening
from imagine_cli.request import Draw, Output, Request
from imagine_cli.whole import whole

WRITTEN = ("png", "webp", "tiff")


@pytest.mark.parametrize("suffix", WRITTEN)
def test_what_is_written_is_read_back_exactly(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "made" / "for it" / f"out.{suffix}"
    alpha = np.zeros((24, 40), np.uint8)  # colours count even where nobody sees them
    alpha[::2] = 77
    encode.write(scene(), path, alpha=alpha)
    read = picture.read(path)
    assert read.alpha is not None
    assert np.array_equal(read.pixels, scene())
    assert np.array_equal(read.alpha, alpha)
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("suffix", WRITTEN)
@pytest.mark.parametrize("grey", [False, True])
def test_long_pictures_are_written_exactly(tmp_path: Path, suffix: str, grey: bool) -> None:
    path = tmp_path / f"out.{suffix}"
    long = np.repeat(scene(400, 3000)[:, :, 1:2], 3, axis=2) if grey else scene(400, 3000)
    encode.write(long, path, grey=grey)
    read = picture.read(path)
    assert np.array_equal(read.pixels, long)
    assert read.grey == (grey and suffix != "webp")  # which knows no grey


def test_a_result_has_the_mode_of_an_ordinary_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        encode.write(scene(), tmp_path / "out.png")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out.png").stat().st_mode) == 0o640


def test_an_interrupted_result_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    path.write_bytes(b"before")

    def interrupted() -> None:
        with whole(path) as file:
            file.write(b"half of")
            assert path.read_bytes() == b"before"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["out.png"]


@pytest.mark.parametrize("suffix", WRITTEN)
def test_a_full_disk_is_one_line_and_no_file(tmp_path: Path, suffix: str) -> None:
    script = f"""if True:
        import resource, signal
        import numpy
        from imagine_cli import encode
        from imagine_cli.errors import OutputError
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
        noise = numpy.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=numpy.uint8)
        try:
            encode.write(noise, {str(tmp_path / f"out.{suffix}")!r})
        except OutputError as error:
            print(error, end="")
    """
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "the disk is full: make room, or choose another folder with -o"
    assert run.stderr == ""
    assert os.listdir(tmp_path) == []


def test_what_a_killed_run_left_is_removed_and_what_another_writes_is_not(tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    stale, busy = tmp_path / ".a.png.11111111.part", tmp_path / ".a.png.22222222.part"
    other = tmp_path / ".b.png.33333333.part"
    for part in (stale, busy, other):
        part.write_bytes(b"half")
    with open(busy, "rb") as being_written:
        fcntl.flock(being_written, fcntl.LOCK_EX)
        encode.write(scene(), tmp_path / "a.png")
    assert not stale.exists()
    assert busy.exists()
    assert other.exists()


def test_closed_doors_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encode.write(scene(), tmp_path / "locked.png")
    (tmp_path / "locked.png").chmod(0)
    (tmp_path / "folder").mkdir(mode=0o555)
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    with ordinary_user():
        with pytest.raises(PictureError, match="permission denied"):
            picture.read("locked.png")
        with pytest.raises(OutputError, match=r"permission denied.*-o"):
            encode.write(scene(), "folder/out.png")


def test_what_stands_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.png").mkdir()
    for name, line in {
        "file/out.png": "a file is in the way of a folder",
        "folder.png": "a folder has this name",
        f"{'x' * 260}.png": "too long",
        "out.bmp": r"\.png, \.webp or \.tiff",
    }.items():
        with pytest.raises(OutputError, match=line):
            encode.write(scene(), tmp_path / name)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder.png"]


def test_what_a_format_cannot_hold_is_known_before() -> None:
    encode.check_writable_size(16383, 16383, "webp")
    encode.check_writable_size(16384, 16384, "png")
    encode.check_writable_size(16384, 16384, "tiff")
    encode.check_writable_size(40_000, 30_000, "tiff", 3)
    for width, height, format, pixel in [
        (16384, 9, "webp", 3),
        (40_000, 30_000, "tiff", 4),
        (9, 2**31, "png", 3),
    ]:
        with pytest.raises(ImagineError, match="--format or a smaller --scale"):
            encode.check_writable_size(width, height, format, pixel)


def test_what_a_tiff_cannot_hold_is_known_before_anything_is_imagined(tmp_path: Path) -> None:
    def opened(name: str, samples: NDArray[np.generic]) -> Opened:
        Image.fromarray(samples).save(tmp_path / name)
        draw, output = Draw((0,), 1), Output(format=Format.tiff)
        request = Request(Task.upscale, 16, Kernel.bicubic, "upscale", draw, output)
        return opening(tmp_path / name, request, tmp_path)

    deep = opened("deep.png", np.zeros((1, 1), np.uint16))
    deep.check_writable(40_000, 40_000)
    with pytest.raises(PictureError, match="4 GB"):
        deep.check_writable(50_000, 50_000)
    clear = opened("clear.png", np.zeros((1, 1, 2), np.uint8))
    clear.check_writable(40_000, 40_000)
    clear.evidence.observed = clear.evidence.observed.astype(np.uint16)  # type: ignore[misc]
    with pytest.raises(PictureError, match="4 GB"):  # as RGB: see `_stays_grey`
        clear.check_writable(40_000, 40_000)
    whole_pixels = encode.bytes_of_pixel("tiff", grey=True, alpha=True, deep=True)
    assert whole_pixels == 8
