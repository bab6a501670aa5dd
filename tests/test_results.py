"""A result's name says what it is, and of which picture: made and read back by the same rules."""

from itertools import product
from pathlib import Path

import pytest

from imagine_cli.choices import Format, Task
from imagine_cli.results import Results, origin, seed_tag, task_tag
from imagine_cli.seeds import named

TAGS = {"x16": (Task.upscale, 16), "x2": (Task.upscale, 2), "decompressed": (Task.decompress, 1)}
SEEDS = ["0", "7", "7-0.3-2", "7-0.3-2-0.00001-5"]


@pytest.mark.parametrize("tag", TAGS)
def test_each_task_has_its_word(tag):
    assert task_tag(*TAGS[tag]) == tag


@pytest.mark.parametrize("picture", ["photo", "photo.jpg", "a-x16-7", "like7-0.3", "ünïcode photo"])
def test_every_result_is_known_again_and_its_picture_with_it(picture):
    for tag, seed, format in product(TAGS, map(named, SEEDS), Format):
        results = Results(Path("out", f"{picture}-{tag}"))
        files = [results.variant(seed, format)]
        files += [results.mean([seed], format), results.sheet([seed])]
        assert [origin(file.name, tag) for file in files] == [picture] * 3
        assert {file.parent for file in files} == {Path("out")}


def test_names_are_short_and_say_what_it_is():
    results = Results(Path("photo-x16"))
    near = named("7-0.3-2")
    assert seed_tag(near) == "like7-0.3-2"
    assert results.variant(7, "png").name == "photo-x16-7.png"
    assert results.variant(near, "webp").name == "photo-x16-like7-0.3-2.webp"
    assert results.mean([0, 1], "png").name == "photo-x16-mean.png"
    assert results.sheet([near]).name == "photo-x16-like7-0.3-sheet.jpg"
    assert results.page([0, 1]).name == "photo-x16.html"
    assert results.page([near]).name == "photo-x16-like7-0.3.html"


@pytest.mark.parametrize(
    "name", ["photo.png", "photo-x16.png", "photo-x16-7.jpg", "-x16-7.png", "photo-x16-more.png"]
)
def test_other_files_are_no_results(name):
    assert origin(name, "x16") is None


def test_results_of_every_scale_are_those_of_one_task():
    assert origin("photo-x8-7.png", "x16") == "photo"
    assert origin("photo-x8-7.png", "decompressed") is None
