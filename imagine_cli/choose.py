"""Which few of many variants differ most.

Variants of one file agree with it, so reduced to a thumbnail they are all the same. What a person
sees differ is where they are rough or smooth, along which way, how strongly coloured, and, where
the file was very small, their shapes. A `fingerprint` keeps this and forgets the pixels: the local
contrast of brightness (across, down) and of colour at five sizes of detail, each averaged over
cells of a coarse grid, and the picture itself at a hundred pixels. Averaging lets two textures of
one kind count as alike, though no pixel of theirs is.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .evidence import EightBits

GRID = 24  # cells along the longer side
SMALL = 96  # pixels of the picture itself along the longer side
OCTAVES = 5
STEP = 1 / 255  # nobody sees less: a plane that varies by less is not blown up to count as much

Fingerprint = list[NDArray[np.float32]]
"""Planes, whose differences are weighed one against another by how much each varies."""


def fingerprint(picture: EightBits) -> Fingerprint:
    """What is compared of a picture, (height, width, 3): some twenty thousand numbers."""
    image = Image.fromarray(picture)
    planes = [np.asarray(_reduced(image, SMALL), np.float32) / np.float32(255)]
    for octave in range(OCTAVES):
        if octave:
            image = image.reduce(2)
        if min(image.size) < 2:
            break
        planes.extend(np.moveaxis(_contrast(np.asarray(image)), 2, 0))
    return planes


def farthest(fingerprints: Sequence[Fingerprint], count: int) -> list[int]:
    """The places, rising, of `count` that differ most: the first, then each farthest from those.

    Their smallest pairwise distance (`distances`) is never below that of the first `count`.
    """
    apart = distances(fingerprints)
    chosen = [0]
    while len(chosen) < count:
        nearest = apart[chosen].min(0)
        nearest[chosen] = -1
        chosen.append(int(nearest.argmax()))
    first = list(range(count))
    return max(sorted(chosen), first, key=lambda places: _smallest(apart, places))


def distances(fingerprints: Sequence[Fingerprint]) -> NDArray[np.float64]:
    """Between each two: (n, n), each plane weighed by how much it varies among all of them."""
    apart = np.zeros((len(fingerprints), len(fingerprints)))
    for planes in zip(*fingerprints, strict=True):
        stack = np.stack(planes).reshape(len(planes), -1).astype(np.float64)
        weight = 1 / max(np.sqrt(stack.var(0).mean()), STEP) ** 2 / stack.shape[1]
        for place, plane in enumerate(stack):
            apart[place] += weight * ((stack - plane) ** 2).sum(1)
    return np.sqrt(apart)


def _smallest(apart: NDArray[np.float64], places: Sequence[int]) -> float:
    pairs = apart[np.ix_(places, places)][np.triu_indices(len(places), 1)]
    return float(pairs.min(initial=np.inf))


def _contrast(pixels: EightBits) -> NDArray[np.float32]:
    """Root mean square steps in each cell: of brightness across and down, and of colour."""
    height, width = pixels.shape[:2]
    bands = []
    for top, bottom in pairwise(_edges(height, max(height, width))):  # so that little is held
        band = pixels[top : bottom + 1].astype(np.float32) / 255
        luma = band @ np.array([0.299, 0.587, 0.114], np.float32)
        colour = band[..., ::2] - luma[..., None]
        down = np.diff(luma, axis=0) if len(luma) > 1 else np.zeros_like(luma)
        steps = (
            (np.diff(luma, axis=1) ** 2).mean(0),
            (down**2).mean(0)[1:],
            (np.diff(colour, axis=1) ** 2).sum(2).mean(0),
        )
        bands.append(np.stack(steps))
    squares = np.stack(bands)  # (rows of cells, 3, width - 1)
    edges = np.array(_edges(width - 1, max(height, width)))
    sums = np.add.reduceat(squares, edges[:-1], axis=2)
    return np.sqrt(sums / np.diff(edges)).transpose(0, 2, 1).astype(np.float32)


def _edges(side: int, longest: int) -> list[int]:
    """Where the cells along a side begin, and its end."""
    cells = min(side, max(1, round(GRID * side / longest)))
    return [side * cell // cells for cell in range(cells + 1)]


def _reduced(image: Image.Image, longest: int) -> Image.Image:
    share = min(1, longest / max(image.size))
    size = [max(1, round(side * share)) for side in image.size]
    return image.resize((size[0], size[1]), Image.Resampling.BOX)
