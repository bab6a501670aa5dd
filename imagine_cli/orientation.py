"""The ways in which a picture can lie when a model sees it: the coarsest part of a latent code.

A network that learnt from pictures turned and mirrored at random is as good on a picture however it
lies, and yet imagines other details in it each time: its answer leans to one side wherever the
evidence does not. So how a picture lies is drawn with the code, and what is imagined is laid back.

A way is three bits: 1 mirrors left and right, 2 above and below, and 4 takes rows for columns.
"""

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from .card import Card, Model, Sharing
from .evidence import Pixels
from .seeds import Near, Seed

Values = NDArray[np.float32]

AS_IT_IS, MIRRORED, TURNED = 1, 4, 8  # the first so many ways: what a card's `orientations` says


def way(seed: Seed, orientations: int) -> int:
    """The one of a seed: those of neighbours differ. Around a variant, of what there is more of."""
    if isinstance(seed, Near):
        return way(seed.like if seed.spread**2 < 0.5 else seed.seed, orientations)
    return seed % orientations


def laid(pixels: NDArray[Any], way: int) -> NDArray[Any]:
    """(h, w, …), in that way: a view."""
    pixels = pixels[:: -1 if way & 2 else 1, :: -1 if way & 1 else 1]
    return pixels.swapaxes(0, 1) if way & 4 else pixels


def laid_back(pixels: NDArray[Any], way: int) -> NDArray[Any]:
    """What `laid` was given: a view."""
    pixels = pixels.swapaxes(0, 1) if way & 4 else pixels
    return pixels[:: -1 if way & 2 else 1, :: -1 if way & 1 else 1]


@dataclass(frozen=True)
class Laid:
    """A model that sees pictures in one way: at one level, or at all."""

    model: Model
    way: int
    level: int | None = None

    @property
    def card(self) -> Card:
        return replace(self.model.card, orientations=AS_IT_IS)

    def __call__(
        self,
        level: int,
        pixels: Pixels,
        field: Values,
        vector: Values,
        condition: Values,
        *shared: Values,
    ) -> Pixels:
        way = self._way(level)
        field, *kept = (np.moveaxis(laid(_last(one), way), 2, 0) for one in (field, *shared))
        imagined = self.model(level, laid(pixels, way), field, vector, condition, *kept)
        return laid_back(imagined, way)

    def share(self, level: int, pixels: Pixels, condition: Values) -> Values:
        way = self._way(level)
        made = cast(Sharing, self.model).share(level, laid(pixels, way), condition)
        return np.moveaxis(laid_back(_last(made), way), 2, 0)

    def _way(self, level: int) -> int:
        return self.way if self.level in (None, level) else 0


def _last(channels: Values) -> Values:
    return np.moveaxis(channels, 0, 2)


def oriented(model: Model, seed: Seed) -> Model:
    """The model as it sees a picture for a seed's variant."""
    orientations = model.card.orientations
    return model if orientations == AS_IT_IS else Laid(model, way(seed, orientations))
