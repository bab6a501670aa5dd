"""Execution providers: what was asked for, and what is there."""

from functools import cache
from typing import Any

import onnxruntime

from .errors import DeviceError

PROVIDERS = {
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
    "cpu": "CPUExecutionProvider",
}

PACKAGES = {"cuda": "onnxruntime-gpu", "directml": "onnxruntime-directml"}

TILE = 1024
"""Pixels that a tile on a GPU answers for, each way: more than most on a CPU, so that less of what
is computed is margin. Where memory runs out, `variants.py` takes smaller ones."""

MOST_MEMORY = 4 * 2**30
"""Bytes that the models of a process may hold while they run, beside their weights."""


def there() -> list[str]:
    """The devices that this onnxruntime was built for; whether one runs is not said."""
    available = onnxruntime.get_available_providers()
    return [name for name, provider in PROVIDERS.items() if provider in available]


def chosen(device: str) -> str:
    """The device that `auto` stands for here, or the one asked for if it is there (DeviceError)."""
    if device == "auto":
        return there()[0]
    if device not in there():
        package = PACKAGES.get(device)
        help = f"; pip install {package} instead of onnxruntime" if package else ""
        raise DeviceError(
            f"device '{device}' is not available: this onnxruntime has {', '.join(there())}{help}"
        )
    return device


def is_out_of_memory(error: Exception) -> bool:
    """By what onnxruntime's providers say: the CPU's arena, CUDA, DirectML."""
    said = ("failed to allocate memory", "out of memory", "outofmemory")
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in said)


def bounded() -> Any:
    """Options of a session that holds `MOST_MEMORY` at most, and fails where it would take more.

    Constants are to be worked out while it runs, not while it is built: pass `FOLDED_LATER` too.
    """
    _register_arena()
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.use_env_allocators", "1")
    # A thread that has nothing to do sleeps: looping for work is no quicker, and takes a core.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_mem_pattern = False  # it plans one block for each shape: a third more, no faster
    return options


FOLDED_LATER = ["ConstantFolding"]  # its memory is not the arena's, and has no bound


@cache
def _register_arena() -> None:
    """One arena for all sessions of the process: onnxruntime registers no second one."""
    memory = onnxruntime.OrtMemoryInfo(
        "Cpu",
        onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR,
        0,
        onnxruntime.OrtMemType.DEFAULT,
    )
    default = -1
    limits = {
        "max_mem": MOST_MEMORY,
        "arena_extend_strategy": default,
        "initial_chunk_size_bytes": default,
        "max_dead_bytes_per_chunk": default,
    }
    onnxruntime.create_and_register_allocator(memory, onnxruntime.OrtArenaCfg(limits))
