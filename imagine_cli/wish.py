"""What is wanted of every picture of a run."""

import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .seeds import Seed, name, tag


@dataclass(frozen=True)
class Wish:
    task: str  # "upscale" or "decompress"
    scale: int  # 1 for decompress
    kernel: str
    seeds: tuple[Seed, ...]
    keep: int  # so many of the seeds' variants are written: those that differ most
    format: str
    model: str
    mean: bool
    sheet: bool
    gallery: bool
    overwrite: bool
    max_pixels: int

    @property
    def tag(self) -> str:
        """What results are called after."""
        return f"x{self.scale}" if self.task == "upscale" else "decompressed"

    def together(self, what: str = "") -> str:
        """What a result of several variants is called: "sheet", "mean", or "like7-0.3-sheet"."""
        around = tag(self.seeds[0]).rpartition("-")[0]  # nothing, or like7-0.3
        return "-".join(part for part in (around, what) if part)

    def more_like(self, seed: Seed, path: Path, folder: Path) -> str:
        """The command, as a shell understands it, for more variants like one of a picture.

        `folder` is where results of `path` go.
        """
        file = f"./{path}" if str(path).startswith("-") else str(path)
        command = ["imagine", self.task, file, "--like", name(seed), "--spread", "0.3", "-n", "5"]
        if self.task == "upscale":
            command += ["--scale", str(self.scale), "--kernel", self.kernel]
        if self.model != self.task:
            command += ["--model", self.model]
        if folder != path.parent:
            command += ["-o", str(folder)]
        command += ["--format", self.format, "--gallery"]
        return subprocess.list2cmdline(command) if os.name == "nt" else shlex.join(command)
