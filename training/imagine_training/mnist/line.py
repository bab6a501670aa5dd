"""One dimension, where the truth is known: for each x three answers are right, one of them rarely.

    y = 0.4 sin(πx) + 1, 0 or -1 (with chances of 0.6, 0.35 and 0.05) + noise (σ = 0.05)

The pairs show one answer for each x. A learner that keeps all three has a share of its samples on
each; one that regresses has its samples between them, where nothing was ever observed.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from .toy import Plan, Sampler, learners, samples

MODES = torch.tensor([1.0, 0.0, -1.0])
CHANCES = torch.tensor([0.6, 0.35, 0.05])
NOISE = 0.05
LEARNERS = learners(1, 8, 20)
SAMPLES = 200  # for each x


def plan(rounds: int) -> Plan:
    return Plan(rounds=rounds, steps=100, code=2, width=128)


def pairs(number: int) -> tuple[Tensor, Tensor]:
    """x and y, (n, 1) each."""
    x = 2 * torch.rand(number, 1) - 1
    mode = MODES[torch.multinomial(CHANCES, number, replacement=True)]
    return x, wave(x) + mode[:, None] + NOISE * torch.randn(number, 1)


def wave(x: Tensor) -> Tensor:
    return 0.4 * torch.sin(math.pi * x)


def measured(sampler: Sampler) -> dict[str, float]:
    """Figures over 101 values of x and so many samples for each.

    A sample is on a mode within three σ. A mode is covered at an x if one sample in a hundred is.
    """
    x = torch.linspace(-1, 1, 101)[:, None]
    height = samples(sampler, x, SAMPLES) - wave(x)[:, None]  # (x, samples, 1)
    share = ((height - MODES).abs() < 3 * NOISE).float().mean(1)  # (x, modes)
    covered = (share >= 0.01).float()
    figures = {
        "modes covered": covered.mean().item(),
        "the rarest covered": covered[:, -1].mean().item(),
        "samples on a mode": share.sum(1).mean().item(),
    }
    modes = zip(MODES.tolist(), CHANCES.tolist(), share.mean(0).tolist(), strict=True)
    return figures | {f"on {mode:+.0f} (truth {chance:.2f})": on for mode, chance, on in modes}


def picture(known: Tensor, observed: Tensor, learnt: dict[str, Sampler]) -> NDArray[np.uint8]:
    """The observed pairs, then as many samples of each learner, side by side."""
    size = 260
    clouds = {"observed": observed} | {
        name: samples(sampler, known, 1)[:, 0] for name, sampler in learnt.items()
    }
    paper = Image.new("RGB", (size * len(clouds), size + 24), "white")
    pen = ImageDraw.Draw(paper)
    for place, (name, cloud) in enumerate(clouds.items()):
        left = size * place
        pen.text((left + size // 2, size + 10), name, "black", anchor="mm")
        across = left + 8 + (known[:, 0] + 1) / 2 * (size - 16)
        down = 8 + (1.8 - cloud[:, 0]) / 3.6 * (size - 16)
        for x, y in zip(across.tolist(), down.tolist(), strict=True):
            if 0 <= y < size:
                pen.ellipse((x - 1, y - 1, x + 1, y + 1), (30, 80, 160))
    return np.asarray(paper)
