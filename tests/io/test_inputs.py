"""Images of every kind and type, and images that cannot be used."""

import gc

import numpy as np
import pytest
import SimpleITK as sitk

import ferromics as fm
from ferromics import io

SPACING = (3.0, 1.0, 1.0)


def values(result):
    return np.array(list(result.values()))


DTYPES = ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8", ">i2", ">f8", ">u4", "f2"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_element_type_gives_the_same_values(block, dtype):
    image, mask = block
    small = image % 100
    expected = values(fm.extract(small, mask, spacing=SPACING))
    given = small.astype(dtype)
    np.testing.assert_array_equal(values(fm.extract(given, mask, spacing=SPACING)), expected)


def layouts(image):
    yield np.asfortranarray(image)
    yield np.repeat(image, 2, axis=1)[:, ::2]
    yield np.ascontiguousarray(image[::-1])[::-1]
    locked = image.copy()
    locked.flags.writeable = False
    yield locked
    yield np.moveaxis(np.ascontiguousarray(np.moveaxis(image, 0, 2)), 2, 0)


def test_strides_and_read_only_arrays_give_the_same_values(block):
    image, mask = block
    expected = values(fm.extract(image, mask, spacing=SPACING))
    for k, array in enumerate(layouts(image)):
        for mask_array in layouts(mask):
            got = values(fm.extract(array, mask_array, spacing=SPACING))
            np.testing.assert_array_equal(got, expected, err_msg=f"layout {k}")


def test_inputs_stay_as_they_are(block):
    image, mask = block
    before = image.copy(), mask.copy()
    fm.extract(image, mask, spacing=SPACING)
    np.testing.assert_array_equal(image, before[0])
    np.testing.assert_array_equal(mask, before[1])


def test_a_boolean_image_is_zeros_and_ones(block):
    image, mask = block
    flags = image > 0
    got = fm.extract(flags, mask, spacing=SPACING)
    np.testing.assert_array_equal(
        values(got), values(fm.extract(flags.astype(np.uint8), mask, spacing=SPACING))
    )


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd"])
def test_every_format_gives_the_values_of_the_array(tmp_path, block, suffix):
    image, mask = block
    paths = []
    for name, array in (("image", image), ("mask", mask.astype(np.uint8))):
        out = sitk.GetImageFromArray(array)
        out.SetSpacing(SPACING[::-1])
        paths.append(tmp_path / f"{name}{suffix}")
        sitk.WriteImage(out, str(paths[-1]))
    from_files = fm.extract(*paths)
    np.testing.assert_array_equal(
        values(from_files), values(fm.extract(image, mask, spacing=SPACING))
    )
    assert len(from_files.provenance["image"]["sha256"]) == 64


@pytest.mark.parametrize("suffix", [".nhdr", ".mhd"])
def test_the_digest_covers_the_voxels_beside_a_header(tmp_path, block, suffix):
    path = tmp_path / f"a{suffix}"
    digests = []
    for array in (block[0], block[0] + 1):
        sitk.WriteImage(sitk.GetImageFromArray(array), str(path))
        digests.append(io.read(path).source["sha256"])
    assert digests[0] != digests[1]


def test_voxels_read_by_simpleitk_outlive_its_image(tmp_path):
    expected = np.arange(64**3, dtype=np.int32).reshape(64, 64, 64)
    path = written(tmp_path / "a.nrrd", sitk.GetImageFromArray(expected))
    view = io.orient(io.read(path)).array[::2]
    gc.collect()
    np.zeros_like(expected)  # what was freed would be used again
    other = [io.read(path).array[0, 0, 0] for _ in range(3)]
    np.testing.assert_array_equal(view, expected[::2])
    assert other == [0, 0, 0]


def test_simpleitk_images_give_the_values_of_the_array(block):
    image, mask = block
    pair = [sitk.GetImageFromArray(a) for a in (image, mask.astype(np.uint8))]
    for one in pair:
        one.SetSpacing(SPACING[::-1])
    expected = values(fm.extract(image, mask, spacing=SPACING))
    np.testing.assert_array_equal(values(fm.extract(*pair)), expected)
    mixed = fm.extract(pair[0], mask)
    np.testing.assert_array_equal(values(mixed), expected)


def test_a_2d_image_is_one_slice_of_1_mm(block):
    image, mask = block[0][2], block[1][2]
    flat = fm.extract(image, mask, spacing=(0.5, 0.5))
    assert any("2D" in w for w in flat.warnings)
    solid = fm.extract(image[None], mask[None], spacing=(1.0, 0.5, 0.5))
    np.testing.assert_array_equal(values(flat), values(solid))
    pair = [sitk.GetImageFromArray(a) for a in (image, mask.astype(np.uint8))]
    for one in pair:
        one.SetSpacing((0.5, 0.5))
    itk = fm.extract(*pair)
    assert any("2D" in w for w in itk.warnings)
    np.testing.assert_array_equal(values(itk), values(solid))


@pytest.mark.parametrize(
    "spacing", [None, (1, 1), (1, 1, 0), (1, 1, -1), (1, 1, np.nan), 3, "abc", (1, 1, 1, 1)]
)
def test_an_array_needs_three_positive_lengths(block, spacing):
    with pytest.raises(fm.InputError, match="spacing"):
        fm.extract(*block, spacing=spacing)


def test_a_file_knows_its_spacing(tmp_path, block):
    path = tmp_path / "a.nii.gz"
    sitk.WriteImage(sitk.GetImageFromArray(block[0]), str(path))
    with pytest.raises(fm.InputError, match="leave it out"):
        fm.extract(path, block[1], spacing=SPACING)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 3, 4, 5)), r"shape \(2, 3, 4, 5\)"),
        (np.zeros(5), r"shape \(5,\)"),
        (np.zeros((0, 3, 4)), "no voxels"),
        (np.zeros((2, 3, 4), complex), "complex"),
        (np.zeros((2, 3, 4), object), "data type object"),
        (np.zeros((2, 3, 4), "U3"), "data type"),
    ],
)
def test_arrays_that_are_no_image_are_refused(array, message):
    with pytest.raises(fm.InputError, match=message):
        fm.extract(array, np.ones((2, 3, 4), bool), spacing=SPACING)


def test_something_else_is_refused_with_what_is_allowed():
    with pytest.raises(TypeError, match=r"path, a SimpleITK image or a numpy array, not .*dict"):
        fm.extract({}, np.ones((2, 3, 4), bool), spacing=SPACING)


def written(path, image):
    sitk.WriteImage(image, str(path))
    return path


def test_files_that_cannot_be_used_name_themselves_and_the_fix(tmp_path, block):
    rng = np.random.default_rng(0)
    four = sitk.JoinSeries([sitk.GetImageFromArray(block[0])] * 2)
    colours = sitk.GetImageFromArray(
        rng.integers(0, 9, (4, 5, 6, 3)).astype(np.uint8), isVector=True
    )
    text = tmp_path / "notes.txt"
    text.write_text("no image")
    empty = tmp_path / "empty.nii.gz"
    empty.touch()
    cut = tmp_path / "cut.nrrd"
    whole = written(tmp_path / "whole.nrrd", sitk.GetImageFromArray(block[0]))
    cut.write_bytes(whole.read_bytes()[:300])
    cases = [
        (tmp_path, "folder"),
        (empty, "empty"),
        (text, "could not be read"),
        (cut, "cut off"),
        (written(tmp_path / "four.nii.gz", four), "4D"),
        (written(tmp_path / "four.nrrd", four), "4D"),
        (written(tmp_path / "colours.nii.gz", colours), "3 values per voxel"),
        (written(tmp_path / "colours.mha", colours), "3 values per voxel"),
    ]
    for path, message in cases:
        with pytest.raises(fm.InputError, match=message) as error:
            io.read(path)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)
    with pytest.raises(FileNotFoundError, match=r"image .*none\.nii: no such file"):
        io.read(tmp_path / "none.nii")


def test_infinite_voxels_in_the_region_are_refused_and_outside_are_not(block):
    image, mask = block
    image = image.astype(np.float32)
    image[0, 0, 0] = np.inf
    fm.extract(image, mask, {"features": ["stat"]}, spacing=SPACING)
    image[2, 2, 2] = np.nan
    with pytest.raises(fm.InputError, match="finite"):
        fm.extract(image, mask, {"features": ["stat"]}, spacing=SPACING)
