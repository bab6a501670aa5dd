"""How the textures of two pictures differ, wherever in a window each detail lies.

LPIPS compares place by place, so where a detail may lie here or there its best answer is an average
of features: a faint regular pattern (hatching) that no picture has. Here the features of a window
are a heap without order, and two heaps are compared by their sliced Wasserstein distance: along
random directions, sorted. Since sorting is the best pairing of all, this distance never exceeds
LPIPS on the same features; it forgives a displacement and does not forgive a missing texture.

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
    """Features (n, c, h, w) of pictures `side` pixels high to (n, directions, windows, places),
    sorted over places."""
    heaps = []
    generator = torch.Generator().manual_seed(seed)
    for tap in features[:TAPS]:
        window = round(min(WINDOW, side) * tap.shape[-2] / side)
        directions = torch.randn(DIRECTIONS, tap.shape[1], generator=generator)
        directions = F.normalize(directions) * tap.shape[1] ** 0.5
        seen = torch.einsum("dc,nchw->ndhw", directions.to(tap), tap)
        heap = seen.unfold(2, window, window).unfold(3, window, window)
        heaps.append(heap.flatten(4).flatten(2, 3).sort(-1).values)
    return heaps


def compare(heaps: Sequence[Tensor], others: Sequence[Tensor]) -> Tensor:
    """The sliced Wasserstein distance of two results of `projected` (same seed): (n,)."""
    far = [(a - b).square().mean((1, 2, 3)) for a, b in zip(heaps, others, strict=True)]
    return torch.stack(far).sum(0)
