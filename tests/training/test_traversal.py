"""Walking the codes: nearer step by step, within bounds, and always in agreement."""

import json
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from imagine_training.baselines import esrgan
from imagine_training.evaluation.programs import coded, shrunk
from imagine_training.evaluation.traversal import WALKS, Scene, Walk, best_of, figures, walk
from imagine_training.method import perceptual
from imagine_training.method.checkpoint import save_weights
from imagine_training.method.latent import Code
from imagine_training.method.network import Generator
from imagine_training.method.perceptual import Eye, Lpips
from imagine_training.method.presets import DECOMPRESS, UPSCALE, LevelShape
from imagine_training.run.export import card_of
from pictures import photograph, photographs
from PIL import Image
from typer.testing import CliRunner

from imagine_cli import imagine, noise
from imagine_cli.cli import app

SMALL = LevelShape(8, 4, 1, 1, 2, tail=(8,))
TINY = replace(UPSCALE, levels=(SMALL, SMALL), perceptual=("squeeze",))
TINY_JPEG = replace(
    DECOMPRESS, levels=(replace(DECOMPRESS.levels[0], channels=8, growth=4, blocks=2, shared=1),)
)


def network(preset, strength=30):
    """`strength` is how much the codes matter."""
    torch.manual_seed(0)
    made = Generator(preset).eval().requires_grad_(False)
    for level in made.levels:
        level.out.parametrizations.weight.original0.mul_(strength)
    return made


@pytest.fixture(autouse=True)
def lpips(monkeypatch, chance):
    """Perceptual networks that chance made."""
    torch.manual_seed(0)
    monkeypatch.setattr(perceptual, "_trunk_weights", chance.__getitem__)
    return Lpips("alex")


@pytest.fixture
def scene():
    return Scene(network(TINY), TINY, shrunk("one", photograph(64, 64), 4, "bicubic"))


def watched(scene, monkeypatch):
    """The codes that a walk will move, and as they were."""
    codes = scene.random_codes(0)
    monkeypatch.setattr(scene, "random_codes", lambda seed: codes)
    return codes, [Code(code.map.clone(), code.vector.clone()) for code in codes]


@pytest.mark.parametrize("kind", WALKS)
def test_a_walk_comes_nearer_and_never_leaves_the_evidence(scene, lpips, kind):
    way = walk(scene, lpips, kind, 12)
    assert len(way.distance) == len(way.length) == len(way.moved) + 1 == 13
    assert way.distance[-1] < way.distance[0]
    assert len(way.frames) == 9
    for frame in way.frames:
        assert scene.case.evidence.agreement(frame).as_json()["lr_psnr_db"] > 55
    assert all(0 < step < 0.5 for step in way.moved)


def test_codes_on_the_sphere_stay_as_long_as_random_ones_are(scene, lpips, monkeypatch):
    codes, _ = watched(scene, monkeypatch)
    way = walk(scene, lpips, "sphere", 5)
    assert way.length[1:] == pytest.approx([1] * 5, abs=1e-5)
    for code in codes:
        for part in (code.map, code.vector):
            assert part.square().mean().item() == pytest.approx(1, abs=1e-5)


def test_the_vector_walk_leaves_the_maps_alone(scene, lpips, monkeypatch):
    codes, before = watched(scene, monkeypatch)
    walk(scene, lpips, "vector", 3)
    for code, was in zip(codes, before, strict=True):
        assert torch.equal(code.map, was.map)
        assert not torch.equal(code.vector, was.vector)


def test_the_free_walk_moves_every_code_and_tells_its_length(scene, lpips, monkeypatch):
    codes, before = watched(scene, monkeypatch)
    way = walk(scene, lpips, "free", 3)
    parts = [part for code in codes for part in (code.map, code.vector)]
    for code, was in zip(codes, before, strict=True):
        assert not torch.equal(code.map, was.map)
        assert not torch.equal(code.vector, was.vector)
    everything = torch.cat([part.detach().ravel() for part in parts])
    assert way.length[-1] == pytest.approx(everything.square().mean().item(), rel=1e-5)


def test_of_random_codes_the_best_is_last_and_more_are_never_worse(scene, lpips):
    few, many = (best_of(scene, lpips, count) for count in (2, 6))
    assert many.distance == sorted(many.distance, reverse=True)
    assert many.distance[-1] <= few.distance[-1]
    assert len(set(many.distance)) == 6
    assert not many.moved


def test_a_step_is_measured_from_picture_to_picture(scene, lpips, monkeypatch):
    pictures, imagine_it = [], scene.imagine
    monkeypatch.setattr(
        scene, "imagine", lambda codes: pictures.append(imagine_it(codes)) or pictures[-1]
    )
    way = walk(scene, lpips, "free", 2)
    steps = [lpips(a, b).item() for a, b in pairwise(pictures)]
    assert way.moved == pytest.approx(steps)


def test_figures_take_the_end_for_recall_and_the_worst_for_precision(scene):
    nearest, agreeing = scene.case.observed, scene.written(scene.imagine(scene.random_codes(0)))
    far = 255 - agreeing
    way = Walk([0.5, 0.3, 0.2], [1.0, 1.4, 1.2], [0.1, 0.3, 0.2], [agreeing, far, nearest])
    found = figures(scene, way, Eye("alex"))
    worst = scene.case.evidence.agreement(far).as_json()["lr_psnr_db"]
    assert found == {
        **{"recall": 0.2, "judged": 0, "start": 0.5, "length": 1.2, "length_most": 1.4},
        **{"agrees_worst": worst, "step_most": 0.3},
    }


def test_a_jpeg_is_walked_too(lpips):
    case = coded("one", photograph(64, 64), 10)
    way = walk(Scene(network(TINY_JPEG), TINY_JPEG, case), lpips, "free", 6)
    assert way.distance[-1] < way.distance[0]
    assert case.evidence.agreement(way.frames[-1]).kept > 0.99


@dataclass
class InTorch:
    """A network as the program's model."""

    network: Generator
    card: object

    def __call__(self, level, pixels, field, vector, condition):
        given = (np.ascontiguousarray(pixels.transpose(2, 0, 1)), field, vector, condition)
        tensors = (torch.tensor(one, dtype=torch.float32)[None] for one in given)
        return self.network(level, *tensors)[0].permute(1, 2, 0).numpy()


def test_away_from_borders_codes_become_the_program_s_pictures():
    picture = photograph(256, 256) // 2 + 64  # nothing to clip, which is mended here and there
    case = shrunk("one", picture, 4, "bicubic")
    tiny = network(TINY, 1)
    model = InTorch(tiny, card_of(tiny, TINY, "tiny"))
    (variant,) = imagine(case.evidence, model, [8])  # a seed that sees pictures as they lie
    border, codes = 8, []
    for level, side in enumerate((64, 128)):
        own = slice(border, border + side)
        field = noise.Field(8, level, SMALL.map_channels).cut(own, own)
        vector = noise.vector(8, level, TINY.vector)
        codes.append(Code(torch.tensor(field)[None], torch.tensor(vector)[None]))
    scene = Scene(model.network, TINY, case)
    inner = slice(96, 160)

    def off(codes):
        found = scene.written(scene.imagine(codes)).astype(int)
        return np.abs(found - variant.picture)[inner, inner]

    assert off(codes).max() <= 1  # the program's pictures have half precision on the way
    assert off(scene.random_codes(0)).max() > 10


def test_the_command_writes_strips_animations_and_the_same_figures_again(tmp_path):
    model, data = tmp_path / "mine", tmp_path / "photos"
    save_weights(network(TINY).state_dict(), TINY, model)
    (model / "model.onnx").touch()
    photographs(data, 64, 64, count=2)
    results = []
    for out in (tmp_path / "first", tmp_path / "second"):
        words = ["--traverse", "--steps", 2, "--data", data, "--model", model, "--scale", 4]
        words = [*words, "-n", 2, "--out", out]
        done = CliRunner().invoke(app, ["evaluate", *map(str, words)])
        assert done.exit_code == 0, done.stderr
        results.append(json.loads((out / "report.json").read_text())["results"])
    assert results[0] == results[1]
    assert {one["contender"] for one in results[0]} == {"random", *WALKS}
    free = next(one for one in results[0] if one["contender"] == "free")
    most = max(free["of_each_picture"]["step_most"])
    assert free["figures"]["step_most"] == {"most": most}
    assert free["figures"]["agrees_worst"]["least"] > 55
    strip = Image.open(out / "mine x4" / "photos-0-free.png")
    assert strip.size == (3 * 68 + 64, 64)  # three frames, gaps, and the observed picture
    with Image.open(out / "mine x4" / "photos-0-free.webp") as animation:
        assert animation.n_frames == 3


def test_a_rival_that_enlarges_four_times_at_once_is_walked_too(lpips):
    preset = replace(
        TINY, network="rrdb", vector=1, levels=(replace(SMALL, enlarge=4, tail=(8, 8)),) * 2
    )
    torch.manual_seed(0)
    rival = esrgan.Generator(preset).eval().requires_grad_(False)
    case = shrunk("one", photograph(64, 64), 16, "bicubic")
    scene = Scene(rival, preset, case)
    assert [code.map.shape[-1] for code in scene.random_codes(0)] == [4, 16]
    way = walk(scene, lpips, "free", 6)
    assert way.distance[-1] < way.distance[0]
    assert case.evidence.agreement(way.frames[-1]).lr_psnr_db > 55


def test_a_model_without_codes_to_walk_is_one_line(tmp_path):
    Image.fromarray(photograph(64, 80)).save(tmp_path / "0.png")
    (tmp_path / "model.onnx").touch()
    words = ["--traverse", "--data", tmp_path, "--model", tmp_path]
    done = CliRunner().invoke(app, ["evaluate", *map(str, words)])
    assert done.exit_code == 1
    assert "no trained model here" in done.stderr
    assert len(done.stderr.splitlines()) == 1
