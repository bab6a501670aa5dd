"""Conditional implicit maximum likelihood estimation: draw, choose the nearest, pull it closer.

Li & Malik, "Implicit Maximum Likelihood Estimation" (2018); Peng & Li, "Generating Unobserved
Alternatives" (HyperRIM), section 3: codes are chosen level by level (hierarchical sampling), the
levels before fixed to their winners; the loss is the sum over levels (intermediate supervision).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .build import Network
from .data import Batch, Step
from .presets import Preset

# From pictures (n, 3, h, w) to how far they are from the observed ones, in p p pieces: (n, p, p).
Distance = Callable[[Tensor], Tensor]


@dataclass
class Code:
    """One level's latent code: a map (n, m, h, w) and a vector (n, v), standard normal."""

    field: Tensor
    vector: Tensor


# One stream of random numbers for all pictures, or one a picture.
Streams = torch.Generator | Sequence[torch.Generator]


def streams(seed: int, step: int, part: range, turn: int = 0) -> list[torch.Generator]:
    """Each picture's own stream: it follows from the step and the picture's number in the batch."""
    seeds = (np.random.SeedSequence([seed, step, number, turn]) for number in part)
    return [torch.Generator().manual_seed(int(one.generate_state(1)[0])) for one in seeds]


def draw(preset: Preset, level: int, pixels: Tensor, generator: Streams) -> Code:
    number, _, height, width = pixels.shape
    channels = preset.levels[level].map_channels
    return Code(
        _normal((number, channels, height, width), generator).to(pixels.device),
        _normal((number, preset.vector), generator).to(pixels.device),
    )


def _normal(shape: tuple[int, ...], generator: Streams) -> Tensor:
    if isinstance(generator, torch.Generator):
        return torch.randn(shape, generator=generator)
    return torch.stack([torch.randn(shape[1:], generator=one) for one in generator])


def imagine_level(network: Network, level: int, pixels: Tensor, code: Code, step: Step) -> Tensor:
    """One level's pictures, made to agree with what is known; the paper's as they come.

    The paper's network (`end_to_end`) has features for the next level after the three channels.
    """
    imagined = network(level, pixels, code.field, code.vector, step.condition)
    return imagined if network.end_to_end else step.agree.project(imagined)


def nearest_code(
    network: Network,
    batch: Batch,
    preset: Preset,
    distance: Sequence[Distance],
    generator: Streams,
    level: int,
    pixels: Tensor,
) -> Code:
    """The nearest of several codes; then, patch by patch, the nearest of its map and others.

    A patch of the map has a say in its own patch of the picture alone (but for the seams), so k
    more maps offer (k + 1)^(p p) codes.
    """
    with torch.no_grad():

        def far(code: Code) -> Tensor:
            imagined = imagine_level(network, level, pixels, code, batch.steps[level])
            return distance[level](imagined[:, :3])

        best, nearest = draw(preset, level, pixels, generator), None
        for _ in range(preset.candidates[level] - 1):
            nearest = far(best) if nearest is None else nearest
            other = draw(preset, level, pixels, generator)
            places = far(other)
            closer = (places.mean((1, 2)) < nearest.mean((1, 2)))[:, None, None]
            nearest = torch.where(closer, places, nearest)
            best = Code(
                torch.where(closer[:, None], other.field, best.field),
                torch.where(closer[:, 0], other.vector, best.vector),
            )
        for _ in range(preset.maps if preset.patch else 0):
            nearest = far(best) if nearest is None else nearest
            other = Code(draw(preset, level, pixels, generator).field, best.vector)
            places = far(other)
            closer = (places < nearest)[:, None]
            nearest = torch.minimum(places, nearest)
            wide = F.interpolate(closer.float(), pixels.shape[-2:], mode="nearest").bool()
            best = Code(torch.where(wide, other.field, best.field), best.vector)
    return best


def imagine_levels(
    network: Network, batch: Batch, choose: Callable[[int, Tensor], Code]
) -> list[Tensor]:
    """Every level's pictures, each made of the last; `choose` gives the code for a level's input.

    A level learns from its own picture alone, and to do with what the last one really gives it;
    in the paper's network (`end_to_end`) from the pictures of those after it too.
    """
    pixels, imagined = batch.observed, []
    for level, step in enumerate(batch.steps):
        pixels = pixels[..., *step.window]
        if step.truth is not None and step.forced is not None:
            pixels = torch.where(step.forced, step.truth, pixels)
        pixels = pixels if network.end_to_end else pixels.detach()
        pixels = imagine_level(network, level, pixels, choose(level, pixels), step)
        imagined.append(pixels[:, :3])
    return imagined
