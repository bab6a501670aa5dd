"""What a method of training is: a network, what learns beside it, and what is to become small.

`imle.py` is ours; its rivals are in `baselines/`. All that surrounds a step is shared, and lies in
`run/`: batches, gradients, averages, validation, what is saved and exported.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor, nn

from .data import Batch
from .hyperrim import HyperRIM
from .latent import Streams
from .network import Generator
from .perceptual import Lpips
from .presets import Preset

Network = Generator | HyperRIM


@dataclass
class Drawn:
    """What a step draws for some pictures of its batch."""

    step: int
    batch: Batch  # crops and their evidence
    rng: np.random.Generator  # for what all pictures of the batch share
    codes: Streams  # of latent codes: `latent.streams`


class Method(nn.Module, ABC):
    """`lpips`: the feature networks that the preset names. The first line of a method's docstring
    is what cards call it."""

    presets: ClassVar[dict[str, Preset]]
    """By task."""

    heeds: ClassVar[tuple[str, ...]] = ()
    """Those of the options `candidates` and `perceptual` that mean something to it."""

    def __init__(self, preset: Preset, network: Network, lpips: list[Lpips]) -> None:
        super().__init__()
        self.preset, self.network, self.lpips = preset, network, lpips
        self.adversaries = nn.ModuleList()
        """They learn beside the network, one a level, and are not exported."""

    @abstractmethod
    def losses(self, drawn: Drawn, *, choose: bool = True) -> Tensor:
        """What is to become small, of each level's pictures: (levels, n).

        `choose`: on codes that the method chooses; else on random ones.
        """
