"""What is here and really works: all that somebody who helps a user would ask first."""

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from . import __version__, devices, hub, models
from .errors import ImagineError, install
from .model import OnnxModel

PACKAGES = (
    *("onnxruntime", *devices.PACKAGES.values()),
    *("numpy", "pillow", "huggingface-hub", "torch"),
)


@dataclass(frozen=True)
class Finding:
    """One line: what it is about, what was found, and whether that is as it should be."""

    about: str
    found: str
    well: bool = True


def examine() -> Iterator[Finding]:
    """Findings, one after another, as they are made."""
    yield Finding("imagine", __version__)
    yield Finding("python", f"{platform.python_version()} on {platform.platform()}")
    for package in PACKAGES:
        try:
            yield Finding(package, version(package))
        except PackageNotFoundError:
            continue
    yield from map(_model, ("decompress", "upscale"))
    yield from _devices()
    yield Finding("threads", f"{_cores()} (--threads 0 takes as many)")
    yield from _hub_cache()
    yield from _backbones()


def _model(name: str) -> Finding:
    try:
        return Finding(f"model {name}", models.verify(name, offline=True))
    except ImagineError as error:
        return Finding(f"model {name}", str(error), well=False)


def _devices() -> Iterator[Finding]:
    """Each device that onnxruntime speaks of, having really run a small model there."""
    for device in devices.there():
        try:
            model = OnnxModel(hub.find("decompress", offline=True), device)
            card, level = model.card, model.card.levels[0]
            pixels = np.zeros((level.multiple, level.multiple, 3), np.float32)
            field = np.zeros((level.channels, *pixels.shape[:2]), np.float32)
            code = np.zeros(card.vector, np.float32), np.zeros(card.condition, np.float32)
            shared = [model.share(0, pixels, code[1])] if level.shared else []
            model(0, pixels, field, *code, *shared)
            yield Finding(f"device {device}", "runs a model")
        except ImagineError as error:
            yield Finding(f"device {device}", f"{error}", well=False)


def _hub_cache() -> Iterator[Finding]:
    from huggingface_hub.constants import ENDPOINT, HF_HUB_CACHE, HF_HUB_OFFLINE

    offline = ", not asked for anything: HF_HUB_OFFLINE is set" if HF_HUB_OFFLINE else ""
    yield Finding("hub", ENDPOINT + offline)
    try:
        cached = list(models.cached())
    except ImagineError as error:
        yield Finding("cache", str(error), well=False)
        return
    yield from (_model(model.name) for model in cached)
    total = sum(model.bytes for model in cached)
    yield Finding("cache", f"{HF_HUB_CACHE}, of which {total / 1e6:.1f} MB are models of imagine")


def _backbones() -> Iterator[Finding]:
    """What measures and trains; nobody needs it to upscale."""
    try:
        from imagine_training.method import backbones
    except ModuleNotFoundError as error:
        yield Finding("training", f"not installed ({error.name}): {install('train')}")
        return
    for net in ("vgg", "alex", "squeeze"):
        found = backbones.find(net) or "not there yet: fetched when they are needed"
        yield Finding(f"backbone {net}", str(found))


def _cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
