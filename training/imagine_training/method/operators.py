"""Torch twins of shrinking, JPEG coding and projection: the loss sees what the user will see."""

from copy import copy
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from imagine_cli.dct import COSINES
from imagine_cli.downscaled import Downscaled
from imagine_cli.jpeg import FORWARD, INSIDE, JpegCoded
from imagine_cli.resampling import mending_matrix, shrinking_matrix

_COLOURS = {"forward": FORWARD, "inverse": np.linalg.inv(FORWARD)}

# Constants are kept where they are used: a copy to a GPU would wait for it, at every use.


@lru_cache(maxsize=256)
def _shrink(size: int, factor: int, kernel: str, device: torch.device) -> tuple[Tensor, Tensor]:
    """The shrinking matrix (s, s f) and its smooth right inverse (s f, s)."""
    return (
        torch.tensor(shrinking_matrix(size, factor, kernel)).float().to(device),
        torch.tensor(mending_matrix(size, factor, kernel)).float().to(device),
    )


@lru_cache(maxsize=16)
def _colours(matrix: str, dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.tensor(_COLOURS[matrix]).to(device, dtype)


@lru_cache(maxsize=16)
def _cosines(dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.tensor(COSINES).to(device, dtype)


def shrink(pictures: Tensor, factor: int, kernel: str) -> Tensor:
    """(n, 3, h f, w f) -> (n, 3, h, w), as Pillow shrinks, unrounded."""
    height, width = pictures.shape[-2:]
    rows, _ = _shrink(height // factor, factor, kernel, pictures.device)
    columns, _ = _shrink(width // factor, factor, kernel, pictures.device)
    return rows.to(pictures) @ pictures @ columns.to(pictures).T


class Shrunk:
    """What is known of pictures that were shrunk: `project` makes others agree with it."""

    def __init__(self, pictures: Tensor, factor: int, kernel: str) -> None:
        self.factor, self.kernel = factor, kernel
        self.small = shrink(pictures, factor, kernel)

    def repeated(self, times: int) -> "Shrunk":
        """Of so many rounds of the pictures."""
        rounds = copy(self)
        rounds.small = self.small.repeat(times, 1, 1, 1)
        return rounds

    def project(self, pictures: Tensor) -> Tensor:
        height, width = self.small.shape[-2:]
        _, rows = _shrink(height, self.factor, self.kernel, pictures.device)
        _, columns = _shrink(width, self.factor, self.kernel, pictures.device)
        missing = self.small - shrink(pictures, self.factor, self.kernel)
        return pictures + rows.to(pictures) @ missing @ columns.to(pictures).T


def recolour(pictures: Tensor, matrix: str = "forward") -> Tensor:
    """RGB (n, 3, h, w) to luma and two chromas, these around zero; "inverse": back."""
    colours = _colours(matrix, pictures.dtype, pictures.device)
    return torch.einsum("dc,nchw->ndhw", colours, pictures)


def _to_blocks(plane: Tensor) -> Tensor:
    """(n, h, w) -> (n, h/8, w/8, 8, 8) coefficients."""
    number, height, width = plane.shape
    blocks = plane.reshape(number, height // 8, 8, width // 8, 8).transpose(2, 3)
    cosines = _cosines(plane.dtype, plane.device)
    return cosines @ blocks @ cosines.T


def _from_blocks(coefficients: Tensor) -> Tensor:
    number, rows, columns = coefficients.shape[:3]
    cosines = _cosines(coefficients.dtype, coefficients.device)
    blocks = cosines.T @ coefficients @ cosines
    return blocks.transpose(2, 3).reshape(number, rows * 8, columns * 8)


class Coded:
    """What is known of pictures that were JPEG coded: the cell of every coefficient.

    pictures (n, 3, h, w) in [0, 1], sides multiples of 16; tables (n, 2, 8, 8), luma and chroma;
    sampling: chroma pixels are means of (vertical, horizontal) pixels.
    """

    def __init__(self, pictures: Tensor, tables: Tensor, sampling: tuple[int, int]) -> None:
        self.sampling = sampling
        self.steps = [tables[:, int(plane > 0), None, None] for plane in range(3)]
        self.quantised = [
            torch.round(_to_blocks(plane) / step)
            for plane, step in zip(self._planes(pictures), self.steps, strict=True)
        ]

    def _planes(self, pictures: Tensor) -> list[Tensor]:
        ycc = recolour(pictures * 255)
        chroma = F.avg_pool2d(ycc[:, 1:], self.sampling)
        return [ycc[:, 0] - 128, chroma[:, 0], chroma[:, 1]]

    def repeated(self, times: int) -> "Coded":
        """Of so many rounds of the pictures."""
        rounds = copy(self)
        rounds.steps, rounds.quantised = (
            [one.repeat(times, 1, 1, 1, 1) for one in planes]
            for planes in (self.steps, self.quantised)
        )
        return rounds

    def project(self, pictures: Tensor) -> Tensor:
        """Each coefficient moved into its cell, a little inside it."""
        moves = []
        for plane, step, level in zip(
            self._planes(pictures), self.steps, self.quantised, strict=True
        ):
            coefficients = _to_blocks(plane)
            centre, half = level * step, (0.5 - INSIDE) * step
            inside = torch.maximum(torch.minimum(coefficients, centre + half), centre - half)
            moves.append(_from_blocks(inside - coefficients))
        vertical, horizontal = self.sampling
        chroma = torch.stack(moves[1:], 1)
        chroma = chroma.repeat_interleave(vertical, 2).repeat_interleave(horizontal, 3)
        ycc = torch.cat((moves[0][:, None], chroma), 1)
        return pictures + recolour(ycc, "inverse") / 255


def twin(evidence: Downscaled | JpegCoded, level: int) -> Shrunk | Coded:
    """What a file tells of one picture, (1, 3, h, w); a JPEG's sides are multiples of 16."""
    known = torch.tensor(evidence.observed).permute(2, 0, 1)[None].float() / 255
    height, width = known.shape[-2:]
    if isinstance(evidence, Downscaled):
        factor = evidence.factors[level]
        empty = torch.zeros(1, 3, height * factor, width * factor)
        shrunk = Shrunk(empty, factor, evidence.kernel)
        shrunk.small = known
        return shrunk
    planes = [evidence.planes[min(number, len(evidence.planes) - 1)] for number in range(3)]
    tables = torch.tensor(np.stack([plane.steps for plane in planes[:2]]))[None]
    coded = Coded(known, tables, (planes[1].vertical, planes[1].horizontal))
    for number, plane in enumerate(evidence.planes):
        coded.quantised[number] = torch.tensor(plane.quantised)[None].float()
    return coded
