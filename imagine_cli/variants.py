"""Variants: pictures that a model imagines and that agree with the evidence, one a seed."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import noise
from .card import LevelCard, Model
from .errors import ImagineError, ModelError
from .evidence import Agreement, EightBits, Evidence, Pixels
from .seeds import Seed, checked
from .tiles import Span, tiles

if TYPE_CHECKING:
    from .picture import Picture

BORDER = 8  # pixels by which a level sees the picture mirrored beyond its border
TILE = 256 + 2 * BORDER  # pixels of a level's input that a tile answers for, each way, at most;
MARGINS = 8  # or so many times what it reads beyond them, if that is more

Progress = Callable[[float], None]  # told the share of a variant that is done


@dataclass(frozen=True)
class Variant:
    """One possible original: (height, width, 3) in eight bits, and how well it agrees."""

    seed: Seed
    picture: EightBits
    agreement: Agreement
    seconds: float

    def save(self, path: Path | str, *, like: "Picture | None" = None) -> Path:
        """Write it, without loss, as the suffix says: .png, .webp or .tiff.

        like: the picture that it was made from, whose colour profile and EXIF it keeps. Raises
        OutputError.
        """
        from .picture import write

        kept: dict[str, Any] = (
            {"grey": like.grey, "icc": like.icc, "exif": like.exif} if like else {}
        )
        try:
            write(self.picture, path, **kept)
        except ImagineError as error:
            raise type(error)(f"{path}: {error}") from error
        return Path(path)


def imagine(
    evidence: Evidence,
    model: Model,
    seeds: Iterable[Seed],
    *,
    tile: int = 0,
    progress: Progress = lambda share: None,
) -> Iterator[Variant]:
    """Variants of the picture behind the evidence, one after another.

    Each depends on the evidence, the model and its seed; not on tiles, threads or the other seeds.
    tile: how many pixels of a level's input, each way, one answers for; 0 is what suits the level.
    """
    if isinstance(model, str):
        raise ValueError(f"a model, not its name: load_model('{model}')")
    if isinstance(seeds, int):
        raise ValueError(f"several seeds, not one number: range({seeds}) or [{seeds}]")
    levels = _levels(evidence, model)
    for seed in map(checked, seeds):
        yield _variant(evidence, model, levels, seed, tile, progress)


def _variant(
    evidence: Evidence,
    model: Model,
    levels: list[LevelCard],
    seed: Seed,
    tile: int,
    progress: Progress,
) -> Variant:
    began = time.perf_counter()
    pixels = evidence.observed
    for number, level in enumerate(levels):
        share = _Share(progress, levels, number)
        pixels = _render(pixels, evidence, model, number, level, seed, tile, share)
        if number + 1 < len(levels):
            evidence.project(pixels, evidence.factors.index(level.factor))
    picture = evidence.eight_bits(pixels)
    del pixels  # twice the picture's size
    agreement = evidence.agreement(picture)
    return Variant(seed, picture, agreement, time.perf_counter() - began)


def _levels(evidence: Evidence, model: Model) -> list[LevelCard]:
    """The model's levels up to the scale of the evidence; a level may enlarge more than twice."""
    levels = [one for one in model.card.levels if one.factor <= evidence.factors[-1]]
    factors = [one.factor for one in levels]
    if not set(factors) <= set(evidence.factors) or factors[-1:] != [evidence.factors[-1]]:
        offered = ", ".join(str(level.factor) for level in model.card.levels)
        raise ModelError(
            f"the model '{model.card.name}' is for {model.card.task} at {offered}, "
            f"not for a scale of {evidence.factors[-1]}"
        )
    if len(evidence.condition()) != model.card.condition:
        raise ModelError(f"the model '{model.card.name}' is for {model.card.task}")
    return levels


def _render(
    pixels: Pixels,
    evidence: Evidence,
    model: Model,
    number: int,
    level: LevelCard,
    seed: Seed,
    side: int,
    progress: Progress,
) -> Pixels:
    """One level's picture, tile by tile, each with its cut of the code for the whole picture."""
    height, width = pixels.shape[:2]
    vector = noise.vector(seed, number, model.card.vector)
    field = noise.Field(seed, number, level.channels)
    condition = evidence.condition()
    enlarge = model.card.enlarges(number)
    # Half precision: a large canvas then takes twice the memory of the finished picture.
    dtype = np.float16 if level.factor > 1 else np.float32
    canvas = np.empty((height * enlarge, width * enlarge, 3), dtype)

    # The picture goes on for a little, mirrored: what a network does at a border is not kept.
    step = level.multiple
    border = _rounded_up(BORDER, step)
    wide = [_rounded_up(length + 2 * border, step) for length in (height, width)]
    side = side or max(TILE, MARGINS * level.margin)
    cuts = list(tiles(wide[0], wide[1], max(side // step, 1) * step, level.margin, step))
    for done, cut in enumerate(cuts):
        rows = _mirrored(cut.rows.outer, border, height)
        columns = _mirrored(cut.columns.outer, border, width)
        seen = pixels[rows[:, None], columns].astype(np.float32)
        imagined = model(
            number, seen, field.cut(cut.rows.outer, cut.columns.outer), vector, condition
        )
        goal_rows, own_rows = _kept(cut.rows, border, height, enlarge)
        goal_columns, own_columns = _kept(cut.columns, border, width, enlarge)
        canvas[goal_rows, goal_columns] = imagined[own_rows, own_columns]
        progress((done + 1) / len(cuts))
    if not np.isfinite(canvas[:: max(height // 64, 1)]).all():
        raise ModelError(f"the model '{model.card.name}' gave values that are not finite")
    return canvas


def _rounded_up(length: int, step: int) -> int:
    return -(-length // step) * step


def _mirrored(span: slice, border: int, length: int) -> NDArray[np.int64]:
    """Which of `length` pixels lie in a span that begins `border` before them."""
    places = np.arange(span.start - border, span.stop - border) % (2 * length)
    mirrored: NDArray[np.int64] = np.minimum(places, 2 * length - 1 - places)
    return mirrored


def _kept(span: Span, border: int, length: int, enlarge: int) -> tuple[slice, slice]:
    """Where a tile's own pixels go in the result, and where they lie in what was imagined."""
    start = min(max(span.inner.start, border), border + length)
    stop = max(min(span.inner.stop, border + length), start)
    goal, source = (
        slice((start - first) * enlarge, (stop - first) * enlarge)
        for first in (border, span.outer.start)
    )
    return goal, source


@dataclass(frozen=True)
class _Share:
    """Turns the share of a level that is done into the share of the variant.

    A level has four times the pixels of the one before, and about half the cost for each.
    """

    progress: Progress
    levels: list[LevelCard]
    number: int

    def __call__(self, share: float) -> None:
        costs = [level.factor for level in self.levels]
        done = sum(costs[: self.number]) + costs[self.number] * share
        self.progress(done / sum(costs))
