"""Filters by Fourier transform: any array will do, threads change nothing, bad calls are named."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import ferromics as fm
from ferromics.filters import gabor, riesz, shannon, simoncelli

SPACING = (2.0, 1.0, 1.0)
NOISE = np.random.default_rng(7).integers(-1000, 2000, (24, 30, 33)).astype(np.int16)

FILTERS: dict[str, Callable[..., np.ndarray]] = {
    "gabor": lambda image, **k: gabor(image, SPACING, 2.0, 4.0, theta_step=np.pi / 4, **k),
    "simoncelli": lambda image, **k: simoncelli(image, 2, **k),
    "shannon": lambda image, **k: shannon(image, 2, **k),
    "riesz": lambda image, **k: riesz(image, SPACING, (0, 2, 0), sigma=1.5, **k),
    "steered": lambda image, **k: riesz(
        image, SPACING, (1, 0, 0), base="simoncelli", sigma_tensor=2.0, **k
    ),
}


@pytest.fixture(params=FILTERS)
def apply(request: pytest.FixtureRequest) -> Callable[..., np.ndarray]:
    return FILTERS[request.param]


@pytest.mark.parametrize("boundary", ["zero", "nearest", "periodic", "mirror", 12.5])
def test_types_strides_and_threads_change_no_bit(
    apply: Callable[..., np.ndarray], boundary: str | float
) -> None:
    expected = apply(NOISE, boundary=boundary, threads=1)
    assert expected.shape == NOISE.shape
    assert expected.dtype == np.float64
    turned = np.asfortranarray(NOISE.astype(np.float32))
    swapped = NOISE[::-1].copy().astype(">i4")[::-1]
    for image in (turned, swapped, NOISE.tolist()):
        for threads in (1, 2, 7):
            assert np.array_equal(
                apply(np.array(image), boundary=boundary, threads=threads), expected
            )


def test_the_image_stays_untouched(apply: Callable[..., np.ndarray]) -> None:
    before = NOISE.astype(np.float64)
    image = before.copy()
    apply(image)
    assert np.array_equal(image, before)


def test_voxels_that_are_not_finite_are_named(apply: Callable[..., np.ndarray]) -> None:
    image = NOISE.astype(np.float64)
    image[3, 4, 5] = np.nan
    with pytest.raises(fm.InputError, match=r"image is NaN at \[3, 4, 5\]"):
        apply(image)


def test_a_boundary_that_is_none_is_named(apply: Callable[..., np.ndarray]) -> None:
    with pytest.raises(fm.InputError, match=r"boundary is 'edge'; it is one of zero, nearest"):
        apply(NOISE, boundary="edge")
    with pytest.raises(fm.InputError, match="boundary is nan; a constant is a finite number"):
        apply(NOISE, boundary=np.nan)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gabor(NOISE, SPACING, 0, 4), "sigma is 0; a number above 0"),
        (lambda: gabor(NOISE, SPACING, 2, -4), "wavelength is -4; a number above 0"),
        (lambda: gabor(NOISE, SPACING, 2, 4, gamma=0), "gamma is 0; a number above 0"),
        (lambda: gabor(NOISE, SPACING, np.inf, 4), "sigma is inf; a finite number"),
        (lambda: gabor(NOISE, SPACING, 2, 4, theta_step=1.0), "theta_step is 1; a step in radians"),
        (
            lambda: gabor(NOISE, SPACING, 2, 4, part="phase"),
            "part is 'phase'; it is one of modulus",
        ),
        (lambda: gabor(NOISE, SPACING, 2, 4, pooling="avg"), "pooling is 'avg'; it is one of mean"),
        (lambda: gabor(NOISE, (1, 0, 1), 2, 4), "spacing must be three positive lengths"),
        (lambda: simoncelli(NOISE, 0), "level is 0 .* deepest level is 4"),
        (lambda: shannon(NOISE, 5), "level is 5 .* deepest level is 4"),
        (lambda: shannon(NOISE, -1), "level is -1; whole numbers"),
        (lambda: shannon(NOISE, 1.5), "level is 1.5; whole numbers"),
        (lambda: riesz(NOISE, SPACING, (0, 0, 0), sigma=1), r"order is \[0, 0, 0\]; .* 1 to 16"),
        (lambda: riesz(NOISE, SPACING, (-1, 0, 0), sigma=1), "order is -1; whole numbers"),
        (lambda: riesz(NOISE, SPACING, (1, 0), sigma=1), r"order is \(1, 0\); three whole"),
        (lambda: riesz(NOISE, SPACING, (1, 0, 0)), "sigma is None; a base of 'log' needs it"),
        (lambda: riesz(NOISE, SPACING, (1, 0, 0), sigma=0), "sigma is 0; a number above 0"),
        (lambda: riesz(NOISE, SPACING, (1, 0, 0), base="haar"), "base is 'haar'; it is one of log"),
        (
            lambda: riesz(NOISE, SPACING, (1, 0, 0), base="shannon", sigma=1),
            "sigma is 1; a base of 'shannon' takes none",
        ),
        (
            lambda: riesz(NOISE, SPACING, (1, 0, 0), sigma=1, sigma_tensor=-1),
            "sigma_tensor is -1; a number above 0",
        ),
        (lambda: riesz(NOISE, SPACING, (1, 0, 0), sigma=1, truncate=0), "truncate is 0; a number"),
    ],
)
def test_arguments_outside_their_limits_are_named(
    call: Callable[[], np.ndarray], message: str
) -> None:
    with pytest.raises(fm.InputError, match=message):
        call()


def test_gabor_of_a_part_equals_a_part_of_gabor() -> None:
    whole = gabor(NOISE, SPACING, 1.0, 4.0)
    part = gabor(NOISE[:, 3:27, 4:29], SPACING, 1.0, 4.0)
    inner = part[:, 5:-5, 5:-5]
    assert np.abs(inner - whole[:, 8:22, 9:24]).max() < 1e-12 * np.ptp(whole)
