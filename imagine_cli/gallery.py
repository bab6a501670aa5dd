"""The contact sheet: the input and all its variants, side by side, to look at and to send."""

from collections.abc import Iterable
from math import ceil, sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from .canvas import BAND, Rows
from .evidence import seen
from .whole import whole

LARGEST = 3000
QUALITY = 90  # of its JPEG, which is a tenth of a PNG
PAPER = 244
INK = 70


def looked_at(picture: Rows, *, most: int = 2**24) -> NDArray[np.uint8]:
    """A picture in eight bits; one of more than `most` pixels is reduced by a whole number."""
    by = ceil(sqrt(picture.shape[0] * picture.shape[1] / most))
    if by == 1:
        return seen(np.asarray(picture))
    height = max(1, BAND // (by * picture.shape[1] * 3)) * by
    parts = (seen(picture[top : top + height]) for top in range(0, len(picture), height))
    return np.concatenate([np.asarray(Image.fromarray(part).reduce(by)) for part in parts])


def sheet(
    observed: NDArray[np.uint8],
    variants: Iterable[tuple[str, NDArray[np.uint8]]],
    *,
    title: str,
    largest: int = LARGEST,
) -> NDArray[np.uint8]:
    """Lay out the input, plainly enlarged, and its variants, each above its label.

    Args:
        observed: The input, (h, w, 3).
        variants: Labels and pictures, (height, width, 3), all of one size; at least one.
        title: What stands above them.
        largest: The sheet's long side, in pixels, at most. Pictures are reduced to fit.

    Returns (H, W, 3), as near to a square as whole rows and columns allow.
    """
    variants = list(variants)
    height, width = variants[0][1].shape[:2]
    columns, width, height = _layout(len(variants) + 1, width, height, largest)
    rows = ceil((len(variants) + 1) / columns)
    gap, line = _spacing(width, height)

    paper = Image.new(
        "RGB",
        (columns * (width + gap) + gap, line + rows * (height + line + gap) + gap),
        (PAPER, PAPER, PAPER),
    )
    pen = ImageDraw.Draw(paper)
    font = ImageFont.load_default(0.7 * line)
    while font.getlength(title) > paper.width - 2 * gap and len(title) > 4:
        title = title[:-4] + "..."  # the font has few other signs
    pen.text((gap, (gap + line) // 2), title, (INK, INK, INK), font, anchor="lm")
    for place, (label, picture) in enumerate([("input", observed), *variants]):
        x = gap + place % columns * (width + gap)
        y = line + gap + place // columns * (height + line + gap)
        paper.paste(_resized(picture, width, height), (x, y))
        pen.text((x, y + height + line // 2), label, (INK, INK, INK), font, anchor="lm")
    return np.asarray(paper)


def reduced(
    picture: NDArray[np.uint8], variants: int, *, largest: int = LARGEST
) -> NDArray[np.uint8]:
    """A variant as small as a sheet of so many shows it: all that has to be remembered of it."""
    _, width, height = _layout(variants + 1, picture.shape[1], picture.shape[0], largest)
    return np.asarray(_resized(picture, width, height))


def write(sheet: NDArray[np.uint8], path: Path, xmp: bytes) -> None:
    """As a JPEG, whole or not at all. Raises OutputError."""
    with whole(path) as file:
        Image.fromarray(sheet).save(file, "JPEG", quality=QUALITY, xmp=xmp)


def _layout(count: int, width: int, height: int, largest: int) -> tuple[int, int, int]:
    """Columns, and the width and height of each picture, so that the sheet is not too large."""

    def squareness(columns: int) -> int:
        return max(columns * width, ceil(count / columns) * height)

    # The squarest; of two alike the one with fewer empty places.
    columns = min(range(1, count + 1), key=squareness)

    def long_side(width: int, height: int) -> int:
        gap, line = _spacing(width, height)
        rows = ceil(count / columns)
        return max(columns * (width + gap), line + rows * (height + line + gap)) + gap

    # More than once, as gaps and lines do not shrink in proportion.
    while (full := long_side(width, height)) > largest and max(width, height) > 1:
        width, height = (max(1, side * largest // full) for side in (width, height))
    return columns, width, height


def _spacing(width: int, height: int) -> tuple[int, int]:
    """The gap between pictures, and the height of a line of text, in pixels."""
    side = max(width, height)
    return 4 + side // 100, 16 + side // 40


def _resized(picture: NDArray[np.uint8], width: int, height: int) -> Image.Image:
    image = Image.fromarray(picture)
    if image.size == (width, height):
        return image
    return image.resize((width, height), Image.Resampling.LANCZOS)
