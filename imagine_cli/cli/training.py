"""Training and measuring: `imagine train`, `export` and `evaluate`, with the extra packages."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from ..choices import Kernel, Scale, Task
from ..errors import ImagineError, install
from ..progress import live_line, progress_bar
from . import records
from .exits import FAILED, exit_codes
from .options import Json, KernelOf, Quiet, Threads, number, whole

OfflineNetworks = Annotated[
    bool, typer.Option("--offline", help="Do not fetch feature networks or models.")
]
DEFAULT_HOURS = 2.0  # of training, where nothing is said


class TrainingDevice(StrEnum):
    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


class Precision(StrEnum):
    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"


def train(
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", metavar="FOLDER", help="Pictures; may be given several times."),
    ] = None,
    task: Annotated[
        Task | None, typer.Option(help="What the model is to do; else upscale.")
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="How: imle, or a rival: srim, esrgan, pix2pix, regression; else imle.",
        ),
    ] = None,
    preset: Annotated[
        str | None, typer.Option(metavar="NAME", help="The network and its numbers; else compact.")
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The model to start from, or 'none'; else the task's bundled one (of imle).",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder for the model.")] = Path(
        "runs/mine"
    ),
    steps: Annotated[
        int | None, typer.Option(parser=whole(1), metavar="N", help="How many.")
    ] = None,
    hours: Annotated[
        float | None,
        typer.Option(parser=number(0.001), metavar="H", help="How long, instead; else 2."),
    ] = None,
    batch: Annotated[
        int | None, typer.Option(parser=whole(1), metavar="N", help="Pictures.")
    ] = None,
    candidates: Annotated[
        str | None,
        typer.Option(metavar="M", help="Codes drawn before the nearest is kept: 2, or 4,2,2,2."),
    ] = None,
    lr: Annotated[
        float | None,
        typer.Option(parser=number(1e-9), metavar="RATE", help="The highest learning rate."),
    ] = None,
    perceptual: Annotated[
        str | None,
        typer.Option(
            metavar="NETS", help="Networks of the distance: vgg, alex, squeeze, several, or none."
        ),
    ] = None,
    device: Annotated[TrainingDevice, typer.Option(help="Where to compute.")] = TrainingDevice.auto,
    precision: Annotated[
        Precision | None, typer.Option(help="Of convolutions; else what is faster here.")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(parser=whole(0), metavar="N", help="Of all that is drawn; else 0."),
    ] = None,
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
    offline: OfflineNetworks = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a model on your own pictures, for --model to use. Needs the extra train.

    \b
    imagine train --data mydir --hours 2 --out runs/mine
    imagine train --resume --out runs/mine
    """
    if not data and not resume:
        raise typer.BadParameter("--data is missing: a folder of pictures to train on")
    if steps and hours:
        raise typer.BadParameter("--steps and --hours: one of them says when it ends")
    with exit_codes(json), _extra("training"), live_line(quiet) as line:
        from imagine_training.run.options import Options, check_new

        options = Options(
            task=task.value if task else None,
            method=method,
            preset=preset,
            init=init,
            steps=steps,
            hours=hours,
            batch=batch,
            candidates=candidates,
            lr=lr,
            perceptual=perceptual,
            precision=precision.value if precision else None,
            seed=seed,
        )
        options.check()
        if not dry_run:
            check_new(data or [], out, resume=resume)
        if tensorboard and not find_spec("tensorboard"):
            raise ImagineError(f"--tensorboard needs its package: {install('tensorboard')}")

        from imagine_training.run import command, dry, hardware  # torch, which takes seconds

        if not (steps or hours or resume or (preset or "compact") != "compact"):
            options = replace(options, hours=DEFAULT_HOURS)
            if not dry_run:
                line.print(f"no --hours, no --steps: {DEFAULT_HOURS:g} hours; --dry-run estimates")
        hardware.use_threads(threads)
        if dry_run:
            told = dry.estimate(options, data or [], device.value, line, offline=offline)
            results = [records.line("estimate", "there", lines=told)] if json else told
        else:
            file = command.run(
                options,
                data or [],
                out,
                resume=resume,
                device=device.value,
                tensorboard=tensorboard,
                offline=offline,
                line=line,
            )
            results = [_trained(file, json)] if file else []
    for result in results:  # when the line on the terminal is gone
        typer.echo(result)


def _trained(file: Path, as_json: bool) -> str:
    """How a run's model is told."""
    folder = str(file.parent)
    return records.line("run", "written", output=folder, file=str(file)) if as_json else folder


def export(
    run: Annotated[Path, typer.Argument(help="A folder that `imagine train` made.", metavar="RUN")],
) -> None:
    """Make a run's model.onnx and card again from its weights. Needs the extra train.

    \b
    imagine export runs/mine
    """
    with exit_codes(), _extra("exporting"):
        from imagine_training.run.command import finish

        typer.echo(finish(run))


def evaluate(
    data: Annotated[
        list[Path],
        typer.Option("--data", metavar="FOLDER", help="Pictures; may be given several times."),
    ],
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A model; 'lanczos', 'bicubic' or 'plain'; or another program, as a command with "
            "{input} and {output} (and {seed}). May be given several times.",
        ),
    ] = None,
    task: Annotated[Task, typer.Option("--task", help="What the model is to do.")] = Task.upscale,
    scale: Annotated[str, typer.Option(metavar="LIST", help="For upscale: 2, 4, 8, 16.")] = "16",
    kernel: KernelOf = Kernel.bicubic,
    quality: Annotated[
        str, typer.Option(metavar="LIST", help="JPEG qualities, for decompress.")
    ] = "1,5,10,20,40",
    variants: Annotated[
        int, typer.Option("-n", "--variants", parser=whole(1), metavar="N", help="Of each picture.")
    ] = 10,
    metrics: Annotated[
        str, typer.Option(metavar="LIST", help="Only these figures, such as lpips,fid; else all.")
    ] = "",
    limit: Annotated[
        int | None, typer.Option(parser=whole(1), metavar="N", help="Only so many pictures.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="New folder for report.json, report.md and sheets."),
    ] = None,
    traverse: Annotated[
        bool, typer.Option("--traverse", help="Instead, walk the codes to the observed picture.")
    ] = False,
    steps: Annotated[
        int, typer.Option(parser=whole(1), metavar="N", help="How far, for --traverse.")
    ] = 100,
    networks: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            metavar="FOLDER",
            help="Folder of feature networks; or IMAGINE_BACKBONES.",
        ),
    ] = None,
    offline: OfflineNetworks = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure models: how near, how well agreeing, how different. Needs the extra train.

    \b
    imagine evaluate --data photos/ --model upscale --model lanczos --out report/
    imagine evaluate --data photos/ --scale 4,16 --model upscale --model 'other {input} -o {output}'
    """
    with exit_codes(json), _extra("evaluation"), progress_bar(quiet) as bar:
        if networks:
            os.environ["IMAGINE_BACKBONES"] = str(networks)
        scales, qualities = _scales(scale), _qualities(quality)

        from imagine_training.folders import check_empty, check_pictures

        check_pictures(data)
        check_empty(out)

        from imagine_training.evaluation import traversal  # torch, which takes seconds
        from imagine_training.evaluation.evaluate import Trial
        from imagine_training.evaluation.evaluate import evaluate as measure

        plain = [] if traverse else ["lanczos" if task == Task.upscale else "plain"]
        trial = Trial(
            data=data,
            models=model or [*plain, task.value],
            task=task.value,
            scales=scales,
            kernel=kernel.value,
            qualities=qualities,
            count=variants,
            wanted=[word.strip() for word in metrics.split(",") if word.strip()],
            limit=limit,
            out=out,
            offline=offline,
        )
        if traverse:
            report = traversal.traverse(trial, steps, bar, tables=not json)
        else:
            report = measure(trial, bar, tables=not json)
        if json:
            bar.print(records.line("report", "written", **report.as_json()), err=False)
    if report.failures:
        raise typer.Exit(FAILED)


def _qualities(text: str) -> list[int]:
    if not (qualities := _numbers(text)) or not all(1 <= one <= 100 for one in qualities):
        raise typer.BadParameter(f"--quality: a list of 1 to 100, such as 1,5,10, not '{text}'")
    return qualities


def _scales(text: str) -> list[int]:
    offered = [int(one) for one in Scale]
    if not (scales := _numbers(text)) or not set(scales) <= set(offered):
        raise typer.BadParameter(f"--scale: some of {', '.join(map(str, offered))}, not '{text}'")
    return scales


def _numbers(text: str) -> list[int]:
    """Each once, in the order given; none of a text that is no list of numbers."""
    try:
        return list(dict.fromkeys(int(one) for one in text.split(",")))
    except ValueError:
        return []


@contextmanager
def _extra(what: str) -> Iterator[None]:
    """Without the extra `train`, one line that says how to get it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ImagineError(
            f"{what} needs more packages ({error.name}): {install('train')}"
        ) from None
