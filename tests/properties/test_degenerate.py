"""Regions at the edge of the definitions: each gives the defined value, or NaN where none is."""

from __future__ import annotations

import numpy as np
import pytest

import ferromics as fm


def extract(image: np.ndarray, mask: np.ndarray, **kw: object) -> fm.Result:
    return fm.extract(image, mask, kw.pop("settings", None), spacing=(1.0, 1.0, 1.0), **kw)


def test_one_voxel() -> None:
    image = np.full((3, 3, 3), -7.0)
    mask = np.zeros(image.shape, bool)
    mask[1, 1, 1] = True
    result = extract(image, mask)
    # The surface of one voxel is an octahedron with corners half a voxel away.
    assert result["original_morph_volume_mesh"] == pytest.approx(4 / 3 * 0.5**3, rel=1e-12)
    assert result["original_morph_major_axis_length"] == 0
    assert result["original_stat_mean_intensity"] == -7
    assert result["original_stat_intensity_variance"] == 0
    assert result["original_stat_intensity_skewness"] == 0
    assert result["original_glszm_zone_percentage_fbn32_3d"] == 1
    assert result["original_ngldm_dependence_count_energy_fbn32_3d"] == 1
    undefined = [
        "original_morph_morans_i_index",
        "original_morph_gearys_c_measure",
        "original_morph_elongation",
        "original_glcm_contrast_fbn32_3d_merged",
        "original_ngtdm_coarseness_fbn32_3d",
    ]
    assert [n for n in undefined if not np.isnan(result[n])] == []


def test_a_flat_region_has_one_level_and_no_texture() -> None:
    image = np.full((4, 5, 6), 3.3)
    result = extract(image, np.ones(image.shape, bool))
    assert result["original_stat_intensity_variance"] == 0
    assert result["original_ih_discretised_intensity_entropy_fbn32"] == 0
    # The highest intensity is in the last bin, by the formula of fixed bin number.
    assert result["original_ih_mean_discretised_intensity_fbn32"] == 32
    assert result["original_glcm_contrast_fbn32_3d_merged"] == 0
    assert result["original_glcm_joint_maximum_fbn32_3d_merged"] == 1
    assert result["original_glszm_zone_size_entropy_fbn32_3d"] == 0
    assert result["original_ngtdm_coarseness_fbn32_3d"] == 1e6
    assert result["original_ngtdm_contrast_fbn32_3d"] == 0
    assert np.isnan(result["original_glcm_correlation_fbn32_3d_merged"])
    assert np.isnan(result["original_morph_morans_i_index"])


def test_one_slice_has_the_same_texture_in_two_and_three_dimensions() -> None:
    image = np.random.default_rng(1).integers(0, 50, (1, 9, 9))
    mask = np.ones(image.shape, bool)
    settings = fm.Settings(features=[{"type": "glszm", "aggregations": ["2d", "2.5d", "3d"]}])
    result = extract(image, mask, settings=settings)
    values = np.array(list(result.values())).reshape(3, 16)
    assert np.array_equal(values[0], values[1])
    assert np.array_equal(values[1], values[2])


def test_a_region_that_fills_the_image_equals_the_same_region_inside_a_larger_one() -> None:
    image = np.random.default_rng(2).normal(size=(4, 5, 6))
    inside = np.pad(image, 2, constant_values=np.nan)
    full = extract(image, np.ones(image.shape, bool))
    padded = extract(inside, ~np.isnan(inside))
    # Local intensity adds in another order where neighbours are missing.
    for name, value in full.items():
        assert padded[name] == (pytest.approx(value, rel=1e-12) if "_loc_" in name else value)


def test_65535_grey_levels() -> None:
    image = np.random.default_rng(3).permutation(65535).reshape(15, 17, 257) + 1
    settings = fm.Settings(discretise=["none"])
    result = extract(image, np.ones(image.shape, bool), settings=settings)
    assert result["original_ih_maximum_discretised_intensity"] == 65535
    assert result["original_ih_discretised_intensity_entropy"] == pytest.approx(np.log2(65535))
    assert result["original_glszm_zone_percentage_3d"] == 1
    assert result["original_ngldm_low_dependence_emphasis_3d"] == 1
    assert len([w for w in result.warnings if "65535" in w]) == 1


def test_too_many_grey_levels_are_refused_by_name() -> None:
    image = np.linspace(0, 1, 60).reshape(3, 4, 5)
    settings = fm.Settings(discretise=[{"type": "fbs", "width": 1e-6}])
    with pytest.raises(fm.InputError, match=r"bin width 0\.000001 .* limit is 65535"):
        extract(image, np.ones(image.shape, bool), settings=settings)


def test_intensities_that_are_no_levels_are_refused_with_the_first_of_them() -> None:
    image = np.array([[[1.0, 2.5, 3.0]]])
    with pytest.raises(fm.InputError, match=r"found 2\.5; use 'fbn' or 'fbs'"):
        extract(image, image > 0, settings=fm.Settings(discretise=["none"]))


def test_resegmentation_that_leaves_nothing_says_so() -> None:
    image = np.array([[[1.0, 2.5, 3.0]]])
    settings = fm.Settings(resegment={"range": [10, 20]})
    with pytest.raises(fm.InputError, match=r"\[10, 20\] leaves no voxel .* span \[1, 3\]"):
        extract(image, image > 0, settings=settings)


def test_overflow_is_undefined_rather_than_infinite() -> None:
    image = np.full((1, 1, 1), 1e300)
    values = dict(fm.extract(image, image > 0, spacing=(1000.0, 1000.0, 1000.0)))
    assert not [name for name, value in values.items() if np.isinf(value)]


@pytest.mark.parametrize("values", [[0.1, -0.2, 0.1], [0.1, 0.2, -0.3], [-2.0, 1.0, 1.0]])
def test_a_mean_that_is_zero_but_for_rounding_gives_no_ratio(values: list[float]) -> None:
    image = np.array([[values]])
    result = extract(image, np.ones(image.shape, bool))
    assert np.isnan(result["original_stat_intensity_based_coefficient_of_variation"])
    assert np.isnan(result["original_morph_centre_of_mass_shift"])
