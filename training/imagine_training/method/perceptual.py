"""LPIPS: how differently two pictures look to a network that learnt to see.

Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric" (CVPR 2018),
version 0.1. The calibrated layers are those that the package `lpips` ships; the trunks are ImageNet
networks found on disk. `lpips` itself is not imported: it wants torchvision, which wants CUDA.
"""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from imagine_cli.errors import ModelError, install

from . import backbones


class Lpips(nn.Module):
    """The distance of two batches of pictures: (n, 3, h, w) twice, sRGB in [0, 1], to (n,).

    `taps` limits the distance to the first few layers (all of them is LPIPS proper); `reduced`
    convolves in bfloat16, which moves the distance by about a thousandth.
    """

    def __init__(self, net: str = "vgg", taps: int | None = None, *, reduced: bool = False) -> None:
        super().__init__()
        self.reduced = reduced
        self.trunk = _TRUNKS[net](taps)
        self.trunk.load_state_dict(_trunk_weights(net), strict=False)
        if reduced:
            self.trunk.bfloat16()
        linear = _linear_layers(net)[: len(self.trunk.taps)]
        for number, weight in enumerate(linear):
            self.register_buffer(f"linear_{number}", weight.clamp(min=0).sqrt())
        self.register_buffer("mean", torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1))
        self.register_buffer("spread", torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1))
        self.requires_grad_(False)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def features(self, pictures: Tensor, taps: int | None = None) -> list[Tensor]:
        """What the distance compares, a tensor a tap: (n, channels, h, w), weighted.

        `taps`: the first few alone.
        """
        weighted = []
        for number, tap in enumerate(self.trunk(self._scaled(pictures), taps)):
            tap = tap.float()
            unit = tap * torch.rsqrt(tap.square().sum(1, keepdim=True) + 1e-20)
            weighted.append(unit * self.get_buffer(f"linear_{number}"))
        return weighted

    def convolved(self, pictures: Tensor) -> Tensor:
        """What VGG's last convolution, or AlexNet's, gives before its activation: (n, c, h, w)."""
        convolved: Tensor = self.trunk.features[:-1](self._scaled(pictures))
        return convolved.float()

    def _scaled(self, pictures: Tensor) -> Tensor:
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        scaled = (2 * pictures - 1 - self.get_buffer("mean")) / self.get_buffer("spread")
        return scaled.bfloat16() if self.reduced else scaled

    def forward(self, pictures: Tensor, others: Tensor) -> Tensor:
        return compare(self.features(pictures), self.features(others))


def compare(features: Iterable[Tensor], others: Iterable[Tensor]) -> Tensor:
    """The LPIPS of two `Lpips.features`: a mean over places, a sum over channels and taps."""
    distances = [
        (a - b).square().sum(1).mean((1, 2)) for a, b in zip(features, others, strict=True)
    ]
    return torch.stack(distances).sum(0)


def compare_places(
    features: Iterable[Tensor], others: Iterable[Tensor], size: tuple[int, int]
) -> Tensor:
    """LPIPS place by place: each tap's map enlarged to `size`, and summed: (n, h, w).

    As `lpips` does with spatial=True: bilinear, so its mean is about `compare`, and not exactly.
    """
    total = torch.zeros(())
    for a, b in zip(features, others, strict=True):
        squares = (a - b).square().sum(1, keepdim=True)
        total = total + F.interpolate(squares, size, mode="bilinear", align_corners=False)
    return total[:, 0]


class Eye:
    """LPIPS of single pictures, (h, w, 3) in eight bits, that are looked at once each.

    Raises ModelError if the weights of the network are not at hand.
    """

    def __init__(self, net: str) -> None:
        self._lpips = Lpips(net)

    @torch.no_grad()
    def look(self, picture: NDArray[np.uint8]) -> list[Tensor]:
        """What the network sees: the features that `far` and `places` compare."""
        tensor = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255
        return self._lpips.features(tensor)

    def far(self, seen: list[Tensor], other: list[Tensor]) -> float:
        return float(compare(seen, other))

    def places(
        self, seen: list[Tensor], other: list[Tensor], size: tuple[int, int]
    ) -> NDArray[np.float32]:
        """The distance place by place: (h, w)."""
        places: NDArray[np.float32] = compare_places(seen, other, size)[0].numpy()
        return places


class _Trunk(nn.Module):
    """The first layers of a network, and the places to tap it (indices into `features`)."""

    def __init__(self, layers: list[nn.Module], taps: tuple[int, ...], count: int | None) -> None:
        super().__init__()
        self.taps = taps[:count]
        self.features = nn.Sequential(*layers[: self.taps[-1] + 1])

    def forward(self, pictures: Tensor, taps: int | None = None) -> list[Tensor]:
        tapped: list[Tensor] = []
        for number, layer in enumerate(self.features):
            pictures = layer(pictures)
            if number in self.taps:
                tapped.append(pictures)
            if len(tapped) == taps:
                break
        return tapped


def _vgg(count: int | None) -> _Trunk:
    layers: list[nn.Module] = []
    channels = 3
    for stage, (width, convolutions) in enumerate(
        ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
    ):
        layers += [nn.MaxPool2d(2)] if stage else []
        for _ in range(convolutions):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
    return _Trunk(layers, (3, 8, 15, 22, 29), count)


def _alex(count: int | None) -> _Trunk:
    layers: list[nn.Module] = [
        nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(),
    ]  # fmt: skip
    return _Trunk(layers, (1, 4, 7, 9, 11), count)


class _Fire(nn.Module):
    """SqueezeNet's module: squeeze to few channels, expand by 1×1 and 3×3 side by side."""

    def __init__(self, channels: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.squeeze(x))
        return F.relu(torch.cat((self.expand1x1(x), self.expand3x3(x)), 1))


def _squeeze(count: int | None) -> _Trunk:
    def pool() -> nn.Module:
        return nn.MaxPool2d(3, 2, ceil_mode=True)

    layers: list[nn.Module] = [
        nn.Conv2d(3, 64, 3, stride=2), nn.ReLU(), pool(),
        _Fire(64, 16, 64), _Fire(128, 16, 64), pool(),
        _Fire(128, 32, 128), _Fire(256, 32, 128), pool(),
        _Fire(256, 48, 192), _Fire(384, 48, 192), _Fire(384, 64, 256), _Fire(512, 64, 256),
    ]  # fmt: skip
    return _Trunk(layers, (1, 4, 7, 9, 10, 11, 12), count)


_TRUNKS = {"vgg": _vgg, "alex": _alex, "squeeze": _squeeze}


def _linear_layers(net: str) -> list[Tensor]:
    package = find_spec("lpips")
    if package is None or package.origin is None:
        raise ModelError(f"LPIPS needs the package lpips: {install('train')}")
    file = Path(package.origin).parent / "weights" / "v0.1" / f"{net}.pth"
    state = torch.load(file, map_location="cpu", weights_only=True)
    return [state[f"lin{number}.model.1.weight"] for number in range(len(state))]


def _trunk_weights(net: str) -> dict[str, Tensor]:
    state = backbones.load(net)
    return {key: value.float() for key, value in state.items() if "features" in key}
