"""How the textures of two pictures differ, wherever in a window each detail lies.

LPIPS compares place by place, so where a detail may lie here or there its best answer is an average
of features: a faint regular pattern (hatching) that no picture has. Here the features of a window
are a distribution, wherever in it they lie, and two windows are compared by the sliced Wasserstein
distance: along random directions, sorted. Since sorting is the best pairing of all, this distance
never exceeds LPIPS on the same features; it forgives a displacement, and not a missing texture.

Rabin et al., "Wasserstein Barycenter and Its Application to Texture Mixing" (2011); on the features
of a network: Heitz et al., "A Sliced Wasserstein Loss for Neural Texture Synthesis" (CVPR 2021).
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

WINDOW = 32  # pixels: the texture of a window is one
DIRECTIONS = 16
TAPS = 3  # of `Lpips.features`: the later ones know things, not textures


def projected(features: Sequence[Tensor], side: int, seed: int) -> list[Tensor]:
    """Features (n, c, h, w) of pictures `side` pixels high, along random directions of length
    sqrt(c), window by window: (n, directions, windows, places), sorted over places."""
    found = []
    generator = torch.Generator().manual_seed(seed)
    for tap in features[:TAPS]:
        window = round(min(WINDOW, side) * tap.shape[-2] / side)
        directions = torch.randn(DIRECTIONS, tap.shape[1], generator=generator)
        directions = F.normalize(directions) * tap.shape[1] ** 0.5
        directions = directions.to(tap.device, tap.dtype, non_blocking=True)
        seen = torch.einsum("dc,nchw->ndhw", directions, tap)
        windows = seen.unfold(2, window, window).unfold(3, window, window)
        found.append(windows.flatten(4).flatten(2, 3).sort(-1).values)
    return found


def compare(some: Sequence[Tensor], others: Sequence[Tensor]) -> Tensor:
    """The squared sliced Wasserstein distance of two results of `projected` (same seed): (n,)."""
    far = [(a - b).square().mean((1, 2, 3)) for a, b in zip(some, others, strict=True)]
    return torch.stack(far).sum(0)
