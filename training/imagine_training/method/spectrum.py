"""How the local spectra of two pictures differ: the kind and the strength of texture.

A perceptual network is pleased by any fine pattern, a regular one too, and a generator finds that
out (hatching). Natural texture has a broad spectrum. Comparing amplitudes in small windows asks for
the right strength at each frequency and direction, wherever in the window it lies, and makes a lone
peak expensive.
"""

from functools import lru_cache

import torch
from torch import Tensor

from .operators import recolour

WINDOW = 16
STRIDE = 8
FLOOR = 0.02  # amplitudes far below five grey levels count as none


def log_amplitudes(pictures: Tensor) -> Tensor:
    """(n, 3, h, w) to (n, windows, 3, 16, 9): log(1 + amplitude / FLOOR) of luma and chroma."""
    windows = recolour(pictures).unfold(2, WINDOW, STRIDE).unfold(3, WINDOW, STRIDE)
    hann = _hann(pictures.device)
    windows = (windows - windows.mean((-1, -2), keepdim=True)) * hann * hann[:, None]
    spectra = torch.fft.rfft2(windows, norm="ortho")
    power = spectra.real.square() + spectra.imag.square()
    return torch.log1p((power + 1e-10).sqrt() / FLOOR).flatten(2, 3).transpose(1, 2)


@lru_cache(maxsize=8)
def _hann(device: torch.device) -> Tensor:
    """Hann's window, (WINDOW,), of mean power 1."""
    hann = torch.hann_window(WINDOW, periodic=False, device=device)
    return hann / hann.square().mean().sqrt()


def compare(amplitudes: Tensor, others: Tensor) -> Tensor:
    """The mean squared difference of two `log_amplitudes`: (n,). So a lone peak costs much."""
    return (amplitudes - others).square().flatten(1).mean(1)
