"""A look at a cohort before it runs: headers, labels, grids, totals; what is wrong, in its row."""

import gzip
import io as text_io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from rich.console import Console

import ferromics as fm
from ferromics import io
from ferromics.cohort import memory
from ferromics.cohort.cases import Case, Cohort, Mask
from ferromics.cohort.find import find_cases
from ferromics.cohort.headers import peek
from ferromics.cohort.survey import print_survey, survey, survey_rows, totals

SPACING = (3.0, 1.5, 1.0)
STAT = {"features": ["stat"]}


def write(path, array, spacing=SPACING):
    path.parent.mkdir(exist_ok=True)
    io.write_nifti(path, array, spacing)


@pytest.fixture
def folder(tmp_path, block):
    """Two cases: P1 with a mask and a label image, P2 with a mask."""
    image, mask = block
    labels = np.zeros(image.shape, np.uint8)
    labels[0, 0, 0:3], labels[5, 0, 0:2] = 1, 4
    for case in ("P1", "P2"):
        write(tmp_path / case / "ct.nii.gz", image)
        write(tmp_path / case / "gtv.nii.gz", mask)
    write(tmp_path / "P1" / "seg.nii.gz", labels)
    return tmp_path


def rows(folder, **options):
    """Rows of the folder's survey, by case and region."""
    found = survey(find_cases(folder, **options), STAT)
    return {(row.case, row.roi): row for row in found.rows}


def test_a_survey_tells_size_labels_regions_and_values(folder, block):
    found = survey(find_cases(folder, label="all"), STAT)
    gtv, seg, other = found.rows
    voxels = int(block[1].sum())
    assert (gtv.shape, gtv.spacing) == (block[0].shape, SPACING)
    assert (gtv.labels, gtv.regions, gtv.voxels) == ({1: voxels}, 1, voxels)
    assert (seg.labels, seg.regions, seg.voxels) == ({1: 3, 4: 2}, 2, 5)
    columns = len(fm.extract(*block, STAT, spacing=SPACING))
    assert (seg.values, seg.same_grid, seg.problem) == (2 * columns, True, "")
    assert (other.case, other.image, other.mask) == ("P2", "P2/ct.nii.gz", "P2/gtv.nii.gz")
    assert (found.cases, found.regions, found.voxels) == (2, 4, 2 * voxels + 5)
    assert found.values == 4 * columns
    assert found.bytes == sum(p.stat().st_size for p in folder.rglob("*.nii.gz"))
    assert found.problems == 0


def test_regions_are_those_that_a_run_would_take(folder):
    seg = rows(folder)["P1", "seg"]
    assert (seg.regions, seg.values) == (0, 0)
    assert "has 2 labels (1, 4); say which" in seg.problem
    assert rows(folder, label=4)["P1", "seg"].voxels == 2
    assert "has no label 2; it has 1, 4" in rows(folder, label=2)["P1", "seg"].problem
    assert rows(folder, mask_threshold=0.5)["P1", "seg"].voxels == 5


def test_a_case_is_counted_with_its_own_settings(folder):
    case = Case(str(folder / "P2/ct.nii.gz"), (Mask(str(folder / "P2/gtv.nii.gz")),), "P2", STAT)
    bad = Case(case.image, case.masks, "bad", "no-such.yaml")
    found = survey(Cohort((case, bad), {}, folder, "here"), {"features": ["stat", "morph"]})
    assert found.rows[0].values == len(fm.extract(case.image, case.masks[0].source, STAT))
    assert "no settings file no-such.yaml" in found.rows[1].problem
    with pytest.raises(fm.SettingsError):
        survey(Cohort((), {}, folder, "here"), {"features": ["gclm"]})


def test_what_is_missing_or_broken_is_told_in_its_row(folder, block):
    (folder / "P1" / "gtv.nii.gz").write_bytes(b"no image at all")
    (folder / "P1" / "seg.nii.gz").unlink()
    write(folder / "P2" / "gtv.nii.gz", block[1], (3.0, 1.5, 1.1))
    write(folder / "P2" / "gtv2.nii.gz", block[1][:5])
    write(folder / "P2" / "ctv.nii.gz", block[1] * 0.5)
    write(folder / "P2" / "ptv.nii.gz", block[1] & False)
    table = [
        ["image", "mask"],
        ["P1/no.nii.gz", "P1/gtv.nii.gz"],
        ["P1/ct.nii.gz", "P1/seg.nii.gz"],
    ]
    table += [["P2/ct.nii.gz", f"P2/{m}.nii.gz"] for m in ("gtv", "gtv2", "ctv", "ptv")]
    (folder / "cases.csv").write_text("\n".join(map(",".join, table)))
    found = survey(find_cases(folder / "cases.csv"), STAT)
    told = [row.problem for row in found.rows]
    assert "no.nii.gz: no such file; mask" in told[0]
    assert "is not a NIfTI file" in told[0]
    assert "seg.nii.gz: no such file" in told[1]
    assert "lie on different grids, up to 0.7 mm apart" in told[2]
    assert "differ in size" in told[3]
    assert "holds fractions" in told[4]
    assert "is empty: no voxel is set" in told[5]
    assert all("\n" not in text for text in told)
    assert [row.same_grid for row in found.rows] == [None, None, False, False, None, None]
    assert (found.images_missing, found.masks_missing, found.problems) == (1, 1, 6)
    assert found.values == 0
    assert totals(found)[2] == "6 of 6 masks would fail (1 image file missing, 1 mask file missing)"


def test_a_mask_stored_in_another_orientation_lies_on_the_same_grid(folder):
    path = folder / "P2" / "gtv.nii.gz"
    image = sitk.DICOMOrient(sitk.ReadImage(str(path)), "RAS")
    sitk.WriteImage(image, str(path))
    assert rows(folder)["P2", "gtv"].same_grid


def test_arrays_and_images_in_memory_are_surveyed_too(block):
    image, mask = block
    held = sitk.GetImageFromArray(image)
    cases = (
        Case(image, (Mask(mask), Mask(mask[:3], "short")), "array", spacing=SPACING),
        Case(held, (Mask(mask),), "held"),
    )
    found = survey(Cohort(cases, {}, Path(), "memory"), STAT)
    assert [row.voxels for row in found.rows] == [mask.sum(), mask[:3].sum(), mask.sum()]
    assert [row.same_grid for row in found.rows] == [True, False, True]
    assert "differ in shape" in found.rows[1].problem
    assert found.bytes == 0


def test_the_highest_estimate_of_memory_is_told(folder):
    small = survey(find_cases(folder, label="all"), STAT).peak
    assert small > memory.PROCESS
    assert survey(find_cases(folder, label="all"), fm.Settings(resample=0.1)).peak > 2 * small
    assert "of memory a case" in totals(survey(find_cases(folder, label="all"), STAT))[1]


def test_the_number_of_threads_does_not_change_a_survey(folder):
    cohort = find_cases(folder, label="all")
    assert survey(cohort, STAT, threads=1) == survey(cohort, STAT, threads=7)


def test_records_are_flat_and_say_everything(folder):
    (folder / "P2" / "ct.nii.gz").unlink()
    folder_cases = "image,mask,case\n" + "".join(
        f"P{k}/ct.nii.gz,P{k}/gtv.nii.gz,P{k}\n" for k in (1, 2)
    )
    (folder / "c.csv").write_text(folder_cases)
    first, second = survey_rows(survey(find_cases(folder / "c.csv"), STAT))
    assert first["labels"] == f"1:{first['voxels']}"
    assert (first["shape_z"], first["spacing_x_mm"], first["same_grid"]) == (6, 1.0, "true")
    assert (second["image_found"], second["shape_z"], second["same_grid"]) == ("false", "", "")
    assert list(first) == list(second)


def test_a_printed_survey_shows_rows_problems_and_totals(folder):
    (folder / "Q" / "ct.nii.gz").parent.mkdir()
    (folder / "Q" / "ct.nii.gz").touch()
    text = text_io.StringIO()
    print_survey(survey(find_cases(folder), STAT), Console(file=text, width=200))
    shown = text.getvalue()
    assert "6 x 7 x 8" in shown
    assert "1: 3, 4: 2" in shown
    assert "2 cases, 3 masks, 2 regions" in shown
    assert "1 of 3 masks would fail" in shown
    assert "1 image has no mask and is not used: Q/ct.nii.gz" in shown


def test_images_are_printed_where_a_case_has_several(folder):
    (folder / "P1" / "ct.nii.gz").rename(folder / "P2" / "pet.nii.gz")
    text = text_io.StringIO()
    print_survey(survey(find_cases(folder), STAT), Console(file=text, width=200))
    assert [line.split()[:3] for line in text.getvalue().splitlines()[1:3]] == [
        ["P2", "P2/ct.nii.gz", "gtv"],
        ["P2", "P2/pet.nii.gz", "gtv"],
    ]


def test_of_many_rows_those_with_a_problem_come_first(folder):
    case = find_cases(folder, label="all").cases[1]
    lost = Case(str(folder / "[lost].nii.gz"), case.masks, "lost")
    many = Cohort((*[case] * 60, lost), {}, folder, "here")
    text = text_io.StringIO()
    print_survey(survey(many, STAT), Console(file=text, width=200))
    lines = text.getvalue().splitlines()
    assert "[lost].nii.gz: no such file" in lines[1]
    assert any("and 21 more" in line for line in lines)


IMAGE = np.arange(24, dtype=np.int16).reshape(4, 3, 2)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd", ".mha", ".mhd"])
@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "f4", "f8"])
def test_a_header_tells_what_reading_tells(tmp_path, suffix, dtype):
    image = sitk.GetImageFromArray(IMAGE.astype(dtype))
    image.SetSpacing((1.25, 1.5, 1.75))
    image.SetOrigin((10, -20, 30))
    image.SetDirection((-1, 0, 0, 0, 0, 1, 0, 1, 0))
    path = tmp_path / f"image{suffix}"
    sitk.WriteImage(image, str(path))
    same(peek(path), io.read(path))


@pytest.mark.parametrize("suffix", [".nii", ".png", ".mha"])
def test_a_header_of_a_2d_image_tells_what_reading_tells(tmp_path, suffix):
    path = tmp_path / f"image{suffix}"
    sitk.WriteImage(sitk.GetImageFromArray(IMAGE[0].astype(np.uint8)), str(path))
    same(peek(path), io.read(path))


def test_scaled_intensities_have_their_type_in_the_header_too(tmp_path):
    path = tmp_path / "image.nii"
    sitk.WriteImage(sitk.GetImageFromArray(IMAGE), str(path))
    raw = bytearray(path.read_bytes())
    raw[112:120] = np.array([0.5, 1.0], "<f4").tobytes()
    path.write_bytes(raw)
    assert peek(path).array.dtype == io.read(path).array.dtype == np.float32


def same(peeked, read):
    assert peeked.array.shape == read.array.shape
    assert peeked.array.dtype == read.array.dtype
    assert peeked.array.strides == (0, 0, 0)
    assert (peeked.spacing, peeked.name, peeked.label) == (read.spacing, read.name, read.label)
    assert peeked.dimensions == read.dimensions
    np.testing.assert_array_equal(peeked.grid.corners(), read.grid.corners())


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.nii.gz", b"", "is empty"),
        ("a.nii.gz", b"\x1f\x8b\x08broken", "image .* is damaged or cut off"),
        ("a.nii.gz", gzip.compress(b"text"), "image .* is not a NIfTI file"),
        ("a.nii", b"x" * 400, "image .* is not a NIfTI file"),
        ("a.nrrd", b"NRRD0004\n", "could not be read"),
        ("a.dat", b"abc", "could not be read"),
    ],
)
def test_a_header_that_cannot_be_read_is_told_as_reading_tells_it(tmp_path, name, data, told):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(fm.InputError, match=told):
        peek(tmp_path / name)


def test_a_plain_file_that_is_cut_off_is_known_by_its_size(tmp_path):
    path = tmp_path / "image.nii"
    sitk.WriteImage(sitk.GetImageFromArray(IMAGE), str(path))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(fm.InputError, match="48 bytes of voxels are announced, 47 are there"):
        peek(path)


def test_images_of_no_single_number_a_voxel_are_told_as_reading_tells_it(tmp_path):
    path = tmp_path / "image.mha"
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((2, 3, 4, 3)), isVector=True), str(path))
    with pytest.raises(fm.InputError, match="3 values per voxel"):
        peek(path)
    path = tmp_path / "image.nii.gz"
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((2, 3, 4, 3)), isVector=False), str(path))
    with pytest.raises(fm.InputError, match="is 4D"):
        peek(path)


def test_a_header_is_read_without_the_voxels(tmp_path):
    path = tmp_path / "image.nii.gz"
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 64), np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(noise), str(path))
    path.write_bytes(path.read_bytes()[:20_000])
    assert peek(path).array.shape == (64, 64, 64)
    with pytest.raises(fm.InputError, match="cut off"):
        io.read(path)


def test_finding_cases_needs_no_heavy_imports(folder):
    code = (
        "import sys; from ferromics.cohort.find import find_cases; find_cases(sys.argv[1]);"
        "print([m for m in ('SimpleITK', 'rich', 'pandas', 'pyarrow') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
