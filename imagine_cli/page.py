"""One HTML page on which pictures of one size are compared: no network, no other file."""

import html
import json
import os
import shlex
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from math import sqrt
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from . import picture
from .errors import OutputError, PictureError
from .evidence import EightBits, seen
from .whole import whole

TEMPLATE = Path(__file__).with_name("page.html")
LARGEST = 2**24  # pixels that a page shows of each picture; a phone has to hold several
HEAT = 2**20  # pixels of the heat map
THUMB = 320  # pixels along a small picture's longer side
INFERNO = ((0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164))
"""Five of matplotlib's 256 colours "inferno" (CC0), for this map and the one the page draws."""
BAND = 64  # rows of which differences are summed at a time


@dataclass(frozen=True)
class Shown:
    """A picture on the page, and what is said of it."""

    label: str
    picture: picture.Picture
    file: Path | None = None
    """Where it lies, if as it is seen; its own bytes are then embedded."""
    note: str = ""
    command: str = ""
    """What gives more like it."""
    varies: bool = True
    """Whether it is one of those to choose from, and counts in the heat map of differences."""


def compare(files: Sequence[Path], path: Path, *, overwrite: bool) -> None:
    """Write a page of any pictures of one size. Raises ImagineError, and then writes nothing."""
    if os.path.realpath(path) in {os.path.realpath(file) for file in files}:
        raise OutputError(f"{path} is also an input: choose another -o")
    if os.path.lexists(path) and not overwrite:
        raise OutputError(f"{path} exists: choose another -o, or use --overwrite")
    sizes = [_named(file, picture.size) for file in files]
    for file, size in zip(files, sizes, strict=True):
        if size != sizes[0]:
            raise PictureError(
                f"{file} has {size[0]} x {size[1]} pixels, and {files[0]} {sizes[0][0]} x "
                f"{sizes[0][1]}: only pictures of the same size can be compared"
            )
    shown = (Shown(file.name, _named(file, picture.read), file) for file in files)
    summary = f"{len(files)} pictures, {sizes[0][0]} × {sizes[0][1]}"
    write(path, "Compared", summary, shown)


def write(path: Path, title: str, summary: str, shown: Iterable[Shown], *, mark: str = "") -> None:
    """Write the page: all pictures, one held at a time, and the heat map of their differences.

    Args:
        path: The page, whole or not at all.
        title, summary: Plain text; what is special to HTML is escaped.
        shown: Pictures of one size; at least two.
        mark: What `marked` gives back for such a page; no "--" in it.
    """
    head, foot = TEMPLATE.read_text("utf-8").split("<!--pictures-->")
    for place, text in (("<!--title-->", title), ("<!--summary-->", summary)):
        head = head.replace(place, html.escape(text))
    cards: list[dict[str, Any]] = []
    heat = _Heat()
    width = height = 0
    with whole(path) as file:
        file.write((_first_line(mark) + head).encode("utf-8", "replace"))
        for one in shown:
            image = _image(one.picture)
            width, height = image.size
            if one.varies:
                heat.add(np.asarray(image.convert("RGB")))
            file.write(_layer(_embedded(one, image)))
            cards.append(_card(one.label, one.note, image, one, path.parent))
        if heat.count > 1:
            image, note = heat.image()
            file.write(_layer(_data("png", _encoded(image, "png"))))
            cards.append(_card("Differences", note, image))
        told = {"width": width, "height": height, "shared": _shared_note(cards), "heat": INFERNO}
        about = json.dumps(told | {"pictures": cards})
        file.write(foot.replace("<!--data-->", about.replace("<", "\\u003c")).encode("utf-8"))


def marked(path: Path) -> str | None:
    """The mark of a page that this program wrote; None for any other file."""
    start, end = _first_line("|").split("|")
    with open(path, encoding="utf-8", errors="replace") as file:
        line = file.readline(100_000)
    return line[len(start) : -len(end)] if line.startswith(start) and line.endswith(end) else None


def _first_line(mark: str) -> str:
    return f"<!doctype html><!-- imagine: {mark} -->\n"


def _named(file: Path, ask: Any) -> Any:
    try:
        return ask(file)
    except PictureError as error:
        raise PictureError(f"{file}: {error}") from error


def _image(of: picture.Picture) -> Image.Image:
    """The picture as large as a page may show it."""
    image = Image.fromarray(seen(of.pixels))
    if of.alpha is not None:
        image.putalpha(Image.fromarray(seen(of.alpha)))
    if of.about.icc:
        image.info["icc_profile"] = of.about.icc
    return _within(image, LARGEST)


def _within(image: Image.Image, pixels: int) -> Image.Image:
    share = sqrt(pixels / (image.width * image.height))
    if share >= 1:
        return image
    width, height = (max(1, int(side * share)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BOX)


def _embedded(one: Shown, image: Image.Image) -> Iterator[bytes]:
    """Its own bytes, if every browser shows them as they are meant, else a PNG."""
    if one.file and one.picture.pixels.shape[1::-1] == image.size:
        with Image.open(one.file) as stored:  # nothing is decoded
            kind, frames = (stored.format or "").lower(), getattr(stored, "n_frames", 1)
            plain = frames == 1 and stored.mode != "CMYK"
        if kind in ("png", "webp", "jpeg") and plain:
            return _data(kind, one.file.read_bytes())
    return _data("png", _encoded(image, "png"))


def _layer(source: Iterable[bytes]) -> bytes:
    return b'<div class="layer" hidden><img alt="" src="%s"></div>\n' % b"".join(source)


def _data(kind: str, content: bytes) -> Iterator[bytes]:
    yield f"data:image/{kind};base64,".encode()
    yield b64encode(content)


def _encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, icc_profile=image.info.get("icc_profile", b""), **options)
    return buffer.getvalue()


def _card(
    label: str,
    note: str,
    image: Image.Image,
    shown: Shown | None = None,
    folder: Path | None = None,
) -> dict[str, Any]:
    """What the page's script is told of a picture; of differences there is nothing `shown`."""
    small = image.convert("RGBA" if image.mode == "RGBA" else "RGB")
    small.thumbnail((THUMB, THUMB), reducing_gap=2)
    thumb = b"".join(_data("webp", _encoded(small, "webp", quality=80))).decode()
    card = {"label": label, "note": note, "thumb": thumb, "varies": bool(shown and shown.varies)}
    if shown and shown.command:
        card["command"] = shown.command
    if shown and shown.file:
        with suppress(ValueError):  # on another drive there is no way there
            there = Path(os.path.relpath(shown.file, folder)).as_posix()
            card |= {"file": shlex.quote(str(shown.file)), "link": quote(os.fsencode(there))}
    return card


def _shared_note(cards: list[dict[str, Any]]) -> str:
    """What is true of all that are to choose from; it is taken off their cards."""
    chosen = [card for card in cards if card["varies"]]
    if len(chosen) < 2 or len({card["note"] for card in chosen}) > 1:
        return ""
    note = str(chosen[0]["note"])
    for card in chosen:
        card["note"] = ""
    return note


class _Heat:
    """How much pictures differ from pixel to pixel, gathered one picture at a time (Welford)."""

    def __init__(self) -> None:
        self.count = 0
        self._mean: NDArray[np.float32] = np.zeros(0, np.float32)
        self._squares: NDArray[np.float32] = np.zeros(0, np.float32)

    def add(self, pixels: EightBits) -> None:
        if not self.count:
            self._mean = np.zeros(pixels.shape, np.float32)
            self._squares = np.zeros(pixels.shape[:2], np.float32)
        self.count += 1
        for top in range(0, len(pixels), BAND):
            band = slice(top, top + BAND)
            off = pixels[band] - self._mean[band]
            self._mean[band] += off / self.count
            self._squares[band] += (off * (pixels[band] - self._mean[band])).sum(2)

    def deviation(self) -> NDArray[np.float32]:
        """Standard deviation over the pictures, (height, width), in levels of 255."""
        deviation: NDArray[np.float32] = np.sqrt(self._squares / (3 * self.count))
        return deviation

    def image(self) -> tuple[Image.Image, str]:
        """The map, from black over red to pale yellow, and what its brightest means."""
        values = np.asarray(_within(Image.fromarray(self.deviation()), HEAT))
        brightest = float(np.quantile(values, 0.995))
        if brightest < 0.05:
            brightest, note = 1.0, "there are none"
        else:
            note = f"black: the same everywhere; brightest: ±{brightest:.1f} of 255"
        levels = np.rint(values / brightest * 255).clip(0, 255).astype(np.uint8)
        image = Image.fromarray(levels)
        image.putpalette(_palette())
        return image, note


def _palette() -> bytes:
    """All 256 colours of the heat map."""
    places = np.linspace(0, len(INFERNO) - 1, 256)
    planes = [np.interp(places, range(len(INFERNO)), plane) for plane in zip(*INFERNO, strict=True)]
    return np.stack(planes, 1).astype(np.uint8).tobytes()
