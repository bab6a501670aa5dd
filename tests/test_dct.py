"""The cosine transform is JPEG's: SciPy is the witness."""

import numpy as np
import pytest
from scipy.fft import dctn

from imagine_cli.dct import coefficients, samples


def plane(height, width):
    return np.random.default_rng(1).uniform(0, 255, (height, width))


def test_each_block_has_scipy_s_coefficients():
    pixels = plane(16, 24)
    expected = dctn(pixels[8:16, 16:24] - 128, norm="ortho")
    assert coefficients(pixels).shape == (2, 3, 8, 8)
    assert coefficients(pixels)[1, 2] == pytest.approx(expected, abs=1e-4)


def test_there_and_back_is_the_same_plane():
    pixels = plane(24, 16)
    assert samples(coefficients(pixels)) == pytest.approx(pixels, abs=1e-4)


def test_middle_grey_is_nothing_and_white_is_the_mean_alone():
    white = np.zeros((8, 8))
    white[0, 0] = 8 * 127
    assert not coefficients(np.full((8, 8), 128.0)).any()
    assert coefficients(np.full((8, 8), 255.0))[0, 0] == pytest.approx(white, abs=1e-3)


def test_single_precision_stays_single():
    assert coefficients(plane(8, 8).astype(np.float32)).dtype == np.float32


def test_a_plane_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="12 by 8"):
        coefficients(plane(12, 8))
