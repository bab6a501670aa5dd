"""HyperRIM's section 2: half-known digits, and the many that they may have been.

    python -m imagine_training.mnist --data FOLDER --out mnist/

A digit's first ten principal coordinates are known; the others are imagined. All predictions share
the ten exactly, as the evidence demands: the network gives the other coordinates alone. `--example
line` is a smaller one, where the truth is known (`line.py`).

The paper gives neither network nor settings; those here are `toy.Plan`'s.
"""

import gzip
import math
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from imagine_cli import encode
from imagine_cli.cli.exits import exit_codes
from imagine_cli.errors import ImagineError

from ..folders import check_empty
from . import line
from .toy import Plan, learners, samples

KNOWN = 10  # coordinates
LEARNERS = learners(1, 20)
SAMPLES = 500  # for each digit that is measured
MEASURED = 300  # digits of the test set
BANDWIDTH = 0.4  # of the densities; one for all, in standard deviations of coordinate 11
NEIGHBOURS = 10
BEST_OF = (1, 5, 20, 100, 500)

Numbers = NDArray[np.float64]


class Example(StrEnum):
    mnist = "mnist"
    line = "line"


def main(
    data: Annotated[
        Path | None,
        typer.Option(help="MNIST: the folder of its idx files, or mnist.npz. Else a small set."),
    ] = None,
    example: Annotated[Example, typer.Option(help="Digits, or one dimension.")] = Example.mnist,
    out: Annotated[Path | None, typer.Option(help="New folder; else named as the example.")] = None,
    seed: int = 0,
    rounds: Annotated[int, typer.Option(min=1, help="How long to train.")] = Plan.rounds,
) -> None:
    """The paper's section 2: IMLE with one candidate, with twenty, and a conditional GAN."""
    with exit_codes():
        out = out or Path(example)
        check_empty(out)
        if example == Example.line:
            one_dimension(out, seed, rounds)
        else:
            digits(data, out, seed, rounds)


# --- The example ---


def digits(data: Path | None, out: Path, seed: int, rounds: int) -> None:
    """Trains, prints the figures, and writes the paper's figures 1a and 1b."""
    given = read(data)
    space = Coordinates(given.train)
    train, test = space.coordinates(given.train), space.coordinates(given.test)
    print(f"{given.name}: {len(train)} digits to train on, {len(test)} to test; seed {seed}")

    known, rest = space.halves(train)
    asked, observed = space.halves(test[:MEASURED])
    answers, off = {}, 0.0
    for name, learn in LEARNERS.items():
        torch.manual_seed(seed)
        sampler = learn(known, rest, Plan(rounds=rounds))
        answers[name] = samples(sampler, asked, SAMPLES)
        for ten, some in zip(test, answers[name][:, :20], strict=False):
            predicted = space.pictures(ten[:KNOWN], some)
            again = space.coordinates(predicted)[:, :KNOWN]
            off = max(off, float(np.abs(again - ten[:KNOWN]).max()))
    nearest = torch.cdist(asked, known).topk(NEIGHBOURS, largest=False).indices
    neighbours = rest[nearest]

    columns = {
        name: averaged([judged(*pair, space.unit) for pair in zip(some, observed, strict=True)])
        for name, some in ({"neighbours": neighbours} | answers).items()
    }
    print(f"the known ten differ from the input's by {off:.1e} at most\n")
    print_table(columns)

    shown = range(1, len(asked), -(-len(asked) // 8))
    rows = [
        [
            space.pictures(test[one, :KNOWN], torch.zeros(1, rest.shape[1])),
            *(space.pictures(test[one, :KNOWN], some[one, :4]) for some in answers.values()),
            given.test[one : one + 1],
        ]
        for one in shown
    ]
    encode.write(
        figure_1a(rows, given.side, ["input", *answers, "observed"]), out / "figure-1a.png"
    )
    panels = {
        name: [(some[one, :, :2], observed[one, :2], neighbours[one, :, :2]) for one in shown[:5]]
        for name, some in answers.items()
    }
    encode.write(figure_1b(panels), out / "figure-1b.png")
    print(f"\n{out}/figure-1a.png, {out}/figure-1b.png")


def one_dimension(out: Path, seed: int, rounds: int) -> None:
    torch.manual_seed(seed)
    known, observed = line.pairs(1000)
    print(f"{len(known)} pairs, {line.SAMPLES} samples for each of 101 values of x; seed {seed}\n")
    learnt = {}
    for name, learn in line.LEARNERS.items():
        torch.manual_seed(seed)
        learnt[name] = learn(known, observed, line.plan(rounds))
    print_table({name: line.measured(sampler) for name, sampler in learnt.items()})
    encode.write(line.picture(known, observed, learnt), out / "line.png")
    print(f"\n{out}/line.png")


# --- Digits, and their principal coordinates ---


@dataclass
class Digits:
    """Pictures in [0, 1], a row each; a square of `side` pixels."""

    name: str
    train: Numbers
    test: Numbers

    @property
    def side(self) -> int:
        return math.isqrt(self.train.shape[1])


def read(data: Path | None) -> Digits:
    """Raises ImagineError if MNIST is not there, or nothing takes its place."""
    if data is None:
        try:
            from sklearn.datasets import load_digits  # type: ignore[import-untyped]
        except ModuleNotFoundError:
            raise ImagineError(
                "no digits: give MNIST by --data, or pip install scikit-learn for its small set"
            ) from None
        pictures = load_digits().data / 16
        test = np.arange(len(pictures)) % 6 == 0
        name = "scikit-learn's digits (8 × 8, not MNIST)"
        return Digits(name, pictures[~test], pictures[test])
    try:
        if data.is_dir():
            return Digits("MNIST", *(_idx(data, part) for part in ("train", "t10k")))
        with np.load(data) as arrays:
            parts = (arrays[part].astype(float) / 255 for part in ("x_train", "x_test"))
            return Digits("MNIST", *(part.reshape(len(part), -1) for part in parts))
    except (OSError, EOFError, KeyError, ValueError, AttributeError) as error:
        raise ImagineError(
            f"{data}: MNIST cannot be read ({error}); give the folder of "
            "train-images-idx3-ubyte.gz and t10k-images-idx3-ubyte.gz, or mnist.npz"
        ) from None


def _idx(folder: Path, part: str) -> Numbers:
    """One of MNIST's files, packed or not: 16 bytes that tell the sizes, then the pixels."""
    file = folder / f"{part}-images-idx3-ubyte"
    packed = Path(f"{file}.gz")
    content = file.read_bytes() if file.exists() else gzip.decompress(packed.read_bytes())
    _, number, height, width = np.frombuffer(content, ">i4", 4).tolist()
    pixels = np.frombuffer(content, np.uint8, offset=16)
    return pixels.reshape(number, height * width) / 255


class Coordinates:
    """Principal coordinates of the training pictures: all of them, so that nothing is lost.

    `unit` is the standard deviation of the first that is imagined. One unit for all, so that
    distances between halves are those between pictures.
    """

    def __init__(self, train: Numbers) -> None:
        self.mean = train.mean(0)
        variances, axes = np.linalg.eigh(np.cov(train.T))
        axes = axes[:, ::-1]
        largest = axes[np.abs(axes).argmax(0), np.arange(len(axes))]
        self.axes = axes * np.sign(largest)  # an axis has no sign of its own
        self.unit = float(np.sqrt(variances[::-1][KNOWN]))

    def coordinates(self, pictures: Numbers) -> Numbers:
        found: Numbers = (pictures - self.mean) @ self.axes
        return found

    def halves(self, coordinates: Numbers) -> tuple[Tensor, Tensor]:
        """What is known, and what is imagined: (n, 10) and (n, others), in units."""
        scaled = torch.from_numpy(coordinates / self.unit).float()
        return scaled[:, :KNOWN], scaled[:, KNOWN:]

    def pictures(self, known: Numbers, rest: Tensor) -> Numbers:
        """From ten known coordinates and imagined others (n, others), not clipped to [0, 1]."""
        others = rest.double().numpy() * self.unit
        found: Numbers = self.mean + self.axes[:, :KNOWN] @ known + others @ self.axes[:, KNOWN:].T
        return found


# --- Figures ---


def judged(answers: Tensor, observed: Tensor, unit: float) -> dict[str, float]:
    """Figures of one digit's answers (n, others). Distances are between pictures in [0, 1]."""
    centre = answers.mean(0)
    from_centre = (answers - centre).norm(dim=1)
    observed_from_centre = (observed - centre).norm()
    density = log_density(answers[:, :2], observed[None, :2])
    drawn = answers[:, :2] + BANDWIDTH * torch.randn(len(answers), 2)  # as the density has it
    denser = (log_density(answers[:, :2], drawn) > density).float().mean()
    far = (answers - observed).norm(dim=1)
    return {
        "spread: samples to their mean": from_centre.mean().item() * unit,
        "observed to that mean": observed_from_centre.item() * unit,
        "share of samples farther from it": (from_centre > observed_from_centre)
        .float()
        .mean()
        .item(),
        "log density of coordinates 11, 12": density.item(),
        "observed in the 50 % region": float(denser <= 0.5),
        "observed in the 90 % region": float(denser <= 0.9),
        **{
            f"observed to the best of {count}": far[:count].min().item() * unit
            for count in BEST_OF
            if count <= len(far)
        },
    }


def log_density(points: Tensor, at: Tensor) -> Tensor:
    """Of normal kernels around points (n, 2), at (k, 2): (k,)."""
    kernels = -torch.cdist(at, points).square() / (2 * BANDWIDTH**2)
    return torch.logsumexp(kernels, 1) - math.log(len(points) * 2 * math.pi * BANDWIDTH**2)


def averaged(rows: list[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def print_table(columns: dict[str, dict[str, float]]) -> None:
    names = dict.fromkeys(name for column in columns.values() for name in column)
    width = max(map(len, names))
    print(" " * width, *(f"{name:>10}" for name in columns))
    for name in names:
        cells = (
            f"{column[name]:10.2f}" if name in column else " " * 10 for column in columns.values()
        )
        print(f"{name:{width}}", *cells)


# --- Pictures ---


def figure_1a(rows: list[list[Numbers]], side: int, labels: list[str]) -> NDArray[np.uint8]:
    """A row a digit, a group of pictures (n, pixels) a label."""
    cell, gap, head = 56, 14, 22
    widths = [cell * len(group) + gap for group in rows[0]]
    paper = Image.new("RGB", (sum(widths) + gap, head + (cell + 3) * len(rows) + 4), "white")
    pen = ImageDraw.Draw(paper)
    for number, row in enumerate(rows):
        left = gap
        for label, group, width in zip(labels, row, widths, strict=True):
            if number == 0:
                pen.text((left + (width - gap) / 2, head / 2), label, "black", anchor="mm")
            for place, pixels in enumerate(group):
                grey = np.rint(255 * pixels.clip(0, 1)).astype(np.uint8).reshape(side, side)
                tile = Image.fromarray(grey).resize((cell - 3, cell - 3), Image.Resampling.NEAREST)
                paper.paste(tile, (left + cell * place, head + (cell + 3) * number))
            left += width
    return np.asarray(paper)


def figure_1b(panels: dict[str, list[tuple[Tensor, Tensor, Tensor]]]) -> NDArray[np.uint8]:
    """Densities of coordinates 11 (across) and 12 (up), a row a learner.

    A panel is samples (n, 2), the observed point (2,), drawn as a cross, and its neighbours (k, 2).
    """
    size, head, reach = 150, 22, 3.5
    ticks = torch.linspace(-reach, reach, size)
    grid = torch.cartesian_prod(-ticks, ticks).flip(1)  # across, up; from the top left
    columns = max(len(row) for row in panels.values())
    paper = Image.new("RGB", ((size + 4) * columns, (size + head) * len(panels)), "white")
    pen = ImageDraw.Draw(paper)
    for number, (name, row) in enumerate(panels.items()):
        top = (size + head) * number + head
        pen.text((4, top - head / 2), name, "black", anchor="lm")
        for place, (points, observed, neighbours) in enumerate(row):
            density = log_density(points, grid).exp().reshape(size, size)
            shade = (density / density.max()).numpy()[..., None]
            ink = 255 - shade * (255 - np.array([40, 90, 170]))
            left = (size + 4) * place
            paper.paste(Image.fromarray(ink.astype(np.uint8)), (left, top))
            pen.rectangle((left, top, left + size - 1, top + size - 1), outline="silver")
            for point, color in [*((one, "orange") for one in neighbours), (observed, "red")]:
                x, y = (
                    (point.clamp(-reach, reach) / reach * torch.tensor([1, -1]) + 1) / 2 * size
                ).tolist()
                x, y = left + x, top + y
                if color == "red":
                    pen.line((x - 5, y, x + 5, y), color, 2)
                    pen.line((x, y - 5, x, y + 5), color, 2)
                else:
                    pen.ellipse((x - 2, y - 2, x + 2, y + 2), color)
    return np.asarray(paper)
