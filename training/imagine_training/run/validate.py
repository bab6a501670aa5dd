"""Validation: pictures that are not trained on, always the same, with the same codes."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from imagine_cli.errors import ModelError

from ..baselines.networks import build
from ..method import backbones
from ..method.data import Batch, fixed_batches
from ..method.imle import imagine_levels
from ..method.latent import draw
from ..method.learning import Network
from ..method.perceptual import Lpips
from ..method.presets import Preset
from .learner import Learner

SHOWN = 4  # pictures on a preview
CELL = 256  # pixels a side, cut from the middle
GAP = 4
JUDGE = "alex"  # no compact preset is trained with it
PIXELS = "pixels"  # the judge where there is no network: the mean absolute difference


@dataclass(frozen=True)
class Validation:
    distance: float
    """To the observed pictures, random codes, the mean over levels: LPIPS under the judge."""
    spread: float
    """Between two variants."""
    preview: Image.Image
    """A row a picture: the input plainly enlarged, two variants, the observed one."""


def fetch_networks(preset: Preset, *, offline: bool, say: Callable[[str], None]) -> None:
    """What a preset is trained with, and a judge that is not. Raises ModelError, one line."""
    if preset.perceptual:
        try:
            backbones.fetch([*preset.perceptual, JUDGE], offline=offline, say=say)
        except ModelError as error:
            raise ModelError(f"{error}; or --perceptual none") from None


def judge_for(preset: Preset) -> str:
    """A network that is not trained with, if one is at hand."""
    others = (net for net in (JUDGE, "squeeze", "vgg") if net not in preset.perceptual)
    at_hand = (net for net in others if backbones.find(net))
    return next(at_hand, preset.perceptual[0] if preset.perceptual else PIXELS)


class Validator:
    """Whole pictures, not the windows that levels are trained on."""

    def __init__(
        self, preset: Preset, pictures: list[NDArray[np.uint8]], judge: str, device: torch.device
    ) -> None:
        self.preset, self.device, self.pictures = preset, device, pictures
        self.distance: Callable[[Tensor, Tensor], Tensor] = (
            _difference if judge == PIXELS else Lpips(judge).to(device)
        )

    @torch.no_grad()
    def validate(self, weights: dict[str, Tensor], *, reduced: bool) -> Validation:
        network = build(self.preset, reduced=reduced)
        network.load_state_dict(weights)
        network.to(self.device)
        far, apart = [], []
        rows: list[Tensor] = []
        for batch in fixed_batches(self.pictures, self.preset, self.device):
            one, other = (self._variant(network, batch, seed) for seed in (0, 1))
            levels = zip(one, batch.steps, strict=True)
            far.append(torch.stack([self.distance(it, step.target) for it, step in levels]).mean(0))
            apart.append(self.distance(one[-1], other[-1]))
            if not rows:
                rows = [_row(batch, one[-1], other[-1], k) for k in range(len(one[-1]))][:SHOWN]
        distance, spread = (torch.cat(some).mean().item() for some in (far, apart))
        return Validation(distance, spread, _stacked(rows))

    def _variant(self, network: Network, batch: Batch, seed: int) -> list[Tensor]:
        codes = torch.Generator().manual_seed(seed)
        levels = imagine_levels(network, batch, partial(draw, self.preset, generator=codes))
        return [level.clamp(0, 1) for level in levels]


@torch.no_grad()
def random_code_loss(learner: Learner, pictures: list[NDArray[np.uint8]], step: int) -> float:
    """The loss of a step's first pictures on codes that nobody chose."""
    part = learner.share[: learner.together]
    drawn = learner.draw(pictures, step, part, turn=1)
    return float(learner.method.losses(drawn, choose=False).sum(0).mean())


def _difference(pictures: Tensor, others: Tensor) -> Tensor:
    return (pictures - others).abs().mean((1, 2, 3))


def _row(batch: Batch, one: Tensor, other: Tensor, number: int) -> Tensor:
    """Four pictures side by side: (3, h, w)."""
    observed = batch.steps[-1].target
    enlarged = F.interpolate(batch.observed, observed.shape[-2:], mode="bicubic").clamp(0, 1)
    side = min(CELL, *observed.shape[-2:])
    top, left = ((length - side) // 2 for length in observed.shape[-2:])
    cells = [
        F.pad(four[number, :, top : top + side, left : left + side], (0, GAP, 0, GAP), value=1.0)
        for four in (enlarged, one, other, observed)
    ]
    return torch.cat(cells, 2)


def _stacked(rows: list[Tensor]) -> Image.Image:
    pixels = (torch.cat(rows, 1) * 255).round().byte().permute(1, 2, 0)
    return Image.fromarray(pixels.cpu().numpy())
