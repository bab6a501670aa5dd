"""The commands that make variants: `imagine upscale` and `decompress`; and `info` and `compare`."""

import json as json_text
import os
from collections import Counter
from dataclasses import asdict
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import __version__, files, seeds
from ..choices import Format, Kernel, Scale, Task
from ..errors import DeviceError, ImagineError, ModelError
from ..progress import Bar, progress_bar
from ..request import Draw, Output, Request
from ..shards import Shard
from .exits import FAILED, exit_codes, impatient
from .options import (
    Count,
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
    Threads,
    path,
)

if TYPE_CHECKING:  # NumPy and onnxruntime wait until they are needed, so that --help is quick
    from ..jobs import Done
    from ..model import OnnxModel
    from ..origin import Origin


def upscale(
    paths: Paths,
    variants: Count = 3,
    pool: Pool = None,
    seed: Seed = 0,
    like: Like = None,
    spread: Spread = None,
    scale: ScaleOf = Scale.x16,
    kernel: KernelOf = Kernel.bicubic,
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
    recursive: Recursive = False,
    shard: ShardOf = "1/1",
    max_pixels: MaxPixels = 300_000_000,
    quiet: Quiet = False,
) -> None:
    """Enlarge pictures: several plausible originals of each, which all shrink to it.

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
    recursive: Recursive = False,
    shard: ShardOf = "1/1",
    max_pixels: MaxPixels = 300_000_000,
    quiet: Quiet = False,
) -> None:
    """Undo JPEG compression: several plausible originals, which all compress to the same file.

    imagine decompress photo.jpg -n 5     photo-decompressed-0.png to photo-decompressed-4.png

    imagine decompress *.jpg -o originals/ --sheet

    imagine decompress photo.jpg --pool 20 --gallery      the three of 20 that differ most
    """
    _make(Task.decompress, **locals())


def info(
    pictures: Annotated[
        list[Path], typer.Argument(help="Results of imagine.", metavar="FILE…", parser=path)
    ],
) -> None:
    """Tell what results were made of: input, model, seed, scale, kernel, version.

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
                typer.echo(
                    f"{picture}: not a result of imagine, or one whose origin was removed", err=True
                )
    if failed:
        raise typer.Exit(FAILED)


def compare(
    pictures: Annotated[list[Path], typer.Argument(help="Two pictures or more.", metavar="FILE…")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The page.")] = Path(
        "compare.html"
    ),
    overwrite: Overwrite = False,
) -> None:
    """Write a page for your browser that compares pictures of one size.

    imagine compare photo-x16-0.png photo-x16-4.png original.png -o page.html
    """
    if len(pictures) < 2:
        raise typer.BadParameter("give at least two pictures")
    with exit_codes():
        from .. import page

        page.compare(pictures, output, overwrite=overwrite)
        typer.echo(output)


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
    recursive: bool,
    shard: str,
    max_pixels: int,
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
            max_pixels=max_pixels,
        ),
    )
    if output and output.suffix.lower() in files.PICTURES and not output.is_dir():
        raise typer.BadParameter(
            f"'{output}' is the name of a picture, but -o takes a folder", param_hint="-o"
        )
    try:
        part = Shard.parse(shard)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--shard") from None
    with exit_codes(), progress_bar(quiet) as bar, impatient():
        run = _Run(request, bar, json, quiet)
        sources, inputs = run.gather(paths, output, recursive, part)
        run.load(device, threads, offline)
        bar.expect(len(sources) * (request.draw.pool + request.draw.keep))
        for source in sources:
            run.work(source, inputs)
        run.sum_up()
    if run.count["failed"]:
        raise typer.Exit(FAILED)


class _Run:
    """All files, one after another; a bad one is named and does not stop the rest."""

    def __init__(self, request: Request, bar: Bar, as_json: bool, quiet: bool) -> None:
        self.request, self.bar, self.as_json, self.quiet = request, bar, as_json, quiet
        self.count = Counter[str]()  # written, there, failed

    def gather(
        self, paths: list[Path], output: Path | None, recursive: bool, part: Shard
    ) -> tuple[list[files.Source], set[str]]:
        """The pictures to work on, and the real paths of all that are inputs, of other shards too.

        Paths that stand for none are told.
        """
        task = self.request.task
        sources, problems = files.pictures_in(
            paths,
            self.request.tag,
            output=output,
            recursive=recursive,
            suffixes=files.JPEGS if task == Task.decompress else files.PICTURES,
        )
        if len(sources) > 1:  # of many, as *.png names them; one alone is meant
            ours = {source.path for source in sources if _is_result(source.path, task)}
            for file in sorted(ours):
                self.warn(file, f"a result of `imagine {task}`, skipped; give it alone to use it")
            sources = [source for source in sources if source.path not in ours]
        inputs = {os.path.realpath(source.path) for source in sources}
        sources = [source for source in sources if part.takes(source.path)]
        for file, problem in problems:
            if part.takes(file):
                self.fail(file, problem)
        jpeg = next((one for one in sources if one.path.suffix.lower() in files.JPEGS), None)
        if jpeg and task == Task.upscale and not self.quiet:
            self.warn(
                jpeg.path, "JPEG artifacts will be enlarged too; run `imagine decompress` first"
            )
        return sources, inputs

    def load(self, device: Device, threads: int, offline: bool) -> None:
        """Find the model: a wrong name is told even if all is done. It is opened when needed."""
        from .. import hub

        self._file = hub.find(self.request.model, offline=offline)
        self._checksum = hub.sha256(self._file)
        self._device, self._threads = device, threads

    @cached_property
    def model(self) -> "OnnxModel":
        from ..model import OnnxModel

        return OnnxModel(self._file, self._device.value, self._threads)

    def work(self, source: files.Source, inputs: set[str]) -> None:
        """One picture; whatever it does, the others go on."""
        from .. import jobs

        self.bar.start(source.path.name)
        warn = partial(self.warn, source.path)
        try:
            for done in jobs.work(
                source,
                self.request,
                inputs,
                lambda: self.model,
                partial(self._made_of, source),
                warn=warn,
                progress=self.bar.share,
                drawn=self.bar.finished,
            ):
                self._tell(source, done)
        except ImagineError as error:
            if isinstance(error, DeviceError | ModelError) and "model" not in vars(self):
                raise  # there is no model to run: no other file would fare better
            self.fail(source.path, str(error))
        except MemoryError:
            self.fail(source.path, "not enough memory: try a smaller --scale")
        except BrokenPipeError:
            raise  # nobody reads our results any more
        except Exception as error:
            line = f"failed unexpectedly ({_in_one_line(error)}); please report this file"
            self.fail(source.path, line)

    def sum_up(self) -> None:
        if self.quiet:
            return
        written, there, failed = (self.count[word] for word in ("written", "there", "failed"))
        line = f"{written} written"
        line += f" on {self.model.device}" if written else ""
        line += f", {there} already there" if there else ""
        line += f", {failed} failed" if failed else ""
        self.bar.print(line, err=True)

    def warn(self, file: Path, line: str) -> None:
        self.bar.print(f"{file}: {line}", err=True)

    def fail(self, file: Path, line: str) -> None:
        self.count["failed"] += 1
        self.warn(file, line)

    def _tell(self, source: files.Source, done: "Done") -> None:
        """Count a result and print it: its name, or its line of JSON."""
        from ..jobs import Kind

        if done.kind == Kind.variant:
            self.count["written" if done.made else "there"] += 1
            self.bar.finished()
        if not self.as_json:
            self.bar.print(str(done.path), err=False)
        elif done.kind in (Kind.variant, Kind.mean):
            self.bar.print(json_text.dumps(_record(source, done, self.request)), err=False)

    def _made_of(self, source: files.Source) -> "Origin":
        """What results are made of, but for their seeds."""
        from .. import hub
        from ..origin import Origin

        return Origin(
            task=self.request.task,
            scale=self.request.scale,
            kernel=self.request.kernel or "",
            seed="",
            input_sha256=hub.sha256(source.path),
            model_sha256=self._checksum,
            input=source.path.name,
            model=self.request.model,
            version=__version__,
        )


def _draw(
    first: int, variants: int, pool: int | None, like: str | None, spread: float | None
) -> Draw:
    """The pool, or as many as are kept; or a usage error."""
    if pool is not None and pool < variants:
        raise typer.BadParameter(f"--pool {pool} is less than the {variants} variants to keep")
    if spread is not None and (like is None or spread != spread):
        raise typer.BadParameter("--spread is a number and needs --like")
    try:
        around = None if like is None else seeds.named(like)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    spread = seeds.SPREAD if spread is None else spread
    return Draw(seeds.counted(first, pool or variants, around, spread), keep=variants)


def _record(source: files.Source, done: "Done", request: Request) -> dict[str, Any]:
    """One variant as `--json` tells it; one that was already there has no agreement."""
    near = done.seed if isinstance(done.seed, seeds.Near) else None
    return {
        "input": str(source.path),
        "output": str(done.path),
        "task": request.task,
        "model": request.model,
        "seed": near.seed if near else "mean" if done.seed is None else done.seed,
        **({"like": _told(near.like), "spread": near.spread} if near else {}),
        **({"pool": request.draw.pool} if request.draw.pool else {}),
        "scale": request.scale,
        "width": done.width,
        "height": done.height,
        "agreement": done.agreement.as_json() if done.agreement else None,
        "seconds": round(done.seconds, 3),
    }


def _told(seed: seeds.Seed) -> int | str:
    """A seed as JSON has it: a number, or the name of one near another."""
    return seed if isinstance(seed, int) else seeds.name(seed)


def _is_result(path: Path, task: str) -> bool:
    from .. import origin

    found = origin.read(path)
    return found is not None and found.task == task


def _in_one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
