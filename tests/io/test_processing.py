"""Normalisation, bias correction and resampling, as a user of the public functions meets them."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

import ferromics as fm

METHODS = ("nearest", "linear", "cubic", "lanczos")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("spacing", [(3, 1, 1), (None, 1, None), None])
def test_its_own_spacing_is_the_identity(block, method, spacing) -> None:
    image, mask = block
    given = {"method": method, "mask_method": method, "spacing": spacing}
    features = ["stat", "morph", "glcm", "loc"]
    same = fm.extract(
        image, mask, {"resample": given, "features": features}, spacing=(3.0, 1.0, 1.0)
    )
    plain = fm.extract(image, mask, {"features": features}, spacing=(3.0, 1.0, 1.0))
    assert dict(same) == dict(plain)
    array, lengths = fm.resample(image, (3, 1, 1), spacing or (3, 1, 1), method=method)
    np.testing.assert_array_equal(array, image)
    assert lengths == (3, 1, 1)


@given(
    st.sampled_from(METHODS),
    st.tuples(*[st.integers(1, 9)] * 3),
    st.tuples(*[st.sampled_from([0.4, 0.97, 1.0, 1.7, 3.1])] * 3),
    st.floats(-1e4, 1e4),
)
def test_a_constant_stays_a_constant(method, shape, to, value) -> None:
    array, _ = fm.resample(np.full(shape, value), (1.5, 1, 0.8), to, method=method)
    # The weights of a voxel add up to 1 but for rounding: a few units in the last place.
    np.testing.assert_allclose(array, value, rtol=1e-14, atol=0)


@pytest.mark.parametrize("method", ["linear", "cubic"])
@pytest.mark.parametrize("to", [0.7, 1.0, 1.9])
def test_a_linear_ramp_stays_one(method, to) -> None:
    z, y, x = np.meshgrid(*(np.arange(40.0),) * 3, indexing="ij")
    ramp = 3 * x - 2 * y + 0.5 * z
    array, (step, *_) = fm.resample(ramp, (1, 1, 1), to, method=method)
    places = (np.arange(array.shape[0]) - (array.shape[0] - 1) / 2) * step + 39 / 2
    z, y, x = np.meshgrid(*(places,) * 3, indexing="ij")
    # The spline of a ramp that ends in a plateau rings near the edge; 12 voxels inside the ringing
    # is 0.268^12, 1e-7 of the slope. Linear interpolation is exact one voxel inside.
    depth = 1 if method == "linear" else 12
    inside = (places > depth) & (places < 39 - depth)
    part = np.ix_(inside, inside, inside)
    tolerance = 1e-12 * 200 if method == "linear" else 1e-6 * 3
    np.testing.assert_allclose(array[part], (3 * x - 2 * y + 0.5 * z)[part], atol=tolerance)


def test_the_new_grid_has_the_old_centre_and_covers_it() -> None:
    # The example of the manual: 4 voxels of 3 mm become 6 of 2 mm, first voxel at -1/3.
    image = np.arange(4.0).reshape(1, 1, 4)
    array, _ = fm.resample(image, (1, 1, 3), (None, None, 2))
    np.testing.assert_allclose(array[0, 0], [0, 1 / 3 + 1 / 6, 7 / 6, 11 / 6, 2.5, 3], atol=1e-12)


def test_only_the_plane_is_resampled_for_two_spacings(block) -> None:
    image, mask = block
    result = fm.extract(
        image, mask, {"resample": [0.5, 0.5], "features": "diag"}, spacing=(3, 1, 1)
    )
    assert result.provenance["grid"] == {"shape_zyx": [6, 14, 16], "spacing_zyx_mm": [3, 0.5, 0.5]}
    by_slice = [
        fm.resample(image[z : z + 1], (3, 1, 1), (0.5, 0.5), method="cubic")[0] for z in range(6)
    ]
    whole, _ = fm.resample(image, (3, 1, 1), (0.5, 0.5), method="cubic")
    np.testing.assert_array_equal(whole, np.concatenate(by_slice))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("anti_alias", [None, 0.5])
@pytest.mark.parametrize("to", [2, (1.2, 0.6, 2.3), 0.4])
def test_a_region_equals_the_same_region_of_the_whole_resampled_image(
    method, anti_alias, to
) -> None:
    rng = np.random.default_rng(5)
    image = rng.normal(0, 100, (30, 31, 33))
    mask = np.zeros(image.shape, bool)
    mask[10:18, 12:20, 3:15] = rng.random((8, 8, 12)) < 0.8
    stage = {"spacing": to, "method": method, "anti_alias": anti_alias}
    features = ["stat", "loc", "morph"]
    part = fm.extract(image, mask, {"resample": stage, "features": features}, spacing=(2, 1, 1))
    whole, spacing = fm.resample(image, (2, 1, 1), to, method=method, anti_alias=anti_alias)
    region, _ = fm.resample_mask(mask, (2, 1, 1), to)
    expected = fm.extract(whole, region, {"features": features}, spacing=spacing)
    assert part.provenance["voxels"] == expected.provenance["voxels"]
    if method == "cubic":  # its prefilter runs over whole lines
        # 1e-12 of the range an intensity; statistics add up a few hundred.
        values = list(part.values()), list(expected.values())
        np.testing.assert_allclose(*values, rtol=1e-9, atol=1e-9)
    else:
        assert dict(part) == dict(expected)


def test_intensities_are_rounded_after_interpolation_and_only_then() -> None:
    image = np.array([0.0, 1.0, 1.0, 7.0]).reshape(1, 1, 4)
    array, _ = fm.resample(image, (1, 1, 1), (None, None, 0.8), round=True)
    exact, _ = fm.resample(image, (1, 1, 1), (None, None, 0.8))
    np.testing.assert_array_equal(array, np.rint(exact))
    assert (array != exact).any()


def test_a_half_reached_by_rounding_errors_counts_as_a_half() -> None:
    # Corners of the new voxels lie on those of the old ones: shares are halves but for rounding.
    for n in range(3, 40):
        mask = np.zeros((1, 1, n), bool)
        mask[0, 0, n // 3 :] = True
        region, _ = fm.resample_mask(mask, (1, 1, 0.3), (None, None, 0.6))
        again, _ = fm.resample_mask(mask, (1, 1, 3), (None, None, 6))
        np.testing.assert_array_equal(region, again)


def test_too_many_voxels_are_refused_before_they_are_made(block) -> None:
    image, mask = block
    with pytest.raises(
        fm.InputError, match=r"up to \d{9,} voxels .*resample\.max_voxels allows"
    ) as e:
        fm.extract(image, mask, {"resample": 0.001}, spacing=(3, 1, 1))
    assert "100000000" in str(e.value)
    allowed = {"resample": {"spacing": 0.5, "max_voxels": 50}}
    with pytest.raises(fm.InputError, match="max_voxels allows 50"):
        fm.extract(image, mask, allowed, spacing=(3, 1, 1))
    with pytest.raises(fm.InputError, match="max_voxels"):
        fm.resample(image, (3, 1, 1), 1e-4)


def test_a_region_that_vanishes_on_the_new_grid_is_said_to() -> None:
    image, mask = np.ones((9, 9, 9)), np.zeros((9, 9, 9), bool)
    mask[4, 4, 3] = True
    with pytest.raises(
        fm.InputError, match=r"no voxel reaches the mask threshold 0\.5: .*1 voxels"
    ):
        fm.extract(image, mask, {"resample": 4}, spacing=(1, 1, 1))


def test_nan_outside_the_region_matters_only_where_interpolation_reaches_it() -> None:
    rng = np.random.default_rng(1)
    image = rng.normal(size=(12, 12, 12))
    mask = np.zeros(image.shape, bool)
    mask[3:9, 3:9, 3:9] = True
    image[0] = np.nan  # far off
    settings = {"resample": {"spacing": 0.75}, "features": ["stat", "morph"]}
    assert np.isfinite(
        list(fm.extract(image, mask, settings, spacing=(1, 1, 1)).values())[:-4]
    ).all()
    image[5, 2, 5] = np.inf
    with pytest.raises(fm.InputError, match="after interpolation, which reaches NaN or infinite"):
        fm.extract(image, mask, settings, spacing=(1, 1, 1))
    image[5, 5, 5] = np.nan
    with pytest.raises(fm.InputError, match=r"the first is NaN at \[5, 5, 5\]"):
        fm.extract(image, mask, settings, spacing=(1, 1, 1))


def test_z_scores_over_image_and_mask() -> None:
    rng = np.random.default_rng(2)
    image = rng.normal(500, 40, (10, 11, 12))
    mask = rng.random(image.shape) < 0.3
    names = ("original_stat_mean_intensity", "original_stat_intensity_variance")
    for over in ("image", "mask"):
        settings = {"normalise": {"type": "zscore", "over": over}, "features": "stat"}
        result = fm.extract(image, mask, settings, spacing=(1, 1, 1))
        base = image if over == "image" else image[mask]
        z = (image[mask] - base.mean()) / base.std()
        expected = [z.mean(), z.var()]
        np.testing.assert_allclose([result[n] for n in names], expected, atol=1e-12)
        np.testing.assert_allclose(
            fm.normalise(image, settings["normalise"], mask=mask),
            (image - base.mean()) / base.std(),
        )


def test_normalisation_comes_before_interpolation() -> None:
    rng = np.random.default_rng(3)
    image = rng.normal(500, 40, (10, 11, 12))
    mask = rng.random(image.shape) < 0.5
    stages = {"normalise": {"type": "percentile", "to": [0, 255]}, "resample": 0.7}
    result = fm.extract(image, mask, {**stages, "features": ["stat", "loc"]}, spacing=(1, 1, 1))
    first = fm.normalise(image, stages["normalise"])
    assert (first.min(), first.max()) == (0, 255)
    settings = {"resample": 0.7, "features": ["stat", "loc"]}
    assert dict(result) == dict(fm.extract(first, mask, settings, spacing=(1, 1, 1)))


def test_regions_of_one_image_share_the_normalisation_of_the_whole() -> None:
    rng = np.random.default_rng(4)
    image, labels = rng.normal(size=(8, 8, 8)), rng.integers(0, 4, (8, 8, 8))
    settings = {"normalise": "zscore", "features": ["stat"]}
    together = fm.extract(image, labels, settings, label="all", spacing=(1, 1, 1))
    for label in (1, 2, 3):
        alone = fm.extract(image, labels == label, settings, spacing=(1, 1, 1))
        assert dict(alone) == dict(together[label])


def test_a_flat_image_cannot_be_normalised() -> None:
    image = np.full((4, 4, 4), 7.0)
    with pytest.raises(fm.InputError, match="the intensities of the image do not vary"):
        fm.extract(image, image > 0, {"normalise": "zscore"}, spacing=(1, 1, 1))


def test_diagnostics_tell_each_stage(block) -> None:
    image, mask = block
    settings = {"resample": 1, "resegment": {"range": [0, None]}, "features": ["diag"]}
    result = fm.extract(image, mask, settings, spacing=(3, 1, 1))

    def value(name: str) -> float:
        return result[f"original_diag_{name}"]

    assert len(result) == 60
    assert value("initial_image_dimension_z") == 6
    assert value("interpolated_image_dimension_z") == 18
    assert value("initial_image_mean_intensity") == pytest.approx(image.mean(), rel=1e-14)
    whole, _ = fm.resample(image, (3, 1, 1), 1)
    region, _ = fm.resample_mask(mask, (3, 1, 1), 1)
    assert value("interpolated_image_mean_intensity") == pytest.approx(whole.mean(), rel=1e-12)
    assert value("interpolated_image_maximum_intensity") == whole.max()
    assert value("interpolated_roi_morphological_mask_voxel_count") == region.sum()
    kept = region & (whole >= 0)
    assert value("resegmented_roi_intensity_mask_voxel_count") == kept.sum()
    assert value("resegmented_roi_morphological_mask_voxel_count") == region.sum()
    assert value("resegmented_roi_intensity_mask_minimum_intensity") == whole[kept].min()


def biased_head() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in (24, 40, 40)), indexing="ij")
    head = z**2 + y**2 + x**2 < 0.8
    inner = (z / 0.5) ** 2 + (y / 0.4) ** 2 + (x / 0.6) ** 2 < 1
    tissue = np.where(inner, 160.0, 100.0) * head
    return tissue * np.exp(0.4 * x + 0.2 * y), head, tissue


def test_bias_correction_flattens_a_smooth_field_and_is_repeatable() -> None:
    image, head, tissue = biased_head()
    mask = head & (tissue == 100)
    settings = {"bias_correction": {"shrink": 2, "iterations": [20, 20]}, "features": ["stat"]}
    before = fm.extract(image, mask, {"features": ["stat"]}, spacing=(3, 2, 2))
    after = fm.extract(image, mask, settings, spacing=(3, 2, 2))
    name = "original_stat_intensity_based_coefficient_of_variation"
    assert after[name] < 0.4 * before[name]
    assert dict(after) == dict(fm.extract(image, mask, settings, spacing=(3, 2, 2), threads=1))


def test_bias_correction_refuses_what_it_cannot_divide() -> None:
    image, head, _ = biased_head()
    with pytest.raises(fm.InputError, match="negative intensities"):
        fm.extract(image - 50, head, {"bias_correction": True}, spacing=(1, 1, 1))


def test_a_permuted_nrrd_of_the_ct_phantom_gives_the_values_of_the_nifti(
    ct_phantom, tmp_path
) -> None:
    paths = []
    for name, path in zip(("image", "mask"), ct_phantom, strict=True):
        stored = sitk.PermuteAxes(sitk.ReadImage(path), [2, 0, 1])
        stored = sitk.Flip(stored, [True, False, True], False)
        paths.append(tmp_path / f"{name}.nrrd")
        sitk.WriteImage(stored, paths[-1], useCompression=True)
    for configuration in "BCE":
        preset = fm.Settings.preset(f"ibsi:{configuration}")
        from_nifti = fm.extract(*ct_phantom, preset)
        from_nrrd = fm.extract(*paths, preset)
        assert dict(from_nrrd) == dict(from_nifti)


MEMORY = """
import resource, sys
import ferromics as fm
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
image, mask = sys.argv[1:]
fm.extract(image, mask, {"features": ["stat"]})
before = peak()
fm.extract(image, mask, {"resample": {"spacing": 0.5, "method": "cubic"}, "features": ["stat"]})
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="peak memory is measured as Unix does")
def test_resampling_the_ct_phantom_to_half_a_millimetre_stays_below_256_mebibytes(
    ct_phantom,
) -> None:
    command = [sys.executable, "-c", MEMORY, *map(str, ct_phantom)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 256 * 2**20


def test_settings_of_every_stage_survive_files(tmp_path) -> None:
    settings = fm.Settings(
        bias_correction={"shrink": 2},
        normalise={"type": "range", "from": [0, None], "to": [0, 100], "clip": False},
        resample={"spacing": [None, 1, 2], "method": "cubic", "anti_alias": 0.3, "round": True},
        features=["diag", "stat"],
    )
    for name in ("a.yaml", "a.json"):
        settings.save(tmp_path / name)
        again = fm.Settings.load(tmp_path / name)
        assert again == settings
        assert again.hash == settings.hash
    shuffled = dict(reversed(json.loads(settings.to_json()).items()))
    assert fm.Settings.of(shuffled).hash == settings.hash
