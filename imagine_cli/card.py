"""What a model says of itself, read without running it; and how anything that is one is called."""

import json
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from . import onnxfile
from .choices import Task
from .errors import ModelError
from .evidence import Pixels

CARD_KEY = "imagine"
FORMAT = 3
READ = (1, 2, FORMAT)  # formats that this version reads


@dataclass(frozen=True)
class LevelCard:
    """What the caller has to know of a level. Lengths are in pixels of its input."""

    factor: int  # of its output to the observed picture
    channels: int  # of the field
    multiple: int  # of which its input's sides, and the starts of its tiles, are
    margin: int  # how far it sees
    shared: int = 0  # channels of what all variants share: of the first level, if at all
    stride: int = 1  # between the places that it works on: it folds squares of so many pixels


@dataclass(frozen=True)
class Card:
    task: str
    name: str
    vector: int  # length of the vector part of a code
    condition: int  # length of what it is told
    levels: tuple[LevelCard, ...]
    orientations: int = 1
    """In how many ways it is given pictures (`orientation.py`): 1, 4 (mirrored), 8 (turned)."""
    format: int = FORMAT

    def enlarges(self, level: int) -> int:
        """How many times as large as its input a level's picture is."""
        return self.levels[level].factor // (self.levels[level - 1].factor if level else 1)

    def as_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Card":
        values = json.loads(text)
        if values["format"] not in READ:
            shown, (*others, last) = ascii(values["format"])[:20], map(str, READ)
            read = f"{', '.join(others)} and {last}"
            raise ModelError(f"its format is {shown}, this version reads {read}")
        levels = values["levels"]
        if values["format"] == 1:  # which did not say it: what wanted even sides folded them
            levels = [
                {**level, "shared": 0, "stride": 1 if level["multiple"] % 2 else 2}
                for level in levels
            ]
        card = cls(**{**values, "levels": tuple(LevelCard(**level) for level in levels)})
        if not card._is_sane():
            raise ModelError("metadata out of range")
        return card

    def _is_sane(self) -> bool:
        """Whether its numbers are within what anybody would build, and its words can be shown."""
        bounds = [(self.vector, 1, 65536), (self.condition, 0, 65536), (len(self.levels), 1, 8)]
        for level in self.levels:
            bounds += [(level.factor, 1, 64), (level.channels, 1, 1024)]
            bounds += [(level.multiple, 1, 64), (level.margin, 0, 1024)]
            bounds += [(level.stride, 1, 64)]
        factors = (1, *(level.factor for level in self.levels))
        first, *later = self.levels or (LevelCard(1, 1, 1, 0),)
        return (
            all(type(value) is int and low <= value <= high for value, low, high in bounds)
            and all(after % before == 0 for before, after in pairwise(factors))
            and all(level.multiple % level.stride == 0 for level in self.levels)
            # As much as 16 numbers a pixel; of the first level alone, as later inputs differ.
            and (type(first.shared) is int and 0 <= first.shared <= 16 * first.stride**2)
            and not any(level.shared for level in later)
            and type(self.orientations) is int
            and self.orientations in (1, 4, 8)
            and self.task in list(Task)
            and isinstance(self.name, str)
            and self.name.isprintable()
        )


def read_card(path: Path) -> Card:
    """The card of a model file, which is looked through and not run. Raises ModelError."""
    try:
        return Card.from_json(onnxfile.metadata(path)[CARD_KEY])
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None
    except (KeyError, TypeError, ValueError, RecursionError):
        raise ModelError(
            f"{path}: not a model of imagine (it has no card); "
            "it should be a folder or an .onnx file that `imagine train` made"
        ) from None


class Model(Protocol):
    """Anything that turns what is observed, and a code, into a picture; a function of NumPy too.

    It may have a `tile`: how many pixels of its input, each way, it is best given at a time.
    """

    @property
    def card(self) -> Card: ...

    def __call__(
        self,
        level: int,
        pixels: Pixels,
        field: NDArray[np.float32],
        vector: NDArray[np.float32],
        condition: NDArray[np.float32],
        *shared: NDArray[np.float32],
    ) -> Pixels:
        """(h, w, 3), (channels, h, w), (v,), (c,) -> (e h, e w, 3).

        `shared`: what `share` gave, where a level's card says that variants share something.
        """


class Sharing(Model, Protocol):
    """A model of which a level's variants share something."""

    def share(
        self, level: int, pixels: Pixels, condition: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """(h, w, 3), (c,) -> (shared, h / stride, w / stride)."""
