"""Where to compute, and how precisely."""

import os
import time

import torch
import torch.nn.functional as F

from imagine_cli.errors import DeviceError

from . import distributed


def device_called(name: str) -> torch.device:
    """`auto`, `cpu` or `cuda`; torchrun's processes take a GPU each. Raises DeviceError."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise DeviceError("no device 'cuda' here: this torch sees no GPU; --device cpu trains too")
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    torch.cuda.set_device(device)
    return device


def use_threads(count: int) -> None:
    """So many CPU threads; 0: as many as torch likes."""
    if count:
        torch.set_num_threads(count)


def precision_called(name: str, device: torch.device) -> str:
    """`float32` or `bfloat16`; `auto` is what is faster on the first process's device."""
    if name != "auto":
        return name
    (pays,) = distributed.from_first(bfloat16_pays(device), device=device)
    return "bfloat16" if pays else "float32"


def bfloat16_pays(device: torch.device) -> bool:
    """Whether convolutions in bfloat16 are the faster ones; on a CPU that is tried."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    seconds = {}
    for kind in (torch.float32, torch.bfloat16):
        x, weight = torch.ones(4, 32, 64, 64, dtype=kind), torch.ones(32, 32, 3, 3, dtype=kind)
        turns = []
        for _ in range(4):
            began = time.perf_counter()
            F.conv2d(x, weight)
            turns.append(time.perf_counter() - began)
        seconds[kind] = min(turns)
    return seconds[torch.bfloat16] < seconds[torch.float32]


def is_out_of_memory(error: BaseException) -> bool:
    """A GPU's, Python's or NumPy's, and the CPU allocator's, which has no type of its own."""
    said = ("not enough memory", "can't allocate memory")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and any(words in str(error) for words in said)
    )
