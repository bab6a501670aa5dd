"""The generator: a level turns a picture and a latent code into a larger, or a cleaner, picture.

The paper's figures 3 to 5, compact. What differs from it, and why:

| the paper (HyperRIM)               | here                          | because                   |
|------------------------------------|-------------------------------|---------------------------|
| InstanceNorm after every RRDB      | style alone: x (1 + s) + b    | it wipes colour, tiles    |
| output by tanh, no identity path   | plain enlargement + residual  | the identity is known     |
| mapping of 8 layers, gain 0.1      | code normalised, 3 layers     | there the vector is dead  |
| features and picture go on         | the picture alone             | it is projected, is tiled |
| levels at their full resolution    | some at a half or a quarter   | a fraction of the price   |
| one kind of picture, one kernel    | told the kernel, or tables    | one model serves them all |

Kept: progressive ×2 levels, each with a code that is a vector *and* a map; residual-in-residual
dense blocks (beta 0.2); a mapping network; weight normalisation; LeakyReLU(0.2).
"""

from contextlib import nullcontext
from itertools import pairwise
from math import lcm
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from imagine_cli.errors import ModelError

from .cells import Cells
from .data import Step
from .latent import Code
from .presets import LevelShape, Preset

BETA = 0.2


def convolution(channels: int, out: int, size: int = 3) -> nn.Module:
    """Weights are g v / |v| (Salimans & Kingma 2016, equation 2)."""
    normalised: nn.Module = weight_norm(nn.Conv2d(channels, out, size, padding=size // 2))
    return normalised


def small_at_first(layer: nn.Module) -> nn.Module:
    """A weight-normalised layer: its first step away from the plain enlargement is a small one."""
    with torch.no_grad():
        layer.parametrizations.weight.original0.mul_(0.1)  # type: ignore[union-attr, operator]
    return layer


def activate(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2)


class Doubled(nn.Conv2d):
    """Twice as large, plainly, convolved and activated: (n, c, h, w) to (n, out, 2 h, 2 w)."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__(channels, out, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return activate(super().forward(F.interpolate(x, scale_factor=2.0, mode="nearest")))


class MappingNetwork(nn.Module):
    """Figure 5: the vector code, and what is known beside the pixels, to a style.

    (n, v + c) -> (n, w); or what is known alone, (n, c).
    """

    def __init__(self, seen: int, style_width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Linear(width, style_width) for width in (seen, style_width, style_width)
        )
        for layer in self.layers:
            nn.init.kaiming_normal_(layer.weight, a=0.2)  # type: ignore[arg-type]

    def forward(self, w: Tensor) -> Tensor:
        for layer in self.layers:
            w = activate(layer(w))
        return w


def normalised(vector: Tensor) -> Tensor:
    """(n, v), to a length of √v, as StyleGAN's code is (Karras et al. 2019)."""
    return vector * torch.rsqrt(vector.square().mean(1, keepdim=True) + 1e-8)


def hold(latent_map: Tensor, sides: tuple[int, ...]) -> Tensor:
    """Channel by channel, one number for every square of so many pixels a side: its first.

    (n, m, h, w), no sides: as it is. A patch has as many numbers as pixels, and of a few random
    ones none is near in so many dimensions; of what is held there are few.
    """
    if not sides:
        return latent_map
    height, width = latent_map.shape[-2:]
    held = [
        F.interpolate(latent_map[:, one : one + 1, ::side, ::side], scale_factor=float(side))
        for one, side in enumerate(sides)
    ]
    return torch.cat([one[..., :height, :width] for one in held], 1)


class DenseBlock(nn.Module):
    """Convolutions that each see all before them (Wang et al., ESRGAN, figure 4): (n, c, h, w)."""

    def __init__(self, channels: int, growth: int, convolutions: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            convolution(channels + growth * number, growth) for number in range(convolutions - 1)
        )
        self.last = convolution(channels + growth * (convolutions - 1), channels)

    def forward(self, x: Tensor) -> Tensor:
        seen = x
        for layer in self.convolutions:
            seen = torch.cat((seen, activate(layer(seen))), 1)  # (n, c + growth k, h, w)
        grown: Tensor = x + BETA * self.last(seen)
        return grown


class StyledBlock(nn.Module):
    """Figure 4: a residual-in-residual dense block, then its style: a gain and a shift a channel.

    Where the shape says so, the latent map is added once more, by learnt gains, so that it is not
    lost on the way (as noise in StyleGAN, figure 1b). x: (n, c, h, w), latent map: (n, m, h, w).
    """

    def __init__(self, shape: LevelShape, style_width: int, *, shared: bool = False) -> None:
        super().__init__()
        self.dense = nn.Sequential(
            *(
                DenseBlock(shape.channels, shape.growth, shape.convolutions)
                for _ in range(shape.dense_blocks)
            )
        )
        self.map_gain = (
            convolution(shape.map_channels * shape.downsample**2, shape.channels, 1)
            if shape.map_after_blocks and not shared
            else None
        )
        self.style = nn.Linear(style_width, 2 * shape.channels)
        nn.init.normal_(self.style.weight, std=0.3 * style_width**-0.5)
        nn.init.zeros_(self.style.bias)

    def forward(self, x: Tensor, w: Tensor, latent_map: Tensor | None = None) -> Tensor:
        x = x + BETA * self.dense(x)  # the outer residual (ESRGAN, figure 4)
        gain, shift = self.style(w)[:, :, None, None].chunk(2, 1)  # (n, c, 1, 1) each
        styled: Tensor = x * (1 + gain) + shift  # StyleGAN's equation 1, unnormalised
        return styled if self.map_gain is None else styled + self.map_gain(latent_map)


class Bicubic(nn.Module):
    """Pictures (n, 3, h, w), plainly enlarged: (n, 3, e h, e w)."""

    def __init__(self, enlarge: int) -> None:
        super().__init__()
        self.enlarge = enlarge

    def forward(self, pixels: Tensor) -> Tensor:
        if self.enlarge == 1:
            return pixels
        return F.interpolate(pixels, scale_factor=float(self.enlarge), mode="bicubic")


class Level(nn.Module):
    """Figure 3: pictures (n, 3, h, w) in [0, 1] to (n, 3, e h, e w), e the shape's `enlarge`.

    Takes a latent map (n, m, h, w), a vector (n, v) and a condition (n, c) beside them; h and w are
    multiples of `Generator.multiple`. Within, d is the shape's `downsample`, b its `block_grid`.
    """

    def __init__(self, shape: LevelShape, preset: Preset) -> None:
        super().__init__()
        self.shape = shape
        self.cells = Cells() if shape.cells else None
        map_seen, known = shape.map_channels * shape.downsample**2, preset.condition
        seen = 3 * shape.downsample**2
        if shape.shared:
            self.known = MappingNetwork(known, preset.style_width)
            self.map_entry = convolution(map_seen, shape.channels)
        else:
            seen += map_seen
        if shape.block_grid:
            fine = (shape.block_grid // shape.downsample) ** 2
            self.blocks_seen = convolution(3 * shape.block_grid**2, 8 * fine, 1)
            seen += 8
        self.entry = convolution(seen, shape.channels)
        self.mapping = MappingNetwork(preset.vector + known, preset.style_width)
        self.trunk = nn.ModuleList(
            StyledBlock(shape, preset.style_width, shared=number < shape.shared)
            for number in range(shape.blocks)
        )
        self.trunk_end = convolution(shape.channels, shape.channels)
        widths = (shape.channels, *shape.tail)
        self.tail = nn.ModuleList(
            weight_norm(Doubled(width, following)) for width, following in pairwise(widths)
        )
        self.out = small_at_first(convolution(widths[-1], 3))
        self.plain = Bicubic(shape.enlarge)

    def forward(
        self,
        pixels: Tensor,
        latent_map: Tensor,
        vector: Tensor,
        condition: Tensor,
        *shared: Tensor,
    ) -> Tensor:
        """`shared`: what `share` made of these pixels, if that was done before."""
        latent_map = hold(latent_map, self.shape.held)
        if self.cells is not None:
            latent_map = self.cells(latent_map, condition)
        latent_map = F.pixel_unshuffle(latent_map, self.shape.downsample)  # (n, m d², h/d, w/d)
        if self.shape.shared:
            x = shared[0] if shared else self.share(pixels, condition)
            trunk = x + self.map_entry(latent_map)
        else:
            x = trunk = self.enter(pixels, latent_map)

        # The trunk, restyled after every block by the vector of the latent code.
        w = self.mapping(torch.cat((normalised(vector), condition), 1))
        for block in self.trunk[self.shape.shared :]:
            trunk = block(trunk, w, latent_map)
        x = x + self.trunk_end(trunk)

        # Out, doubling by doubling: to (n, 3, e h, e w).
        for layer in self.tail:
            x = layer(x)
        residual = self.out(x)

        # What was there already, plainly enlarged, and what is imagined.
        imagined: Tensor = self.plain(pixels) + residual
        return imagined

    def share(self, pixels: Tensor, condition: Tensor) -> Tensor:
        """What all variants share: (n, channels, h/d, w/d), after the first blocks of the trunk."""
        x, w = self.enter(pixels), self.known(condition)
        for block in self.trunk[: self.shape.shared]:
            x = block(x, w)
        return x

    def enter(self, pixels: Tensor, *more: Tensor) -> Tensor:
        """What is seen, (n, channels, h/d, w/d): the picture, perhaps the latent map, and its place
        in the JPEG grid."""
        down, grid = self.shape.downsample, self.shape.block_grid
        seen = F.pixel_unshuffle(2 * pixels - 1, down)  # (n, 3 d², h/d, w/d)
        x = torch.cat((seen, *more), 1)
        if grid:
            blocks = F.pixel_unshuffle(2 * pixels - 1, grid)  # (n, 3 b², h/b, w/b)
            blocks = activate(self.blocks_seen(blocks))  # (n, 8 b²/d², h/b, w/b)
            x = torch.cat((x, F.pixel_shuffle(blocks, grid // down)), 1)  # 8 channels more
        # Channels last from here on, as convolutions like it: folding squares of pixels undoes it.
        entered: Tensor = self.entry(x.contiguous(memory_format=torch.channels_last))
        return entered


class Generator(nn.Module):
    """All levels. `forward` of level k: see `Level`. `reduced` convolves in bfloat16.

    A rival's is one with levels, a multiple and a margin of its own.
    """

    kind: ClassVar[str] = "compact"
    level: ClassVar[type[nn.Module]] = Level

    def __init__(self, preset: Preset, *, reduced: bool = False) -> None:
        super().__init__()
        if preset.network != self.kind:
            raise ModelError(f"this is for {self.kind} networks; the model's is '{preset.network}'")
        self.reduced = reduced
        self.levels = nn.ModuleList(self.level(shape, preset) for shape in preset.levels)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(
        self, level: int, pixels: Tensor, latent_map: Tensor, vector: Tensor, condition: Tensor
    ) -> Tensor:
        with torch.autocast(pixels.device.type, torch.bfloat16) if self.reduced else nullcontext():
            pixels = pixels.contiguous(memory_format=torch.channels_last)
            imagined: Tensor = self.levels[level](pixels, latent_map, vector, condition)
        return imagined.float()

    def imagine(self, level: int, given: Tensor, code: Code, step: Step) -> tuple[Tensor, Tensor]:
        """A level's pictures, made to agree with what is known, and what the next level is given.

        That is the pictures alone, without gradients: a level learns from its own picture, and to
        do with what the last one really gives it.
        """
        picture = step.agree.project(self(level, given, code.map, code.vector, step.condition))
        return picture, picture.detach()

    @staticmethod
    def multiple(shape: LevelShape) -> int:
        """What the sides of a level's input must be multiples of, and where its tiles may begin."""
        blocks = 8 if shape.cells else 1
        return lcm(2 * shape.block_grid or shape.downsample, blocks, *shape.held)

    @staticmethod
    def margin(shape: LevelShape) -> int:
        """How far, in input pixels, a level sees beyond a pixel: no tile with it leaves a trace."""
        trunk = 1 + shape.blocks * shape.dense_blocks * shape.convolutions + 1
        tail, place = 0.0, float(shape.downsample)
        for _ in shape.tail:
            place /= 2
            tail += place
        reach = trunk * shape.downsample + tail + place + shape.block_grid + 2
        step = Generator.multiple(shape)
        return -(-int(reach + 1) // step) * step
