"""Two things at a time: the next is made while one is worked on."""

from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from itertools import islice
from threading import Event
from typing import TypeVar

from . import timings

Item = TypeVar("Item")


def ahead(items: Iterator[Item], enough: Event) -> Generator[Item, None, None]:
    """The items, in their order; a thread makes the next while one is worked on.

    Close it when no more are wanted: `enough` is then set, so that who makes them can give up, and
    waited for. What goes wrong in making one is raised when its turn comes.
    """
    context = copy_context()

    def make() -> list[Item]:
        with timings.beside():
            return list(islice(items, 1))

    def waited_for(coming: Future[list[Item]]) -> list[Item]:
        with timings.part(timings.WAITING):
            return coming.result()

    with ThreadPoolExecutor(1) as thread:
        try:
            coming = thread.submit(context.run, make)
            while made := waited_for(coming):
                coming = thread.submit(context.run, make)
                yield made.pop()  # and not held on to here: it may be large
        finally:
            enough.set()
