"""A file is evidence about an unknown picture; many pictures agree with it; each variant is one."""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import load_model, open_jpeg, open_picture
    from .downscaled import Downscaled
    from .errors import DeviceError, ImagineError, ModelError, OutputError, PictureError
    from .jpeg import JpegCoded
    from .model import OnnxModel
    from .picture import Picture
    from .variants import Variant, imagine

# Before onnxruntime is imported anywhere: it would look up a host, and leave a device id behind.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"

__all__ = [
    "DeviceError",
    "Downscaled",
    "ImagineError",
    "JpegCoded",
    "ModelError",
    "OnnxModel",
    "OutputError",
    "Picture",
    "PictureError",
    "Variant",
    "imagine",
    "load_model",
    "open_jpeg",
    "open_picture",
]

_HOMES = {
    "Downscaled": "downscaled",
    "JpegCoded": "jpeg",
    "OnnxModel": "model",
    "Picture": "picture",
    "Variant": "variants",
    "imagine": "variants",
    "load_model": "api",
    "open_jpeg": "api",
    "open_picture": "api",
}


def __getattr__(name: str) -> Any:
    """Public names come when they are asked for, so that `imagine --help` is quick."""
    if name not in __all__:
        raise AttributeError(f"module 'imagine_cli' has no attribute '{name}'")
    return getattr(import_module(f".{_HOMES.get(name, 'errors')}", __name__), name)
