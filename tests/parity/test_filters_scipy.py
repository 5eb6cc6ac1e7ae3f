"""Filters that scipy.ndimage and numpy compute too, for every rule beyond the edge.

Both sides sum the same products in another order, so they agree within 1e-12 of the image's range.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import ndimage

from ferromics import filters

NOISE = np.random.default_rng(1).normal(size=(9, 11, 13))
TOLERANCE = 1e-12 * np.ptp(NOISE)

# Our boundary, and scipy's words for it; scipy's "mirror" leaves out the outermost voxel.
BOUNDARIES = {
    "mirror": {"mode": "reflect"},
    "nearest": {"mode": "nearest"},
    "periodic": {"mode": "wrap"},
    "zero": {"mode": "constant", "cval": 0.0},
    "2.5": {"mode": "constant", "cval": 2.5},
}
AXES = {3: (0, 1, 2), 2: (1, 2)}

# Along x, y, z as the IBSI manual writes them, normalised here to squares of sum 1.
LAWS = {
    "L3": [1, 2, 1],
    "E3": [-1, 0, 1],
    "S3": [-1, 2, -1],
    "L5": [1, 4, 6, 4, 1],
    "E5": [-1, -2, 0, 2, 1],
    "S5": [-1, 0, 2, 0, -1],
    "W5": [-1, 2, 0, -2, 1],
    "R5": [1, -4, 6, -4, 1],
}


@pytest.fixture(params=BOUNDARIES)
def beyond(request: pytest.FixtureRequest) -> tuple[str | float, dict[str, object]]:
    name = request.param
    return (float(name) if name[0].isdigit() else name), BOUNDARIES[name]


def along(image: np.ndarray, kernels: dict[int, np.ndarray], mode: dict[str, object]) -> np.ndarray:
    """Convolution with a kernel along each of some axes."""
    for axis, kernel in kernels.items():
        image = ndimage.convolve1d(image, kernel, axis=axis, **mode)
        if mode.get("cval"):  # what stands beyond the edge is filtered too
            mode = {**mode, "cval": mode["cval"] * kernel.sum()}
    return image


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("support", [1, 3, 7, 31])
def test_mean_is_uniform_filter(support: int, dimension: int, beyond) -> None:
    boundary, mode = beyond
    expected = ndimage.uniform_filter(NOISE, support, axes=AXES[dimension], **mode)
    found = filters.mean(NOISE, support, dimension=dimension, boundary=boundary)
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("names", [("L5", "E5"), ("S3", "W5"), ("E3", "R5", "L3"), ("W5",) * 3])
def test_laws_are_three_convolutions(names: tuple[str, ...], beyond) -> None:
    boundary, mode = beyond
    weights = [np.array(LAWS[name], dtype=float) for name in names]
    kernels = {2 - k: w / np.linalg.norm(w) for k, w in enumerate(weights)}
    found = filters.laws(NOISE, "".join(names), boundary=boundary)
    np.testing.assert_allclose(found, along(NOISE, kernels, mode), rtol=0, atol=4 * TOLERANCE)


@pytest.mark.parametrize("names", [("L5", "E5"), ("E3", "W5", "R5")])
@pytest.mark.parametrize("pooling", ["max", "min", "mean", "sum"])
def test_pooled_laws_are_those_of_the_turned_images(names: tuple[str, ...], pooling: str) -> None:
    weights = [np.array(LAWS[name], dtype=float) for name in names]
    kernel = np.ones(())
    for w in reversed(weights):  # z, y, x
        kernel = np.multiply.outer(kernel, w / np.linalg.norm(w))
    kernel = kernel.reshape((1,) * (3 - kernel.ndim) + kernel.shape)
    turned = list(rotations(kernel, in_plane=len(names) == 2))
    assert len(turned) == (4 if len(names) == 2 else 24)
    maps = [ndimage.convolve(NOISE, k, mode="reflect") for k in turned]
    expected = getattr(np, pooling)(maps, axis=0)
    found = filters.laws(NOISE, "".join(names), pooling=pooling)
    np.testing.assert_allclose(found, expected, rtol=0, atol=24 * TOLERANCE)


def rotations(array: np.ndarray, *, in_plane: bool) -> list[np.ndarray]:
    """The array after each rotation by right angles: permuted axes and flips that keep the hand."""
    found = []
    for order in itertools.permutations(range(3)):
        odd = sum(order[i] > order[j] for i in range(3) for j in range(i + 1, 3)) % 2
        for flips in itertools.product([False, True], repeat=3):
            if in_plane and (order[0] != 0 or flips[0]):
                continue
            if (odd + sum(flips)) % 2 == 0:
                flipped = tuple(axis for axis in range(3) if flips[axis])
                found.append(np.flip(np.transpose(array, order), flipped))
    return found


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("sigma", [1.7, 6.0])  # 6 mm reach beyond the image's mirror image
def test_log_is_a_sum_of_sampled_derivatives(sigma: float, dimension: int, beyond) -> None:
    boundary, mode = beyond
    axes = AXES[dimension]
    reach = int(4 * sigma + 0.5)
    k = np.arange(-reach, reach + 1)
    gauss = np.exp(-(k**2) / (2 * sigma**2)) / (np.sqrt(2 * np.pi) * sigma)
    second = gauss * (k**2 / sigma**2 - 1) / sigma**2
    terms = [{a: second if a == b else gauss for a in axes} for b in axes]
    expected = sum(along(NOISE, kernels, mode) for kernels in terms)
    found = filters.log(NOISE, (1, 1, 1), sigma, dimension=dimension, boundary=boundary)
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize(("sigma", "off"), [(1.0, 0.03), (2.0, 6e-3), (3.0, 4e-3)])
def test_log_is_near_gaussian_laplace_the_more_so_the_wider(sigma: float, off: float) -> None:
    # scipy makes the sum of the cut-off Gaussian 1, and takes the second derivative as that times
    # a polynomial; IBSI samples the formula as it is. What is left is what lies beyond four sigmas,
    # 6e-5 of a Gaussian, but more of its second derivative, and at one sigma the sampling.
    image = np.random.default_rng(2).normal(size=(30, 30, 30))
    expected = ndimage.gaussian_laplace(image, sigma, mode="reflect", truncate=4)
    found = filters.log(image, (1, 1, 1), sigma)
    difference = np.abs(found - expected).max() / np.ptp(expected)
    assert difference < off
    # With the kernels eight sigmas long nothing is cut off.
    expected = ndimage.gaussian_laplace(image, sigma, mode="reflect", truncate=8)
    found = filters.log(image, (1, 1, 1), sigma, truncate=8)
    assert np.abs(found - expected).max() < 1e-6 * np.ptp(expected)


@pytest.mark.parametrize("dimension", [2, 3])
def test_gradient_is_numpy_s_inside_and_a_correlation_at_the_edge(dimension: int, beyond) -> None:
    boundary, mode = beyond
    spacing = (2.5, 0.5, 1.5)
    found = filters.gradient(NOISE, spacing, dimension=dimension, boundary=boundary)
    axes = AXES[dimension]
    inner = (slice(1, -1),) * 3
    slopes = np.gradient(NOISE, *[spacing[a] for a in axes], axis=axes)
    expected = np.sqrt(sum(slope**2 for slope in slopes))
    np.testing.assert_allclose(found[inner], expected[inner], rtol=0, atol=TOLERANCE / 0.5)
    slopes = [
        ndimage.correlate1d(NOISE, [-1, 0, 1], axis=a, **mode) / (2 * spacing[a]) for a in axes
    ]
    expected = np.sqrt(sum(slope**2 for slope in slopes))
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE / 0.5)


@pytest.mark.parametrize("sigma", [1.0, 4.0])  # 4 mm reach 28 voxels, beyond the image
def test_gabor_is_a_convolution_with_its_kernel(sigma: float, beyond) -> None:
    boundary, mode = beyond
    reach = int(7 * sigma + 0.5)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    envelope = np.exp(-(x**2 + y**2) / (2 * sigma**2))
    for part, wave in (("real", np.cos), ("imaginary", np.sin)):
        kernel = envelope * wave(2 * np.pi * x / 5)
        expected = [ndimage.convolve(plane, kernel, **mode) for plane in NOISE]
        found = filters.gabor(NOISE, (1, 1, 1), sigma, 5, part=part, boundary=boundary)
        # The kernel is not normalised: the sum of its size is the scale.
        scale = float(np.abs(kernel).sum())
        np.testing.assert_allclose(found, expected, rtol=0, atol=scale * TOLERANCE)
