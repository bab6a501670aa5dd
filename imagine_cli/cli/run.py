"""A run over many files: what is told of each, and counted."""

import os
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import partial
from math import inf, prod
from pathlib import Path
from typing import TYPE_CHECKING

from .. import files
from ..choices import Task
from ..errors import ImagineError
from ..progress import Bar
from ..request import Request
from ..shards import Shard
from . import records, streams

if TYPE_CHECKING:  # NumPy and onnxruntime wait until they are needed, so that --help is quick
    from ..turns import Event

LONG = 30  # seconds of a picture's turn that are told beforehand
SURE = 1  # second of work that an estimate is made from
BYTES = 3  # a pixel, at most: PNG and WebP take less


class Run:
    """All files; a bad one is named and does not stop the rest."""

    def __init__(
        self, request: Request, bar: Bar, *, as_json: bool, to_stdout: bool, quiet: bool
    ) -> None:
        self.request, self.bar, self.quiet = request, bar, quiet
        self.as_json, self.to_stdout = as_json, to_stdout
        self.count = Counter[str]()  # written, there, failed

    def gather(
        self, paths: list[Path], output: Path | None, recursive: bool, part: Shard
    ) -> tuple[list[files.Source], set[str]]:
        """The pictures to work on, and the real paths of all that are inputs, of other shards too.

        Paths that stand for none are told.
        """
        task = self.request.task
        sources, problems = files.pictures_in(
            paths,
            self.request.tag,
            output=output,
            recursive=recursive,
            suffixes=files.JPEGS if Task.decompress in self.request.tasks else files.PICTURES,
        )
        if len(sources) > 1:  # of many, as *.png names them; one alone is meant
            ours = {source.path for source in sources if _is_result(source.path, task)}
            for file in sorted(ours):
                self.warn(file, f"a result of `imagine {task}`, skipped; give it alone to use it")
            sources = [source for source in sources if source.path not in ours]
        inputs = {os.path.realpath(source.path) for source in sources}
        sources = [source for source in sources if part.takes(source.path)]
        for file, problem in problems:
            if part.takes(file):
                self.fail(file, problem)
        jpeg = next((one for one in sources if one.path.suffix.lower() in files.JPEGS), None)
        if jpeg and self.request.tasks == (Task.upscale,) and not self.quiet:
            self.warn(jpeg.path, "JPEG artifacts will be enlarged too; add --decompress")
        return sources, inputs

    def ask(self, sources: list[files.Source]) -> None:
        """About results above --max-pixels: once, before anything is made."""
        from .. import picture

        output, large = self.request.output, []
        for source in sources:
            with suppress(ImagineError):  # told when its turn comes
                width, height = (side * self.request.scale for side in picture.size(source.path))
                if width * height > output.max_pixels:
                    large.append((width, height))
        if not large:
            return
        width, height = max(large, key=prod)
        megabytes = self.request.draw.keep * sum(map(prod, large)) * BYTES / 1e6
        question = (
            f"large results: {len(large) * self.request.draw.keep} above {output.max_pixels:,} "
            f"pixels, up to {width} x {height}, {megabytes:,.0f} MB in all; make them?"
        )
        if self.bar.ask(question):
            self.request = replace(self.request, output=replace(output, max_pixels=inf))

    def load(self, device: str, threads: int, offline: bool) -> None:
        """Find the models. Each is opened when it is needed."""
        from ..turns import Worker

        self.worker = Worker(self.request, device, threads, offline)

    def work(self, sources: list[files.Source], inputs: set[str]) -> None:
        """All pictures, one after another."""
        for source in sources:
            self.bar.start(source.path.name)
            self.worker.turn(
                source,
                inputs,
                partial(self._tell, source),
                progress=Estimate(self.request, source, self.bar, self.quiet),
                drawn=self.bar.finished,
            )

    def spread(self, sources: list[files.Source], inputs: set[str], cluster: str) -> None:
        """All pictures, on a Ray cluster; each is told when all of it is done."""
        from ..cluster import turns

        with closing(turns(cluster, self.worker, sources, inputs)) as done:
            for source, events in done:
                self.bar.start(source.path.name)
                for _ in range(self.request.draw.pool):
                    self.bar.finished()
                for event in events:
                    self._tell(source, event)

    def sum_up(self) -> None:
        if self.quiet:
            return
        written, there, failed = (self.count[word] for word in ("written", "there", "failed"))
        line = f"{written} written"
        models = self.worker.models
        line += f" on {models[self.request.task].device}" if self.request.task in models else ""
        line += f", {there} already there" if there else ""
        line += f", {failed} failed" if failed else ""
        self.bar.print(line, err=True)

    def warn(self, file: Path, line: str) -> None:
        self.bar.print(f"{file}: {line}", err=True)

    def fail(self, file: Path, line: str) -> None:
        self.count["failed"] += 1
        self.warn(file, line)
        if self.as_json:
            self.bar.print(records.failure(file, line), err=False)

    def _tell(self, source: files.Source, event: "Event") -> None:
        """Count a result and print it: its name, or its line of JSON."""
        from ..jobs import Kind
        from ..turns import Failed, Warned

        if isinstance(event, Warned):
            self.warn(source.named, event.line)
            return
        if isinstance(event, Failed):
            self.fail(source.named, event.line)
            return
        self.count["written" if event.made else "there"] += 1
        if event.kind == Kind.variant:
            self.bar.finished()
        if self.to_stdout:
            streams.copy_out(event.path)
        elif self.as_json:
            self.bar.print(records.result(source, event, self.request), err=False)
        else:
            self.bar.print(str(event.path), err=False)


@dataclass
class Estimate:
    """Hands progress on to the bar; says once how long a long turn takes, and what it writes."""

    request: Request
    source: files.Source
    bar: Bar
    quiet: bool
    _first: tuple[float, float] | None = None
    """When progress was first made, and how much: what came before is loading."""
    _told: bool = False

    def __call__(self, imagined: float) -> None:
        self.bar.imagined(imagined)
        if self._told or self.quiet:
            return
        now = time.monotonic()
        began, before = self._first = self._first or (now, imagined)
        seconds, done = now - began, imagined - before
        if seconds < SURE or done <= 0:
            return
        self._told = True
        draw = self.request.draw
        left = seconds / done * draw.imagined
        if left > LONG:
            from .. import picture

            width, height = (side * self.request.scale for side in picture.size(self.source.path))
            megabytes = draw.keep * width * height * BYTES / 1e6
            chosen = f", chosen from {draw.pool}" if draw.pool else ""
            self.bar.print(
                f"{self.source.named}: {draw.keep} of {width} x {height} pixels{chosen}, up to "
                f"{megabytes:,.0f} MB; about {_span(left)}",
                err=True,
            )


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{seconds / 3600:.1f} h"


def _is_result(path: Path, task: str) -> bool:
    from .. import origin

    found = origin.read(path)
    return found is not None and found.task == task
