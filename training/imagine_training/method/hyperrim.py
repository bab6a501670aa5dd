"""The paper's own network, to the letter: what the preset `paper` trains.

Peng & Li, "Generating Unobserved Alternatives" (HyperRIM), figures 3 to 5, and what its
public code adds to them: InstanceNorm, and how it begins. Written anew from a description of that
code (Apache-2.0). What differs in the product, and why, is a table in `network.py`.

A level hands its features on beside its picture. Here they are more channels of what levels pass to
each other, after the picture's three:

| where          | what it means                                                                 |
|----------------|-------------------------------------------------------------------------------|
| between levels | (n, 3 + features, h, w): the picture in [0, 1], then the features             |
| loss, choice   | see the picture alone                                                         |
| projection     | none in training, as in the paper: a level sees what the last one really gave |
| gradients      | a level's loss reaches the levels before it: one network, one sum             |
| condition      | taken and not looked at: the network is for one kernel, one quality           |
| export, walks  | none: a model file hands on pictures alone, projected, and in tiles; features |
|                | cannot be projected, and InstanceNorm needs the whole picture                 |

Of the paper's schedule a preset holds Adam's numbers, the batch, the candidates and the length. It
does not hold: mapping networks learn 100 times more slowly; codes are chosen for 320 pictures at
once and kept for 10,000 steps, the pictures taken in turn.
"""

from contextlib import nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .data import Step
from .latent import Code
from .network import BETA, DenseBlock, activate, convolution
from .presets import LevelShape, Preset

CARRIED = 0.1  # by which features are multiplied on their way to the next level


class MappingNetwork(nn.Sequential):
    """Figure 5: a vector (n, v) to a style (n, w), in eight layers."""

    def __init__(self, vector: int, style_width: int) -> None:
        layers: list[nn.Module] = []
        for width in (vector, *[style_width] * 7):
            layers += [nn.Linear(width, style_width), nn.LeakyReLU(0.2)]
        super().__init__(*layers)


class StyledBlock(nn.Module):
    """Figure 4: an RRDB, normalised, then restyled: a gain and a shift a channel."""

    def __init__(self, shape: LevelShape, style_width: int) -> None:
        super().__init__()
        self.dense = nn.Sequential(
            *(
                DenseBlock(shape.channels, shape.growth, shape.convolutions)
                for _ in range(shape.dense_blocks)
            )
        )
        self.style = nn.Linear(style_width, 2 * shape.channels)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        x = F.instance_norm(x + BETA * self.dense(x))
        gain, shift = self.style(w)[:, :, None, None].chunk(2, 1)
        styled: Tensor = x * (1 + gain) + shift
        return styled


class Level(nn.Module):
    """Figure 3: pictures and features to larger ones, e the shape's `enlarge`.

    (n, 3 + carried, h, w), map (n, m, h, w), vector (n, v) to (n, 3 + channels, e h, e w).
    """

    def __init__(self, shape: LevelShape, carried: int, preset: Preset) -> None:
        super().__init__()
        self.shape, self.carried = shape, carried
        self.entry = convolution(3 + shape.map_channels + carried, shape.channels)
        self.mapping = MappingNetwork(preset.vector, preset.style_width)
        self.trunk = nn.ModuleList(
            StyledBlock(shape, preset.style_width) for _ in range(shape.blocks)
        )
        self.trunk_end = convolution(shape.channels, shape.channels)
        self.tail = nn.ModuleList(convolution(shape.channels, shape.channels) for _ in range(2))
        self.out = convolution(shape.channels, 3)

    def forward(self, given: Tensor, latent_map: Tensor, vector: Tensor) -> Tensor:
        # What is seen. The small picture is in [0, 1]; a level's own, as tanh left it, in [-1, 1].
        pixels, features = given[:, :3], given[:, 3:]
        if self.carried:
            pixels = 2 * pixels - 1
        x = torch.cat((pixels, latent_map, CARRIED * features), 1)  # (n, 3 + m + carried, h, w)
        x = self.entry(x)  # (n, channels, h, w)

        # The trunk, normalised and restyled after every block by the vector of the latent code.
        w = self.mapping(vector)
        trunk = x
        for block in self.trunk:
            trunk = block(trunk, w)
        x = x + self.trunk_end(trunk)

        # Twice as large: the features that go on, (n, channels, e h, e w).
        if self.shape.enlarge > 1:
            x = F.interpolate(x, scale_factor=float(self.shape.enlarge), mode="nearest")
        for layer in self.tail:
            x = activate(layer(x))

        # The picture, in [0, 1], before them. Nothing of the picture that was given is added to it.
        return torch.cat(((torch.tanh(self.out(x)) + 1) / 2, x), 1)


class HyperRIM(nn.Module):
    """All levels, called as `network.Generator` is; pictures come with features after them."""

    def __init__(self, preset: Preset, *, reduced: bool = False) -> None:
        super().__init__()
        self.reduced = reduced
        self.levels = nn.ModuleList()
        carried = 0
        for shape in preset.levels:
            self.levels.append(Level(shape, carried, preset))
            carried = shape.channels
        self.apply(_as_the_paper_begins)

    def forward(
        self, level: int, pixels: Tensor, latent_map: Tensor, vector: Tensor, condition: Tensor
    ) -> Tensor:
        with torch.autocast(pixels.device.type, torch.bfloat16) if self.reduced else nullcontext():
            imagined: Tensor = self.levels[level](pixels, latent_map, vector)
        return imagined.float()

    def imagine(self, level: int, given: Tensor, code: Code, step: Step) -> tuple[Tensor, Tensor]:
        """A level's pictures as they come, and what the next level is given: with features, and
        with gradients, so that a level learns from the pictures of those after it too."""
        handed_on = self(level, given, code.map, code.vector, step.condition)
        return handed_on[:, :3], handed_on


def _as_the_paper_begins(module: nn.Module) -> None:
    """He's weights times 0.1; but convolutions, being weight-normed, keep PyTorch's in its code.

    So small are the mapping networks' weights that the vector changes nothing at first.
    """
    if isinstance(module, nn.Linear):
        nn.init.kaiming_normal_(module.weight)
        with torch.no_grad():
            module.weight.mul_(0.1)
    if isinstance(module, nn.Linear | nn.Conv2d) and module.bias is not None:
        nn.init.zeros_(module.bias)
