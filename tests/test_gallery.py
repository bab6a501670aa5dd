"""A contact sheet shows every picture once, evenly, and fits on a screen."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from imagine_cli import gallery


def flat(colour: int, width: int = 160, height: int = 96) -> NDArray[np.uint8]:
    return np.full((height, width, 3), (colour, 255 - colour, 7), np.uint8)


def places(sheet: NDArray[np.uint8], colour: int) -> tuple[int, int, int, int]:
    """Top, left, height and width of what has one colour on a sheet."""
    rows, columns = np.nonzero((sheet == (colour, 255 - colour, 7)).all(axis=-1))
    top, left = rows.min(), columns.min()
    assert len(rows) == (rows.max() - top + 1) * (columns.max() - left + 1)
    return int(top), int(left), int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1


def test_input_and_variants_stand_in_rows_at_full_size() -> None:
    variants = [(f"seed {seed}", flat(10 * seed)) for seed in (1, 2, 3)]
    sheet = gallery.sheet(flat(90, 10, 6), variants, title="")
    spots = [places(sheet, colour) for colour in (90, 10, 20, 30)]
    assert {spot[2:] for spot in spots} == {(96, 160)}
    top, left = spots[0][:2]
    right, below = spots[1][1], spots[2][0]
    assert [spot[:2] for spot in spots] == [
        (top, left),
        (top, right),
        (below, left),
        (below, right),
    ]
    assert right - left - 160 == left == sheet.shape[1] - right - 160  # even gaps
    assert sheet.shape[0] - below < below  # the title is above them


def test_the_input_is_enlarged_plainly() -> None:
    small = np.random.default_rng(0).integers(0, 256, (6, 10, 3), dtype=np.uint8)
    sheet = gallery.sheet(small, [("seed 0", flat(50))], title="")
    left = places(sheet, 50)[1]  # the variant lies below it
    top = places(sheet, 50)[0] - (sheet.shape[0] - 16 - 4 - left) // 2
    witness = Image.fromarray(small).resize((160, 96), Image.Resampling.LANCZOS)
    assert np.array_equal(sheet[top : top + 96, left : left + 160], np.asarray(witness))


def test_labels_can_be_told_apart() -> None:
    sheets = [
        gallery.sheet(flat(90), [(label, flat(10))], title="") for label in ("seed 1", "seed 7")
    ]
    differs = (sheets[0] != sheets[1]).any(axis=(1, 2))
    top, _, height, _ = places(sheets[0], 10)
    assert differs.any()
    assert not differs[: top + height].any()  # below the picture, never on it


def test_a_title_stands_above_all_and_is_cut_where_it_is_too_long() -> None:
    sheets = [
        gallery.sheet(flat(90), [("seed 1", flat(10))], title=title)
        for title in ("", "photo.png", "photo.png" + 99 * "!", "photo.png" + 98 * "!")
    ]
    top = places(sheets[0], 10)[0]
    assert (sheets[0] != sheets[1])[:top].any()
    assert np.array_equal(sheets[0][top:], sheets[1][top:])
    assert np.array_equal(sheets[2], sheets[3])


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 15])
@pytest.mark.parametrize(("width", "height"), [(90, 60), (60, 90), (300, 20)])
def test_a_sheet_is_nearly_square(count: int, width: int, height: int) -> None:
    sheet = gallery.sheet(flat(1), [("", flat(2, width, height))] * count, title="")
    rows, columns = sheet.shape[:2]
    assert max(rows, columns) < 2 * min(rows, columns) + max(width, height)


def test_no_column_stays_empty() -> None:
    sheet = gallery.sheet(flat(1, 100, 220), [("", flat(2, 100, 220))] * 4, title="")
    assert sheet.shape[1] < 4 * 100  # three above two, not four above one


@pytest.mark.parametrize("largest", [200, 500, 901])
def test_a_large_sheet_is_reduced_to_fit(largest: int) -> None:
    variants = [(f"seed {seed}", flat(10 * seed, 700, 500)) for seed in range(4)]
    sheet = gallery.sheet(flat(90), variants, title="", largest=largest)
    assert 0.9 * largest < max(sheet.shape) <= largest
    early = [(label, gallery.reduced(variant, 4, largest=largest)) for label, variant in variants]
    assert np.array_equal(gallery.sheet(flat(90), early, title="", largest=largest), sheet)
