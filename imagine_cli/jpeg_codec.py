"""JPEG files, to their quantised coefficients and back: what libjpeg reads and writes.

Everything that knows of files, segments and sampling is here; what the coefficients say about the
picture is in `jpeg`.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import jpeglib
import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from .dct import coefficients, samples
from .errors import OutputError, PictureError
from .evidence import EightBits
from .silence import silence

Floats = NDArray[np.floating]

_MEMORY = "/dev/shm"


def decoded(data: bytes) -> tuple[EightBits, list[Plane]]:
    """A JPEG plainly decoded by Pillow, and its planes: Y, Cb and Cr, or Y alone.

    Raises PictureError when it is none, of a kind that we do not read, or damaged.
    """
    data, shrinking = _essence(data)
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
            observed = np.asarray(image.convert("RGB"))
        read = _read(data)
    except (OSError, SyntaxError) as error:
        raise PictureError("damaged or truncated; find an intact copy") from error
    if read.jpeg_color_space is jpeglib.JCS_RGB:  # jpeglib holds all of them equal
        raise PictureError("an RGB JPEG, not YCbCr; save it as an ordinary JPEG")
    tables = [read.get_component_qt(i) for i in range(len(shrinking))]
    cells = _quantised(read)
    if len(cells) != len(shrinking) or not all(table.all() for table in tables):
        raise PictureError("damaged: its header is inconsistent; find an intact copy")
    parts = zip(cells, tables, shrinking, strict=True)
    return observed, [Plane(cells, table, *by) for cells, table, by in parts]


def recompressed(picture: EightBits, planes: Sequence[Plane]) -> list[NDArray[np.int16]]:
    """The coefficients that libjpeg gives to a picture, coded as `planes` are."""
    count = len(planes)
    jpeg = jpeglib.from_spatial(np.ascontiguousarray(picture[..., :count]))
    if count == 3:
        jpeg.samp_factor = [[planes[1].vertical, planes[1].horizontal], [1, 1], [1, 1]]
    tables = np.stack([plane.table for plane in planes])
    # libjpeg warns of steps that need more than a byte.
    quiet = silence() if tables.max() > 255 else contextlib.nullcontext()
    with _scratch_file() as path:
        with quiet:
            jpeg.write_spatial(path, qt=tables, quant_tbl_no=range(count))
        try:
            return _quantised(jpeglib.read_dct(path))
        except OSError as error:  # libjpeg wrote less than it was given
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error


@dataclass(frozen=True)
class Plane:
    """One plane of a JPEG, Y, Cb or Cr, or a part of it.

    `quantised` is (rows, columns, 8, 8), `table` the (8, 8) steps; a sample is the mean of
    `vertical` by `horizontal` pixels.
    """

    quantised: NDArray[np.int16]
    table: NDArray[np.uint16]
    vertical: int
    horizontal: int

    @property
    def steps(self) -> NDArray[np.float32]:
        return self.table.astype(np.float32)

    def band(self, top: int, bottom: int) -> Plane:
        """The part of it that codes these rows of pixels."""
        block = 8 * self.vertical
        return replace(self, quantised=self.quantised[top // block : bottom // block])

    def coefficients(self, pixels: Floats, whole: bool = False) -> Floats:
        """What the encoder finds in a plane of pixels, 0 to 255, before it quantises.

        With `whole`, in whole numbers as libjpeg counts (jcsample.c).
        """
        rows, columns = (8 * blocks for blocks in self.quantised.shape[:2])
        height, width = pixels.shape
        # libjpeg repeats the last column before it takes means, but the last row of means after.
        means = _padded(pixels, -height % self.vertical, columns * self.horizontal - width)
        means = _means(means, self.vertical, self.horizontal)
        if whole:
            bias = {(1, 1): (0, 0), (1, 2): (0, 0.5), (2, 1): (0.5, 0.5), (2, 2): (0.25, 0.5)}
            means = np.floor(means + np.resize(bias[self.vertical, self.horizontal], columns))
        return coefficients(_padded(means, rows - len(means), 0))

    def spread(self, change: Floats, height: int, width: int) -> Floats:
        """The change of (height, width) pixels that makes this change of their coefficients.

        Where pixels at the border stand for those beyond it as well, each takes the mean of what
        is asked of it; repeated, that converges (SIRT, in the language of tomography).
        """
        plane = samples(change) - 128
        plane = _gather(plane, -(-height // self.vertical), self.vertical, height)
        return _gather(plane.T, plane.shape[1], self.horizontal, width).T

    def clamp(self, found: Floats, margin: ArrayLike) -> Floats:
        """The change that brings coefficients into their cells, `margin` steps from the border."""
        centre = self.quantised * self.steps
        reach = (np.float32(0.5) - np.asarray(margin, np.float32)) * self.steps
        return np.clip(found, centre - reach, centre + reach) - found

    def margins(self, levels: float) -> Floats:
        """A margin of so many grey levels, at most 0.4 steps, for each coefficient: in steps."""
        margins = np.minimum(np.float32(0.4), np.float32(levels) / self.steps)
        return np.broadcast_to(margins, self.quantised.shape).copy()


def _means(plane: Floats, vertical: int, horizontal: int) -> Floats:
    """Of so many samples each way; NumPy's own `mean` takes ten times as long for few."""
    rows = reduce(add, [plane[:, left::horizontal] for left in range(horizontal)])
    return reduce(add, [rows[above::vertical] for above in range(vertical)]) / (
        vertical * horizontal
    )


def _padded(plane: Floats, below: int, right: int) -> Floats:
    """With its last row and column repeated."""
    return np.pad(plane, ((0, below), (0, right)), "edge") if below or right else plane


def _gather(plane: Floats, means: int, factor: int, size: int) -> Floats:
    """For each of `size` rows of pixels the mean of the rows of samples that see it.

    A sample sees `factor` pixels; samples from `means` on are the last one's copies, as are the
    pixels from `size` on.
    """

    if len(plane) == means and means * factor == size:  # no copies
        return np.repeat(plane, factor, axis=0) if factor > 1 else plane

    def total(rows: Floats) -> Floats:
        return _fold(np.repeat(_fold(rows, means), factor, axis=0), size)

    return total(plane) / total(np.ones((len(plane), 1), np.float32))


def _fold(rows: Floats, size: int) -> Floats:
    """The first `size` rows, with all that follow added to the last of them."""
    if len(rows) == size:
        return rows
    return np.concatenate([rows[: size - 1], rows[size - 1 :].sum(0, keepdims=True)])


def _essence(data: bytes) -> tuple[bytes, list[tuple[int, int]]]:
    """A JPEG without what applications added, and how much each plane is shrunk: (down, across).

    jpeglib fails on more than 50 such segments, and phones write more. ITU-T T.81, B.1 and B.2.
    Raises PictureError for what is no JPEG, or one that we do not read.
    """
    if not data.startswith(b"\xff\xd8"):
        raise PictureError("not a JPEG; `imagine upscale` takes other pictures")
    kept, shrinking, start = data[:2], [(1, 1)], 2
    # libjpeg takes whatever lies between two segments for padding (jdmarker.c, next_marker).
    while found := _MARKER.search(data, start):
        start, marker = found.end() - 2, data[found.end() - 1]
        if marker == 0xDA:  # the first scan; what follows stays as it is
            break
        end = start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            shrinking = _shrinking(marker, data[start + 4 : end])
        if marker in (0xE0, 0xEE) or not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            kept += data[start:end]  # E0 and EE, JFIF and Adobe, tell the colour space
        start = end
    return kept + data[start:], shrinking


_MARKER = re.compile(rb"\xff[\x02-\xcf\xd9-\xfe]")  # one that has a segment, or ends the file


def _shrinking(kind: int, frame: bytes) -> list[tuple[int, int]]:
    """How much each plane of a frame, by its header, is shrunk: (down, across)."""
    if kind > 0xC2:
        raise PictureError("an arithmetic-coded or lossless JPEG; save it as an ordinary JPEG")
    if frame[:1] not in (b"", b"\x08"):
        raise PictureError(f"a {frame[0]}-bit JPEG; only 8-bit JPEGs are supported")
    factors = [divmod(both, 16) for both in frame[7::3]]
    if len(factors) == 4:
        raise PictureError("a CMYK JPEG, which is not supported yet; convert it to RGB first")
    if len(factors) != 3:
        return [(1, 1)]  # grey; what is neither, Pillow refuses
    (most_across, most_down), *chroma = factors
    shrinking = [(most_down / (down or 1), most_across / (across or 1)) for across, down in chroma]
    if shrinking[0] != shrinking[1] or not {*shrinking[0]} <= {1, 2}:
        raise PictureError(
            "unsupported chroma subsampling; 4:4:4, 4:2:2, 4:2:0 and 4:4:0 can be read"
        )
    down, across = map(int, shrinking[0])
    return [(1, 1), (down, across), (down, across)]


def _read(data: bytes) -> Any:
    """What jpeglib, which knows files only, makes of a JPEG. Raises OSError."""
    with _scratch_file() as path, silence():
        Path(path).write_bytes(data)
        decoded = jpeglib.read_dct(path)
        decoded.load()
        return decoded


@contextlib.contextmanager
def _scratch_file() -> Iterator[str]:
    """A path for jpeglib. Raises OutputError where there is no room for temporary files."""
    try:
        handle, path = tempfile.mkstemp(".jpg", dir=_in_memory())
        os.close(handle)
        try:
            yield path
        finally:
            os.remove(path)
    except OSError as error:
        if error.errno is None:  # jpeglib's own, about what is in the file
            raise
        raise OutputError(
            f"cannot write a temporary file ({error.strerror}): free some space, or set TMPDIR "
            "to another folder"
        ) from error


def _in_memory() -> str | None:
    """Linux's folder in memory, forty times as quick as a disk; unless another one is asked for."""
    asked_for = any(name in os.environ for name in ("TMPDIR", "TEMP", "TMP"))
    return None if asked_for or not os.access(_MEMORY, os.W_OK | os.X_OK) else _MEMORY


def _quantised(decoded: Any) -> list[NDArray[np.int16]]:
    return [plane for plane in (decoded.Y, decoded.Cb, decoded.Cr) if plane is not None]
