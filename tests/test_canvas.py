"""A canvas is the same, in memory and on the disk."""

import os

import numpy as np
import pytest
from models import Toy
from pictures import photograph

from imagine_cli import Downscaled, canvas, encode, imagine, picture
from imagine_cli.canvas import OnDisk, bands
from imagine_cli.errors import OutputError


@pytest.fixture
def on_disk(monkeypatch):
    """However small, a canvas goes to the disk."""
    made = []

    class Counted(OnDisk):
        def __init__(self, *given):
            super().__init__(*given)
            made.append(self.shape)

    monkeypatch.setattr(canvas, "IN_MEMORY", 100)
    monkeypatch.setattr(canvas, "OnDisk", Counted)
    return made


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32])
def test_rows_are_read_as_they_were_written(tmp_path, dtype):
    rows = np.arange(9 * 5 * 3).reshape(9, 5, 3).astype(dtype)
    there = OnDisk(rows.shape, dtype, tmp_path / "new")
    assert not os.listdir(tmp_path / "new")  # a file that nobody need remove
    for some in (slice(3, 9), slice(0, 4)):
        there[some] = rows[some]
    assert np.array_equal(np.asarray(there), rows)
    assert np.array_equal(there[2:5], rows[2:5])
    assert there[2:100].shape == (7, 5, 3)
    there[1:2] = 7
    assert (there[:][1] == 7).all()


def test_bands_are_all_rows_once(monkeypatch):
    monkeypatch.setattr(canvas, "BAND", 3 * 5 * 4)
    rows = [row for some in bands(np.empty((10, 5, 3), np.uint8)) for row in range(10)[some]]
    assert rows == list(range(10))


def test_a_folder_that_cannot_be_had_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"no room for the 0\.1 GB .* choose another folder"):
        OnDisk((1000, 100_000), np.uint8, tmp_path / "file")


def test_a_variant_on_the_disk_is_the_same_as_in_memory(tmp_path, on_disk):
    small = photograph(12, 20)
    (held,) = imagine(Downscaled(small, 4), Toy(), [3])
    assert not on_disk
    (streamed,) = imagine(Downscaled(small, 4), Toy(), [3], scratch=tmp_path)
    # Two levels, and what is written.
    assert sorted(on_disk) == [(24, 40, 3), (48, 80, 3), (48, 80, 3)]
    assert np.array_equal(streamed.picture, held.picture)
    assert streamed.agreement == held.agreement
    for suffix in ("png", "tiff", "webp"):
        encode.write(streamed.rows, tmp_path / f"out.{suffix}")
        assert np.array_equal(picture.read(tmp_path / f"out.{suffix}").pixels, held.picture)
