"""A variant's name says which it is, and no two have the same."""

import pytest

from imagine_cli import seeds
from imagine_cli.seeds import Near

NAMES = {
    "7": 7,
    "7-0.3-2": Near(7, 0.3, 2),
    "7-0.3-2-0.1-5": Near(Near(7, 0.3, 2), 0.1, 5),
    "0-0-1": Near(0, 0.0, 1),
    "0-1-4611686018427387904": Near(0, 1.0, seeds.LARGEST),
    "3-0.00000012345678901-4": Near(3, 0.00000012345678901, 4),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_and_its_seed_stand_for_each_other(name):
    assert seeds.named(name) == NAMES[name]
    assert seeds.name(NAMES[name]) == name


def test_a_name_is_as_short_as_it_can_be():
    assert seeds.name(seeds.named("07-0.300-2")) == "7-0.3-2"


@pytest.mark.parametrize(
    "text", ["", "-1", "x", "7-0.3", "7-1.1-2", "7-.-2", "7-1e9-2", "9" * 30, "7-0.5-7", "٧"]
)
def test_what_is_no_name_is_refused(text):
    with pytest.raises(ValueError, match=r"\w") as error:
        seeds.named(text)
    assert len(str(error.value).splitlines()) <= 1


def test_new_seeds_leave_out_those_that_made_the_liked():
    around = seeds.counted(1, 4, seeds.named("3-0.5-2"), 0.25)
    assert [near.seed for near in around] == [1, 4, 5, 6]
    assert {(near.like, near.spread) for near in around} == {(Near(3, 0.5, 2), 0.25)}
    assert seeds.counted(5, 3, None, 0.25) == (5, 6, 7)
