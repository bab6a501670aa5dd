"""What every kind of evidence can tell about a picture that nobody has seen.

A file is evidence about an unknown picture; many pictures agree with it; each variant is one of
them. `Downscaled` is the evidence of a small picture, `JpegCoded` that of a JPEG's coefficients.
"""

from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .canvas import Canvas, Rows

Pixels: TypeAlias = NDArray[np.floating]
"""A picture to compute with: (height, width, 3), sRGB, nominally in [0, 1]."""

EightBits: TypeAlias = NDArray[np.uint8]
"""A picture to look at: (height, width, 3), sRGB, 0 to 255."""

Samples: TypeAlias = NDArray[Any]
"""A picture as it is written: (height, width, 3) of uint8 or uint16, 0 to 255 or to 65,535."""


def seen(picture: Samples) -> EightBits:
    """In eight bits, for a screen: of sixteen the high ones."""
    return (picture if picture.dtype == np.uint8 else picture >> 8).astype(np.uint8, copy=False)


def white(picture: Rows) -> int:
    """The largest sample: 255 or 65,535."""
    return int(np.iinfo(picture.dtype).max)


class InUnits:
    """Samples as `Pixels`, in [0, 1], rows at a time: four times their size is never held."""

    def __init__(self, samples: Rows) -> None:
        self.samples, self.shape, self.dtype = samples, samples.shape, np.dtype(np.float32)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, rows: slice) -> NDArray[np.float32]:
        units = self.samples[rows].astype(np.float32)
        units /= np.float32(white(self.samples))
        return units

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return self[:].astype(dtype or np.float32, copy=False)


def checked(picture: Samples) -> Samples:
    """The picture, if it is one: (height, width, 3) of uint8 or uint16. Raises ValueError."""
    if not isinstance(picture, np.ndarray):
        raise ValueError(f"a picture is a NumPy array, not {type(picture).__name__}")
    if picture.dtype not in (np.uint8, np.uint16):
        help = "; np.rint(255 * picture).astype(np.uint8) if it is in [0, 1]"
        floating = np.issubdtype(picture.dtype, np.floating)
        raise ValueError(
            f"a picture is uint8 or uint16, not {picture.dtype}{help if floating else ''}"
        )
    if picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise ValueError(f"a picture is (height, width, 3), not {picture.shape}")
    return picture


class Agreement(Protocol):
    """How well a finished picture agrees with the evidence, measured on what is written."""

    def as_json(self) -> dict[str, float]: ...

    def __str__(self) -> str:
        """The same in a few words."""

    @property
    def shortfall(self) -> str | None:
        """One clause for the user when it does not agree as promised; else None."""


class Evidence(Protocol):
    """What is known: the picture the model starts from, and which pictures agree with it."""

    @property
    def observed(self) -> Samples:
        """The picture as it lies before us: small, or plainly decoded."""

    @property
    def factors(self) -> tuple[int, ...]:
        """How many times `observed` each level's picture is: (2, 4, 8, 16), or (1,)."""

    def condition(self) -> NDArray[np.float32]:
        """What the model is told beside the pixels, at every level: (n,)."""

    def project(self, pixels: Canvas, level: int) -> None:
        """Move `pixels`, a picture of that level, to the nearest one that agrees. In place."""

    def render(self, pixels: Rows, into: Canvas | None = None) -> Canvas:
        """The picture near `pixels`, of the last level, in samples as `observed` has, that agrees.

        It is written `into` a canvas, by default a new one.
        """

    def agreement(self, picture: Rows) -> Agreement:
        """How well a picture of the last level agrees, as an independent coder sees it."""
