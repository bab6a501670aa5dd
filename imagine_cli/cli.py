"""The command line: reads arguments, calls the library, prints, and sets the exit code."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from enum import StrEnum
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import __version__, files, models_cli, seeds
from .errors import DeviceError, ImagineError, ModelError
from .exits import FAILED, exit_codes, impatient
from .models_cli import Offline
from .progress import Bar, live_line, progress_bar
from .shards import Shard
from .wish import Wish

if TYPE_CHECKING:  # NumPy and onnxruntime wait until they are needed, so that --help is quick
    from .jobs import Done
    from .model import OnnxModel

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Several plausible originals of a small, or of a JPEG-compressed, picture.",
    epilog="What a variant adds is imagined: it agrees with the file, and proves nothing.",
)
app.add_typer(models_cli.app, name="models")
app.command()(models_cli.doctor)


class Format(StrEnum):
    png = "png"
    webp = "webp"
    tiff = "tiff"


class Kernel(StrEnum):
    box = "box"
    bilinear = "bilinear"
    hamming = "hamming"
    bicubic = "bicubic"
    lanczos = "lanczos"


class Scale(StrEnum):
    x2 = "2"
    x4 = "4"
    x8 = "8"
    x16 = "16"


class Device(StrEnum):
    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    coreml = "coreml"
    directml = "directml"


class TrainingDevice(StrEnum):
    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


class Precision(StrEnum):
    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"


class Task(StrEnum):
    upscale = "upscale"
    decompress = "decompress"


def _path(text: str) -> Path:
    """Any path but an empty one, which would mean the current folder."""
    if not text:
        raise typer.BadParameter("an empty name is no file: is a variable of your shell empty?")
    return Path(text)


# Typer's own checks of a path would end the run for one file.
Paths = Annotated[
    list[Path],
    typer.Argument(help="Pictures, or folders of them.", metavar="FILE|FOLDER…", parser=_path),
]
Count = Annotated[
    int, typer.Option("-n", "--variants", min=1, help="How many variants of each picture.")
]
Seed = Annotated[
    int, typer.Option(min=0, max=2**62, help="The first seed; the other variants count on.")
]
ScaleOf = Annotated[Scale, typer.Option("--scale", help="How many times as wide and high.")]
KernelOf = Annotated[
    Kernel, typer.Option("--kernel", help="The filter by which the input counts as shrunk.")
]
Output = Annotated[
    Path | None, typer.Option("-o", "--output", help="Folder for results; else beside the input.")
]
FormatOf = Annotated[Format, typer.Option("--format", help="All are lossless.")]
ModelName = Annotated[
    str | None, typer.Option("--model", help="A folder or file, or user/repo on the Hub.")
]
DeviceName = Annotated[
    Device, typer.Option("--device", help="Where to compute; one that is absent is an error.")
]
Threads = Annotated[int, typer.Option(min=0, help="CPU threads; 0: one for each core.")]
Pool = Annotated[
    int | None, typer.Option(min=1, help="Draw so many, and keep the -n that differ most.")
]
Like = Annotated[
    str | None,
    typer.Option(metavar="SEED", help="Variants around this one: 7, or 7-0.3-2 as in a name."),
]
Spread = Annotated[
    float | None,
    typer.Option(
        min=0, max=1, show_default="0.3", help="How far from --like: 0 is the same, 1 any other."
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
Json = Annotated[bool, typer.Option("--json", help="One line of JSON on stdout for each variant.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Make existing results again.")]
Recursive = Annotated[
    bool, typer.Option("-r", "--recursive", help="Look into the folders within folders too.")
]
MaxPixels = Annotated[int, typer.Option(min=1, help="The largest result to make, in pixels.")]
ShardOf = Annotated[
    str, typer.Option("--shard", metavar="I/N", help="Only part I of N of the files.")
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Only results and errors.")]
Data = Annotated[
    list[Path], typer.Option("--data", help="A folder of pictures; may be given several times.")
]
TaskName = Annotated[Task, typer.Option("--task", help="What the model is to do.")]


DEFAULT_HOURS = 2.0  # of training, where nothing is said


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


@app.command()
def upscale(
    paths: Paths,
    variants: Count = 3,
    pool: Pool = None,
    seed: Seed = 0,
    like: Like = None,
    spread: Spread = None,
    scale: ScaleOf = Scale.x16,
    kernel: KernelOf = Kernel.bicubic,
    output: Output = None,
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
    drawn = _seeds(seed, variants, pool, like, spread)
    wish = Wish(
        task="upscale",
        scale=int(scale),
        kernel=kernel.value,
        seeds=drawn,
        keep=variants,
        format=format.value,
        model=model or "upscale",
        mean=mean,
        sheet=sheet,
        gallery=gallery,
        overwrite=overwrite,
        max_pixels=max_pixels,
    )
    _run(paths, wish, output, recursive, shard, offline, device, threads, json, quiet)


@app.command()
def decompress(
    paths: Paths,
    variants: Count = 3,
    pool: Pool = None,
    seed: Seed = 0,
    like: Like = None,
    spread: Spread = None,
    output: Output = None,
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
    drawn = _seeds(seed, variants, pool, like, spread)
    wish = Wish(
        task="decompress",
        scale=1,
        kernel="",
        seeds=drawn,
        keep=variants,
        format=format.value,
        model=model or "decompress",
        mean=mean,
        sheet=sheet,
        gallery=gallery,
        overwrite=overwrite,
        max_pixels=max_pixels,
    )
    _run(paths, wish, output, recursive, shard, offline, device, threads, json, quiet)


@app.command()
def info(
    pictures: Annotated[
        list[Path], typer.Argument(help="Results of imagine.", metavar="FILE…", parser=_path)
    ],
) -> None:
    """Tell what results were made of: input, model, seed, scale, kernel, version.

    imagine info photo-x16-7.png
    """
    failed = False
    with exit_codes():
        from . import origin

        for path in pictures:
            if found := origin.read(path):
                typer.echo(json.dumps({"file": str(path)} | asdict(found)))
            else:
                failed = True
                typer.echo(f"{path}: not a result of imagine, or one without its origin", err=True)
    if failed:
        raise typer.Exit(FAILED)


@app.command()
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
        from . import page

        page.compare(pictures, output, overwrite=overwrite)
        typer.echo(output)


@app.command()
def train(
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", help="A folder of pictures; may be given several times."),
    ] = None,
    task: Annotated[
        Task | None, typer.Option(help="What the model is to do; else upscale.")
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="The network and its numbers; else compact.")
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(help="The model to start from, or 'none'; else the bundled one of the task."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the model.")] = Path("runs/mine"),
    steps: Annotated[int | None, typer.Option(min=1, help="How many steps.")] = None,
    hours: Annotated[
        float | None, typer.Option(min=0.001, help="How long, instead; else 2.")
    ] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Pictures a step.")] = None,
    candidates: Annotated[
        str | None, typer.Option(help="Codes drawn before the nearest is kept: 2, or 4,2,2,2.")
    ] = None,
    lr: Annotated[float | None, typer.Option(min=1e-9, help="The highest learning rate.")] = None,
    perceptual: Annotated[
        str | None,
        typer.Option(help="Networks of the distance: vgg, alex, squeeze, several, or none."),
    ] = None,
    device: Annotated[TrainingDevice, typer.Option(help="Where to compute.")] = TrainingDevice.auto,
    precision: Annotated[
        Precision | None, typer.Option(help="Of convolutions; else what is faster here.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of all that is drawn; else 0.")] = None,
    threads: Threads = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --out, bit for bit.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and what it would cost.")
    ] = False,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Figures for TensorBoard too.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Train a model on your own pictures, for --model to use. Needs imagine-cli[train].

    imagine train --data mydir --hours 2 --out runs/mine

    imagine train --resume --out runs/mine
    """
    if not data and not resume:
        raise typer.BadParameter("--data is missing: a folder of pictures to train on")
    if steps and hours:
        raise typer.BadParameter("--steps and --hours: one of them says when it ends")
    with exit_codes(), _extra("training"), live_line(quiet) as line:
        from imagine_training import dry, hardware, run

        options = run.Options(
            task.value if task else None,
            preset,
            init,
            steps,
            hours,
            batch,
            candidates,
            lr,
            perceptual,
            precision.value if precision else None,
            seed,
        )
        if not (steps or hours or resume or dry_run or (preset or "compact") != "compact"):
            options = replace(options, hours=DEFAULT_HOURS)
            line.print(f"no --hours and no --steps: {DEFAULT_HOURS:g} hours; --dry-run estimates")
        hardware.use_threads(threads)
        if dry_run:
            results = list(dry.estimate(options, data or [], device.value, line))
        else:
            file = run.run(
                options,
                data or [],
                out,
                resume=resume,
                device=device.value,
                tensorboard=tensorboard,
                line=line,
            )
            results = [str(file.parent)] if file else []
    for result in results:  # when the line on the terminal is gone
        typer.echo(result)


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="A folder that `imagine train` made.", metavar="RUN")],
) -> None:
    """Make a run's model.onnx and card again from its weights. Needs imagine-cli[train].

    imagine export runs/mine
    """
    with exit_codes(), _extra("exporting"):
        from imagine_training.run import finish

        typer.echo(finish(run))


@app.command()
def evaluate(
    data: Data,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="A model; 'lanczos', 'bicubic' or 'plain'; or another program, as a command with "
            "{input} and {output} (and {seed}). May be given several times."
        ),
    ] = None,
    task: TaskName = Task.upscale,
    scale: ScaleOf = Scale.x16,
    kernel: KernelOf = Kernel.bicubic,
    quality: Annotated[str, typer.Option(help="JPEG qualities, for decompress.")] = "1,5,10,20,40",
    variants: Annotated[int, typer.Option("-n", "--variants", min=1)] = 10,
    metrics: Annotated[
        str, typer.Option(help="Only these figures, such as lpips,psnr,fid; else all.")
    ] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many pictures.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="New folder for report.json, report.md and sheets.")
    ] = None,
    traverse: Annotated[
        bool, typer.Option("--traverse", help="Instead, walk the codes to the observed picture.")
    ] = False,
    steps: Annotated[int, typer.Option(min=1, help="How far, for --traverse.")] = 100,
    networks: Annotated[
        Path | None,
        typer.Option(
            exists=True, file_okay=False, help="Folder of feature networks; or IMAGINE_BACKBONES."
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Measure models: how near, how well agreeing, how different. Needs imagine-cli[train].

    imagine evaluate --data photos/ --model upscale --model lanczos --out report/

    imagine evaluate --data photos/ --scale 4 --model upscale --model 'other {input} -o {output}'
    """
    with exit_codes(), _extra("evaluation"), progress_bar(quiet) as bar:
        if networks:
            os.environ["IMAGINE_BACKBONES"] = str(networks)
        from imagine_training import traversal
        from imagine_training.evaluate import Trial
        from imagine_training.evaluate import evaluate as measure

        plain = [] if traverse else ["lanczos" if task == Task.upscale else "plain"]
        trial = Trial(
            data,
            model or [*plain, task.value],
            task.value,
            int(scale),
            kernel.value,
            _qualities(quality),
            variants,
            [word.strip() for word in metrics.split(",") if word.strip()],
            limit,
            out,
        )
        failed = traversal.traverse(trial, steps, bar) if traverse else measure(trial, bar)
    if failed:
        raise typer.Exit(FAILED)


def _qualities(text: str) -> list[int]:
    try:
        qualities = [int(one) for one in text.split(",")]
    except ValueError:
        qualities = []
    if not qualities or not all(1 <= one <= 100 for one in qualities):
        raise typer.BadParameter(f"a list of 1 to 100, such as 1,5,10, not '{text}'")
    return qualities


@contextmanager
def _extra(what: str) -> Iterator[None]:
    """Without the extra `train`, one line that says how to get it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ImagineError(
            f"{what} needs more packages ({error.name}): pip install 'imagine-cli[train]'"
        ) from None


def _seeds(
    first: int, variants: int, pool: int | None, like: str | None, spread: float | None
) -> tuple[seeds.Seed, ...]:
    """What is drawn, the pool or as many as are kept; or a usage error."""
    if pool is not None and pool < variants:
        raise typer.BadParameter(f"a pool of {pool} is too small for {variants} variants")
    if spread is not None and (like is None or spread != spread):
        raise typer.BadParameter("--spread is a number that goes with --like")
    try:
        around = None if like is None else seeds.named(like)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    return seeds.counted(first, pool or variants, around, 0.3 if spread is None else spread)


def _run(
    paths: list[Path],
    wish: Wish,
    output: Path | None,
    recursive: bool,
    shard: str,
    offline: bool,
    device: Device,
    threads: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """All files, one after another; a bad one is named and does not stop the rest."""
    if output and output.suffix.lower() in files.PICTURES and not output.is_dir():
        raise typer.BadParameter(
            f"'{output}' is called as a picture, and -o names a folder", param_hint="-o"
        )
    try:
        part = Shard.parse(shard)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--shard") from None
    with exit_codes(), progress_bar(quiet) as bar, impatient():
        from . import hub, jobs
        from .model import OnnxModel
        from .origin import Origin

        suffixes = files.JPEGS if wish.task == "decompress" else files.PICTURES
        sources, problems = files.pictures_in(
            paths, wish.tag, output=output, recursive=recursive, suffixes=suffixes
        )
        if len(sources) > 1:  # of many, as *.png names them; one alone is meant
            ours = {source.path for source in sources if _is_result(source.path, wish.task)}
            for path in sorted(ours):
                _warn(bar, path, f"a result of `imagine {wish.task}`, passed over; name it alone")
            sources = [source for source in sources if source.path not in ours]
        inputs = {os.path.realpath(source.path) for source in sources}
        sources = [source for source in sources if part.takes(source.path)]
        problems = [problem for problem in problems if part.takes(problem[0])]
        for path, problem in problems:
            bar.print(f"{path}: {problem}", err=True)
        jpeg = next((one for one in sources if one.path.suffix.lower() in files.JPEGS), None)
        if jpeg and wish.task == "upscale" and not quiet:
            _warn(
                bar, jpeg.path, "a JPEG, and its traces are enlarged too: `imagine decompress` it?"
            )
        written, there, failed = 0, 0, len(problems)
        file = hub.find(wish.model, offline=offline)  # a wrong name is told even if all is done

        checksum = hub.sha256(file)

        def made(source: files.Source) -> Origin:
            return Origin(
                wish.task,
                wish.scale,
                wish.kernel,
                "",
                input_sha256=hub.sha256(source.path),
                model_sha256=checksum,
                input=source.path.name,
                model=wish.model,
                version=__version__,
            )

        @cache
        def model() -> "OnnxModel":
            return OnnxModel(file, device.value, threads)

        drawn = len(wish.seeds) if wish.keep < len(wish.seeds) else 0
        bar.expect(len(sources) * (drawn + wish.keep))
        for source in sources:
            bar.start(source.path.name)
            warn = partial(_warn, bar, source.path)
            try:
                for done in jobs.work(
                    source,
                    wish,
                    inputs,
                    model,
                    partial(made, source),
                    warn=warn,
                    progress=bar.share,
                    drawn=bar.finished,
                ):
                    if done.seed is not None:
                        written += done.agreement is not None
                        there += done.agreement is None
                        bar.finished()
                    if as_json and (done.seed is not None or done.agreement):
                        bar.print(json.dumps(_record(source, done, wish)), err=False)
                    elif not as_json:
                        bar.print(str(done.path), err=False)
            except ImagineError as error:
                if isinstance(error, DeviceError | ModelError) and not model.cache_info().currsize:
                    raise  # there is no model to run: no other file would fare better
                failed += 1
                warn(str(error))
            except MemoryError:
                failed += 1
                warn("not enough memory: try a smaller --scale")
            except BrokenPipeError:
                raise  # nobody reads our results any more
            except Exception as error:  # whatever one file does, the others go on
                failed += 1
                warn(f"failed unexpectedly ({_in_one_line(error)}); please report this file")
        if not quiet:
            device_used = f" on {model().device}" if written else ""
            bar.print(
                f"{written} written{device_used}"
                + (f", {there} there already" if there else "")
                + (f", {failed} failed" if failed else ""),
                err=True,
            )
    if failed:
        raise typer.Exit(FAILED)


def _record(source: files.Source, done: "Done", wish: Wish) -> dict[str, Any]:
    """One variant as `--json` tells it; one that was there already has no agreement."""
    near = done.seed if isinstance(done.seed, seeds.Near) else None
    return {
        "input": str(source.path),
        "output": str(done.path),
        "task": wish.task,
        "model": wish.model,
        "seed": near.seed if near else "mean" if done.seed is None else done.seed,
        **({"like": _told(near.like), "spread": near.spread} if near else {}),
        **({"pool": len(wish.seeds)} if wish.keep < len(wish.seeds) else {}),
        "scale": wish.scale,
        "width": done.width,
        "height": done.height,
        "agreement": done.agreement.as_json() if done.agreement else None,
        "seconds": round(done.seconds, 3),
    }


def _told(seed: seeds.Seed) -> int | str:
    """A seed as JSON has it: a number, or the name of one near another."""
    return seed if isinstance(seed, int) else seeds.name(seed)


def _is_result(path: Path, task: str) -> bool:
    from . import origin

    found = origin.read(path)
    return found is not None and found.task == task


def _in_one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]


def _warn(bar: Bar, path: Path, line: str) -> None:
    bar.print(f"{path}: {line}", err=True)
