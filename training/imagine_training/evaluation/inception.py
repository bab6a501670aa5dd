"""The Inception network of the Fréchet distances: pictures to features.

Szegedy et al. (2015), in the TensorFlow graph of 2015-12-05 that the FID papers use, whose average
pools leave the padding out and whose last block pools by maximum. The full network, from
pytorch-fid's file, gives the 2048 features of FID and KID; its trunk up to `mixed_7` gives 768,
and what is computed on them is called FID-768 and KID-768.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..method import backbones

SIDE = 299


class Inception:
    """Looks for weights when made; raises ModelError if there are none.

    `features` is 2048 where the full network was found, else 768.
    """

    def __init__(self) -> None:
        self._weights = _find()
        self.features = 2048 if "mixed_10_conv.weight" in self._weights else 768

    @torch.no_grad()
    def __call__(self, picture: NDArray[np.uint8]) -> NDArray[np.float64]:
        """(h, w, 3) in eight bits -> (features,). Resized bilinearly, as pytorch-fid does."""
        x = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255
        x = 2 * F.interpolate(x, (SIDE, SIDE), mode="bilinear", align_corners=False) - 1

        x = self._conv(x, "conv", stride=2, whole=True)
        x = self._conv(x, "conv_1", whole=True)
        x = F.max_pool2d(self._conv(x, "conv_2"), 3, 2)
        x = self._conv(x, "conv_3")
        x = F.max_pool2d(self._conv(x, "conv_4", whole=True), 3, 2)

        for name in ("mixed", "mixed_1", "mixed_2"):  # 35 × 35
            x = self._block_35(x, name)
        x = self._shrink_35(x, "mixed_3")
        for name in ("mixed_4", "mixed_5", "mixed_6", "mixed_7"):  # 17 × 17
            x = self._block_17(x, name)
        if self.features == 2048:
            x = self._shrink_17(x, "mixed_8")
            x = self._block_8(x, "mixed_9", _mean_around(x))  # 8 × 8
            x = self._block_8(x, "mixed_10", F.max_pool2d(x, 3, 1, 1))
        pooled: NDArray[np.float64] = x.mean((2, 3))[0].double().numpy()
        return pooled

    def _conv(self, x: Tensor, name: str, stride: int = 1, whole: bool = False) -> Tensor:
        """Convolve and rectify. `whole`: only where the kernel lies within the picture."""
        weight = self._weights[f"{name}.weight"]
        padding = (0, 0) if whole else (weight.shape[2] // 2, weight.shape[3] // 2)
        return F.relu(F.conv2d(x, weight, self._weights[f"{name}.bias"], stride, padding))

    def _tower(self, x: Tensor, name: str, length: int) -> Tensor:
        """`length` convolutions, one upon the other."""
        for number in range(length):
            x = self._conv(x, _conv_name(name, number))
        return x

    def _block_35(self, x: Tensor, name: str) -> Tensor:
        branches = [self._tower(x, name, 1)]
        branches += [self._tower(x, f"{name}_tower", 2), self._tower(x, f"{name}_tower_1", 3)]
        return torch.cat((*branches, self._tower(_mean_around(x), f"{name}_tower_2", 1)), 1)

    def _shrink_35(self, x: Tensor, name: str) -> Tensor:
        tower = self._tower(x, f"{name}_tower", 2)
        tower = self._conv(tower, f"{name}_tower_conv_2", stride=2, whole=True)
        plain = self._conv(x, f"{name}_conv", stride=2, whole=True)
        return torch.cat((plain, tower, F.max_pool2d(x, 3, 2)), 1)

    def _block_17(self, x: Tensor, name: str) -> Tensor:
        branches = [self._tower(x, name, 1)]
        branches += [self._tower(x, f"{name}_tower", 3), self._tower(x, f"{name}_tower_1", 5)]
        return torch.cat((*branches, self._tower(_mean_around(x), f"{name}_tower_2", 1)), 1)

    def _shrink_17(self, x: Tensor, name: str) -> Tensor:
        towers = []
        for tower, length in ((f"{name}_tower", 1), (f"{name}_tower_1", 3)):
            last = _conv_name(tower, length)
            towers.append(self._conv(self._tower(x, tower, length), last, stride=2, whole=True))
        return torch.cat((*towers, F.max_pool2d(x, 3, 2)), 1)

    def _block_8(self, x: Tensor, name: str, pooled: Tensor) -> Tensor:
        branches = [self._tower(x, name, 1)]
        for tower, length in ((f"{name}_tower", 1), (f"{name}_tower_1", 2)):
            stem = self._tower(x, tower, length)
            branches += [self._conv(stem, f"{tower}_mixed_conv{end}") for end in ("", "_1")]
        return torch.cat((*branches, self._tower(pooled, f"{name}_tower_2", 1)), 1)


def _mean_around(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def _conv_name(tower: str, number: int) -> str:
    return f"{tower}_conv_{number}" if number else f"{tower}_conv"


def _find() -> dict[str, Tensor]:
    """The weights by TensorFlow's names, batch normalisation folded in."""
    state = backbones.load("inception")
    if "conv.weight" in state:  # the trunk alone
        return {key: weight.float() for key, weight in state.items()}
    return _folded(state)


def _folded(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """pytorch-fid's weights under our names: its convolutions lack a bias, and are normalised."""
    weights = {}
    for theirs, ours in torch_names().items():
        gain, shift, mean, variance = (
            state[f"{theirs}.bn.{name}"]
            for name in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gain * torch.rsqrt(variance + 1e-3)
        weights[f"{ours}.weight"] = state[f"{theirs}.conv.weight"] * scale.view(-1, 1, 1, 1)
        weights[f"{ours}.bias"] = shift - mean * scale
    return weights


def torch_names() -> dict[str, str]:
    """torchvision's names of the convolutions to TensorFlow's."""
    stem = ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3")
    names = {theirs: _conv_name("", number)[1:] for number, theirs in enumerate(stem)}
    for number, block in enumerate(
        ("5b", "5c", "5d", "6a", *("6b", "6c", "6d", "6e"), "7a", "7b", "7c")
    ):
        ours = f"mixed_{number}" if number else "mixed"
        for branch, place in _BRANCHES[block if block in _BRANCHES else block[0]].items():
            names[f"Mixed_{block}.branch{branch}"] = f"{ours}_{place}"
    return names


def _in_order(*branches: tuple[str, str, int]) -> dict[str, str]:
    """Branches of `length` convolutions each: their names to ours, without the block's."""
    names = {}
    for theirs, ours, length in branches:
        for number in range(length):
            end = f"_{number + 1}" if length > 1 else ""
            names[theirs + end] = _conv_name(ours, number).removeprefix("_")
    return names


_BRANCHES = {
    "5": _in_order(
        ("1x1", "", 1), ("5x5", "tower", 2), ("3x3dbl", "tower_1", 3), ("_pool", "tower_2", 1)
    ),
    "6a": _in_order(("3x3", "", 1), ("3x3dbl", "tower", 3)),
    "6": _in_order(
        ("1x1", "", 1), ("7x7", "tower", 3), ("7x7dbl", "tower_1", 5), ("_pool", "tower_2", 1)
    ),
    "7a": _in_order(("3x3", "tower", 2), ("7x7x3", "tower_1", 4)),
    "7": {
        "1x1": "conv",
        "3x3_1": "tower_conv",
        "3x3_2a": "tower_mixed_conv",
        "3x3_2b": "tower_mixed_conv_1",
        "3x3dbl_1": "tower_1_conv",
        "3x3dbl_2": "tower_1_conv_1",
        "3x3dbl_3a": "tower_1_mixed_conv",
        "3x3dbl_3b": "tower_1_mixed_conv_1",
        "_pool": "tower_2_conv",
    },
}
