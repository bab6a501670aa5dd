"""The pictures of a run: what there is, what is of no use, and what validates."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagine_cli import origin, picture
from imagine_cli.errors import ImagineError, PictureError

LARGEST_SIDE = 1024  # larger photographs are halved first: memory, and their sensor's noise
VALIDATION_SHARE, VALIDATION_LEAST, VALIDATION_MOST = 0.04, 8, 32  # but never more than a fifth
FEWEST = 4
RUN_FILE = "run.json"  # a folder with one is a run of ours: its previews are no data

# What `picture.read` warns of, the kind of file that it is, and what becomes of it.
_CONVERTED = {
    "16-bit": "with 16 bits a sample, read as 8",
    "frames": "animated, or of several pages: the first is used",
    "CMYK": "in CMYK, converted to sRGB",
}


@dataclass
class Pictures:
    """Folders of pictures in memory, (h, w, 3) in eight bits, split by file.

    Which are for validation follows from the files' contents, not from their names or places. A
    file that is of no use, or not used as it is, is counted in `found`: a kind, and a line a file.

    Those for validation have `whole` pixels a side at least.

    Raises ImagineError: there is no such folder, or too few pictures of `smallest` pixels a side,
    or of `whole`.
    """

    folders: list[Path]
    smallest: int
    whole: int = 0
    train: list[NDArray[np.uint8]] = field(init=False)
    validation: list[NDArray[np.uint8]] = field(init=False)
    found: dict[str, list[str]] = field(init=False, default_factory=dict)
    fingerprint: str = field(init=False)
    """Equal for equal pictures."""

    def __post_init__(self) -> None:
        names: dict[str, Path] = {}  # by the checksum of a file's content
        read: dict[str, NDArray[np.uint8]] = {}
        for file in _files(self.folders):
            try:
                with open(file, "rb") as opened:
                    checksum = hashlib.file_digest(opened, "sha256").hexdigest()
                if checksum in read:
                    self._note("the same as another, left out", f"{file} ({names[checksum]})")
                    continue
                if origin.read(file):
                    self._note("results of imagine, left out: they are no originals", str(file))
                    continue
                pixels, warnings = _read(file)
            except (OSError, PictureError) as error:
                self._note("unreadable, left out", f"{file} ({error})")
                continue
            if min(pixels.shape[:2]) < self.smallest:
                size = f"{pixels.shape[1]} x {pixels.shape[0]}"
                self._note(f"smaller than {self.smallest} pixels, left out", f"{file} ({size})")
                continue
            for word, kind in _CONVERTED.items():
                if any(word in warning for warning in warnings):
                    self._note(kind, str(file))
            names[checksum], read[checksum] = file, pixels
        self._split(read)

    def _note(self, kind: str, line: str) -> None:
        self.found.setdefault(kind, []).append(line)

    def _split(self, read: dict[str, NDArray[np.uint8]]) -> None:
        large = [checksum for checksum in read if min(read[checksum].shape[:2]) >= self.whole]
        if len(large) < FEWEST:
            left_out = ", ".join(f"{len(lines)} {kind}" for kind, lines in self.found.items())
            raise ImagineError(
                f"{', '.join(map(str, self.folders))}: {len(large)} pictures of at least "
                f"{max(self.smallest, self.whole)} pixels a side, and {FEWEST} are needed"
                + (f"; {left_out}" if left_out else "")
            )
        order = sorted(large) + sorted(read.keys() - large)
        share = min(max(round(VALIDATION_SHARE * len(order)), VALIDATION_LEAST), VALIDATION_MOST)
        count = max(1, min(share, len(large) // 5))
        self.validation = [read[checksum] for checksum in order[:count]]
        self.train = [read[checksum] for checksum in order[count:]]
        self.fingerprint = hashlib.sha256("".join(sorted(read)).encode()).hexdigest()

    def summary(self) -> list[str]:
        """What is trained on, and what is not, each kind with an example."""
        size = sum(pixels.nbytes for pixels in self.train + self.validation) / 1e6
        return [
            f"{len(self.train)} pictures to train on, {len(self.validation)} for validation "
            f"(chosen by content, always the same); {size:,.0f} MB of memory",
            *(f"{len(lines)} {kind}: {lines[0]}" for kind, lines in self.found.items()),
        ]


def check_folders(folders: list[Path]) -> None:
    for folder in folders:
        if not folder.is_dir():
            raise ImagineError(f"{folder}: there is no such folder; --data takes folders")


def _files(folders: list[Path]) -> Iterator[Path]:
    """Every file once, sorted; none that is hidden, none of a run."""
    check_folders(folders)
    seen = set()
    for top in folders:
        for place, inner, names in os.walk(top):
            inner[:] = sorted(name for name in inner if not name.startswith("."))
            if RUN_FILE in names:
                inner.clear()
                continue
            for file in (Path(place, name) for name in sorted(names)):
                real = os.path.realpath(file)
                if not file.name.startswith(".") and file.is_file() and real not in seen:
                    seen.add(real)
                    yield file


def _read(file: Path) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    read = picture.read(file)
    image = Image.fromarray(read.pixels)
    while max(image.size) > LARGEST_SIDE:
        image = image.reduce(2)
    return np.asarray(image), read.warnings
