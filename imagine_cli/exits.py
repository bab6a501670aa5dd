"""How a command ends: its exit codes, and one line for what ends it early."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from .errors import ImagineError

FAILED, INTERRUPTED = 1, 130


@contextmanager
def exit_codes() -> Iterator[None]:
    """What cannot be mended by going on to the next file ends the run, in one line."""
    try:
        yield
    except ImagineError as error:
        typer.echo(f"imagine: {error}", err=True)
        raise typer.Exit(FAILED) from None
    except KeyboardInterrupt:
        typer.echo("interrupted; what is written is whole", err=True)
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:  # whoever read our results has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(FAILED) from None
