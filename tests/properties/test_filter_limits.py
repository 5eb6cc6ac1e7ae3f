"""What filters make of images and arguments at and beyond their limits.

Each refusal is one line that names the argument, the value and the limit. Those that
`test_filters.py` and `test_fourier_filters.py` hold are not repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import ferromics as fm
from ferromics import filters as f

NOISE = np.random.default_rng(9).normal(size=(6, 20, 22))
MM = (1.0, 1.0, 1.0)
NAN, INF = float("nan"), float("inf")

BY_SUM: dict[str, Callable[..., np.ndarray]] = {
    "mean": lambda a, **k: f.mean(a, 3, **k),
    "log": lambda a, **k: f.log(a, MM, 1.0, truncate=2, **k),
    "laws": lambda a, **k: f.laws(a, "E5L3S5", **k),
    "laws_pooled": lambda a, **k: f.laws(a, "E5L3S5", pooling="max", **k),
    "wavelet": lambda a, **k: f.wavelet(a, "db2", "LHH", **k),
    "wavelet_pooled": lambda a, **k: f.wavelet(a, "db2", "LHH", pooling="min", **k),
    "gradient": lambda a, **k: f.gradient(a, MM, **k),
    "lbp_2d": lambda a, **k: f.lbp_2d(a, **k),
    "lbp_3d": lambda a, **k: f.lbp_3d(a, **k),
}
BY_VOXEL: dict[str, Callable[..., np.ndarray]] = {
    "square": lambda a: f.square(a),
    "square_root": lambda a: f.square_root(a),
    "logarithm": lambda a: f.logarithm(a),
    "exponential": lambda a: f.exponential(a),
}
BY_FOURIER: dict[str, Callable[..., np.ndarray]] = {
    "gabor": lambda a, **k: f.gabor(a, MM, 1.5, 3, **k),
    "simoncelli": lambda a, **k: f.simoncelli(a, 1, **k),
    "shannon": lambda a, **k: f.shannon(a, 1, **k),
    "riesz": lambda a, **k: f.riesz(a, MM, (1, 0, 0), sigma=1.5, **k),
    "riesz_steered": lambda a, **k: f.riesz(a, MM, (1, 0, 0), sigma=1.5, sigma_tensor=1, **k),
}
ALL = {**BY_SUM, **BY_VOXEL, **BY_FOURIER}


def refused(call: Callable[[], object], *parts: str) -> None:
    """The call raises an InputError of one line that has all these parts."""
    with pytest.raises(fm.InputError) as caught:
        call()
    told = str(caught.value)
    assert "\n" not in told
    for part in parts:
        assert part in told, told


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("image", "what"),
    [
        (NOISE[0], "2D of type float64"),
        (NOISE[None], "4D of type float64"),
        (np.float64(3), "0D of type float64"),
        (NOISE.astype(object), "3D of type object"),
        (NOISE.astype(complex), "3D of type complex128"),
        (np.full((2, 2, 2), "1"), "3D of type <U1"),
        (np.zeros((2, 2, 2), "M8[s]"), "3D of type datetime64[s]"),
        (None, "0D of type object"),
    ],
    ids=["2D", "4D", "scalar", "object", "complex", "text", "dates", "None"],
)
def test_what_is_no_image_is_named(name: str, image: Any, what: str) -> None:
    refused(lambda: ALL[name](image), "image must be a 3D", "(z, y, x)", what)


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
@pytest.mark.parametrize("name", [*BY_SUM, *BY_VOXEL])
def test_a_voxel_that_is_not_finite_spoils_its_neighbourhood_only(name: str, bad: float) -> None:
    image = NOISE.copy()
    place = (3, 10, 11)
    # What a transform takes for the largest intensity must not be the voxel in question.
    image[place] = 0
    expected = ALL[name](image)
    image[place] = bad
    found = ALL[name](image)
    # Pooled kernels and codes drop no NaN; patterns and the exponential have numbers for infinity.
    if np.isnan(bad):
        assert np.isnan(found).any()
    reach = 0 if name in BY_VOXEL else 2
    near = tuple(slice(max(0, i - reach), i + reach + 1) for i in place)
    found[near] = expected[near] = 0
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", BY_FOURIER)
@pytest.mark.parametrize("bad", [INF, -INF])
def test_filters_by_fourier_transform_name_a_voxel_that_is_infinite(name: str, bad: float) -> None:
    image = NOISE.copy()
    image[3, 10, 11] = bad
    refused(lambda: ALL[name](image), f"image is {bad} at [3, 10, 11]", "finite")


@pytest.mark.parametrize("name", [*BY_SUM, *BY_VOXEL])
def test_an_image_of_no_voxel_has_a_map_of_none(name: str) -> None:
    assert ALL[name](np.zeros((0, 4, 5))).shape == (0, 4, 5)


@pytest.mark.parametrize("name", BY_FOURIER)
def test_filters_by_fourier_transform_refuse_an_image_of_no_voxel(name: str) -> None:
    refused(lambda: ALL[name](np.zeros((3, 0, 5))), "image is empty", "[3, 0, 5]")


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("boundary", ["mirror", "nearest", "periodic", "zero", 3.5])
def test_one_slice_has_a_map_in_every_filter_of_the_volume(
    name: str, boundary: str | float
) -> None:
    options = {} if name in BY_VOXEL else {"boundary": boundary}
    found = ALL[name](NOISE[:1], **options)
    assert found.shape == (1, 20, 22)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("boundary", ["mirror", "nearest", "periodic"])
def test_one_slice_that_goes_on_for_ever_changes_nothing_along_z(boundary: str) -> None:
    # So the filter along z gives its sum: 1 for L, the square root of 2 or 0 for wavelets.
    one = NOISE[:1]
    close = {"rtol": 0, "atol": 1e-12}
    np.testing.assert_allclose(
        f.mean(one, 5, boundary=boundary), f.mean(one, 5, dimension=2, boundary=boundary), **close
    )
    slices = f.wavelet(one, "coif1", dimension=2, boundary=boundary)
    for band, response in f.wavelet(one, "coif1", boundary=boundary).items():
        wanted = np.sqrt(2) * slices[band[:2]] if band[2] == "L" else np.zeros_like(one)
        np.testing.assert_allclose(response, wanted, rtol=0, atol=1e-10)
    gradient = f.gradient(one, (9, 1, 1), boundary=boundary)
    expected = f.gradient(one, (9, 1, 1), dimension=2, boundary=boundary)
    np.testing.assert_allclose(gradient, expected, **close)


@pytest.mark.parametrize("boundary", ["mirror", "nearest", "periodic", "zero", -7.25])
def test_kernels_much_larger_than_the_image_see_the_image_go_on(boundary: str | float) -> None:
    image = NOISE[:2, :3, :4]
    mode = {"mirror": "symmetric", "nearest": "edge", "periodic": "wrap"}.get(
        str(boundary), "constant"
    )
    extra = {} if mode != "constant" else {"constant_values": 0 if boundary == "zero" else boundary}
    padded = np.pad(image, 60, mode=mode, **extra)
    inner = tuple(slice(60, 60 + n) for n in image.shape)
    for apply in (
        lambda a: f.mean(a, 61, boundary=boundary),
        lambda a: f.log(a, MM, 9, boundary=boundary),
        lambda a: f.laws(a, "L5S5R5", pooling="mean", boundary=boundary),
        lambda a: f.wavelet(a, "db38", "LHL", boundary=boundary),
        lambda a: f.lbp_2d(a, radius=30, boundary=boundary),
        lambda a: f.gabor(a, MM, 7, 5, part="real", boundary=boundary),
    ):
        np.testing.assert_allclose(apply(image), apply(padded)[inner], rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("call", "parts"),
    [
        (lambda: f.mean(NOISE, -3), ("support is -3", "whole number from 1")),
        (lambda: f.mean(NOISE, 2**17 + 3), ("support is 131075", "at most 131073")),
        (lambda: f.mean(NOISE, 3, dimension="2"), ("dimension is '2'", "2 (slices) or 3")),
        (lambda: f.mean(NOISE, 3, boundary=INF), ("boundary is inf", "finite")),
        (lambda: f.mean(NOISE, 3, boundary="reflect"), ("boundary 'reflect'", "mirror, nearest")),
        (lambda: f.log(NOISE, MM, -2), ("sigma is -2 mm", "positive")),
        (lambda: f.log(NOISE, MM, NAN), ("sigma is NaN", "positive")),
        (lambda: f.log(NOISE, MM, INF), ("sigma is inf", "positive")),
        (lambda: f.log(NOISE, MM, 0.499), ("sigma is 0.499 mm", "half a voxel")),
        (lambda: f.log(NOISE, MM, 1e9), ("sigma is 1000000000 mm", "at most 65536 voxels")),
        (lambda: f.log(NOISE, MM, 1, truncate=NAN), ("truncate is NaN", "positive")),
        (lambda: f.log(NOISE, (1, NAN, 1), 1), ("spacing must be three positive", "NaN")),
        (lambda: f.gradient(NOISE, (1, -1, 1)), ("spacing must be three positive", "-1")),
        (lambda: f.gradient(NOISE, (1, 1)), ("spacing is (1, 1)", "three lengths")),
        (lambda: f.laws(NOISE, "X5E5"), ("kernels is 'X5E5'", "L3, E3, S3")),
        (lambda: f.laws(NOISE, "L5"), ("kernels is 'L5'", "give two")),
        (lambda: f.laws(NOISE, "L5" * 4), ("kernels is 'L5L5L5L5'", "three")),
        (lambda: f.laws(NOISE, "L5E5", pooling="median"), ("pooling 'median'", "'mean'?")),
        (lambda: f.laws(NOISE, "L5E5", energy=2.5), ("energy is 2.5", "whole number")),
        (lambda: f.wavelet(NOISE, "coif18"), ("'coif18' is not known", "'coif1'?")),
        (lambda: f.wavelet(NOISE, "db0"), ("'db0' is not known", "'db1'?", "db1 to db38")),
        (lambda: f.wavelet(NOISE, "meyer"), ("'meyer' is not known", "'dmey'?")),
        (lambda: f.wavelet(NOISE, "haar", level=4), ("level is 4", "from 1 to 3", "6 voxels")),
        (lambda: f.wavelet(NOISE, "haar", level=0), ("level is 0", "from 1")),
        (lambda: f.wavelet(NOISE[:1], "haar", "LLH", level=2), ("level is 2", "from 1 to 1")),
        (lambda: f.wavelet(NOISE, "haar", "all"), ("sub_band is 'all'", "LLH")),
        (lambda: f.simoncelli(NOISE, 4), ("level is 4", "[6, 20, 22]", "deepest level is 3")),
        (lambda: f.riesz(NOISE, MM, (9, 8, 0), sigma=1), ("order is [9, 8, 0]", "1 to 16")),
        (lambda: f.gabor(NOISE, MM, 1e7, 4), ("sigma is 10000000 mm", "4096 voxels")),
        (lambda: f.lbp_2d(NOISE, radius=NAN), ("radius is NaN", "from 1 to 100")),
        (lambda: f.lbp_2d(NOISE, samples=25), ("samples is 25", "from 3 to 24")),
        (lambda: f.lbp_3d(NOISE, radius=101), ("radius is 101 voxels", "from 1 to 100")),
        (lambda: f.square(NOISE, largest=NAN), ("largest is NaN", "positive")),
        (lambda: f.exponential(NOISE, largest=-1), ("largest is -1", "positive")),
    ],
)
def test_an_argument_beyond_its_limit_is_named(
    call: Callable[[], object], parts: tuple[str, ...]
) -> None:
    refused(call, *parts)


def test_the_deepest_levels_work() -> None:
    assert f.wavelet(NOISE, "haar", "LLH", level=3).shape == NOISE.shape
    assert f.wavelet(NOISE, "db38", "LH", level=5).shape == NOISE.shape
    assert f.wavelet(NOISE[:1], "coif17", "LLH", level=1).shape == (1, 20, 22)
    assert f.simoncelli(NOISE, 3).shape == NOISE.shape


def test_the_smallest_sigma_works() -> None:
    assert np.isfinite(f.log(NOISE, (2, 1, 1), 1)).all()  # half a voxel along z
    assert np.isfinite(f.log(NOISE, (9, 1, 1), 0.5, dimension=2)).all()  # z is not filtered


OF_THE_WRONG_KIND = [
    (lambda: f.mean(NOISE, 3, boundary=None), ("boundary is None",)),
    (lambda: f.gabor(NOISE, MM, 2, 4, boundary=None), ("boundary is None",)),
    (lambda: f.mean(NOISE, 3, boundary=True), ("boundary is True",)),
    (lambda: f.log(NOISE, 1.0, 1), ("spacing is 1.0", "three lengths")),
    (lambda: f.gabor(NOISE, 1.0, 2, 4), ("spacing is 1.0", "three")),
    (lambda: f.riesz(NOISE, (1, 1), (1, 0, 0), sigma=2), ("spacing is", "three")),
    (lambda: f.gabor(NOISE, MM, None, 4), ("sigma is None",)),
    (lambda: f.riesz(NOISE, MM, (1, 0, 0), sigma="3"), ("sigma is '3'",)),
    (lambda: f.riesz(NOISE, MM, (1, 0, 0), sigma=0.1), ("sigma is 0.1 mm", "half a voxel")),
    (lambda: f.riesz(NOISE, MM, None, sigma=1), ("order is None", "three whole")),
    (lambda: f.simoncelli(NOISE, NAN), ("level is nan", "whole number")),
    (lambda: f.simoncelli(NOISE, None), ("level is None", "whole number")),
    (lambda: f.wavelet(NOISE, "haar", level=2**64), ("level is 18446744073709551616", "at most")),
    (lambda: f.laws(NOISE, "L5E5", energy=70000), ("energy is 70000", "at most 65536")),
    (lambda: f.mean(NOISE, 3, threads=-1), ("threads is -1",)),
]


@pytest.mark.parametrize(("call", "parts"), OF_THE_WRONG_KIND)
def test_an_argument_of_the_wrong_kind_is_named(
    call: Callable[[], object], parts: tuple[str, ...]
) -> None:
    refused(call, *parts)


@pytest.mark.parametrize("kind", [bool, np.float16, np.longdouble])
@pytest.mark.parametrize("name", BY_FOURIER)
def test_every_filter_takes_every_kind_of_number(name: str, kind: type) -> None:
    image = (NOISE * 4).round().astype(kind)
    np.testing.assert_array_equal(ALL[name](image), ALL[name](image.astype(np.float64)))
