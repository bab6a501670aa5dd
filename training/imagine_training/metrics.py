"""Functions of pictures: what a variant is worth, and how variants differ."""

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

EightBits = NDArray[np.uint8]
Distance = Callable[[EightBits, EightBits], float]


def psnr(picture: EightBits, observed: EightBits) -> float:
    """Peak signal-to-noise ratio in dB, over all samples of eight bits; infinite if equal."""
    error = np.square(picture.astype(np.float64) - observed).mean()
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


def lpips(net: str) -> Distance:
    """LPIPS v0.1 of two pictures, (h, w, 3) in eight bits, under "alex", "vgg" or "squeeze".

    Raises ModelError if the weights of the network are not at hand.
    """
    from .perceptual import Lpips

    distance = Lpips(net)

    @torch.no_grad()
    def far(picture: EightBits, observed: EightBits) -> float:
        return float(distance(_tensor(picture), _tensor(observed)))

    return far


def spread(variants: Sequence[EightBits], distance: Distance) -> float:
    """The mean distance of all pairs of variants; 0 if they are the same picture, or alone."""
    pairs = [distance(one, other) for one, other in combinations(variants, 2)]
    return float(np.mean(pairs)) if pairs else 0.0


def _tensor(picture: EightBits) -> Tensor:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255
