"""What is asked of every picture of a run."""

import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .choices import Format, Kernel, Task
from .results import task_tag
from .seeds import SPREAD, Seed, name

MAX_PIXELS = 500_000_000
"""Of a result that is made unasked."""


@dataclass(frozen=True)
class Draw:
    """Which variants: those of all `seeds`, or the `keep` of them that differ most."""

    seeds: tuple[Seed, ...]
    keep: int

    @property
    def pool(self) -> int:
        """How many are drawn to choose from; 0 where all are kept."""
        return len(self.seeds) if self.keep < len(self.seeds) else 0

    @property
    def imagined(self) -> int:
        """How many are imagined of each picture: those of the pool that are kept, twice."""
        return self.pool + self.keep


@dataclass(frozen=True)
class Output:
    """What is written, and in which format."""

    format: Format = Format.png
    mean: bool = False
    sheet: bool = False
    page: bool = False
    overwrite: bool = False
    strip: bool = False  # metadata
    max_pixels: float = MAX_PIXELS


@dataclass(frozen=True)
class Request:
    task: Task
    scale: int  # 1 for decompress
    kernel: Kernel | None  # None for decompress
    model: str
    draw: Draw
    output: Output
    decompress: bool = False  # what is enlarged is a JPEG, and is decompressed first

    @property
    def tasks(self) -> tuple[Task, ...]:
        """For which a model is needed."""
        return (Task.decompress, Task.upscale) if self.decompress else (self.task,)

    @property
    def tag(self) -> str:
        """What the names of results have after the picture's own."""
        return task_tag(self.task, self.scale, self.decompress)

    def more_like(self, seed: Seed, path: Path, folder: Path) -> str:
        """The command, as a shell understands it, for more variants like one of a picture.

        `folder` is where results of `path` go.
        """
        option = str(path).startswith("-") and str(path) != "-"  # which is standard input
        file = f"./{path}" if option else str(path)
        command = ["imagine", self.task, file, "--like", name(seed), "--spread", f"{SPREAD:g}"]
        command += ["-n", "5"]
        if self.decompress:
            command += ["--decompress"]
        if self.kernel:
            command += ["--scale", str(self.scale), "--kernel", self.kernel]
        if self.model != self.task:
            command += ["--model", self.model]
        if folder != path.parent:
            command += ["-o", str(folder)]
        command += ["--format", self.output.format, "--gallery"]
        return subprocess.list2cmdline(command) if os.name == "nt" else shlex.join(command)
