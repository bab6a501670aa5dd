"""One picture's turn: from its file to the files of its variants and their sheet."""

import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from . import gallery, picture
from .downscaled import Downscaled
from .errors import OutputError, PictureError
from .evidence import Agreement, EightBits, Evidence, Pixels
from .files import Source
from .jpeg import JpegCoded
from .model import Model
from .noise import Like
from .variants import Progress, imagine
from .wish import Wish


@dataclass(frozen=True)
class Done:
    """A result that lies on the disk: a variant, or (without a seed) the sheet."""

    path: Path
    seed: int | None
    width: int
    height: int
    agreement: Agreement | None = None
    """None where it lay there before."""
    seconds: float = 0.0


@dataclass(frozen=True)
class Opened:
    """A picture that is ready to be imagined: its evidence, and how to write what comes of it."""

    evidence: Evidence
    upright: Callable[[EightBits], EightBits]
    write: Callable[[EightBits, Path], None]
    warnings: tuple[str, ...]


def work(
    source: Source,
    wish: Wish,
    inputs: Collection[str],
    model: Callable[[], Model],
    *,
    warn: Callable[[str], None],
    progress: Progress,
) -> Iterator[Done]:
    """What there is already, then each variant as it is written, then the sheet.

    `inputs` are real paths that are never written to; `model` is called only if it is needed.
    Raises ImagineError. All that can be seen to fail beforehand fails before anything is computed.
    """
    results = {seed: source.result(wish.name(seed), wish.format) for seed in wish.seeds}
    sheet = source.result(wish.name("sheet"), wish.format) if wish.sheet else None
    width, height = (side * wish.scale for side in picture.size(source.path))
    _check_size(width, height, wish)
    _check_results([*results.values(), *([sheet] if sheet else [])], inputs)

    missing = [seed for seed, result in results.items() if wish.overwrite or not result.exists()]
    for seed, result in results.items():
        if seed not in missing:
            yield Done(result, seed, width, height)
    if not missing and (sheet is None or (sheet.exists() and not wish.overwrite)):
        return

    opened = _open_small(source.path, wish) if wish.task == "upscale" else _open_jpeg(source.path)
    for warning in opened.warnings:
        warn(warning)
    shown: dict[int, EightBits] = {}
    told = None
    like = None if wish.like is None else Like(wish.like, wish.spread)
    variants = (
        imagine(opened.evidence, model(), missing, like=like, progress=progress) if missing else ()
    )
    for variant in variants:
        opened.write(variant.picture, results[variant.seed])
        if sheet:
            shown[variant.seed] = gallery.reduced(opened.upright(variant.picture), len(results))
        if variant.agreement.shortfall not in (None, told):
            told = variant.agreement.shortfall
            warn(str(told))
        yield Done(
            results[variant.seed], variant.seed, width, height, variant.agreement, variant.seconds
        )
        del variant  # a large picture goes before the next one comes
    if sheet:
        for seed in set(results) - set(shown):
            shown[seed] = gallery.reduced(picture.read(results[seed]).pixels, len(results))
        observed = opened.upright(_eight_bits(opened.evidence.observed))
        made = gallery.sheet(observed, [(f"seed {seed}", shown[seed]) for seed in results])
        picture.write(made, sheet)
        yield Done(sheet, None, made.shape[1], made.shape[0])


def _open_small(path: Path, wish: Wish) -> Opened:
    read = picture.read(path)
    alpha = None
    if read.alpha is not None:
        size = read.alpha.shape[1] * wish.scale, read.alpha.shape[0] * wish.scale
        alpha = np.asarray(Image.fromarray(read.alpha).resize(size, Image.Resampling.LANCZOS))

    def write(variant: EightBits, file: Path) -> None:
        picture.write(variant, file, alpha=alpha, grey=read.grey, icc=read.icc, exif=read.exif)

    evidence = Downscaled(read.pixels, wish.scale, wish.kernel, grey=read.grey or None)
    return Opened(evidence, lambda pixels: pixels, write, read.warnings)


def _open_jpeg(path: Path) -> Opened:
    evidence = JpegCoded.from_file(path)
    about = picture.metadata(path)

    def upright(pixels: EightBits) -> EightBits:
        return picture.upright(pixels, about.orientation)

    def write(variant: EightBits, file: Path) -> None:
        picture.write(upright(variant), file, grey=evidence.grey, icc=about.icc, exif=about.exif)

    return Opened(evidence, upright, write, about.warnings)


def _check_size(width: int, height: int, wish: Wish) -> None:
    picture.check_writable_size(width, height, wish.format)
    if width * height > wish.max_pixels:
        smaller = "a smaller --scale or " if wish.scale > 2 else ""
        raise PictureError(
            f"the result would have {width} x {height} pixels, more than --max-pixels "
            f"({wish.max_pixels:,}): use {smaller}a larger --max-pixels"
        )


def _check_results(results: list[Path], inputs: Collection[str]) -> None:
    for result in results:
        if os.path.realpath(result) in inputs:
            raise OutputError(f"its result {result} is itself an input: choose a folder with -o")
    folder = results[0].parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise OutputError(f"{folder} is no folder: choose another with -o")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"the folder {folder} may not be written to: choose another with -o")


def _eight_bits(pixels: Pixels) -> EightBits:
    return np.rint(pixels * 255).clip(0, 255).astype(np.uint8)
