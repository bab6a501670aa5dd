"""Walking the codes to the observed picture: can a model reach it, and through what?

HyperRIM's appendix A. The network stays as it is; gradient descent (Adam) on the codes of all
levels brings its picture nearer to the observed one in LPIPS. How near it comes is recall; whether
everything on the way agrees with the evidence, and changes step by step, is precision. The paper
gives no settings, so three walks show what freedom buys: the codes have half as many numbers as the
picture, and could almost spell it.

    free      all codes, anywhere
    sphere    each code kept at the length that random ones have, sqrt(dim)
    vector    the vectors alone, the maps as they were drawn
    random    no walk: the best of K random codes
"""

import json
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from imagine_cli import encode, hub
from imagine_cli.errors import ModelError
from imagine_cli.evidence import EightBits
from imagine_cli.progress import Bar
from imagine_cli.whole import whole

from ..baselines.networks import build
from ..folders import check_empty
from ..method.checkpoint import load_weights
from ..method.latent import Code, draw
from ..method.network import Generator
from ..method.operators import twin
from ..method.perceptual import Eye, Lpips, compare
from ..method.presets import Preset
from . import report
from .evaluate import Trial, gathered, unique
from .programs import Case
from .report import Report, Table

WALKS = ("free", "sphere", "vector")
RATE = 0.05  # Adam's; codes are of the order of one
SIDE = 256  # pictures are cut to this: a step costs three times a variant, and VGG thrice
FRAMES = 9  # kept of each walk, evenly
PAUSE = 150  # milliseconds a frame


@dataclass
class Walk:
    """One way through the codes. Lists have an entry a step, the start included."""

    distance: list[float] = field(default_factory=list)
    """LPIPS-VGG to the observed picture."""
    length: list[float] = field(default_factory=list)
    """|z|² / dim of all codes together: 1 for random ones."""
    moved: list[float] = field(default_factory=list)
    """LPIPS-VGG to the picture one step before."""
    frames: list[EightBits] = field(default_factory=list)
    """Some of the pictures, as they would be written."""


class Scene:
    """A trained network before one picture's evidence: codes to pictures, with gradients.

    As the program goes about it, but for the border that it mirrors around small pictures.
    """

    def __init__(self, network: Generator, preset: Preset, case: Case) -> None:
        self.network, self.preset, self.case = network, preset, case
        factors = case.evidence.factors
        levels = [factors.index(one) for one in preset.factors if one <= factors[-1]]
        self._known = _tensor(case.evidence.observed)
        self._agree = [twin(case.evidence, level) for level in levels]
        self._condition = [torch.tensor(case.evidence.condition())[None] for level in levels]

    def random_codes(self, seed: int) -> list[Code]:
        generator, codes = torch.Generator().manual_seed(seed), []
        height, width = self._known.shape[-2:]
        for level in range(len(self._agree)):
            codes.append(draw(self.preset, level, torch.empty(1, 3, height, width), generator))
            enlarge = self.preset.levels[level].enlarge
            height, width = enlarge * height, enlarge * width
        return codes

    def imagine(self, codes: list[Code]) -> Tensor:
        """(1, 3, h, w), made to agree with the evidence at every level."""
        pixels = self._known
        for level, code in enumerate(codes):
            condition = self._condition[level]
            pixels = self.network(level, pixels, code.map, code.vector, condition)
            pixels = self._agree[level].project(pixels)
        return pixels

    def written(self, pixels: Tensor) -> EightBits:
        """The picture that a user would be given."""
        return np.asarray(self.case.evidence.render(pixels[0].permute(1, 2, 0).detach().numpy()))


def walk(scene: Scene, lpips: Lpips, kind: str, steps: int) -> Walk:
    """`steps` steps of Adam from random codes towards the observed picture; `kind` of WALKS."""
    codes = scene.random_codes(0)
    every = _parts(codes)
    moving = [code.vector for code in codes] if kind == "vector" else every
    for part in moving:
        part.requires_grad_(True)
    adam = torch.optim.Adam(moving, RATE)
    target = lpips.features(_tensor(scene.case.observed))
    kept = set(np.linspace(0, steps, FRAMES).round().astype(int).tolist())
    way, before = Walk(), None
    for step in range(steps + 1):
        pixels = scene.imagine(codes)
        features = lpips.features(pixels)
        distance = compare(features, target).sum()
        now = [one.detach() for one in features]
        way.distance.append(distance.item())
        way.length.append(_length(every))
        if before:
            way.moved.append(compare(now, before).item())
        before = now
        if step in kept:
            way.frames.append(scene.written(pixels))
        if step < steps:
            adam.zero_grad()
            distance.backward()  # type: ignore[no-untyped-call]
            adam.step()
            if kind == "sphere":
                _renew_lengths(moving)
    return way


@torch.no_grad()
def best_of(scene: Scene, lpips: Lpips, count: int) -> Walk:
    """The pictures of `count` random codes, the nearest last: where no step was taken."""
    target = lpips.features(_tensor(scene.case.observed))
    tries = []
    for seed in range(count):
        codes = scene.random_codes(seed)
        pixels = scene.imagine(codes)
        distance = compare(lpips.features(pixels), target).item()
        tries.append((distance, _length(_parts(codes)), scene.written(pixels)))
    tries.sort(key=lambda one: one[0], reverse=True)
    distances, lengths, frames = zip(*tries, strict=True)
    return Walk(list(distances), list(lengths), [], list(frames))


def _parts(codes: list[Code]) -> list[Tensor]:
    return [part for code in codes for part in (code.map, code.vector)]


@torch.no_grad()
def _length(parts: list[Tensor]) -> float:
    squares = sum(float(part.square().sum()) for part in parts)
    return squares / sum(part.numel() for part in parts)


@torch.no_grad()
def _renew_lengths(parts: list[Tensor]) -> None:
    """Each code as long as random ones are: sqrt(dim)."""
    for part in parts:
        part *= part.numel() ** 0.5 / part.norm()


def _tensor(picture: EightBits) -> Tensor:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255


DEFINITIONS = {
    "recall": "LPIPS v0.1, VGG16, from the last picture of the walk to the observed one",
    "judged": "the same by AlexNet, which the walk does not follow, of the picture as written",
    "start": "LPIPS v0.1, VGG16, where the walk begins; of random codes, that of the worst",
    "length": "|z|²/dim of all codes at the end; 1 is what random ones have",
    "length_most": "the largest |z|²/dim on the way",
    "agrees_worst": "the worst of the frames kept, as written: LR-PSNR in dB, or the share of the "
    "file's coefficients that come back",
    "step_most": "the largest LPIPS v0.1, VGG16, between two pictures one step apart",
}


def figures(scene: Scene, way: Walk, judge: Eye) -> dict[str, float]:
    """Those of DEFINITIONS."""
    evidence, observed = scene.case.evidence, judge.look(scene.case.observed)
    agreements = [evidence.agreement(frame).as_json() for frame in way.frames]
    found = {
        "recall": way.distance[-1],
        "judged": judge.far(judge.look(way.frames[-1]), observed),
        "start": way.distance[0],
        "length": way.length[-1],
        "length_most": max(way.length),
        "agrees_worst": min(next(iter(one.values())) for one in agreements),
    }
    return found | ({"step_most": max(way.moved)} if way.moved else {})


def traverse(trial: Trial, steps: int, bar: Bar, *, tables: bool = True) -> Report:
    """Walk to every picture with every model; print a table a model, if `tables`.

    With `trial.out` there come `report.json`, `report.md` and, for each walk, a strip that ends
    with the observed picture, an animation, and its figures step by step.
    """
    check_empty(trial.out)
    names = unique([Path(model).name for model in trial.models])
    networks = dict(zip(names, (_network(model, trial) for model in trial.models), strict=True))
    lpips, judge = Lpips("vgg"), Eye("alex")
    pictures, failures = gathered(trial, SIDE)
    for line in failures:
        bar.print(line, err=True)
    bar.expect(len(networks) * len(trial.settings) * len(pictures) * (1 + len(WALKS)))
    every = []
    for (name, (network, preset)), setting in product(networks.items(), trial.settings):
        table = Table(f"{name} {trial.told(setting)}")
        for one in pictures:
            scene = Scene(network, preset, trial.case(one, setting))
            for kind in ("random", *WALKS):
                bar.start(f"{kind}: {one.name}, {table.setting}")
                way = (
                    best_of(scene, lpips, trial.count)
                    if kind == "random"
                    else walk(scene, lpips, kind, steps)
                )
                table.add(kind, one.name, figures(scene, way, judge))
                if trial.out:
                    _write(scene.case, way, trial.out / table.setting, f"{one.name}-{kind}")
                bar.finished()
        every.append(table)
        for line in report.lines(table, DEFINITIONS) if tables else ():
            bar.print(line, err=False)
    asked = trial.asked("--traverse", "--steps", str(steps)) | {"largest_side": SIDE}
    data = {one.name: one.sha256 for one in pictures}
    about: dict[str, dict[str, Any]] = {"random": {"best of": trial.count}}
    about |= {kind: {"Adam's rate": RATE, "steps": steps} for kind in WALKS}
    found_all = Report(asked, DEFINITIONS, [], about, data, every, failures)
    if trial.out:
        report.write(found_all, trial.out)
    return found_all


def _network(name: str, trial: Trial) -> tuple[Generator, Preset]:
    """The model in torch. Raises ModelError if it is not one that training made, or of the task."""
    weights, preset = load_weights(hub.find(name).parent)
    if preset.task != trial.task:
        raise ModelError(f"the model '{name}' is for {preset.task}, not for {trial.task}")
    network = build(preset).eval().requires_grad_(False)
    if not isinstance(network, Generator):  # its levels pass on more than pictures
        raise ModelError(f"the model '{name}' is the paper's own network, which cannot be walked")
    network.load_state_dict(weights)
    return network, preset


def _write(case: Case, way: Walk, folder: Path, name: str) -> None:
    """A strip of the frames, the observed picture last; the frames in motion; and the figures."""
    gap = np.full((case.observed.shape[0], 4, 3), 255, np.uint8)
    strip = [part for frame in way.frames for part in (frame, gap)]
    encode.write(np.concatenate([*strip, case.observed], 1), folder / f"{name}.png")
    first, *rest = (Image.fromarray(frame) for frame in way.frames)
    with whole(folder / f"{name}.webp") as file:
        first.save(file, "WEBP", save_all=True, append_images=rest, duration=PAUSE, loop=0)
    steps = {"distance": way.distance, "length": way.length, "moved": way.moved}
    with whole(folder / f"{name}.json") as file:
        file.write((json.dumps(steps, indent=2) + "\n").encode())
