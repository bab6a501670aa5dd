"""Folders that results are written into."""

from pathlib import Path

from imagine_cli.errors import ImagineError


def check_empty(out: Path | None) -> None:
    """Raises ImagineError for a folder that holds something: nothing is overwritten."""
    if out and out.exists() and any(out.iterdir()):
        raise ImagineError(f"{out}: holds something already; choose another --out")
