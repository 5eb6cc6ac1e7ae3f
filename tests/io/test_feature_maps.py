"""Maps of features: each voxel has what its neighbourhood gives, as the image is stored."""

import itertools
import json

import numpy as np
import pytest
import SimpleITK as sitk

import ferromics as fm
from ferromics.maps import map_columns

SPACING = (3.0, 1.5, 1.25)
ALL = ["stat", "ih", "glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm"]
AGGREGATED = {
    "features": [
        "stat",
        {"type": "glcm", "aggregations": ["2d_averaged", "3d_averaged", "3d_merged"]},
        {"type": "ngtdm", "aggregations": ["2d", "3d"]},
    ]
}


@pytest.fixture
def case():
    """Image (7, 8, 9) and mask."""
    rng = np.random.default_rng(8)
    image = rng.integers(0, 80, (7, 8, 9)).astype(np.int16)
    return image, rng.random(image.shape) < 0.7


def around(mask, p, radius):
    """The part of the mask in the box around a voxel."""
    near = np.zeros_like(mask)
    near[tuple(slice(max(c - r, 0), c + r + 1) for c, r in zip(p, radius, strict=True))] = True
    return near & mask


@pytest.mark.parametrize(("radius", "radii"), [(1, (1, 1, 1)), ((0, 2, 1), (0, 2, 1))])
def test_a_value_is_what_extract_gives_for_the_neighbourhood(case, radius, radii):
    # Grey levels of the whole region, which a fixed bin size from 0 has in each part of it; the
    # number of levels is that of the part in `extract` and of the whole in a map.
    image, mask = case
    settings = {
        "discretise": {"type": "fbs", "width": 10, "minimum": 0},
        # Its edge is that of the mask before re-segmentation, for distance zones.
        "resegment": {"range": [6, 74]},
        "features": ["stat", "ih", *ALL[2:]],
    }
    kept = mask & (image >= 6) & (image <= 74)
    maps = fm.feature_maps(image, mask, ALL, settings, radius=radius, spacing=SPACING)
    by_levels = ("normalised_inverse_difference", "gradient", "histogram_mode")
    places = list(np.argwhere(kept)[::37])
    assert len(maps) == 136
    compared = 0
    expected = [
        fm.extract(image, around(mask, p, radii), settings, spacing=SPACING) for p in places
    ]
    for name, made in maps.items():
        assert np.isnan(made.array[~kept]).all()
        if any(part in name for part in by_levels):
            continue
        for p, alone in zip(places, expected, strict=True):
            # Sums of the same numbers in another order.
            np.testing.assert_allclose(
                made.array[tuple(p)], alone[name], rtol=1e-9, atol=1e-9, err_msg=name
            )
            compared += 1
    assert compared > 100 * len(places)


def test_aggregations_in_2d_look_at_the_slice(case):
    image, mask = case
    maps = fm.feature_maps(image, mask, ["glcm", "ngtdm"], AGGREGATED, spacing=SPACING)
    flat = fm.feature_maps(
        image, mask, ["glcm", "ngtdm"], AGGREGATED, radius=(0, 1, 1), spacing=SPACING
    )
    for name in maps:
        same = np.array_equal(maps[name].array, flat[name].array, equal_nan=True)
        assert same == ("_2d" in name), name


def test_maps_lie_over_the_image_however_it_is_stored(case):
    image, mask = case
    as_sitk = sitk.GetImageFromArray(image)
    as_sitk.SetSpacing(SPACING[::-1])
    as_sitk.SetOrigin((5, -7, 11))
    region = sitk.GetImageFromArray(mask.astype(np.uint8))
    region.CopyInformation(as_sitk)
    expected = fm.feature_map(as_sitk, region, "glcm_contrast", radius=(0, 1, 2))
    for order in itertools.permutations(range(3)):
        flips = [bool(k % 2) for k in order]

        def turned(given, order=order, flips=flips):
            return sitk.Flip(sitk.PermuteAxes(given, order), flips, False)

        # Axis k of the array is axis 2 - k of the image; radii go with the array's axes.
        radii = [(0, 1, 2)[2 - order[2 - k]] for k in range(3)]
        found = fm.feature_map(turned(as_sitk), turned(region), "glcm_contrast", radius=radii)
        np.testing.assert_array_equal(
            sitk.GetArrayFromImage(found.to_sitk()),
            sitk.GetArrayFromImage(turned(expected.to_sitk())),
        )
        for get in ("GetSpacing", "GetOrigin", "GetDirection"):
            one, other = (getattr(i, get)() for i in (found.to_sitk(), turned(as_sitk)))
            np.testing.assert_allclose(one, other, atol=1e-9)


def test_resampled_maps_lie_on_the_new_grid(case):
    image, mask = case
    settings = {"resample": {"spacing": [1.5, 1.5, 1.5]}}
    made = fm.feature_map(image, mask, "stat_mean_intensity", settings, spacing=SPACING)
    assert made.spacing == (1.5, 1.5, 1.5)
    grid = fm.extract(image, mask, {**settings, "features": ["stat"]}, spacing=SPACING)
    assert list(made.array.shape) == grid.provenance["grid"]["shape_zyx"]
    inside = np.isfinite(made.array).sum()
    assert inside == grid.provenance["voxels"]["intensity_mask"]


def test_maps_on_response_maps_and_after_resegmentation(case):
    image, mask = case
    settings = {
        "resegment": {"range": [10, 70]},
        "filters": [{"type": "mean", "support": 3}],
        "features": ["stat", "glcm"],
    }
    names = ["mean-support3_stat_mean_intensity", "original_stat_mean_intensity"]
    maps = fm.feature_maps(image, mask, names, settings, spacing=SPACING)
    kept = mask & (image >= 10) & (image <= 70)
    for name in names:
        np.testing.assert_array_equal(np.isfinite(maps[name].array), kept)
    filtered = fm.response_maps(image, settings, spacing=SPACING)["mean-support3"].array
    p = tuple(np.argwhere(kept)[20])
    expected = filtered[around(kept, p, (1, 1, 1))].mean()
    assert maps[names[0]].array[p] == pytest.approx(expected, rel=1e-12)
    with pytest.raises(fm.InputError, match="'stat_mean_intensity' stands for 2 columns"):
        fm.feature_map(image, mask, "stat_mean_intensity", settings, spacing=SPACING)


def test_whole_image_2d_image_and_one_voxel(case):
    image, mask = case
    whole = fm.feature_map(image, None, "glcm_contrast", spacing=SPACING)
    everywhere = fm.feature_map(image, np.ones_like(mask), "glcm_contrast", spacing=SPACING)
    np.testing.assert_array_equal(whole.array, everywhere.array)
    assert np.isfinite(whole.array).all()
    flat = fm.feature_map(image[0], mask[0], "glszm_zone_percentage", spacing=SPACING[1:])
    assert flat.array.shape == image.shape[1:]
    assert flat.spacing == SPACING[1:]
    small = {"radius": (1, 1), "spacing": SPACING[1:]}
    same = fm.feature_map(image[0], mask[0], "glszm_zone_percentage", **small)
    np.testing.assert_array_equal(same.array, flat.array)
    one = np.zeros_like(mask)
    one[3, 3, 3] = True
    alone = fm.feature_maps(image, one, ["stat", "glcm"], spacing=SPACING)
    assert alone["original_stat_mean_intensity"].array[3, 3, 3] == image[3, 3, 3]
    # A voxel without neighbours has no pairs.
    assert np.isnan(alone["original_glcm_contrast_fbn32_3d_merged"].array[3, 3, 3])


def test_names_stand_for_columns():
    assert map_columns(None, "glcm_contrast") == ["original_glcm_contrast_fbn32_3d_merged"]
    assert len(map_columns(None, ["glcm", "glcm_contrast", "ngtdm"])) == 30
    for name, said in {
        "glcm_contrats": "did you mean 'glcm_contrast'",
        "contrast": "feature 'contrast' is not known; did you mean",
        "xyz": "feature 'xyz' is not known; name one as glcm_contrast",
    }.items():
        with pytest.raises(fm.InputError, match=said):
            map_columns(None, name)
    with pytest.raises(fm.InputError, match="no feature was named"):
        map_columns(None, [])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"radius": 0}, "radius is 0"),
        ({"radius": 22}, "radius is 22"),
        ({"radius": (0, 0, 0)}, "radius is"),
        ({"radius": (1, 1)}, "radius is"),
        ({"radius": 1.5}, "radius is 1.5"),
        ({"radius": True}, "radius is True"),
        ({"radius": (2, 2)}, "radius is"),
        ({"radius": None}, "radius is None"),
        ({"features": "morph_volume_mesh"}, "family morph has no maps"),
        ({"features": "ivh"}, "family ivh has no maps"),
        ({"features": None}, "no feature was named"),
        ({"outside": "a"}, "outside is 'a'"),
        ({"outside": None}, "outside is None"),
        ({"settings": {"features": ["stat"]}}, "the settings do not ask for glcm_contrast"),
        ({"label": 3}, "has no label 3"),
        ({"mask": None, "label": 1}, "none was given"),
        ({"threads": 0}, "threads is 0"),
    ],
)
def test_mistakes_are_told(case, change, said):
    image, mask = case
    given = {"mask": mask, "features": "glcm_contrast", "spacing": SPACING, **change}
    with pytest.raises(fm.InputError, match=said):
        dict(fm.feature_maps(image, **given))


def test_a_map_is_of_one_region_and_of_one_feature(case):
    image, mask = case
    labels = mask.astype(np.uint8)
    labels[:3] *= 2
    with pytest.raises(fm.InputError, match="has 2 labels"):
        fm.feature_map(image, labels, "glcm_contrast", spacing=SPACING)
    with pytest.raises(fm.InputError, match="names 25 features"):
        fm.feature_map(image, mask, "glcm", spacing=SPACING)
    made = fm.feature_map(image, labels, "stat_mean_intensity", label=2, spacing=SPACING)
    np.testing.assert_array_equal(np.isfinite(made.array), labels == 2)


def test_the_same_bits_on_any_number_of_threads_and_in_any_selection(case):
    image, mask = case
    one = fm.feature_maps(image, mask, ALL, spacing=SPACING, threads=1)
    three = fm.feature_maps(image, mask, ALL, spacing=SPACING, threads=3)
    for name in one:
        np.testing.assert_array_equal(one[name].array, three[name].array)
    last = list(one)[-1]
    alone = fm.feature_map(image, mask, last, spacing=SPACING)
    np.testing.assert_array_equal(alone.array, one[last].array)


def test_progress_ends_at_one(case):
    image, mask = case
    seen = []
    maps = fm.feature_maps(image, mask, ["stat", "glcm"], spacing=SPACING, watch=seen.append)
    assert [done() for done in seen] == [0.0]
    before = 0.0
    for _ in maps.values():
        assert seen[0]() >= before
        before = seen[0]()
    assert before == 1.0


def test_a_map_is_saved_with_its_provenance(case, tmp_path):
    image, mask = case
    settings = fm.Settings(discretise=[{"type": "fbn", "bins": 8}])
    made = fm.feature_map(
        image, mask, "glcm_contrast", settings, radius=2, outside=-1, spacing=SPACING
    )
    assert (made.array[~mask] == -1).all()
    made.save(tmp_path / "contrast.nii.gz")
    record = json.loads((tmp_path / "contrast.provenance.json").read_text())
    assert record["map"] == made.name == "original_glcm_contrast_fbn8_3d_merged"
    assert record["neighbourhood"] == {"radius_voxels": [2, 2, 2]}
    assert record["outside"] == -1
    assert record["settings_hash"] == settings.hash
    read = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "contrast.nii.gz")))
    np.testing.assert_array_equal(read, made.array)


def test_maps_warn_as_extract_does(case):
    image, mask = case
    few = {"discretise": {"type": "fbn", "bins": 4}}
    for settings in (few, {"discretise": {"type": "fbs", "width": 50}}):
        expected = fm.extract(image, mask, {**settings, "features": ["glcm"]}, spacing=SPACING)
        made = fm.feature_map(image, mask, "glcm_contrast", settings, spacing=SPACING)
        assert made.warnings == expected.warnings
        assert made.provenance["warnings"] == list(expected.warnings)


def test_what_is_undefined_is_told(case):
    image, mask = case
    settings = {"discretise": {"type": "fbn", "bins": 2}}
    options = {"radius": (0, 0, 1), "spacing": SPACING}
    made = fm.feature_map(image, mask, "glcm_correlation", settings, **options)
    undefined = np.isnan(made.array[mask]).sum()
    assert undefined > 0
    said = f"map {made.name}: {undefined} voxels of the region have no defined value (NaN)"
    assert said in made.warnings
    # No voxel has another at this distance in its neighbourhood.
    settings = {"features": [{"type": "glcm", "distances": [4]}]}
    far = fm.feature_map(image, mask, "glcm_contrast", settings, spacing=SPACING)
    assert f"{mask.sum()} voxels of the region have no defined value" in far.warnings[-1]
