"""Options, each said once: what it is called, what it takes, and its line of help."""

import shutil
from collections.abc import Callable
from enum import StrEnum
from math import inf
from pathlib import Path
from typing import Annotated

import typer

from ..choices import Format, Kernel, Scale
from ..seeds import LARGEST, SPREAD


class Device(StrEnum):
    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    coreml = "coreml"
    directml = "directml"


def path(text: str) -> Path:
    """Any path but an empty one, which would mean the current folder."""
    if not text:
        raise typer.BadParameter("an empty name is not a file; is a shell variable empty?")
    return Path(text)


# Help in as many columns as the terminal has, within what is read with ease; and -h.
CONTEXT = {
    "help_option_names": ["-h", "--help"],
    "max_content_width": min(shutil.get_terminal_size().columns, 110),
}


def whole(least: int, most: int = LARGEST) -> Callable[[str | int], int]:
    """A whole number within bounds that the help need not spell out."""

    def parse(text: str | int) -> int:
        try:
            number = int(text)
        except ValueError:
            raise typer.BadParameter(f"'{text}' is not a whole number") from None
        if not least <= number <= most:
            bound = f"{least} or more" if number < least else f"{most} or less"
            raise typer.BadParameter(f"{number} is out of range: {bound}")
        return number

    return parse


def number(least: float, most: float = inf) -> Callable[[str | float], float]:
    """Any number within bounds, likewise."""

    def parse(text: str | float) -> float:
        try:
            value = float(text)
        except ValueError:
            raise typer.BadParameter(f"'{text}' is not a number") from None
        if not least <= value <= most:  # nor is nan
            bound = f"{least:g} or more" if most == inf else f"{least:g} to {most:g}"
            raise typer.BadParameter(f"{text} is out of range: {bound}")
        return value

    return parse


def _models(incomplete: str) -> list[str]:
    """Names for the shell to complete: the models that are here."""
    from .. import models

    return [found.name for found in models.known() if found.name.startswith(incomplete)]


# Typer's own checks of a path would end the run for one file.
Paths = Annotated[
    list[Path],
    typer.Argument(
        help="Pictures, or folders of them; - is standard input.",
        metavar="FILE|FOLDER",
        parser=path,
    ),
]
Count = Annotated[
    int,
    typer.Option(
        "-n", "--variants", parser=whole(1), metavar="N", help="How many variants of each picture."
    ),
]
Seed = Annotated[
    int,
    typer.Option(parser=whole(0), metavar="N", help="The first seed; the others count on."),
]
ScaleOf = Annotated[Scale, typer.Option("--scale", help="How many times as wide and high.")]
KernelOf = Annotated[Kernel, typer.Option("--kernel", help="The filter that made the input small.")]
Decompress = Annotated[
    bool,
    typer.Option("--decompress", help="Of JPEGs: enlarge originals, not the artifacts."),
]
OutputFolder = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FOLDER",
        help="Folder for results; else beside the input; - is standard output.",
    ),
]
FormatOf = Annotated[Format, typer.Option("--format", help="All are lossless.")]
ModelName = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME",
        autocompletion=_models,
        help="A folder or file, or user/repo on the Hub.",
    ),
]
Offline = Annotated[bool, typer.Option("--offline", help="Do not contact the Hugging Face Hub.")]
DeviceName = Annotated[
    Device, typer.Option("--device", help="Where to compute; an error if it is not there.")
]
Threads = Annotated[
    int, typer.Option(parser=whole(0), metavar="N", help="CPU threads; 0: one for each core.")
]
Pool = Annotated[
    int | None,
    typer.Option(
        parser=whole(1), metavar="N", help="Draw this many, and keep the -n that differ most."
    ),
]
Like = Annotated[
    str | None,
    typer.Option(
        metavar="SEED",
        help="Around this one: 7, or 7-0.3-2 as in a name; its own seeds are left out.",
    ),
]
Spread = Annotated[
    float | None,
    typer.Option(
        parser=number(0, 1),
        metavar="0…1",
        help=f"How far from --like: 0 is the same, 1 any other; else {SPREAD:g}.",
    ),
]
Gallery = Annotated[
    bool, typer.Option("--gallery", help="Also a page for your browser, to compare and choose.")
]
Mean = Annotated[
    bool,
    typer.Option("--mean", help="Also the mean of the variants: the safest guess, less sharp."),
]
Sheet = Annotated[bool, typer.Option("--sheet", help="Also a contact sheet: input and variants.")]
Json = Annotated[bool, typer.Option("--json", help="A line of JSON for each result: docs/json.md.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace existing results.")]
Strip = Annotated[
    bool,
    typer.Option("--strip", help="Without EXIF, XMP and DPI; the colour profile stays."),
]
Recursive = Annotated[bool, typer.Option("-r", "--recursive", help="Search subfolders too.")]
MaxPixels = Annotated[
    int,
    typer.Option(
        parser=whole(1), metavar="N", help="The largest result to make unasked, in pixels."
    ),
]
Timings = Annotated[
    bool, typer.Option("--timings", help="Also where the time went, on stderr, at the end.")
]
Yes = Annotated[bool, typer.Option("-y", "--yes", help="Do not ask, however large a result is.")]
ShardOf = Annotated[
    str, typer.Option("--shard", metavar="I/N", help="Only part I of N of the files.")
]
Cluster = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="ADDRESS",
        help="Share the files among a Ray cluster: local, auto or ray://…",
    ),
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Only results and errors.")]
