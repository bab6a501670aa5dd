"""Training: draw, make the method's loss smaller, average; and the run around that step."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from imagine_cli.progress import Line, Silent

from ..method.checkpoint import load_weights
from ..method.data import smallest_crop
from ..method.presets import Preset
from . import distributed
from .books import Books, Standing
from .hardware import device_called
from .learner import Learner, rate
from .pictures import Pictures
from .plan import planned
from .processes import rank
from .stopping import stopping
from .validate import fetch_networks


def train_step(
    learner: Learner, pictures: list[NDArray[np.uint8]], step: int, done: float
) -> tuple[Tensor, bool]:
    """One step of a method, of ours that of algorithm 1 (`method/imle.py`).

    The loss of each level, and whether it was finite: else nothing is learnt.
    """

    def losses(part: range) -> Tensor:  # (levels, n): of as many pictures as memory holds
        return learner.method.losses(learner.draw(pictures, step, part))

    loss = learner.pull(losses)
    finite = learner.descend(loss, rate(learner.preset, step, done))
    if finite:
        learner.average.update(learner.network, step)
    return loss.cpu(), finite


def train(
    preset: Preset,
    folders: list[Path],
    out: Path,
    *,
    init: Path | None = None,
    seed: int = 0,
    hours: float | None = None,
    device: str = "auto",
    precision: str = "auto",
    minutes_between_saves: float = 4,
    tensorboard: bool = False,
    offline: bool = False,
    line: Line | None = None,
    asked: dict[str, Any] | None = None,
) -> Standing:
    """Train for `hours`, or until `preset.steps`; go on where `out` was left, if it was.

    Leaves in `out` the weights that were best in validation (`model.safetensors`, a running
    average, with `config.json`), `state.pt`, `run.json`, `losses.csv`, `loss.png` and previews.

    Raises ImagineError; after Ctrl-C KeyboardInterrupt, when the step in hand is done and saved.
    """
    line = (line or Line()) if rank() == 0 else Silent()
    where = device_called(device)
    distributed.join(where)
    pictures = Pictures(folders, smallest_crop(preset), preset.crop)
    fetch_networks(preset, offline=offline, say=line.print)
    plan = planned(
        out, preset, pictures, folders, init=init, seed=seed, hours=hours, precision=precision,
        device=where, asked=asked,
    )  # fmt: skip
    for one in plan.pictures:
        line.print(one)
    weights = load_weights(init)[0] if init else None
    learner = Learner(
        preset, weights, seed=seed, reduced=plan.reduced, device=where, say=line.print
    )
    books = Books(plan, out, pictures, learner, line, tensorboard)

    with stopping() as stop:
        while True:
            done, stopped = books.clock(stop.asked)
            books.keep(done, stopped, minutes_between_saves)
            if done >= 1 or stopped:
                break
            loss, finite = train_step(learner, pictures.train, books.standing.step, done)
            books.note(loss, finite, done)
    distributed.leave()
    books.close(stopped)
    return books.standing
