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
    "gabor": lambda image, **k: gabor(image, SPACING, 2.0, 4.0, theta_step=45, **k),
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


def test_single_precision_gives_single_precision(apply: Callable[..., np.ndarray]) -> None:
    image = (NOISE / 100).astype(np.float32)
    single, double = apply(image, dtype=np.float32), apply(image)
    assert single.dtype == np.float32
    difference = np.abs(single - double)
    # A transform keeps some six digits of the range. Where the image varies alike in two
    # directions, rounding decides which of them a steered map follows.
    steered = apply is FILTERS["steered"]
    assert np.quantile(difference, 0.99 if steered else 1.0) < 1e-5 * np.ptp(double)


def test_slices_know_nothing_of_each_other(apply: Callable[..., np.ndarray]) -> None:
    options = {} if apply is FILTERS["gabor"] else {"dimension": 2}
    stack = apply(NOISE, **options)
    for z in (0, 11, 23):
        alone = apply(NOISE[z : z + 1], **options)[0]
        assert np.abs(alone - stack[z]).max() < 1e-12 * np.ptp(stack)


def test_one_slice_is_filtered_like_a_slice_by_wavelets() -> None:
    one = NOISE[:1]
    for wavelet in (simoncelli, shannon):
        for boundary in ("periodic", "mirror"):
            volume = wavelet(one, 2, boundary=boundary)
            assert np.array_equal(volume, wavelet(one, 2, dimension=2, boundary=boundary))
            along = {"base": wavelet.__name__, "boundary": boundary}
            # Nothing varies along z.
            assert not riesz(one, SPACING, (0, 0, 1), **along).any()


def test_one_slice_has_its_like_beyond_it_for_a_filter_of_the_volume() -> None:
    volume = riesz(NOISE[:1], SPACING, (1, 1, 0), sigma=1.5)
    stack = riesz(np.repeat(NOISE[:1], 9, axis=0), SPACING, (1, 1, 0), sigma=1.5)
    assert np.abs(volume[0] - stack[4]).max() < 1e-12 * np.ptp(volume)


@pytest.mark.parametrize("boundary", ["zero", "nearest", "periodic", "mirror", 12.5])
def test_kernels_larger_than_the_image_work(boundary: str | float) -> None:
    image = NOISE[:3, :4, :5]
    wide = gabor(image, SPACING, 20.0, 8.0, part="real", boundary=boundary)
    reach = 140  # 7 standard deviations
    if boundary in ("zero", 12.5):
        value = 0 if boundary == "zero" else boundary
        padded = np.pad(image.astype(np.float64), reach, constant_values=value)
    else:
        modes = {"nearest": "edge", "periodic": "wrap", "mirror": "symmetric"}
        padded = np.pad(image.astype(np.float64), reach, mode=modes[boundary])
    k = np.arange(-reach, reach + 1)
    kernel = np.exp(-(k[:, None] ** 2 + k**2) / 800) * np.cos(2 * np.pi * k / 8)
    for place in ((0, 0, 0), (1, 2, 4), (2, 3, 1)):
        z, y, x = place
        around = padded[z + reach, y : y + 2 * reach + 1, x : x + 2 * reach + 1]
        assert abs((around * kernel).sum() - wide[place]) < 1e-9 * np.abs(around).sum()
    smooth = riesz(image, SPACING, (1, 0, 0), base="gaussian", sigma=9.0, boundary=boundary)
    assert np.isfinite(smooth).all()


def test_a_boundary_that_is_none_is_named(apply: Callable[..., np.ndarray]) -> None:
    with pytest.raises(fm.InputError, match=r"boundary 'miror' is not known, .*'mirror'"):
        apply(NOISE, boundary="miror")
    with pytest.raises(fm.InputError, match="boundary is nan; it must be a finite number"):
        apply(NOISE, boundary=np.nan)
    with pytest.raises(fm.InputError, match=r"boundary is a constant of 1000.*single precision"):
        apply(NOISE, boundary=1e300, dtype=np.float32)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gabor(NOISE, SPACING, 0, 4), "sigma is 0; a number above 0"),
        (lambda: gabor(NOISE, SPACING, -2, 4), "sigma is -2; a number above 0"),
        (lambda: gabor(NOISE, SPACING, np.nan, 4), "sigma is nan; it must be a finite number"),
        (lambda: gabor(NOISE, SPACING, np.inf, 4), "sigma is inf; it must be a finite number"),
        (lambda: gabor(NOISE, SPACING, "2", 4), "sigma is '2'; it must be a finite number"),
        (lambda: gabor(NOISE, SPACING, 1e9, 4), "sigma is 1000000000 mm, .* limit is 4096 voxels"),
        (
            lambda: gabor(NOISE, SPACING, 1e9, 4, boundary="periodic"),
            "sigma is 1000000000 mm, .* limit is 4096 voxels",
        ),
        (lambda: gabor(NOISE, SPACING, 2, -4), "wavelength is -4; a number above 0"),
        (lambda: gabor(NOISE, SPACING, 2, 1e-12), "wavelength is 0.000000000001 mm.* 1e9 waves"),
        (lambda: gabor(NOISE, SPACING, 2, 4, gamma=0), "gamma is 0; a number above 0"),
        (lambda: gabor(NOISE, SPACING, 2, 4, theta=np.inf), "theta is inf; it must be a finite"),
        (lambda: gabor(NOISE, SPACING, 2, 4, theta_step=50), "theta_step is 50; .* divides 360"),
        (lambda: gabor(NOISE, SPACING, 2, 4, theta_step=0), "theta_step is 0; .* divides 360"),
        (lambda: gabor(NOISE, SPACING, 2, 4, part="phase"), "part 'phase' is not known"),
        (lambda: gabor(NOISE, SPACING, 2, 4, pooling="avg"), "pooling 'avg' is not known"),
        (lambda: gabor(NOISE, SPACING, 2, 4, pooling=None), "pooling None is not known"),
        (lambda: gabor(NOISE, (1, 0, 1), 2, 4), "spacing must be three positive lengths"),
        (lambda: gabor(NOISE, (1, 1), 2, 4), "give three lengths"),
        (lambda: gabor(NOISE[0], SPACING, 2, 4), "must be a 3D array .* got 2D"),
        (lambda: gabor(NOISE[:0], SPACING, 2, 4), r"image is empty, with shape \[0, 30, 33\]"),
        (lambda: gabor(NOISE, SPACING, 2, 4, dtype=np.int16), "dtype is int16"),
        (lambda: simoncelli(NOISE, 0), "level is 0; it must be a whole number from 1 on"),
        (lambda: simoncelli(NOISE[:0]), "image is empty"),
        (lambda: simoncelli(NOISE, dimension="2D"), "dimension is '2D'; it must be 2 .* or 3"),
        (lambda: shannon(NOISE, 5), "level is 5 .* deepest level is 4"),
        (lambda: shannon(NOISE, 10**9), "level is 1000000000 .* deepest level is 4"),
        (lambda: shannon(NOISE, 10**12), "level is 1000000000000; it must be at most"),
        (lambda: shannon(NOISE[:1, :1, :1]), "level is 1 .* deepest level is 0"),
        (lambda: shannon(NOISE, -1), "level is -1; it must be a whole number"),
        (lambda: shannon(NOISE, 1.5), "level is 1.5; it must be a whole number"),
        (lambda: riesz(NOISE, SPACING, (0, 0, 0), sigma=1), r"order is \[0, 0, 0\]; .* 1 to 16"),
        (lambda: riesz(NOISE, SPACING, (9, 9, 9), sigma=1), r"order is \[9, 9, 9\]; .* 1 to 16"),
        (lambda: riesz(NOISE, SPACING, (-1, 0, 0), sigma=1), "order is -1; it must be a whole"),
        (lambda: riesz(NOISE, SPACING, (1, 0), sigma=1), r"order is \(1, 0\); three whole"),
        (lambda: riesz(NOISE, SPACING, 1, sigma=1), "order is 1; three whole"),
        (
            lambda: riesz(NOISE, SPACING, (0, 0, 1), sigma=1, dimension=2),
            r"order is \[0, 0, 1\]; the order along z is 0",
        ),
        (lambda: riesz(NOISE, SPACING, (1, 0, 0)), "sigma is None; a base of 'log' needs it"),
        (lambda: riesz(NOISE, SPACING, (1, 0, 0), sigma=0), "sigma is 0; a number above 0"),
        (lambda: riesz(NOISE, SPACING, (1, 0, 0), sigma=np.nan), "sigma is nan; it must be"),
        (lambda: riesz(NOISE, SPACING, (1, 0, 0), sigma=0.9), "or 0.450 voxels along z"),
        (lambda: riesz(NOISE, SPACING, (1, 0, 0), sigma=1e9), "sigma is 1000000000 mm.* 65536"),
        (
            lambda: riesz(NOISE, SPACING, (1, 0, 0), sigma=1e9, boundary="periodic"),
            "sigma is 1000000000 mm.* limit is 65536 voxels",
        ),
        (
            lambda: riesz(NOISE, SPACING, (1, 0, 0), sigma=9999),
            r"sigma is 9999 mm, whose kernel pads .* limit is 2\^30 points",
        ),
        (lambda: riesz(NOISE, SPACING, (1, 0, 0), base="haar"), "base 'haar' is not known"),
        (
            lambda: riesz(NOISE, SPACING, (1, 0, 0), base="shannon", sigma=1),
            "sigma is 1; a base of 'shannon' takes none",
        ),
        (
            lambda: riesz(NOISE, SPACING, (1, 0, 0), base="shannon", truncate=3),
            "truncate is 3.0; a base of 'shannon' takes none",
        ),
        (
            lambda: riesz(NOISE, SPACING, (1, 0, 0), base="shannon", level=9),
            "level is 9 .* deepest level is 4",
        ),
        (
            lambda: riesz(NOISE, SPACING, (1, 0, 0), sigma=1, level=2),
            "level is 2; a base of 'log' takes none",
        ),
        (
            lambda: riesz(NOISE, SPACING, (1, 0, 0), sigma=1, sigma_tensor=-1),
            "sigma_tensor is -1; a number above 0",
        ),
        (
            lambda: riesz(NOISE, SPACING, (1, 0, 0), sigma=1, sigma_tensor=1e9),
            "sigma_tensor is 1000000000 mm.* limit is 65536 voxels",
        ),
        (lambda: riesz(NOISE, SPACING, (1, 0, 0), sigma=1, truncate=0), "truncate is 0; a number"),
    ],
)
def test_arguments_outside_their_limits_are_named(
    call: Callable[[], np.ndarray], message: str
) -> None:
    with pytest.raises(fm.InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_level_is_measured_by_the_axes_that_are_filtered() -> None:
    flat = np.moveaxis(NOISE, 0, 2)[:, :9, :9]
    assert simoncelli(flat, 3).any()
    with pytest.raises(fm.InputError, match=r"level is 3 .* deepest level is 2"):
        simoncelli(flat, 3, dimension=2)


def test_gabor_of_a_part_equals_a_part_of_gabor() -> None:
    whole = gabor(NOISE, SPACING, 0.7, 4.0)  # reaches 5 voxels
    part = gabor(NOISE[:, 3:27, 4:29], SPACING, 0.7, 4.0)
    inner = part[:, 5:-5, 5:-5]
    assert np.abs(inner - whole[:, 8:22, 9:24]).max() < 1e-12 * np.ptp(whole)
