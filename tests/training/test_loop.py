"""A training step: algorithm 1, written out once more, gives the same weights."""

import json
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from imagine_training.method import perceptual
from imagine_training.method.checkpoint import load_state, load_weights
from imagine_training.method.data import random_batch
from imagine_training.method.network import Generator
from imagine_training.method.presets import LevelShape, Preset
from imagine_training.run import books, loop
from imagine_training.run.learner import Learner
from imagine_training.run.plan import Plan
from imagine_training.run.validate import random_code_loss
from pictures import photograph
from PIL import Image
from tiny import PIXELS_ALONE, TINY

from imagine_cli.progress import Silent

PRESET = replace(
    PIXELS_ALONE, steps=6, candidates=(3,), maps=2, patch=16, clip=0.02, learning_rate=0.02
)
LEVEL = LevelShape(8, 4, 1, 1, 2, tail=(8,))
TWO_LEVELS = replace(
    TINY["upscale"], levels=(LEVEL, LEVEL), crop=64, candidates=(2, 2), perceptual=(), warm_steps=0
)
PICTURES = [photograph(64, 72, seed) for seed in range(4)]


def learner(preset):
    return Learner(
        preset, None, seed=3, reduced=False, device=torch.device("cpu"), say=lambda _: None
    )


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for number, pixels in enumerate(PICTURES):
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


def test_batches_made_beside_the_step_are_the_same():
    one, other = learner(PRESET), learner(PRESET)
    other.beside = ThreadPoolExecutor(1)
    begun, submit = [], other.beside.submit
    other.beside.submit = lambda made, step: begun.append(step) or submit(made, step)
    for step in range(3):
        for each in (one, other):
            loop.train_step(each, PICTURES, step, done=step / 3)
            random_code_loss(each, PICTURES, step)  # asks for the same step again
    assert other.coming[0] == (3, range(2))
    assert begun == [1, 2, 3]  # none twice
    theirs = other.network.state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in one.network.state_dict().items())


def train(preset, data, out):
    return loop.train(preset, [data], out, seed=3, precision="float32", device="cpu", line=Silent())


def written_out(preset, seed, pictures):
    """The loss of each step, and the weights at the end with their average: nothing but PyTorch."""
    torch.manual_seed(seed)
    network = Generator(preset)
    weights = list(network.parameters())
    adam = torch.optim.Adam(weights, betas=(0.9, 0.99))
    average = {name: value.clone() for name, value in network.state_dict().items()}
    losses, side, patch = [], preset.crop, preset.patch
    for step in range(preset.steps):
        batch = random_batch(
            pictures, preset, np.random.default_rng([seed, step]), range(preset.batch)
        )
        (known,) = batch.steps
        streams = [
            torch.Generator().manual_seed(
                int(np.random.SeedSequence([seed, step, n, 0]).generate_state(1)[0])
            )
            for n in range(preset.batch)
        ]

        def draw(streams=streams):
            return [
                [torch.randn(4, side, side, generator=one), torch.randn(32, generator=one)]
                for one in streams
            ]

        def imagined(codes, batch=batch, known=known):
            maps, vectors = (torch.stack(part) for part in zip(*codes, strict=True))
            return known.agree.project(network(0, batch.observed, maps, vectors, known.condition))

        def far(codes, known=known, imagined=imagined):
            with torch.no_grad():
                differences = (imagined(codes) - known.target).abs().mean(1)
            rows = side // patch
            return differences.reshape(-1, rows, patch, rows, patch).mean((2, 4))

        # Choose: the nearest of three codes, picture by picture; of three maps, patch by patch.
        best = draw()
        distance = far(best)
        for _ in range(preset.candidates[0] - 1):
            other = draw()
            for n, places in enumerate(far(other)):
                if places.mean() < distance[n].mean():
                    best[n], distance[n] = other[n], places
        for _ in range(preset.maps):
            other = [[one[0], mine[1]] for one, mine in zip(draw(), best, strict=True)]
            places = far(other)
            for n, row, column in np.ndindex(*places.shape):
                if places[n, row, column] < distance[n, row, column]:
                    distance[n, row, column] = places[n, row, column]
                    rows, columns = (slice(patch * k, patch * k + patch) for k in (row, column))
                    best[n][0][:, rows, columns] = other[n][0][:, rows, columns]

        # Pull closer.
        loss = preset.pixel_weight * (imagined(best) - known.target).abs().mean()
        adam.zero_grad()
        loss.backward()
        losses.append(loss.item())
        norm = sum(float(one.grad.square().sum()) for one in weights) ** 0.5
        for one in weights:
            one.grad *= min(1, preset.clip / norm)
        fall = preset.final_rate + (1 - preset.final_rate) * (
            0.5 + 0.5 * math.cos(math.pi * step / preset.steps)
        )
        adam.param_groups[0]["lr"] = preset.learning_rate * fall * (step + 1) / 50
        adam.step()

        # Average.
        kept = min(preset.average, (1 + step) / (10 + step))
        for name, value in network.state_dict().items():
            average[name] = kept * average[name] + (1 - kept) * value
    return losses, network.state_dict(), average


def test_a_run_is_algorithm_1_written_out(data, tmp_path, monkeypatch):
    monkeypatch.setattr(books, "ROW_EVERY", 1)
    train(PRESET, data, tmp_path / "run")
    state = load_state(tmp_path / "run")
    pictures = [np.asarray(Image.open(file)) for file in sorted(data.iterdir())]
    seen = books.Pictures([data], PRESET.crop).train
    assert all(any(np.array_equal(one, other) for other in pictures) for one in seen)

    losses, weights, average = written_out(PRESET, 3, seen)
    ours = [row["chosen"] for row in state["rows"] if "chosen" in row]
    assert ours == pytest.approx(losses, rel=1e-4)
    torch.manual_seed(3)
    begun = Generator(PRESET).state_dict()
    for part, expected in (("network", weights), ("average", average)):
        for name, value in state[part].items():
            moved = (expected[name] - begun[name]).abs().max()
            assert (value - expected[name]).abs().max() < 0.01 * moved, name


@pytest.fixture
def codes(monkeypatch):
    """Those that the network was given, in turn."""
    real, given = Generator.imagine, []

    def imagine(self, level, pixels, code, step):
        given.append(code)
        return real(self, level, pixels, code, step)

    monkeypatch.setattr(Generator, "imagine", imagine)
    return given


def test_regression_before_the_first_choice_is_silent(codes):
    ours = learner(replace(TWO_LEVELS, warm_steps=1))
    loop.train_step(ours, PICTURES, 0, 0.0)
    assert len(codes) == 2  # one a level: nothing is tried
    assert not any(code.map.any() or code.vector.any() for code in codes)
    assert codes[1].map.shape == (2, 4, 32, 32)

    loop.train_step(ours, PICTURES, 1, 0.0)
    assert all(code.map.any() and code.vector.any() for code in codes[2:])


def test_regression_is_of_the_pixels_alone(chance, monkeypatch):
    monkeypatch.setattr(perceptual, "_trunk_weights", chance.__getitem__)
    ours = learner(replace(TWO_LEVELS, warm_steps=1, perceptual=("squeeze",), crop=104))
    pictures = [photograph(104, 110, seed) for seed in range(2)]
    drawn = [ours.draw(pictures, step, range(2)) for step in (0, 1)]
    networks = [[len(one.lpips) for one in ours.method.objectives(each)] for each in drawn]
    assert networks == [[0, 0], [1, 1]]


def test_the_loss_on_random_codes_is_on_codes_of_its_own(codes):
    ours = learner(replace(TWO_LEVELS, candidates=(1, 1), patch=0))
    loop.train_step(ours, PICTURES, 0, 0.0)
    one, other = (random_code_loss(ours, PICTURES, 0) for _ in range(2))
    assert one == other
    assert len(codes) == 2 + 2 + 2
    assert torch.equal(codes[2].map, codes[4].map)
    assert not torch.equal(codes[0].map, codes[2].map)


def test_the_gradient_is_clipped():
    ours = learner(TWO_LEVELS)
    for clip, bound in ((1e9, math.inf), (1e-4, 1e-4)):
        ours.preset = replace(TWO_LEVELS, clip=clip)
        loop.train_step(ours, PICTURES, 0, 0.0)
        squares = sum(float(one.grad.square().sum()) for one in ours.network.parameters())
        assert 0.9e-4 < squares**0.5 < 1.001 * bound


PAPER = replace(
    TWO_LEVELS, network="hyperrim", levels=(replace(LEVEL, tail=()),) * 2, teacher_forcing=0.0
)


@pytest.mark.parametrize("preset", [TWO_LEVELS, PAPER], ids=["compact", "paper"])
def test_a_frozen_level_does_not_learn_and_costs_nothing(preset, monkeypatch):
    ours, levels = learner(replace(preset, frozen=(0,))), []
    real = type(ours.network).imagine

    def heard(self, level, *rest):
        levels.append(level)
        return real(self, level, *rest)

    monkeypatch.setattr(type(ours.network), "imagine", heard)
    before = [[one.clone() for one in level.parameters()] for level in ours.network.levels]
    for step in range(2):
        loss, finite = loop.train_step(ours, PICTURES, step, 0.0)
        assert finite
        assert loss[0] == 0 < loss[1]
    first, second = (
        [torch.equal(*pair) for pair in zip(values, level.parameters(), strict=True)]
        for values, level in zip(before, ours.network.levels, strict=True)
    )
    assert all(first)
    assert not all(second)
    assert levels.count(0) == 2  # one a step: its codes are drawn, and not chosen


OLDER = {"style_width": "latent", "downsample": "inside", "random": "fresh"}
OLDER |= {"validation": "held_out", "validated": "looked"}


def older(values):
    """Names as runs of earlier versions have them."""
    if isinstance(values, dict):
        return {OLDER.get(name, name): older(value) for name, value in values.items()}
    return [older(value) for value in values] if isinstance(values, list) else values


def test_a_run_of_an_earlier_version_goes_on(data, tmp_path, monkeypatch):
    preset = replace(PRESET, style_width=24, steps=4)
    assert preset.levels[0].downsample == 2
    train(preset, data, tmp_path / "whole")
    real = loop.train_step

    def interrupted(ours, pictures, step, done):
        if step == 2:
            raise KeyboardInterrupt
        return real(ours, pictures, step, done)

    cut = tmp_path / "cut"
    monkeypatch.setattr(loop, "train_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(preset, data, cut)
    monkeypatch.undo()
    for name in ("run.json", "config.json"):
        values = older(json.loads((cut / name).read_text()))
        values.get("preset", values).pop("frozen")
        (cut / name).write_text(json.dumps(values))
    state = load_state(cut)
    state = {**state, "standing": older(state["standing"]), "rows": older(state["rows"])}
    torch.save(state, cut / "state.pt")
    assert load_weights(cut)[1] == preset == Plan.load(cut).preset

    train(preset, data, cut)
    one, other = (load_state(tmp_path / name) for name in ("whole", "cut"))
    for part in ("network", "average"):
        assert all(torch.equal(one[part][name], other[part][name]) for name in one[part])
    for row, theirs in zip(one["rows"], other["rows"], strict=True):
        assert {**row, "seconds": 0} == {**theirs, "seconds": 0}


def test_frozen_levels_come_back_from_json():
    preset = replace(TWO_LEVELS, frozen=(0, 1))
    assert Preset.from_json(json.loads(json.dumps(preset.as_json()))) == preset
