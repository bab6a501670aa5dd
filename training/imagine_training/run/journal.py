"""What a run tells of itself: a table of losses, their curve, previews, TensorBoard if asked."""

import csv
import math
from collections.abc import Iterable
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image

from imagine_cli.errors import ImagineError, install
from imagine_cli.whole import replace_file

from .curve import curve, stacked

COLUMNS = ("step", "seconds", "chosen", "random", "validation", "spread")
PANELS = (("validation", "spread"), ("chosen", "random"))  # of like scale
OLDER = {"fresh": "random", "held_out": "validation"}  # columns, as they were once called

Figure = TypeVar("Figure")


class Journal:
    """Rows of figures, in `losses.csv` and `loss.png`.

    `rows` are those until the step that a resumed run goes on from; what was written after it, and
    is done again, is replaced. Raises ImagineError if TensorBoard is asked for and not installed.
    """

    def __init__(self, out: Path, rows: list[dict[str, float]], tensorboard: bool) -> None:
        self.out, self.rows = out, rows
        step = int(rows[-1]["step"]) + 1 if rows else 0
        self.board = _tensorboard(out, step) if tensorboard else None

    def note(self, **figures: float) -> None:
        """A row: any of COLUMNS."""
        self.rows.append(figures)
        if self.board:
            for name in COLUMNS[2:]:
                if name in figures:
                    self.board.add_scalar(name, figures[name], int(figures["step"]))

    def show(self, preview: Image.Image, step: int) -> None:
        (self.out / "previews").mkdir(exist_ok=True)
        _save(preview, self.out / "previews" / f"step-{step:06d}.png")

    def write(self) -> None:
        text = StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(
            {name: f"{value:.6g}" for name, value in figures.items()} for figures in self.rows
        )
        replace_file(self.out / "losses.csv", lambda file: file.write_text(text.getvalue()))
        _save(stacked([curve(self._points(names)) for names in PANELS]), self.out / "loss.png")

    def _points(self, names: tuple[str, ...]) -> dict[str, list[tuple[float, float]]]:
        series = {
            name.replace("_", " "): [(row["step"], row[name]) for row in self.rows if name in row]
            for name in names
        }
        return {name: points for name, points in series.items() if points}


def last(rows: list[dict[str, float]], name: str) -> float:
    """The last figure of a column; nan where there is none."""
    return next((row[name] for row in reversed(rows) if name in row), math.nan)


def table(out: Path) -> list[dict[str, str]]:
    """The rows of a run's `losses.csv`."""
    with open(out / "losses.csv", newline="") as file:
        return renamed(csv.DictReader(file))


def renamed(rows: Iterable[dict[str, Figure]]) -> list[dict[str, Figure]]:
    """Rows of any version with the columns of this one."""
    return [{OLDER.get(name, name): value for name, value in row.items()} for row in rows]


def _save(image: Image.Image, file: Path) -> None:
    png = BytesIO()
    image.save(png, "PNG")
    replace_file(file, lambda partial: partial.write_bytes(png.getvalue()))


def _tensorboard(out: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ModuleNotFoundError:
        raise ImagineError(f"--tensorboard needs its package: {install('tensorboard')}") from None
    return SummaryWriter(str(out / "tensorboard"), purge_step=step)
