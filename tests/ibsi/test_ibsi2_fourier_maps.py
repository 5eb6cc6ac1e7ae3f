"""Gabor, Simoncelli and Riesz filters meet IBSI 2's reference response maps (phase 1).

Each voxel has to be within 1 % of the range of the reference map. NIfTI arrays have x first.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from ferromics._nifti import read
from ferromics.filters import gabor, riesz, shannon, simoncelli

SPACING = (2.0, 2.0, 2.0)
Filter = Callable[[np.ndarray], np.ndarray]

IMPULSE = {"sigma": 10.0, "wavelength": 4.0, "gamma": 0.5, "boundary": "zero"}
SPHERE = {"sigma": 20.0, "wavelength": 8.0, "gamma": 2.5, "boundary": "mirror"}

TESTS: dict[str, tuple[str, Filter]] = {
    "4.a.1": ("impulse", partial(gabor, spacing=SPACING, theta=60, **IMPULSE)),
    "4.a.2": (
        "impulse",
        partial(gabor, spacing=SPACING, theta_step=45, orthogonal=True, **IMPULSE),
    ),
    "4.b.1": ("sphere", partial(gabor, spacing=SPACING, theta=225, **SPHERE)),
    "4.b.2": (
        "sphere",
        partial(gabor, spacing=SPACING, theta_step=22.5, orthogonal=True, **SPHERE),
    ),
    "8.a.1": ("checkerboard", partial(simoncelli, level=1)),
    "8.a.2": ("checkerboard", partial(simoncelli, level=2)),
    "8.a.3": ("checkerboard", partial(simoncelli, level=3)),
    "9.a": (
        "impulse",
        partial(riesz, spacing=SPACING, order=(1, 0, 0), sigma=3.0, boundary="zero"),
    ),
    "9.b.1": (
        "sphere",
        partial(riesz, spacing=SPACING, order=(0, 2, 0), sigma=3.0, boundary="zero"),
    ),
    "10.b.1": (
        "pattern_1",
        partial(riesz, spacing=SPACING, order=(0, 2, 0), base="simoncelli", boundary="nearest"),
    ),
}

# These have no valid reference map: what they must be like is tested instead.
STEERED: dict[str, tuple[str, dict[str, object]]] = {
    "9.b.2": ("sphere", {"sigma": 3.0, "boundary": "zero"}),
    "10.b.2": ("pattern_1", {"base": "simoncelli", "boundary": "nearest"}),
}


@pytest.fixture(scope="module")
def phantom(ibsi_data: Path) -> Callable[[str], np.ndarray]:
    """A digital phantom of IBSI 2, as float64 (z, y, x)."""
    folder = ibsi_data / "ibsi_2_digital_phantom" / "nifti"

    def load(name: str) -> np.ndarray:
        return read(folder / name / "image" / f"{name}.nii.gz").array.astype(np.float64)

    return load


@pytest.mark.parametrize("test", TESTS)
def test_maps_equal_the_reference(
    test: str,
    response_map: Callable[[str], Path],
    phantom: Callable[[str], np.ndarray],
    record_property: Callable[[str, object], None],
) -> None:
    name, apply = TESTS[test]
    reference = read(response_map(test)).array
    allowed = 0.01 * np.ptp(reference.astype(np.float64))
    difference = np.abs(apply(phantom(name)) - reference).max()
    record_property("difference", f"{difference:.6g} of {allowed:.6g}")
    assert difference <= allowed, f"{difference:.6g}, allowed {allowed:.6g}"


@pytest.mark.parametrize("test", STEERED)
def test_steered_maps_share_the_energy_of_all_maps(
    test: str, phantom: Callable[[str], np.ndarray]
) -> None:
    name, settings = STEERED[test]
    image = phantom(name)
    orders = [(x, y, 2 - x - y) for x in range(3) for y in range(3 - x)]

    def squares(sigma_tensor: float | None) -> np.ndarray:
        maps = (riesz(image, SPACING, o, sigma_tensor=sigma_tensor, **settings) for o in orders)
        return sum(m**2 for m in maps)

    steered, plain = squares(1.0), squares(None)
    assert np.abs(steered - plain).max() <= 1e-10 * plain.max()


@pytest.mark.parametrize("test", STEERED)
def test_a_turned_image_has_a_turned_steered_map(
    test: str, phantom: Callable[[str], np.ndarray]
) -> None:
    name, settings = STEERED[test]
    image = phantom(name)[:63, :63, :63]  # odd: as symmetric as the frequency grid

    def apply(image: np.ndarray) -> np.ndarray:
        return riesz(image, SPACING, (2, 0, 0), sigma_tensor=1.0, **settings)

    whole = apply(image)
    for axes in [(0, 1), (1, 2)]:
        turned = np.rot90(apply(np.rot90(image, axes=axes)), -1, axes=axes)
        # Where the image varies alike in two directions, rounding decides between them.
        off = np.abs(turned - whole) > 1e-6 * np.ptp(whole)
        assert off.mean() < 0.02


def test_10_a_the_response_to_an_impulse_is_odd_along_x_and_even_along_y_and_z(
    phantom: Callable[[str], np.ndarray],
) -> None:
    image = phantom("impulse")
    z, y, x = np.argwhere(image)[0]
    response = riesz(image, SPACING, (1, 0, 0), base="simoncelli", boundary="zero")
    around = response[z - 30 : z + 31, y - 30 : y + 31, x - 30 : x + 31]
    scale = np.abs(around).max()
    assert np.abs(around + around[:, :, ::-1]).max() < 1e-12 * scale
    assert np.abs(around - around[:, ::-1, :]).max() < 1e-12 * scale
    assert np.abs(around - around[::-1, :, :]).max() < 1e-12 * scale


def test_shannon_wavelets_tile_the_band_of_simoncelli_s(
    phantom: Callable[[str], np.ndarray],
) -> None:
    image = phantom("checkerboard")[:63, :63, :63]  # an odd grid has a centre
    whole = sum(shannon(image, level=j) for j in (1, 2, 3))
    # Nothing from an eighth of the highest frequency on is missing from the sum.
    assert np.abs(simoncelli(whole, level=1) - simoncelli(image, level=1)).max() < 1e-9 * 255
