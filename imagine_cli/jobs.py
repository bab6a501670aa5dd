"""One picture's turn: from its file to those of its variants, and what shows them together."""

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, reduce
from pathlib import Path

import numpy as np
from PIL import Image

from . import choose, gallery, origin, page, picture
from .colours import translated
from .downscaled import Downscaled
from .errors import OutputError, PictureError
from .evidence import Agreement, EightBits, Evidence, Pixels
from .files import Source
from .jpeg import JpegCoded
from .model import Model
from .origin import Origin
from .seeds import Seed, name, tag
from .variants import Progress, Variant, imagine
from .wish import Wish


@dataclass(frozen=True)
class Done:
    """A result that lies on the disk: a variant, or (without a seed) mean, sheet or page."""

    path: Path
    seed: Seed | None
    width: int
    height: int
    agreement: Agreement | None = None
    """None where it lay there before, and of sheet and page."""
    seconds: float = 0.0


@dataclass(frozen=True)
class Opened:
    """A picture that is ready to be imagined: its evidence, and how to write what comes of it."""

    evidence: Evidence
    icc: bytes | None
    upright: Callable[[EightBits], EightBits]
    stored: Callable[[EightBits], EightBits]
    """Undoes `upright`: a written picture as the evidence sees it."""
    write: Callable[[EightBits, Path, Origin], None]
    plain: Callable[[], picture.Picture]
    """The input, as large as a variant."""
    warnings: tuple[str, ...]


def work(
    source: Source,
    wish: Wish,
    inputs: Collection[str],
    model: Callable[[], Model],
    made: Callable[[], Origin],
    *,
    warn: Callable[[str], None],
    progress: Progress,
    drawn: Callable[[], None],
) -> Iterator[Done]:
    """What there is already, each variant as it is written, then what shows them together.

    Where fewer are kept than drawn, all are drawn first, and `drawn` is told of each. `inputs` are
    real paths that are never written to; `model` is called only if it is needed. `made` tells what
    results are made of, but for their seeds: what lies there and was made otherwise is an error.
    Raises ImagineError. All that can be seen to fail beforehand fails before anything is computed.
    """
    results = {seed: source.result(tag(seed), wish.format) for seed in wish.seeds}
    mean = source.result(wish.together("mean"), wish.format) if wish.mean else None
    sheet = source.result(wish.together("sheet"), wish.format) if wish.sheet else None
    html = source.result(wish.together(), "html") if wish.gallery else None
    width, height = (side * wish.scale for side in picture.size(source.path))
    _check_size(width, height, wish)
    _check_results([path for path in (*results.values(), mean, sheet, html) if path], inputs)
    _check_page(html, wish)
    basis = made()

    def made_of(seeds: Iterable[Seed]) -> Origin:
        return replace(basis, seed=" ".join(name(seed) for seed in seeds))

    @cache
    def opened() -> Opened:
        it = _open_small(source.path, wish) if wish.task == "upscale" else _open_jpeg(source.path)
        for warning in it.warnings:
            warn(warning)
        return it

    def drawn_from(seeds: Sequence[Seed]) -> Iterator[Variant]:
        seeing = translated(model(), opened().icc)
        return imagine(opened().evidence, seeing, seeds, progress=progress)

    if wish.keep < len(wish.seeds):
        pool = drawn_from(wish.seeds)
        results = {seed: results[seed] for seed in _differing(pool, wish.keep, drawn)}

    missing = [
        seed
        for seed, result in results.items()
        if wish.overwrite or not _there(result, made_of([seed]))
    ]
    mean_there = mean and not wish.overwrite and _there(mean, made_of(results), again=True)
    sheet_there = sheet and not wish.overwrite and _there(sheet, made_of(results), again=True)
    for seed, result in results.items():
        if seed not in missing:
            yield Done(result, seed, width, height)
    shown: dict[Seed, EightBits] = {}
    told = None
    for variant in drawn_from(missing) if missing else ():
        opened().write(variant.picture, results[variant.seed], made_of([variant.seed]))
        if sheet:
            shown[variant.seed] = gallery.reduced(opened().upright(variant.picture), len(results))
        if variant.agreement.shortfall not in (None, told):
            told = variant.agreement.shortfall
            warn(str(told))
        yield Done(
            results[variant.seed], variant.seed, width, height, variant.agreement, variant.seconds
        )
        del variant  # a large picture goes before the next one comes
    if mean and (missing or not mean_there):
        began = time.perf_counter()
        between = _mean(opened(), results, (width, height))
        agreement = opened().evidence.agreement(between)
        opened().write(between, mean, made_of(results))
        yield Done(mean, None, width, height, agreement, time.perf_counter() - began)
        del between
    if sheet and (missing or not sheet_there):
        for seed in set(results) - set(shown):
            shown[seed] = gallery.reduced(picture.read(results[seed]).pixels, len(results))
        observed = opened().upright(_eight_bits(opened().evidence.observed))
        laid_out = gallery.sheet(observed, [(_label(seed), shown[seed]) for seed in results])
        picture.write(laid_out, sheet, xmp=made_of(results).xmp())
        yield Done(sheet, None, laid_out.shape[1], laid_out.shape[0])
    mark = " ".join(tag(seed) for seed in results) + f" {basis.input_sha256} {basis.model_sha256}"
    if html and (missing or not html.exists() or page.marked(html) != mark):
        summary = f"{len(results)} of the pictures that agree with it. What they add is imagined."
        pictures = _shown(opened(), source, wish, results, (width, height))
        page.write(html, source.path.name, summary, pictures, mark=mark)
        yield Done(html, None, width, height)


def _differing(variants: Iterator[Variant], count: int, drawn: Callable[[], None]) -> list[Seed]:
    """The seeds of those that differ most. Only fingerprints are held: they are imagined again."""
    seeds, fingerprints = [], []
    for variant in variants:
        seeds.append(variant.seed)
        fingerprints.append(choose.fingerprint(variant.picture))
        del variant  # a large picture goes before the next one comes
        drawn()
    return [seeds[place] for place in choose.farthest(fingerprints, count)]


def _shown(
    opened: Opened, source: Source, wish: Wish, results: dict[Seed, Path], size: tuple[int, int]
) -> Iterator[page.Shown]:
    """The input, and every variant as it lies on the disk."""
    plain = f"{size[0] // wish.scale} × {size[1] // wish.scale}"
    plain += ", plainly enlarged" if wish.scale > 1 else ", plainly decoded"
    yield page.Shown("Input", opened.plain(), note=plain, varies=False)
    for seed, path in results.items():
        read = _written(path, size)
        note = str(opened.evidence.agreement(opened.stored(read.pixels)))
        more = wish.more_like(seed, source.path, source.results.parent)
        yield page.Shown(_label(seed), read, path, note, more)


def _mean(opened: Opened, results: dict[Seed, Path], size: tuple[int, int]) -> EightBits:
    """The mean of the variants on the disk, made to agree as each of them does."""
    shares = (
        opened.stored(_written(path, size).pixels) / np.float32(255 * len(results))
        for path in results.values()
    )
    return opened.evidence.eight_bits(reduce(np.add, shares))


def _there(result: Path, wanted: Origin, *, again: bool = False) -> bool:
    """Whether a result lies there already. `again`: one of other seeds is to be made again.

    Raises OutputError where another file, or a result of other things, has its name.
    """
    if not result.is_file():
        return False
    found = origin.read(result)
    differs = wanted.differs(found) if found else "it does not say what it was made of"
    if found and again and differs == "other seeds":
        return False
    if differs:
        raise OutputError(
            f"{result} is there, of something else ({differs}): --overwrite makes it again, "
            "-o puts results elsewhere"
        )
    return True


def _written(path: Path, size: tuple[int, int]) -> picture.Picture:
    try:
        read = picture.read(path)
    except PictureError as error:
        raise OutputError(f"{path}: {error}; --overwrite makes it again") from error
    if read.pixels.shape[1::-1] != size:
        raise OutputError(f"{path} is of another size: --overwrite makes it again")
    return read


def _label(seed: Seed) -> str:
    return f"seed {name(seed)}"


def _open_small(path: Path, wish: Wish) -> Opened:
    read = picture.read(path)
    alpha = None
    if read.alpha is not None:
        size = read.alpha.shape[1] * wish.scale, read.alpha.shape[0] * wish.scale
        alpha = np.asarray(Image.fromarray(read.alpha).resize(size, Image.Resampling.LANCZOS))

    def write(variant: EightBits, file: Path, made: Origin) -> None:
        picture.write(
            variant, file, alpha=alpha, grey=read.grey, icc=read.icc, exif=read.exif, xmp=made.xmp()
        )

    def plain() -> picture.Picture:
        height, width = (side * wish.scale for side in read.pixels.shape[:2])
        image = Image.fromarray(read.pixels).resize((width, height), Image.Resampling.LANCZOS)
        return replace(read, pixels=np.asarray(image), alpha=alpha)

    evidence = Downscaled(read.pixels, wish.scale, wish.kernel, grey=read.grey or None)
    return Opened(evidence, read.icc, _same, _same, write, plain, read.warnings)


def _open_jpeg(path: Path) -> Opened:
    evidence = JpegCoded.from_file(path)
    about = picture.metadata(path)

    def upright(pixels: EightBits) -> EightBits:
        return picture.upright(pixels, about.orientation)

    def write(variant: EightBits, file: Path, made: Origin) -> None:
        picture.write(
            upright(variant),
            file,
            grey=evidence.grey,
            icc=about.icc,
            exif=about.exif,
            xmp=made.xmp(),
        )

    def stored(pixels: EightBits) -> EightBits:
        back = {6: 8, 8: 6}.get(about.orientation, about.orientation)  # undoes the turn
        return np.ascontiguousarray(picture.upright(pixels, back))

    def plain() -> picture.Picture:
        pixels = np.ascontiguousarray(upright(_eight_bits(evidence.observed)))
        return picture.Picture(pixels, None, evidence.grey, about.icc, None, ())

    return Opened(evidence, about.icc, upright, stored, write, plain, about.warnings)


def _same(pixels: EightBits) -> EightBits:
    return pixels


def _check_size(width: int, height: int, wish: Wish) -> None:
    picture.check_writable_size(width, height, wish.format)
    if width * height > wish.max_pixels:
        smaller = "a smaller --scale or " if wish.scale > 2 else ""
        raise PictureError(
            f"the result would have {width} x {height} pixels, more than --max-pixels "
            f"({wish.max_pixels:,}): use {smaller}a larger --max-pixels"
        )


def _check_page(html: Path | None, wish: Wish) -> None:
    """A page of ours is made again when other variants are asked for; another file is not ours."""
    if html and html.exists() and not wish.overwrite and page.marked(html) is None:
        raise OutputError(f"{html} is there, and is no page of variants: move it, or --overwrite")


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
