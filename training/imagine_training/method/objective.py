"""The objective: how far imagined pictures are from the observed ones.

`distance` is what a code is chosen by, patch by patch; `loss` is what the network is trained by.

LPIPS: Zhang et al. (CVPR 2018), `perceptual.py`. Beside it, what no choice of code is needed for:
texture (`texture.py`) and local spectra (`spectrum.py`).
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from . import spectrum, texture
from .perceptual import Lpips, compare
from .presets import Preset

SHIFT = 8  # pixels by which the networks' window is moved at random against the generator's grid
SMALLEST = 17  # pixels a side that all networks can look at
CHOICE_TAPS = 2  # of the first network: fine texture, which the last one, strided, sees less of


class Distance(Protocol):
    """How far pictures (n, 3, h, w) are from the observed ones."""

    def distance(self, pictures: Tensor) -> Tensor:
        """For the choice of a code, patch by patch: (n, p, p); of k n pictures, those of k codes
        one after another, (k n, p, p)."""

    def loss(self, pictures: Tensor) -> Tensor:
        """What is to become small: (n,)."""


class Objective:
    """How far pictures (n, 3, h, w) are from `target`, the observed ones.

    Networks look through a randomly shifted window. Without networks it is the pixels alone.
    """

    def __init__(
        self, target: Tensor, lpips: Sequence[Lpips], preset: Preset, rng: np.random.Generator
    ) -> None:
        top, left = rng.integers(SHIFT + 1, size=2).tolist()
        height, width = target.shape[-2] - SHIFT, target.shape[-1] - SHIFT
        self.window = slice(top, top + height), slice(left, left + width)
        self.target, self.lpips, self.preset = target, lpips, preset
        self.seed = int(rng.integers(2**31))  # of the directions that texture is compared along
        seen = target[..., *self.window]
        self.features = [net.features(seen) for net in lpips]
        if lpips:
            large_enough = min(seen.shape[-2:]) >= 2 * SMALLEST
            self.half_scale_weight = preset.half_scale_weight if large_enough else 0.0
            self.half_scale = lpips[0].features(_halved(seen)) if self.half_scale_weight else []
            self.texture = texture.projected(self.features[0], seen.shape[-2], self.seed)
            self.spectrum = spectrum.log_amplitudes(seen)

    @torch.no_grad()
    def distance(self, pictures: Tensor) -> Tensor:
        """For the choice of a code, patch by patch: see `Distance`.

        The pixels; LPIPS under the last network, which is the cheapest; and the first taps of the
        first one, where patches are chosen.
        """
        preset, seen = self.preset, pictures[..., *self.window]
        patches = max(1, min(pictures.shape[-2:]) // preset.patch) if preset.patch else 1
        off = (_rounds(pictures, self.target) - self.target).abs().flatten(0, 1)
        maps = [preset.pixel_weight * off.mean(1, keepdim=True)]
        if self.lpips:
            maps += _squares(self.lpips[-1].features(seen), self.features[-1])
            if preset.patch and len(self.lpips) > 1:
                first = self.lpips[0].features(seen, taps=CHOICE_TAPS)
                maps += _squares(first, self.features[0][:CHOICE_TAPS])
        return torch.cat([F.adaptive_avg_pool2d(places, patches) for places in maps], 1).sum(1)

    def loss(self, pictures: Tensor) -> Tensor:
        """What is to become small: (n,)."""
        preset, seen = self.preset, pictures[..., *self.window]
        loss = preset.pixel_weight * (pictures - self.target).abs().mean((1, 2, 3))
        if not self.lpips:
            return loss
        features = [net.features(seen) for net in self.lpips]
        for both in zip(features, self.features, strict=True):
            loss = loss + compare(*both)
        if self.half_scale_weight:
            half_scale = self.lpips[0].features(_halved(seen))
            loss = loss + self.half_scale_weight * compare(half_scale, self.half_scale)
        projected = texture.projected(features[0], seen.shape[-2], self.seed)
        loss = loss + preset.texture_weight * texture.compare(projected, self.texture)
        spectra = spectrum.compare(spectrum.log_amplitudes(seen), self.spectrum)
        return loss + preset.spectrum_weight * spectra


def _squares(features: Sequence[Tensor], others: Sequence[Tensor]) -> list[Tensor]:
    """LPIPS before its means over places: (k n, 1, h, w) a tap, each at its own scale."""
    both = zip(features, others, strict=True)
    return [(_rounds(a, b) - b).square().sum(2).flatten(0, 1)[:, None] for a, b in both]


def _rounds(many: Tensor, others: Tensor) -> Tensor:
    """(k n, c, h, w) beside (n, c, h, w): (k, n, c, h, w)."""
    return many.reshape(-1, *others.shape)


def _halved(pictures: Tensor) -> Tensor:
    return F.interpolate(pictures, scale_factor=0.5, mode="bicubic", antialias=True)
