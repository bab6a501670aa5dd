"""Pictures ready to be imagined: what is known of each, and how what comes of it is written."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import encode, picture
from .canvas import Canvas, Rows, canvas
from .card import Model
from .choices import Task
from .colours import translated
from .downscaled import Downscaled
from .evidence import Agreement, Evidence
from .jpeg import JpegCoded
from .origin import Origin
from .picture import About
from .request import Request
from .resampling import plainly_enlarged
from .seeds import Seed
from .variants import Progress, Variant, imagine

Models = Callable[[Task], Model]


def opening(path: Path, request: Request, scratch: Path) -> "Opened":
    """Read a picture for what is asked of it. Raises PictureError."""
    if request.task == Task.decompress:
        return JpegFile(path, request, scratch)
    kind = JpegToEnlarge if request.decompress else SmallPicture
    return kind(path, request, scratch)


class Opened:
    """A picture whose variants can be had.

    Its evidence is in the file's own orientation, what is written is upright. `scratch`: a folder
    for what is too large to be held.
    """

    evidence: Evidence
    grey: bool
    alpha: Rows | None = None
    """As it is written."""
    orientation = 1
    """As EXIF counts: how what is imagined has to be turned."""

    def __init__(
        self, request: Request, scratch: Path, about: About, warnings: tuple[str, ...]
    ) -> None:
        self.request, self.scratch, self.warnings = request, scratch, warnings
        self.about = About(icc=about.icc) if request.output.strip else about
        """What of the file's metadata returns in the results."""

    def check_writable(self, width: int, height: int) -> None:
        """Raises PictureError where the format cannot hold a result of this size."""
        deep, alpha = self.evidence.observed.dtype != np.uint8, self.alpha is not None
        format = self.request.output.format
        pixel = encode.bytes_of_pixel(format, grey=self.grey, alpha=alpha, deep=deep)
        encode.check_writable_size(width, height, format, pixel)

    def variants(
        self, models: Models, seeds: Iterable[Seed], progress: Progress
    ) -> Iterator[Variant]:
        """One a seed, each when it is asked for."""
        model = translated(models(self.request.task), self.about.icc)
        return imagine(self.evidence, model, seeds, scratch=self.scratch, progress=progress)

    def agreement(self, written: Rows) -> Agreement:
        """How well a picture agrees, as it was written."""
        return self.evidence.agreement(self.stored(written))

    def upright(self, pixels: Rows) -> Rows:
        """A picture as the evidence has it, as it is written."""
        return picture.upright(pixels, self.orientation)

    def stored(self, written: Rows) -> Rows:
        """Undoes `upright`."""
        back = {6: 8, 8: 6}.get(self.orientation, self.orientation)
        return picture.upright(written, back)

    def write(self, variant: Rows, file: Path, made_of: Origin) -> None:
        about = replace(self.about, xmp=made_of.xmp(self.about.xmp))
        encode.write(self.upright(variant), file, alpha=self.alpha, grey=self.grey, about=about)

    def plain(self) -> picture.Picture:
        """The input, as large as a variant."""
        pixels = np.ascontiguousarray(self.upright(self._enlarged(self.evidence.observed)))
        alpha = None if self.alpha is None else np.asarray(self.alpha)
        return picture.Picture(pixels, alpha, self.grey, self.about, warnings=())

    def _enlarged(self, samples: NDArray[Any], scratch: Path | None = None) -> Rows:
        if self.request.scale == 1:
            return samples
        height, width = (side * self.request.scale for side in samples.shape[:2])
        larger: Canvas = canvas((height, width, *samples.shape[2:]), samples.dtype, scratch)
        for rows, band in plainly_enlarged(samples, self.request.scale):
            larger[rows] = band
        return larger


class SmallPicture(Opened):
    """A picture to enlarge, read upright; perhaps with alpha."""

    def __init__(self, path: Path, request: Request, scratch: Path) -> None:
        deep = request.output.format not in encode.EIGHT_BITS_ONLY
        read = picture.read(path, deep=deep)
        super().__init__(request, scratch, read.about, read.warnings)
        self.grey = read.grey
        kernel = str(request.kernel)
        self.evidence = Downscaled(read.pixels, request.scale, kernel, grey=read.grey or None)
        if read.alpha is not None:
            self.alpha = self._enlarged(read.alpha, scratch)


class JpegFile(Opened):
    """A JPEG to decompress."""

    def __init__(self, path: Path, request: Request, scratch: Path) -> None:
        self.coded = self.evidence = JpegCoded.from_file(path)
        said = picture.metadata(path)
        super().__init__(request, scratch, said.about, said.warnings)
        self.grey, self.orientation = self.coded.grey, said.orientation


class JpegToEnlarge(JpegFile):
    """A JPEG to decompress and then enlarge: every variant is a large picture of its own original.

    A seed stands for both: the original that it gives, and what it makes of that.
    """

    def variants(
        self, models: Models, seeds: Iterable[Seed], progress: Progress
    ) -> Iterator[Variant]:
        decompress, upscale = (
            translated(models(task), self.about.icc) for task in (Task.decompress, Task.upscale)
        )
        done = {Task.decompress: 0.0, Task.upscale: 0.0}

        def told(task: Task, before: int, share: float) -> None:
            done[task] = before + share
            progress((done[Task.decompress] + 4 * done[Task.upscale]) / 5)

        originals = imagine(
            self.coded,
            decompress,
            seeds,
            scratch=self.scratch,
            progress=partial(told, Task.decompress, 0),
        )
        for number, original in enumerate(originals):
            evidence = self._shrunk_to(original.picture)
            (variant,) = imagine(
                evidence,
                upscale,
                [original.seed],
                scratch=self.scratch,
                progress=partial(told, Task.upscale, number),
            )
            compressed = self.coded.agreement(evidence.shrunk(variant.rows))
            agreement = BothAgree(variant.agreement, compressed)
            seconds = original.seconds + variant.seconds
            yield Variant(original.seed, variant.rows, agreement, seconds)

    def agreement(self, written: Rows) -> Agreement:
        """Of a picture alone, whose original is not there: shrunk, and then compressed."""
        evidence = self._shrunk_to(self.coded.observed)
        return self.coded.agreement(evidence.shrunk(self.stored(written)))

    def _shrunk_to(self, small: NDArray[np.uint8]) -> Downscaled:
        kernel = str(self.request.kernel)
        return Downscaled(small, self.request.scale, kernel, grey=self.grey or None)


@dataclass(frozen=True)
class BothAgree:
    """A picture shrinks to an original, and that compresses to the file."""

    shrunk: Agreement
    compressed: Agreement

    def as_json(self) -> dict[str, float]:
        return self.shrunk.as_json() | self.compressed.as_json()

    def __str__(self) -> str:
        return f"{self.shrunk}; {self.compressed}"

    @property
    def shortfall(self) -> str | None:
        return self.shrunk.shortfall or self.compressed.shortfall
