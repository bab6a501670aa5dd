"""Pictures to crops and their evidence: what one step of training sees."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from io import BytesIO

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from imagine_cli.jpeg import condition_vector
from imagine_cli.resampling import KERNELS

from .operators import Coded, Shrunk, shrink
from .presets import Preset

VALIDATION_BATCH = 4  # pictures


@dataclass
class Step:
    """What one level is trained on: an input window, what was observed there, and what is known.

    `window` cuts the level's input out of the whole input, or out of the level before;
    `agree` is the projection; `condition` (n, c).
    """

    window: tuple[slice, slice]
    target: Tensor
    agree: Shrunk | Coded
    condition: Tensor
    forced: Tensor | None = None  # (n, 1, 1, 1): whose input is the truth (teacher forcing)

    def repeated(self, times: int) -> "Step":
        """What is known, for so many rounds of the pictures: for codes that are tried together."""
        condition = self.condition.repeat(times, 1)
        return replace(self, agree=self.agree.repeated(times), condition=condition)


@dataclass
class Batch:
    observed: Tensor  # the first level's input: (n, 3, h, w) in [0, 1]
    steps: list[Step]

    def given(self, level: int, handed_on: Tensor) -> Tensor:
        """A level's input: its window of what the last level handed on or, if forced, of what
        that one should have."""
        step = self.steps[level]
        if step.forced is not None:
            handed_on = torch.where(step.forced, self.steps[level - 1].target, handed_on)
        return handed_on[..., *step.window]


def random_batch(
    pictures: list[NDArray[np.uint8]],
    preset: Preset,
    rng: np.random.Generator,
    part: range,
    device: torch.device | str = "cpu",
) -> Batch:
    """Random pictures, crops, flips, and evidence: those of the batch's numbers in `part`.

    What a picture is given depends on `rng` and its number alone, whatever part it is in; so the
    parts of processes, or of a batch that is too large for memory, put together are the batch.
    """
    if preset.later_starts and rng.random() < preset.later_starts:
        preset = _starting_later(preset, int(rng.integers(1, len(preset.levels) - 1)))
    pictures = [one for one in pictures if min(one.shape[:2]) >= preset.crop]
    chosen = rng.integers(len(pictures), size=preset.batch)
    every = rng.spawn(preset.batch)
    own = [every[number] for number in part]
    crops = [
        _turned(_cropped(pictures[chosen[number]], preset.crop, one), one)
        for number, one in zip(part, own, strict=True)
    ]
    return batch_of(crops, preset, rng, own, device)


def _starting_later(preset: Preset, doublings: int) -> Preset:
    """For the first levels alone, on pictures so many times twice as large.

    So they learn what a photograph is that someone enlarges by 4, and not only what is left of one
    that was made small by 16; and a picture too small for the whole chain is of use.
    """
    return replace(
        preset, levels=preset.levels[:-doublings], crop=preset.crop >> doublings, later_starts=0.0
    )


def smallest_crop(preset: Preset) -> int:
    """The sides that a picture needs to be of use."""
    return preset.crop >> (max(0, len(preset.levels) - 2) if preset.later_starts else 0)


def fixed_batches(
    pictures: list[NDArray[np.uint8]], preset: Preset, device: torch.device | str = "cpu"
) -> Iterator[Batch]:
    """Every picture once, the same whole crops and evidence each time: for validation."""
    levels = tuple(replace(shape, window=0) for shape in preset.levels)
    for start in range(0, len(pictures), VALIDATION_BATCH):
        rng = np.random.default_rng([start, 77])
        some = pictures[start : start + VALIDATION_BATCH]
        crops = [_cropped(picture, preset.crop, rng) for picture in some]
        whole = replace(preset, levels=levels, teacher_forcing=0.0)
        yield batch_of(crops, whole, rng, device=device)


def batch_of(
    crops: list[NDArray[np.uint8]],
    preset: Preset,
    rng: np.random.Generator,
    own: Sequence[np.random.Generator] | None = None,
    device: torch.device | str = "cpu",
) -> Batch:
    """Crops with evidence: `rng` draws what they share, `own` what each has for itself."""
    pictures = torch.from_numpy(np.stack(crops)).to(device).permute(0, 3, 1, 2).float() / 255
    if preset.task == "upscale":
        return _shrunk(pictures, preset, rng, own or rng.spawn(len(crops)))
    return _coded(pictures, crops, rng, own or rng.spawn(len(crops)))


def _cropped(picture: NDArray[np.uint8], side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    top = rng.integers(picture.shape[0] - side + 1)
    left = rng.integers(picture.shape[1] - side + 1)
    return picture[top : top + side, left : left + side]


def _turned(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    turned = np.rot90(picture, int(rng.integers(4)))
    return turned[:, ::-1] if rng.integers(2) else turned


# Bicubic is what most software shrinks by; the others keep the model honest about them.
_KERNEL_SHARES = {"box": 0.1, "bilinear": 0.1, "hamming": 0.1, "bicubic": 0.55, "lanczos": 0.15}


def _shrunk(
    pictures: Tensor,
    preset: Preset,
    rng: np.random.Generator,
    own: Sequence[np.random.Generator],
) -> Batch:
    kernel = str(rng.choice(KERNELS, p=[_KERNEL_SHARES[kernel] for kernel in KERNELS]))
    condition = torch.zeros(len(pictures), len(KERNELS), device=pictures.device)
    condition[:, KERNELS.index(kernel)] = 1
    scale = preset.factors[-1]
    observed = torch.round(shrink(pictures, scale, kernel).clamp(0, 1) * 255) / 255
    top = left = 0  # of the level's input window, in its pixels
    side = observed.shape[-1]
    steps: list[Step] = []
    factor = 1  # of the level's input to the small picture
    for shape in preset.levels:
        cut = min(shape.window or side, side)
        # Windows begin and end on the small picture's pixels, so that the evidence is exact.
        down, right = (factor * int(x) for x in rng.integers((side - cut) // factor + 1, size=2))
        window = slice(down, down + cut), slice(right, right + cut)
        enlarge = shape.enlarge
        top, left, side = enlarge * (top + down), enlarge * (left + right), enlarge * cut
        factor *= enlarge
        target = shrink(pictures, scale // factor, kernel)
        target = target[..., top : top + side, left : left + side]
        step = Step(window, target, Shrunk(target, factor, kernel), condition)
        if steps and preset.teacher_forcing:
            forced = [one.random() < preset.teacher_forcing for one in own]
            step.forced = torch.tensor(forced, device=pictures.device)[:, None, None, None]
        steps.append(step)
    return Batch(observed, steps)


SAMPLINGS = {(1, 1): 0, (1, 2): 1, (2, 2): 2}  # (vertical, horizontal) to Pillow's number


def _coded(
    pictures: Tensor,
    crops: list[NDArray[np.uint8]],
    rng: np.random.Generator,
    own: Sequence[np.random.Generator],
) -> Batch:
    sampling = list(SAMPLINGS)[rng.choice(3, p=(0.3, 0.1, 0.6))]
    decoded, tables, conditions = [], [], []
    for crop, one in zip(crops, own, strict=True):
        table = _random_tables(one)
        file = BytesIO()
        Image.fromarray(crop).save(
            file, "JPEG", qtables=[t.ravel().tolist() for t in table],
            subsampling=SAMPLINGS[sampling],
        )  # fmt: skip
        decoded.append(np.asarray(Image.open(file)))
        tables.append(table)
        conditions.append(
            condition_vector(table[0], table[1], sampling[1], sampling[0], grey=False)
        )
    observed = torch.from_numpy(np.stack(decoded)).to(pictures.device)
    observed = observed.permute(0, 3, 1, 2).float() / 255
    evidence = Coded(pictures, torch.from_numpy(np.stack(tables)).to(pictures), sampling)
    everything = slice(None), slice(None)
    condition = torch.from_numpy(np.stack(conditions)).to(pictures.device)
    return Batch(observed, [Step(everything, pictures, evidence, condition)])


def _random_tables(rng: np.random.Generator) -> NDArray[np.int64]:
    """Luma and chroma tables (2, 8, 8): Pillow's at a random quality, at times altered."""
    quality = int(np.clip(np.exp(rng.uniform(np.log(1), np.log(95))), 1, 95))
    if rng.random() < 0.35:
        quality = int(rng.integers(1, 15))
    standard = _standard_tables(quality)
    if rng.random() < 0.25:  # flatter or steeper over frequency, as other encoders have them
        frequency = np.add.outer(np.arange(8), np.arange(8)) / 14
        slope = rng.normal(0, 0.4, (2, 1, 1))
        standard = np.rint(standard * np.exp(slope * (frequency - 0.5))).astype(np.int64)
    return standard.clip(1, 255)


@lru_cache(maxsize=100)
def _standard_tables(quality: int) -> NDArray[np.int64]:
    file = BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", quality=quality)
    tables = Image.open(file).quantization.values()  # type: ignore[attr-defined]
    return np.array([list(table) for table in tables], np.int64).reshape(2, 8, 8)
