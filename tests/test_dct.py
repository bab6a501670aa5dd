"""The cosine transform is the textbook's, there and back."""

import numpy as np
import pytest
from scipy.fft import dctn

from imagine_cli.dct import coefficients, samples

PLANE = np.random.default_rng(0).uniform(0, 255, (16, 24))


def test_coefficients_are_scipy_s():
    found = coefficients(PLANE)
    assert found.shape == (2, 3, 8, 8)
    expected = dctn(PLANE[8:16, 16:24] - 128, norm="ortho")
    assert found[1, 2] == pytest.approx(expected, abs=1e-3)


def test_there_and_back_is_nothing():
    assert samples(coefficients(PLANE)) == pytest.approx(PLANE, abs=1e-3)


def test_a_plane_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="8×8"):
        coefficients(PLANE[:10])
