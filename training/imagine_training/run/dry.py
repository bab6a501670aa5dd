"""A run that is not begun: what would be trained on what, and what it would cost."""

import sys
import time
from pathlib import Path

import torch

from imagine_cli.progress import Line

from ..method.checkpoint import load_weights
from .command import settings
from .hardware import device_called, precision_called
from .learner import Learner
from .loop import train_step
from .options import Options
from .pictures import Pictures
from .validate import fetch_networks

TIMED = 2  # steps; the first only warms up


def estimate(
    options: Options, folders: list[Path], device: str, line: Line, *, offline: bool = False
) -> list[str]:
    """Lines that say it; nothing is written. Raises ImagineError as the run itself would."""
    preset, init = settings(options, offline=offline)
    where = device_called(device)
    pictures = Pictures(folders, preset.crop)
    fetch_networks(preset, offline=offline, say=line.print)
    precision = precision_called(options.precision or "auto", where)
    weights = load_weights(init)[0] if init else None
    reduced = precision == "bfloat16"
    learner = Learner(preset, weights, seed=0, reduced=reduced, device=where, say=line.print)
    seconds = 0.0
    for turn in range(TIMED):
        line.show(f"trying a step, {turn + 1} of {TIMED}")
        began = time.perf_counter()
        train_step(learner, pictures.train, preset.warm_steps + turn, 0.0)
        seconds = time.perf_counter() - began
    steps = options.hours * 3600 / seconds if options.hours else preset.steps
    memory = _most_memory(where)
    return [
        *pictures.summary(),
        f"{preset.task}, {len(preset.levels)} level{'s' * (len(preset.levels) > 1)}, "
        f"{learner.size:,} parameters, from " + (f"the weights in {init}" if init else "nothing"),
        f"{precision} on {where}; batches of {preset.batch}, {learner.together} pictures at a time",
        f"{seconds:.2f} s a step, {preset.batch / seconds:.1f} pictures/s; {steps:,.0f} steps take "
        f"{steps * seconds / 3600:.1f} hours, validation not counted",
        *([f"{memory / 1e9:.1f} GB of memory at most"] if memory else []),
    ]


def _most_memory(device: torch.device) -> int:
    """Bytes that were taken at once, on the GPU or of the process; 0 where nobody tells."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
