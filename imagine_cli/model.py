"""One ONNX file, run as its card says."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from . import devices
from .card import Card, read_card
from .errors import DeviceError, ModelError, ModelMemoryError
from .evidence import Pixels
from .halves import in_full

Values = NDArray[np.float32]


class OnnxModel:
    """A model file. Raises ModelError if it is none, DeviceError if the device is not there."""

    def __init__(self, path: Path, device: str = "auto", threads: int = 0) -> None:
        self.device = devices.chosen(device)
        self.tile = 0 if self.device == "cpu" else devices.TILE
        self.card = read_card(path)
        options = devices.bounded()
        options.intra_op_num_threads = threads
        options.log_severity_level = 4
        options.add_session_config_entry("session.load_model_format", "ONNX")
        provider = devices.PROVIDERS[self.device]
        try:
            self._session = onnxruntime.InferenceSession(
                in_full(path.read_bytes()),
                options,
                providers=[provider],
                enable_fallback=False,
                disabled_optimizers=devices.FOLDED_LATER,
            )
            mismatch = _mismatch(self.card, self._session)
        except Exception as error:  # onnxruntime raises many kinds, none of them documented
            raise ModelError(
                f"{path}: not a model that onnxruntime can run ({_first_line(error)})"
            ) from None
        if provider not in self._session.get_providers():
            raise DeviceError(f"the device '{self.device}' could not be started")
        if mismatch:
            raise ModelError(f"{path}: does not match its card ({mismatch}); use another model")
        self._run = onnxruntime.RunOptions()
        self._run.log_severity_level = 4
        # onnxruntime runs every part each time: those not asked for are given almost nothing.
        self._idle = {
            name: np.zeros((1, *shape), np.float32) for name, shape in _least(self.card).items()
        }

    def share(self, level: int, pixels: Pixels, condition: Values) -> Values:
        """What all variants share: (shared, h / stride, w / stride), as the card says."""
        told = self.card.levels[level]
        height, width = (side // told.stride for side in pixels.shape[:2])
        given = {"seen": _planes(pixels), "known": condition}
        return self._imagined("shared", level, given, (told.shared, height, width))

    def __call__(
        self,
        level: int,
        pixels: Pixels,
        field: Values,
        vector: Values,
        condition: Values,
        *shared: Values,
    ) -> Pixels:
        if len(shared) != bool(self.card.levels[level].shared):
            raise ValueError("a level is given what `share` makes where it shares, and only there")
        names = ("pixels", "field", "vector", "condition", "kept")[: 4 + len(shared)]
        values = (_planes(pixels), field, vector, condition, *shared)
        given = dict(zip(names, values, strict=True))
        height, width = (self.card.enlarges(level) * side for side in pixels.shape[:2])
        return self._imagined("imagined", level, given, (3, height, width)).transpose(1, 2, 0)

    def _imagined(
        self, name: str, level: int, given: dict[str, Values], expected: tuple[int, ...]
    ) -> Values:
        """One output of a level. Raises ModelError, ModelMemoryError."""
        feeds = self._idle | {f"{name}_{level + 1}": value[None] for name, value in given.items()}
        try:
            (imagined,) = self._session.run([f"{name}_{level + 1}"], feeds, self._run)
        except Exception as error:
            if "Available memory of" in str(error):
                line = f"it asks for more than {_MOST}; use another model"
                raise ModelMemoryError(line) from None
            if devices.is_out_of_memory(error):
                line = (
                    f"{self.device} has too little free memory for the model; close other programs"
                )
                raise ModelMemoryError(line) from None
            raise ModelError(f"the model failed: {_first_line(error)}") from None
        if imagined.shape != (1, *expected):
            shapes = f"{imagined.shape}, not {(1, *expected)}"
            raise ModelError(f"the model failed: what it {name} is {shapes}")
        if not np.isfinite(imagined).all():
            raise ModelError(f"the model failed: what it {name} has values that are not finite")
        one: Values = imagined[0]
        return one


def _planes(pixels: Pixels) -> Values:
    return np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32)


def _least(card: Card) -> dict[str, tuple[int, ...]]:
    """A model's inputs, without the batch's dimension, as small as they can be."""
    inputs: dict[str, tuple[int, ...]] = {}
    for number, level in enumerate(card.levels, 1):
        sides = level.multiple, level.multiple
        inputs[f"pixels_{number}"] = 3, *sides
        inputs[f"field_{number}"] = level.channels, *sides
        inputs[f"vector_{number}"] = (card.vector,)
        inputs[f"condition_{number}"] = (card.condition,)
        if level.shared:
            inputs[f"seen_{number}"] = 3, *sides
            inputs[f"known_{number}"] = (card.condition,)
            inputs[f"kept_{number}"] = level.shared, *(side // level.stride for side in sides)
    return inputs


def _mismatch(card: Card, session: Any) -> str | None:
    """Where a session's inputs and outputs are not those of its card, in a few words."""
    wanted: dict[str, tuple[int | None, ...]] = {
        name: (1, *shape) if len(shape) == 1 else (1, shape[0], None, None)
        for name, shape in _least(card).items()
    }
    for number, level in enumerate(card.levels, 1):
        wanted[f"imagined_{number}"] = (1, 3, None, None)
        if level.shared:
            wanted[f"shared_{number}"] = (1, level.shared, None, None)
    there = {value.name: value for value in (*session.get_inputs(), *session.get_outputs())}
    for name in sorted(wanted.keys() ^ there.keys()):
        return f"it has no {name}" if name in wanted else f"it has {_shown(name)} too"
    for name, shape in wanted.items():
        got = there[name]
        fits = len(got.shape) == len(shape) and all(
            is_side is None or not isinstance(has, int) or has == is_side
            for has, is_side in zip(got.shape, shape, strict=True)
        )
        if not fits or got.type != "tensor(float)":
            return f"{name} is a {got.type} of {_shown(got.shape)}, not of {shape}"
    return None


_MOST = f"{devices.MOST_MEMORY >> 30} GiB of memory"


def _shown(value: object) -> str:
    return ascii(value)[:80]


def _first_line(error: Exception) -> str:
    line = str(error).strip().partition("\n")[0][:200] or type(error).__name__
    return "".join(letter if letter.isprintable() else "?" for letter in line)
