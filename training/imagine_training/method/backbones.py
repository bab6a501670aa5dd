"""The feature networks' weights: where they lie, and how they come there."""

import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import torch
from filelock import FileLock
from platformdirs import user_cache_path
from safetensors.torch import load_file
from torch import Tensor

from imagine_cli.errors import ModelError

FOLDER_VARIABLE = "IMAGINE_BACKBONES"


@dataclass(frozen=True)
class Backbone:
    """A network's files. The address ends with the name of the first, and with it a hash."""

    address: str
    megabytes: int
    other: str
    """Another file that holds what is needed of it."""

    @property
    def name(self) -> str:
        return Path(urlsplit(self.address).path).name


_TORCHVISION = "https://download.pytorch.org/models"
_PYTORCH_FID = "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights"
BACKBONES = {
    "vgg": Backbone(
        f"{_TORCHVISION}/vgg16-397923af.pth", 528, "vgg16_features_fp16.safetensors"
    ),
    "alex": Backbone(
        f"{_TORCHVISION}/alexnet-owt-7be5be79.pth", 233, "alexnet_features.safetensors"
    ),
    "squeeze": Backbone(
        f"{_TORCHVISION}/squeezenet1_1-b8a52dc0.pth", 5, "squeezenet1_1_features_fp16.safetensors"
    ),
    "inception": Backbone(
        f"{_PYTORCH_FID}/pt_inception-2015-12-05-6726825d.pth",
        91,
        "inception_2015_12_05_to_mixed_7a_fp16.safetensors",
    ),
}  # fmt: skip


def folders() -> list[Path]:
    """Where they are looked for: IMAGINE_BACKBONES, our cache, then torch's."""
    named = os.environ.get(FOLDER_VARIABLE)
    return [
        *([Path(named)] if named else []),
        user_cache_path("imagine") / "backbones",
        _torch_cache(),
    ]


def _torch_cache() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints"


def find(net: str) -> Path | None:
    """The file that has a network's weights, if there is one."""
    names = BACKBONES[net].name, BACKBONES[net].other
    files = (folder / name for name in names for folder in folders())
    return next((file for file in files if file.is_file()), None)


def load(net: str) -> dict[str, Tensor]:
    """The weights by name. Raises ModelError if there are none, or no readable ones."""
    file = find(net)
    if file is None:
        raise ModelError(f"no weights for the {net} network: {_help([net])}")
    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        state: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
        return state
    except Exception as error:  # torch and safetensors raise many kinds
        raise ModelError(f"{file}: not a file of weights ({type(error).__name__})") from None


def fetch(nets: Iterable[str], *, offline: bool = False, say: Callable[[str], None]) -> None:
    """Download what is missing into torch's cache, once, telling beforehand how much it is.

    Raises ModelError, one line, if that is forbidden or fails; what is there already is kept.
    """
    missing = [net for net in dict.fromkeys(nets) if not find(net)]
    if not missing:
        return
    if offline:
        raise ModelError(f"--offline, and no weights for {', '.join(missing)}: {_help(missing)}")
    size = sum(BACKBONES[net].megabytes for net in missing)
    cache = _torch_cache()
    say(f"feature networks, once: {', '.join(missing)}, {size} MB, into {cache}")
    try:
        cache.mkdir(parents=True, exist_ok=True)
        for net in missing:
            with FileLock(cache / f".{BACKBONES[net].name}.lock"):
                if not find(net):  # another process was quicker
                    _download(BACKBONES[net], cache)
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "reason", None) or error
        raise ModelError(f"not downloaded ({_one_line(reason)}): {_help(missing)}") from None


def _download(backbone: Backbone, folder: Path) -> None:
    """One file, whole and with the hash that its name ends with, or RuntimeError."""
    prefix = Path(backbone.name).stem.rpartition("-")[2]
    torch.hub.download_url_to_file(
        backbone.address, str(folder / backbone.name), prefix, progress=sys.stderr.isatty()
    )


def _one_line(reason: object) -> str:
    return " ".join(str(reason).split())[:200] or type(reason).__name__


def _help(nets: list[str]) -> str:
    names = ", ".join(BACKBONES[net].name for net in nets)
    return f"put {names} into a folder and set {FOLDER_VARIABLE} to it"
