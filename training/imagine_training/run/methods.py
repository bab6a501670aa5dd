"""The methods of training by name, and their presets."""

import torch

from imagine_cli.errors import ImagineError

from ..baselines import esrgan, pix2pix, regression, srim
from ..baselines.networks import build
from ..method.imle import Imle
from ..method.learning import Method
from ..method.perceptual import Lpips
from ..method.presets import PRESETS, Preset

RIVALS: dict[str, type[Method]] = {
    "srim": srim.Srim,
    "esrgan": esrgan.Esrgan,
    "pix2pix": pix2pix.Pix2Pix,
    "regression": regression.Regression,
}
METHODS: dict[str, type[Method]] = {"imle": Imle, **RIVALS}


def presets(method: str, task: str) -> dict[str, Preset]:
    """A method's presets for a task, by name. Raises ImagineError if there is none."""
    if method == "imle":
        return PRESETS[task]
    if method not in RIVALS:
        raise ImagineError(f"--method {method}: there are {', '.join(METHODS)}")
    if task not in RIVALS[method].presets:
        tasks = ", ".join(RIVALS[method].presets)
        raise ImagineError(f"--method {method}: it is for {tasks}, not for {task}")
    return {"compact": RIVALS[method].presets[task]}


def begin(preset: Preset, device: torch.device, *, reduced: bool = False) -> Method:
    """A preset to its method, with its network and those that it looks through."""
    network = build(preset, reduced=reduced)
    lpips = [Lpips(net, reduced=reduced).to(device) for net in preset.perceptual]
    return METHODS[preset.method](preset, network, lpips).to(device)


def called(preset: Preset) -> str:
    """The method, as a card calls it."""
    return (METHODS[preset.method].__doc__ or "").partition("\n")[0].rstrip(".")
