"""Evidence from the quantised coefficients of a JPEG file.

A quantised coefficient tells in which cell, one step wide, the true one lay. `project` moves each
into its cell; `render` keeps it there through rounding, with libjpeg as the witness.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .canvas import Canvas, Rows
from .errors import PictureError
from .evidence import EightBits
from .jpeg_codec import Floats, Plane, decoded, recompressed

INSIDE = 0.05
"""How far from the border of its cell `project` leaves a coefficient, in steps."""

ROUNDS = 30
"""How often `render` tries; finer tables than quality 90 have a third. Most blocks need one."""


class JpegCoded:
    """What a JPEG file tells of the picture that it was made from.

    `observed` is the picture plainly decoded, by Pillow, in the file's own orientation: uint8.
    `planes` are Y, Cb and Cr, or Y alone.
    """

    factors = (1,)

    def __init__(self, observed: EightBits, planes: Sequence[Plane]) -> None:
        self.observed = observed
        self.planes = tuple(planes)
        self.height, self.width = observed.shape[:2]
        self.grey = len(self.planes) == 1

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> JpegCoded:
        """Read a JPEG: baseline or progressive, grey or YCbCr, chroma whole or halved either way.

        Raises PictureError when the file is none of these, or damaged.
        """
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise PictureError(f"cannot be read: {error.strerror}") from error
        return cls.from_bytes(data)

    @classmethod
    def from_bytes(cls, data: bytes) -> JpegCoded:
        """The same of a file's content."""
        return cls(*decoded(data))

    def condition(self) -> NDArray[np.float32]:
        """The steps and the sampling, as the model is told them: see `condition_vector`."""
        luma, chroma = self.planes[0], self.planes[min(1, len(self.planes) - 1)]
        return condition_vector(
            luma.steps, chroma.steps, chroma.horizontal, chroma.vertical, self.grey
        )

    def project(self, pixels: Canvas, level: int) -> None:
        """Move `pixels` to the picture, nearest in YCbCr, whose coefficients lie in their cells.

        In place. The last row or column of an odd size may need more than one call.
        """
        for rows, planes in self._bands(128):
            levels = pixels[rows] * np.float32(255)
            pixels[rows] = _clamped(levels, planes, [INSIDE] * len(planes)) / 255

    def render(self, pixels: Rows, into: Canvas | None = None) -> Canvas:
        """The picture near `pixels` that gives the file's coefficients, compressed as the file was.

        Where none was found: the one that gives most of them, never fewer than plain decoding.
        """
        picture = np.empty((self.height, self.width, 3), np.uint8) if into is None else into
        for rows, planes in self._bands(8 * max(plane.vertical for plane in self.planes)):
            plain = self.observed[rows]
            levels = pixels[rows] * np.float32(255)
            if self.grey:  # a network imagines in colour
                levels = np.repeat(levels @ FORWARD[0][:, None], 3, axis=2)
            picture[rows] = _rounded(levels, plain, planes)
        return picture

    def agreement(self, picture: Rows) -> JpegAgreement:
        """How many of the file's coefficients libjpeg finds in `picture`."""
        total = differing = worst = 0
        for rows, planes in self._bands(128):
            for plane, found in zip(planes, recompressed(picture[rows], planes), strict=True):
                error = np.abs(found.astype(np.int32) - plane.quantised)
                total += error.size
                differing += int(np.count_nonzero(error))
                worst = max(worst, int(error.max()))
        return JpegAgreement(total, differing, worst, _promised(self.planes[0].steps))

    def _bands(self, height: int) -> Iterator[tuple[slice, list[Plane]]]:
        """Bands of rows, which JPEG codes by themselves: so memory stays small."""
        for top in range(0, self.height, height):
            rows = slice(top, min(top + height, self.height))
            yield rows, [plane.band(top, top + height) for plane in self.planes]


@dataclass(frozen=True)
class JpegAgreement:
    """How many of a file's coefficients a picture gives back. `worst` is in quantisation steps."""

    coefficients: int
    differing: int
    worst: int
    promised: float

    @property
    def kept(self) -> float:
        """The share that is given back, in [0, 1]."""
        return 1 - self.differing / self.coefficients

    def as_json(self) -> dict[str, float]:
        return {"coefficients_kept": self.kept, "worst_cell_error": float(self.worst)}

    def __str__(self) -> str:
        share = int(self.kept * 10_000) / 100  # 100 % is every coefficient
        return f"compresses to the file: {share:g} % of its coefficients"

    @property
    def shortfall(self) -> str | None:
        """One clause for the user when fewer are kept than promised; else None."""
        if self.kept >= self.promised:
            return None
        return f"{self.differing:,} of the file's {self.coefficients:,} coefficients are not kept"


def condition_vector(
    luma: ArrayLike, chroma: ArrayLike, horizontal: int, vertical: int, grey: bool
) -> NDArray[np.float32]:
    """What a model is told of a JPEG: (131,), from two (8, 8) tables and chroma's sampling, 1 or 2.

    log2 of the steps over eight, luma's before chroma's, row by row; then whether chroma is halved
    horizontally and vertically, and whether the picture is grey. A grey file's luma counts twice.
    """
    tables = np.array([luma, luma if grey else chroma], np.float32)
    flags = np.array([horizontal == 2, vertical == 2, grey], np.float32)
    return np.concatenate([np.log2(tables).ravel() / 8, flags])


# RGB to YCbCr and back, JFIF 1.02.
FORWARD = np.array(
    [[0.299, 0.587, 0.114], [-0.168735892, -0.331264108, 0.5], [0.5, -0.418687589, -0.081312411]],
    np.float32,
)
BACK = np.array([[1, 1, 1], [0, -0.344136286, 1.772], [1.402, -0.714136286, 0]], np.float32)


def _clamped(pixels: Floats, planes: Sequence[Plane], margins: Sequence[ArrayLike]) -> Floats:
    """The picture, 0 to 255, with its coefficients brought into their cells."""
    found = _found(pixels, planes)
    parts = zip(planes, found, margins, strict=True)
    changes = [plane.clamp(coefficients, margin) for plane, coefficients, margin in parts]
    if len(planes) == 1:
        pixels = np.repeat(pixels @ FORWARD[0][:, None], 3, axis=2)
    return pixels + _spread(changes, planes, pixels.shape)


def _found(pixels: Floats, planes: Sequence[Plane], whole: bool = False) -> list[Floats]:
    """The coefficients of a picture, 0 to 255, before the encoder quantises them."""
    found = []
    for plane, weights, offset in zip(planes, FORWARD, (0, 128, 128), strict=False):
        ycc = pixels @ weights + offset
        found.append(plane.coefficients(np.rint(ycc) if whole else ycc, whole))
    return found


def _spread(changes: Sequence[Floats], planes: Sequence[Plane], shape: tuple[int, ...]) -> Floats:
    """The change of a picture of this shape that makes these changes of its coefficients."""
    ycc = np.zeros(shape, np.float32)
    for i, (plane, change) in enumerate(zip(planes, changes, strict=True)):
        ycc[..., i] = plane.spread(change, *shape[:2])
    return ycc @ BACK


def _rounded(pixels: Floats, plain: EightBits, planes: list[Plane]) -> EightBits:
    """A row of MCUs, the units that JPEG codes by themselves, in eight bits: (8 or 16, width, 3).

    Each MCU keeps its best round, or the plain decoding if that is better; one that kept every
    coefficient is done. Each round steers against what rounding and clipping did in the last.
    """
    across = 8 * max(plane.horizontal for plane in planes)
    column = np.arange(pixels.shape[1])  # of `best`, for each column that is not done
    best = plain.copy()
    fewest, _ = _broken(plain, planes, across)
    # Rounding to eight bits moves a coefficient by a third of a level, seldom by more than one.
    margins = [plane.margins(1.2) for plane in planes]
    steering = [np.zeros_like(margin) for margin in margins]
    for turn in range(ROUNDS if _promised(planes[0].steps) else ROUNDS // 3):
        for _ in range(min(3 + turn, 8)):  # into the cells and to 0..255, farther than need be
            pixels += np.float32(1.6) * (_clamped(pixels, planes, margins) - pixels)
            pixels = pixels.clip(0, 255)
        steered = pixels + _spread(steering, planes, pixels.shape)
        tried = np.rint(steered.clip(0, 255)).astype(np.uint8)
        if len(planes) == 1:  # exactly grey: what is measured is what is written
            tried = np.repeat(tried[..., :1], 3, axis=2)
        broken, wrong = _broken(tried, planes, across)
        better = np.repeat(broken <= fewest, across)[: len(column)]
        best[:, column[better]] = tried[:, better]
        fewest, left = np.minimum(fewest, broken), broken > 0
        if not left.any():
            break

        for i, found in enumerate(_found(tried.astype(np.float32), planes, whole=True)):
            plane = planes[i]
            steering[i] += 0.7 * plane.clamp(found, plane.margins(0.35))
            margins[i] = np.minimum(0.5, margins[i] + np.float32(0.03) * wrong[i])
            blocks = np.repeat(left, across // (8 * plane.horizontal))[: wrong[i].shape[1]]
            steering[i], margins[i] = steering[i][:, blocks], margins[i][:, blocks]
            planes[i] = replace(plane, quantised=plane.quantised[:, blocks])
        columns = np.repeat(left, across)[: len(column)]
        pixels, column, fewest = pixels[:, columns], column[columns], fewest[left]
        if turn > 5:  # what is hard, in blown whites for instance, is easier near the plain picture
            pixels += np.float32(0.2) * (plain[:, column] - pixels)
    return best


def _broken(
    picture: EightBits, planes: Sequence[Plane], across: int
) -> tuple[NDArray[np.intp], list[NDArray[np.bool_]]]:
    """How many coefficients each MCU, `across` pixels wide, loses: (n,); and which, per plane."""
    found = recompressed(picture, planes)
    wrong = [cells != plane.quantised for cells, plane in zip(found, planes, strict=True)]
    counts = [
        np.add.reduceat(
            lost.sum((0, 2, 3)), range(0, lost.shape[1], across // (8 * plane.horizontal))
        )
        for lost, plane in zip(wrong, planes, strict=True)
    ]
    return np.sum(counts, axis=0), wrong


def _promised(table: Floats) -> float:
    """The share of coefficients that variants keep, by the mean step of the luma table.

    The standard table's is 46 at quality 60, 29 at 75, 12 at 90.
    """
    for coarse, share in ((45, 1.0), (28, 0.9999), (11, 0.995)):
        if table.mean() >= coarse:
            return share
    return 0.0  # Finer tables leave less room than eight bits need.
