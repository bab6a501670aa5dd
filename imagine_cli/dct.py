"""8×8 blocks and their cosine transform, there and back.

In JPEG's normalisation: the transform is orthonormal, samples run from 0 to 255 and count from 128.
ITU-T T.81, A.3.3.
"""

import numpy as np
from numpy.typing import NDArray

_frequency, _sample = np.mgrid[:8, :8]

COSINES: NDArray[np.float32] = np.where(
    _frequency == 0, np.sqrt(1 / 8), np.cos((2 * _sample + 1) * _frequency * np.pi / 16) / 2
).astype(np.float32)
"""The orthonormal cosine transform of eight samples: (frequency, sample)."""


def coefficients(plane: NDArray[np.floating]) -> NDArray[np.floating]:
    """The coefficients of a plane of samples, 0 to 255: (8m, 8n) -> (m, n, 8, 8), row by row.

    Raises ValueError when a side is no multiple of eight.
    """
    height, width = plane.shape
    if height % 8 or width % 8:
        raise ValueError(f"a plane of {height} by {width} samples does not divide into 8×8 blocks")
    blocks = (plane - 128).reshape(height // 8, 8, width // 8, 8).swapaxes(1, 2)
    return COSINES @ blocks @ COSINES.T


def samples(coefficients: NDArray[np.floating]) -> NDArray[np.floating]:
    """The plane that has these coefficients: (m, n, 8, 8) -> (8m, 8n), nominally 0 to 255."""
    rows, columns = coefficients.shape[:2]
    blocks = COSINES.T @ coefficients @ COSINES
    return blocks.swapaxes(1, 2).reshape(8 * rows, 8 * columns) + 128
