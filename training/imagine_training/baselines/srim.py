"""SRIM: one network from the small picture to the large one, a spatial code, and IMLE.

Li, Peng & Malik, "Super-Resolution via Conditional Implicit Maximum Likelihood Estimation" (2018):
ESRGAN's network without its adversary. Codes are drawn, the nearest is chosen, its picture pulled
closer; near is what VGG's features say, with a little of the pixels. HyperRIM grew out of it: there
are no levels, no vector, no mapping network and no supervision on the way. What differs:

| its public code                      | here                              | because              |
|--------------------------------------|-----------------------------------|----------------------|
| 24 blocks of 64 channels             | 10 of 32, 1.9 M                   | as large as ours     |
| 100 codes, kept for many steps       | 4, chosen anew at every step      | as ours; the budget  |
| near: random projections, DCI        | the features themselves           | exact, and not dear  |
| features of VGG19 of all of it       | of VGG16, of a window of 96²      | what ours looks at   |
| from a network without a code        | 200 steps of L1, codes of zero    | as ours              |

The network itself, and what of it differs from the paper's, is in `esrgan.py`. Its picture is
projected onto the evidence before it is chosen or compared, as ours are.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from ..method.imle import Imle
from ..method.learning import Drawn
from ..method.perceptual import Lpips
from ..method.presets import UPSCALE, LevelShape, Preset
from .esrgan import feature_distance

SEEN = 96  # pixels a side: what VGG looks at, the same of all candidates


class Srim(Imle):
    """SRIM."""

    presets: ClassVar[dict[str, Preset]] = {
        "upscale": replace(
            UPSCALE,
            method="srim",
            network="rrdb",
            levels=(
                LevelShape(
                    32, 16, blocks=10, dense_blocks=3, convolutions=5, enlarge=16,
                    tail=(32, 24, 16, 16), map_channels=5,
                ),
            ),
            vector=1,  # not looked at
            candidates=(4,),
            patch=0,
            maps=0,
            teacher_forcing=0.0,
            perceptual=("vgg",),
            learning_rate=1.5e-4,
            pixel_weight=0.01,
        )
    }  # fmt: skip

    def objectives(self, drawn: Drawn) -> Sequence["Features"]:
        nets = self.lpips if drawn.step >= self.preset.warm_steps else []
        weight = self.preset.pixel_weight
        return [Features(one.target, nets, weight, drawn.rng) for one in drawn.batch.steps]


class Features:
    """How far pictures are: VGG's last features, and the pixels by their weight."""

    def __init__(
        self, target: Tensor, nets: Sequence[Lpips], weight: float, rng: np.random.Generator
    ) -> None:
        self.target, self.nets, self.weight = target, nets, weight
        top, left = (int(rng.integers(max(side - SEEN, 0) + 1)) for side in target.shape[-2:])
        self.window = slice(top, top + SEEN), slice(left, left + SEEN)

    def loss(self, pictures: Tensor) -> Tensor:
        """(n,)"""
        loss = self.weight * (pictures - self.target).abs().mean((1, 2, 3))
        for net in self.nets:
            seen, observed = pictures[..., *self.window], self.target[..., *self.window]
            loss = loss + feature_distance(net, seen, observed)
        return loss

    @torch.no_grad()
    def distance(self, pictures: Tensor) -> Tensor:
        """The same, for the choice, of the picture as a whole: (k n, 1, 1), see `Distance`."""
        rounds = pictures.reshape(-1, *self.target.shape)
        return torch.cat([self.loss(one) for one in rounds])[:, None, None]
