"""2xESRGAN: two ×4 networks, one upon the other, each taught by an adversary.

Wang et al., "ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks" (ECCV workshops
2018). In HyperRIM's tables it enlarges twice by four, and a random code is joined to its input: it
has one answer for a picture otherwise. What differs, and why:

| the paper                             | here                             | because             |
|---------------------------------------|----------------------------------|---------------------|
| 23 blocks of 64 channels              | 5 of 32, 1.9 M for both networks | as large as ours    |
| all of the picture is made            | plain enlargement + residual     | ours is spared that |
| a small start                         | weight normalisation             | ours has it         |
| features of VGG19                     | of VGG16                         | it is at hand       |
| adversary: batch norm, on 128²        | weight norm, a mean over places  | any window, batch   |
| a million steps of L1 first           | 200, on codes of zero            | ours has them       |
| one kernel                            | told the kernel                  | ours is told        |

Each network's picture is projected onto the evidence before a loss, the adversary or the second
network sees it, as ours are; half of what the second one is given are true pictures.
"""

from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..method import network
from ..method.imle import imagine_levels
from ..method.latent import draw, silent
from ..method.learning import Drawn, Method, Network
from ..method.network import BETA, DenseBlock, activate, convolution, small_at_first
from ..method.perceptual import Lpips
from ..method.presets import UPSCALE, LevelShape, Preset
from .adversary import against, halving, still
from .inputs import unheard

ADVERSARY_WEIGHT = 5e-3  # equation 3's lambda; its eta is the preset's pixel weight
STEP = LevelShape(
    32, 16, blocks=5, dense_blocks=3, convolutions=5, enlarge=4, tail=(32, 32), map_channels=5
)


class Esrgan(Method):
    """2xESRGAN with a random code."""

    heeds = ("perceptual",)
    presets: ClassVar[dict[str, Preset]] = {
        "upscale": replace(
            UPSCALE,
            method="esrgan",
            network="rrdb",
            levels=(STEP, replace(STEP, window=24)),  # to 88² and 96² of 352²
            vector=1,  # not looked at
            perceptual=("vgg",),
            learning_rate=1e-4,
            betas=(0.9, 0.999),
            pixel_weight=0.01,
        )
    }

    def __init__(self, preset: Preset, network: Network, lpips: list[Lpips]) -> None:
        super().__init__(preset, network, lpips)
        self.adversaries.extend(Adversary() for _ in preset.levels)

    def losses(self, drawn: Drawn, *, choose: bool = True) -> Tensor:
        """Equation 3 for each network, and its adversary's, equation 1; at first the pixels alone.

        Means over pictures are over those that are in memory together.
        """
        regress = choose and drawn.step < self.preset.warm_steps
        pick = partial(silent if regress else partial(draw, generator=drawn.codes), self.preset)
        losses = []
        fakes = imagine_levels(self.network, drawn.batch, pick)
        reals = [step.target for step in drawn.batch.steps]
        for real, fake, adversary in zip(reals, fakes, self.adversaries, strict=True):
            loss = (fake - real).abs().mean((1, 2, 3))
            if not regress:
                loss = self.preset.pixel_weight * loss
                for net in self.lpips:
                    loss = loss + feature_distance(net, fake, real)
                loss = loss + ADVERSARY_WEIGHT * relativistic(
                    still(adversary, fake), still(adversary, real)
                )
                loss = against(loss, relativistic(adversary(real), adversary(fake.detach())))
            losses.append(loss)
        return torch.stack(losses)


def relativistic(better: Tensor, worse: Tensor) -> Tensor:
    """How far some pictures are from seeming more real than others: C(x), (n,) of each, to (n,).

    Equation 1, -log D(better, worse) - log(1 - D(worse, better)), where D(x, y) = σ(C(x) - E C(y)).
    The adversary's loss has the observed pictures first; equation 2, the generator's, its own.
    """
    return F.softplus(worse.mean() - better) + F.softplus(worse - better.mean())


def feature_distance(net: Lpips, pictures: Tensor, observed: Tensor) -> Tensor:
    """Section 3.2: the mean absolute difference of features before their activation: (n,)."""
    with torch.no_grad():
        there = net.convolved(observed)
    return (net.convolved(pictures) - there).abs().mean((1, 2, 3))


class Block(nn.Module):
    """Figure 4: a residual-in-residual dense block, (n, c, h, w)."""

    def __init__(self, shape: LevelShape) -> None:
        super().__init__()
        self.dense = nn.Sequential(
            *(
                DenseBlock(shape.channels, shape.growth, shape.convolutions)
                for _ in range(shape.dense_blocks)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        grown: Tensor = x + BETA * self.dense(x)
        return grown


class Level(nn.Module):
    """Figure 3: pictures (n, 3, h, w) in [0, 1] to (n, 3, e h, e w), e the shape's `enlarge`.

    The latent map (n, m, h, w) is joined to them; what is told, (n, c), is added to the first
    features. The vector is not looked at.
    """

    def __init__(self, shape: LevelShape, preset: Preset) -> None:
        super().__init__()
        self.entry = convolution(3 + shape.map_channels, shape.channels)
        self.told = nn.Linear(preset.condition, shape.channels)
        self.trunk = nn.Sequential(*(Block(shape) for _ in range(shape.blocks)))
        self.trunk_end = convolution(shape.channels, shape.channels)
        widths = (shape.channels, *shape.tail)
        self.tail = nn.ModuleList(convolution(one, after) for one, after in pairwise(widths))
        self.last = convolution(widths[-1], widths[-1])
        self.out = small_at_first(convolution(widths[-1], 3))
        self.plain = network.Bicubic(shape.enlarge)

    def forward(
        self, pixels: Tensor, latent_map: Tensor, vector: Tensor, condition: Tensor
    ) -> Tensor:
        x = self.entry(torch.cat((2 * pixels - 1, latent_map), 1))  # (n, channels, h, w)
        x = x + self.told(condition)[:, :, None, None] + unheard(vector)
        x = x + self.trunk_end(self.trunk(x))
        for layer in self.tail:  # doubling by doubling, to (n, channels, e h, e w)
            x = activate(layer(F.interpolate(x, scale_factor=2.0, mode="nearest")))
        residual = self.out(activate(self.last(x)))
        imagined: Tensor = self.plain(pixels) + residual
        return imagined


class Generator(network.Generator):
    """One or more of them, one upon the other."""

    kind = "rrdb"
    level = Level

    @staticmethod
    def multiple(shape: LevelShape) -> int:
        return 1

    @staticmethod
    def margin(shape: LevelShape) -> int:
        trunk = 1 + shape.blocks * shape.dense_blocks * shape.convolutions + 1
        return trunk + 3  # its tail sees less than one, what follows less than two


class Adversary(nn.Module):
    """C(x) of equation 1: how real pictures (n, 3, h, w) in [0, 1] seem, (n,), before the sigmoid.

    SRGAN's (Ledig et al. 2017, figure 4), half as wide: each pair of convolutions halves the sides.
    """

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128, 256)) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for width, following in pairwise((3, *widths)):
            self.layers.append(convolution(width, following))
            self.layers.append(halving(following, following))
        self.out = convolution(widths[-1], 1)

    def forward(self, pictures: Tensor) -> Tensor:
        x = 2 * pictures - 1
        for layer in self.layers:
            x = activate(layer(x))
        real: Tensor = self.out(x).mean((1, 2, 3))
        return real
