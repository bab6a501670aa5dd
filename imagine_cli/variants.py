"""Variants: pictures that a model imagines and that agree with the evidence, one a seed."""

import time
from collections.abc import Callable, Iterable, Iterator, Sized
from concurrent.futures import CancelledError
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from . import noise
from .ahead import ahead
from .canvas import Canvas, Rows, canvas
from .card import LevelCard, Model, Sharing
from .coming import Coming
from .errors import ImagineError, ModelError, ModelMemoryError
from .evidence import Agreement, Evidence, InUnits, Pixels, Samples
from .orientation import oriented, way
from .seeds import Seed, checked
from .shared import Shared
from .tiles import Span, spans
from .timings import part

if TYPE_CHECKING:
    from .picture import Picture

BORDER = 8  # pixels by which a level sees the picture mirrored beyond its border
PLACES = 256  # that a tile answers for, each way, at most: pixels of a level's input, or squares of
# them where it folds such into one place; beside the border, so that 64² to 1024² needs one tile;
MARGINS = 7  # or so many times what it reads beyond them, if that is more
LEAST_TILE = 24  # pixels, even where memory is short

Progress = Callable[[float], None]  # told how many variants are imagined, the last one in part


@dataclass(frozen=True)
class Variant:
    """One possible original, (height, width, 3), and how well it agrees."""

    seed: Seed
    rows: Rows
    agreement: Agreement
    seconds: float

    @property
    def picture(self) -> Samples:
        """All of its rows: uint8, or uint16 if the input is."""
        return np.asarray(self.rows)

    def save(self, path: Path | str, *, like: "Picture | None" = None) -> Path:
        """Write it, without loss, as the suffix says: .png, .webp or .tiff.

        like: the picture that it was made from, whose colour profile, EXIF and the like it keeps.
        Raises OutputError.
        """
        from .encode import write

        kept: dict[str, Any] = {"grey": like.grey, "about": like.about} if like else {}
        try:
            write(self.rows, path, **kept)
        except ImagineError as error:
            raise type(error)(f"{path}: {error}") from error
        return Path(path)


def imagine(
    evidence: Evidence,
    model: Model,
    seeds: Iterable[Seed],
    *,
    tile: int = 0,
    scratch: Path | None = None,
    progress: Progress = lambda share: None,
) -> Iterator[Variant]:
    """Variants of the picture behind the evidence, one after another.

    Each depends on the evidence, the model and its seed; not on tiles, threads or the other seeds.
    A thread imagines, while what it has painted is rendered, and the next one while you use one;
    close the iterator to stop it.
    tile: how many pixels of a level's input, each way, one answers for; 0 is what suits
    the level and the model's device.
    scratch: a folder; pictures too large to be held are then worked on in files there, and a
    variant's picture is had by its `rows`. By default all is held.
    """
    if isinstance(model, str):
        raise ValueError(f"a model, not its name: load_model('{model}')")
    if isinstance(seeds, int):
        raise ValueError(f"several seeds, not one number: range({seeds}) or [{seeds}]")
    levels, tiles = _levels(evidence, model), _Tiles(tile or getattr(model, "tile", 0))
    ways = model.card.orientations
    # Of more seeds than ways some are seen in the same way, if they follow one another.
    keep = not (isinstance(seeds, Sized) and len(seeds) <= ways)
    shared, enough = [Shared(scratch, keep=keep) for _ in range(ways)], Event()

    def told(before: int, share: float) -> None:
        if enough.is_set():
            raise CancelledError
        progress(before + share)

    def imagined() -> Iterator[tuple[Seed, Coming]]:
        for number, seed in enumerate(map(checked, seeds)):
            own, kept, done = oriented(model, seed), shared[way(seed, ways)], partial(told, number)
            for picture in _imagined(evidence, own, levels, seed, tiles, kept, scratch, done):
                yield seed, picture

    with closing(ahead(imagined(), enough)) as found:
        for seed, picture in found:
            variant = _rendered(evidence, seed, picture, scratch)
            del picture  # twice the size of the variant's
            yield variant
            del variant


def _imagined(
    evidence: Evidence,
    model: Model,
    levels: list[LevelCard],
    seed: Seed,
    tiles: "_Tiles",
    shared: Shared,
    scratch: Path | None,
    progress: Progress,
) -> Iterator[Coming]:
    """What the levels make of a seed, once: handed on before the last one paints it."""
    picture = Coming(_blank(evidence, levels[-1], scratch))
    pixels: Rows = InUnits(evidence.observed)
    for number, level in enumerate(levels):
        is_last = number + 1 == len(levels)
        if is_last:
            yield picture
        with picture.at_work():
            larger = picture if is_last else _blank(evidence, level, scratch)
            done = _Done(progress, levels, number)
            paint = partial(
                _paint, larger, pixels, evidence, model, number, level, seed, shared, done
            )
            tiles.paint(paint, level)
            if not is_last:
                with part("projection"):
                    evidence.project(larger, evidence.factors.index(level.factor))
            pixels = larger


def _rendered(evidence: Evidence, seed: Seed, pixels: Coming, scratch: Path | None) -> Variant:
    """In whole samples that agree."""
    began = time.perf_counter()
    with part("rendering"):
        picture = evidence.render(pixels, canvas(pixels.shape, evidence.observed.dtype, scratch))
    with part("agreement"):
        agreement = evidence.agreement(picture)
    seconds = pixels.seconds + time.perf_counter() - began - pixels.waited
    return Variant(seed, picture, agreement, seconds)


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
    if levels[0].shared and not hasattr(model, "share"):
        raise ModelError(f"the model '{model.card.name}' is to have a `share`: see docs/api.md")
    if len(evidence.condition()) != model.card.condition:
        raise ModelError(f"the model '{model.card.name}' is for {model.card.task}")
    return levels


def _blank(evidence: Evidence, level: LevelCard, scratch: Path | None) -> Canvas:
    """For a level's picture; in half precision where that is enough."""
    height, width = (level.factor * side for side in evidence.observed.shape[:2])
    enough = level.factor > 1 and evidence.observed.dtype == np.uint8
    return canvas((height, width, 3), np.float16 if enough else np.float32, scratch)


@dataclass
class _Tiles:
    """How large tiles are: as asked, or as suits a level; halved where memory was short."""

    asked: int
    halved: int = 0  # times, and so they stay

    def paint(self, paint: Callable[[int], None], level: LevelCard) -> None:
        """A level's picture, in tiles of that side: no tiles leave a trace."""
        side = self.asked or max(PLACES * level.stride + 2 * BORDER, MARGINS * level.margin)
        while True:
            try:
                return paint(max(side >> self.halved, LEAST_TILE if self.halved else 1))
            except ModelMemoryError:
                if side >> self.halved <= LEAST_TILE:
                    raise
                self.halved += 1


def _paint(
    larger: Canvas,
    pixels: Rows,
    evidence: Evidence,
    model: Model,
    number: int,
    level: LevelCard,
    seed: Seed,
    shared: Shared,
    progress: Progress,
    side: int,
) -> None:
    """One level's picture, tile by tile, each with its cut of the code for the whole picture."""
    height, width = pixels.shape[:2]
    vector = noise.vector(seed, number, model.card.vector)
    field = noise.Field(seed, number, level.channels)
    condition = evidence.condition()
    enlarge = model.card.enlarges(number)

    # The picture goes on for a little, mirrored: what a network does at a border is not kept.
    step = level.multiple
    border = _rounded_up(BORDER, step)
    side = max(side // step, 1) * step
    down, across = (
        list(spans(_rounded_up(length + 2 * border, step), side, level.margin, step))
        for length in (height, width)
    )
    for above, rows in enumerate(down):
        places = _mirrored(rows.outer, border, height)
        first = int(places.min())
        read = pixels[first : int(places.max()) + 1]
        goal_rows, own_rows = _kept(rows, border, height, enlarge)
        band = np.empty((goal_rows.stop - goal_rows.start, *larger.shape[1:]), larger.dtype)
        for left, columns in enumerate(across):
            seen = read[(places - first)[:, None], _mirrored(columns.outer, border, width)]
            seen = seen.astype(np.float32)
            with part("codes"):
                code = field.cut(rows.outer, columns.outer)
            with part(f"network, level {number + 1}"):
                given = [seen, code, vector, condition]
                if level.shared:
                    make = partial(_share, model, number, seen, condition)
                    place, count = above * len(across) + left, len(down) * len(across)
                    given.append(shared.tile(side, place, count, make))
                imagined = model(number, *given)
            goal_columns, own_columns = _kept(columns, border, width, enlarge)
            band[:, goal_columns] = imagined[own_rows, own_columns]
            progress((above * len(across) + left + 1) / (len(down) * len(across)))
        if not np.isfinite(band).all():
            raise ModelError(f"the model '{model.card.name}' gave values that are not finite")
        larger[goal_rows] = band


def _share(
    model: Model, number: int, seen: Pixels, condition: NDArray[np.float32]
) -> NDArray[np.float32]:
    """What the variants of a tile share. Raises ModelError if it is not what the card says."""
    level = model.card.levels[number]
    made = cast(Sharing, model).share(number, seen, condition)
    expected = (level.shared, *(side // level.stride for side in seen.shape[:2]))
    if made.shape != expected:
        raise ModelError(
            f"what the model '{model.card.name}' shares is {made.shape}, not {expected}"
        )
    return made


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
class _Done:
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
