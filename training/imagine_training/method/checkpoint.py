"""Weights and the state of a run: whole or not at all, and the running average that is exported."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from imagine_cli.errors import ModelError
from imagine_cli.whole import replace_file

from .presets import Preset


class RunningAverage:
    """An exponential average of a network's weights, with a warm start."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {name: value.clone() for name, value in network.state_dict().items()}

    def update(self, network: nn.Module, step: int) -> None:
        share = 1 - min(self.decay, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, value in network.state_dict().items():
                self.weights[name].lerp_(value, share)


def save_weights(weights: dict[str, Tensor], preset: Preset, folder: Path) -> None:
    """`model.safetensors`, in half precision, and `config.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    contiguous = {name: value.half().contiguous() for name, value in weights.items()}
    replace_file(folder / "model.safetensors", lambda file: save_file(contiguous, file))
    config = json.dumps(preset.as_json(), indent=2) + "\n"
    replace_file(folder / "config.json", lambda file: file.write_text(config))


def load_weights(folder: Path) -> tuple[dict[str, Tensor], Preset]:
    try:
        preset = Preset.from_json(json.loads((folder / "config.json").read_text()))
        stored = load_file(folder / "model.safetensors")
        return {name: value.float() for name, value in stored.items()}, preset
    except FileNotFoundError as error:
        raise ModelError(f"{folder}: no trained model here ({error.filename} is missing)") from None
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{folder}: not a model that this version can read ({error})") from None


def save_state(state: dict[str, Any], folder: Path) -> None:
    """Everything that the next step needs, in one file."""
    replace_file(folder / "state.pt", lambda file: torch.save(state, file))


def load_state(folder: Path) -> dict[str, Any] | None:
    file = folder / "state.pt"
    return torch.load(file, map_location="cpu", weights_only=True) if file.is_file() else None
