"""pix2pix: a U-Net taught by an adversary that sees patches, and by the pixels.

Isola, Zhu, Zhou & Efros, "Image-to-Image Translation with Conditional Adversarial Networks" (CVPR
2017): HyperRIM's rival in decompression. What differs, and why:

| the paper                           | here                            | because                 |
|-------------------------------------|---------------------------------|-------------------------|
| 8 halvings, from 64 channels, 54 M  | 4, from 32 channels, 1.6 M      | as large as ours, tiles |
| noise by dropout                    | a latent map beside the input   | a variant is its seed's |
| batch norm, its own statistics      | weight norm                     | tiles, any batch        |
| all of the picture is made, by tanh | what was decoded + residual     | ours is spared that     |
| the adversary learns first          | both at once                    | one step for all        |
| adversary from 64 channels          | from 32                         | the generator's smaller |
| one kind of damage                  | told the tables                 | ours is told            |

The picture is projected into the cells of the file's coefficients before the pixels or the
adversary see it, as ours is.
"""

from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from ..method import network
from ..method.imle import imagine_levels
from ..method.latent import draw
from ..method.learning import Drawn, Method, Network
from ..method.network import activate, small_at_first
from ..method.perceptual import Lpips
from ..method.presets import DECOMPRESS, LevelShape, Preset
from .adversary import against, halving, still
from .inputs import unheard

WIDENING = (1, 2, 4, 8)  # of the channels, halving by halving


class Pix2Pix(Method):
    """pix2pix with a random code."""

    presets: ClassVar[dict[str, Preset]] = {
        "decompress": replace(
            DECOMPRESS,
            method="pix2pix",
            network="unet",
            levels=(LevelShape(32, 0, enlarge=1, tail=()),),
            vector=1,  # not looked at
            perceptual=(),
            warm_steps=0,
            learning_rate=2e-4,
            betas=(0.5, 0.999),
            pixel_weight=100.0,  # equation 4's lambda
        )
    }

    def __init__(self, preset: Preset, network: Network, lpips: list[Lpips]) -> None:
        super().__init__(preset, network, lpips)
        self.adversaries.append(PatchAdversary())

    def losses(self, drawn: Drawn, *, choose: bool = True) -> Tensor:
        """Equation 4, and the adversary's: equation 1, halved so that it learns more slowly."""
        pick = partial(draw, self.preset, generator=drawn.codes)
        (step,), (adversary,) = drawn.batch.steps, self.adversaries
        (fake,) = imagine_levels(self.network, drawn.batch, pick)
        given, real = drawn.batch.observed, step.target
        loss = self.preset.pixel_weight * (fake - real).abs().mean((1, 2, 3))
        loss = loss + surprise(still(adversary, given, fake), observed=True)
        doubt = surprise(adversary(given, real), observed=True)
        doubt = doubt + surprise(adversary(given, fake.detach()), observed=False)
        return against(loss, doubt / 2)[None]


def surprise(said: Tensor, *, observed: bool) -> Tensor:
    """Cross entropy of the adversary's patches (n, 1, p, q), before the sigmoid, with what they
    are, or are to be taken for: (n,)."""
    return F.softplus(-said if observed else said).mean((1, 2, 3))


class Level(nn.Module):
    """Figure 3's U-Net: (n, 3, h, w) in [0, 1], sides multiples of 16, to the same.

    The latent map (n, m, h, w) is joined to them; what is told, (n, c), is added to the first
    features. The vector is not looked at.
    """

    def __init__(self, shape: LevelShape, preset: Preset) -> None:
        super().__init__()
        self.told = nn.Linear(preset.condition, shape.channels)
        widths = [3 + shape.map_channels, *(shape.channels * times for times in WIDENING)]
        self.down = nn.ModuleList(halving(one, after) for one, after in pairwise(widths))
        self.up = nn.ModuleList()
        carried = 0  # channels from the halving that a doubling undoes, beside those from below
        for after, one in reversed(list(pairwise([3, *widths[1:]]))):
            self.up.append(weight_norm(nn.ConvTranspose2d(one + carried, after, 4, 2, 1)))
            carried = after
        small_at_first(self.up[-1])

    def forward(
        self, pixels: Tensor, latent_map: Tensor, vector: Tensor, condition: Tensor
    ) -> Tensor:
        x = self.down[0](torch.cat((2 * pixels - 1, latent_map), 1))
        x = activate(x + self.told(condition)[:, :, None, None] + unheard(vector))
        passed = [x]  # (n, 24, h/2, w/2)
        for layer in list(self.down)[1:]:
            passed.append(activate(layer(passed[-1])))  # to (n, 192, h/16, w/16)
        x = self.up[0](passed.pop())
        for layer in list(self.up)[1:]:
            x = layer(F.relu(torch.cat((x, passed.pop()), 1)))
        imagined: Tensor = pixels + x
        return imagined


class Generator(network.Generator):
    """The U-Net."""

    kind = "unet"
    level = Level

    @staticmethod
    def multiple(shape: LevelShape) -> int:
        return int(2 ** len(WIDENING))

    @staticmethod
    def margin(shape: LevelShape) -> int:
        """Less than two of its deepest pixels on the way down, and one on the way up."""
        return 4 * Generator.multiple(shape)


class PatchAdversary(nn.Module):
    """Section 3.2.2: is each patch of 70² pixels of an observed picture? Before the sigmoid.

    The picture that was given and the one to judge, (n, 3, h, w) in [0, 1] each, to (n, 1, p, q):
    of 256² pixels 30 patches a side, as in the paper.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        halvings = (
            halving(one, after) for one, after in pairwise((6, width, 2 * width, 4 * width))
        )
        self.layers = nn.ModuleList(
            [*halvings, weight_norm(nn.Conv2d(4 * width, 8 * width, 4, padding=1))]
        )
        self.out = weight_norm(nn.Conv2d(8 * width, 1, 4, padding=1))

    def forward(self, given: Tensor, pictures: Tensor) -> Tensor:
        x = 2 * torch.cat((given, pictures), 1) - 1
        for layer in self.layers:
            x = activate(layer(x))
        said: Tensor = self.out(x)
        return said
