"""How far imagined pictures are from the observed ones: for the choice of a code, and the loss."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from . import spectrum, texture
from .perceptual import Lpips, compare
from .presets import Preset

SHIFT = 8  # pixels by which a loss window is moved at random against the network's own grid


SMALLEST = 17  # pixels a side that all networks can look at
CHOICE_TAPS = 2  # of the first network: fine texture, which the last one, strided, sees less of


def _halved(pictures: Tensor) -> Tensor:
    return F.interpolate(pictures, scale_factor=0.5, mode="bicubic", antialias=True)


class Near:
    """The distance to the observed pictures, and the loss: what a choice of code can be judged by.

    The choice: LPIPS under the last of the networks, the cheapest, the first taps of the first one,
    and the pixels, patch by patch.
    The loss: LPIPS under all of them, and under the first one at half scale; the pixels; and what
    no choice of code is needed for, texture and local spectra. Seen through a randomly shifted
    window. Without networks the pixels alone.
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
            self.half_weight = preset.half_scale_weight if large_enough else 0.0
            self.small = lpips[0].features(_halved(seen)) if self.half_weight else []
            self.amplitudes = spectrum.log_amplitudes(seen)
            self.heaps = texture.projected(self.features[0], seen.shape[-2], self.seed)

    def __call__(self, pictures: Tensor) -> Tensor:
        side = min(pictures.shape[-2:])
        pieces = max(1, side // self.preset.patch) if self.preset.patch else 1
        maps = [self.preset.pixel_weight * (pictures - self.target).abs().mean(1, keepdim=True)]
        if self.lpips:
            features = self.lpips[-1].features(pictures[..., *self.window])
            both = zip(features, self.features[-1], strict=True)
            maps += [(a - b).square().sum(1, keepdim=True) for a, b in both]
            if self.preset.patch and len(self.lpips) > 1:
                first = self.lpips[0].features(pictures[..., *self.window], taps=CHOICE_TAPS)
                both = zip(first, self.features[0][:CHOICE_TAPS], strict=True)
                maps += [(a - b).square().sum(1, keepdim=True) for a, b in both]
        return torch.cat([F.adaptive_avg_pool2d(places, pieces) for places in maps], 1).sum(1)

    def loss(self, pictures: Tensor) -> Tensor:
        far = self.preset.pixel_weight * (pictures - self.target).abs().mean((1, 2, 3))
        if not self.lpips:
            return far
        seen = pictures[..., *self.window]
        features = [net.features(seen) for net in self.lpips]
        for both in zip(features, self.features, strict=True):
            far = far + compare(*both)
        if self.half_weight:
            small = self.lpips[0].features(_halved(seen))
            far = far + self.half_weight * compare(small, self.small)
        heaps = texture.projected(features[0], seen.shape[-2], self.seed)
        far = far + self.preset.texture_weight * texture.compare(heaps, self.heaps)
        spectra = spectrum.compare(spectrum.log_amplitudes(seen), self.amplitudes)
        return far + self.preset.spectrum_weight * spectra
