"""One picture's turn: from its file to those of its variants, and what shows them together."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from functools import cached_property
from pathlib import Path

import numpy as np

from . import beforehand, choose, gallery, page, picture
from .canvas import Canvas, bands, canvas
from .card import Model
from .choices import Task
from .errors import OutputError, PictureError
from .evidence import Agreement, EightBits, white
from .files import Source
from .gallery import looked_at
from .opened import Opened, opening
from .origin import Origin
from .request import Request
from .results import seed_tag
from .seeds import Seed, name
from .timings import part
from .variants import Progress, Variant


class Kind(Enum):
    """What a result shows: one variant, or all of them together."""

    variant = auto()
    mean = auto()
    sheet = auto()
    page = auto()


@dataclass(frozen=True)
class Done:
    """A result that lies on the disk."""

    kind: Kind
    path: Path
    width: int
    height: int
    made: bool = True
    """Whether it was made now; False if it lay there before."""
    seed: Seed | None = None
    """Of a variant."""
    agreement: Agreement | None = None
    """Of a variant or mean that was made now."""
    seconds: float = 0.0


def work(
    source: Source,
    request: Request,
    inputs: Collection[str],
    model: Callable[[Task], Model],
    made_of: Callable[[], Origin],
    *,
    warn: Callable[[str], None],
    progress: Progress,
    drawn: Callable[[], None],
) -> Iterator[Done]:
    """What there is already, each variant as it is written, then what shows them together.

    Where fewer are kept than drawn, all are drawn first, and `drawn` is told of each. `inputs` are
    real paths that are never written to; `model` gives that of a task, and is called only if it is
    needed. `made_of` tells what results are made of, but for their seeds: what lies there and was
    made otherwise is an error. Raises ImagineError. All that can be seen to fail beforehand fails
    before anything is computed.
    """
    turn = _Turn(source, request, model, made_of, warn, progress)
    turn.check(inputs)
    seeds = turn.chosen(drawn) if request.draw.pool else request.draw.seeds
    missing = [seed for seed in seeds if not turn.is_there(seed)]
    mean_is_missing = request.output.mean and turn.is_missing(turn.mean_file(seeds), seeds)
    sheet_is_missing = request.output.sheet and turn.is_missing(turn.sheet_file(seeds), seeds)
    yield from (turn.found(seed) for seed in seeds if seed not in missing)
    yield from turn.write_variants(missing, seeds)
    if request.output.mean:
        made = missing or mean_is_missing
        yield turn.write_mean(seeds) if made else turn.found_mean(seeds)
    if request.output.sheet:
        made = missing or sheet_is_missing
        yield turn.write_sheet(seeds) if made else turn.found_sheet(seeds)
    if request.output.page:
        made = missing or turn.page_is_missing(seeds)
        yield turn.write_page(seeds) if made else turn.found_page(seeds)


@dataclass
class _Turn:
    """What the phases of one picture's turn share."""

    source: Source
    request: Request
    model: Callable[[Task], Model]
    tell_origin: Callable[[], Origin]
    warn: Callable[[str], None]
    progress: Progress
    shown: dict[Seed, EightBits] = field(default_factory=dict)
    """Variants made now, as small as the sheet has them."""

    @cached_property
    @part("decoding")
    def opened(self) -> Opened:
        opened = opening(self.source.path, self.request, self._folder)
        for warning in opened.warnings:
            self.warn(warning)
        return opened

    @cached_property
    def size(self) -> tuple[int, int]:
        """Width and height of a variant."""
        width, height = picture.size(self.source.path)
        return width * self.request.scale, height * self.request.scale

    @property
    def _folder(self) -> Path:
        """Where results go, and what is too large to be held meanwhile."""
        return self.source.results.folder

    @cached_property
    def _origin(self) -> Origin:
        return self.tell_origin()

    def made_of(self, seeds: Iterable[Seed]) -> Origin:
        return replace(self._origin, seed=" ".join(name(seed) for seed in seeds))

    # Names.

    def variant_file(self, seed: Seed) -> Path:
        return self.source.results.variant(seed, self.request.output.format)

    def mean_file(self, seeds: Sequence[Seed]) -> Path:
        return self.source.results.mean(seeds, self.request.output.format)

    def sheet_file(self, seeds: Sequence[Seed]) -> Path:
        return self.source.results.sheet(seeds)

    def page_file(self, seeds: Sequence[Seed]) -> Path:
        return self.source.results.page(seeds)

    # Before anything is computed.

    def check(self, inputs: Collection[str]) -> None:
        seeds, output = self.request.draw.seeds, self.request.output
        beforehand.check_size(*self.size, self.request)
        results = [self.variant_file(seed) for seed in seeds]
        results += [self.mean_file(seeds)] * output.mean
        results += [self.sheet_file(seeds)] * output.sheet
        results += [self.page_file(seeds)] * output.page
        beforehand.check_results(results, inputs)
        if output.page and not output.overwrite:
            beforehand.check_page(self.page_file(seeds))

    def is_there(self, seed: Seed) -> bool:
        if self.request.output.overwrite:
            return False
        return beforehand.there(self.variant_file(seed), self.made_of([seed]))

    def is_missing(self, file: Path, seeds: Sequence[Seed]) -> bool:
        """Whether a mean or sheet is to be made, or made again because it is of other seeds."""
        return self.request.output.overwrite or not beforehand.there(
            file, self.made_of(seeds), again=True
        )

    def page_is_missing(self, seeds: Sequence[Seed]) -> bool:
        file = self.page_file(seeds)
        return not file.exists() or page.marked(file) != self._mark(seeds)

    # The phases.

    def imagined(self, seeds: Sequence[Seed], before: int) -> Iterator[Variant]:
        """Those of the seeds; so many of the picture's variants are done already."""
        self.opened.check_writable(*self.size)
        return self.opened.variants(self.model, seeds, lambda done: self.progress(before + done))

    def chosen(self, drawn: Callable[[], None]) -> list[Seed]:
        """The seeds of the pool that differ most.

        Only fingerprints are held: the variants that are kept are imagined again.
        """
        seeds, fingerprints = [], []
        for variant in self.imagined(self.request.draw.seeds, before=0):
            seeds.append(variant.seed)
            fingerprints.append(choose.fingerprint(looked_at(variant.rows)))
            del variant  # a large picture goes before the next one comes
            drawn()
        return [seeds[place] for place in choose.farthest(fingerprints, self.request.draw.keep)]

    def found(self, seed: Seed) -> Done:
        return Done(Kind.variant, self.variant_file(seed), *self.size, made=False, seed=seed)

    def found_mean(self, seeds: Sequence[Seed]) -> Done:
        return Done(Kind.mean, self.mean_file(seeds), *self.size, made=False)

    def found_sheet(self, seeds: Sequence[Seed]) -> Done:
        file = self.sheet_file(seeds)
        return Done(Kind.sheet, file, *picture.size(file), made=False)

    def found_page(self, seeds: Sequence[Seed]) -> Done:
        return Done(Kind.page, self.page_file(seeds), *self.size, made=False)

    def write_variants(self, missing: Sequence[Seed], seeds: Sequence[Seed]) -> Iterator[Done]:
        """Those that are missing of all, imagined and written, one after another."""
        told, before = None, self.request.draw.pool + len(seeds) - len(missing)
        for variant in self.imagined(missing, before) if missing else ():
            file = self.variant_file(variant.seed)
            with part("writing"):
                self.opened.write(variant.rows, file, self.made_of([variant.seed]))
            if self.request.output.sheet:
                upright = self.opened.upright(looked_at(variant.rows))
                self.shown[variant.seed] = gallery.reduced(np.asarray(upright), len(seeds))
            if variant.agreement.shortfall not in (None, told):
                told = variant.agreement.shortfall
                self.warn(str(told))
            yield Done(
                Kind.variant,
                file,
                *self.size,
                seed=variant.seed,
                agreement=variant.agreement,
                seconds=variant.seconds,
            )
            del variant  # a large picture goes before the next one comes

    @part("mean")
    def write_mean(self, seeds: Sequence[Seed]) -> Done:
        """The mean of the variants on the disk, made to agree as each of them does."""
        began, file = time.perf_counter(), self.mean_file(seeds)
        observed = self.opened.evidence.observed
        between = self.opened.evidence.render(self._summed(seeds, white(observed) * len(seeds)))
        agreement = self.opened.evidence.agreement(between)
        self.opened.write(between, file, self.made_of(seeds))
        seconds = time.perf_counter() - began
        return Done(Kind.mean, file, *self.size, agreement=agreement, seconds=seconds)

    def _summed(self, seeds: Sequence[Seed], unit: int) -> Canvas:
        """The sum of the variants on the disk, as the evidence has them, in `unit`s."""
        evidence = self.opened.evidence
        height, width = (side * evidence.factors[-1] for side in evidence.observed.shape[:2])
        total = canvas((height, width, 3), np.float32, self._folder)
        for number, seed in enumerate(seeds):
            read = self.opened.stored(self._read(seed).pixels)
            for rows in bands(total):
                share = read[rows] / np.float32(unit)
                total[rows] = total[rows] + share if number else share
        return total

    @part("sheet")
    def write_sheet(self, seeds: Sequence[Seed]) -> Done:
        for seed in seeds:
            if seed not in self.shown:
                there = looked_at(picture.read(self.variant_file(seed)).pixels)
                self.shown[seed] = gallery.reduced(there, len(seeds))
        observed = np.asarray(self.opened.upright(looked_at(self.opened.evidence.observed)))
        shown = [(_label(seed), self.shown[seed]) for seed in seeds]
        laid_out = gallery.sheet(observed, shown, title=self._title())
        file = self.sheet_file(seeds)
        gallery.write(laid_out, file, self.made_of(seeds).xmp())
        return Done(Kind.sheet, file, laid_out.shape[1], laid_out.shape[0])

    def _title(self) -> str:
        """What stands above a sheet: the file, what was done with it, and by which model."""
        request = self.request
        done = f"x{request.scale}, {request.kernel}" if request.kernel else "decompressed"
        return f"{self.source.path.name}, {done}, {request.model}"

    @part("page")
    def write_page(self, seeds: Sequence[Seed]) -> Done:
        file = self.page_file(seeds)
        summary = f"{len(seeds)} of the pictures that agree with it. What they add is imagined."
        title, mark = self.source.path.name, self._mark(seeds)
        page.write(file, title, summary, self._on_the_page(seeds), mark=mark)
        return Done(Kind.page, file, *self.size)

    def _mark(self, seeds: Sequence[Seed]) -> str:
        """What a page says of itself: which variants it shows, and what they were made of."""
        shown = " ".join(seed_tag(seed) for seed in seeds)
        return f"{shown} {self._origin.input_sha256} {self._origin.model_sha256}"

    def _on_the_page(self, seeds: Sequence[Seed]) -> Iterator[page.Shown]:
        """The input, and every variant as it lies on the disk."""
        scale = self.request.scale
        plain = f"{self.size[0] // scale} × {self.size[1] // scale}"
        plain += ", plainly enlarged" if scale > 1 else ", plainly decoded"
        yield page.Shown("Input", self.opened.plain(), note=plain, varies=False)
        for seed in seeds:
            read = self._read(seed)
            note = str(self.opened.agreement(read.pixels))
            more = self.request.more_like(seed, self.source.named, self.source.results.folder)
            yield page.Shown(_label(seed), read, self.variant_file(seed), note, more)

    def _read(self, seed: Seed) -> picture.Picture:
        """A variant that was written, now or before."""
        file = self.variant_file(seed)
        try:
            read = picture.read(file, deep=self.opened.evidence.observed.dtype != np.uint8)
        except PictureError as error:
            raise OutputError(f"{file}: {error}; use --overwrite to make it again") from error
        if read.pixels.shape[1::-1] != self.size:
            raise OutputError(f"{file} has another size; use --overwrite to make it again")
        return read


def _label(seed: Seed) -> str:
    return f"seed {name(seed)}"
