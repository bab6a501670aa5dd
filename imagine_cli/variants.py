"""Variants: pictures that a model imagines and that agree with the evidence, one a seed."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from . import noise
from .errors import ModelError
from .evidence import Agreement, EightBits, Evidence, Pixels
from .model import LevelCard, Model
from .tiles import tiles

TILE = 256  # pixels of a level's input that a tile answers for, each way

Progress = Callable[[float], None]  # told the share of a variant that is done


@dataclass(frozen=True)
class Variant:
    """One possible original: (height, width, 3) in eight bits, and how well it agrees."""

    seed: int
    picture: EightBits
    agreement: Agreement
    seconds: float


def imagine(
    evidence: Evidence,
    model: Model,
    seeds: Iterable[int],
    *,
    tile: int = TILE,
    progress: Progress = lambda share: None,
) -> Iterator[Variant]:
    """Variants of the picture behind the evidence, one after another.

    Each depends on the evidence, the model and its seed; not on tiles, threads or the other seeds.
    """
    levels = _levels(evidence, model)
    for seed in seeds:
        began = time.perf_counter()
        pixels = evidence.observed
        for number, level in enumerate(levels):
            share = _Share(progress, levels, number)
            pixels = _render(pixels, evidence, model, number, level, seed, tile, share)
            if number + 1 < len(levels):
                evidence.project(pixels, number)
        picture = evidence.eight_bits(pixels)
        agreement = evidence.agreement(picture)
        yield Variant(seed, picture, agreement, time.perf_counter() - began)


def _levels(evidence: Evidence, model: Model) -> list[LevelCard]:
    """The model's levels that the evidence asks for."""
    levels = list(model.card.levels[: len(evidence.factors)])
    if tuple(level.factor for level in levels) != evidence.factors:
        offered = ", ".join(str(level.factor) for level in model.card.levels)
        raise ModelError(
            f"the model '{model.card.name}' does {model.card.task} at {offered}, "
            f"not at {evidence.factors[-1]}"
        )
    if len(evidence.condition(0)) != model.card.condition:
        raise ModelError(f"the model '{model.card.name}' is for {model.card.task}")
    return levels


def _render(
    pixels: Pixels,
    evidence: Evidence,
    model: Model,
    number: int,
    level: LevelCard,
    seed: int,
    side: int,
    progress: Progress,
) -> Pixels:
    """One level's picture, tile by tile, each with its cut of the code for the whole picture."""
    height, width = pixels.shape[:2]
    pixels = _padded(pixels, level.multiple)
    vector = noise.vector(seed, number, model.card.vector)
    field = noise.Field(seed, number, level.channels)
    condition = evidence.condition(number)
    enlarge = level.factor // (evidence.factors[number - 1] if number else 1)
    # Half precision: a large canvas then takes twice the memory of the finished picture.
    dtype = np.float16 if level.factor > 1 else np.float32
    canvas = np.empty((pixels.shape[0] * enlarge, pixels.shape[1] * enlarge, 3), dtype)

    side = max(side // level.multiple, 1) * level.multiple
    cuts = list(tiles(pixels.shape[0], pixels.shape[1], side, level.margin))
    for done, cut in enumerate(cuts):
        outer = cut.rows.outer, cut.columns.outer
        imagined = model(
            number, pixels[outer].astype(np.float32), field.cut(*outer), vector, condition
        )
        inner = [_scaled(span.inner, enlarge) for span in (cut.rows, cut.columns)]
        kept = [
            _scaled(span.inner, enlarge, from_=span.outer.start) for span in (cut.rows, cut.columns)
        ]
        canvas[inner[0], inner[1]] = imagined[kept[0], kept[1]]
        progress((done + 1) / len(cuts))
    if not np.isfinite(canvas[:: max(height // 64, 1)]).all():
        raise ModelError(f"the model '{model.card.name}' gave values that are no numbers")
    return canvas[: height * enlarge, : width * enlarge]


def _padded(pixels: Pixels, multiple: int) -> Pixels:
    """Widened at the right and below, repeating the edge, to sides that are multiples."""
    short = [-length % multiple for length in pixels.shape[:2]]
    return np.pad(pixels, ((0, short[0]), (0, short[1]), (0, 0)), "edge") if any(short) else pixels


def _scaled(span: slice, factor: int, from_: int = 0) -> slice:
    return slice((span.start - from_) * factor, (span.stop - from_) * factor)


@dataclass(frozen=True)
class _Share:
    """Turns the share of a level that is done into the share of the variant, by pixels."""

    progress: Progress
    levels: list[LevelCard]
    number: int

    def __call__(self, share: float) -> None:
        sizes = [level.factor**2 for level in self.levels]
        done = sum(sizes[: self.number]) + sizes[self.number] * share
        self.progress(done / sum(sizes))
