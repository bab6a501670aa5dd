"""Training: draw, choose the nearest, pull it closer, step, and now and then look."""

import math
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from . import spectrum, texture
from .checkpoint import RunningAverage, load_state, load_weights, save_state, save_weights
from .data import Pictures, fixed_batches, random_batch
from .imle import draw, imagine_levels, nearest_code
from .network import Generator
from .perceptual import Lpips, compare
from .presets import Preset

SHIFT = 8  # pixels by which a loss window is moved at random against the network's own grid


def train(
    preset: Preset,
    folders: list[Path],
    out: Path,
    *,
    init: Path | None = None,
    seed: int = 0,
    half: bool = True,
    hours: float | None = None,
    minutes_between_looks: float = 4,
) -> None:
    """Train for `hours`, or until `preset.steps`; go on where `out` was left, if it was.

    Leaves `model.safetensors` (the running average), `config.json` and `state.pt` in `out`.
    """
    pictures = Pictures(folders, preset.crop)
    _say(
        f"{len(pictures.train)} pictures to train on, {len(pictures.held_out)} held out, "
        f"{len(pictures.refused)} left out"
    )
    torch.manual_seed(seed)
    network = Generator(preset, reduced=half)
    if init is not None:
        network.load_state_dict(load_weights(init)[0])
    lpips = [Lpips(net, reduced=half) for net in preset.perceptual]
    optimiser = torch.optim.Adam(network.parameters(), betas=(0.9, 0.99))
    average = RunningAverage(network, preset.average)
    first, spent = 0, 0.0
    if state := load_state(out):
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        average.weights = state["average"]
        first, spent = state["step"], state["seconds"]
    out.mkdir(parents=True, exist_ok=True)
    _say(f"{sum(p.numel() for p in network.parameters()):,} parameters; from step {first}")

    began = looked = time.monotonic()
    step, done = first, _done(preset, hours, first, spent)
    while done < 1:
        rng = np.random.default_rng([seed, step])
        codes_rng = torch.Generator().manual_seed(seed * 1_000_003 + step)
        for group in optimiser.param_groups:
            group["lr"] = _rate(preset, step, done)

        batch = random_batch(pictures.train, preset, rng)
        warm = step < preset.warm_steps
        measures = [_Near(one.target, () if warm else lpips, preset, rng) for one in batch.steps]
        choose = (
            partial(draw, preset, generator=codes_rng)
            if warm
            else partial(nearest_code, network, batch, preset, measures, codes_rng)
        )
        imagined = imagine_levels(network, batch, choose)
        far = [near.loss(level) for near, level in zip(measures, imagined, strict=True)]
        loss = torch.stack([level.mean() for level in far]).sum()

        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = clip_grad_norm_(network.parameters(), preset.clip)
        if torch.isfinite(norm):
            optimiser.step()
            average.update(network, step)

        if step % 20 == 0:
            each = " ".join(f"{level.mean().item():.3f}" for level in far)
            pace = (time.monotonic() - began) / (step - first + 1)
            _say(f"step {step}  {done:.0%}  nearest {each}  norm {norm:.2f}  {pace:.2f} s/step")
        step += 1
        seconds = spent + time.monotonic() - began
        done = _done(preset, hours, step, seconds)
        if done >= 1 or time.monotonic() - looked > 60 * minutes_between_looks:
            save_state(
                {
                    "network": network.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "average": average.weights,
                    "step": step,
                    "seconds": seconds,
                },
                out,
            )
            save_weights(average.weights, preset, out)
            _say(f"step {step}  {_look(average, pictures, preset, lpips)}")
            looked = time.monotonic()


def _done(preset: Preset, hours: float | None, step: int, seconds: float) -> float:
    """The share of the run that lies behind us."""
    return seconds / 3600 / hours if hours else step / preset.steps


def _rate(preset: Preset, step: int, done: float) -> float:
    """A short rise, then a cosine down to `final_rate` when all is `done`."""
    cosine = 0.5 * (1 + math.cos(math.pi * done))
    fall = preset.final_rate + (1 - preset.final_rate) * cosine
    return preset.learning_rate * fall * min(1, (step + 1) / 50)


class _Near:
    """The distance to the observed pictures, and the loss: what a choice of code can be judged by.

    The choice: LPIPS under the last of the networks, the cheapest, and the pixels, piece by piece.
    The loss: LPIPS under all of them, the pixels, and what no choice of code is needed for, texture
    and local spectra. Seen through a randomly shifted window. Without networks the pixels alone.
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
            self.amplitudes = spectrum.log_amplitudes(seen)
            self.heaps = texture.projected(self.features[0], seen.shape[-2], self.seed)

    def __call__(self, pictures: Tensor) -> Tensor:
        pieces = self.preset.pieces
        maps = [self.preset.pixel_weight * (pictures - self.target).abs().mean(1, keepdim=True)]
        if self.lpips:
            features = self.lpips[-1].features(pictures[..., *self.window])
            both = zip(features, self.features[-1], strict=True)
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
        heaps = texture.projected(features[0], seen.shape[-2], self.seed)
        far = far + self.preset.texture_weight * texture.compare(heaps, self.heaps)
        spectra = spectrum.compare(spectrum.log_amplitudes(seen), self.amplitudes)
        return far + self.preset.spectrum_weight * spectra


@torch.no_grad()
def _look(
    average: RunningAverage, pictures: Pictures, preset: Preset, lpips: Sequence[Lpips]
) -> str:
    """The averaged network on held-out pictures: distance on fresh codes, spread between two."""
    network = Generator(preset, reduced=lpips[0].reduced)
    network.load_state_dict(average.weights)
    fresh, spread = [], []
    for batch in list(fixed_batches(pictures.held_out, preset))[:4]:
        rng = np.random.default_rng(0)
        measures = [_Near(step.target, lpips, preset, rng) for step in batch.steps]
        imagined, others = (
            imagine_levels(
                network,
                batch,
                partial(draw, preset, generator=torch.Generator().manual_seed(number)),
            )
            for number in (0, 1)
        )
        far = [near.loss(level).mean() for near, level in zip(measures, imagined, strict=True)]
        fresh.append(torch.stack(far))
        spread.append(lpips[0](imagined[-1], others[-1]).mean())
    each = " ".join(f"{level:.3f}" for level in torch.stack(fresh).mean(0))
    return f"held out: fresh {each}  spread {torch.stack(spread).mean():.3f}"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
