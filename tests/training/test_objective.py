"""The objective, term by term, against values computed by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from imagine_training.method import spectrum, texture
from imagine_training.method.objective import Objective
from imagine_training.method.presets import UPSCALE
from pictures import photograph

PLAIN = replace(UPSCALE, perceptual=(), pixel_weight=0.5, patch=0)
NOTHING = replace(
    UPSCALE, pixel_weight=0.0, half_scale_weight=0.0, spectrum_weight=0.0, texture_weight=0.0
)
FIRST, LAST = (0.5, 2.0, 3.0), (1.0, 0.25)  # gains of two networks' taps


class Gains:
    """A network that sees the pixels: each tap is the picture times its gain."""

    def __init__(self, gains):
        self.gains = gains

    def features(self, pictures, taps=None):
        return [gain * pictures for gain in self.gains[:taps]]

    def of_a_shift(self, by, taps=None):
        """LPIPS of pictures that differ by as much at every sample: by hand."""
        return sum(3 * (gain * by) ** 2 for gain in self.gains[:taps])


NETWORKS = Gains(FIRST), Gains(LAST)


@pytest.fixture
def target():
    return torch.from_numpy(photograph(48, 48).copy()).permute(2, 0, 1)[None].float() / 255


def objective(target, preset, networks=()):
    return Objective(target, networks, preset, np.random.default_rng(0))


def test_without_networks_the_loss_is_the_weighted_mean_difference(target):
    ours = objective(target, PLAIN)
    for shift in (0.1, -0.1):
        assert ours.loss(target + shift).item() == pytest.approx(0.05, rel=1e-4)
        assert ours.distance(target + shift).item() == pytest.approx(0.05, rel=1e-4)
    assert objective(target, PLAIN).loss(target).item() == 0


@pytest.mark.parametrize("side", [41, 42])
def test_a_shift_costs_what_lpips_says_at_both_scales_where_the_window_is_large_enough(
    side, target
):
    target = target[..., :side, :side]
    preset = replace(NOTHING, half_scale_weight=0.7)
    half_scale = 0.7 if side == 42 else 0.0  # 42 - 8 are twice 17
    expected = (1 + half_scale) * NETWORKS[0].of_a_shift(0.1) + NETWORKS[1].of_a_shift(0.1)
    loss = objective(target, preset, NETWORKS).loss(target + 0.1)
    assert loss.item() == pytest.approx(expected, rel=1e-3)


def test_the_loss_is_the_sum_of_its_terms_each_times_its_weight(target):
    pictures = target + 0.1 * torch.rand(3, *target.shape[1:])  # three against one: (n,) at the end
    target = target.expand_as(pictures)
    ours = objective(target, NOTHING, NETWORKS)
    seen, known = (some[..., *ours.window] for some in (pictures, target))
    features = [[gain * some for gain in FIRST] for some in (seen, known)]
    projected = [texture.projected(some, seen.shape[-2], ours.seed) for some in features]
    terms = {
        "pixel_weight": (pictures - target).abs().mean((1, 2, 3)),
        "texture_weight": texture.compare(*projected),
        "spectrum_weight": spectrum.compare(*map(spectrum.log_amplitudes, (seen, known))),
    }
    squares = (seen - known).square().sum(1).mean((1, 2))
    lpips = sum(gain**2 for gain in FIRST + LAST) * squares
    assert torch.allclose(ours.loss(pictures), lpips, rtol=1e-4)
    for name, term in terms.items():
        loss = objective(target, replace(NOTHING, **{name: 2.0}), NETWORKS).loss(pictures)
        assert loss.shape == (3,)
        assert torch.allclose(loss, lpips + 2 * term, rtol=1e-4)


def test_the_choice_sees_the_last_network_and_the_first_taps_of_the_first(target):
    expected = NETWORKS[1].of_a_shift(0.1) + NETWORKS[0].of_a_shift(0.1, taps=2)
    preset = replace(NOTHING, patch=12)
    places = objective(target, preset, NETWORKS).distance(target + 0.1)
    assert torch.allclose(places, torch.full((1, 4, 4), expected), rtol=1e-4)

    whole = objective(target, replace(NOTHING, patch=0), NETWORKS).distance(target + 0.1)
    assert whole.shape == (1, 1, 1)
    assert whole.item() == pytest.approx(NETWORKS[1].of_a_shift(0.1), rel=1e-4)


def test_a_difference_is_seen_in_its_own_patch_alone(target):
    pictures = target.clone()
    pictures[..., 12:24, 36:48] += 0.2
    places = objective(target, replace(PLAIN, patch=12)).distance(pictures)
    assert places.shape == (1, 4, 4)
    expected = torch.zeros(1, 4, 4)
    expected[0, 1, 3] = 0.1
    assert torch.allclose(places, expected, atol=1e-6)


def test_patches_larger_than_the_picture_are_the_picture(target):
    assert objective(target, replace(PLAIN, patch=100)).distance(target + 0.1).shape == (1, 1, 1)


def test_networks_look_through_a_window_that_chance_moves(target):
    """By 0 to 8 pixels: a change at the very edge is seen by some of the windows."""
    pictures = target.clone()
    pictures[..., 0, :] += 0.2
    windows = [
        Objective(target, NETWORKS, NOTHING, np.random.default_rng(seed)) for seed in range(30)
    ]
    tops = {window.window[0].start for window in windows}
    assert min(tops) == 0
    assert max(tops) == 8
    for window in windows:
        assert (window.loss(pictures) > 0) == (window.window[0].start == 0)
