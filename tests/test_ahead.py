"""What is made ahead: in order, one at a time, and no more than is wanted."""

import gc
import time
import weakref
from contextlib import closing
from threading import Event, current_thread

import pytest

from imagine_cli.ahead import ahead
from imagine_cli.timings import REST, WAITING, measured, part


def test_items_come_in_their_order_and_the_next_is_made_meanwhile():
    made = []

    def items():
        for number in range(4):
            made.append((number, current_thread()))
            yield number

    seen = []
    for item in ahead(items(), Event()):
        deadline = time.monotonic() + 30
        while len(made) < min(item + 2, 4) and time.monotonic() < deadline:
            time.sleep(0.001)
        seen.append((item, len(made)))
    assert seen == [(0, 2), (1, 3), (2, 4), (3, 4)]
    assert len({thread for _, thread in made}) == 1
    assert made[0][1] is not current_thread()


def test_who_wants_no_more_is_waited_for_and_told():
    enough, ended = Event(), Event()

    def items():
        yield 0
        enough.wait(30)
        ended.set()
        yield 1

    with closing(ahead(items(), enough)) as found:
        assert next(found) == 0
    assert enough.is_set()
    assert ended.is_set()


def test_what_goes_wrong_is_raised_when_its_turn_comes():
    def items():
        yield 0
        raise ZeroDivisionError

    found = ahead(items(), Event())
    assert next(found) == 0
    with pytest.raises(ZeroDivisionError):
        next(found)


def test_an_item_that_is_let_go_is_gone():
    class Large:
        pass

    found = ahead((Large() for _ in range(2)), Event())
    item = weakref.ref(next(found))
    gc.collect()
    assert item() is None
    found.close()


def test_what_is_done_at_once_is_timed_twice_and_waiting_is_no_part():
    def items():
        for number in range(2):
            with part("making"):
                time.sleep(0.05)
            yield number

    with measured() as watch:
        for _ in ahead(items(), Event()):
            with part("using"):
                time.sleep(0.1)
    assert watch.seconds["making"] >= 0.1
    assert watch.seconds["using"] >= 0.2
    whole, *parts = watch.lines()
    assert {line.split("  ")[-1] for line in parts} == {"making", "using", REST}
    assert watch.seconds[WAITING] >= 0.05
    assert float(whole.removesuffix(" s")) < sum(watch.seconds.values())
