"""torch to ONNX with its card; compared with onnxruntime before it is kept."""

import os
import warnings
from collections.abc import Collection
from copy import deepcopy
from pathlib import Path
from typing import cast

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized, remove_parametrizations

from imagine_cli.card import CARD_KEY, Card, LevelCard
from imagine_cli.choices import Task
from imagine_cli.errors import ModelError
from imagine_cli.model import OnnxModel
from imagine_cli.orientation import AS_IT_IS, MIRRORED, TURNED

from ..baselines.networks import build
from ..method.checkpoint import load_weights
from ..method.network import Bicubic, Generator, Level
from ..method.presets import Preset
from .eight_bits import quantise
from .phases import by_phases

LARGEST_DIFFERENCE = 1e-3  # a quarter of a grey level
LEAST_HALVED = 1024  # numbers of a weight: smaller ones take no room


def export(folder: Path, name: str | None = None) -> Path:
    """`model.safetensors` and `config.json` of a folder to `model.onnx` beside them.

    Raises ModelError, and leaves what was there, if onnxruntime does not give what torch gives.
    """
    weights, preset = load_weights(folder)
    network = build(preset).eval()
    if not isinstance(network, Generator):  # its levels pass on more than pictures
        raise ModelError("the paper's own network can be trained, but not exported or tiled")
    network.load_state_dict(weights)
    _fold(network)
    _round(network)
    partial, file = folder / ".model.onnx.part", folder / "model.onnx"
    try:
        quicker = _quicker(network)
        _write(quicker, card_of(network, preset, name or folder.name), partial)
        _compare(network, partial)
        quantise(partial)
        _halve(partial, {name for name, weight in quicker.named_parameters() if _large(weight)})
        os.replace(partial, file)
    finally:
        partial.unlink(missing_ok=True)
    return file


def card_of(network: Generator, preset: Preset, name: str) -> Card:
    """What the program has to know of a model."""
    levels = tuple(
        LevelCard(
            factor,
            shape.map_channels,
            network.multiple(shape),
            network.margin(shape),
            shared=shape.channels if shape.shared else 0,
            stride=shape.downsample,
        )
        for factor, shape in zip(preset.factors, preset.levels, strict=True)
    )
    return Card(preset.task, name, preset.vector, preset.condition, levels, _orientations(preset))


def _orientations(preset: Preset) -> int:
    """Crops are turned and mirrored (`method/data.py`), so a model is as good in all ways. But a
    JPEG's tables know rows from columns, and rivals (`baselines/`) have no codes but their own.
    """
    if preset.method != "imle":
        return AS_IT_IS
    return TURNED if preset.task == Task.upscale else MIRRORED


class _AllParts(nn.Module):
    """The levels side by side, and then what the first one shares, if it does: each with inputs and
    an output of its own, of which one is asked for at a time."""

    def __init__(self, network: Generator) -> None:
        super().__init__()
        self.levels = network.levels

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        own = [inputs[4 * k : 4 * k + 4] for k in range(len(self.levels))]
        sharing = inputs[4 * len(own) :]
        if not sharing:
            return tuple(level(*given) for level, given in zip(self.levels, own, strict=True))
        seen, known, kept = sharing
        own[0] = (*own[0], kept)
        imagined = (level(*given) for level, given in zip(self.levels, own, strict=True))
        return (*imagined, _first(self).share(seen, known))


def _first(network: nn.Module) -> Level:
    return cast(Level, cast(nn.ModuleList, network.levels)[0])


def _write(network: Generator, card: Card, file: Path) -> None:
    numbers = range(1, len(card.levels) + 1)
    names = [f"{name}_{k}" for k in numbers for name in ("pixels", "field", "vector", "condition")]
    outputs = [f"imagined_{k}" for k in numbers]
    given = [value for level in card.levels for value in _inputs(card, level)]
    if card.levels[0].shared:
        names += ["seen_1", "known_1", "kept_1"]
        outputs.append("shared_1")
        pixels, condition = given[0], given[3]
        given += [pixels, condition, _first(network).share(pixels, condition)]
    all_parts = _AllParts(network)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own plans for its future
        torch.onnx.export(
            all_parts,
            tuple(given),
            str(file),
            input_names=names,
            output_names=outputs,
            dynamic_axes={
                name: {2: f"height_{name}", 3: f"width_{name}"}
                for name, value in zip(names, given, strict=True)
                if value.dim() == 4
            },
            opset_version=18,
            dynamo=False,
        )
    model = onnx.load(file)
    model.metadata_props.add(key=CARD_KEY, value=card.as_json())
    onnx.save(model, file)


def _halve(file: Path, weights: Collection[str]) -> None:
    """Weights in half precision, each cast to full: half the file (`imagine_cli/halves.py`)."""
    model, casts = onnx.load(file), []
    graph = model.graph
    for tensor in graph.initializer:
        if tensor.name in weights:
            weight = onnx.numpy_helper.to_array(tensor)
            name, half = tensor.name, f"{tensor.name}.half"
            tensor.CopyFrom(onnx.numpy_helper.from_array(weight.astype(np.float16), half))
            casts.append(onnx.helper.make_node("Cast", [half], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.save(model, file)


def _inputs(card: Card, level: LevelCard, height: int = 2, width: int = 2) -> tuple[Tensor, ...]:
    """Random inputs of a level, `height` and `width` times the multiple that it wants."""
    sides = height * level.multiple, width * level.multiple
    return (
        torch.rand(1, 3, *sides),
        torch.randn(1, level.channels, *sides),
        torch.randn(1, card.vector),
        torch.rand(1, card.condition),
    )


@torch.no_grad()
def _compare(network: Generator, file: Path) -> None:
    model = OnnxModel(file, device="cpu")
    for level, told in enumerate(model.card.levels):
        for height, width in ((3, 5), (7, 4)):
            inputs = _inputs(model.card, told, height, width)
            expected = network(level, *inputs)[0].permute(1, 2, 0).numpy()
            planes, field, vector, condition = (value[0].numpy() for value in inputs)
            pixels = planes.transpose(1, 2, 0)
            shared = (model.share(level, pixels, condition),) if told.shared else ()
            got = model(level, pixels, field, vector, condition, *shared)
            difference = float(np.abs(got - expected).max())
            if difference > LARGEST_DIFFERENCE:
                raise ModelError(f"{file}: onnxruntime differs from torch by {difference:.2g}")


class Convolved(nn.Module):
    """`Bicubic` as one convolution, an output for each place in an enlarged pixel.

    onnxruntime's own bicubic takes a fourth of a level's time.
    """

    taps: Tensor  # (3 e², 1, 5, 5)

    def __init__(self, plain: Bicubic) -> None:
        super().__init__()
        self.enlarge = plain.enlarge
        impulse = torch.zeros(1, 1, 9, 9)
        impulse[..., 4, 4] = 1
        seen = F.pixel_unshuffle(plain(impulse), self.enlarge)  # what a pixel adds around itself
        taps = seen[0, :, None, 2:7, 2:7].flip(2, 3)
        self.register_buffer("taps", taps.repeat(3, 1, 1, 1))

    def forward(self, pixels: Tensor) -> Tensor:
        # The border's pixels twice more, as bicubic has them; `onnxfile.py` allows no Pad.
        above, below = pixels[:, :, :1], pixels[:, :, -1:]
        pixels = torch.cat((above, above, pixels, below, below), 2)
        left, right = pixels[..., :1], pixels[..., -1:]
        pixels = torch.cat((left, left, pixels, right, right), 3)
        return F.pixel_shuffle(F.conv2d(pixels, self.taps, groups=3), self.enlarge)


@torch.no_grad()
def _quicker(network: Generator) -> Generator:
    """A copy that a CPU computes in less time."""
    network = deepcopy(network)
    for module in list(network.modules()):
        if type(module) is Level:
            by_phases(module)
        for name, child in module.named_children():
            if isinstance(child, Bicubic) and child.enlarge > 1:
                setattr(module, name, Convolved(child))
    return network


@torch.no_grad()
def _round(network: nn.Module) -> None:
    """Weights to what half precision has, so that the file's are the network's."""
    for weight in network.parameters():
        if _large(weight):
            weight.copy_(weight.half())


def _large(weight: Tensor) -> bool:
    return weight.numel() >= LEAST_HALVED


def _fold(network: nn.Module) -> None:
    """Weight normalisation is for training alone."""
    for module in network.modules():
        if is_parametrized(module):
            remove_parametrizations(module, "weight")
