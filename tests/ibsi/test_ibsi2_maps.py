"""Every reference map of IBSI 2, phase 1, of the separable filters: each voxel within 1 % of the
map's range.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ferromics import filters, io

SPACING = (2.0, 2.0, 2.0)

mean_15 = functools.partial(filters.mean, support=15)
log = functools.partial(filters.log, spacing=SPACING)
laws = filters.laws
wavelet = filters.wavelet
energy = {"pooling": "max", "energy": 7}

# Test, phantom, filter, arguments.
TESTS: list[tuple[str, str, Callable[..., Any], dict[str, Any]]] = [
    ("1_a_1", "checkerboard", mean_15, {"boundary": "zero"}),
    ("1_a_2", "checkerboard", mean_15, {"boundary": "nearest"}),
    ("1_a_3", "checkerboard", mean_15, {"boundary": "periodic"}),
    ("1_a_4", "checkerboard", mean_15, {"boundary": "mirror"}),
    ("1_b_1", "impulse", mean_15, {"boundary": "zero", "dimension": 2}),
    ("2_a", "impulse", log, {"sigma": 3.0, "boundary": "zero"}),
    ("2_b", "checkerboard", log, {"sigma": 5.0}),
    ("2_c", "checkerboard", log, {"sigma": 5.0, "dimension": 2}),
    ("3_a_1", "impulse", laws, {"kernels": "E5L5S5", "boundary": "zero"}),
    ("3_a_2", "impulse", laws, {"kernels": "E5L5S5", "boundary": "zero", "pooling": "max"}),
    ("3_a_3", "impulse", laws, {"kernels": "E5L5S5", "boundary": "zero", **energy}),
    ("3_b_1", "checkerboard", laws, {"kernels": "E3W5R5"}),
    ("3_b_2", "checkerboard", laws, {"kernels": "E3W5R5", "pooling": "max"}),
    ("3_b_3", "checkerboard", laws, {"kernels": "E3W5R5", **energy}),
    ("3_c_1", "checkerboard", laws, {"kernels": "L5S5"}),
    ("3_c_2", "checkerboard", laws, {"kernels": "L5S5", "pooling": "max"}),
    ("3_c_3", "checkerboard", laws, {"kernels": "L5S5", **energy}),
    ("5_a_1", "impulse", wavelet, {"wavelet": "db2", "sub_band": "LHL", "boundary": "zero"}),
    (
        "5_a_2",
        "impulse",
        wavelet,
        {"wavelet": "db2", "sub_band": "LHL", "boundary": "zero", "pooling": "mean"},
    ),
    ("6_a_1", "sphere", wavelet, {"wavelet": "coif1", "sub_band": "HHL", "boundary": "periodic"}),
    (
        "6_a_2",
        "sphere",
        wavelet,
        {"wavelet": "coif1", "sub_band": "HHL", "boundary": "periodic", "pooling": "mean"},
    ),
    (
        "7_a_1",
        "checkerboard",
        wavelet,
        {"wavelet": "haar", "sub_band": "LLL", "level": 2, "pooling": "mean"},
    ),
    (
        "7_a_2",
        "checkerboard",
        wavelet,
        {"wavelet": "haar", "sub_band": "HHH", "level": 2, "pooling": "mean"},
    ),
]


@pytest.fixture(scope="module")
def stored(ibsi_data: Path) -> Callable[[str | Path], np.ndarray]:
    """An array of a file below IBSI's folder, (z, y, x) as stored: NIfTI's first axis is x."""

    def read(path: str | Path) -> np.ndarray:
        return np.asarray(io.read(ibsi_data / path).array, dtype=np.float64)

    return read


def test_all_tests_of_these_filters_are_here() -> None:
    assert len({test for test, *_ in TESTS}) == len(TESTS) == 23


@pytest.mark.parametrize(
    ("test", "phantom", "apply", "arguments"), TESTS, ids=[t[0] for t in TESTS]
)
def test_every_voxel_is_within_one_percent_of_the_map_s_range(
    test, phantom, apply, arguments, stored, response_map, record_property
) -> None:
    image = stored(f"ibsi_2_digital_phantom/nifti/{phantom}/image/{phantom}.nii.gz")
    reference = stored(response_map(test))
    difference = np.abs(apply(image, **arguments) - reference).max()
    allowed = 0.01 * np.ptp(reference)
    record_property("difference", difference)
    record_property("allowed", allowed)
    assert difference <= allowed
