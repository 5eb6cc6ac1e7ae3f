"""Laws that filters obey by their definition, on random images.

What `rust/core/src/filter` proves of kernels and transfer functions is not repeated: here are laws
of whole maps, through the public functions. Tolerances are of the map's natural scale; doubles that
are summed in another order, or turned there and back by a Fourier transform, stay far below 1e-11.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import pywt
from hypothesis import given, settings
from hypothesis import strategies as st

from ferromics import filters as f

TOLERANCE = 1e-11
MM = (1.0, 1.0, 1.0)
Filter = Callable[..., np.ndarray]

few = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**32 - 1)
shapes = st.tuples(st.integers(3, 8), st.integers(9, 14), st.integers(9, 14))


def noise(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def near(found: np.ndarray, expected: np.ndarray, scale: float = 1.0) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE * scale)


LINEAR: dict[str, Filter] = {
    "mean": lambda a, **k: f.mean(a, 5, **k),
    "log": lambda a, **k: f.log(a, (2, 1, 1), 1.5, **k),
    "laws": lambda a, **k: f.laws(a, "E5W5S3", **k),
    "laws_pooled": lambda a, **k: f.laws(a, "E5W5S3", pooling="mean", **k),
    "wavelet": lambda a, **k: f.wavelet(a, "db2", "LHL", level=2, **k),
    "wavelet_pooled": lambda a, **k: f.wavelet(a, "coif1", "LHH", pooling="sum", **k),
    "gabor_real": lambda a, **k: f.gabor(a, MM, 1.5, 4, part="real", **k),
    "gabor_imaginary": lambda a, **k: f.gabor(
        a, MM, 1.5, 4, part="imaginary", theta=45, orthogonal=True, **k
    ),
    "simoncelli": lambda a, **k: f.simoncelli(a, 1, **k),
    "shannon": lambda a, **k: f.shannon(a, 1, **k),
    "shannon_slices": lambda a, **k: f.shannon(a, 1, dimension=2, **k),
    "riesz_log": lambda a, **k: f.riesz(a, (2, 1, 1), (0, 1, 1), sigma=1.5, **k),
    "riesz_gaussian": lambda a, **k: f.riesz(a, MM, (2, 0, 1), base="gaussian", sigma=1.5, **k),
    "riesz_simoncelli": lambda a, **k: f.riesz(a, MM, (1, 0, 0), base="simoncelli", **k),
}
OTHERS: dict[str, Filter] = {
    "laws_max": lambda a, **k: f.laws(a, "E5S5", pooling="max", **k),
    "laws_energy": lambda a, **k: f.laws(a, "E5L5R5", pooling="min", energy=2, **k),
    "gabor_modulus": lambda a, **k: f.gabor(a, MM, 1.5, 4, theta_step=45, pooling="max", **k),
    "riesz_steered": lambda a, **k: f.riesz(
        a, MM, (2, 0, 0), base="gaussian", sigma=1.5, sigma_tensor=1.0, **k
    ),
    "gradient": lambda a, **k: f.gradient(a, (2, 1, 0.5), **k),
    "lbp_2d": lambda a, **k: f.lbp_2d(a, radius=2, samples=12, **k),
    "lbp_3d": lambda a, **k: f.lbp_3d(a, radius=1.5, **k),
}


@pytest.mark.parametrize("name", LINEAR)
@given(shape=shapes, seed=seeds, boundary=st.sampled_from(["mirror", "nearest", "zero"]))
@few
def test_a_sum_of_images_has_the_sum_of_maps(
    name: str, shape: tuple[int, ...], seed: int, boundary: str
) -> None:
    apply = functools.partial(LINEAR[name], boundary=boundary)
    a, b = noise(shape, seed), noise(shape, seed + 1)
    scale = float(np.abs(apply(a)).max()) + 1
    near(apply(2.5 * a - b), 2.5 * apply(a) - apply(b), 10 * scale)


@pytest.mark.parametrize("name", [*LINEAR, *OTHERS])
@given(shape=shapes, seed=seeds, steps=st.tuples(*[st.integers(-9, 9)] * 3))
@few
def test_a_moved_periodic_image_has_a_moved_map(
    name: str, shape: tuple[int, ...], seed: int, steps: tuple[int, int, int]
) -> None:
    apply = functools.partial({**LINEAR, **OTHERS}[name], boundary="periodic")
    image = noise(shape, seed)
    expected = np.roll(apply(image), steps, (0, 1, 2))
    scale = float(np.abs(expected).max()) + 1
    found = apply(np.roll(image, steps, (0, 1, 2)))
    if name == "riesz_steered":
        # Where two directions vary nearly alike, or a sign is decided near zero, rounding decides.
        assert np.mean(np.abs(found - expected) > 1e-6 * scale) < 0.01
    else:
        near(found, expected, scale)


def rotations(*, in_plane: bool) -> list[Callable[[np.ndarray], np.ndarray]]:
    """Rotations by right angles: permuted axes and flips that keep the hand."""
    found: list[Callable[[np.ndarray], np.ndarray]] = []
    for order in itertools.permutations(range(3)):
        odd = sum(order[i] > order[j] for i in range(3) for j in range(i + 1, 3)) % 2
        for flips in itertools.product([False, True], repeat=3):
            kept = order[0] == 0 and not flips[0]
            if (odd + sum(flips)) % 2 == 0 and (kept or not in_plane):
                axes = tuple(axis for axis in range(3) if flips[axis])
                found.append(lambda a, o=order, x=axes: np.flip(np.transpose(a, o), x))
    return found


# Odd kernels cancel in the mean and the sum over all rotations.
KERNELS = {"max": "E3W5R5", "min": "E3W5R5", "mean": "S3L5R5", "sum": "S3L5R5"}
IN_SPACE: dict[str, Filter] = {
    "mean": lambda a: f.mean(a, 5),
    "log": lambda a: f.log(a, MM, 1.2),
    "gradient": lambda a: f.gradient(a, MM),
    "lbp_3d": f.lbp_3d,
    "simoncelli": lambda a: f.simoncelli(a, 1),
    "shannon": lambda a: f.shannon(a, 1, boundary="mirror"),
    "gabor": lambda a: f.gabor(a, MM, 1.5, 4, theta_step=45, orthogonal=True),
    **{
        f"laws_{p}": lambda a, p=p: f.laws(a, KERNELS[p], pooling=p)
        for p in ("max", "min", "mean", "sum")
    },
    "laws_energy": lambda a: f.laws(a, "E3L5S5", pooling="max", energy=2),
    **{
        f"wavelet_{p}": lambda a, p=p: f.wavelet(a, "db2", "LHL", pooling=p)
        for p in ("max", "min", "mean", "sum")
    },
    "wavelet_level_2": lambda a: f.wavelet(a, "bior2.2", "HHL", level=2, pooling="max"),
}
IN_SLICES: dict[str, Filter] = {
    "mean": lambda a: f.mean(a, 5, dimension=2),
    "log": lambda a: f.log(a, MM, 1.2, dimension=2),
    "gradient": lambda a: f.gradient(a, MM, dimension=2),
    "lbp_2d": lambda a: f.lbp_2d(a, samples=4),
    "simoncelli": lambda a: f.simoncelli(a, 1, dimension=2),
    "gabor": lambda a: f.gabor(a, MM, 2, 4, gamma=2, theta_step=45, pooling="max"),
    **{
        f"laws_{p}": lambda a, p=p: f.laws(a, KERNELS[p][:4], pooling=p)
        for p in ("max", "min", "mean", "sum")
    },
    "wavelet": lambda a: f.wavelet(a, "coif1", "LH", level=2, pooling="mean"),
}


# Sizes are odd: the frequency grid of even ones has no centre, as for IBSI's reference maps.
@pytest.mark.parametrize("name", IN_SPACE)
@given(edge=st.sampled_from([7, 9]), seed=seeds)
@settings(max_examples=2, deadline=None)
def test_a_turned_volume_has_a_turned_map(name: str, edge: int, seed: int) -> None:
    image = noise((edge,) * 3, seed)
    turns = rotations(in_plane=False)
    assert len(turns) == 24
    whole = IN_SPACE[name](image)
    for turn in turns:
        near(IN_SPACE[name](turn(image)), turn(whole), float(np.abs(whole).max()))


@pytest.mark.parametrize("name", IN_SLICES)
@given(edge=st.sampled_from([9, 11]), seed=seeds)
@settings(max_examples=4, deadline=None)
def test_turned_slices_have_turned_maps(name: str, edge: int, seed: int) -> None:
    image = noise((3, edge, edge), seed)
    turns = rotations(in_plane=True)
    assert len(turns) == 4
    whole = IN_SLICES[name](image)
    for turn in turns:
        near(IN_SLICES[name](turn(image)), turn(whole), float(np.abs(whole).max()))


def joined(maps: dict[str, np.ndarray], name: str, level: int, axes: tuple[int, ...]) -> np.ndarray:
    """What PyWavelets' reconstruction filters make of all sub-bands of a periodic image."""
    kernels = dict(zip("LH", pywt.Wavelet(name).filter_bank[2:], strict=True))
    length, step = len(kernels["L"]), 1 << (level - 1)
    total = np.zeros_like(next(iter(maps.values())))
    for band, values in maps.items():
        for axis, letter in zip(axes, reversed(band), strict=True):
            # Forth and back are `length - 1` weights late; forth is centred on `length // 2`.
            places = step * (np.arange(length) - (length - 1 - length // 2))
            values = sum(
                w * np.roll(values, int(k), axis)
                for w, k in zip(kernels[letter], places, strict=True)
            )
        total += values / 2 ** len(axes)
    return total


# The filters of dmey are cut off, which makes them an approximation; tables of long filters have 9
# to 12 digits.
@pytest.mark.parametrize("name", pywt.wavelist(kind="discrete"))
def test_sub_bands_give_the_image_back(name: str) -> None:
    image = noise((1, 12, 15), 3)
    maps = f.wavelet(image, name, dimension=2, boundary="periodic")
    off = np.abs(joined(maps, name, 1, (1, 2)) - image).max()
    assert off < (2e-2 if name == "dmey" else 1e-8)


@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize("name", ["haar", "db4", "coif2", "sym7", "bior3.3", "rbio4.4"])
def test_sub_bands_of_a_level_give_the_level_before_back(name: str, level: int) -> None:
    image = noise((6, 7, 9), 4)
    before = image
    if level > 1:
        before = f.wavelet(image, name, "LLL", level=level - 1, boundary="periodic")
    maps = f.wavelet(image, name, level=level, boundary="periodic")
    near(joined(maps, name, level, (0, 1, 2)), before, 8.0**level)


@pytest.mark.parametrize("name", ["haar", "db3", "db10", "sym8", "coif1", "coif3", "dmey"])
@given(seed=seeds)
@settings(max_examples=5, deadline=None)
def test_sub_bands_of_orthogonal_wavelets_share_the_energy(name: str, seed: int) -> None:
    # Nothing is left out between voxels, so energy doubles along each filtered axis.
    image = noise((5, 8, 9), seed)
    energy = np.sum(image**2)
    tolerance = 1e-2 if name == "dmey" else 1e-9  # as above
    for dimension, factor in ((3, 8), (2, 4)):
        maps = f.wavelet(image, name, dimension=dimension, boundary="periodic")
        total = sum(np.sum(m**2) for m in maps.values())
        assert abs(total / (factor * energy) - 1) < tolerance


@pytest.mark.parametrize("options", [{}, {"dimension": 2}], ids=["volume", "slices"])
@given(seed=seeds)
@few
def test_isotropic_wavelets_tile_the_spectrum_and_share_its_energy(
    options: dict[str, Any], seed: int
) -> None:
    image = noise((17, 19, 21) if not options else (2, 19, 21), seed)  # odd: has a centre
    bands = {j: f.shannon(image, j, **options) for j in (1, 2, 3)}
    # Bands of different levels have no frequency in common, and once in a band is for ever.
    for j, band in bands.items():
        near(f.shannon(band, j, **options), band)
        near(f.shannon(band, 1 + j % 3, **options), 0 * band)
    total = sum(np.sum(band**2) for band in bands.values())
    assert abs(np.sum(sum(bands.values()) ** 2) / total - 1) < 1e-12
    # From an eighth to half of the highest frequency, Simoncelli's squares add up to 1: a tight
    # frame, which applied twice gives the image back.
    middle = bands[2] + bands[3]
    maps = [f.simoncelli(middle, j, **options) for j in (1, 2, 3)]
    assert abs(sum(np.sum(m**2) for m in maps) / np.sum(middle**2) - 1) < 1e-12
    near(sum(f.simoncelli(m, j, **options) for j, m in enumerate(maps, 1)), middle)


@given(seed=seeds, order=st.sampled_from([(1, 0, 0), (0, 1, 0), (0, 0, 1)]))
@few
def test_twice_a_riesz_transform_is_that_of_twice_the_order(
    seed: int, order: tuple[int, int, int]
) -> None:
    # Squares of order 1 are of order 2 along an axis; their sum takes the sign and the mean away.
    image = f.shannon(noise((9, 11, 13), seed), 1)

    def riesz(a: np.ndarray, order: tuple[int, ...]) -> np.ndarray:
        return f.riesz(a, (3, 1, 2), order, base="shannon")

    twice = (2 * order[0], 2 * order[1], 2 * order[2])
    near(riesz(riesz(image, order), order), riesz(image, twice))
    along = [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
    near(sum(riesz(riesz(image, o), o) for o in along), -image)


@pytest.mark.parametrize("dimension", [2, 3])
@given(seed=seeds, spacing=st.tuples(*[st.sampled_from([0.8, 1.0, 1.3])] * 3))
@few
def test_log_of_a_quadratic_is_its_laplacian(
    dimension: int, seed: int, spacing: tuple[float, float, float]
) -> None:
    a = np.random.default_rng(seed).uniform(-2, 2, 10)
    n, sigma = 41, 1.6
    z, y, x = np.meshgrid(*[s * (np.arange(n) - n // 2) for s in spacing], indexing="ij")
    image = a[0] * z * z + a[1] * y * y + a[2] * x * x + a[3] * x * y + a[4] * y * z + a[5] * x
    axes = (0, 1, 2) if dimension == 3 else (1, 2)
    # In units of the spacings' geometric mean. At eight standard deviations nothing is cut off;
    # sampling at sigma = 1.23 voxels is exact to exp(-2 pi^2 sigma^2) = 1e-13 of the constants,
    # which the image has up to a few thousand of.
    unit = float(np.prod([spacing[k] for k in axes])) ** (2 / len(axes))
    found = f.log(image, spacing, sigma, truncate=8, dimension=dimension)
    expected = 2 * unit * sum(a[k] for k in axes)
    c = n // 2
    assert abs(found[c, c, c] - expected) < 1e-8


@pytest.mark.parametrize(
    ("name", "moments"),
    [("haar", 1), ("db2", 2), ("db5", 5), ("sym6", 6), ("coif1", 2), ("coif2", 4), ("bior2.4", 2)],
)
def test_high_pass_filters_answer_nothing_to_polynomials(name: str, moments: int) -> None:
    x = np.linspace(-1, 1, 64)
    for degree in range(moments + 1):
        image = np.tile(x**degree, (1, 32, 1))
        inner = np.abs(f.wavelet(image, name, "HL")[0, 16, 24:40]).max()
        assert inner < 1e-9 if degree < moments else inner > 1e-9


CONSTANT: dict[str, tuple[Filter, Callable[[float], float]]] = {
    "mean": (lambda a, **k: f.mean(a, 5, **k), lambda c: c),
    "log": (lambda a, **k: f.log(a, (2, 1, 1), 2.5, truncate=9, **k), lambda c: 0),
    "laws_edge": (lambda a, **k: f.laws(a, "L5E5L5", **k), lambda c: 0),
    "laws_level": (
        lambda a, **k: f.laws(a, "L3L5", **k),
        lambda c: c * 4 / np.sqrt(6) * 16 / np.sqrt(70),
    ),
    "laws_sum": (
        lambda a, **k: f.laws(a, "L3L3L3", pooling="sum", **k),
        lambda c: 24 * c * (4 / np.sqrt(6)) ** 3,
    ),
    "wavelet_low": (
        lambda a, **k: f.wavelet(a, "db3", "LLL", level=2, **k),
        lambda c: 8 * c,  # the square root of 2 for each axis and level
    ),
    "wavelet_high": (lambda a, **k: f.wavelet(a, "sym4", "LHL", **k), lambda c: 0),
    "simoncelli": (lambda a, **k: f.simoncelli(a, 1, **k), lambda c: 0),
    "shannon": (lambda a, **k: f.shannon(a, 1, dimension=2, **k), lambda c: 0),
    "riesz": (
        lambda a, **k: f.riesz(a, MM, (1, 1, 0), base="gaussian", sigma=1.5, **k),
        lambda c: 0,
    ),
    "gradient": (lambda a, **k: f.gradient(a, MM, **k), lambda c: 0),
    "lbp_2d": (lambda a, **k: f.lbp_2d(a, samples=12, **k), lambda c: 12),
    "lbp_2d_pattern": (
        lambda a, **k: f.lbp_2d(a, code="pattern", radius=1.5, **k),
        lambda c: 255,
    ),
    "lbp_3d": (lambda a, **k: f.lbp_3d(a, radius=2.2, **k), lambda c: 26),
    "square": (lambda a, boundary: f.square(a), abs),
    "square_root": (lambda a, boundary: f.square_root(a), lambda c: c),
    "logarithm": (lambda a, boundary: f.logarithm(a), lambda c: c),
    "exponential": (
        lambda a, boundary: f.exponential(a),
        lambda c: (c if c > 0 else -1 / c) if c else 1,
    ),
}


@pytest.mark.parametrize("name", CONSTANT)
@given(
    value=st.sampled_from([-1000.0, -1.0, 0.0, 0.1, 3.0, 4095.0]),
    boundary=st.sampled_from(["mirror", "nearest", "periodic", "itself"]),
    shape=shapes,
)
@few
def test_a_constant_image_has_the_stated_value_everywhere(
    name: str, value: float, boundary: str, shape: tuple[int, ...]
) -> None:
    apply, stated = CONSTANT[name]
    found = apply(np.full(shape, value), boundary=value if boundary == "itself" else boundary)
    near(found, np.full(shape, stated(value)), 10 * (abs(value) + 1))


@given(seed=seeds, scale=st.sampled_from([0.5, 2.0, 8.0]), offset=st.integers(-64, 64))
@few
def test_patterns_know_nothing_of_brightness_and_contrast(
    seed: int, scale: float, offset: int
) -> None:
    image = np.random.default_rng(seed).integers(-100, 100, (5, 9, 9)).astype(float)
    for apply in (f.lbp_2d, f.lbp_3d):
        # Whole numbers and powers of 2, so that no rounding decides a tie.
        np.testing.assert_array_equal(apply(image * scale + offset), apply(image))


@given(seed=seeds, scale=st.sampled_from([0.25, 2.0]))
@few
def test_lengths_in_mm_scale_with_the_spacing(seed: int, scale: float) -> None:
    image, spacing = noise((5, 9, 9), seed), (2.0, 1.0, 1.5)
    wider = tuple(scale * s for s in spacing)
    near(f.log(image, wider, 2 * scale), f.log(image, spacing, 2))
    near(f.gradient(image, wider), f.gradient(image, spacing) / scale)
    near(
        f.gabor(image, wider, 2 * scale, 4 * scale, theta=45),
        f.gabor(image, spacing, 2, 4, theta=45),
        100,
    )
    near(
        f.riesz(image, wider, (1, 0, 1), base="gaussian", sigma=2 * scale),
        f.riesz(image, spacing, (1, 0, 1), base="gaussian", sigma=2),
    )


@given(seed=seeds)
@few
def test_transforms_keep_the_order_of_intensities_or_of_their_size(seed: int) -> None:
    values = np.sort(noise((1, 1, 40), seed) * 50)
    for apply in (f.square_root, f.logarithm, f.exponential):
        assert np.all(np.diff(apply(values)) > 0)
    for apply in (f.square_root, f.logarithm):
        near(apply(-values), -apply(values), 100)
    by_size = np.sort(np.abs(values))
    assert np.all(np.diff(f.square(by_size)) > 0)
    np.testing.assert_array_equal(f.square(-values), f.square(values))
