"""A model and a folder of pictures to a table: how near, how well agreeing, how different."""

import json
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from imagine_cli import files, gallery, hub, picture
from imagine_cli.downscaled import Downscaled
from imagine_cli.errors import ImagineError
from imagine_cli.evidence import EightBits, Evidence, Pixels
from imagine_cli.jpeg import JpegCoded
from imagine_cli.model import OnnxModel
from imagine_cli.variants import imagine

from . import metrics

SIDE = 512  # pictures are cut to this around their middle: ×16 from 32²

PLAIN: dict[str, Callable[[Evidence], EightBits]] = {
    "lanczos": lambda evidence: _plainly(evidence, Image.Resampling.LANCZOS),
    "bicubic": lambda evidence: _plainly(evidence, Image.Resampling.BICUBIC),
    "plain": lambda evidence: _bytes_of(evidence.observed),
}


def evaluate(
    data: list[Path],
    models: list[str],
    task: str,
    scale: int,
    kernel: str,
    qualities: list[int],
    count: int,
    limit: int | None,
    out: Path | None,
) -> Iterator[str]:
    """The lines of the table, as they come; with `out`, `report.json` and a sheet a picture.

    LPIPS is v0.1, of a random variant (the mean over variants) and of the best of them; `spread` is
    the mean LPIPS-AlexNet between variants, `least` that of the picture where it is least; `agrees`
    is LR-PSNR in dB, or the share of coefficients kept, `worst` that of the worst variant.
    Pictures are cut to 512 × 512 around their middle, or to a multiple of 16.
    """
    sources, problems = files.pictures_in(data, "evaluated", recursive=True)
    if not sources:
        raise ImagineError("; ".join(f"{path}: {problem}" for path, problem in problems))
    pictures = {source.path: _cut(picture.read(source.path).pixels) for source in sources[:limit]}
    distances = {net: metrics.lpips(net) for net in ("alex", "vgg")}
    report = []
    yield _HEAD
    for quality in qualities if task == "decompress" else [0]:
        if quality:
            yield f"quality {quality}"
        for name in models:
            model = None if name in PLAIN else OnnxModel(hub.find(name))
            figures = []
            for path, observed in pictures.items():
                evidence = _evidence(observed, task, scale, kernel, quality)
                variants = (
                    [variant.picture for variant in imagine(evidence, model, range(count))]
                    if model
                    else [PLAIN[name](evidence)]
                )
                figures.append(_measured(variants, observed, evidence, distances))
                if out and model:
                    setting = f"q{quality}" if quality else f"x{scale}"
                    file = f"{path.parent.name}-{path.stem}.png"
                    _show(evidence, observed, variants, out / f"{Path(name).name}-{setting}" / file)
            means = {key: float(np.mean([one[key] for one in figures])) for key in figures[0]}
            means["least"] = min(one["spread"] for one in figures)
            means["worst"] = min(one["worst"] for one in figures)
            yield _row(Path(name).name, means)
            what = {"task": task, "scale": scale, "kernel": kernel, "quality": quality}
            count_of = {"pictures": len(pictures), "variants": count}
            report.append({"model": name, **what, **count_of, **means})
    if out:
        out.mkdir(parents=True, exist_ok=True)
        (out / "report.json").write_text(json.dumps(report, indent=2) + "\n")


_COLUMNS = {
    "alex": 4, "alex_best": 4, "vgg": 4, "vgg_best": 4, "psnr": 2, "psnr_of_mean": 2,
    "spread": 4, "least": 4, "agrees": 4, "worst": 4,
}  # fmt: skip
_HEAD = " ".join([f"{'model':<12}", *(f"{name:>{len(name) + 3}}" for name in _COLUMNS)])


def _row(name: str, means: dict[str, float]) -> str:
    cells = (f"{means[key]:{len(key) + 3}.{digits}f}" for key, digits in _COLUMNS.items())
    return " ".join([f"{name:<12}", *cells])


def _measured(
    variants: list[EightBits],
    observed: EightBits,
    evidence: Evidence,
    distances: dict[str, metrics.Distance],
) -> dict[str, float]:
    """The figures of one picture."""
    figures: dict[str, float] = {}
    for net, distance in distances.items():
        near = [distance(variant, observed) for variant in variants]
        figures |= {net: float(np.mean(near)), f"{net}_best": min(near)}
    agreements = [evidence.agreement(variant).as_json() for variant in variants]
    agrees = [next(iter(agreement.values())) for agreement in agreements]
    mean = np.rint(np.mean(variants, axis=0)).astype(np.uint8)
    return {
        **figures,
        "psnr": float(np.mean([metrics.psnr(variant, observed) for variant in variants])),
        "psnr_of_mean": metrics.psnr(mean, observed),
        "spread": metrics.spread(variants, distances["alex"]),
        "agrees": float(np.mean(agrees)),
        "worst": min(agrees),
    }


def _show(evidence: Evidence, observed: EightBits, variants: list[EightBits], file: Path) -> None:
    """A sheet of the input, what was observed, and the variants."""
    labelled = [(f"seed {seed}", variant) for seed, variant in enumerate(variants)]
    sheet = gallery.sheet(_bytes_of(evidence.observed), [("observed", observed), *labelled])
    picture.write(sheet, file)


def _cut(pixels: EightBits) -> EightBits:
    height, width = (
        min(SIDE, length // 16 * 16) if length >= 16 else length for length in pixels.shape[:2]
    )
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return pixels[top : top + height, left : left + width]


def _evidence(
    observed: EightBits, task: str, scale: int, kernel: str, quality: int
) -> Downscaled | JpegCoded:
    image = Image.fromarray(observed)
    if task == "upscale":
        size = image.width // scale, image.height // scale
        small = image.resize(size, Image.Resampling[kernel.upper()])
        return Downscaled(np.asarray(small), scale, kernel)
    grey = bool((observed == observed[..., :1]).all())
    with TemporaryDirectory() as folder:
        file = Path(folder) / "coded.jpg"
        coded = BytesIO()
        (image.convert("L") if grey else image).save(coded, "JPEG", quality=quality)
        file.write_bytes(coded.getvalue())
        return JpegCoded.from_file(file)


def _plainly(evidence: Evidence, resample: Image.Resampling) -> EightBits:
    small, factor = _bytes_of(evidence.observed), evidence.factors[-1]
    size = small.shape[1] * factor, small.shape[0] * factor
    return np.asarray(Image.fromarray(small).resize(size, resample))


def _bytes_of(pixels: Pixels) -> EightBits:
    eight_bits: EightBits = np.rint(pixels * 255).clip(0, 255).astype(np.uint8)
    return eight_bits
