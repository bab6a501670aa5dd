"""Training: draw, choose the nearest, pull it closer, step, and now and then look."""

import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from imagine_cli.errors import ImagineError
from imagine_cli.progress import Line, Silent

from ..method.checkpoint import load_state, load_weights, save_state, save_weights
from ..method.presets import Preset
from . import distributed
from .hardware import bfloat16_pays, device_called
from .journal import Journal
from .learner import Learner
from .pictures import Pictures
from .plan import Plan
from .stopping import stopping
from .validate import Watcher, judge_for

ROW_EVERY = 20  # steps
LOOKS = 20  # of a run that counts steps; always at the same ones
MINUTES_BETWEEN_LOOKS = 4  # of a run that counts hours
NOT_FINITE_MOST = 10  # steps in a row


@dataclass
class Standing:
    """How far a run has come."""

    step: int = 0
    seconds: float = 0.0
    looked: int = -1
    start: float = math.nan
    """The held-out figure of the weights that it began with."""
    best: float = math.inf
    best_step: int = 0
    last: float = math.nan
    not_finite: int = 0
    not_finite_in_a_row: int = 0


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
    line: Line | None = None,
    asked: dict[str, Any] | None = None,
) -> Standing:
    """Train for `hours`, or until `preset.steps`; go on where `out` was left, if it was.

    Leaves in `out` the weights that were best on held-out pictures (`model.safetensors`, a running
    average, with `config.json`), `state.pt`, `run.json`, `losses.csv`, `loss.png` and previews.

    Raises ImagineError; after Ctrl-C KeyboardInterrupt, when the step in hand is done and saved.
    """
    line = (line or Line()) if distributed.rank() == 0 else Silent()
    before = Plan.load(out)
    where = device_called(device)
    distributed.join(where)
    pictures = Pictures(folders, preset.crop)
    plan = Plan(
        preset=preset,
        folders=tuple(str(folder.resolve()) for folder in folders),
        fingerprint=pictures.fingerprint,
        pictures=tuple(pictures.summary()),
        init=str(init.resolve()) if init else "none",
        seed=seed,
        hours=hours,
        precision=_precision(precision, before, where),
        judge=before.judge if before else judge_for(preset),
        asked=before.asked if before else asked or {},
    )
    if before:
        plan.check_continues(before, out)
    for one in plan.pictures:
        line.print(one)
    reduced = plan.precision == "bfloat16"
    weights = load_weights(init)[0] if init else None
    learner = Learner(preset, weights, seed=seed, reduced=reduced, device=where, say=line.print)
    run = _Run(plan, out, pictures, learner, line, tensorboard)
    line.print(f"{learner.size:,} parameters, {plan.precision}, {where}; step {run.standing.step}")
    run.go_on(minutes_between_saves)
    return run.standing


class _Run:
    """A run in its folder. What is written is the first process's business alone."""

    def __init__(
        self,
        plan: Plan,
        out: Path,
        pictures: Pictures,
        learner: Learner,
        line: Line,
        tensorboard: bool,
    ) -> None:
        self.plan, self.out, self.pictures, self.learner = plan, out, pictures, learner
        self.line, self.first = line, distributed.rank() == 0
        self.standing, rows = Standing(), []
        if state := load_state(out):
            learner.load(state)
            self.standing, rows = Standing(**state["standing"]), state["rows"]
        hours = plan.hours
        self.looks = max(4, round(60 * hours / MINUTES_BETWEEN_LOOKS)) if hours else LOOKS
        self.spread, self.fresh = _last(rows, "spread"), _last(rows, "fresh")
        if self.first:
            self.journal = Journal(out, rows, tensorboard)
            self.watcher = Watcher(plan.preset, pictures.held_out, plan.judge, learner.device)
            out.mkdir(parents=True, exist_ok=True)
            plan.save(out)

    def go_on(self, minutes_between_saves: float) -> None:
        standing, learner = self.standing, self.learner
        began, saved = time.monotonic() - standing.seconds, time.monotonic()
        with stopping() as stop:
            while True:
                standing.seconds = time.monotonic() - began
                done, stopped = distributed.from_first(
                    self._done(), stop.asked, device=learner.device
                )
                looking = int(done * self.looks + 1e-9) > standing.looked
                if looking:
                    standing.looked = int(done * self.looks + 1e-9)
                    self._look()
                overdue = time.monotonic() - saved > 60 * minutes_between_saves
                if self.first and (looking or stopped or overdue):
                    self._save()
                    saved = time.monotonic()
                if done >= 1 or stopped:
                    break
                paced = time.monotonic()
                loss, finite = learner.step(self.pictures.train, standing.step, done)
                self._note(loss, finite, done, time.monotonic() - paced)
                standing.step += 1
        distributed.leave()
        if stopped:
            self.line.print(
                f"stopped after {standing.step} steps, and saved; to go on: "
                f"imagine train --resume --out {self.out}"
            )
            raise KeyboardInterrupt
        self.line.print(self._verdict())

    def _done(self) -> float:
        """The share of the run that lies behind us."""
        if self.plan.hours:
            return min(1.0, self.standing.seconds / 3600 / self.plan.hours)
        return self.standing.step / self.plan.preset.steps

    def _look(self) -> None:
        """Held-out pictures; the weights that are best on them so far are the ones to keep."""
        if not self.first:
            return
        standing, weights = self.standing, self.learner.average.weights
        look = self.watcher.look(weights, reduced=self.plan.precision == "bfloat16")
        standing.last, self.spread = look.distance, look.spread
        if standing.step == 0:
            standing.start = look.distance
        if standing.step == 0 or look.distance < standing.best:
            standing.best, standing.best_step = look.distance, standing.step
            save_weights(weights, self.plan.preset, self.out)
        self.journal.show(look.preview, standing.step)
        self.journal.note(
            step=standing.step, seconds=standing.seconds,
            held_out=look.distance, spread=look.spread,
        )  # fmt: skip
        self.journal.write()
        self.line.print(
            f"step {standing.step}  held out ({self.plan.judge}) {look.distance:.4f}, at the start "
            f"{standing.start:.4f}; spread {look.spread:.4f}"
        )

    def _save(self) -> None:
        state = {"standing": asdict(self.standing), "rows": self.journal.rows}
        save_state(self.learner.state() | state, self.out)

    def _note(self, loss: Tensor, finite: bool, done: float, seconds: float) -> None:
        """After a step: count it if it failed, tell it, now and then write it down."""
        standing, chosen = self.standing, float(loss.sum())
        if not finite:
            standing.not_finite += 1
            standing.not_finite_in_a_row += 1
            if standing.not_finite_in_a_row >= NOT_FINITE_MOST:
                raise ImagineError(
                    f"{self.out}: the loss was not finite {NOT_FINITE_MOST} times in a row, at "
                    f"step {standing.step}; the best weights, of step {standing.best_step}, are "
                    "kept: begin another run from them with a lower --lr"
                )
            return
        standing.not_finite_in_a_row = 0
        if not self.first:
            return
        if standing.step % ROW_EVERY == 0:
            self.fresh = self.learner.fresh(self.pictures.train, standing.step)
            self.journal.note(
                step=standing.step, seconds=standing.seconds, chosen=chosen, fresh=self.fresh
            )
        left = standing.seconds * (1 - done) / done if done else math.nan
        total = "" if self.plan.hours else f" of {self.plan.preset.steps}"
        self.line.show(
            f"step {standing.step}{total}  chosen {chosen:.3f}  fresh {self.fresh:.3f}  held out "
            f"{standing.last:.4f}  spread {self.spread:.3f}  "
            f"{self.plan.preset.batch / seconds:.1f} pictures/s  {_span(left)} left"
        )

    def _verdict(self) -> str:
        standing = self.standing
        skipped = f"; {standing.not_finite} steps skipped, their loss was not finite"
        figures = (
            f"held out ({self.plan.judge}): {standing.start:.4f} at the start, "
            f"{standing.last:.4f} at the end"
        )
        if standing.best_step == 0:
            kept = "nothing was better than the start, which is what is exported"
        else:
            kept = f"exported: step {standing.best_step}, the best, {standing.best:.4f}"
        return f"{figures}; {kept}{skipped if standing.not_finite else ''}"


def _precision(asked: str, before: Plan | None, device: torch.device) -> str:
    """`auto` is what the run began with, or else what is faster here."""
    if asked != "auto":
        return asked
    if before:
        return before.precision
    (pays,) = distributed.from_first(bfloat16_pays(device), device=device)
    return "bfloat16" if pays else "float32"


def _last(rows: list[dict[str, float]], name: str) -> float:
    return next((row[name] for row in reversed(rows) if name in row), math.nan)


def _span(seconds: float) -> str:
    if math.isnan(seconds):
        return "?"
    minutes = int(seconds) // 60
    return f"{minutes // 60}:{minutes % 60:02d} h" if minutes >= 60 else f"{minutes} min"
