"""Latent codes: one for each level, a map and a vector."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .presets import Preset


@dataclass
class Code:
    """One level's latent code: a map (n, m, h, w) and a vector (n, v), standard normal."""

    map: Tensor
    vector: Tensor


# One stream of random numbers for all pictures, or one a picture.
Streams = torch.Generator | Sequence[torch.Generator]


def streams(
    seed: int, step: int, part: range, turn: int = 0, device: torch.device | str = "cpu"
) -> Streams:
    """On a CPU each picture's own: it follows from the step and the picture's number in the batch.

    On a GPU the numbers are made there, and one stream serves all of the part: with one a picture,
    each code that is tried would be as many launches as there are pictures. So codes, not crops,
    are other ones where a batch is cut in another way.
    """
    gpu = torch.device(device).type == "cuda"
    seeds = (
        np.random.SeedSequence([seed, step, number, turn]) for number in (part[:1] if gpu else part)
    )
    states = [int(one.generate_state(1)[0]) for one in seeds]
    if gpu:
        return torch.Generator(device).manual_seed(states[0])
    return [torch.Generator().manual_seed(state) for state in states]


def draw(preset: Preset, level: int, given: Tensor, generator: Streams) -> Code:
    """A random code for the level's input (n, c, h, w)."""
    latent_map, vector = _shapes(preset, level, given)
    return Code(
        _normal(latent_map, generator).to(given.device), _normal(vector, generator).to(given.device)
    )


def silent(preset: Preset, level: int, given: Tensor) -> Code:
    """The code of regression: zero. From random ones a network that regresses learns to ignore
    codes, and the first choice would find nothing to choose from."""
    latent_map, vector = _shapes(preset, level, given)
    return Code(given.new_zeros(latent_map), given.new_zeros(vector))


def _shapes(preset: Preset, level: int, given: Tensor) -> tuple[tuple[int, ...], tuple[int, ...]]:
    number, _, height, width = given.shape
    return (number, preset.levels[level].map_channels, height, width), (number, preset.vector)


def _normal(shape: tuple[int, ...], generator: Streams) -> Tensor:
    if isinstance(generator, torch.Generator):
        return torch.randn(shape, generator=generator, device=generator.device)
    drawn = [torch.randn(shape[1:], generator=one, device=one.device) for one in generator]
    return torch.stack(drawn)
