"""Sub-bands are those of PyWavelets' undecimated transform, whose images are periodic.

PyWavelets names z first, `a` for low and `d` for high, and takes even sizes only; it lists the
deepest level first. Both sides sum the same products in another order: 1e-12 of the image's range,
times what the filters of a level can gain, at most 2^(3/2) a level.
"""

from __future__ import annotations

import numpy as np
import pytest
import pywt

from ferromics import filters

NOISE = np.random.default_rng(7).normal(size=(8, 16, 24))
# The last three have filters longer than the image.
FAMILIES = "haar db4 sym5 coif1 coif3 bior1.5 bior3.1 rbio2.4 rbio6.8 dmey db38 coif17".split()


def tolerance(level: int) -> float:
    return 1e-12 * np.ptp(NOISE) * 2 ** (1.5 * level)


def theirs(band: str) -> str:
    return "".join({"L": "a", "H": "d"}[letter] for letter in reversed(band))


@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize("name", FAMILIES)
def test_all_sub_bands_of_a_volume(name: str, level: int) -> None:
    expected = pywt.swtn(NOISE, name, level)[0]
    maps = filters.wavelet(NOISE, name, level=level, boundary="periodic")
    assert sorted(theirs(band) for band in maps) == sorted({*expected, "aaa"})
    for band, response in maps.items():
        np.testing.assert_allclose(
            response, expected[theirs(band)], rtol=0, atol=tolerance(level), err_msg=band
        )


@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize("name", FAMILIES)
def test_all_sub_bands_of_slices(name: str, level: int) -> None:
    expected = pywt.swtn(NOISE, name, level, axes=(1, 2))[0]
    maps = filters.wavelet(NOISE, name, dimension=2, level=level, boundary="periodic")
    assert sorted(theirs(band) for band in maps) == sorted({*expected, "aa"})
    for band, response in maps.items():
        np.testing.assert_allclose(
            response, expected[theirs(band)], rtol=0, atol=tolerance(level), err_msg=band
        )


def test_their_inverse_gives_the_image_back_from_our_maps() -> None:
    levels = [filters.wavelet(NOISE, "db2", level=j, boundary="periodic") for j in (2, 1)]
    coefficients = [{theirs(b): m for b, m in maps.items()} for maps in levels]
    whole = pywt.iswtn(coefficients, "db2")
    np.testing.assert_allclose(whole, NOISE, rtol=0, atol=tolerance(2))


@pytest.mark.parametrize("boundary", ["mirror", "nearest", "zero"])
@pytest.mark.parametrize(("name", "level"), [("coif1", 1), ("db2", 3), ("bior2.2", 2)])
def test_other_boundaries_are_a_periodic_image_padded_far_enough(
    name: str, level: int, boundary: str
) -> None:
    # PyWavelets knows no other boundary, so each level is done by itself: what lies beyond a
    # smoothed image follows the rule anew. Sizes are made even, as often as there are levels.
    mode = {"mirror": "symmetric", "nearest": "edge", "zero": "constant"}[boundary]
    length = len(pywt.Wavelet(name).dec_lo)
    image, found = NOISE, None
    for j in range(1, level + 1):
        reach = length << (j - 1)
        width = [(reach + (-(n + 2 * reach)) % 2**level, reach) for n in image.shape]
        padded = np.pad(image, width, mode=mode)
        inner = tuple(slice(w[0], w[0] + n) for w, n in zip(width, image.shape, strict=True))
        # One level of holes 2^(j - 1) apart, by itself.
        one = pywt.swtn(padded, name, 1, start_level=j - 1)[0]
        found = {band: values[inner] for band, values in one.items()}
        image = found["aaa"]
    assert found is not None
    maps = filters.wavelet(NOISE, name, level=level, boundary=boundary)
    for band, response in maps.items():
        np.testing.assert_allclose(
            response, found[theirs(band)], rtol=0, atol=tolerance(level), err_msg=band
        )
