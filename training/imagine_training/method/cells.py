"""Latent codes in units of a JPEG's cells: what a coefficient may be, the code proposes."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from imagine_cli.dct import COSINES


class Cells(nn.Module):
    """The latent map's first three channels taken for coefficients of JPEG blocks, to pixels.

    Each coefficient is as large as the file leaves it open, or as it typically is in pictures (that
    is learnt), whichever is smaller: so codes are loud where a file is poor, and quiet where it is
    good. (n, m, h, w), condition (n, c) -> (n, m, h, w): luma, two chromas, and the other channels.
    """

    basis: Tensor  # (192, 64, 1, 1): a block's pixels from its coefficients, plane by plane

    def __init__(self) -> None:
        super().__init__()
        cosines = torch.tensor(COSINES, dtype=torch.float32)
        basis = torch.einsum("uy,vx->yxuv", cosines, cosines).reshape(64, 64, 1, 1)
        self.register_buffer("basis", basis.repeat(3, 1, 1, 1), persistent=False)
        frequency = torch.arange(8.0)
        squares = (frequency[:, None].square() + frequency.square()).flatten().clamp_min(1)
        typical = math.log(100) - 0.75 * squares.log()  # of luma, in grey levels
        self.typical = nn.Parameter(torch.cat((typical, typical - math.log(4))))

    def forward(self, latent_map: Tensor, condition: Tensor) -> Tensor:
        steps = torch.pow(2.0, 8 * condition[:, :128]) / 12**0.5  # as `condition_vector` tells them
        size = 1 / (1 / steps + torch.exp(-self.typical))  # (n, 128)
        size = torch.cat((size, size[:, 64:]), 1)[:, :, None, None] / 8
        coefficients = F.pixel_unshuffle(latent_map[:, :3], 8) * size  # (n, 192, h/8, w/8)
        planes = F.pixel_shuffle(F.conv2d(coefficients, self.basis, groups=3), 8)
        return torch.cat((planes, latent_map[:, 3:]), 1)
