"""A level's way out for export: what is seen at twice the size, computed at the size before.

A pixel that is doubled is four of the same. So a convolution of 3 × 3 after it sees 2 × 2 pixels,
another four for each of the four places in a doubled pixel, its *phases* (the polyphase form of an
interpolation filter): four small convolutions, with 16 products for 36. The last ones are never
put in their places: the convolution that follows reads them as channels.

The numbers are those of `Level`, but for the order in which they are added up.
"""

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..method.network import Doubled, Level, activate

PHASES = (0, 0), (0, 1), (1, 0), (1, 1)  # down and right of a doubled pixel's own corner
_TAPS = torch.tensor([[[1.0, 0, 0], [0, 1, 1]], [[1, 1, 0], [0, 0, 1]]])
"""Which of a row of three taps fall on each of two pixels, for either phase: (2, 2, 3)."""


def by_phases(level: Level) -> None:
    """Let a level of a network without weight normalisation go out so."""
    if not level.tail:
        return
    *others, last = (Phases(cast(Doubled, layer)) for layer in level.tail)
    level.tail = nn.ModuleList((*(nn.Sequential(one, InPlace()) for one in others), last))
    level.out = nn.Sequential(of_phases(cast(nn.Conv2d, level.out)), InPlace())


class Phases(nn.Module):
    """`Doubled`, its phases one after another: (n, c, h, w) to (n, 4 out, h, w)."""

    def __init__(self, layer: Doubled) -> None:
        super().__init__()
        seen = [
            torch.einsum("ockl,yk,xl->ocyx", layer.weight, _TAPS[down], _TAPS[right])
            for down, right in PHASES
        ]
        self.weights = nn.ParameterList(one.detach() for one in seen)
        self.bias = layer.bias

    def forward(self, x: Tensor) -> Tensor:
        phases = [
            activate(_Corner.apply(x, weight, self.bias, *place))  # type: ignore[no-untyped-call]
            for weight, place in zip(self.weights, PHASES, strict=True)
        ]
        return torch.cat(phases, 1)


class InPlace(nn.Module):
    """Phases, each in its place: (n, 4 c, h, w) to (n, c, 2 h, 2 w)."""

    def forward(self, x: Tensor) -> Tensor:
        placed: Tensor = _Placed.apply(x)  # type: ignore[no-untyped-call]
        return placed


@torch.no_grad()
def of_phases(layer: nn.Conv2d) -> nn.Conv2d:
    """A convolution of 3 × 3, of phases and to phases: (n, 4 c, h, w) to (n, 4 out, h, w)."""
    out, channels = layer.weight.shape[:2]
    weight = torch.zeros(4, out, 4, channels, 3, 3)
    for phase, (down, right) in enumerate(PHASES):
        for y in range(3):
            for x in range(3):
                (up, lower), (left, further) = divmod(down + y - 1, 2), divmod(right + x - 1, 2)
                of = PHASES.index((lower, further))
                weight[phase, :, of, :, 1 + up, 1 + left] = layer.weight[:, :, y, x]
    by_phase = nn.Conv2d(4 * channels, 4 * out, 3, padding=1)
    by_phase.weight.copy_(weight.flatten(2, 3).flatten(0, 1))
    by_phase.bias = nn.Parameter(cast(Tensor, layer.bias).repeat(4))
    return by_phase


class _Corner(torch.autograd.Function):
    """A convolution of 2 × 2 around a corner of each pixel: what lies beyond the border is zero.

    For itself, since torch pads both sides alike, and a model file may have no Pad.
    """

    @staticmethod
    def forward(_: Any, x: Tensor, weight: Tensor, bias: Tensor, down: int, right: int) -> Tensor:
        return F.conv2d(F.pad(x, (1 - right, right, 1 - down, down)), weight, bias)

    @staticmethod
    def symbolic(graph: Any, x: Any, weight: Any, bias: Any, down: int, right: int) -> Any:
        pads = [1 - down, 1 - right, down, right]
        return graph.op("Conv", x, weight, bias, kernel_shape_i=[2, 2], pads_i=pads)


class _Placed(torch.autograd.Function):
    @staticmethod
    def forward(_: Any, x: Tensor) -> Tensor:
        count, channels, height, width = x.shape
        by_channel = x.reshape(count, 4, channels // 4, height, width).transpose(1, 2)
        return F.pixel_shuffle(by_channel.flatten(1, 2), 2)

    @staticmethod
    def symbolic(graph: Any, x: Any) -> Any:
        return graph.op("DepthToSpace", x, blocksize_i=2, mode_s="DCR")
