"""Regression: our network and the mean absolute difference, codes of zero. One answer, the median.

What is left of the method without codes: the pictures that pixels ask for. Their sum over levels,
projection, windows, and true pictures among the inputs are ours; all codes that the network is
given are silenced, so every variant is the same.
"""

from dataclasses import replace
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor

from ..method import network
from ..method.imle import imagine_levels
from ..method.latent import silent
from ..method.learning import Drawn, Method
from ..method.presets import DECOMPRESS, UPSCALE, Preset


def _regressing(preset: Preset) -> Preset:
    return replace(preset, method="regression", network="silent", perceptual=(), pixel_weight=1.0)


class Regression(Method):
    """Regression by L1."""

    presets: ClassVar[dict[str, Preset]] = {
        "upscale": _regressing(UPSCALE),
        "decompress": _regressing(DECOMPRESS),
    }

    def losses(self, drawn: Drawn, *, choose: bool = True) -> Tensor:
        imagined = imagine_levels(self.network, drawn.batch, partial(silent, self.preset))
        return torch.stack([
            (picture - step.target).abs().mean((1, 2, 3))
            for picture, step in zip(imagined, drawn.batch.steps, strict=True)
        ])  # fmt: skip


class Level(network.Level):
    """`network.Level`, deaf to its code."""

    def forward(
        self,
        pixels: Tensor,
        latent_map: Tensor,
        vector: Tensor,
        condition: Tensor,
        *shared: Tensor,
    ) -> Tensor:
        return super().forward(pixels, 0 * latent_map, 0 * vector, condition, *shared)


class Generator(network.Generator):
    """The compact network, silent."""

    kind = "silent"
    level = Level
