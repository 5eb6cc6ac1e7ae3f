"""Filters on arrays: agreement with PyWavelets, types, strides, threads, and bad calls."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import pywt

import ferromics as fm
from ferromics import filters

NOISE = np.random.default_rng(7).normal(size=(8, 12, 16))

CALLS = {
    "mean": lambda a, **k: filters.mean(a, 3, **k),
    "log": lambda a, **k: filters.log(a, (3, 1, 1), 1.5, **k),
    "laws": lambda a, **k: filters.laws(a, "E5L5S5", pooling="max", energy=2, **k),
    "wavelet": lambda a, **k: filters.wavelet(a, "coif1", "LHH", pooling="mean", **k),
    "square": filters.square,
    "square_root": filters.square_root,
    "logarithm": filters.logarithm,
    "exponential": filters.exponential,
    "gradient": lambda a, **k: filters.gradient(a, (3, 1, 1), **k),
    "lbp_2d": filters.lbp_2d,
    "lbp_3d": filters.lbp_3d,
}


@pytest.fixture(params=CALLS)
def call(request: pytest.FixtureRequest):
    return CALLS[request.param]


def test_every_filter_is_called_here() -> None:
    by_fourier = {"gabor", "riesz", "shannon", "simoncelli"}  # in test_fourier_filters.py
    assert set(CALLS) == set(filters.__all__) - {"wavelets"} - by_fourier


@pytest.mark.parametrize("name", pywt.wavelist(kind="discrete"))
def test_filters_of_a_wavelet_are_those_of_pywavelets(name: str) -> None:
    impulse = np.zeros((1, 1, 257))
    impulse[0, 0, 128] = 1
    low, high = (
        filters.wavelet(np.repeat(impulse, 2, axis=1), name, band, boundary="zero")[0, 1]
        for band in ("LL", "HL")
    )
    expected = pywt.Wavelet(name)
    # The low-pass along y, whose image is two voxels long, is a factor.
    length = len(expected.dec_lo)
    along_y = sum(expected.dec_lo[k] for k in (length // 2, length // 2 + 1) if k < length)
    start = 128 - length // 2
    for response, weights in ((low, expected.dec_lo), (high, expected.dec_hi)):
        wanted = np.zeros(257)
        wanted[start : start + length] = weights
        np.testing.assert_allclose(response, wanted * along_y, atol=1e-14)


def test_all_wavelets_of_pywavelets_are_there() -> None:
    assert sorted(filters.wavelets()) == sorted(pywt.wavelist(kind="discrete"))


@pytest.mark.parametrize("level", [1, 2])
@pytest.mark.parametrize("name", ["haar", "db3", "sym4", "coif1", "bior2.2", "rbio1.3"])
def test_sub_bands_of_a_periodic_image_are_those_of_pywavelets(name: str, level: int) -> None:
    expected = pywt.swtn(NOISE, name, level)[-level]
    maps = filters.wavelet(NOISE, name, level=level, boundary="periodic")
    for band, response in maps.items():
        key = "".join("ad"["LH".index(letter)] for letter in reversed(band))
        np.testing.assert_allclose(response, expected[key], atol=1e-10)


def test_one_sub_band_is_that_of_all() -> None:
    maps = filters.wavelet(NOISE, "db2", dimension=3, level=2)
    assert list(maps) == ["LLL", "LLH", "LHL", "LHH", "HLL", "HLH", "HHL", "HHH"]
    for band, response in maps.items():
        np.testing.assert_array_equal(filters.wavelet(NOISE, "db2", band, level=2), response)
    two = filters.wavelet(NOISE, "db2", ["HH", "LL"])
    assert list(two) == ["HH", "LL"]
    np.testing.assert_array_equal(two["LL"], filters.wavelet(NOISE, "db2", "LL"))


@pytest.mark.parametrize("name", ["mean", "log", "gradient", "lbp_2d"])
def test_slices_know_nothing_of_each_other(name: str) -> None:
    options = {} if name == "lbp_2d" else {"dimension": 2}
    stack = CALLS[name](NOISE, **options)
    for z in range(len(NOISE)):
        alone = CALLS[name](NOISE[z : z + 1], **options)
        np.testing.assert_array_equal(alone[0], stack[z])


def test_integers_strides_and_byte_order_make_no_difference(call) -> None:
    image = (NOISE * 100).astype(np.int16)
    expected = call(image)
    assert expected.dtype == np.float64
    assert expected.shape == image.shape
    for same in (
        image.astype(">i4"),
        image.astype(np.float32),
        np.asfortranarray(image),
        image[::-1, :, ::-1][::-1, :, ::-1],
        image.tolist(),
    ):
        np.testing.assert_array_equal(call(same), expected)


def test_single_precision_gives_single_precision(call) -> None:
    image = (NOISE * 100).round() / 100
    single = call(image, dtype=np.float32)
    assert single.dtype == np.float32
    if call not in (CALLS["lbp_2d"], CALLS["lbp_3d"]):  # ties differ
        np.testing.assert_allclose(single, call(image), atol=1e-5)


def test_the_input_stays_and_threads_make_no_difference(call) -> None:
    image = np.tile(NOISE, (2, 2, 4))
    before = image.copy()
    one = call(image, threads=1)
    assert call(image, threads=2).tobytes() == one.tobytes()
    assert call(image, threads=7).tobytes() == one.tobytes()
    np.testing.assert_array_equal(image, before)


def test_a_number_as_boundary_is_the_constant_beyond_the_edge() -> None:
    padded = np.pad(NOISE, 6, constant_values=2.5)
    inner = (slice(6, -6),) * 3
    for name in ("mean", "log", "wavelet", "gradient"):
        call = CALLS[name]
        expected = call(padded)[inner]
        np.testing.assert_allclose(call(NOISE, boundary=2.5), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: filters.mean(NOISE, 4), "support is 4 voxels; it must be odd"),
        (lambda: filters.mean(NOISE, 0), "support is 0; it must be a whole number from 1 on"),
        (lambda: filters.mean(NOISE, 2.5), "support is 2.5; it must be a whole number"),
        (lambda: filters.mean(NOISE, True), "support is True"),
        (lambda: filters.mean(NOISE, 3, dimension=4), r"dimension is 4; it must be 2 .* or 3"),
        (
            lambda: filters.mean(NOISE, 3, dimension="2D"),
            r"dimension is '2D'; it must be 2 .* or 3",
        ),
        (lambda: filters.mean(NOISE, 3, dimension=True), "dimension is True; it must be 2"),
        (lambda: filters.mean(NOISE, 2**40), "support is 1099511627776; it must be at most"),
        (lambda: filters.mean(NOISE, 3, boundary="miror"), "did you mean 'mirror'"),
        (
            lambda: filters.mean(NOISE, 3, boundary=float("nan")),
            "boundary is nan; it must be",
        ),
        (lambda: filters.mean(NOISE, 3, dtype=np.int16), "dtype is int16"),
        (lambda: filters.mean(NOISE[0], 3), r"must be a 3D array .* got 2D of type float64"),
        (lambda: filters.mean(NOISE + 1j, 3), "got 3D of type complex128"),
        (lambda: filters.log(NOISE, (1, 1, 1), 0), "sigma is 0 mm; it must be a positive length"),
        (lambda: filters.log(NOISE, (3, 1, 1), 1), "0.333 voxels along z"),
        (lambda: filters.log(NOISE, (1, 1), 1), "give three lengths"),
        (lambda: filters.log(NOISE, (1, 1, 0), 1), "spacing must be three positive lengths"),
        (lambda: filters.log(NOISE, (1, 1, 1), 1, truncate=-1), "truncate is -1"),
        (lambda: filters.laws(NOISE, "L5E6"), "kernels is 'L5E6'; give two"),
        (lambda: filters.laws(NOISE, "L5E5", pooling="average"), "pooling 'average' is not known"),
        (lambda: filters.laws(NOISE, "L5E5", energy=-1), "energy is -1"),
        (lambda: filters.wavelet(NOISE, "coif71"), "did you mean 'coif1'"),
        (lambda: filters.wavelet(NOISE, "haar", "LHX"), "sub_band is 'LHX'"),
        (lambda: filters.wavelet(NOISE, "haar", ["LH", "LLH"]), "sub_band is LH, LLH; all must"),
        (lambda: filters.wavelet(NOISE, "haar", level=5), "level is 5; it must be from 1 to 4"),
        (lambda: filters.square(NOISE, largest=0), "largest is 0"),
        (lambda: filters.lbp_2d(NOISE, samples=2), "samples is 2"),
        (lambda: filters.lbp_2d(NOISE, code="ror"), "code 'ror' is not known"),
        (lambda: filters.lbp_3d(NOISE, radius=0.5), "radius is 0.5 voxels"),
    ],
)
def test_a_bad_call_names_the_argument_the_value_and_the_limit(call, message: str) -> None:
    with pytest.raises(fm.InputError, match=message):
        call()


def test_one_slice_is_an_image_like_any_other() -> None:
    one = NOISE[:1]
    for boundary in ("mirror", "nearest", "periodic"):
        volume = filters.log(one, (1, 1, 1), 1.5, boundary=boundary)
        stack = filters.log(np.repeat(one, 15, axis=0), (1, 1, 1), 1.5, boundary=boundary)
        np.testing.assert_allclose(volume[0], stack[7], atol=1e-12)


def test_filters_are_imported_when_they_are_used() -> None:
    code = (
        "import sys, ferromics as fm; assert 'ferromics.filters' not in sys.modules; "
        "fm.filters.square([[[1]]]); assert 'SimpleITK' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
