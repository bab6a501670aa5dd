"""The commands that make variants: `imagine upscale` and `decompress`; and `info` and `compare`."""

import json as json_text
from contextlib import nullcontext
from dataclasses import asdict, replace
from math import inf
from pathlib import Path
from typing import Annotated

import typer

from .. import files, seeds
from ..choices import Format, Kernel, Scale, Task
from ..progress import progress_bar
from ..request import MAX_PIXELS, Draw, Output, Request
from ..shards import Shard
from ..timings import measured
from . import records, streams
from .exits import FAILED, exit_codes, impatient
from .options import (
    Cluster,
    Count,
    Decompress,
    Device,
    DeviceName,
    FormatOf,
    Gallery,
    Json,
    KernelOf,
    Like,
    MaxPixels,
    Mean,
    ModelName,
    Offline,
    OutputFolder,
    Overwrite,
    Paths,
    Pool,
    Quiet,
    Recursive,
    ScaleOf,
    Seed,
    ShardOf,
    Sheet,
    Spread,
    Strip,
    Threads,
    Timings,
    Yes,
    path,
)
from .run import Run


def upscale(
    paths: Paths,
    variants: Count = 3,
    pool: Pool = None,
    seed: Seed = 0,
    like: Like = None,
    spread: Spread = None,
    scale: ScaleOf = Scale.x16,
    kernel: KernelOf = Kernel.bicubic,
    decompress: Decompress = False,
    output: OutputFolder = None,
    format: FormatOf = Format.png,
    model: ModelName = None,
    offline: Offline = False,
    device: DeviceName = Device.auto,
    threads: Threads = 0,
    mean: Mean = False,
    sheet: Sheet = False,
    gallery: Gallery = False,
    json: Json = False,
    overwrite: Overwrite = False,
    strip: Strip = False,
    recursive: Recursive = False,
    shard: ShardOf = "1/1",
    ray: Cluster = None,
    max_pixels: MaxPixels = MAX_PIXELS,
    yes: Yes = False,
    timings: Timings = False,
    quiet: Quiet = False,
) -> None:
    """Enlarge pictures: several plausible originals of each, which all shrink to it.

    \b
    imagine upscale photo.png -n 5        five enlargements, photo-x16-0.png to photo-x16-4.png
    imagine upscale photo.png -n 5 --pool 40 --gallery    the five of 40 that differ most
    imagine upscale photo.png --like 7 --spread 0.3       more like photo-x16-7.png
    imagine upscale holiday/ --scale 4 -o big/ --sheet
    """
    _make(Task.upscale, **locals())


def decompress(
    paths: Paths,
    variants: Count = 3,
    pool: Pool = None,
    seed: Seed = 0,
    like: Like = None,
    spread: Spread = None,
    output: OutputFolder = None,
    format: FormatOf = Format.png,
    model: ModelName = None,
    offline: Offline = False,
    device: DeviceName = Device.auto,
    threads: Threads = 0,
    mean: Mean = False,
    sheet: Sheet = False,
    gallery: Gallery = False,
    json: Json = False,
    overwrite: Overwrite = False,
    strip: Strip = False,
    recursive: Recursive = False,
    shard: ShardOf = "1/1",
    ray: Cluster = None,
    max_pixels: MaxPixels = MAX_PIXELS,
    yes: Yes = False,
    timings: Timings = False,
    quiet: Quiet = False,
) -> None:
    """Undo JPEG compression: several plausible originals, which all compress to the same file.

    \b
    imagine decompress photo.jpg -n 5     photo-decompressed-0.png to photo-decompressed-4.png
    imagine decompress *.jpg -o originals/ --sheet
    imagine decompress photo.jpg --pool 20 --gallery      the three of 20 that differ most
    """
    _make(Task.decompress, **locals())


def info(
    pictures: Annotated[
        list[Path], typer.Argument(help="Results of imagine.", metavar="FILE", parser=path)
    ],
) -> None:
    """Tell what results were made of: input, model, seed, scale, kernel, version.

    \b
    imagine info photo-x16-7.png
    """
    failed = False
    with exit_codes():
        from .. import origin

        for picture in pictures:
            if found := origin.read(picture):
                typer.echo(json_text.dumps({"file": str(picture)} | asdict(found)))
            else:
                failed = True
                wrong = "not a result of imagine, or one whose origin was removed"
                typer.echo(f"{picture}: {wrong if picture.is_file() else 'no such file'}", err=True)
    if failed:
        raise typer.Exit(FAILED)


def compare(
    pictures: Annotated[list[Path], typer.Argument(help="Two pictures or more.", metavar="FILE")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="PAGE", help="The page.")
    ] = Path("compare.html"),
    json: Json = False,
    overwrite: Overwrite = False,
) -> None:
    """Write a page for your browser that compares pictures of one size.

    \b
    imagine compare photo-x16-0.png photo-x16-4.png original.png -o page.html
    """
    if len(pictures) < 2:
        raise typer.BadParameter("give at least two pictures")
    if output.suffix.lower() in files.PICTURES:
        raise typer.BadParameter(f"'{output}' is the name of a picture, but -o is a page, .html")
    with exit_codes(json):
        from .. import page

        page.compare(pictures, output, overwrite=overwrite)
        typer.echo(records.page(output, pictures) if json else output)


def _make(
    task: Task,
    *,
    paths: list[Path],
    variants: int,
    pool: int | None,
    seed: int,
    like: str | None,
    spread: float | None,
    scale: Scale | None = None,
    kernel: Kernel | None = None,
    decompress: bool = False,
    output: Path | None,
    format: Format,
    model: str | None,
    offline: bool,
    device: Device,
    threads: int,
    mean: bool,
    sheet: bool,
    gallery: bool,
    json: bool,
    overwrite: bool,
    strip: bool,
    recursive: bool,
    shard: str,
    ray: str | None,
    max_pixels: int,
    yes: bool,
    timings: bool,
    quiet: bool,
) -> None:
    """Both commands, from their options as they were given."""
    request = Request(
        task=task,
        scale=int(scale or 1),
        kernel=kernel,
        model=model or task,
        draw=_draw(seed, variants, pool, like, spread),
        output=Output(
            format=format,
            mean=mean,
            sheet=sheet,
            page=gallery,
            overwrite=overwrite,
            strip=strip,
            max_pixels=inf if yes else max_pixels,
        ),
        decompress=decompress,
    )
    if decompress and mean:
        raise typer.BadParameter(
            "no --mean of --decompress: each variant is of another original", param_hint="--mean"
        )
    if output and output.suffix.lower() in files.PICTURES and not output.is_dir():
        raise typer.BadParameter(
            f"'{output}' is the name of a picture, but -o takes a folder", param_hint="-o"
        )
    try:
        part = Shard.parse(shard)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--shard") from None
    streams.check(paths, output, request, json)
    if ray is not None:
        if timings or streams.DASH in [*paths, output]:
            raise typer.BadParameter("it goes with neither - nor --timings", param_hint="--ray")
        # A task has the core, or the GPU, that it asks for.
        device, threads = Device.cpu if device == Device.auto else device, threads or 1
    with (
        exit_codes(json),
        progress_bar(quiet) as bar,
        impatient(),
        measured() if timings else nullcontext() as watch,
        streams.opened(paths, output) as (pictures, folder),
    ):
        run = Run(request, bar, as_json=json, to_stdout=output == streams.DASH, quiet=quiet)
        sources, inputs = run.gather(pictures, folder, recursive, part)
        if pictures != paths:
            sources = [replace(source, named=streams.DASH) for source in sources]
        run.ask(sources)
        run.load(device.value, threads, offline)
        bar.expect(len(sources) * request.draw.imagined)
        if ray is not None:
            run.spread(sources, inputs, ray)
        else:
            run.work(sources, inputs)
        run.sum_up()
    for line in watch.lines() if watch else ():
        typer.echo(line, err=True)
    if run.count["failed"]:
        raise typer.Exit(FAILED)


def _draw(
    first: int, variants: int, pool: int | None, like: str | None, spread: float | None
) -> Draw:
    """The pool, or as many as are kept; or a usage error."""
    if pool is not None and pool < variants:
        raise typer.BadParameter(f"--pool {pool} is less than the {variants} variants to keep")
    if spread is not None and like is None:
        raise typer.BadParameter("--spread needs --like")
    try:
        around = None if like is None else seeds.named(like)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    spread = seeds.SPREAD if spread is None else spread
    if around is not None and spread == 0:  # all of them would be the one that is liked
        pool = variants = 1
    return Draw(seeds.counted(first, pool or variants, around, spread), keep=variants)
