"""Models of a few lines, for tests: they enlarge plainly, blur a little and add their code."""

from dataclasses import dataclass, field, replace

import numpy as np
import onnx
from onnx import TensorProto, helper

from imagine_cli.card import Card, LevelCard


def card(factors=(2, 4), task="upscale", condition=5, margin=2, multiple=2, orientations=1):
    levels = tuple(LevelCard(factor, 1, multiple, margin) for factor in factors)
    return Card(task, "toy", 2, condition, levels, orientations)


@dataclass
class Toy:
    """Looks one pixel around itself, so a margin of one leaves no trace."""

    card: Card = field(default_factory=card)
    strength: float = 0.05

    def __call__(self, level, pixels, field, vector, condition):
        padded = np.pad(pixels, ((1, 1), (1, 1), (0, 0)), "edge")
        around = (padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]) / 4
        mixed = 0.9 * pixels + 0.1 * around + self.strength * (field[0][..., None] + vector[0])
        before = self.card.levels[level - 1].factor if level else 1
        enlarge = self.card.levels[level].factor // before
        return mixed.repeat(enlarge, 0).repeat(enlarge, 1)


def _sharing_card():
    first, *others = card().levels
    return replace(card(), levels=(replace(first, shared=3, stride=2), *others))


@dataclass
class Sharing(Toy):
    """The toy, and something that its first level's variants share; counts how often it is made."""

    card: Card = field(default_factory=_sharing_card)
    made: int = 0

    def share(self, level, pixels, condition):
        self.made += 1
        return pixels.transpose(2, 0, 1)[:, ::2, ::2] * 0.5

    def __call__(self, level, pixels, field, vector, condition, *shared):
        imagined = super().__call__(level, pixels, field, vector, condition)
        for coarse in shared:
            assert level == 0
            imagined = imagined + coarse.transpose(1, 2, 0).repeat(4, 0).repeat(4, 1)
        assert bool(shared) == (level == 0)
        return imagined


_PICTURE = [1, 3, "h", "w"]


def model_file(path, about, text=None):
    """One level: pixels and field added, and what is shared, every other pixel; in plain ONNX."""
    condition, added = [1, about.condition], ["pixels_1", "field_1"]
    inputs = {"pixels_1": _PICTURE, "field_1": [1, 1, "h", "w"], "vector_1": [1, 2]}
    inputs["condition_1"], outputs, nodes = condition, {"imagined_1": _PICTURE}, []
    if about.levels[0].shared:
        inputs |= {"seen_1": [1, 3, "y", "x"], "known_1": condition, "kept_1": [1, 3, "k", "l"]}
        outputs["shared_1"] = [1, 3, "m", "n"]
        nodes += [
            helper.make_node(
                "AveragePool", ["seen_1"], ["shared_1"], kernel_shape=[1, 1], strides=[2, 2]
            ),
            helper.make_node("Constant", [], ["twice"], value_floats=[1.0, 1.0, 2.0, 2.0]),
            helper.make_node("Resize", ["kept_1", "", "twice"], ["large"], mode="nearest"),
            helper.make_node("Add", added, ["sum"]),
        ]
        added = ["sum", "large"]
    nodes.append(helper.make_node("Add", added, ["imagined_1"]))
    of_inputs, of_outputs = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, some[name]) for name in some]
        for some in (inputs, outputs)
    )
    graph = helper.make_graph(nodes, "toy", of_inputs, of_outputs)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    made.metadata_props.add(key="imagine", value=text or about.as_json())
    onnx.save(made, path)
    return path
