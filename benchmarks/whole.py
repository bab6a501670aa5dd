"""Whole runs, against rivals and against the floor: seconds, memory, and their ratios.

    python benchmarks/whole.py [--rival 'NAME=COMMAND {input} {output}']… [--turns 3] [--only PART]

Each run is a process of its own, and runs take turns, so that what else the machine does hits all
of them; the least time of the turns counts. A rival enlarges 64² to 1024²; Lanczos is always one.
The floor of a run is its floating-point operations over the rate that onnxruntime reaches on a
plain convolution, on this machine, in the same minute.
"""

import argparse
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

IMAGINE = [sys.executable, "-m", "imagine_cli"]
LANCZOS = (
    "from PIL import Image; import sys; p = Image.open(sys.argv[1]);"
    "p.resize((16 * p.width, 16 * p.height), Image.Resampling.LANCZOS).save(sys.argv[2])"
)


@dataclass(frozen=True)
class Cost:
    seconds: float  # on the clock
    cpu: float
    megabytes: float  # at the peak

    def __str__(self) -> str:
        return f"{self.seconds:8.2f} s {self.cpu:8.2f} s CPU {self.megabytes:7.0f} MB"


def run(command: list[str]) -> Cost:
    """One process, and what it took. Raises RuntimeError if it fails."""
    began = time.perf_counter()
    quiet = [(os.POSIX_SPAWN_OPEN, file, os.devnull, os.O_WRONLY, 0) for file in (1, 2)]
    process = os.posix_spawnp(command[0], command, os.environ, file_actions=quiet)
    _, status, usage = os.wait4(process, 0)
    seconds = time.perf_counter() - began
    if status:
        raise RuntimeError(f"failed: {shlex.join(command)}")
    megabytes = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return Cost(seconds, usage.ru_utime + usage.ru_stime, megabytes)


def in_turn(commands: dict[str, list[str]], turns: int) -> dict[str, Cost]:
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(turns):
        for name, command in commands.items():
            costs[name].append(run(command))
    return {name: min(some, key=lambda cost: cost.seconds) for name, some in costs.items()}


def photograph(path: Path, width: int, height: int, **options: object) -> Path:
    """The repository's photograph at another size."""
    source = Image.open(Path(__file__).parents[1] / "examples" / "coffee.jpg").convert("RGB")
    source.resize((width, height), Image.Resampling.BICUBIC).save(path, **options)
    return path


def upscale(picture: Path, scale: int, variants: int, output: Path) -> list[str]:
    options = f"--scale {scale} -n {variants} --overwrite --quiet -o".split()
    return [*IMAGINE, "upscale", str(picture), *options, str(output)]


def decompress(picture: Path, variants: int, output: Path) -> list[str]:
    options = f"-n {variants} --overwrite --quiet -o".split()
    return [*IMAGINE, "decompress", str(picture), *options, str(output)]


def rivals(folder: Path, turns: int, others: list[str]) -> Iterator[str]:
    """64² to 1024², start-up included."""
    small = photograph(folder / "small.png", 64, 64)
    commands = {
        "imagine": upscale(small, 16, 1, folder),
        "Lanczos": [sys.executable, "-c", LANCZOS, str(small), str(folder / "lanczos.png")],
    }
    for number, other in enumerate(others):
        name, _, command = other.partition("=")
        files = {"input": small, "output": folder / f"rival-{number}.png"}
        commands[name] = [word.format(**files) for word in shlex.split(command)]
    costs = in_turn(commands, turns)
    ours = costs["imagine"]
    for name, cost in costs.items():
        slower, larger = cost.seconds / ours.seconds, cost.megabytes / ours.megabytes
        yield f"64² to 1024², {name:24s}{cost}   {slower:6.2f} x time, {larger:5.2f} x memory"


def variants(folder: Path, turns: int, _: list[str]) -> Iterator[str]:
    """What more variants of one picture cost."""
    cases: dict[str, Callable[[int], list[str]]] = {}
    for side, scale in ((32, 16), (128, 16), (128, 4)):
        small = photograph(folder / f"{side}.png", side, side)
        cases[f"{side}² ×{scale}"] = lambda n, p=small, s=scale: upscale(p, s, n, folder)  # type: ignore[misc]
    jpeg = photograph(folder / "one.jpg", 1024, 1024, quality=30)
    cases["1024² decompressed"] = lambda n: decompress(jpeg, n, folder)
    for name, command in cases.items():
        costs = in_turn({str(n): command(n) for n in (1, 5, 20)}, turns)
        for n, cost in costs.items():
            yield f"{name}, -n {n:3s}{cost}   {cost.seconds / costs['1'].seconds:5.2f} x -n 1"


def many(folder: Path, turns: int, _: list[str]) -> Iterator[str]:
    """Small files in one run: time and memory by their number."""
    costs = {}
    for count in (1, 10, 50, 200):
        source = folder / f"many-{count}"
        source.mkdir()
        for number in range(count):
            photograph(source / f"{number}.png", 16, 16)
        costs[count] = run(upscale(source, 4, 1, folder / f"out-{count}"))
        each = (costs[count].seconds - costs[1].seconds) / max(count - 1, 1)
        yield f"{count:4d} files of 16², ×4 {costs[count]}   {1000 * each:6.0f} ms each more"


def large(folder: Path, turns: int, _: list[str]) -> Iterator[str]:
    """A JPEG of 12 megapixels, against its floor."""
    jpeg = photograph(folder / "large.jpg", 4000, 3000, quality=75)
    floor = 12 * decompress_flops() / plain_rate()
    cost = run(decompress(jpeg, 1, folder))
    yield f"12-megapixel JPEG {cost}   {cost.seconds / floor:5.2f} x its floor of {floor:.0f} s"


def startup(_: Path, turns: int, __: list[str]) -> Iterator[str]:
    python = [sys.executable, "-c", "pass"]
    costs = in_turn({"python": python, "--help": [*IMAGINE, "--help"]}, max(turns, 5))
    for name, cost in costs.items():
        yield f"start-up, {name:8s}{cost}   {cost.cpu / costs['python'].cpu:5.2f} x bare Python"


def decompress_flops(side: int = 512) -> float:
    """Floating-point operations of the shipped decompression model, a megapixel."""
    import torch
    from imagine_training.method.checkpoint import load_weights
    from imagine_training.method.network import Generator
    from torch.utils.flop_counter import FlopCounterMode

    _, preset = load_weights(Path(__file__).parents[1] / "weights" / "decompress")
    network, shape = Generator(preset), preset.levels[0]
    pixels, field = torch.zeros(1, 3, side, side), torch.zeros(1, shape.map_channels, side, side)
    codes = torch.zeros(1, preset.vector), torch.zeros(1, preset.condition)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(0, pixels, field, *codes)
    return float(counter.get_total_flops()) * 1e6 / side**2


def plain_rate(channels: int = 64, side: int = 256, turns: int = 10) -> float:
    """Floating-point operations a second of one 3×3 convolution in onnxruntime."""
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    weight = numpy_helper.from_array(np.ones((channels, channels, 3, 3), np.float32), "w")
    shape = [1, channels, side, side]
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])],
        "plain",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    pixels = np.ones(shape, np.float32)
    least = min(_seconds(lambda: session.run(None, {"x": pixels})) for _ in range(turns))
    return 2 * 9 * channels**2 * side**2 / least


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


PARTS = {part.__name__: part for part in (startup, rivals, variants, many, large)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rival", action="append", default=[], metavar="NAME=COMMAND")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--only", choices=PARTS, action="append")
    arguments = parser.parse_args()
    for name in arguments.only or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            for line in PARTS[name](Path(folder), arguments.turns, arguments.rival):
                print(line, flush=True)


if __name__ == "__main__":
    main()
