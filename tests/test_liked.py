"""More like a variant that is liked; and the few that differ most."""

import json
from pathlib import Path

import numpy as np
import pytest
from command import pixels, run
from PIL import Image

from imagine_cli import choose

pytestmark = pytest.mark.usefixtures("toy")


def like(photo, *arguments):
    """Pixels of the one variant of seed 2 around seed 7."""
    assert run("upscale", photo, "--scale", 2, "--seed", 2, "-n", 1, *arguments).exit_code == 0
    [file] = photo.parent.glob("photo-x2-like7*")
    written = pixels(file)
    file.unlink()
    return written


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
