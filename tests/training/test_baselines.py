"""The paper's rivals: each loss is its paper's, each model a model like any other."""

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from imagine_training.baselines import adversary, esrgan, pix2pix, srim
from imagine_training.baselines.networks import build
from imagine_training.method import backbones, perceptual
from imagine_training.method.checkpoint import load_state
from imagine_training.method.data import random_batch
from imagine_training.method.imle import imagine_levels
from imagine_training.method.latent import draw
from imagine_training.method.operators import shrink
from imagine_training.method.presets import LevelShape, Preset
from imagine_training.run import loop
from imagine_training.run.command import run, settings
from imagine_training.run.learner import Learner
from imagine_training.run.methods import RIVALS, called, presets
from imagine_training.run.options import Options
from pictures import photograph, photographs
from PIL import Image
from typer.testing import CliRunner

from imagine_cli import Downscaled, ImagineError, JpegCoded, OnnxModel, imagine
from imagine_cli.cli import app
from imagine_cli.progress import Silent

EACH = [(name, task) for name, method in RIVALS.items() for task in method.presets]
STEP = LevelShape(8, 4, 1, 1, 2, enlarge=4, tail=(8, 8), map_channels=2)
LEVELS = {
    ("srim", "upscale"): (replace(STEP, enlarge=16, tail=(8,) * 4),),
    ("esrgan", "upscale"): (STEP, replace(STEP, window=8)),
    ("pix2pix", "decompress"): (LevelShape(4, 0, enlarge=1, tail=(), map_channels=2),),
    ("regression", "upscale"): (LevelShape(8, 4, 1, 1, 2, tail=(8,)),) * 4,
    ("regression", "decompress"): (
        LevelShape(8, 4, 1, 1, 2, downsample=2, enlarge=1, tail=(8,), block_grid=8),
    ),
}
TINY = {
    (name, task): replace(
        presets(name, task)["compact"], levels=LEVELS[name, task], batch=2, warm_steps=1, steps=4,
        crop=64, perceptual=(), candidates=(2,) * len(LEVELS[name, task]),
    )
    for name, task in EACH
}  # fmt: skip
ESRGAN, SRIM = TINY["esrgan", "upscale"], TINY["srim", "upscale"]
PIX2PIX = TINY["pix2pix", "decompress"]
PICTURES = [photograph(64, 72, seed) for seed in range(3)]


@pytest.fixture(params=EACH, ids="-".join)
def tiny(request):
    return TINY[request.param]


def learner(preset):
    return Learner(
        preset, None, seed=3, reduced=False, device=torch.device("cpu"), say=lambda _: None
    )


def parameters(module):
    return sum(weights.numel() for weights in module.parameters())


SIZES = {
    ("srim", "upscale"): 1_839_558,
    ("esrgan", "upscale"): 1_883_980,
    ("pix2pix", "decompress"): 1_552_867,
    ("regression", "upscale"): 1_946_232,
    ("regression", "decompress"): 1_629_334,
}


@pytest.mark.parametrize(("name", "task"), EACH)
def test_a_rival_is_as_large_as_ours(name, task):
    with torch.device("meta"):
        ours, theirs = (build(presets(one, task)["compact"]) for one in ("imle", name))
    assert parameters(theirs) == SIZES[name, task]
    assert parameters(theirs) == pytest.approx(parameters(ours), rel=0.06)


def test_every_rival_is_trained_on_the_same_pictures_by_as_large_batches():
    for name, task in EACH:
        ours, theirs = (presets(one, task)["compact"] for one in ("imle", name))
        assert (theirs.crop, theirs.batch, theirs.task) == (ours.crop, ours.batch, task)
        assert Preset.from_json(theirs.as_json()) == theirs


def test_what_lies_beyond_a_rivals_margin_changes_nothing(tiny):
    torch.manual_seed(0)
    network = build(tiny).eval()
    for level, shape in enumerate(tiny.levels):
        margin, step = network.margin(shape), network.multiple(shape)
        side = 2 * margin + 2 * step
        pixels, latent_map = (
            torch.rand(1, 3, 32, side),
            torch.randn(1, shape.map_channels, 32, side),
        )
        rest = torch.randn(1, tiny.vector), torch.rand(1, tiny.condition)
        with torch.no_grad():
            one = network(level, pixels, latent_map, *rest)
            pixels[..., margin + step :], latent_map[..., margin + step :] = 0.5, 0
            other = network(level, pixels, latent_map, *rest)
        seen = shape.enlarge * step
        assert torch.equal(one[..., :seen], other[..., :seen])
        assert not torch.equal(one, other)


def test_a_rival_begins_near_the_plain_enlargement_as_ours_does(tiny):
    torch.manual_seed(0)
    network, shape = build(tiny).eval(), tiny.levels[0]
    pixels, latent_map = torch.rand(1, 3, 32, 32), torch.randn(1, shape.map_channels, 32, 32)
    rest = torch.randn(1, tiny.vector), torch.rand(1, tiny.condition)
    side = 32 * shape.enlarge
    plain = torch.nn.functional.interpolate(pixels, (side, side), mode="bicubic")
    assert (network(0, pixels, latent_map, *rest) - plain).abs().mean() < 0.15


def test_levels_of_four_see_what_is_true_at_their_scale():
    rng = np.random.default_rng(0)
    batch = random_batch([photograph(128, 128)], replace(ESRGAN, crop=128), rng, range(2))
    first, second = batch.steps
    assert batch.observed.shape[-2:] == (8, 8)
    assert first.target.shape[-2:] == second.target.shape[-2:] == (32, 32)
    assert second.agree.small.shape[-2:] == (2, 2)
    given = batch.given(1, first.target)
    assert given.shape[-2:] == (8, 8)
    within = (..., slice(2, -2), slice(2, -2))
    known = given[within] - shrink(second.target, 4, second.agree.kernel)[within]
    assert known.abs().max() < 0.02
    flat = second.agree.project(torch.full_like(second.target, 0.5))
    assert torch.allclose(shrink(flat, 16, second.agree.kernel), second.agree.small, atol=1e-5)


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def test_the_relativistic_losses_are_esrgans_equations_1_and_2():
    real, fake = [1.0, 3.0], [0.5, -0.5]
    d_real = [sigmoid(one - sum(fake) / 2) for one in real]  # D(x_r, x_f)
    d_fake = [sigmoid(one - sum(real) / 2) for one in fake]  # D(x_f, x_r)
    adversary_loss = [-math.log(r) - math.log(1 - f) for r, f in zip(d_real, d_fake, strict=True)]
    generator_loss = [-math.log(1 - r) - math.log(f) for r, f in zip(d_real, d_fake, strict=True)]
    both = torch.tensor(real), torch.tensor(fake)
    assert esrgan.relativistic(*both).tolist() == pytest.approx(adversary_loss, rel=1e-5)
    assert esrgan.relativistic(*both[::-1]).tolist() == pytest.approx(generator_loss, rel=1e-5)


def test_surprise_is_cross_entropy():
    said = torch.tensor([[0.0, 2.0], [1.0, 1.0]])[:, None, :, None]
    half, two, one = (-math.log(sigmoid(x)) for x in (0, 2, 1))
    assert pix2pix.surprise(said, observed=True).tolist() == pytest.approx([(half + two) / 2, one])
    off = [-math.log(1 - sigmoid(x)) for x in (0, 2, 1)]
    found = pix2pix.surprise(said, observed=False).tolist()
    assert found == pytest.approx([(off[0] + off[1]) / 2, off[2]])


def test_the_patches_are_those_of_the_paper():
    judge = pix2pix.PatchAdversary(4)
    given, pictures = torch.rand(1, 3, 256, 256), torch.rand(1, 3, 256, 256, requires_grad=True)
    said = judge(given, pictures)
    assert said.shape == (1, 1, 30, 30)
    said[0, 0, 15, 15].backward()
    (rows,) = pictures.grad.abs().sum((0, 1, 3)).nonzero(as_tuple=True)
    assert rows.max() - rows.min() + 1 == 70


def test_an_adversary_is_still_in_the_generators_loss_and_learns_by_its_own():
    judge = torch.nn.Linear(2, 1)
    pictures = torch.rand(3, 2, requires_grad=True)
    loss = adversary.still(judge, pictures)[:, 0]
    assert torch.equal(loss, judge(pictures)[:, 0])
    own = 2 * judge(pictures.detach())[:, 0]
    both = adversary.against(loss, own)
    assert torch.allclose(both, loss)
    both.sum().backward()
    assert torch.allclose(pictures.grad, judge.weight.expand(3, 2))
    assert judge.bias.grad.item() == 2 * 3


@pytest.fixture
def by_chance(chance, monkeypatch):
    monkeypatch.setattr(perceptual, "_trunk_weights", chance.__getitem__)


def gradients(module):
    return [one.grad.clone() for one in module.parameters() if one.grad is not None]


def same(some, others):
    return all(torch.allclose(*pair, atol=1e-7) for pair in zip(some, others, strict=True))


def fakes(ours):
    """Its pictures on the random codes of step 1."""
    drawn = ours.draw(PICTURES, 1, range(2))
    choose = partial(draw, ours.preset, generator=drawn.codes)
    return imagine_levels(ours.network, drawn.batch, choose)


def test_esrgans_loss_is_equation_3_and_both_networks_learn_by_their_own(by_chance):
    ours = learner(replace(ESRGAN, perceptual=("vgg",)))
    drawn = ours.draw(PICTURES, 1, range(2))
    (vgg,), judges = ours.method.lpips, ours.adversaries
    found = ours.method.losses(drawn)
    found.sum().backward()
    learnt = [gradients(one) for one in (ours.network, judges)]

    ours.optimiser.zero_grad()
    losses, theirs = [], []
    pairs = zip(fakes(ours), (one.target for one in drawn.batch.steps), judges, strict=True)
    for fake, real, judge in pairs:
        c_real, c_fake = judge(real), judge(fake)
        cross = torch.log(1 - torch.sigmoid(c_real - c_fake.mean()))
        cross = cross + torch.log(torch.sigmoid(c_fake - c_real.mean()))
        features = (vgg.convolved(fake) - vgg.convolved(real)).abs().mean((1, 2, 3))
        losses.append(features - 5e-3 * cross + 0.01 * (fake - real).abs().mean((1, 2, 3)))
        c_real, c_fake = judge(real), judge(fake.detach())
        cross = torch.log(torch.sigmoid(c_real - c_fake.mean()))
        theirs.append(-cross - torch.log(1 - torch.sigmoid(c_fake - c_real.mean())))
    assert torch.allclose(found, torch.stack(losses), rtol=1e-4)
    torch.stack(losses).sum().backward()
    assert same(learnt[0], gradients(ours.network))
    ours.optimiser.zero_grad()
    torch.stack(theirs).sum().backward()
    assert same(learnt[1], gradients(judges))


def test_esrgan_begins_with_the_pixels_alone():
    ours = learner(ESRGAN)
    drawn = ours.draw(PICTURES, 0, range(2))
    loss = ours.method.losses(drawn)
    assert loss.shape == (2, 2)
    loss.sum().backward()
    assert not gradients(ours.adversaries)
    assert gradients(ours.network)


def test_pix2pixs_loss_is_equation_4():
    ours = learner(PIX2PIX)
    drawn = ours.draw(PICTURES, 1, range(2))
    (judge,), given, real = ours.adversaries, drawn.batch.observed, drawn.batch.steps[0].target
    found = ours.method.losses(drawn)
    found.sum().backward()
    learnt = gradients(judge)
    (fake,) = fakes(ours)
    believed = torch.log(torch.sigmoid(judge(given, fake))).mean((1, 2, 3))
    expected = 100 * (fake - real).abs().mean((1, 2, 3)) - believed
    assert torch.allclose(found[0], expected, rtol=1e-4)

    ours.optimiser.zero_grad()
    told = torch.log(torch.sigmoid(judge(given, real))).mean((1, 2, 3))
    told = told + torch.log(1 - torch.sigmoid(judge(given, fake.detach()))).mean((1, 2, 3))
    (-told / 2).sum().backward()
    assert same(learnt, gradients(judge))


def test_srim_takes_the_nearest_by_vggs_features_and_a_little_of_the_pixels(by_chance, monkeypatch):
    monkeypatch.setattr(srim, "SEEN", 48)
    ours = learner(replace(SRIM, perceptual=("vgg",), candidates=(3,)))
    drawn = ours.draw(PICTURES, 1, range(2))
    (far,) = ours.method.objectives(drawn)
    target = drawn.batch.steps[0].target
    pictures = torch.rand_like(target)
    (vgg,) = ours.method.lpips
    seen = (..., *far.window)
    assert target[seen].shape[-2:] == (48, 48)
    features = (vgg.convolved(pictures[seen]) - vgg.convolved(target[seen])).abs()
    pixels = (pictures - target).abs().mean((1, 2, 3))
    expected = features.mean((1, 2, 3)) + 0.01 * pixels
    assert torch.allclose(far.loss(pictures), expected, rtol=1e-5)
    assert torch.equal(far.distance(pictures), far.loss(pictures)[:, None, None])
    others = pictures.flip(3)
    together = far.distance(torch.cat((pictures, others)))
    assert torch.equal(together, torch.cat((far.distance(pictures), far.distance(others))))

    with torch.no_grad():
        drawn = [ours.draw(PICTURES, 1, range(2)) for _ in range(2)]
        chosen, random = (
            ours.method.losses(one, choose=choose)[0]
            for one, choose in zip(drawn, (True, False), strict=True)
        )
    assert (chosen <= random).all()
    assert (chosen < random).any()


def test_regression_has_one_answer(tiny):
    network = build(tiny).eval()
    shape = tiny.levels[0]
    given = torch.rand(1, 3, 16, 16), torch.rand(1, tiny.condition)
    one, other = (
        network(
            0, given[0], torch.randn(1, shape.map_channels, 16, 16), torch.randn(1, tiny.vector),
            given[1],
        )
        for _ in range(2)
    )  # fmt: skip
    assert torch.equal(one, other) == (tiny.method == "regression")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return photographs(tmp_path_factory.mktemp("data") / "pictures", 70, 66)


@pytest.fixture
def small(monkeypatch):
    """Commands that take the tiny presets."""
    monkeypatch.setattr(backbones, "find", lambda net: None)
    for (name, task), preset in TINY.items():
        monkeypatch.setitem(RIVALS[name].presets, task, preset)


def test_a_run_leaves_a_model_that_the_program_and_evaluate_take(small, tiny, data, tmp_path):
    out = tmp_path / "rival"
    options = Options(task=tiny.task, method=tiny.method, steps=2, seed=1)
    assert run(options, [data], out, line=Silent()) == out / "model.onnx"
    card = (out / "README.md").read_text()
    assert called(tiny) in card
    assert f"--method {tiny.method}" in card

    model, picture = OnnxModel(out / "model.onnx"), photograph(64, 48)
    words = ["--task", tiny.task, "--data", data, "--model", out, "-n", 2, "--limit", 1]
    if tiny.task == "upscale":
        evidence = Downscaled(np.asarray(Image.fromarray(picture).resize((3, 4), 3)), 16)
        words += ["--scale", 16, "--metrics", "psnr,std,lr_psnr"]
    else:
        Image.fromarray(picture).save(tmp_path / "one.jpg", quality=10)
        evidence = JpegCoded.from_file(tmp_path / "one.jpg")
        words += ["--quality", 10, "--metrics", "psnr,std,kept"]
    one, other = imagine(evidence, model, range(2))
    assert one.picture.shape == picture.shape
    assert one.agreement.shortfall is None
    assert np.array_equal(one.picture, other.picture) == (tiny.method == "regression")

    done = CliRunner().invoke(app, ["evaluate", *map(str, words)])
    assert done.exit_code == 0, done.stderr
    told = {line.split()[0]: line.split()[-1] for line in done.stdout.splitlines()}
    assert math.isfinite(float(told["psnr"]))
    here = {"esrgan": {"std_2", "std_4"}, "srim": {"std_4"}}.get(tiny.method, set(told))
    codes = {name for name in told if name[-1].isdigit() and name.startswith("std")}
    assert {name for name in codes if told[name] != "-"} == here & codes


def test_a_rivals_run_that_was_stopped_ends_as_one_that_was_not(tiny, data, tmp_path, monkeypatch):
    def train(out):
        loop.train(tiny, [data], out, seed=3, precision="float32", device="cpu", line=Silent())

    monkeypatch.setattr(backbones, "find", lambda net: None)
    train(tmp_path / "whole")
    real = loop.train_step

    def interrupted(ours, pictures, step, done):
        if step == 2:
            raise KeyboardInterrupt
        return real(ours, pictures, step, done)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "train_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "cut")
    train(tmp_path / "cut")
    whole, cut = (load_state(tmp_path / name) for name in ("whole", "cut"))
    begun = {part: getattr(learner(tiny), part).state_dict() for part in ("network", "adversaries")}
    for part in ("network", "adversaries", "average"):
        assert all(torch.equal(value, cut[part][name]) for name, value in whole[part].items())
    for part, before in begun.items():
        moved = [not torch.equal(value, whole[part][name]) for name, value in before.items()]
        assert any(moved) or not before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Options(method="gan"), "--method gan: there are imle, srim, esrgan, pix2pix, regression"),
        (Options(method="pix2pix"), "--method pix2pix: it is for decompress, not for upscale"),
        (Options(method="srim", preset="paper"), "--preset paper: for upscale there are compact"),
        (
            Options(method="esrgan", candidates="3"),
            "--candidates: means nothing to --method esrgan",
        ),
        (Options(method="regression", perceptual="vgg"), "--perceptual: means nothing"),
        (Options(method="regression", init="upscale"), "goes on with --method imle"),
    ],
)
def test_a_method_that_cannot_be_is_one_line(options, words):
    with pytest.raises(ImagineError, match=words) as told:
        settings(options)
    assert "\n" not in str(told.value)


def test_a_rival_begins_from_nothing_and_goes_on_from_its_own(small, data, tmp_path):
    preset, start = settings(Options(method="srim"))
    assert (preset, start) == (SRIM, None)
    run(Options(method="srim", steps=1), [data], tmp_path / "one", line=Silent())
    preset, start = settings(Options(method="srim", init=str(tmp_path / "one"), candidates="5"))
    assert start == tmp_path / "one"
    assert (preset.method, preset.network, preset.candidates) == ("srim", "rrdb", (5,))
