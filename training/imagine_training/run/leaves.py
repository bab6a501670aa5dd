"""Pictures of dead leaves: discs of all sizes, each hiding what lies below.

Their statistics are those of photographs (Lee, Mumford & Huang 2001, "Occlusion Models for Natural
Images"), and they are nobody's.
"""

import numpy as np
from numpy.typing import NDArray

LEAVES = 200
NOISE = (0, 0, 0.02, 0.08)  # standard deviations, drawn from


def leaves(rng: np.random.Generator, side: int) -> NDArray[np.uint8]:
    """One picture, (side, side, 3): leaves of all colours, each lit from somewhere; some noise."""
    down, across = np.mgrid[:side, :side]
    picture = np.tile(rng.random(3), (side, side, 1))
    for _ in range(LEAVES):
        radius = side * (0.015 + 0.5 * rng.random() ** 3)
        above, left = rng.random(2) * side
        y, x = (down - above) / radius, (across - left) / radius
        angle, slope = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.3)
        light = slope * (y * np.sin(angle) + x * np.cos(angle))
        leaf = y**2 + x**2 < 1
        picture[leaf] = rng.random(3) + light[leaf, None]
    picture += rng.normal(0, 1, picture.shape) * rng.choice(NOISE)
    rounded: NDArray[np.uint8] = np.rint(255 * picture.clip(0, 1)).astype(np.uint8)
    return rounded
