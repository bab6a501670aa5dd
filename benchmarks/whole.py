"""Whole runs, against rivals and against the floor: seconds, memory, and their ratios.

    python benchmarks/whole.py [--rival 'NAME=COMMAND {input} {output}']…
        [--jpeg-rival 'NAME=COMMAND {input} {output}']… [--turns 3] [--only PART] [--page PAGE]

Each run is a process of its own, and runs take turns, so that what else the machine does hits all
of them; the least time of the turns counts. A rival enlarges 64² to 1024², or decodes a JPEG into a
PNG; Lanczos and plain decoding are always there. The floor of a run is its floating-point work
over the rate that onnxruntime reaches on a plain convolution, on this machine, in the same minute.
With `--page docs/performance.md` the figures take the place of those there, with a drawing.
"""

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from imagine_training.run.curve import curve, stacked
from page import put
from PIL import Image

IMAGINE = [sys.executable, "-m", "imagine_cli"]
LANCZOS = (
    "from PIL import Image; import sys; p = Image.open(sys.argv[1]);"
    "p.resize((16 * p.width, 16 * p.height), Image.Resampling.LANCZOS).save(sys.argv[2])"
)
PLAIN = (
    "from PIL import Image; import sys;"
    "Image.open(sys.argv[1]).convert('RGB').save(sys.argv[2], compress_level=1)"
)

Series = dict[str, list[tuple[float, float]]]  # of a drawing: points by name


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


@dataclass(frozen=True)
class Bench:
    """Where runs are, how often each is done, and against whom."""

    folder: Path
    turns: int
    rivals: dict[str, str]
    jpeg_rivals: dict[str, str]
    drawn: dict[str, Series]
    """By what it shows."""

    def against(
        self, ours: list[str], plain: str, others: dict[str, str], given: Path
    ) -> dict[str, Cost]:
        plainly = [sys.executable, "-c", plain, str(given), str(self.folder / "plain.png")]
        commands = {"imagine": ours, "Pillow": plainly}
        for number, (name, command) in enumerate(others.items()):
            files = {"input": given, "output": self.folder / f"rival-{number}.png"}
            commands[name] = [word.format(**files) for word in shlex.split(command)]
        return in_turn(commands, self.turns)


def rivals(bench: Bench) -> Iterator[str]:
    """64² to 1024², start-up included."""
    small = photograph(bench.folder / "small.png", 64, 64)
    ours = upscale(small, 16, 1, bench.folder)
    yield from compared("64² to 1024²", bench.against(ours, LANCZOS, bench.rivals, small))


def large(bench: Bench) -> Iterator[str]:
    """A JPEG of 12 megapixels; and against its floor."""
    jpeg = photograph(bench.folder / "large.jpg", 4000, 3000, quality=75)
    ours = decompress(jpeg, 1, bench.folder)
    costs = bench.against(ours, PLAIN, bench.jpeg_rivals, jpeg)
    yield from compared("12-megapixel JPEG", costs)
    # Apart: a run's memory counts ours at first.
    with ProcessPoolExecutor(1, get_context("spawn")) as apart:
        floor = 12 * apart.submit(decompress_flops).result() / apart.submit(plain_rate).result()
    yield f"12-megapixel JPEG, {costs['imagine'].seconds / floor:.2f} x its floor of {floor:.0f} s"


def compared(what: str, costs: dict[str, Cost]) -> Iterator[str]:
    ours = costs["imagine"]
    for name, cost in costs.items():
        slower, larger = cost.seconds / ours.seconds, cost.megabytes / ours.megabytes
        yield f"{what}, {name:24s}{cost}   {slower:6.2f} x time, {larger:5.2f} x memory"


def variants(bench: Bench) -> Iterator[str]:
    """What more variants of one picture cost."""
    cases: dict[str, Callable[[int], list[str]]] = {}
    for side, scale in ((64, 16), (128, 4)):
        small = photograph(bench.folder / f"{side}.png", side, side)
        cases[f"{side}² ×{scale}"] = lambda n, p=small, s=scale: upscale(p, s, n, bench.folder)  # type: ignore[misc]
    jpeg = photograph(bench.folder / "one.jpg", 512, 512, quality=30)
    cases["512² decompressed"] = lambda n: decompress(jpeg, n, bench.folder)
    for name, command in cases.items():
        costs = in_turn({str(n): command(n) for n in (1, 5, 20)}, bench.turns)
        for n, cost in costs.items():
            yield f"{name}, -n {n:3s}{cost}   {cost.seconds / costs['1'].seconds:5.2f} x -n 1"
        points = [(float(n), cost.seconds) for n, cost in costs.items()]
        bench.drawn.setdefault("seconds, by variants", {})[name] = points


def sizes(bench: Bench) -> Iterator[str]:
    """One variant: time and memory by the pixels of the result."""
    for scale in (4, 16):
        for side in (256, 512, 1024, 2048):
            small = photograph(bench.folder / f"s{side}.png", side // scale, side // scale)
            yield sized(bench, f"×{scale}", side, upscale(small, scale, 1, bench.folder))
    for side in (256, 512, 1024, 2048):
        jpeg = photograph(bench.folder / f"s{side}.jpg", side, side, quality=50)
        yield sized(bench, "decompressed", side, decompress(jpeg, 1, bench.folder))


def sized(bench: Bench, name: str, side: int, command: list[str]) -> str:
    cost, megapixels = in_turn({"": command}, bench.turns)[""], side**2 / 1e6
    for what, value in (("seconds", cost.seconds), ("megabytes", cost.megabytes)):
        series = bench.drawn.setdefault(f"{what}, by megapixels of the result", {})
        series.setdefault(name, []).append((megapixels, value))
    return f"{name:12s} to {side:4d}² {cost}   {cost.seconds / megapixels:6.2f} s a megapixel"


def many(bench: Bench) -> Iterator[str]:
    """Small files in one run: time and memory by their number."""
    costs = {}
    for count in (1, 10, 50, 200):
        source = bench.folder / f"many-{count}"
        source.mkdir()
        for number in range(count):
            photograph(source / f"{number}.png", 16, 16)
        costs[count] = run(upscale(source, 4, 1, bench.folder / f"out-{count}"))
        each = (costs[count].seconds - costs[1].seconds) / max(count - 1, 1)
        yield f"{count:4d} files of 16², ×4 {costs[count]}   {1000 * each:6.0f} ms each more"
    points = [(float(count), cost.megabytes) for count, cost in costs.items()]
    bench.drawn["megabytes, by files"] = {"16², ×4": points}


def parts(bench: Bench) -> Iterator[str]:
    """Where the time of a run goes: `--timings`."""
    jpeg = photograph(bench.folder / "parts.jpg", 2000, 1500, quality=75)
    cases = {
        "64² to 1024²": upscale(photograph(bench.folder / "p64.png", 64, 64), 16, 1, bench.folder),
        "512² to 1024²": upscale(
            photograph(bench.folder / "p512.png", 512, 512), 2, 1, bench.folder
        ),
        "3-megapixel JPEG": decompress(jpeg, 1, bench.folder),
    }
    for name, command in cases.items():
        told = subprocess.run([*command, "--timings"], capture_output=True, text=True, check=True)
        lines = [line.strip() for line in told.stderr.splitlines() if "%" in line]
        yield f"{name}: {'; '.join(' '.join(line.split()) for line in lines)}"


def startup(bench: Bench) -> Iterator[str]:
    python = [sys.executable, "-c", "pass"]
    commands = {"python": python, "--help": [*IMAGINE, "--help"]}
    costs = in_turn(commands, max(bench.turns, 5))
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


PARTS = {part.__name__: part for part in (startup, rivals, large, variants, sizes, many, parts)}


def written(page: Path, lines: list[str], drawn: dict[str, Series]) -> None:
    """The figures in place of those on the page, and the drawing beside it."""
    drawing = page.with_suffix(".png")
    panels = [
        {
            f"{what}: {_plain(name)}" if not number else _plain(name): some
            for number, (name, some) in enumerate(series.items())
        }
        for what, series in drawn.items()
    ]
    stacked([curve(series, least=0) for series in panels]).save(drawing)
    told = "\n".join(f"    {line}" for line in lines)
    put(page, f"{told}\n\n![{', '.join(drawn)}]({drawing.name})")


def _plain(name: str) -> str:
    """As the drawing's font has it."""
    return name.replace("²", " px").replace("×", "x ")


def named(given: list[str]) -> dict[str, str]:
    return {name: command for name, _, command in (one.partition("=") for one in given)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rival", action="append", default=[], metavar="NAME=COMMAND")
    parser.add_argument("--jpeg-rival", action="append", default=[], metavar="NAME=COMMAND")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--page", type=Path)
    asked = parser.parse_args()
    if asked.only and asked.page:
        parser.error("--page is for all parts")
    lines: list[str] = []
    drawn: dict[str, Series] = {}
    for name in asked.only or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            rivals, jpeg_rivals = named(asked.rival), named(asked.jpeg_rival)
            for line in PARTS[name](Bench(Path(folder), asked.turns, rivals, jpeg_rivals, drawn)):
                print(line, flush=True)
                lines.append(line)
    if asked.page:
        written(asked.page, lines, drawn)


if __name__ == "__main__":
    main()
