"""A run that is not begun: what would be trained on what, and what it would cost."""

from pathlib import Path

from imagine_cli.progress import Line

from ..method.data import smallest_crop
from . import cost
from .command import settings
from .hardware import device_called, precision_called
from .options import Options
from .pictures import Pictures
from .validate import fetch_networks


def estimate(
    options: Options, folders: list[Path], device: str, line: Line, *, offline: bool = False
) -> list[str]:
    """Lines that say it; nothing is written. Raises ImagineError as the run itself would."""
    preset, init = settings(options, offline=offline)
    where = device_called(device)
    pictures = Pictures(folders, smallest_crop(preset), preset.crop)
    fetch_networks(preset, offline=offline, say=line.print)
    precision = precision_called(options.precision or "auto", where)
    line.show("counting what a step computes")
    counted = cost.counted(preset)
    line.show("timing a piece of each level")
    seconds = cost.seconds(counted, preset, where, reduced=precision == "bfloat16")
    steps = options.hours * 3600 / seconds if options.hours else preset.steps
    operations = counted.operations
    return [
        *pictures.summary(),
        f"{preset.task}, {len(preset.levels)} level{'s' * (len(preset.levels) > 1)}, "
        f"{counted.parameters:,} parameters, from "
        + (f"the weights in {init}" if init else "nothing"),
        f"a step has {preset.batch} picture{'s' * (preset.batch > 1)} and "
        f"{operations / 1e12:,.2f} T operations, {counted.trying / operations:.0%} of them to "
        "choose codes",
        f"{counted.memory / 1e9:.1f} GB of memory in float32, or fewer pictures at a time; beside "
        "the program and its pictures",
        f"about {seconds:,.2f} s a step, {preset.batch / seconds:.2g} pictures/s, in {precision} "
        f"on {where}: {operations / seconds / 1e9:,.0f} G operations/s, as timed on a piece of "
        "each level",
        f"{steps:,.0f} steps take about {steps * seconds / 3600:,.1f} hours, validation not "
        "counted",
    ]
