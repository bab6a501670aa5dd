"""One ONNX file, run; its card is in its own metadata."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from . import devices
from .errors import DeviceError, ModelError
from .evidence import Pixels

CARD_KEY = "imagine"
FORMAT = 1


@dataclass(frozen=True)
class LevelCard:
    """What the caller has to know of a level. Lengths are in pixels of its input."""

    factor: int  # of its output to the observed picture
    channels: int  # of the field
    multiple: int  # of which its input's sides, and the starts of its tiles, are
    margin: int  # how far it sees


@dataclass(frozen=True)
class Card:
    task: str
    name: str
    vector: int  # length of the vector part of a code
    condition: int  # length of what it is told
    levels: tuple[LevelCard, ...]
    format: int = FORMAT

    def as_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Card":
        values = json.loads(text)
        if values["format"] != FORMAT:
            raise ModelError(f"its format is {values['format']}, this version reads {FORMAT}")
        return cls(**{**values, "levels": tuple(LevelCard(**level) for level in values["levels"])})


class Model(Protocol):
    """Anything that turns what is observed, and a code, into a picture; a function of NumPy too."""

    @property
    def card(self) -> Card: ...

    def __call__(
        self,
        level: int,
        pixels: Pixels,
        field: NDArray[np.float32],
        vector: NDArray[np.float32],
        condition: NDArray[np.float32],
    ) -> Pixels:
        """(h, w, 3), (channels, h, w), (v,), (c,) -> (e h, e w, 3)."""


class OnnxModel:
    """A model file. Raises ModelError if it is none, DeviceError if the device is not there."""

    def __init__(self, path: Path, device: str = "auto", threads: int = 0) -> None:
        self.device = devices.chosen(device)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 4
        provider = devices.PROVIDERS[self.device]
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=[provider])
            metadata = self._session.get_modelmeta().custom_metadata_map
            self.card = Card.from_json(metadata[CARD_KEY])
        except ModelError as error:
            raise ModelError(f"{path}: {error}") from None
        except Exception as error:  # onnxruntime raises many kinds, none of them documented
            raise ModelError(
                f"{path}: not a model of imagine ({_first_line(error)}); "
                "it should be a folder or an .onnx file that `imagine train` made"
            ) from None
        if provider not in self._session.get_providers():
            raise DeviceError(f"the device '{self.device}' could not be started")
        self._run = onnxruntime.RunOptions()
        self._run.log_severity_level = 4
        # onnxruntime runs every level each time: those not asked for are given almost nothing.
        self._idle = {
            f"{name}_{number}": np.zeros((1, *shape), np.float32)
            for number, level in enumerate(self.card.levels, 1)
            for name, shape in (
                ("pixels", (3, level.multiple, level.multiple)),
                ("field", (level.channels, level.multiple, level.multiple)),
                ("vector", (self.card.vector,)),
                ("condition", (self.card.condition,)),
            )
        }

    def __call__(
        self,
        level: int,
        pixels: Pixels,
        field: NDArray[np.float32],
        vector: NDArray[np.float32],
        condition: NDArray[np.float32],
    ) -> Pixels:
        given = {
            "pixels": np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32),
            "field": field,
            "vector": vector,
            "condition": condition,
        }
        feeds = self._idle | {f"{name}_{level + 1}": value[None] for name, value in given.items()}
        try:
            (imagined,) = self._session.run([f"imagined_{level + 1}"], feeds, self._run)
        except Exception as error:
            raise ModelError(f"the model failed: {_first_line(error)}") from None
        result: Pixels = imagined[0].transpose(1, 2, 0)
        return result


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200] or type(error).__name__
