"""The books of a run: how far it has come, what is written in its folder, what is told."""

import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from imagine_cli.errors import ImagineError
from imagine_cli.progress import Line

from ..method.checkpoint import load_state, save_state, save_weights
from . import distributed
from .journal import Journal, last, renamed
from .learner import Learner
from .pictures import Pictures
from .plan import Plan
from .processes import rank
from .validate import Validation, Validator, random_code_loss

ROW_EVERY = 20  # steps
VALIDATIONS = 20  # of a run that counts steps; always at the same ones
MINUTES_BETWEEN_VALIDATIONS = 4  # of a run that counts hours
NOT_FINITE_MOST = 10  # steps in a row
ALIKE = 0.8  # of the largest spread: below, it is said that variants grow alike


@dataclass
class Standing:
    """How far a run has come."""

    step: int = 0
    seconds: float = 0.0
    validated: int = -1
    start: float = math.nan
    """The validation distance of the weights that it began with."""
    best: float = math.inf
    best_step: int = 0
    last: float = math.nan
    not_finite: int = 0
    not_finite_in_a_row: int = 0
    told_alike: bool = False

    def done(self, plan: Plan) -> float:
        """The share of the run that is done."""
        if plan.hours:
            return min(1.0, self.seconds / 3600 / plan.hours)
        return self.step / plan.preset.steps

    @classmethod
    def from_state(cls, values: dict[str, Any]) -> "Standing":
        older = {"looked": "validated"}
        return cls(**{older.get(name, name): value for name, value in values.items()})


class Books:
    """Begun, or opened where a run was left. What is written is the first process's business."""

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
        self.line, self.first = line, rank() == 0
        self.standing = Standing()
        rows: list[dict[str, float]] = []
        if state := load_state(out):
            learner.load(state)
            self.standing, rows = Standing.from_state(state["standing"]), renamed(state["rows"])
        hours = plan.hours
        self.validations = (
            max(4, round(60 * hours / MINUTES_BETWEEN_VALIDATIONS)) if hours else VALIDATIONS
        )
        if self.first:
            self.journal = Journal(out, rows, tensorboard)
            self.validator = Validator(plan.preset, pictures.validation, plan.judge, learner.device)
            out.mkdir(parents=True, exist_ok=True)
            plan.save(out)
        self.spread, self.random = last(rows, "spread"), last(rows, "random")
        line.print(
            f"{learner.size:,} parameters, {plan.precision}, {learner.device}; "
            f"step {self.standing.step}"
        )
        self.began = time.monotonic() - self.standing.seconds
        self.saved = self.paced = time.monotonic()

    def clock(self, stop: bool) -> tuple[float, bool]:
        """The share of the run that is done, and whether to stop: the same in all processes."""
        self.standing.seconds = time.monotonic() - self.began
        done, stopped = distributed.from_first(
            self.standing.done(self.plan), stop, device=self.learner.device
        )
        return done, bool(stopped)

    def keep(self, done: float, stopped: bool, minutes_between_saves: float) -> None:
        """Validate and save, if it is time."""
        turn = int(done * self.validations + 1e-9)
        if due := turn > self.standing.validated:
            self.standing.validated = turn
            if self.first:
                self._validate()
        overdue = time.monotonic() - self.saved > 60 * minutes_between_saves
        if self.first and (due or stopped or overdue):
            state = {"standing": asdict(self.standing), "rows": self.journal.rows}
            save_state(self.learner.state() | state, self.out)
            self.saved = time.monotonic()
        self.paced = time.monotonic()

    def _validate(self) -> None:
        """The weights that are best so far are the ones to keep."""
        standing, weights = self.standing, self.learner.average.weights
        found = self.validator.validate(weights, reduced=self.plan.reduced)
        standing.last, self.spread = found.distance, found.spread
        if standing.step == 0:
            standing.start = found.distance
        if standing.step == 0 or found.distance < standing.best:
            standing.best, standing.best_step = found.distance, standing.step
            save_weights(weights, self.plan.preset, self.out)
        self._tell_alike(found)
        self.journal.show(found.preview, standing.step)
        self.journal.note(
            step=standing.step, seconds=standing.seconds,
            validation=found.distance, spread=found.spread,
        )  # fmt: skip
        self.journal.write()
        self.line.print(
            f"step {standing.step}  validation ({self.plan.judge}) {found.distance:.4f}, at the "
            f"start {standing.start:.4f}; spread {found.spread:.4f}"
        )

    def _tell_alike(self, found: Validation) -> None:
        """Once in a run: variants may come nearer because they become one and the same."""
        standing, warm = self.standing, self.plan.preset.warm_steps
        before = max(
            (
                row["spread"]
                for row in self.journal.rows
                if row.get("spread") and row["step"] >= warm
            ),
            default=0.0,
        )
        nearer = found.distance < standing.start
        if nearer and found.spread < ALIKE * before and not standing.told_alike:
            standing.told_alike = True
            self.line.print(
                f"step {standing.step}: variants come nearer and grow alike, spread "
                f"{before:.4f} before, {found.spread:.4f} now; the nearest weights are kept "
                "whatever their spread, and spread is in losses.csv"
            )

    def note(self, loss: Tensor, finite: bool, done: float) -> None:
        """After a step: count it, tell it, now and then write it down."""
        if finite:
            self.standing.not_finite_in_a_row = 0
            if self.first:
                self._tell(float(loss.sum()), done, time.monotonic() - self.paced)
        else:
            self._skipped()
        self.standing.step += 1

    def _skipped(self) -> None:
        standing = self.standing
        standing.not_finite += 1
        standing.not_finite_in_a_row += 1
        if standing.not_finite_in_a_row >= NOT_FINITE_MOST:
            raise ImagineError(
                f"{self.out}: the loss was not finite {NOT_FINITE_MOST} times in a row, at "
                f"step {standing.step}; the best weights, of step {standing.best_step}, are "
                "kept: begin another run from them with a lower --lr"
            )

    def _tell(self, chosen: float, done: float, seconds: float) -> None:
        standing, preset = self.standing, self.plan.preset
        if standing.step % ROW_EVERY == 0:
            self.random = random_code_loss(self.learner, self.pictures.train, standing.step)
            self.journal.note(
                step=standing.step, seconds=standing.seconds, chosen=chosen, random=self.random
            )
        left = standing.seconds * (1 - done) / done if done else math.nan
        total = "" if self.plan.hours else f" of {preset.steps}"
        self.line.show(
            f"step {standing.step}{total}  loss: chosen {chosen:.3f}, random {self.random:.3f}  "
            f"validation {standing.last:.4f}, spread {self.spread:.3f}  "
            f"{preset.batch / seconds:.1f} pictures/s  {_span(left)} left"
        )

    def close(self, stopped: bool) -> None:
        """The last line. Raises KeyboardInterrupt if the run is to go on another time."""
        if stopped:
            self.line.print(
                f"stopped after {self.standing.step} steps, and saved; to go on: "
                f"imagine train --resume --out {self.out}"
            )
            raise KeyboardInterrupt
        self.line.print(self._verdict())

    def _verdict(self) -> str:
        standing = self.standing
        skipped = f"; {standing.not_finite} steps skipped, their loss was not finite"
        figures = (
            f"validation ({self.plan.judge}): {standing.start:.4f} at the start, "
            f"{standing.last:.4f} at the end"
        )
        if standing.best_step == 0:
            kept = "nothing was better than the start, which is what is exported"
        else:
            kept = f"exported: step {standing.best_step}, the best, {standing.best:.4f}"
        return f"{figures}; {kept}{skipped if standing.not_finite else ''}"


def _span(seconds: float) -> str:
    if math.isnan(seconds):
        return "?"
    minutes = int(seconds) // 60
    return f"{minutes // 60}:{minutes % 60:02d} h" if minutes >= 60 else f"{minutes} min"
