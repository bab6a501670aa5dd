"""A run, small: it goes on where it stopped, and leaves a folder that the program takes."""

import csv
import json
import math
import os
import signal
import socket
import sys
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
import torch
from imagine_training.method import checkpoint, imle
from imagine_training.run import journal, loop
from imagine_training.run.command import run
from imagine_training.run.learner import Learner
from imagine_training.run.options import Options
from imagine_training.run.pictures import Pictures
from imagine_training.run.validate import Validation, Validator
from pictures import photograph
from PIL import Image
from safetensors.torch import load_file
from tiny import PIXELS_ALONE, TINY

from imagine_cli import (
    Downscaled,
    ImagineError,
    OnnxModel,
    hub,
    imagine,
)
from imagine_cli.progress import Silent

pytestmark = pytest.mark.usefixtures("tiny_presets")


@pytest.fixture(scope="module")
def finished(photographs, tmp_path_factory):
    """A run of each task, to look at."""
    folders = {task: tmp_path_factory.mktemp("runs") / task for task in TINY}
    for task, out in folders.items():
        assert trained(photographs, out, task=task) == out / "model.onnx"
    return folders


def trained(data, out, line=None, resume=False, **options):
    options = {"init": "none", "steps": 4, "seed": 3, **options}
    return run(Options(**options), [data], out, resume=resume, line=line or Silent())


class Lines(Silent):
    """Remembers what was said."""

    def __init__(self):
        super().__init__()
        self.said = []

    def print(self, text):
        self.said.append(text)


@pytest.mark.parametrize("task", TINY)
def test_a_run_leaves_a_folder_that_the_program_takes(task, finished):
    assert {path.name for path in finished[task].iterdir()} == {
        *("README.md", "config.json", "model.onnx", "model.safetensors", "state.pt"),
        *("run.json", "losses.csv", "loss.png", "previews"),
    }
    model = OnnxModel(hub.find(str(finished[task])))
    assert model.card.task == task
    if task == "upscale":
        evidence = Downscaled(photograph(90, 60)[::10, ::10].copy(), 8)
        one, other = (variant.picture for variant in imagine(evidence, model, [0, 1]))
        assert one.shape == (72, 48, 3)
        assert not np.array_equal(one, other)


def test_previews_show_input_two_variants_and_the_observed_picture(finished):
    previews = sorted((finished["decompress"] / "previews").iterdir())
    assert [file.name for file in previews] == [f"step-00000{step}.png" for step in range(5)]
    first, last = (np.asarray(Image.open(previews[place])) for place in (0, -1))
    cells = np.split(last, 4, axis=1)
    assert cells[0].shape == (36, 36, 3)  # and a gap
    assert np.array_equal(cells[0], first[:, :36])
    assert np.array_equal(cells[3], first[:, 108:])
    assert not np.array_equal(cells[1], cells[2])
    assert not np.array_equal(cells[1], first[:, 36:72])


def test_a_run_that_was_stopped_ends_as_one_that_was_not(finished, data, tmp_path, monkeypatch):
    real, steps = loop.train_step, []

    def interrupted(learner, pictures, step, done):
        steps.append(step)
        if len(steps) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return real(learner, pictures, step, done)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
    monkeypatch.setattr(loop, "train_step", interrupted)
    line = Lines()
    with pytest.raises(KeyboardInterrupt):
        trained(data, tmp_path / "cut", line)
    signal.signal(signal.SIGINT, before)
    assert line.said[-1] == (
        f"stopped after 2 steps, and saved; to go on: imagine train --resume --out {tmp_path}/cut"
    )
    trained(data, tmp_path / "cut", resume=True)
    assert steps == [0, 1, 2, 3]
    runs = finished["upscale"], tmp_path / "cut"
    for part in ("average", "network"):
        whole, cut = (checkpoint.load_state(run)[part] for run in runs)
        assert all(torch.equal(whole[name], cut[name]) for name in whole)
    whole, cut = (load_file(run / "model.safetensors") for run in runs)
    assert all(torch.equal(whole[name], cut[name]) for name in whole)
    whole, cut = map(figures, runs)
    assert whole == cut


def figures(out):
    """What `losses.csv` says, but for the time."""
    with open(out / "losses.csv", newline="") as file:
        return [{**row, "seconds": ""} for row in csv.DictReader(file)]


PROCESSES = """
import os, random, signal, sys, time
from pathlib import Path
import torch
import torch._dynamo  # the first optimiser imports it: once is enough
from imagine_training.run import books, loop
from tiny import PIXELS_ALONE

books.ROW_EVERY, books.VALIDATIONS = 1, 12
data, out, port = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]

def life(out, minutes_between_saves=4):
    loop.train(PIXELS_ALONE, [data], out, seed=3, precision="float32", device="cpu",
               minutes_between_saves=minutes_between_saves)

def born(work, *given):
    child = os.fork()
    if not child:
        work(*given)
        os._exit(0)
    return child

def end(child):
    return os.waitpid(child, 0)[1]

def whole():
    life(out / "whole")

assert end(born(whole)) == 0

def mortal(pipe):
    real = books.save_state
    def save(state, folder):
        os.write(pipe, b".")
        real(state, folder)
    books.save_state = save
    life(out / "cut", minutes_between_saves=0)

random.seed(1)
for _ in range(4):
    mouth, pipe = os.pipe()
    child = born(mortal, pipe)
    os.close(pipe)
    for _ in range(random.randint(1, 3)):
        assert os.read(mouth, 1)
    time.sleep(random.uniform(0, 0.03))  # within a save, or after it
    os.kill(child, signal.SIGKILL)
    assert end(child) == signal.SIGKILL
    os.close(mouth)
assert end(born(life, out / "cut")) == 0

def member(rank):
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}  # what torchrun tells
    os.environ.update({"RANK": str(rank), "WORLD_SIZE": "2", **address})
    life(out / "two")

assert not any([end(child) for child in [born(member, rank) for rank in range(2)]])
"""


@pytest.fixture(scope="module")
def processes(execute, photographs, tmp_path_factory):
    """Runs of `PIXELS_ALONE`: `whole`; `cut`, which was killed again and again; `two` together."""
    out = tmp_path_factory.mktemp("processes")
    script = out / "processes.py"
    script.write_text(PROCESSES)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    execute([sys.executable, script, photographs, out, str(port)])
    return out


def test_a_run_that_was_killed_four_times_ends_as_one_that_was_not(processes):
    whole, cut = processes / "whole", processes / "cut"
    for part in ("average", "network"):
        ours, theirs = (checkpoint.load_state(out)[part] for out in (whole, cut))
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert (whole / "model.safetensors").read_bytes() == (cut / "model.safetensors").read_bytes()
    assert figures(whole) == figures(cut)


def test_half_the_pictures_at_a_time_teach_the_same(data, monkeypatch):
    pictures = Pictures([data], 64).train
    preset = replace(PIXELS_ALONE, batch=4)
    whole, halves = learner(preset), learner(preset)
    real, asked, line = Learner.draw, [], []

    def scarce(self, pictures, step, part):
        asked.append(len(part))
        if len(part) > 1:
            raise [MemoryError(), torch.OutOfMemoryError(), RuntimeError(
                "[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: not enough memory"
            )][len(asked) % 3]  # fmt: skip
        return real(self, pictures, step, part)

    whole_loss, _ = loop.train_step(whole, pictures, 0, 0.0)
    monkeypatch.setattr(Learner, "draw", scarce)
    halves.say = line.append
    loss, _ = loop.train_step(halves, pictures, 0, 0.0)
    assert asked == [4, 2, 1, 1, 1, 1]
    assert [said.split(":")[0] for said in line] == ["out of memory"] * 2
    assert torch.allclose(loss, whole_loss, rtol=1e-5)
    for one, other in zip(whole.network.parameters(), halves.network.parameters(), strict=True):
        assert torch.allclose(one.grad, other.grad, rtol=1e-3, atol=1e-6)

    monkeypatch.setattr(Learner, "draw", lambda *_, **__: (_ for _ in ()).throw(MemoryError()))
    with pytest.raises(ImagineError, match="out of memory with one picture"):
        loop.train_step(halves, pictures, 1, 0.0)


def test_the_vector_code_is_alive_after_sixty_steps(data):
    pictures = Pictures([data], 64).train
    ours = learner(replace(PIXELS_ALONE, candidates=(4,), patch=0))
    before = effect_of_the_vector(ours)
    for step in range(60):
        loop.train_step(ours, pictures, step, 0.0)
    assert before > 1e-4
    assert effect_of_the_vector(ours) > before / 2


@torch.no_grad()
def effect_of_the_vector(ours):
    """How far apart two vectors put a picture, all else the same."""
    torch.manual_seed(0)
    picture, field = torch.rand(1, 3, 32, 32), torch.randn(1, 4, 32, 32)
    one, other = torch.randn(2, 1, ours.preset.vector)
    condition = torch.rand(1, ours.preset.condition)
    pictures = [ours.network(0, picture, field, code, condition) for code in (one, other)]
    return float((pictures[0] - pictures[1]).abs().mean())


def learner(preset):
    return Learner(
        preset, None, seed=3, reduced=False, device=torch.device("cpu"), say=lambda _: None
    )


def test_two_processes_have_the_losses_of_one_with_the_whole_batch(processes):
    one, two = (figures(processes / name) for name in ("whole", "two"))
    assert len(one) == len(two)
    for name, number in (("chosen", PIXELS_ALONE.steps), ("validation", 13)):
        ours, theirs = ([float(row[name]) for row in rows if row[name]] for rows in (one, two))
        assert len(ours) == number
        assert ours == pytest.approx(theirs, rel=1e-4)


def test_a_loss_that_is_not_finite_is_skipped_and_many_end_the_run(data, tmp_path, monkeypatch):
    real, broken, steps = imle.Imle.losses, {1}, count()

    def losses(self, drawn, *, choose=True):
        return real(self, drawn, choose=choose) * (
            math.nan if choose and next(steps) in broken else 1
        )

    monkeypatch.setattr(imle.Imle, "losses", losses)
    line = Lines()
    trained(data, tmp_path / "mine", line, task="decompress", perceptual="none")
    assert "1 steps skipped" in "".join(line.said)
    weights = load_file(tmp_path / "mine" / "model.safetensors").values()
    assert all(value.isfinite().all() for value in weights)

    broken.clear()
    broken.update(range(9, 30))  # after the first run's four
    with pytest.raises(ImagineError, match=r"not finite 10 times in a row, at step 14"):
        trained(data, tmp_path / "other", task="decompress", perceptual="none", steps=30)
    weights = load_file(tmp_path / "other" / "model.safetensors").values()
    assert all(value.isfinite().all() for value in weights)


def test_what_training_made_worse_is_not_exported(finished, data, tmp_path):
    line = Lines()
    again = {"task": "decompress", "init": str(finished["decompress"]), "perceptual": "none"}
    trained(data, tmp_path / "worse", line, **again, lr=1e3)
    assert "nothing was better than the start, which is what is exported" in "".join(line.said)
    before, after = (
        load_file(run / "model.safetensors") for run in (finished["decompress"], tmp_path / "worse")
    )
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_folder_with_something_in_it_is_left_as_it_is(data, tmp_path):
    out = tmp_path / "mine"
    out.mkdir()
    (out / "letter.txt").write_text("dear")
    with pytest.raises(ImagineError, match="something here already; --resume"):
        trained(data, out)
    with pytest.raises(ImagineError, match="something here already; name another"):
        trained(data, out, resume=True)
    assert [file.name for file in out.iterdir()] == ["letter.txt"]


def test_a_run_goes_on_with_its_own_settings(data, tmp_path):
    out = tmp_path / "mine"
    trained(data, out, task="decompress", batch=3, seed=5)
    goes_on(out, steps=5)
    assert run(Options(), [], out, resume=True, line=Silent()) == out / "model.onnx"
    state = (out / "state.pt").read_bytes()
    goes_on(out, steps=6)
    with pytest.raises(ImagineError, match=r"--batch 4, but this run began with 3"):
        run(Options(batch=4), [], out, resume=True, line=Silent())
    with pytest.raises(ImagineError, match=r"--lr 0.1, but this run began with the default"):
        run(Options(lr=0.1), [], out, resume=True, line=Silent())
    with pytest.raises(ImagineError, match="began with other pictures"):
        run(Options(), [tmp_path], out, resume=True, line=Silent())
    Image.fromarray(photograph(100, 100, 9)).save(data / "another.png")
    with pytest.raises(ImagineError, match="the pictures are not those"):
        run(Options(), [], out, resume=True, line=Silent())
    assert (out / "state.pt").read_bytes() == state
    with pytest.raises(ImagineError, match="no run to resume"):
        run(Options(), [], tmp_path / "none", resume=True, line=Silent())


def goes_on(out, steps):
    """As if the run in a folder had not come to its end."""
    plan = json.loads((out / "run.json").read_text())
    plan["preset"]["steps"] = steps
    (out / "run.json").write_text(json.dumps(plan))


def test_a_run_that_has_ended_says_so_before_a_picture_is_read(finished, monkeypatch):
    monkeypatch.setattr(loop, "Pictures", None)
    out, line = finished["decompress"], Lines()
    assert run(Options(), [], out, resume=True, line=line) == out / "model.onnx"
    assert line.said[0].startswith(f"{out}: this run has ended, after 4 steps; ")


@pytest.mark.parametrize(
    ("distances", "spreads", "times"),
    [
        ((0.5, 0.4, 0.3), (0.2, 0.15, 0.1), 1),
        ((0.5, 0.4, 0.3), (0.2, 0.17, 0.3), 0),
        ((0.5, 0.6, 0.7), (0.2, 0.15, 0.1), 0),
    ],
    ids=["nearer and alike", "nearer", "farther and alike"],
)
def test_variants_that_grow_alike_are_told_once(
    distances, spreads, times, data, tmp_path, monkeypatch
):
    found = iter([*zip(distances, spreads, strict=True), *[(distances[-1], spreads[-1])] * 30])

    def validate(self, weights, *, reduced):
        return Validation(*next(found), Image.new("RGB", (1, 1)))

    monkeypatch.setattr(Validator, "validate", validate)
    loop.train(replace(PIXELS_ALONE, steps=4), [data], tmp_path / "mine", line=(line := Lines()))
    assert sum("grow alike" in said for said in line.said) == times


def test_weights_may_be_read_by_whom_other_files_may(finished):
    file = finished["upscale"] / "model.safetensors"
    assert file.stat().st_mode == file.with_name("config.json").stat().st_mode


def test_a_resumed_run_knows_its_last_figures(finished):
    rows = checkpoint.load_state(finished["upscale"])["rows"]
    for name in ("random", "spread"):
        assert math.isfinite(journal.last(rows, name))
    assert journal.last(rows, "spread") == [row for row in rows if "spread" in row][-1]["spread"]
