"""A bar on the terminal, and lines that do not tear it."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.live import Live
    from rich.progress import Progress


class Bar:
    """Progress that nobody watches; its lines are printed."""

    def expect(self, variants: int) -> None:
        """So many variants are wanted in all."""

    def start(self, name: str) -> None:
        """A picture's turn."""

    def imagined(self, variants: float) -> None:
        """So many of the picture's are imagined, the last one in part."""

    def finished(self) -> None:
        """A variant is done."""

    def print(self, line: str, *, err: bool) -> None:
        """A line on stderr, or on stdout. Raises BrokenPipeError if nobody takes it."""
        _echo(line, err=err)

    def ask(self, question: str) -> bool:
        """Whether a person says yes; no where none can: there is no terminal."""
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return False
        try:
            return typer.confirm(question, err=True)
        except typer.Abort:
            raise KeyboardInterrupt from None


def _echo(line: str, *, err: bool) -> None:
    try:
        typer.echo(line, err=err)
    except OSError as error:  # a full disk behind stdout is no fault of the picture in hand
        raise BrokenPipeError from error


class TerminalBar(Bar):
    """A bar that counts variants, parts of them too, and tells the time left."""

    def __init__(self, bar: "Progress") -> None:
        self._bar, self._task = bar, bar.add_task("", total=None, count="")
        self._expected = self._before = self._done = 0
        self._shown = 0.0

    def expect(self, variants: int) -> None:
        self._expected = variants
        self._bar.update(self._task, total=variants, count=f"0 of {variants}")

    def start(self, name: str) -> None:
        self._before = self._done
        self._bar.update(self._task, description=name)

    def imagined(self, variants: float) -> None:
        self._shown = max(self._before + 0.99 * variants, self._done)
        self._bar.update(self._task, completed=self._shown)

    def finished(self) -> None:
        self._done += 1
        self._shown = max(self._shown, self._done)
        count = f"{self._done} of {self._expected}"
        self._bar.update(self._task, completed=self._shown, count=count)

    def print(self, line: str, *, err: bool) -> None:
        if err or sys.stdout.isatty():  # above the bar
            self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            _echo(line, err=False)

    def ask(self, question: str) -> bool:
        self._bar.stop()
        answer = super().ask(question)
        self._bar.start()
        return answer


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Bar]:
    """A bar on stderr, if that is a terminal and nobody asked for quiet."""
    if quiet or not sys.stderr.isatty():
        yield Bar()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[count]}", markup=False),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield TerminalBar(bar)


class Line:
    """One line that changes; here, where no terminal is, it is printed every half minute."""

    def __init__(self) -> None:
        self._shown = float("-inf")

    def show(self, text: str) -> None:
        """What the line says now."""
        if time.monotonic() - self._shown > 30:
            self._shown = time.monotonic()
            self.print(text)

    def print(self, text: str) -> None:
        """A line that stays, on stderr."""
        typer.echo(text, err=True)


class Silent(Line):
    """Says nothing."""

    def print(self, text: str) -> None:
        pass


class TerminalLine(Line):
    def __init__(self, live: "Live") -> None:
        self._live = live

    def show(self, text: str) -> None:
        from rich.text import Text

        self._live.update(Text(text))

    def print(self, text: str) -> None:
        self._live.console.print(text, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def live_line(quiet: bool) -> Iterator[Line]:
    """A line on stderr that changes, if that is a terminal; none if quiet was asked for."""
    if quiet or not sys.stderr.isatty():
        yield Silent() if quiet else Line()
        return
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(stderr=True), transient=True) as live:
        yield TerminalLine(live)
