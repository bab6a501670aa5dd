"""What learns: a method's networks, their optimiser, an average; and what memory holds of it."""

import math
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from imagine_cli.errors import ImagineError

from ..method.checkpoint import RunningAverage
from ..method.data import Batch, random_batch
from ..method.latent import streams
from ..method.learning import Drawn
from ..method.presets import Preset
from . import distributed
from .hardware import is_out_of_memory
from .methods import begin

_Made = tuple[Batch, np.random.Generator]


class Learner:
    """Learns from this process's share of each batch.

    Everything that a step uses follows from `seed`, its number, and a picture's number in the
    batch: so a run can be resumed bit for bit, and a batch be cut into parts, among processes or
    one after another where memory is short, without changing what is learnt (on a GPU: but for the
    codes that are drawn).
    """

    def __init__(
        self,
        preset: Preset,
        weights: dict[str, Tensor] | None,
        *,
        seed: int,
        reduced: bool,
        device: torch.device,
        say: Callable[[str], None],
    ) -> None:
        self.preset, self.seed, self.device, self.say = preset, seed, device, say
        torch.manual_seed(seed)
        self.method = begin(preset, device, reduced=reduced)
        self.network, self.adversaries = self.method.network, self.method.adversaries
        if weights is not None:
            self.network.load_state_dict(weights)
        for level in preset.frozen:
            self.network.levels[level].requires_grad_(False)
        self.optimiser = torch.optim.Adam(self._learning(), betas=preset.betas)
        self.average = RunningAverage(self.network, preset.average)
        # On a GPU the next batch is made beside the step in hand: it would wait for every crop.
        self.beside = ThreadPoolExecutor(1) if device.type == "cuda" else None
        self.coming: tuple[tuple[int, range], Future[_Made]] | None = None
        self.share = distributed.share(preset.batch)
        self.together = len(self.share)  # pictures that memory is thought to hold at once
        self.size = sum(one.numel() for one in self.network.parameters())

    def _learning(self) -> list[nn.Parameter]:
        return [*self.network.parameters(), *self.adversaries.parameters()]

    def draw(
        self, pictures: list[NDArray[np.uint8]], step: int, part: range, turn: int = 0
    ) -> Drawn:
        """What a step draws for the batch's pictures in `part`: crops with their evidence, and each
        picture's stream of codes."""
        batch, rng = self._batch(pictures, step, part)
        return Drawn(step, batch, rng, streams(self.seed, step, part, turn, self.device))

    def _batch(self, pictures: list[NDArray[np.uint8]], step: int, part: range) -> _Made:
        """A batch, and what is left of its random numbers; perhaps made beside the step before."""

        def made(step: int) -> _Made:
            rng = np.random.default_rng([self.seed, step])
            return random_batch(pictures, self.preset, rng, part, self.device), rng

        if self.coming and self.coming[0][0] <= step:  # it is wanted now, or never
            (wanted, coming), self.coming = self.coming, None
            drawn = coming.result() if wanted == (step, part) else made(step)
        else:
            drawn = made(step)
        if self.beside and not self.coming:
            self.coming = (step + 1, part), self.beside.submit(made, step + 1)
        return drawn

    def pull(self, losses: Callable[[range], Tensor]) -> Tensor:
        """The batch's mean loss, a level each, and its gradients, added up over all processes.

        `losses`: (levels, n) of n pictures of the batch. Where memory does not hold all of them at
        once, half as many are tried: the sum is the same. Raises ImagineError if it does not hold
        one.
        """
        loss = self._in_parts(losses)
        gradients = (one.grad for one in self._learning())
        distributed.add_up([loss, *(one for one in gradients if one is not None)])
        return loss

    def _in_parts(self, losses: Callable[[range], Tensor]) -> Tensor:
        while True:
            try:
                self.optimiser.zero_grad(set_to_none=True)
                total = torch.zeros(len(self.preset.levels), device=self.device)
                for start in range(self.share.start, self.share.stop, self.together):
                    part = range(start, min(start + self.together, self.share.stop))
                    loss = losses(part).sum(1) / self.preset.batch
                    loss.sum().backward()  # type: ignore[no-untyped-call]
                    total[: len(loss)] += loss.detach()
                return total
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            self._take_fewer()

    def _take_fewer(self) -> None:
        if self.together == 1:
            raise ImagineError(
                f"out of memory with one picture of {self.preset.crop} pixels a side at a "
                "time: this preset needs more; close other programs, or take --device cpu"
            )
        self.together = -(-self.together // 2)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        self.say(
            f"out of memory: from now on {self.together} pictures at a time, their gradients "
            "added up; the batch stays the same"
        )

    def descend(self, loss: Tensor, learning_rate: float) -> bool:
        """Adam's step, gradients clipped. Not one, and False, where not all is finite."""
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate
        norms = [
            clip_grad_norm_(pulled, self.preset.clip)
            for some in (self.network.parameters(), self.adversaries.parameters())
            if (pulled := [one for one in some if one.grad is not None])
        ]
        finite = bool(torch.isfinite(torch.stack([*norms, loss.sum()])).all())  # one wait
        if finite:
            self.optimiser.step()
        return finite

    def state(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "adversaries": self.adversaries.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average.weights,
            "together": self.together,
        }

    def load(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.adversaries.load_state_dict(state.get("adversaries", {}))  # earlier versions had none
        self.optimiser.load_state_dict(state["optimiser"])
        average = state["average"].items()
        self.average.weights = {name: value.to(self.device) for name, value in average}
        self.together = min(state["together"], len(self.share))


def rate(preset: Preset, step: int, done: float) -> float:
    """A short rise, then a cosine down to `final_rate` when all is `done`."""
    cosine = 0.5 * (1 + math.cos(math.pi * done))
    fall = preset.final_rate + (1 - preset.final_rate) * cosine
    return preset.learning_rate * fall * min(1, (step + 1) / 50)
