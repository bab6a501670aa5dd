"""Shards: together everything, once; alone a fair part; the same on every machine."""

from collections import Counter
from pathlib import Path

import pytest

from imagine_cli.shards import Shard

NAMES = [Path(f"folder {number % 3}/picture {number}.png") for number in range(800)]


@pytest.mark.parametrize("count", [1, 2, 7])
def test_every_file_falls_to_one_shard(count):
    shards = [Shard.parse(f"{number}/{count}") for number in range(1, count + 1)]
    takers = [[shard.number for shard in shards if shard.takes(name)] for name in NAMES]
    assert {len(some) for some in takers} == {1}
    sizes = Counter(some[0] for some in takers)
    assert max(sizes.values()) < 1.5 * len(NAMES) / count


@pytest.mark.parametrize("folder", ["/here", "there", "."])
def test_where_the_folder_lies_does_not_matter(folder):
    # The number is written down, so that machines with another version agree too.
    taking = [number for number in range(1, 9) if Shard(number, 8).takes(Path(folder, "cat.png"))]
    assert taking == [3]


def test_names_that_are_no_unicode_have_a_place_too():
    assert Shard(1, 1).takes(Path("\udcff.png"))


@pytest.mark.parametrize("text", ["", "0/4", "5/4", "1", "-1/4", "1/0", "a/b", "1/4/8"])
def test_what_is_no_shard_is_said(text):
    with pytest.raises(ValueError, match="is not a shard"):
        Shard.parse(text)
