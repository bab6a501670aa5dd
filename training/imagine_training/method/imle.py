"""Conditional implicit maximum likelihood estimation: algorithm 1, level by level.

Li & Malik, "Implicit Maximum Likelihood Estimation" (2018); Peng & Li, "Generating Unobserved
Alternatives" (HyperRIM), section 3: draw codes, choose the nearest, pull its picture closer. Codes
are chosen level by level, the levels before fixed to their winners (hierarchical sampling); the
loss is the sum over levels (intermediate supervision). What surrounds a step: `run/loop.py`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from itertools import islice

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.parametrize import cached

from .data import Batch
from .latent import Code, Streams, draw, silent
from .learning import Drawn, Method, Network
from .objective import Distance, Objective
from .presets import Preset

AT_ONCE = {"cuda": 8}
"""Codes that are tried together, else 1: a GPU is slow to be told, a CPU's caches are small."""


class Imle(Method):
    """Conditional IMLE."""

    heeds = ("candidates", "perceptual")

    def losses(self, drawn: Drawn, *, choose: bool = True) -> Tensor:
        """Draw, choose the nearest, and see how far it is: making that small pulls it closer."""
        network, preset, batch, codes = self.network, self.preset, drawn.batch, drawn.codes
        objectives = self.objectives(drawn)
        pick = partial(draw, preset, generator=codes)
        if choose:
            nearest = partial(nearest_code, network, batch, preset, objectives, codes)
            pick = nearest if drawn.step >= preset.warm_steps else partial(silent, preset)
        return level_losses(objectives, imagine_levels(network, batch, pick))

    def objectives(self, drawn: Drawn) -> Sequence[Distance | None]:
        """For each level that learns; of the pixels alone in the steps before the first choice."""
        preset = self.preset
        lpips = self.lpips if drawn.step >= preset.warm_steps else []
        return [
            None if level in preset.frozen else Objective(one.target, lpips, preset, drawn.rng)
            for level, one in enumerate(drawn.batch.steps)
        ]


def imagine_levels(
    network: Network, batch: Batch, choose: Callable[[int, Tensor], Code]
) -> list[Tensor]:
    """Every level's pictures (n, 3, h, w); `choose` gives the code for a level and its input."""
    handed_on, pictures = batch.observed, []
    for level, step in enumerate(batch.steps):
        given = batch.given(level, handed_on)
        code = choose(level, given)
        picture, handed_on = network.imagine(level, given, code, step)
        pictures.append(picture)
    return pictures


@torch.no_grad()
def nearest_code(
    network: Network,
    batch: Batch,
    preset: Preset,
    objectives: Sequence[Distance | None],
    generator: Streams,
    level: int,
    given: Tensor,
) -> Code:
    """The nearest of `candidates` codes; then, patch by patch, the nearest of its map and others.

    A patch of the map has a say in its own patch of the picture alone (but for the seams), so k
    more maps offer (k + 1)^(p p) codes. A level without an objective takes the first code.
    """
    drawn = partial(draw, preset, level, given, generator)
    objective, step = objectives[level], batch.steps[level]
    if objective is None or not tries(preset, level):
        return drawn()

    def tried(codes: Iterable[Code]) -> Iterator["Tried"]:
        codes = iter(codes)
        while some := list(islice(codes, AT_ONCE.get(given.device.type, 1))):
            many = len(some)
            together = Code(
                torch.cat([code.map for code in some]), torch.cat([code.vector for code in some])
            )
            inputs = given.repeat(many, 1, 1, 1)
            pictures, _ = network.imagine(level, inputs, together, step.repeated(many))
            yield from map(Tried, some, objective.distance(pictures).chunk(many))

    with cached():  # the weights are normalised once, not at every try
        best = reduce(nearer, tried(drawn() for _ in range(preset.candidates[level])))
        vector = best.code.vector
        others = (Code(drawn().map, vector) for _ in range(_maps(preset)))
        return reduce(refine_patches, tried(others), best).code


def tries(preset: Preset, level: int) -> int:
    """How many codes are imagined and looked at; none where there is no choice."""
    many = preset.candidates[level] + _maps(preset)
    return many if many > 1 else 0


def _maps(preset: Preset) -> int:
    return preset.maps if preset.patch else 0


@dataclass
class Tried:
    """A code, and how far its pictures are from the observed ones, patch by patch: (n, p, p)."""

    code: Code
    far: Tensor


def nearer(one: Tried, other: Tried) -> Tried:
    """Picture by picture, the code whose picture is nearer as a whole."""
    closer = other.far.mean((1, 2)) < one.far.mean((1, 2))  # (n,)
    latent_map = torch.where(closer[:, None, None, None], other.code.map, one.code.map)
    vector = torch.where(closer[:, None], other.code.vector, one.code.vector)
    return Tried(Code(latent_map, vector), torch.where(closer[:, None, None], other.far, one.far))


def refine_patches(one: Tried, other: Tried) -> Tried:
    """Patch by patch, the nearer of two maps that go with the same vector."""
    closer = (other.far < one.far)[:, None]  # (n, 1, p, p)
    sides = one.code.map.shape[-2:]
    closer = F.interpolate(closer.float(), sides, mode="nearest").bool()  # (n, 1, h, w)
    latent_map = torch.where(closer, other.code.map, one.code.map)
    return Tried(Code(latent_map, one.code.vector), torch.minimum(other.far, one.far))


def level_losses(objectives: Sequence[Distance | None], pictures: Sequence[Tensor]) -> Tensor:
    """How far each level's pictures are, (levels, n); nothing where there is no objective."""
    return torch.stack([
        objective.loss(picture) if objective else picture.new_zeros(len(picture))
        for objective, picture in zip(objectives, pictures, strict=True)
    ])  # fmt: skip
