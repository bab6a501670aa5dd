"""Several processes that train one network, started by torchrun: sums over all."""

from collections.abc import Sequence

import torch
import torch.distributed as dist
from torch import Tensor

from imagine_cli.errors import ImagineError

from .processes import rank, size


def join(device: torch.device) -> None:
    """Meet the other processes, if there are any."""
    if size() > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")


def leave() -> None:
    """Part from the other processes, when all have come to the end."""
    if dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()


def share(batch: int) -> range:
    """The numbers of a batch's pictures that are this process's. Raises ImagineError."""
    if batch < size():
        raise ImagineError(
            f"a batch of {batch} for {size()} processes: --batch is that of them all"
        )
    return range(batch * rank() // size(), batch * (rank() + 1) // size())


def add_up(tensors: Sequence[Tensor]) -> None:
    """Each tensor becomes its sum over all processes, in place."""
    if size() == 1:
        return
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    dist.all_reduce(flat)
    parts = torch.split(flat, [tensor.numel() for tensor in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        tensor.copy_(part.view_as(tensor))


def from_first(*values: float, device: torch.device) -> list[float]:
    """The first process's values, for decisions that all must share."""
    if size() == 1:
        return list(values)
    tensor = torch.tensor(values, dtype=torch.float64, device=device)
    dist.broadcast(tensor, 0)
    return [float(value) for value in tensor.tolist()]
