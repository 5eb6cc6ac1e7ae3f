"""Local binary patterns and Gabor kernels are those of scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.feature import local_binary_pattern
from skimage.filters import gabor_kernel

from ferromics import filters

# Whole numbers (scikit-image warns of others) so far apart that there are no ties; and few, whose
# ties are exact where points lie on voxels.
NOISE = np.random.default_rng(3).integers(-(10**8), 10**8, size=(2, 40, 37))
FEW = np.random.default_rng(4).integers(0, 6, size=(2, 40, 37))

CODES = {"uniform": "uniform", "rotation_minimum": "ror", "pattern": "default"}


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(
    ("radius", "samples"), [(1, 8), (1, 4), (1.5, 12), (2, 16), (3, 24), (4.2, 5)]
)
def test_patterns_inside_the_image(radius: float, samples: int, code: str) -> None:
    # At the edge scikit-image takes zeros. It rounds places to 1e-5 voxels, which moves no point of
    # this noise across the voxel it is compared with.
    found = filters.lbp_2d(NOISE, radius=radius, samples=samples, code=code)
    edge = int(np.ceil(radius))
    for ours, image in zip(found, NOISE, strict=True):
        expected = local_binary_pattern(image, samples, radius, CODES[code])
        inner = (slice(edge, -edge),) * 2
        np.testing.assert_array_equal(ours[inner], expected[inner])


def test_beyond_the_edge_they_take_zeros() -> None:
    found = filters.lbp_2d(NOISE, radius=2, samples=16, boundary="zero")
    for ours, image in zip(found, NOISE, strict=True):
        expected = local_binary_pattern(image, 16, 2, "uniform")
        np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize("code", CODES)
def test_ties_where_points_lie_on_voxels(code: str) -> None:
    found = filters.lbp_2d(FEW, samples=4, code=code)
    for ours, image in zip(found, FEW, strict=True):
        expected = local_binary_pattern(image, 4, 1, CODES[code])
        np.testing.assert_array_equal(ours[1:-1, 1:-1], expected[1:-1, 1:-1])


@pytest.mark.parametrize("part", ["real", "imaginary", "modulus"])
@pytest.mark.parametrize("theta", [0.0, 30.0, 90.0, 135.0, 250.0])
@pytest.mark.parametrize(("sigma", "wavelength", "gamma"), [(2.0, 4.0, 1.0), (1.5, 6.0, 0.5)])
def test_the_response_to_an_impulse_is_their_kernel(
    sigma: float, wavelength: float, gamma: float, theta: float, part: str
) -> None:
    impulse = np.zeros((1, 61, 61))
    impulse[0, 30, 30] = 1
    found = filters.gabor(
        impulse, (1, 1, 1), sigma, wavelength, gamma=gamma, theta=theta, part=part,
        boundary="zero",
    )[0]  # fmt: skip
    across = sigma / gamma
    kernel = gabor_kernel(
        1 / wavelength, np.deg2rad(theta), sigma_x=sigma, sigma_y=across, n_stds=12
    )
    # Theirs has the sum of the envelope near 1; ours has the height 1.
    kernel = kernel * 2 * np.pi * sigma * across
    expected = {"real": kernel.real, "imaginary": kernel.imag, "modulus": abs(kernel)}[part]
    wanted = np.zeros((121, 121))
    rows, columns = (n // 2 for n in expected.shape)
    wanted[60 - rows : 61 + rows, 60 - columns : 61 + columns] = expected
    # Ours ends at seven standard deviations, theirs beyond that: exp(-24.5) = 3e-11.
    np.testing.assert_allclose(found, wanted[30:91, 30:91], rtol=0, atol=3e-11)
