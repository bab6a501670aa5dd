"""Local spectra, against NumPy's transforms and SciPy's window, and a wave that is known."""

import numpy as np
import pytest
import torch
from imagine_training.method import spectrum
from pictures import photograph
from scipy.signal.windows import hann

YCC = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])


def picture(height, width, seed=0):
    return np.moveaxis(photograph(height, width, seed) / 255, 2, 0)


def amplitudes(pixels):
    """(3, h, w) to (windows, 3, 16, 9), window by window: what the docstring says, in NumPy."""
    window = np.outer(hann(16), hann(16))
    window /= np.sqrt((hann(16) ** 2).mean()) ** 2
    found = []
    for top in range(0, pixels.shape[1] - 15, 8):
        for left in range(0, pixels.shape[2] - 15, 8):
            planes = np.tensordot(YCC, pixels[:, top : top + 16, left : left + 16], 1)
            planes = (planes - planes.mean((1, 2), keepdims=True)) * window
            spectra = np.fft.fft2(planes, norm="ortho")[..., :9]
            found.append(np.log1p(np.abs(spectra) / 0.02))
    return np.array(found)


def test_amplitudes_are_numpys():
    pixels = picture(40, 32)
    ours = spectrum.log_amplitudes(torch.tensor(pixels[None]).float())[0].numpy()
    assert ours.shape == (4 * 3, 3, 16, 9)
    assert np.allclose(ours, amplitudes(pixels), atol=1e-3)


def test_the_comparison_is_the_mean_square_picture_by_picture():
    some, others = (np.stack([picture(32, 24, seed) for seed in s]) for s in ((0, 1), (2, 3)))
    pairs = zip(some, others, strict=True)
    expected = [((amplitudes(a) - amplitudes(b)) ** 2).mean() for a, b in pairs]
    ours = spectrum.compare(
        *(spectrum.log_amplitudes(torch.tensor(batch).float()) for batch in (some, others))
    )
    assert np.allclose(ours.numpy(), expected, rtol=1e-3)


def test_a_grey_wave_is_found_at_its_frequency_with_its_amplitude():
    """Four periods across a window: by hand, amplitude a gives a / 2 times the window's mean."""
    x = 0.5 + 0.1 * np.cos(2 * np.pi * 4 * np.arange(16) / 16)
    pixels = torch.tensor(np.broadcast_to(x, (1, 3, 16, 16)).copy()).float()
    found = torch.expm1(spectrum.log_amplitudes(pixels))[0, 0] * 0.02  # (3, down, across)
    assert found[0].argmax() == 4
    gain = hann(16).mean() ** 2 / (hann(16) ** 2).mean()
    assert found[0, 0, 4].item() == pytest.approx(0.05 * 16 * gain, rel=0.02)
    assert found[1:].max() < 1e-3  # grey has no chroma
