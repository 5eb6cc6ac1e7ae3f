"""One anatomy, stored in any order and orientation, becomes one array."""

import itertools

import numpy as np
import pytest
import SimpleITK as sitk

import ferromics as fm
from ferromics import io

SPACING = (3.0, 1.5, 1.25)  # z, y, x


def as_image(array, spacing=SPACING, direction=None, origin=(5.0, -7.0, 11.0)):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing([float(s) for s in spacing[::-1]])
    image.SetOrigin(origin)
    if direction is not None:
        image.SetDirection(np.asarray(direction).ravel().tolist())
    return image


def restored(image, order, flips):
    """The same anatomy with axes permuted and flipped in the file."""
    image = sitk.PermuteAxes(image, order)
    return sitk.Flip(image, flips, False)


ORIENTATIONS = [
    (list(o), list(f))
    for o, f in itertools.product(
        itertools.permutations(range(3)), itertools.product([False, True], repeat=3)
    )
]


@pytest.mark.parametrize(("order", "flips"), ORIENTATIONS)
def test_stored_orientation_does_not_change_the_array(block, order, flips):
    image, _ = block
    turned = restored(as_image(image), order, flips)
    scan = io.orient(io.read(turned))
    np.testing.assert_array_equal(scan.array, image)
    assert scan.spacing == SPACING
    np.testing.assert_allclose(scan.grid.origin, (5, -7, 11))
    np.testing.assert_allclose(scan.grid.axes, np.eye(3)[::-1], atol=1e-12)


def test_orientation_is_a_view(block):
    image = as_image(block[0])
    stored = io.read(restored(image, [2, 0, 1], [True, False, True]))
    assert np.shares_memory(stored.array, io.orient(stored).array)


@pytest.mark.parametrize(("order", "flips"), ORIENTATIONS[::5])
def test_features_do_not_depend_on_how_image_and_mask_are_stored(block, order, flips):
    image, mask = block
    straight = fm.extract(as_image(image), as_image(mask.astype(np.uint8)))
    turned_image = restored(as_image(image), order, flips)
    mixed = fm.extract(turned_image, as_image(mask.astype(np.uint8)))
    assert dict(straight).keys() == dict(mixed).keys()
    np.testing.assert_array_equal(list(straight.values()), list(mixed.values()))


@pytest.mark.parametrize("method", ["nearest", "linear", "cubic", "lanczos"])
@pytest.mark.parametrize(("order", "flips"), ORIENTATIONS[::7])
def test_features_on_a_resampled_grid_do_not_depend_on_how_the_image_is_stored(
    block, order, flips, method
):
    image, mask = block
    settings = {"resample": {"spacing": [2, 1.1, 0.9], "method": method}, "features": ["diag"]}
    settings["features"] += ["stat", "morph", "glszm", "loc"]
    direction = rotation(0, 20) @ rotation(2, -15)
    straight = as_image(image, direction=direction)
    region = as_image(mask.astype(np.uint8), direction=direction)
    expected = fm.extract(straight, region, settings)
    turned = fm.extract(restored(straight, order, flips), restored(region, order, flips), settings)
    np.testing.assert_array_equal(list(turned.values()), list(expected.values()))
    assert turned.provenance["grid"] == expected.provenance["grid"]
    assert turned.provenance["grid"]["spacing_zyx_mm"] == [2, 1.1, 0.9]


def rotation(axis, degrees):
    a = np.radians(degrees)
    m = np.eye(3)
    i, j = [k for k in range(3) if k != axis]
    m[i, i] = m[j, j] = np.cos(a)
    m[i, j], m[j, i] = -np.sin(a), np.sin(a)
    return m


def test_an_oblique_image_goes_to_the_nearest_axes(block):
    oblique = rotation(0, 20) @ rotation(2, -15)
    image = as_image(block[0], direction=oblique)
    expected = io.orient(io.read(image))
    np.testing.assert_array_equal(expected.array, block[0])
    for order, flips in ORIENTATIONS:
        scan = io.orient(io.read(restored(image, order, flips)))
        np.testing.assert_array_equal(scan.array, block[0])
        np.testing.assert_allclose(scan.grid.origin, expected.grid.origin, atol=1e-9)


@pytest.mark.parametrize("turn", [(0, 45), (1, 45), (2, -45), (2, 135)])
def test_half_way_between_two_axes_the_stored_order_does_not_decide(block, turn):
    image = as_image(block[0], direction=rotation(*turn))
    expected = io.orient(io.read(image))
    for order, flips in ORIENTATIONS:
        scan = io.orient(io.read(restored(image, order, flips)))
        np.testing.assert_array_equal(scan.array, expected.array)


@pytest.mark.parametrize(
    ("spacing", "axis"),
    [
        ((3, 1, 1), 0),
        ((1, 1, 1), 0),
        ((1, 3, 1), 1),  # a coronal acquisition
        ((1, 1, 3), 2),  # a sagittal one
        ((1, 1.2, 1), 0),  # not clearly larger
        ((2, 3, 3), 0),  # two largest
    ],
)
def test_slices_lie_along_the_clearly_largest_spacing(block, spacing, axis):
    scan = io.orient(io.read(as_image(block[0], spacing)))
    assert io.slice_axis(scan, "auto") == axis


def test_a_bare_array_keeps_its_order(block):
    scan = io.orient(io.read(block[0], spacing=(1.0, 1.0, 5.0)))
    assert io.slice_axis(scan, "auto") == 0


@pytest.mark.parametrize("wanted", ["z", "y", "x"])
def test_the_slice_axis_can_be_set_and_is_recorded(block, wanted):
    image, mask = block
    result = fm.extract(image, mask, {"image": {"slice_axis": wanted}}, spacing=(1.0, 2.0, 3.0))
    assert result.provenance["geometry"]["slice_axis"] == wanted


def test_slices_along_another_axis_equal_the_moved_array(block):
    image, mask = block
    settings = {"features": [{"type": "glcm", "aggregations": ["2d_averaged"]}]}
    along_x = fm.extract(
        image, mask, {**settings, "image": {"slice_axis": "x"}}, spacing=(1.0, 2.0, 3.0)
    )
    moved = fm.extract(
        np.moveaxis(image, 2, 0), np.moveaxis(mask, 2, 0), settings, spacing=(3.0, 1.0, 2.0)
    )
    assert dict(along_x) == dict(moved)


def test_a_mask_on_another_grid_is_refused_with_both_grids_and_the_fix(block):
    image, mask = block
    shifted = as_image(mask.astype(np.uint8), origin=(5.5, -7.0, 11.0))
    with pytest.raises(fm.InputError) as error:
        fm.extract(as_image(image), shifted)
    text = str(error.value)
    assert "(5, -7, 11)" in text
    assert "(5.5, -7, 11)" in text
    assert "SimpleITK.Resample" in text
    assert "\n" not in text


def test_a_mask_of_another_size_is_refused(block):
    image, mask = block
    with pytest.raises(fm.InputError, match="differ in size"):
        fm.extract(as_image(image), as_image(mask[1:].astype(np.uint8)))


def test_rounding_in_a_header_is_tolerated(block):
    image, mask = block
    almost = as_image(mask.astype(np.uint8), origin=(5.0001, -7.0, 11.0))
    fm.extract(as_image(image), almost)


def test_a_bare_mask_belongs_to_the_voxels_as_stored(block):
    image, mask = block
    turned = restored(as_image(image), [1, 2, 0], [True, False, False])
    turned_mask = restored(as_image(mask.astype(np.uint8)), [1, 2, 0], [True, False, False])
    by_array = fm.extract(turned, sitk.GetArrayFromImage(turned_mask))
    assert dict(by_array) == dict(fm.extract(turned, turned_mask))
