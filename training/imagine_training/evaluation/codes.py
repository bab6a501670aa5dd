"""What the latent codes do: the standard deviation over them, level by level, part by part."""

from collections.abc import Iterator
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from imagine_cli.card import Card, Model
from imagine_cli.downscaled import Downscaled
from imagine_cli.evidence import EightBits, Pixels
from imagine_cli.jpeg import JpegCoded
from imagine_cli.orientation import Laid, way
from imagine_cli.variants import imagine

COUNT = 4  # codes that a figure is taken over

Part = Literal["code", "map", "vector", "way"]
PARTS: tuple[Part, ...] = get_args(Part)


def deviations(evidence: Downscaled | JpegCoded, model: Model) -> dict[tuple[int, Part], float]:
    """Grey levels, by level (from 0) and part: of that level's picture, where nothing else varies.

    A level that enlarges more than twice counts as the last of those whose place it takes.

    Levels before it have the code of seed 0, and so has its other part; the pictures are those that
    a user would get at that level's scale.
    """
    known = dict(zip(evidence.factors, _level_by_level(evidence), strict=True))
    return {
        (evidence.factors.index(told.factor), part): standard_deviation(
            list(_variants(known[told.factor], model, level, part))
        )
        for level, told in enumerate(model.card.levels)
        if told.factor in known
        for part in PARTS
        if part != "way" or model.card.orientations > 1
    }


def standard_deviation(variants: list[EightBits]) -> float:
    """Over k variants (h, w, 3), n - 1 in the denominator; the root of the mean of the variances.

    0 of one variant.
    """
    if len(variants) < 2:
        return 0.0
    return float(np.sqrt(np.var(np.stack(variants), axis=0, ddof=1, dtype=np.float64).mean()))


def _level_by_level(evidence: Downscaled | JpegCoded) -> list[Downscaled | JpegCoded]:
    """The same evidence for each level's picture."""
    if isinstance(evidence, JpegCoded):
        return [evidence]
    return [Downscaled(evidence.observed, factor, evidence.kernel) for factor in evidence.factors]


def _variants(
    evidence: Downscaled | JpegCoded, model: Model, level: int, part: Part
) -> Iterator[EightBits]:
    held = _Held(model, level, part)
    for seed in range(COUNT):
        held.begin(seed)
        for variant in imagine(evidence, held, [seed]):
            yield variant.picture


class _Held:
    """A model that sees the first variant's codes again, but for one part at one level."""

    def __init__(self, model: Model, level: int, part: Part) -> None:
        self._model, self._level, self._part = model, level, part
        self._first: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
        self.begin(0)

    @property
    def card(self) -> Card:
        return self._laid.card

    def begin(self, seed: int) -> None:
        """Another variant begins."""
        self._calls = 0  # of this variant: tiles, level after level
        turned = self._part in ("code", "way")
        own = way(seed, self._model.card.orientations) if turned else 0
        self._laid = Laid(self._model, own, self._level)

    def __call__(
        self,
        level: int,
        pixels: Pixels,
        field: NDArray[np.float32],
        vector: NDArray[np.float32],
        condition: NDArray[np.float32],
        *shared: NDArray[np.float32],
    ) -> Pixels:
        if self._calls == len(self._first):
            self._first.append((field, vector))
        first_field, first_vector = self._first[self._calls]
        self._calls += 1
        if level != self._level or self._part in ("vector", "way"):
            field = first_field
        if level != self._level or self._part in ("map", "way"):
            vector = first_vector
        return self._laid(level, pixels, field, vector, condition, *shared)

    def share(
        self, level: int, pixels: Pixels, condition: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        return self._laid.share(level, pixels, condition)
