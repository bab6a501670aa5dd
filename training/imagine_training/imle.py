"""Conditional implicit maximum likelihood estimation: draw, choose the nearest, pull it closer.

Li & Malik, "Implicit Maximum Likelihood Estimation" (2018); Peng & Li, "Generating Unobserved
Alternatives" (HyperRIM), section 3: codes are chosen level by level (hierarchical sampling), the
levels before fixed to their winners; the loss is the sum over levels (intermediate supervision).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .data import Batch, Step
from .network import Generator
from .presets import Preset

Distance = Callable[[Tensor], Tensor]  # from pictures (n, 3, h, w) to the observed ones: (n,)


@dataclass
class Code:
    """One level's latent code: a map (n, m, h, w) and a vector (n, v), standard normal."""

    field: Tensor
    vector: Tensor


def draw(preset: Preset, level: int, pixels: Tensor, generator: torch.Generator) -> Code:
    number, _, height, width = pixels.shape
    channels = preset.levels[level].map_channels
    return Code(
        torch.randn(number, channels, height, width, generator=generator).to(pixels.device),
        torch.randn(number, preset.vector, generator=generator).to(pixels.device),
    )


def imagine_level(network: Generator, level: int, pixels: Tensor, code: Code, step: Step) -> Tensor:
    """One level's pictures, made to agree with what is known."""
    imagined = network(level, pixels, code.field, code.vector, step.condition)
    return step.agree.project(imagined)


def nearest_codes(
    network: Generator,
    batch: Batch,
    preset: Preset,
    distance: Sequence[Distance],
    generator: torch.Generator,
) -> list[Code]:
    """For each level in turn, the code of several whose picture is nearest to the observed one."""
    pixels, chosen = batch.observed, []
    with torch.no_grad():
        for level, step in enumerate(batch.steps):
            pixels = pixels[..., *step.window]
            best = draw(preset, level, pixels, generator)
            picture = imagine_level(network, level, pixels, best, step)
            if preset.candidates[level] > 1:
                nearest = distance[level](picture)
            for _ in range(preset.candidates[level] - 1):
                code = draw(preset, level, pixels, generator)
                other = imagine_level(network, level, pixels, code, step)
                far = distance[level](other)
                closer = far < nearest
                nearest = torch.minimum(far, nearest)
                best = Code(
                    torch.where(closer[:, None, None, None], code.field, best.field),
                    torch.where(closer[:, None], code.vector, best.vector),
                )
                picture = torch.where(closer[:, None, None, None], other, picture)
            chosen.append(best)
            pixels = picture
    return chosen


def random_codes(batch: Batch, preset: Preset, generator: torch.Generator) -> list[Code]:
    """Codes as a user will draw them."""
    pixels, codes = batch.observed, []
    for level, step in enumerate(batch.steps):
        pixels = pixels[..., *step.window]
        codes.append(draw(preset, level, pixels, generator))
        pixels = step.target
    return codes


def distances(
    network: Generator, batch: Batch, codes: list[Code], distance: Sequence[Distance]
) -> list[Tensor]:
    """How far the pictures of `codes` are from the observed ones: (n,) a level."""
    pixels, far = batch.observed, []
    for level, (step, code) in enumerate(zip(batch.steps, codes, strict=True)):
        pixels = imagine_level(network, level, pixels[..., *step.window], code, step)
        far.append(distance[level](pixels))
    return far
