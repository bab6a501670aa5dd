"""Functions of arrays: what a variant is worth, how variants differ, how sets of pictures differ.

Pictures are (h, w, 3) in eight bits. LPIPS itself is in `perceptual.py`; what is made of its
distances (k variants of one picture, or n pictures) is here.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image

EightBits = NDArray[np.uint8]
Floats = NDArray[np.floating]


def psnr(picture: EightBits, observed: EightBits) -> float:
    """Peak signal-to-noise ratio in dB, over all samples.

    A squared error of at least a half counts, in all, as in `DownscaledAgreement`: so equal
    pictures have a figure, 10 log10(2 · 255² · samples), and means stay finite.
    """
    squares = np.square(picture.astype(np.float64) - observed).sum()
    return float(10 * np.log10(255**2 * picture.size / max(squares, 0.5)))


def lr_psnr(picture: EightBits, observed: EightBits, scale: int, kernel: str = "bicubic") -> float:
    """The `psnr` of both pictures shrunk `scale` times, antialiased, to eight bits.

    NTIRE's "learning the super-resolution space" (Lugmayr et al. 2021, measure.py), whose goal is
    45 dB. Its filter is Matlab's bicubic; Pillow's is the same kernel (a = -1/2), but for the
    border, where Matlab mirrors the picture and Pillow cuts the kernel.
    """
    height, width = (length // scale for length in picture.shape[:2])
    small, small_observed = (
        np.asarray(Image.fromarray(one).resize((width, height), Image.Resampling[kernel.upper()]))
        for one in (picture, observed)
    )
    return psnr(small, small_observed)


def ssim(picture: EightBits, observed: EightBits) -> float:
    """Structural similarity: Wang et al., "Image Quality Assessment" (2004); 1 is equality.

    A Gaussian window of 11 pixels, sigma 1.5, K1 = 0.01, K2 = 0.03; the mean over channels and
    over the places where the window is whole.
    """
    x, y = (torch.tensor(one.transpose(2, 0, 1)[:, None]).double() for one in (picture, observed))
    bell = torch.exp(-torch.arange(-5.0, 6).double().square() / (2 * 1.5**2))
    bell = bell / bell.sum()

    def mean(plane: torch.Tensor) -> torch.Tensor:
        return F.conv2d(F.conv2d(plane, bell.view(1, 1, 11, 1)), bell.view(1, 1, 1, 11))

    mean_x, mean_y = mean(x), mean(y)
    var_x, var_y = mean(x * x) - mean_x**2, mean(y * y) - mean_y**2
    covariance = mean(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    structure = (2 * covariance + c2) / (var_x + var_y + c2)
    return float((luminance * structure).mean())


def mean_picture(variants: list[EightBits]) -> EightBits:
    """The mean of variants, pixel by pixel, rounded."""
    mean: EightBits = np.rint(np.mean(variants, axis=0)).astype(np.uint8)
    return mean


def halved(picture: EightBits) -> EightBits:
    """(h, w, 3) to (h // 2, w // 2, 3), by Pillow's bicubic, antialiased."""
    size = picture.shape[1] // 2, picture.shape[0] // 2
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))


def spread(distances: Floats) -> float:
    """The mean distance of all pairs of k different variants, from (k, k) distances; 0 of one."""
    pairs = distances[np.triu_indices(len(distances), 1)]
    return float(pairs.mean()) if pairs.size else 0.0


def faithfulness_weighted_variance(to_mean: Floats, to_observed: Floats, sigma: float) -> float:
    """(1/k) Σ exp(-d(variant, observed) / 2σ²) · d(variant, mean of variants), both d's (k,).

    Li et al. (IJCV 2020), and HyperRIM's table 2: variety counts where it is faithful. d is LPIPS,
    which is a squared distance already, so it stands in the Gaussian kernel as it is. The paper
    gives neither k nor the reduction; so compare figures of this definition with one another only.
    """
    weights = np.exp(-to_observed / (2 * sigma**2))
    return float(np.mean(weights * to_mean))


def s10(maps: Floats) -> float:
    """NTIRE's diversity score in percent, from (k, h, w) maps of LPIPS to the observed picture.

    100 (G - B) / G: G is the distance of the best variant; B that of a picture put together, pixel
    by pixel, from the best of each (Lugmayr et al. 2021, measure.py: AlexNet, k = 10). Noise raises
    it, and so do more variants. Variants that equal the observed picture score 0.
    """
    best = maps.mean(axis=(1, 2)).min()
    composed = maps.min(axis=0).mean()
    return float(100 * (best - composed) / best) if best > 0 else 0.0


def frechet(features: Floats, others: Floats) -> float:
    """The Fréchet distance of two Gaussians fitted to (n, d) and (m, d) features.

    |μ₁ - μ₂|² + tr(Σ₁ + Σ₂ - 2 (Σ₁ Σ₂)^½): Heusel et al. (2017). With Σ = AᵀA the last trace is
    the sum of the singular values of A₁ A₂ᵀ, exact however few the pictures are. But few pictures
    make it too large, the more so the more dimensions: compare at one n only.
    """
    first, second = (_root(each) for each in (features, others))
    shared = np.linalg.svd(first @ second.T, compute_uv=False).sum()
    apart = np.square(features.mean(axis=0) - others.mean(axis=0)).sum()
    return float(apart + np.square(first).sum() + np.square(second).sum() - 2 * shared)


def _root(features: Floats) -> Floats:
    """A, (at most d, d), of which AᵀA is the covariance."""
    centred = features - features.mean(axis=0)
    return np.asarray(np.linalg.qr(centred / np.sqrt(len(features) - 1), mode="r"))


def kid(features: Floats, others: Floats) -> float:
    """The kernel distance of (n, d) and (m, d) features; unbiased: about 0, or below, if alike.

    The squared maximum mean discrepancy under (x·y/d + 1)³: Bińkowski et al. (2018), all pictures
    in one block.
    """

    def kernel(x: Floats, y: Floats) -> Floats:
        products: Floats = (x @ y.T / x.shape[1] + 1) ** 3
        return products

    def of_pairs(x: Floats) -> float:
        within = kernel(x, x)
        return float((within.sum() - np.trace(within)) / (len(x) * (len(x) - 1)))

    between = float(kernel(features, others).mean())
    return of_pairs(features) + of_pairs(others) - 2 * between


def bootstrap(values: Floats, draws: int = 2000) -> tuple[float, float]:
    """A 95 % interval for the mean of (n,) values: percentiles of resampled means (Efron 1979)."""
    chosen = np.random.RandomState(0).randint(len(values), size=(draws, len(values)))
    low, high = np.percentile(np.asarray(values)[chosen].mean(axis=1), (2.5, 97.5))
    return float(low), float(high)
