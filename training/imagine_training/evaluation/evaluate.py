"""Models and a folder of pictures to a table: how near, how well agreeing, how different."""

import hashlib
import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import imagine_cli
from imagine_cli import files, picture
from imagine_cli.errors import ImagineError, ModelError, PictureError
from imagine_cli.evidence import EightBits
from imagine_cli.progress import Bar

from ..folders import check_empty
from ..method import backbones
from . import programs, report
from .programs import Case, CommandError, Contender, Trained
from .report import Report, Table
from .scores import Features, Scores

SIDE = 512  # pictures are cut to this around their middle: ×16 from 32²
SMALLEST = 64  # the feature networks see nothing of less


@dataclass(frozen=True)
class Observed:
    """A picture that models are measured on."""

    name: str
    pixels: EightBits
    sha256: str  # of its file


@dataclass(frozen=True)
class Trial:
    """What is asked."""

    data: Sequence[Path]
    models: Sequence[str]
    task: str
    scales: Sequence[int]
    kernel: str
    qualities: Sequence[int]
    count: int
    wanted: Sequence[str] = ()
    limit: int | None = None
    out: Path | None = None
    offline: bool = False

    @property
    def settings(self) -> Sequence[int]:
        """The scales, or the qualities: each has a table."""
        return self.scales if self.task == "upscale" else self.qualities

    @property
    def levels(self) -> int:
        """How many a model needs for it."""
        return int(math.log2(max(self.scales))) if self.task == "upscale" else 1

    def told(self, setting: int) -> str:
        return f"x{setting}" if self.task == "upscale" else f"quality {setting}"

    def case(self, one: Observed, setting: int) -> Case:
        """The picture, and what is left of it."""
        if self.task == "upscale":
            return programs.shrunk(one.name, one.pixels, setting, self.kernel)
        return programs.coded(one.name, one.pixels, setting)

    def asked(self, *more: str) -> dict[str, Any]:
        """What was asked, and the command that asks it again."""
        words = ["imagine", "evaluate", *more, "--task", self.task]
        words += [word for path in self.data for word in ("--data", str(path))]
        words += [word for model in self.models for word in ("--model", model)]
        if self.task == "upscale":
            words += ["--scale", ",".join(map(str, self.scales)), "--kernel", self.kernel]
        else:
            words += ["--quality", ",".join(map(str, self.qualities))]
        words += ["-n", str(self.count)]
        words += ["--metrics", ",".join(self.wanted)] if self.wanted else []
        words += ["--limit", str(self.limit)] if self.limit else []
        return {
            "command": shlex.join(words),
            "imagine": imagine_cli.__version__,
            "seeds": list(range(self.count)),
        }


def evaluate(trial: Trial, bar: Bar, *, tables: bool = True) -> Report:
    """Print a table for each setting as it is done, if `tables`; all of it is the report.

    A picture that cannot be read, or that a contender fails at, is told in one line and left out.
    With `trial.out` there come `report.json`, `report.md` and a sheet for each picture.
    """
    check_empty(trial.out)
    if trial.task == "upscale" and "plain" in trial.models:
        raise ImagineError("--model plain is for decompress; for upscale: lanczos, bicubic")
    found = [programs.contender(name, offline=trial.offline) for name in trial.models]
    rivals = dict(zip(unique([one.name for one in found]), found, strict=True))
    levels = trial.levels if any(isinstance(one, Trained) for one in found) else 0

    def fetch(nets: list[str]) -> None:
        try:
            backbones.fetch(nets, offline=trial.offline, say=lambda told: bar.print(told, err=True))
        except ModelError as error:
            bar.print(f"{error}, or name it with --networks", err=True)

    figures = Scores(trial.task, trial.count, trial.wanted, levels, fetch)
    for line in figures.left_out:
        bar.print(line, err=True)
    pictures, failures = gathered(trial, SIDE)
    for line in failures:
        bar.print(line, err=True)

    bar.expect(len(trial.settings) * len(pictures) * len(rivals))
    every = []
    for setting in trial.settings:
        table, failed = _measured(trial, setting, pictures, rivals, figures, bar)
        every.append(table)
        failures += failed
        for line in report.lines(table, figures.definitions) if tables else ():
            bar.print(line, err=False)
    found_all = Report(
        asked=trial.asked() | {"largest_side": SIDE},
        definitions=figures.definitions,
        left_out=figures.left_out,
        contenders={name: rival.about() for name, rival in rivals.items()},
        data={one.name: one.sha256 for one in pictures},
        tables=every,
        failures=failures,
    )
    if trial.out:
        report.write(found_all, trial.out)
    return found_all


def _measured(
    trial: Trial,
    setting: int,
    pictures: list[Observed],
    rivals: dict[str, Contender],
    figures: Scores,
    bar: Bar,
) -> tuple[Table, list[str]]:
    """All contenders on all pictures, at one scale or quality; and what failed."""
    table = Table(trial.told(setting))
    failures = []
    looks: dict[str, list[tuple[Features, Features]]] = {name: [] for name in rivals}
    for one in pictures:
        case = trial.case(one, setting)
        seen = figures.sets.look(one.pixels) if figures.want_sets else None
        shown = []
        for name, rival in rivals.items():
            bar.start(f"{name}: {one.name}, {table.setting}")
            try:
                variants = rival.variants(case, trial.count)
            except CommandError as error:
                failures.append(f"{name}: {one.name}, {table.setting}: {error}")
                bar.print(failures[-1], err=True)
                bar.finished()
                continue
            found = figures.of_picture(case, variants) | figures.of_codes(rival, case)
            table.add(name, one.name, found)
            if seen is not None:
                looks[name].append((figures.sets.look(variants[0]), seen))
            shown += [(f"{name} {seed}", variant) for seed, variant in enumerate(variants)]
            bar.finished()
        if trial.out and shown:
            report.write_sheet(case, shown, trial.out / "sheets" / table.setting)
    for name, pairs in looks.items():
        found = figures.sets.compare(pairs)
        table.sets[name] = {key: found[key] for key in found if key in figures.definitions}
        if name in table.pictures and trial.task == "upscale":
            try:
                table.sets[name] |= figures.of_drawings(rivals[name], setting, trial.kernel)
            except CommandError as error:
                failures.append(f"{name}: drawings, {table.setting}: {error}")
                bar.print(failures[-1], err=True)
    return table, failures


def gathered(trial: Trial, side: int) -> tuple[list[Observed], list[str]]:
    """The pictures, cut to size; and a line for each that cannot be had."""
    sources, problems = files.pictures_in(trial.data, "evaluated", recursive=True)
    failures = [f"{path}: {problem}" for path, problem in problems]
    found: list[tuple[str, Observed]] = []
    for source in sources[: trial.limit]:
        path = source.path
        try:
            pixels = _cut(picture.read(path).pixels, side)
        except PictureError as error:
            failures.append(f"{path}: {error}")
            continue
        if min(pixels.shape[:2]) < SMALLEST:
            failures.append(f"{path}: smaller than {SMALLEST} pixels")
            continue
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        found.append((f"{path.parent.name}-{path.stem}", Observed(str(path), pixels, sha256)))
    if not found:
        raise ImagineError("; ".join(failures) or "no pictures: name a folder with --data")
    names = unique([name for name, _ in found])
    return [replace(one, name=name) for name, (_, one) in zip(names, found, strict=True)], failures


def unique(names: list[str]) -> list[str]:
    """The names; one that occurs again is numbered."""
    return [
        name if name not in names[:place] else f"{name}-{names[: place + 1].count(name)}"
        for place, name in enumerate(names)
    ]


def _cut(pixels: EightBits, side: int) -> EightBits:
    """The middle, sides multiples of 16, and `side` at most."""
    height, width = (min(side, length // 16 * 16) for length in pixels.shape[:2])
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return pixels[top : top + height, left : left + width]
