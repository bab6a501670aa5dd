"""One run by command: its options to a preset, training, and a folder that `--model` takes."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from imagine_cli import hub
from imagine_cli.errors import ImagineError, ModelError
from imagine_cli.progress import Line

from ..method.checkpoint import load_state, load_weights
from ..method.presets import Preset
from .books import Standing
from .card import write_card
from .export import export
from .loop import train
from .methods import METHODS, presets
from .options import Options, check_new
from .plan import Plan
from .processes import rank


def run(
    options: Options,
    folders: list[Path],
    out: Path,
    *,
    resume: bool = False,
    device: str = "auto",
    tensorboard: bool = False,
    offline: bool = False,
    line: Line,
) -> Path | None:
    """Train, export, describe. Returns the model's file; None from all processes but the first.

    Raises ImagineError, also where it would write over something.
    """
    go = partial(train, out=out, device=device, tensorboard=tensorboard, offline=offline, line=line)
    before, given = Plan.load(out), options.given()

    if resume and before:
        _check_same(given, folders, before, out)
        if steps := _ended(before, out):
            line.print(
                f"{out}: this run has ended, after {steps} steps; another goes on from it: "
                f"--init {out} --out …"
            )
        else:
            go(
                before.preset,
                [Path(folder) for folder in before.folders],
                init=None if before.init == "none" else Path(before.init),
                seed=before.seed,
                hours=before.hours,
            )
    else:
        check_new(folders, out, resume=resume)
        preset, start = settings(options, offline=offline)
        go(
            preset,
            folders,
            init=start,
            seed=options.seed or 0,
            hours=options.hours,
            precision=options.precision or "auto",
            asked=given,
        )
    if rank() > 0:
        return None
    file = finish(out)
    if file.suffix == ".onnx":
        task = load_weights(out)[1].task
        photo = "photo.jpg" if task == "decompress" else "photo.png"
        line.print(f"try it: imagine {task} {photo} --model {out}")
    return file


def finish(out: Path) -> Path:
    """The card and `model.onnx`, from what else is in a run's folder. Raises ModelError.

    The paper's own network has no ONNX form: its weights are what there is.
    """
    write_card(out)
    own = load_weights(out)[1].network == "hyperrim"
    return out / "model.safetensors" if own else export(out)


def settings(options: Options, *, offline: bool = False) -> tuple[Preset, Path | None]:
    """The preset that the options describe, and the folder of the weights to start from.

    Raises ImagineError: an option has a value that cannot be.
    """
    task, method = options.task or "upscale", options.method or "imle"
    name, offered = options.preset or "compact", presets(method, task)
    options.check()
    _check_heeded(options, method)
    preset = offered[name]
    init = options.init or (task if (method, name) == ("imle", "compact") else "none")
    start = None if init == "none" else _folder(init, offline)
    if start:  # fine-tuning goes on with the network that there is, without a warm start, gentler
        own = load_weights(start)[1]
        if own.task != task:
            raise ModelError(f"the model '{init}' is for {own.task}, not for {task}")
        if own.method != method:
            raise ModelError(f"the model '{init}' goes on with --method {own.method}")
        if name != "compact" and own.levels != preset.levels:
            raise ModelError(f"the model '{init}' is no '{name}': leave out --preset or --init")
        gentle = min(own.learning_rate, offered["compact"].learning_rate / 4)
        preset = replace(own, warm_steps=0, learning_rate=gentle)
    changes: dict[str, Any] = {
        "steps": options.steps,
        "batch": options.batch,
        "learning_rate": options.lr,
        "candidates": _candidates(options.candidates, len(preset.levels)),
        "perceptual": options.nets(),
    }
    given = {field: value for field, value in changes.items() if value is not None}
    return replace(preset, **given), start


def _check_heeded(options: Options, method: str) -> None:
    for name in ("candidates", "perceptual"):
        if name in options.given() and name not in METHODS[method].heeds:
            raise ImagineError(f"--{name}: means nothing to --method {method}")


def _folder(init: str, offline: bool) -> Path:
    """A run's folder, finished or not, or that of any model with weights to go on from."""
    run = Path(init).expanduser()
    return run if (run / "model.safetensors").is_file() else hub.find(init, offline=offline).parent


def _candidates(text: str | None, levels: int) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        counts = tuple(int(word) for word in text.split(","))
    except ValueError:
        counts = ()
    if len(counts) == 1:
        counts *= levels
    if len(counts) != levels or min(counts) < 1:
        raise ImagineError(
            f"--candidates {text}: a number, or {levels} of them, one a level, such as "
            + ",".join("2" * levels)
        )
    return counts


def _ended(before: Plan, out: Path) -> int:
    """The steps of a run that is done; 0 of one that may go on."""
    if not (state := load_state(out)):
        return 0
    standing = Standing.from_state(state["standing"])
    return standing.step if standing.done(before) >= 1 else 0


def _check_same(given: dict[str, Any], folders: list[Path], before: Plan, out: Path) -> None:
    """A run goes on with the settings that it began with; a command that says otherwise is told."""
    for name, value in given.items():
        if value != (began := before.asked.get(name, "the default")):
            raise ImagineError(
                f"{out}: --{name} {value}, but this run began with {began}; leave the option out, "
                f"or begin another run from this one: --init {out} --out …"
            )
    if folders and {str(folder.resolve()) for folder in folders} != set(before.folders):
        raise ImagineError(
            f"{out}: this run began with other pictures, of {', '.join(before.folders)}; leave out "
            "--data"
        )
