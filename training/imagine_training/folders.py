"""Folders that pictures are taken from, and that results are written into."""

from collections.abc import Sequence
from pathlib import Path

from imagine_cli import files
from imagine_cli.errors import ImagineError


def check_pictures(paths: Sequence[Path]) -> None:
    """Raises ImagineError where there is no picture at all."""
    sources, problems = files.pictures_in(paths, "evaluated", recursive=True)
    if not sources:
        raise ImagineError("; ".join(f"{path}: {problem}" for path, problem in problems))


def check_empty(out: Path | None) -> None:
    """Raises ImagineError for a folder that holds something: nothing is overwritten."""
    if out and out.is_file():
        raise ImagineError(f"{out}: a file has this name; choose another --out")
    if out and out.exists() and any(out.iterdir()):
        raise ImagineError(f"{out}: holds something already; choose another --out")
