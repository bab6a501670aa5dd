"""Stairs along oblique edges, measured on drawings whose true picture is known.

A straight edge is the same all along: in the true picture a pixel's value follows from its distance
to the edge alone. What varies along it was added by whatever enlarged it.
"""

from collections.abc import Callable
from math import cos, radians, sin
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imagine_cli.evidence import EightBits

SIDE = 32  # of the small picture, in its pixels
ANGLES = (20, 33, 45, 57, 70)  # degrees
DARK, CONTRAST = 0.2, 0.6
LINE = 1.5  # a line's width, in pixels of the small picture
BAND = 2  # how far from the edge is looked at, in pixels of the small picture
BINS = 2  # of distance, in a pixel of the large picture
FINE = 4  # samples a pixel, each way, that a drawing is the mean of

Kind = Literal["edge", "line"]


def drawing(kind: Kind, angle: float, scale: int) -> tuple[EightBits, NDArray[np.float64]]:
    """A grey drawing, (s, s, 3) with s = 32 scale, and each pixel's distance to its edge, (s, s).

    angle: of the edge's normal, in radians. The edge passes near the middle, at no whole pixel.
    """
    side = SIDE * scale
    place = (np.arange(side * FINE) + 0.5) / FINE - side / 2
    fine = place * cos(angle) + place[:, None] * sin(angle) + 3.3
    inside = fine > 0 if kind == "edge" else np.abs(fine) < LINE * scale / 2
    mean = _means(inside.astype(np.float64))
    picture = np.rint(255 * (DARK + CONTRAST * mean)).astype(np.uint8)
    return np.repeat(picture[..., None], 3, axis=2), _means(fine)


def _means(fine: NDArray[np.float64]) -> NDArray[np.float64]:
    side = len(fine) // FINE
    means: NDArray[np.float64] = fine.reshape(side, FINE, side, FINE).mean(axis=(1, 3))
    return means


def variation(picture: EightBits, distance: NDArray[np.float64], scale: int) -> float:
    """The root of the mean squared variation along an edge, in grey levels, near the edge.

    In each narrow strip along the edge a straight line is fitted to value over distance, and
    what it leaves is what varies. The outer eighth of the picture is left out.
    """
    away = len(picture) // 8
    middle = slice(away, len(picture) - away)
    distance = distance[middle, middle]
    near = np.abs(distance) < BAND * scale
    value, place = picture[middle, middle].mean(axis=2)[near], distance[near]
    strip = np.floor(place * BINS).astype(int)
    strip -= strip.min()
    count = np.maximum(np.bincount(strip), 1)

    def centred(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        centres: NDArray[np.float64] = numbers - (np.bincount(strip, numbers) / count)[strip]
        return centres

    value, place = centred(value), centred(place)
    across, along = np.bincount(strip, place * place), np.bincount(strip, place * value)
    slope = along / np.maximum(across, 1e-9)
    return float(np.sqrt(np.mean(np.square(value - slope[strip] * place))))


def ladder(enlarge: Callable[[EightBits], EightBits], scale: int) -> float:
    """The mean `variation` over edges and lines at five angles. Of the true drawings: under 2.

    enlarge: from a drawing, which it may shrink only, to its enlargement of the same size.
    """
    found = []
    for kind in ("edge", "line"):
        for angle in ANGLES:
            drawn, distance = drawing(kind, radians(angle), scale)
            found.append(variation(enlarge(drawn), distance, scale))
    return float(np.mean(found))
