"""What learns: a network, its optimiser and its running average; one step of them."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from imagine_cli.errors import ImagineError

from ..method.build import build
from ..method.checkpoint import RunningAverage
from ..method.data import random_batch
from ..method.imle import draw, imagine_levels, nearest_code, streams
from ..method.objective import Objective
from ..method.perceptual import Lpips
from ..method.presets import Preset
from . import distributed
from .hardware import is_out_of_memory


class Learner:
    """Takes steps on this process's share of each batch.

    Everything that a step uses follows from `seed`, its number, and a picture's number in the
    batch: so a run can be resumed bit for bit, and a batch be cut into parts, among processes or
    one after another where memory is short, without changing what is learnt.
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
        self.network = build(preset, reduced=reduced)
        if weights is not None:
            self.network.load_state_dict(weights)
        self.network.to(device)
        self.lpips = [Lpips(net, reduced=reduced).to(device) for net in preset.perceptual]
        self.optimiser = torch.optim.Adam(self.network.parameters(), betas=(0.9, 0.99))
        self.average = RunningAverage(self.network, preset.average)
        self.share = distributed.share(preset.batch)
        self.together = len(self.share)  # pictures that memory is thought to hold at once
        self.size = sum(one.numel() for one in self.network.parameters())

    def step(
        self, pictures: list[NDArray[np.uint8]], step: int, done: float
    ) -> tuple[Tensor, bool]:
        """One step. The loss of each level, and whether all was finite; else nothing is learnt."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate(self.preset, step, done)
        loss = self._gradients(pictures, step)
        parameters = [one for one in self.network.parameters() if one.grad is not None]
        distributed.add_up([loss, *(one.grad for one in parameters if one.grad is not None)])
        norm = clip_grad_norm_(parameters, self.preset.clip)
        finite = bool(torch.isfinite(norm) and torch.isfinite(loss).all())
        if finite:
            self.optimiser.step()
            self.average.update(self.network, step)
        return loss.cpu(), finite

    def _gradients(self, pictures: list[NDArray[np.uint8]], step: int) -> Tensor:
        """The share's part of the batch's mean loss, a level each, and of its gradients.

        Where memory does not hold all pictures at once, half as many are tried: the sum is the
        same. Raises ImagineError if it does not hold one.
        """
        while True:
            try:
                self.optimiser.zero_grad(set_to_none=True)
                total = torch.zeros(len(self.preset.levels), device=self.device)
                for start in range(self.share.start, self.share.stop, self.together):
                    part = range(start, min(start + self.together, self.share.stop))
                    loss = self.far(pictures, step, part).sum(1) / self.preset.batch
                    loss.sum().backward()  # type: ignore[no-untyped-call]
                    total += loss.detach()
                return total
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
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

    def far(
        self, pictures: list[NDArray[np.uint8]], step: int, part: range, *, fresh: bool = False
    ) -> Tensor:
        """The loss of each level and picture (levels, n), on the nearest codes or on fresh ones."""
        preset, warm = self.preset, step < self.preset.warm_steps
        rng = np.random.default_rng([self.seed, step])
        batch = random_batch(pictures, preset, rng, part, self.device)
        lpips = () if warm else self.lpips
        measures = [Objective(one.target, lpips, preset, rng) for one in batch.steps]
        distances = [measure.distance for measure in measures]
        codes = streams(self.seed, step, part, turn=int(fresh))
        choose = (
            partial(draw, preset, generator=codes)
            if warm or fresh
            else partial(nearest_code, self.network, batch, preset, distances, codes)
        )
        imagined = imagine_levels(self.network, batch, choose)
        far = [near.loss(level) for near, level in zip(measures, imagined, strict=True)]
        return torch.stack(far)

    @torch.no_grad()
    def fresh(self, pictures: list[NDArray[np.uint8]], step: int) -> float:
        """The loss of a step's first pictures on codes that nobody chose."""
        part = self.share[: self.together]
        return float(self.far(pictures, step, part, fresh=True).sum(0).mean())

    def state(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average.weights,
            "together": self.together,
        }

    def load(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        average = state["average"].items()
        self.average.weights = {name: value.to(self.device) for name, value in average}
        self.together = min(state["together"], len(self.share))


def rate(preset: Preset, step: int, done: float) -> float:
    """A short rise, then a cosine down to `final_rate` when all is `done`."""
    cosine = 0.5 * (1 + math.cos(math.pi * done))
    fall = preset.final_rate + (1 - preset.final_rate) * cosine
    return preset.learning_rate * fall * min(1, (step + 1) / 50)
