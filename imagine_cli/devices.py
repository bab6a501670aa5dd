"""Execution providers: what was asked for, and what is there."""

import onnxruntime

from .errors import DeviceError

PROVIDERS = {
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
    "cpu": "CPUExecutionProvider",
}


def there() -> list[str]:
    """The devices that this onnxruntime was built for; whether one runs is not said."""
    available = onnxruntime.get_available_providers()
    return [name for name, provider in PROVIDERS.items() if provider in available]


def chosen(device: str) -> str:
    """The device that `auto` stands for here, or the one asked for if it is there (DeviceError)."""
    if device == "auto":
        return there()[0]
    if device not in there():
        raise DeviceError(
            f"no device '{device}' here: this onnxruntime has {', '.join(there())}"
            + ("; pip install onnxruntime-gpu instead of onnxruntime" if device == "cuda" else "")
        )
    return device
