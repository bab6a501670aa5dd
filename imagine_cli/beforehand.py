"""What can be seen to fail before anything is computed, and what lies there already."""

import os
from collections.abc import Collection
from pathlib import Path

from . import encode, origin, page
from .errors import OutputError, PictureError
from .origin import Origin
from .request import Request


def there(result: Path, wanted: Origin, *, again: bool = False) -> bool:
    """Whether a result lies already there. `again`: one of other seeds is to be made again.

    Raises OutputError where another file, or a result of other things, has its name.
    """
    if not result.is_file():
        return False
    found = origin.read(result)
    differs = wanted.differs(found) if found else "it does not say what it was made of"
    if found and again and differs == "other seeds":
        return False
    if differs:
        raise OutputError(
            f"{result} exists, made from something else ({differs}): use --overwrite to replace "
            "it, or -o for another folder"
        )
    return True


def check_size(width: int, height: int, request: Request) -> None:
    encode.check_writable_size(width, height, request.output.format)
    most = request.output.max_pixels
    if width * height > most:
        smaller = "a smaller --scale, " if request.scale > 2 else ""
        raise PictureError(
            f"the result would have {width} x {height} pixels, more than --max-pixels "
            f"({most:,}): use {smaller}a larger --max-pixels or --yes"
        )


def check_page(html: Path) -> None:
    """A page of ours is made again when other variants are asked for; another file is not ours."""
    if html.exists() and page.marked(html) is None:
        raise OutputError(
            f"{html} exists and is not a page of variants; move it, or use --overwrite"
        )


def check_results(results: list[Path], inputs: Collection[str]) -> None:
    for result in results:
        if os.path.realpath(result) in inputs:
            raise OutputError(
                f"its result {result} is also an input: choose another folder with -o"
            )
    folder = results[0].parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise OutputError(f"{folder} is not a folder: choose another with -o")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(
            f"cannot write to {folder}: permission denied; choose another folder with -o"
        )
