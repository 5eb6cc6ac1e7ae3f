"""Pictures of the cohort report: which slice, which way up, which window, what is told."""

import io
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from ferromics.cohort.report_slices import of_image, pictures, surroundings
from ferromics.cohort.report_table import Row, Table

SHAPE = (6, 20, 24)


def table_of(folder: Path, *rows: Row, settings: dict | None = None) -> Table:
    provenance = {"folder": str(folder), "settings": {"abc": settings or {}}}
    return Table(folder / "t.csv", rows, (), np.empty((len(rows), 0)), {}, provenance)


def row_of(**given) -> Row:
    fields = {
        "number": 0, "case": "P1", "roi": "gtv", "status": "done", "error": "", "warnings": (),
        "image": "ct.nii.gz", "image_sha256": "", "mask": "m.nii.gz", "mask_sha256": "",
        "label": 1, "threshold": None, "settings": "abc", "version": "", "slice_axis": "",
        "carried": {},
    }  # fmt: skip
    return Row(**(fields | given))


def save(path: Path, array: np.ndarray, *, orientation="LPS", spacing=(1.0, 1.0, 3.0), origin=None):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetOrigin(origin or (0, 0, 0))
    sitk.WriteImage(sitk.DICOMOrient(image, orientation), str(path))


def corners() -> tuple[np.ndarray, np.ndarray]:
    """An image that is bright at the patient's right front (and low in z), a mask in the middle."""
    image = np.zeros(SHAPE, np.int16)
    image[:3, :10, :12] = 1000
    mask = np.zeros(SHAPE, np.uint8)
    mask[1:4, 5:15, 6:18] = 1
    mask[2, 4:16, 5:19] = 1
    return image, mask


def grey(view) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(view.jpeg))).astype(int)


@pytest.mark.parametrize("orientation", ["LPS", "RAS", "PIR", "ASL"])
@pytest.mark.parametrize(
    ("axis", "letters", "bright"),
    [("z", "RLAP", "top left"), ("y", "RLSI", "bottom left"), ("x", "APSI", "bottom left")],
)
def test_slices_lie_as_radiologists_look(tmp_path, orientation, axis, letters, bright):
    image, mask = corners()
    save(tmp_path / "ct.nii.gz", image, orientation=orientation)
    save(tmp_path / "m.nii.gz", mask, orientation=orientation)
    row = row_of(slice_axis=axis)
    settings = {"resegment": {"range": [0, 1000]}}
    picture = of_image(table_of(tmp_path, row, settings=settings), [row])[0]
    assert "".join(picture.letters) == letters
    seen = grey(picture.close)
    h, w = (n // 4 for n in seen.shape)
    quarters = {
        "top left": seen[h, w],
        "top right": seen[h, -w],
        "bottom left": seen[-h, w],
        "bottom right": seen[-h, -w],
    }
    assert [name for name, value in quarters.items() if value > 200] == [bright]


def test_the_slice_of_the_largest_area_is_shown_in_true_proportions(tmp_path):
    image, mask = corners()
    save(tmp_path / "ct.nii.gz", image, spacing=(0.5, 2.0, 3.0))
    save(tmp_path / "m.nii.gz", mask, spacing=(0.5, 2.0, 3.0))
    row = row_of()
    picture = of_image(table_of(tmp_path, row), [row])[0]
    assert picture.facts[0].startswith("slice 3 of 6, window ")
    assert picture.facts[1] == f"{mask.sum()} voxels, {12 * 14 * 1.0:g} mm² in this slice"
    assert picture.close.size == (24, 20)
    assert picture.close.size_mm == (12.0, 40.0)
    assert picture.notes == ()


def test_a_small_region_is_enlarged_with_the_whole_slice_beside_it(tmp_path):
    image = np.random.default_rng(1).normal(0, 50, (3, 200, 300)).astype(np.float32)
    mask = np.zeros(image.shape, np.uint8)
    mask[1, 40:60, 250:280] = 2
    save(tmp_path / "ct.nii.gz", image)
    save(tmp_path / "m.nii.gz", mask)
    row = row_of(label=2)
    picture = of_image(table_of(tmp_path, row), [row])[0]
    x, y, w, h = picture.whole.inner
    assert picture.close.size == (w, h) == (66, 66)
    assert x < 250 < 280 < x + w
    assert y < 40 < 60 < y + h
    assert picture.whole.size == (300, 200)
    assert max(grey(picture.whole).shape) == 144
    assert len(picture.close.jpeg) + len(picture.whole.jpeg) < 20_000


@pytest.mark.parametrize(
    ("limits", "normalise", "window"),
    [
        ([-100, 400], None, "-100 to 400"),
        ([-100, None], None, "-100 to 1100"),
        ([None, None], None, "-100 to 1100"),
        ([1, 2], {"type": "zscore"}, "-100 to 1100"),
    ],
)
def test_the_window_is_the_settings_range_or_percentiles(tmp_path, limits, normalise, window):
    image, mask = corners()
    save(tmp_path / "ct.nii.gz", image)
    save(tmp_path / "m.nii.gz", mask)
    row = row_of()
    settings = {"resegment": {"range": limits}, "normalise": normalise}
    picture = of_image(table_of(tmp_path, row, settings=settings), [row])[0]
    assert picture.facts[0] == f"slice 3 of 6, window {window}"


def test_a_mask_on_another_grid_is_drawn_where_it_lies(tmp_path):
    image, mask = corners()
    save(tmp_path / "ct.nii.gz", image)
    save(tmp_path / "m.nii.gz", mask[:, :, 6:], origin=(4, 0, 0))
    row = row_of(status="failed")
    picture = of_image(table_of(tmp_path, row), [row])[0]
    assert picture.notes == ("the mask lies on another grid; it is drawn where it lies",)
    assert picture.close.outline.path.startswith("M4 4h13")


@pytest.mark.parametrize(
    ("given", "note"),
    [
        ({"mask": "none.nii.gz"}, "no such mask file: none.nii.gz"),
        ({"mask": ""}, "the table names no mask file"),
        ({"label": 3}, "label 3 is not there: all labels of the mask are outlined"),
        ({"mask": "empty.nii.gz"}, "no voxel of the image is in the mask"),
        ({"mask": "far.nii.gz"}, "no voxel of the image is in the mask"),
        ({"mask": "torn.nii.gz"}, "mask not readable: mask "),
        ({"image_sha256": "0" * 64}, "the image file has changed since"),
        ({"mask_sha256": "0" * 64}, "the mask file has changed since"),
    ],
)
def test_what_is_odd_is_noted_beside_the_image(tmp_path, given, note):
    image, mask = corners()
    save(tmp_path / "ct.nii.gz", image)
    save(tmp_path / "m.nii.gz", mask)
    save(tmp_path / "empty.nii.gz", mask * 0)
    save(tmp_path / "far.nii.gz", mask, origin=(500, 0, 0))
    (tmp_path / "torn.nii.gz").write_bytes(b"no image")
    row = row_of(**given)
    picture = of_image(table_of(tmp_path, row), [row])[0]
    assert picture.close is not None
    assert any(text.startswith(note) for text in picture.notes)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("none.nii.gz", "No such file: none.nii.gz"),
        ("", "The table names no image file."),
        ("torn.nii.gz", "Not readable: image "),
    ],
)
def test_an_image_that_cannot_be_read_leaves_a_reason(tmp_path, image, words):
    (tmp_path / "torn.nii.gz").write_bytes(b"no image")
    row = row_of(image=image)
    picture = of_image(table_of(tmp_path, row), [row])[0]
    assert picture.close is None
    assert picture.missing.startswith(words)


def test_a_threshold_and_voxels_without_a_value_are_drawn(tmp_path):
    image, mask = corners()
    image = image.astype(np.float32)
    image[:, 0, 0] = np.nan
    save(tmp_path / "ct.nii.gz", image)
    save(tmp_path / "m.nii.gz", mask.astype(np.float32) * 0.6)
    row = row_of(label=None, threshold=0.5)
    picture = of_image(table_of(tmp_path, row), [row])[0]
    assert picture.facts[1].startswith(f"{mask.sum()} voxels")


def test_each_image_is_read_once_for_all_its_regions(tmp_path):
    image, mask = corners()
    mask[0, 0, 0] = 2
    save(tmp_path / "ct.nii.gz", image)
    save(tmp_path / "m.nii.gz", mask)
    rows = [row_of(number=k, label=k) for k in (1, 2)] + [row_of(number=3, image="none.nii.gz")]
    table = table_of(tmp_path, *rows)
    found = sorted((sorted(some) for some in pictures(table, rows, 2)), key=len)
    assert found == [[3], [1, 2]]


def test_surroundings_lie_within_the_slice():
    marked = np.zeros((50, 400), bool)
    marked[45:50, 0:5] = True
    rows, columns = surroundings(marked, (2.0, 0.5))
    assert (rows.stop, columns.start) == (50, 0)
    assert (rows.stop - rows.start) * 2.0 == (columns.stop - columns.start) * 0.5 == 40
