"""The program: its commands, gathered from the rooms beside this one."""

from typing import Annotated

import typer

from .. import __version__
from . import models, training, variants
from .options import CONTEXT

app = typer.Typer(
    no_args_is_help=True,
    context_settings=CONTEXT,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Several plausible originals of a small, or of a JPEG-compressed, picture.",
    epilog="What a variant adds is imagined: it agrees with the file, and proves nothing.",
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"imagine {__version__}")
        raise typer.Exit


@app.callback()
def _imagine(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


app.command(context_settings=CONTEXT)(models.doctor)
app.command(context_settings=CONTEXT)(variants.upscale)
app.command(context_settings=CONTEXT)(variants.decompress)
app.command(context_settings=CONTEXT)(variants.info)
app.command(context_settings=CONTEXT)(variants.compare)
app.command(context_settings=CONTEXT)(training.train)
app.command(context_settings=CONTEXT)(training.export)
app.command(context_settings=CONTEXT)(training.evaluate)
app.add_typer(models.app, name="models")
