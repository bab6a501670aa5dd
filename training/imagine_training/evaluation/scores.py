"""The figures that `imagine evaluate` prints: what each is, and how it comes from variants.

They come in families that are measured together: what needs one feature network is one family, and
is left out as one where the network is not at hand.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagine_cli.downscaled import Downscaled
from imagine_cli.errors import ImagineError, ModelError
from imagine_cli.evidence import EightBits

from ..method.perceptual import Eye
from . import codes, ladder, metrics
from .inception import Inception
from .programs import Case, Contender, Trained, shrunk

SIGMAS = (0.3, 0.2, 0.15)

Features = NDArray[np.float64]
Measure = Callable[[Case, list[EightBits]], dict[str, float]]


@dataclass(frozen=True)
class Family:
    """Scores that are measured together. `find` raises ModelError if weights are missing."""

    definitions: dict[str, str]
    find: Callable[[], Measure]
    net: str = ""
    """The feature network that it needs."""


class Scores:
    """Those that are wanted and can be had.

    `definitions` tells what each is, by its name, in the order of the table; `left_out` names those
    whose networks are not at hand, a line a family, and what helps.
    """

    def __init__(
        self,
        task: str,
        count: int,
        wanted: Sequence[str] = (),
        levels: int = 0,
        fetch: Callable[[list[str]], None] = lambda nets: None,
    ) -> None:
        """`levels`: of the models whose codes are looked at; 0 where there is none.

        `fetch` is given the feature networks that are needed, before they are looked for.

        `wanted` has names, or beginnings of them ("lpips", "fwv"); none means all.

        Raises ImagineError for a word that no figure begins with.
        """
        families = [_alex(count), _vgg(count), _squeeze(count), _pixels(count)]
        families += [_shrunk(count) if task == "upscale" else _kept(count)]
        code_figures = _code_figures(task, levels)
        of_models = code_figures | (LADDER if task == "upscale" else {})
        known = {name for family in families for name in family.definitions}
        known |= {*SETS, *of_models}
        for word in wanted:
            if not any(name.startswith(word) for name in known):
                raise ImagineError(f"--metrics: no '{word}'; there are {', '.join(sorted(known))}")

        def chosen(definitions: dict[str, str]) -> dict[str, str]:
            words = tuple(wanted)
            return {k: v for k, v in definitions.items() if not words or k.startswith(words)}

        nets = [one.net for one in families if one.net and chosen(one.definitions)]
        fetch(nets + (["inception"] if chosen(dict.fromkeys(SETS, "")) else []))
        self.sets = SetScores()
        self.definitions: dict[str, str] = {}
        self.left_out: list[str] = []
        self._measures: list[Measure] = []
        for family in families:
            try:
                if definitions := chosen(family.definitions):
                    self._measures.append(family.find())
                    self.definitions |= definitions
            except ModelError as error:
                self.left_out.append(f"left out: {', '.join(definitions)} ({_what(error)})")
        if definitions := chosen(self.sets.definitions):
            if self.sets.missing:
                self.left_out.append(
                    f"left out: {', '.join(definitions)} ({_what(self.sets.missing)})"
                )
            else:
                self.definitions |= definitions

        self.definitions |= chosen(of_models)
        self._codes = sorted(chosen(code_figures))

    def of_picture(self, case: Case, variants: list[EightBits]) -> dict[str, float]:
        """The figures of one picture's variants."""
        found: dict[str, float] = {}
        for measure in self._measures:
            found |= measure(case, variants)
        return {name: value for name, value in found.items() if name in self.definitions}

    def of_codes(self, rival: Contender, case: Case) -> dict[str, float]:
        """What the codes of a model do to one picture; nothing of other contenders."""
        if not self._codes or not isinstance(rival, Trained):
            return {}
        found = codes.deviations(case.evidence, rival.model)
        named = {_code_figure(level, part): value for (level, part), value in found.items()}
        return {name: value for name, value in named.items() if name in self._codes}

    def of_drawings(self, rival: Contender, scale: int, kernel: str) -> dict[str, float]:
        """What a contender makes of drawings, at one scale. Raises CommandError if it fails."""
        if not LADDER.keys() & self.definitions.keys():
            return {}

        def enlarged(drawing: EightBits) -> EightBits:
            return rival.variants(shrunk("drawing", drawing, scale, kernel), 1)[0]

        return {name: ladder.ladder(enlarged, scale) for name in LADDER}

    @property
    def want_sets(self) -> bool:
        """Whether distances of sets of pictures are among them."""
        return bool(self.definitions.keys() & self.sets.definitions.keys())


def _what(error: object) -> str:
    """What is wrong, without the help, which was given once for all networks."""
    return str(error).partition(": ")[0]


SETS = ("fid", "kid", "fid768", "kid768")


class SetScores:
    """Distances of two sets of pictures, from Inception's features.

    Called FID-768 and KID-768 unless the full network is there. `missing` says what helps if none.
    """

    def __init__(self) -> None:
        self.missing, self._network, suffix = "", None, ""
        try:
            self._network = Inception()
            suffix = "" if self._network.features == 2048 else "768"
        except ModelError as error:
            self.missing = str(error)
        sets = "the first variant of each picture, N in all, against the N observed pictures"
        self.definitions = {
            f"fid{suffix}": f"Fréchet distance of {suffix or 2048} Inception features: {sets}; "
            "biased upwards where N is small, so it compares at one N only",
            f"kid{suffix}": f"kernel distance of the same features, unbiased: {sets}",
        }

    def look(self, picture: EightBits) -> Features:
        """The features of a picture."""
        assert self._network
        return self._network(picture)

    def compare(self, looks: list[tuple[Features, Features]]) -> dict[str, float]:
        """The distances, by name, from the features of each variant and its observed picture.

        None of fewer than two pictures.
        """
        if len(looks) < 2:
            return {}
        seen, observed = (np.stack(some) for some in zip(*looks, strict=True))
        fid, kid = self.definitions
        return {fid: metrics.frechet(seen, observed), kid: metrics.kid(seen, observed)}


LADDER = {
    "ladder": "grey levels by which a straight oblique edge varies along itself: root of the mean "
    "square near edges and lines at five angles, drawn, shrunk and enlarged"
}


def _code_figures(task: str, levels: int) -> dict[str, str]:
    """Level by level: in the picture that the level gives, all other codes held."""
    told = {
        "code": "the whole code",
        "map": "the map alone",
        "vector": "the vector alone",
        "way": "the way alone in which it is seen",
    }
    return {
        _code_figure(level, part): f"standard deviation over {codes.COUNT} codes, in grey levels: "
        f"{told[part]}" + (f" of level {level + 1} (x{2 ** (level + 1)})" if levels > 1 else "")
        for level in range(levels)
        for part in codes.PARTS
    }


def _code_figure(level: int, part: codes.Part) -> str:
    return f"std_{level + 1}" + ("" if part == "code" else f"_{part}")


def _lpips(net: str, long: str, count: int) -> dict[str, str]:
    half = {} if net == "squeeze" else {f"lpips_{net}_half": "the same mean at half the size"}
    return {
        f"lpips_{net}": f"LPIPS v0.1, {long}, to the observed picture: mean of {count} variants",
        f"lpips_{net}_best": f"the same of the best of {count} variants",
        **half,
    }


def _far_at_half_size(eye: Eye, case: Case, variants: list[EightBits]) -> float:
    """Weave and hatching, which LPIPS may reward, are mostly gone there; form is not."""
    observed = eye.look(metrics.halved(case.observed))
    return float(np.mean([eye.far(eye.look(metrics.halved(one)), observed) for one in variants]))


def _alex(count: int) -> Family:
    score = f"s{count}"

    def find() -> Measure:
        eye = Eye("alex")

        def measure(case: Case, variants: list[EightBits]) -> dict[str, float]:
            observed = eye.look(case.observed)
            seen = [eye.look(one) for one in variants]
            near = [eye.far(one, observed) for one in seen]
            pairs = np.array([[eye.far(one, other) for other in seen] for one in seen])
            size = case.observed.shape[0], case.observed.shape[1]
            maps = np.stack([eye.places(one, observed, size) for one in seen])
            spread = metrics.spread(pairs)
            return {
                **{"lpips_alex": float(np.mean(near)), "lpips_alex_best": min(near)},
                **{"spread": spread, "spread_least": spread, score: metrics.s10(maps)},
                "lpips_alex_half": _far_at_half_size(eye, case, variants),
            }

        return measure

    definitions = _lpips("alex", "AlexNet", count) | {
        "spread": f"mean LPIPS v0.1, AlexNet, of all pairs of {count} variants",
        "spread_least": "the same of the picture whose variants differ least",
        score: f"NTIRE's diversity score, percent, LPIPS v0.1, AlexNet, of {count} variants",
    }
    return Family(definitions, find, "alex")


def _vgg(count: int) -> Family:
    def find() -> Measure:
        eye = Eye("vgg")

        def measure(case: Case, variants: list[EightBits]) -> dict[str, float]:
            observed = eye.look(case.observed)
            mean = eye.look(metrics.mean_picture(variants))
            looks = (eye.look(one) for one in variants)  # 130 MB each at 512²: one at a time
            distances = np.array([(eye.far(one, observed), eye.far(one, mean)) for one in looks])
            near, to_mean = distances.T
            variance = {
                f"fwv_{sigma}": metrics.faithfulness_weighted_variance(to_mean, near, sigma)
                for sigma in SIGMAS
            }
            return {
                "lpips_vgg": float(near.mean()),
                "lpips_vgg_best": float(near.min()),
                "lpips_vgg_half": _far_at_half_size(eye, case, variants),
                **variance,
            }

        return measure

    definitions = _lpips("vgg", "VGG16", count) | {
        f"fwv_{sigma}": "faithfulness-weighted variance, the mean over variants of "
        "exp(-d(variant, observed) / 2σ²) d(variant, mean of variants), d = LPIPS v0.1, VGG16, "
        f"σ = {sigma}, K = {count}"
        for sigma in SIGMAS
    }
    return Family(definitions, find, "vgg")


def _squeeze(count: int) -> Family:
    def find() -> Measure:
        eye = Eye("squeeze")

        def measure(case: Case, variants: list[EightBits]) -> dict[str, float]:
            observed = eye.look(case.observed)
            near = [eye.far(eye.look(one), observed) for one in variants]
            return {"lpips_squeeze": float(np.mean(near)), "lpips_squeeze_best": min(near)}

        return measure

    return Family(_lpips("squeeze", "SqueezeNet 1.1", count), find, "squeeze")


def _pixels(count: int) -> Family:
    def measure(case: Case, variants: list[EightBits]) -> dict[str, float]:
        return {
            "psnr": float(np.mean([metrics.psnr(one, case.observed) for one in variants])),
            "psnr_of_mean": metrics.psnr(metrics.mean_picture(variants), case.observed),
            "ssim": float(np.mean([metrics.ssim(one, case.observed) for one in variants])),
        }

    definitions = {
        "psnr": f"dB over all samples of eight-bit sRGB: mean of {count} variants",
        "psnr_of_mean": f"PSNR of the mean of {count} variants, pixel by pixel",
        "ssim": f"structural similarity, Gaussian window, sRGB: mean of {count} variants",
    }
    return Family(definitions, lambda: measure)


def _shrunk(count: int) -> Family:
    def measure(case: Case, variants: list[EightBits]) -> dict[str, float]:
        assert isinstance(case.evidence, Downscaled)
        how = case.evidence.factor, case.evidence.kernel
        agrees = [metrics.lr_psnr(one, case.observed, *how) for one in variants]
        return {"lr_psnr": float(np.mean(agrees)), "lr_psnr_worst": min(agrees)}

    definitions = {
        "lr_psnr": "dB between variant and observed picture, both shrunk by the kernel "
        f"(NTIRE's is bicubic, and its goal 45), antialiased, to eight bits: mean of {count}",
        "lr_psnr_worst": "the same of the worst variant of the worst picture",
    }
    return Family(definitions, lambda: measure)


def _kept(count: int) -> Family:
    def measure(case: Case, variants: list[EightBits]) -> dict[str, float]:
        assert not isinstance(case.evidence, Downscaled)
        agrees = [case.evidence.agreement(one).kept for one in variants]
        return {"kept": float(np.mean(agrees)), "kept_worst": min(agrees)}

    definitions = {
        "kept": "share of the file's quantised coefficients that a variant gives back, compressed "
        f"as the file was, by libjpeg: mean of {count}",
        "kept_worst": "the same of the worst variant of the worst picture",
    }
    return Family(definitions, lambda: measure)
