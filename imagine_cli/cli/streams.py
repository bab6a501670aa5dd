"""`-` in place of a file: a picture from standard input, a result to standard output."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import typer

from ..request import Request
from ..whole import whole

DASH = Path("-")


def check(paths: list[Path], output: Path | None, request: Request, as_json: bool) -> None:
    """Raises BadParameter where a stream is asked for what it cannot take."""
    if DASH in paths:
        if len(paths) > 1:
            raise typer.BadParameter("'-' is one picture, from standard input: give it alone")
        if sys.stdin.isatty():
            raise typer.BadParameter("'-' reads standard input: cat photo.png | imagine …")
    if output == DASH:
        also = request.output.mean or request.output.sheet or request.output.page or as_json
        if request.draw.keep > 1 or also or len(paths) > 1 or paths[0].is_dir():
            raise typer.BadParameter(
                "'-' writes one variant of one picture to standard output: use -n 1, and neither "
                "--mean, --sheet, --gallery nor --json",
                param_hint="-o",
            )
        if sys.stdout.isatty():
            raise typer.BadParameter("'-' writes a file's bytes: … > big.png", param_hint="-o")


@contextmanager
def opened(paths: list[Path], output: Path | None) -> Iterator[tuple[list[Path], Path | None]]:
    """Files and a folder in place of `-`, as long as the block lasts."""
    if DASH not in paths and output != DASH:
        yield paths, output
        return
    with TemporaryDirectory() as folder:
        if DASH in paths:
            with whole(Path(folder, "stdin")) as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
            paths, output = [Path(folder, "stdin")], output or Path()
        yield paths, Path(folder, "stdout") if output == DASH else output


def copy_out(file: Path) -> None:
    """A file's bytes to standard output. Raises BrokenPipeError if nobody takes them."""
    try:
        with open(file, "rb") as result:
            shutil.copyfileobj(result, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except OSError as error:
        raise BrokenPipeError from error
