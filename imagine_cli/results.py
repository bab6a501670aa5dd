"""What results are called: made here, and read back here.

photo-x16-7.png                  seed 7
photo-x16-like7-0.3-2.png        seed 2 around seed 7, at a spread of 0.3
photo-decompressed-mean.png      of several variants
photo-x16-like7-0.3-sheet.jpg    the contact sheet
photo-x16.html                   the page to compare them on
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .choices import Format, Task
from .seeds import Seed, name


@dataclass(frozen=True)
class Results:
    """Where the results of one picture go: all their names begin with `beginning`."""

    beginning: Path

    def variant(self, seed: Seed, format: str) -> Path:
        return self._called(seed_tag(seed), format)

    def mean(self, seeds: Sequence[Seed], format: str) -> Path:
        return self._called(_together(seeds, "mean"), format)

    def sheet(self, seeds: Sequence[Seed]) -> Path:
        return self._called(_together(seeds, "sheet"), "jpg")

    def page(self, seeds: Sequence[Seed]) -> Path:
        return self._called(_together(seeds), "html")

    @property
    def folder(self) -> Path:
        return self.beginning.parent

    def _called(self, what: str, suffix: str) -> Path:
        stem = f"{self.beginning.name}-{what}" if what else self.beginning.name
        return self.beginning.with_name(f"{stem}.{suffix}")


def task_tag(task: str, scale: int, decompress: bool = False) -> str:
    """What follows the picture's own name: "x16", "decompressed", "decompressed-x16"."""
    done = ("decompressed",) if decompress or task == Task.decompress else ()
    return "-".join((*done, f"x{scale}") if task == Task.upscale else done)


def seed_tag(seed: Seed) -> str:
    """Its name in that of a file, apart from those of plain seeds: `7`, `like7-0.3-2`."""
    return name(seed) if isinstance(seed, int) else f"like{name(seed)}"


def origin(file: str, tag: str) -> str | None:
    """The name or stem of the picture that such a result was made from; None if it is none."""
    task = re.sub(r"\d+", r"\\d+", tag)  # x16 and x8 are the same task
    formats = "|".join(Format)
    kinds = rf"(\d+|mean)\.({formats})|sheet\.jpg"
    result = re.fullmatch(rf"(.+)-{task}-(like[\d.-]+-)?({kinds})", file)
    return result[1] if result else None


def _together(seeds: Sequence[Seed], what: str = "") -> str:
    """For a result of several variants: "sheet", "mean", or "like7-0.3-sheet"."""
    around = seed_tag(seeds[0]).rpartition("-")[0]  # nothing, or like7-0.3
    return "-".join(part for part in (around, what) if part)
