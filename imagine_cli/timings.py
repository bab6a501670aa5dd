"""Where the time goes: a stopwatch that always runs for one part of the work."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock

REST, WAITING = "the rest", "waiting"


class Stopwatch:
    def __init__(self) -> None:
        self.seconds = defaultdict[str, float](float)
        """By part; together they are all the time there was, and what was done `beside`."""
        self._part, self._since = REST, time.perf_counter()
        self._began, self._lock = self._since, Lock()

    def turn_to(self, part: str) -> str:
        """From now on it runs for another part. Which one it ran for."""
        before, now = self._part, time.perf_counter()
        self.add(before, now - self._since)
        self._part, self._since = part, now
        return before

    def add(self, part: str, seconds: float) -> None:
        with self._lock:
            self.seconds[part] += seconds

    def lines(self) -> Iterator[str]:
        """The whole, then each part in the order in which they were first done, the rest last.

        Waiting for what is done beside is no part: that is one itself.
        """
        whole = self._since - self._began
        yield f"{whole:.2f} s"
        for part in sorted(self.seconds, key=REST.__eq__):
            if part == WAITING:
                continue
            seconds = self.seconds[part]
            yield f"{seconds:9.2f} s {seconds / whole:4.0%}  {part}"


_running: ContextVar[Stopwatch | None] = ContextVar("stopwatch", default=None)


@contextmanager
def measured() -> Iterator[Stopwatch]:
    """All that is done within is timed, part by part."""
    watch = Stopwatch()
    token = _running.set(watch)
    try:
        yield watch
    finally:
        _running.reset(token)
        watch.turn_to(REST)


@contextmanager
def beside() -> Iterator[None]:
    """What a thread does within, at the same time as others, is timed too; if anybody measures."""
    watch = _running.get()
    if watch is None:
        yield
        return
    own = Stopwatch()
    token = _running.set(own)
    try:
        yield
    finally:
        _running.reset(token)
        own.turn_to(REST)
        for part, seconds in own.seconds.items():
            watch.add(part, seconds)


@contextmanager
def part(name: str) -> Iterator[None]:
    """What is done within is this part, but for parts within it; if anybody measures."""
    watch = _running.get()
    if watch is None:
        yield
        return
    before = watch.turn_to(name)
    try:
        yield
    finally:
        watch.turn_to(before)
