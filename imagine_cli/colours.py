"""Colour profiles: the network learnt sRGB, and is to see a picture as one would look in sRGB.

Read are ICC profiles of a matrix and three curves (ICC.1:2022, 8.3.3; 10.6 curveType, 10.18
parametricCurveType): Display P3, Adobe RGB, ProPhoto and what cameras and scanners write. Nothing
is clipped on the way: colours beyond sRGB have values beyond 0…1 there, and come back.
"""

import struct
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from PIL import ImageCms

from .card import Card, Model, Sharing

Values: TypeAlias = NDArray[np.float32]

_SAMPLES = np.linspace(0, 2, 8193)  # of a curve; beyond 1 for colours that are beyond it


@dataclass(frozen=True)
class Profile:
    """An RGB colour space: light = matrix · curve(stored), in XYZ under D50."""

    matrix: NDArray[np.float64]  # (3, 3)
    curves: tuple[NDArray[np.float64], ...]  # three, each at _SAMPLES: rising, from 0

    @classmethod
    def parse(cls, icc: bytes) -> "Profile | None":
        """None of a profile that is damaged, or not made of a matrix and curves."""
        try:
            tags = _tags(icc)
            if icc[16:24] != b"RGB XYZ " or b"A2B0" in tags:
                return None
            columns = [_xyz(tags[colour + b"XYZ"]) for colour in (b"r", b"g", b"b")]
            curves = tuple(_curve(tags[colour + b"TRC"]) for colour in (b"r", b"g", b"b"))
        except (KeyError, IndexError, ValueError, ZeroDivisionError, struct.error):
            return None
        matrix = np.stack(columns, 1)
        sound = np.isfinite(matrix).all() and abs(np.linalg.det(matrix)) > 1e-6
        rising = all(np.isfinite(curve).all() and (np.diff(curve) >= 0).all() for curve in curves)
        return cls(matrix, curves) if sound and rising else None

    def to_light(self, stored: Values) -> Values:
        """(…, 3), nominally in [0, 1], to XYZ."""
        light = [_along(stored[..., place], _SAMPLES, curve) for place, curve in self._each]
        return (np.stack(light, -1) @ self.matrix.T).astype(np.float32)

    def from_light(self, light: Values) -> Values:
        """The inverse of `to_light`."""
        linear = light @ np.linalg.inv(self.matrix).T
        stored = [_along(linear[..., place], curve, _SAMPLES) for place, curve in self._each]
        return np.stack(stored, -1).astype(np.float32)

    @property
    def _each(self) -> list[tuple[int, NDArray[np.float64]]]:
        return list(enumerate(self.curves))


@cache
def srgb() -> Profile:
    profile = Profile.parse(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    if profile is None:
        raise RuntimeError("Little CMS gives no sRGB profile")
    return profile


@dataclass(frozen=True)
class Translated:
    """A model that is given, and gives, pictures in another colour space than its own sRGB."""

    model: Model
    profile: Profile

    @property
    def card(self) -> Card:
        return self.model.card

    @property
    def tile(self) -> int:
        return getattr(self.model, "tile", 0)

    def __call__(
        self,
        level: int,
        pixels: Values,
        field: Values,
        vector: Values,
        condition: Values,
        *shared: Values,
    ) -> Values:
        imagined = self.model(level, self._seen(pixels), field, vector, condition, *shared)
        return self.profile.from_light(srgb().to_light(imagined))

    def share(self, level: int, pixels: Values, condition: Values) -> Values:
        return cast(Sharing, self.model).share(level, self._seen(pixels), condition)

    def _seen(self, pixels: Values) -> Values:
        return srgb().from_light(self.profile.to_light(pixels))


def translated(model: Model, icc: bytes | None) -> Model:
    """The model for pictures of that profile: itself where that is sRGB, grey or not understood."""
    profile = Profile.parse(icc) if icc else None
    return model if profile is None or _is_srgb(profile) else Translated(model, profile)


def _is_srgb(profile: Profile) -> bool:
    """Whether no colour of eight bits moves by more than one level."""
    steps = np.linspace(0, 1, 18, dtype=np.float32)
    cube = np.stack(np.meshgrid(steps, steps, steps), -1)
    moved: Values = srgb().from_light(profile.to_light(cube)) - cube
    return bool(np.abs(moved).max() < 1 / 255)


def _along(values: Values, from_: NDArray[np.float64], to: NDArray[np.float64]) -> Values:
    """A curve that is the same, mirrored, below zero."""
    return (np.sign(values) * np.interp(np.abs(values), from_, to)).astype(np.float32)


def _tags(icc: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", icc, 128)
    tags = {}
    for place in range(min(count, 100)):
        name, start, length = struct.unpack_from(">4sII", icc, 132 + 12 * place)
        tags[name] = icc[start : start + length]
    return tags


def _xyz(tag: bytes) -> NDArray[np.float64]:
    return np.array(struct.unpack_from(">3i", tag, 8)) / 2**16


def _curve(tag: bytes) -> NDArray[np.float64]:
    """A tone curve at _SAMPLES."""
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        if count == 0:
            return _SAMPLES
        table = np.array(struct.unpack_from(f">{count}H", tag, 12), np.float64)
        if count == 1:
            return np.asarray(_SAMPLES ** (table[0] / 256))
        table /= 65535
        inside = np.interp(_SAMPLES, np.linspace(0, 1, count), table)
        return np.asarray(
            inside + np.maximum(_SAMPLES - 1, 0) * (table[-1] - table[-2]) * (count - 1)
        )
    if tag[:4] != b"para":
        raise ValueError("a curve of a kind that is not in the standard")
    (kind,) = struct.unpack_from(">H", tag, 8)
    g, a, b, c, d, e, f = _PARAMETERS[kind](
        *(value / 2**16 for value in struct.unpack_from(f">{_COUNTS[kind]}i", tag, 12))
    )
    with np.errstate(all="ignore"):  # of a damaged one; `parse` looks at what comes of it
        power = np.maximum(a * _SAMPLES + b, 0) ** g + e
    return np.where(d <= _SAMPLES, power, c * _SAMPLES + f)


_COUNTS = (1, 3, 4, 5, 7)
# Each kind's numbers as those of the last: (a x + b)^g + e from d on, c x + f below.
_PARAMETERS = (
    lambda g: (g, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    lambda g, a, b: (g, a, b, 0.0, -b / a, 0.0, 0.0),
    lambda g, a, b, c: (g, a, b, 0.0, -b / a, c, c),
    lambda g, a, b, c, d: (g, a, b, c, d, 0.0, 0.0),
    lambda g, a, b, c, d, e, f: (g, a, b, c, d, e, f),
)
