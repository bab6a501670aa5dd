"""A model in eight bits: its trunk's convolutions in whole numbers, twice as quick on a CPU.

Each number that goes from one of them to the next is rounded to one of 256 steps of its range, and
each weight to one of 128 of its output's (Jacob et al. 2018, "Quantization and Training of Neural
Networks for Efficient Integer-Arithmetic-Only Inference"). A range is what a picture of dead leaves
fills in the mean, while the model works on it: nobody's photographs are needed. The way in, the way
out and what blocks add to stay in full precision: there coarse steps are seen (row 40 of
docs/experiments.md).
"""

import contextlib
import logging
import os
from collections.abc import Iterator
from io import BytesIO
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from PIL import Image

from imagine_cli.card import Card, Model
from imagine_cli.choices import Task
from imagine_cli.downscaled import Downscaled
from imagine_cli.evidence import Evidence
from imagine_cli.jpeg import JpegCoded
from imagine_cli.model import OnnxModel
from imagine_cli.resampling import KERNELS
from imagine_cli.variants import imagine

from ..method.data import SAMPLINGS
from .leaves import leaves

PICTURES = 16
MOST = 2.0  # grey levels, root mean square, between a variant of dead leaves and the coarse one
SMALL, CODED = 12, 64  # pixels a side: of a small picture, of a JPEG
UNSEEN = 4  # pictures, on which the outcome is looked at
QUALITIES = (1, 2, 4, 7, 10, 15, 25, 40, 60, 75, 90, 95)

Feeds = dict[str, NDArray[np.float32]]


def quantise(file: Path) -> None:
    """Put a model's file in eight bits, if its variants stay the same pictures."""
    model, coarse = onnx.load(file), file.with_name(f"{file.name}.coarse")
    nodes = _between_convolutions(model.graph)
    if not nodes:
        return
    try:
        with _quiet():
            quantize_static(
                model,
                coarse,
                _Met(file),
                nodes_to_quantize=nodes,
                per_channel=True,
                reduce_range=True,  # older processors add two products in 16 bits
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                extra_options={"CalibMovingAverage": True},
            )
        if difference(OnnxModel(file, "cpu"), OnnxModel(coarse, "cpu")) <= MOST:
            os.replace(coarse, file)
    finally:
        coarse.unlink(missing_ok=True)


def difference(one: Model, other: Model) -> float:
    """Between variants of dead leaves that two models make of one seed: RMS, in grey levels."""
    squares = []
    for known in _evidence(one.card, UNSEEN, seed=1):
        (ours,), (theirs,) = (imagine(known, model, [0]) for model in (one, other))
        squares.append(((ours.picture.astype(float) - theirs.picture) ** 2).mean())
    return float(np.sqrt(np.mean(squares)))


def _evidence(card: Card, count: int, seed: int) -> Iterator[Evidence]:
    """Of so many pictures of dead leaves: small by every kernel, or coded at every quality."""
    rng = np.random.default_rng(seed)
    if card.task == Task.upscale:
        for kernel in islice(cycle(KERNELS), count):
            yield Downscaled(leaves(rng, SMALL), card.levels[-1].factor, kernel)
        return
    samplings = cycle(SAMPLINGS.values())
    for quality, sampling in islice(zip(cycle(QUALITIES), samplings, strict=False), count):
        file = BytesIO()
        picture = Image.fromarray(leaves(rng, CODED))
        picture.save(file, "JPEG", quality=quality, subsampling=sampling)
        yield JpegCoded.from_bytes(file.getvalue())


def _between_convolutions(graph: onnx.GraphProto) -> list[str]:
    """The names of the nodes whose numbers can be coarse: the trunk's convolutions, but for what
    they add of the latent map, and what lies between two of them."""
    inside = [
        node
        for node in graph.node
        if node.op_type == "Conv" and "/trunk." in node.name and "/map_gain" not in node.name
    ]
    made = {name for node in inside for name in node.output}
    read = {name for node in inside for name in node.input}
    between = [
        node
        for node in graph.node
        if (node.op_type == "LeakyRelu" and made.intersection(node.input))
        or (node.op_type == "Concat" and read.intersection(node.output))
    ]
    return [node.name for node in (*inside, *between)]


class _Recorded(OnnxModel):
    """A model that keeps what it was given last, under the names that its file has for it."""

    def __init__(self, file: Path) -> None:
        super().__init__(file, "cpu")
        self.given: Feeds = {}

    def _imagined(self, name: str, level: int, given: Feeds, expected: tuple[int, ...]) -> Any:
        self.given |= {f"{key}_{level + 1}": value[None] for key, value in given.items()}
        return super()._imagined(name, level, given, expected)


class _Met(CalibrationDataReader):  # type: ignore[misc]
    """What all parts of a model are given while it works on dead leaves, a picture at a time."""

    def __init__(self, file: Path) -> None:
        self._feeds = self._all(_Recorded(file))

    def get_next(self) -> Feeds | None:
        return next(self._feeds, None)

    @staticmethod
    def _all(model: _Recorded) -> Iterator[Feeds]:
        for seed, known in enumerate(_evidence(model.card, PICTURES, seed=0)):
            for _ in imagine(known, model, [seed]):
                yield model.given


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The library advises what is of no use here."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
