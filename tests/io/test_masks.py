"""Masks, labels, thresholds and names: what a region is made from."""

import numpy as np
import pytest
import SimpleITK as sitk

import ferromics as fm
from ferromics import regions

SPACING = (3.0, 1.0, 1.0)


def values(result):
    return np.array(list(result.values()))


def extract(image, mask, **more):
    return fm.extract(image, mask, spacing=SPACING, **more)


@pytest.fixture
def labels(block):
    """Labels 1, 2 and 7, apart from each other."""
    image, _ = block
    out = np.zeros(image.shape, np.uint8)
    out[0:2, 0:3, 0:3] = 1
    out[3:5, 0:3, 0:3] = 2
    out[3:5, 4:6, 4:7] = 7
    return out


@pytest.mark.parametrize(
    "make",
    [
        lambda m: m,
        lambda m: m.astype(np.uint8),
        lambda m: m.astype(np.uint8) * 255,
        lambda m: m.astype(np.float32),
        lambda m: m.astype(np.float64) * 3,
        lambda m: m.astype(np.float16),
        lambda m: m.astype(">i4") * 9,
        lambda m: m.astype(np.int64) * -1,
        lambda m: m.astype(np.int8),
        lambda m: m.astype(np.int8) * -1,
        lambda m: np.asfortranarray(m),
        lambda m: np.repeat(m, 2, axis=2)[:, :, ::2],
        lambda m: m.astype(np.uint64) * 2**40,
    ],
)
def test_every_kind_of_mask_selects_the_same_voxels(block, make):
    image, mask = block
    assert (values(extract(image, make(mask))) == values(extract(image, mask))).all()


@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", "f8"])
def test_a_label_is_chosen_by_number(block, labels, dtype):
    image, _ = block
    one = extract(image, labels.astype(dtype), label=2)
    assert (values(one) == values(extract(image, labels == 2))).all()
    assert one.roi == "2"
    assert one.provenance["mask"]["label"] == 2


@pytest.mark.parametrize(("label", "highest", "shared"), [(1, 1, True), (1, 2, False)])
def test_a_mask_of_zeros_and_ones_is_taken_without_a_copy(block, label, highest, shared):
    image, mask = block
    marked = mask.astype(np.uint8)
    marked[0, 0, 0] = highest
    opened = regions.open_image(image, spacing=(1, 1, 1))
    (region,) = opened.regions(regions.Wanted(marked, label=label))
    assert np.shares_memory(region.select(), marked) == shared
    np.testing.assert_array_equal(region.select(), marked == label)


def test_several_labels_without_a_choice_are_listed(block, labels):
    with pytest.raises(fm.InputError, match=r"3 labels \(1, 2, 7\).*label="):
        extract(block[0], labels)


def test_a_missing_label_names_those_present(block, labels):
    with pytest.raises(fm.InputError, match="no label 3; it has 1, 2, 7"):
        extract(block[0], labels, label=3)
    with pytest.raises(fm.InputError, match="no label 3, 4; it has 1, 2, 7"):
        extract(block[0], labels, label=[1, 3, 4])


def test_all_labels_give_results_by_name(block, labels):
    image, _ = block
    results = extract(image, labels, label="all")
    assert list(results) == ["1", "2", "7"]
    for label in (1, 2, 7):
        assert (values(results[label]) == values(extract(image, labels == label))).all()


def test_a_list_of_labels_keeps_its_order(block, labels):
    assert list(extract(block[0], labels, label=[7, 1])) == ["7", "1"]


def test_one_label_in_a_list_gives_results(block, labels):
    assert isinstance(extract(block[0], labels, label=[7]), fm.Results)


@pytest.mark.parametrize("label", [0, "2", 1.5, True, [], [1, 0], None.__class__])
def test_a_label_that_is_none_is_refused(block, labels, label):
    with pytest.raises(fm.InputError, match="label must be"):
        extract(block[0], labels, label=label)


def test_named_masks_may_overlap(block, labels):
    image, mask = block
    results = extract(image, {"gtv": mask, "box": np.ones_like(mask)})
    assert list(results) == ["gtv", "box"]
    assert (values(results["gtv"]) == values(extract(image, mask))).all()
    assert results["box"].provenance["voxels"]["morphological_mask"] == mask.size


def test_one_named_mask_gives_results(block):
    assert list(extract(block[0], {"gtv": block[1]})) == ["gtv"]


def test_a_list_of_arrays_is_numbered(block):
    assert list(extract(block[0], [block[1], block[1]])) == ["region1", "region2"]


def test_labels_of_several_masks_carry_both_names(block, labels):
    results = extract(block[0], {"a": labels, "b": labels}, label="all")
    assert list(results)[:4] == ["a-1", "a-2", "a-7", "b-1"]
    assert list(extract(block[0], {"a": labels, "b": labels}, label=7)) == ["a", "b"]


def test_files_give_their_names_to_regions(tmp_path, block):
    image, mask = block
    for name, array in (("ct.nii.gz", image), ("gtv.nii.gz", mask), ("node.v2.nrrd", mask)):
        sitk.WriteImage(sitk.GetImageFromArray(array.astype(np.int16)), str(tmp_path / name))
    one = fm.extract(tmp_path / "ct.nii.gz", str(tmp_path / "gtv.nii.gz"))
    assert (one.case, one.roi) == ("ct", "gtv")
    two = fm.extract(tmp_path / "ct.nii.gz", [tmp_path / "gtv.nii.gz", tmp_path / "node.v2.nrrd"])
    assert list(two) == ["gtv", "node.v2"]
    with pytest.raises(fm.InputError, match="two regions are named 'gtv'"):
        fm.extract(tmp_path / "ct.nii.gz", [tmp_path / "gtv.nii.gz"] * 2)


def test_a_fractional_mask_needs_a_threshold(block):
    image, mask = block
    soft = mask * 0.75
    with pytest.raises(fm.InputError, match=r"fractions \(for example 0.75\).*mask_threshold"):
        extract(image, soft)
    assert (values(extract(image, soft, mask_threshold=0.5)) == values(extract(image, mask))).all()
    assert (values(extract(image, soft, mask_threshold=0.75)) == values(extract(image, mask))).all()
    with pytest.raises(fm.InputError, match=r"empty: no value reaches mask_threshold 0\.8"):
        extract(image, soft, mask_threshold=0.8)


@pytest.mark.parametrize("threshold", [0, -1, np.nan, np.inf])
def test_a_threshold_that_selects_everything_or_nothing_is_refused(block, threshold):
    with pytest.raises(fm.InputError, match="mask_threshold must be above 0"):
        extract(block[0], block[1] * 0.5, mask_threshold=threshold)


def test_a_threshold_and_a_label_exclude_each_other(block):
    with pytest.raises(fm.InputError, match="exclude each other"):
        extract(block[0], block[1] * 0.5, mask_threshold=0.5, label=1)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float32])
def test_an_empty_mask_is_refused(block, dtype):
    with pytest.raises(fm.InputError, match="empty"):
        extract(block[0], np.zeros(block[1].shape, dtype))


def test_a_mask_with_nan_is_refused(block):
    mask = block[1].astype(float)
    mask[0, 0, 0] = np.nan
    with pytest.raises(fm.InputError, match="NaN"):
        extract(block[0], mask)


def test_a_mask_of_another_shape_is_refused(block):
    with pytest.raises(fm.InputError, match=r"differ in shape: mask array \(5, 7, 8\)"):
        extract(block[0], block[1][1:])


def test_no_mask_at_all_is_refused(block):
    for nothing in ([], {}):
        with pytest.raises(fm.InputError, match="no mask"):
            extract(block[0], nothing)


def test_one_region_that_fails_leaves_the_others(block):
    image, mask = block
    image = image.astype(np.float32)
    image[0, 0, 0] = np.nan
    bad = np.zeros_like(mask)
    bad[0, 0, 0] = True
    results = extract(image, {"good": mask, "bad": bad})
    assert list(results) == ["good"]
    assert list(results.failures) == ["bad"]
    with pytest.raises(fm.InputError, match="finite"):
        results["bad"]
    with pytest.raises(fm.InputError, match="finite"):
        extract(image, bad)
    with pytest.raises(KeyError):
        results["other"]
