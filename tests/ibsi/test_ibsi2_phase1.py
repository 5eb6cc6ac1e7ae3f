"""IBSI 2, phase 1: every reference map is met, each voxel within 1 % of the map's range.

The three tests without a valid reference map are held to what must be true of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ferromics import compliance, io, suite
from ferromics import ibsi_data as ibsi_data_folder

SPACING = (2.0, 2.0, 2.0)
TESTS = {test.test: test for test in compliance.map_tests()}
WITH_MAP = [name for name, test in TESTS.items() if test.has_map]
STEERED = [name for name, test in TESTS.items() if "sigma_tensor" in test.filter]


def test_all_tests_of_the_table_are_here() -> None:
    assert len(compliance.map_tests()) == len(TESTS) == 36
    assert len(WITH_MAP) == 33
    published = {
        file.path for file in ibsi_data_folder.data_set(ibsi_data_folder.RESPONSE_MAPS).files
    }
    named = {ibsi_data_folder.response_map(Path(), name).name for name in WITH_MAP}
    assert named == {path for path in published if path.endswith(".nii")}
    kinds = Counter(test.filter["type"] for test in TESTS.values())
    assert kinds == {
        "mean": 5,
        "log": 3,
        "laws": 9,
        "gabor": 4,
        "wavelet": 6,
        "simoncelli": 3,
        "riesz": 6,
    }


@pytest.mark.parametrize("name", WITH_MAP)
def test_every_voxel_is_within_one_percent_of_the_map_s_range(
    name: str,
    ibsi_data: Path,
    response_map: Callable[[str], Path],
    record_property: Callable[[str, object], None],
) -> None:
    response_map(name)  # skips where it is not
    outcome = suite.run_map(name, ibsi_data)
    record_property("percent of range", outcome.percent)
    assert outcome.notes == ()
    assert outcome.verdict == "match", f"{outcome.difference} of {outcome.range}"


def test_one_voxel_beyond_one_percent_misses() -> None:
    reference = np.linspace(-100, 100, 27).reshape(3, 3, 3)
    response = reference.copy()
    response[1, 2, 0] += 1.99
    assert compliance.judge_map(response, reference)[2] == "match"
    response[1, 2, 0] += 0.02
    assert compliance.judge_map(response, reference)[2] == "miss"
    response[1, 2, 0] = np.nan
    assert compliance.judge_map(response, reference) == (np.inf, 200, "miss")
    assert compliance.judge_map(reference[:2], reference) == (np.inf, 200, "miss")


def phantom(folder: Path, name: str) -> np.ndarray:
    """The image of a test, (z, y, x) as stored: NIfTI's first axis is x."""
    path = ibsi_data_folder.digital_phantom(folder, TESTS[name].phantom)
    return np.asarray(io.read(path).array, dtype=np.float64)


def respond(name: str, image: np.ndarray, **changed: Any) -> np.ndarray:
    """Apply a test's filter, with some of its settings changed."""
    return suite.respond({**TESTS[name].filter, **changed}, image, SPACING)


@pytest.mark.parametrize("name", STEERED)
def test_steered_maps_share_the_energy_of_all_maps(name: str, ibsi_data: Path) -> None:
    image = phantom(ibsi_data, name)
    orders = [[x, y, 2 - x - y] for x in range(3) for y in range(3 - x)]

    def squares(sigma_tensor: float | None) -> np.ndarray:
        return sum(respond(name, image, order=o, sigma_tensor=sigma_tensor) ** 2 for o in orders)

    steered, plain = squares(1.0), squares(None)
    # 1e-10: rounding of rotations and transforms.
    assert np.abs(steered - plain).max() <= 1e-10 * plain.max()


@pytest.mark.parametrize("name", STEERED)
def test_a_turned_image_has_a_turned_steered_map(name: str, ibsi_data: Path) -> None:
    image = phantom(ibsi_data, name)[:63, :63, :63]  # odd: as symmetric as the frequency grid
    whole = respond(name, image)
    for axes in [(0, 1), (1, 2)]:
        turned = np.rot90(respond(name, np.rot90(image, axes=axes)), -1, axes=axes)
        # Where the image varies alike in two directions, rounding decides between them.
        off = np.abs(turned - whole) > 1e-6 * np.ptp(whole)
        assert off.mean() < 0.02


def test_10_a_the_response_to_an_impulse_is_odd_along_x_and_even_along_y_and_z(
    ibsi_data: Path,
) -> None:
    image = phantom(ibsi_data, "10.a")
    z, y, x = np.argwhere(image)[0]
    response = respond("10.a", image)
    around = response[z - 30 : z + 31, y - 30 : y + 31, x - 30 : x + 31]
    allowed = 1e-12 * np.abs(around).max()  # rounding of the transforms
    assert np.abs(around + around[:, :, ::-1]).max() < allowed
    assert np.abs(around - around[:, ::-1, :]).max() < allowed
    assert np.abs(around - around[::-1, :, :]).max() < allowed


def test_shannon_wavelets_tile_the_band_of_simoncelli_s(ibsi_data: Path) -> None:
    def apply(kind: str, image: np.ndarray, level: int) -> np.ndarray:
        return suite.respond({"type": kind, "level": level}, image, SPACING)

    image = phantom(ibsi_data, "8.a.1")[:63, :63, :63]  # an odd grid has a centre
    whole = sum(apply("shannon", image, level) for level in (1, 2, 3))
    # Nothing from an eighth of the highest frequency on is missing from the sum.
    off = np.abs(apply("simoncelli", whole, 1) - apply("simoncelli", image, 1)).max()
    assert off < 1e-9 * 255  # of the image's range: rounding
