"""The program: its commands, gathered from the rooms beside this one."""

from typing import Annotated

import typer

from .. import __version__
from . import models, training, variants
from .options import CONTEXT
from .plain import Plain

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


for command in (
    models.doctor,
    variants.upscale,
    variants.decompress,
    variants.info,
    variants.compare,
    training.train,
    training.export,
    training.evaluate,
):
    app.command(cls=Plain, context_settings=CONTEXT)(command)
app.add_typer(models.app, name="models")
