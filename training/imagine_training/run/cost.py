"""What a step costs: operations, counted on tensors without data; and how quickly they are done.

An operation is a multiplication or an addition in a convolution or a product of matrices. What else
there is (activations, sorting, spectra) is not counted.
"""

import math
import time
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from ..method.imle import Imle, tries
from ..method.latent import draw
from ..method.learning import Drawn, Method
from ..method.network import DenseBlock, convolution
from ..method.presets import LevelShape, Preset
from .learner import Learner

NOWHERE = torch.device("meta")  # tensors there have a shape, and no data
KEPT = 5 * 4  # bytes a parameter: it, its gradient, Adam's two means, the running average
LEARNING = 3  # times what imagining costs: forwards once, and back twice
MOST_PIXELS = {"cpu": 2**12, "cuda": 2**18}  # of what is timed
SECONDS = 0.5  # for which each piece is timed


@dataclass(frozen=True)
class Cost:
    """Of a step with the whole batch."""

    parameters: int
    imagining: tuple[int, ...]
    """Operations of the network, level by level: of codes that are tried, and of the one pulled."""
    looking: int
    """Operations of all else: feature networks, adversaries."""
    trying: int
    """Operations, among these, of the search for the nearest codes."""
    memory: int
    """Bytes: what is kept of each parameter, and what waits for the gradients."""

    @property
    def operations(self) -> int:
        return sum(self.imagining) + self.looking


@dataclass(frozen=True)
class _Try:
    """One code at one level: how many there are like it, and operations."""

    times: int
    imagining: int
    looking: int


def counted(preset: Preset) -> Cost:
    """One code is tried at each level, and one picture pulled; what remains is proportional.

    Of whole chains: batches that begin later cost less.
    """
    two = replace(preset, batch=2, later_starts=0.0)
    learner = Learner(two, None, seed=0, reduced=False, device=NOWHERE, say=lambda line: None)
    black = [np.zeros((preset.crop, preset.crop, 3), np.uint8)]
    alone, both = (learner.draw(black, preset.warm_steps, range(n)) for n in (1, 2))
    tried = _tried(learner.method, alone)
    pull, waiting = _pull(learner.method, alone)
    _, waiting_of_both = _pull(learner.method, both)

    imagining = tuple(
        preset.batch * one.imagining * (one.times + (1 if level in preset.frozen else LEARNING))
        for level, one in enumerate(tried)
    )
    trying = preset.batch * sum(one.times * (one.imagining + one.looking) for one in tried)
    waiting += (preset.batch - 1) * (waiting_of_both - waiting)
    return Cost(
        parameters=learner.size,
        imagining=imagining,
        looking=trying + preset.batch * pull - sum(imagining),
        trying=trying,
        memory=KEPT * learner.size + waiting,
    )


@torch.no_grad()
def _tried(method: Method, drawn: Drawn) -> list[_Try]:
    batch, handed_on = drawn.batch, drawn.batch.observed
    objectives = method.objectives(drawn) if isinstance(method, Imle) else [None] * len(batch.steps)
    found = []
    for level, (step, objective) in enumerate(zip(batch.steps, objectives, strict=True)):
        given = batch.given(level, handed_on)
        code = draw(method.preset, level, given, drawn.codes)
        with FlopCounterMode(display=False) as imagining:
            picture, handed_on = method.network.imagine(level, given, code, step)
        with FlopCounterMode(display=False) as looking:
            if objective:
                objective.distance(picture)
        times = tries(method.preset, level) if objective else 0
        found.append(_Try(times, imagining.get_total_flops(), looking.get_total_flops()))
    return found


def _pull(method: Method, drawn: Drawn) -> tuple[int, int]:
    """Operations of a loss and its gradients, and the bytes that wait for them in between."""
    waiting: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        waiting[storage._cdata] = storage.nbytes()
        return tensor

    with FlopCounterMode(display=False) as counter, saved_tensors_hooks(note, lambda same: same):
        loss = method.losses(drawn, choose=False).sum()
        loss.backward()  # type: ignore[no-untyped-call]
    return counter.get_total_flops(), sum(waiting.values())


def seconds(cost: Cost, preset: Preset, device: torch.device, *, reduced: bool) -> float:
    """How long a step takes, by the pace of a piece of each level and of a feature network."""

    def pace(piece: nn.Module, channels: int, side: int) -> float:
        side = min(side, math.isqrt(MOST_PIXELS[device.type]))
        pictures = min(preset.batch, max(1, MOST_PIXELS[device.type] // side**2))
        given = torch.randn(pictures, channels, side, side, device=device)
        return _pace(piece.to(device), given, reduced)

    took = cost.looking / pace(nn.Conv2d(128, 128, 3, padding=1), 128, 64)  # of VGG, in the middle
    side = preset.crop // preset.factors[-1]
    for shape, operations in zip(preset.levels, cost.imagining, strict=True):
        side = min(shape.window or side, side)
        took += operations / pace(_piece(shape), shape.channels, side // shape.downsample)
        side *= shape.enlarge
    return took


def _piece(shape: LevelShape) -> nn.Module:
    """A dense block of a level, or a convolution where it has none."""
    if shape.growth:
        return DenseBlock(shape.channels, shape.growth, shape.convolutions)
    return convolution(shape.channels, shape.channels)


def _pace(piece: nn.Module, given: Tensor, reduced: bool) -> float:
    """Operations a second, forwards and back."""
    given.requires_grad_()

    def once() -> None:
        with torch.autocast(given.device.type, torch.bfloat16) if reduced else nullcontext():
            out = piece(given)
        out.sum().backward()
        if given.is_cuda:
            torch.cuda.synchronize()

    with FlopCounterMode(display=False) as counter:  # and it warms up
        once()
    turns, began = 0, time.perf_counter()
    while (took := time.perf_counter() - began) < SECONDS:
        once()
        turns += 1
    return float(counter.get_total_flops() * turns / took)
