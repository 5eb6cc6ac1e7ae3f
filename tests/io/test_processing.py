"""Normalisation, bias correction and resampling, as a user of the public functions meets them."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
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


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, tuple[float, ...], dict]:
    """Draw an image, a region of it that may touch its border, a spacing, and stages."""
    shape = draw(st.tuples(*[st.integers(1, 14)] * 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    image = rng.normal(0, 100, shape)
    mask = np.zeros(shape, bool)
    box = tuple(slice(*sorted(rng.integers(0, n + 1, 2))) for n in shape)
    mask[box] = rng.random(mask[box].shape) < draw(st.sampled_from([0.3, 0.8, 1.0]))
    mask[tuple(rng.integers(0, n) for n in shape)] = True
    lengths = st.sampled_from([0.7, 1.0, 1.3, 3.0])
    resample = {
        "spacing": draw(st.tuples(*[st.one_of(st.none(), lengths)] * 3)),
        "method": draw(st.sampled_from(METHODS)),
        "mask_method": draw(st.sampled_from(METHODS)),
        "mask_threshold": draw(st.sampled_from([0.1, 0.5, 0.9])),
        "anti_alias": draw(st.sampled_from([None, 0.3])),
        "round": draw(st.booleans()),
    }
    normalise = draw(st.sampled_from([None, "zscore", {"type": "percentile", "to": [0, 500]}]))
    spacing = draw(st.tuples(*[lengths] * 3))
    return image, mask, spacing, {"resample": resample, "normalise": normalise}


@given(cases())
@settings(max_examples=300, deadline=None)
def test_a_region_equals_the_same_region_of_the_whole_resampled_image(case) -> None:
    image, mask, spacing, stages = case
    resample, features = stages["resample"], ["stat", "loc"]
    to = {"spacing": spacing, "to": resample["spacing"]}
    options = {k: resample[k] for k in ("method", "anti_alias", "round")}
    try:
        part = fm.extract(image, mask, {**stages, "features": features}, spacing=spacing)
        whole = fm.normalise(image, stages["normalise"] or "none")
    except fm.InputError as error:
        if "no voxel reaches" in str(error) or "no range" in str(error):
            return  # refused for a good reason
        raise
    whole, lengths = fm.resample(whole, **to, **options)
    region, _ = fm.resample_mask(
        mask, **to, method=resample["mask_method"], threshold=resample["mask_threshold"]
    )
    expected = fm.extract(whole, region, {"features": features}, spacing=lengths)
    assert part.provenance["voxels"] == expected.provenance["voxels"]
    found, wanted = list(part.values()), list(expected.values())
    if resample["method"] == "cubic":
        # The spline's prefilter runs over whole lines: 1e-12 of the range (some 800) an intensity,
        # which a quotient of small differences makes more of.
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)
    else:
        np.testing.assert_array_equal(found, wanted)


def test_a_spline_of_a_part_is_within_a_trillionth_of_the_range_of_the_whole() -> None:
    rng = np.random.default_rng(7)
    image = rng.normal(0, 100, (120, 90, 100))
    mask = np.zeros(image.shape, bool)
    mask[55:62, 40:50, 45:52] = True
    names = [f"original_stat_intensity_percentile_{p}" for p in (10, 90)]
    names += [f"original_stat_{n}_intensity" for n in ("minimum", "maximum", "median")]
    part = fm.extract(
        image,
        mask,
        {"resample": {"spacing": 0.7, "method": "cubic"}, "features": "stat"},
        spacing=(1, 1, 1),
    )
    whole, _ = fm.resample(image, (1, 1, 1), 0.7, method="cubic")
    region, lengths = fm.resample_mask(mask, (1, 1, 1), 0.7)
    expected = fm.extract(whole, region, {"features": "stat"}, spacing=lengths)
    close = [abs(part[n] - expected[n]) <= 1e-12 * np.ptp(whole) for n in names]
    assert all(close)


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


@pytest.mark.parametrize(
    ("resample", "features"),
    [
        ({"spacing": 0.001}, ["stat"]),
        ({"spacing": 0.02, "mask_method": "cubic", "mask_threshold": 0.01}, ["stat"]),
        ({"spacing": 0.02}, ["stat", "diag"]),  # the whole image
        ({"spacing": 0.015}, ["loc"]),  # what lies around the region
    ],
)
def test_too_many_voxels_are_refused_before_they_are_made(block, resample, features) -> None:
    image, mask = block
    mask = mask & (np.arange(mask.size).reshape(mask.shape) == np.flatnonzero(mask)[0])
    tracemalloc.start()
    with pytest.raises(fm.InputError, match=r"up to \d{9,} voxels; max_voxels allows 100000000"):
        fm.extract(image, mask, {"resample": resample, "features": features}, spacing=(3, 1, 1))
    tracemalloc.stop()


def test_the_limit_on_voxels_can_be_moved(block) -> None:
    image, mask = block
    tight = {"resample": {"spacing": 0.5, "max_voxels": 50}}
    with pytest.raises(fm.InputError, match="max_voxels allows 50"):
        fm.extract(image, mask, tight, spacing=(3, 1, 1))
    with pytest.raises(fm.InputError, match="max_voxels"):
        fm.resample(image, (3, 1, 1), 1e-4)
    with pytest.raises(fm.InputError, match="max_voxels allows 10"):
        fm.resample_mask(mask, (3, 1, 1), 1, max_voxels=10)
    assert fm.resample(image, (3, 1, 1), 1, max_voxels=1008)[0].size == 1008


def test_a_spacing_far_beyond_the_image_is_a_slip(block) -> None:
    image, _ = block
    with pytest.raises(
        fm.InputError, match="at most 1000 times the image's 18 mm, got 10000000000"
    ):
        fm.resample(image, (3, 1, 1), 1e10, anti_alias=0.5)
    assert fm.resample(image, (3, 1, 1), 5000, anti_alias=0.5)[0].shape == (1, 1, 1)


def test_a_spacing_of_an_array_is_three_lengths(block) -> None:
    image, mask = block
    for wrong in ((1, 1), 1, (1, 1, 0), (1, 1, "x")):
        with pytest.raises(fm.InputError, match="spacing must be three positive lengths"):
            fm.resample(image, wrong, 2)
        with pytest.raises(fm.InputError, match="spacing must be three positive lengths"):
            fm.autocorrelation(image, mask, wrong)


def test_a_slice_resampled_to_several_is_warned_of(block) -> None:
    image, mask = block
    one = slice(2, 3)
    several = fm.extract(image[one], mask[one], {"resample": 1}, spacing=(3, 1, 1))
    assert [w for w in several.warnings if "one voxel along z" in w and "3 equal ones" in w]
    flat = fm.extract(image[2], mask[2], {"resample": [0.5, 0.5]}, spacing=(1, 1))
    assert not [w for w in flat.warnings if "equal ones" in w]
    assert flat.provenance["grid"] == {"shape_zyx": [1, 14, 16], "spacing_zyx_mm": [1, 0.5, 0.5]}


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
    with pytest.raises(fm.InputError, match="within reach of method 'linear'"):
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


@pytest.mark.parametrize(
    ("normalise", "message"),
    [
        ("zscore", r"from 7 to 7 \(found on the image\) is no range"),
        ({"type": "range", "from": [1000, None]}, r"from 1000 to 7 \(found on the image\)"),
        ({"type": "percentile", "over": "mask"}, r"from 7 to 7 \(found on the region\)"),
    ],
)
def test_a_range_that_does_not_rise_cannot_be_normalised(normalise, message) -> None:
    image = np.full((4, 4, 4), 7.0)
    with pytest.raises(fm.InputError, match=message):
        fm.extract(image, image > 0, {"normalise": normalise}, spacing=(1, 1, 1))


def test_the_normalisation_is_recorded(block) -> None:
    image, mask = block
    result = fm.extract(image, mask, {"normalise": "zscore"}, spacing=(1, 1, 1))
    told = result.provenance["normalisation"]
    assert told["shift"] == pytest.approx(image.mean())
    assert told["scale"] == pytest.approx(1 / image.std())
    assert "normalisation" not in fm.extract(image, mask, spacing=(1, 1, 1)).provenance


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


N4 = {"bias_correction": {"shrink": 2, "iterations": [20, 20]}, "features": ["stat"]}


def test_bias_correction_flattens_a_smooth_field() -> None:
    image, head, tissue = biased_head()
    mask = head & (tissue == 100)
    before = fm.extract(image, mask, {"features": ["stat"]}, spacing=(3, 2, 2))
    after = fm.extract(image, mask, N4, spacing=(3, 2, 2))
    name = "original_stat_intensity_based_coefficient_of_variation"
    assert after[name] < 0.4 * before[name]
    assert "SimpleITK" in after.provenance


def test_bias_correction_does_not_depend_on_threads_or_on_how_the_image_is_stored() -> None:
    image, head, _ = biased_head()
    stored = [sitk.GetImageFromArray(a) for a in (image, head.astype(np.uint8))]
    for one in stored:
        one.SetSpacing((2, 2, 3))
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    found = []
    try:
        for threads in (1, 2, 5):
            sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
            found.append(dict(fm.extract(*stored, N4)))
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)
    turned = [
        sitk.Flip(sitk.PermuteAxes(one, [1, 2, 0]), [True, False, True], False) for one in stored
    ]
    found.append(dict(fm.extract(*turned, N4)))
    assert found == [found[0]] * 4


def test_a_single_slice_is_corrected_as_a_2d_image() -> None:
    image, head, _ = biased_head()
    one = slice(12, 13)
    flat = fm.extract(image[one], head[one], N4, spacing=(3, 2, 2))
    assert np.isfinite(list(flat.values())).all()
    with pytest.raises(fm.InputError, match="no field to fit"):
        fm.extract(image[one, :1], head[one, :1] | True, N4, spacing=(3, 2, 2))


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
    for configuration in "ABCDE":
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
