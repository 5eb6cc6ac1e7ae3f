"""Response maps of whole images lie over the image, however it is stored, and as it is stored."""

import gc
import itertools
import json
import os
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import ferromics as fm
from ferromics import _images, io

SPACING = (3.0, 1.5, 1.25)  # z, y, x
ORIENTATIONS = [
    (list(o), list(f))
    for o, f in itertools.product(
        itertools.permutations(range(3)), itertools.product([False, True], repeat=3)
    )
]
ITSELF = {"type": "mean", "support": 1, "name": "itself"}
BOX = {"type": "mean", "support": 3}
BOX_2D = {"type": "mean", "support": 3, "dimension": 2}
GRADIENT = {"type": "gradient"}
SUFFIXES = ["nii.gz", "nii", "nrrd", "mha"]


def rotation(axis, degrees):
    a = np.radians(degrees)
    m = np.eye(3)
    i, j = [k for k in range(3) if k != axis]
    m[i, i] = m[j, j] = np.cos(a)
    m[i, j], m[j, i] = -np.sin(a), np.sin(a)
    return m


OBLIQUE = rotation(0, 20) @ rotation(2, -15)
MIRRORED = OBLIQUE @ np.diag([1, -1, 1])


def as_image(array, spacing=SPACING, direction=OBLIQUE, origin=(5.0, -7.0, 11.0)):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing([float(s) for s in spacing[::-1]])
    image.SetOrigin(origin)
    image.SetDirection(np.asarray(direction).ravel().tolist())
    return image


def restored(image, order, flips):
    """The same anatomy with axes permuted and flipped in the file."""
    return sitk.Flip(sitk.PermuteAxes(image, order), flips, False)


def filtered(image, filters, **settings):
    given = filters if isinstance(filters, list) else [filters]
    return fm.response_maps(image, {"filters": given, **settings})


def only(maps):
    (name,) = maps
    return maps[name]


def assert_same_place(one, other, atol=1e-9):
    assert one.GetSize() == other.GetSize()
    for get in ("GetSpacing", "GetOrigin", "GetDirection"):
        np.testing.assert_allclose(getattr(one, get)(), getattr(other, get)(), atol=atol)


def box_mean(array, axes=(0, 1, 2)):
    """Naive mean over 3 voxels along each axis, the outermost voxel twice beyond the edge."""
    width = [(1, 1) if a in axes else (0, 0) for a in range(3)]
    padded = np.pad(array.astype(float), width, mode="symmetric")
    steps = itertools.product(*((0, 1, 2) if a in axes else (0,) for a in range(3)))
    parts = [
        padded[tuple(slice(k, k + n) for k, n in zip(step, array.shape, strict=True))]
        for step in steps
    ]
    return np.mean(parts, axis=0)


def gradient(array, spacing):
    """Naive magnitude of the central differences."""
    padded = np.pad(array.astype(float), 1, mode="symmetric")
    inner = (slice(1, -1),) * 3
    parts = np.gradient(padded, *spacing)
    return np.sqrt(sum(p[inner] ** 2 for p in parts))


# The kernels add up in another order than the naive code: some 1e-16 of intensities up to 300.
CLOSE = {"rtol": 0, "atol": 1e-11}


@pytest.mark.parametrize(("order", "flips"), ORIENTATIONS)
@pytest.mark.parametrize("direction", [OBLIQUE, MIRRORED], ids=["oblique", "left-handed"])
def test_a_map_has_the_image_s_own_grid_and_order(block, order, flips, direction):
    image = restored(as_image(block[0], direction=direction), order, flips)
    stored = sitk.GetArrayFromImage(image)
    maps = filtered(image, [BOX, GRADIENT])
    spacing = image.GetSpacing()[::-1]
    np.testing.assert_allclose(maps["mean-support3"].array, box_mean(stored), **CLOSE)
    np.testing.assert_allclose(maps["gradient"].array, gradient(stored, spacing), **CLOSE)
    for made in maps.values():
        np.testing.assert_array_equal(made.spacing, spacing)
        assert_same_place(made.to_sitk(), image)
        np.testing.assert_array_equal(sitk.GetArrayFromImage(made.to_sitk()), made.array)


@pytest.mark.parametrize(("order", "flips"), ORIENTATIONS[::5])
@pytest.mark.parametrize("direction", [OBLIQUE, MIRRORED], ids=["oblique", "left-handed"])
def test_a_resampled_map_lies_where_the_image_does(order, flips, direction):
    # Of an image that rises evenly in space, a map that only resamples is that same slope.
    slope, start = np.array([1.0, -2.0, 0.5]), 40.0
    straight = as_image(np.zeros((9, 12, 14)), direction=direction)
    indices = np.array(list(np.ndindex(straight.GetSize()))).tolist()
    for index in indices:
        place = straight.TransformIndexToPhysicalPoint(index)
        straight.SetPixel(index, float(start + slope @ np.array(place)))
    image = restored(straight, order, flips)
    made = only(filtered(image, ITSELF, resample=[2.0, 1.0, 0.9]))
    ours = made.to_sitk()
    assert sorted(made.spacing) == [0.9, 1.0, 2.0]
    np.testing.assert_allclose(ours.GetDirection(), image.GetDirection(), atol=1e-12)
    middle = [
        i.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in i.GetSize()])
        for i in (ours, image)
    ]
    np.testing.assert_allclose(*middle, atol=1e-9)
    checked = 0
    for index in np.ndindex(ours.GetSize()):
        place = ours.TransformIndexToPhysicalPoint([int(i) for i in index])
        inside = np.array(image.TransformPhysicalPointToContinuousIndex(place))
        if (inside >= 0).all() and (inside <= np.array(image.GetSize()) - 1).all():
            assert ours.GetPixel(*map(int, index)) == pytest.approx(
                start + slope @ np.array(place), abs=1e-9
            )
            checked += 1
    assert checked > 0.6 * ours.GetNumberOfPixels()


@pytest.mark.parametrize(("order", "flips"), ORIENTATIONS[::5])
def test_a_filter_s_own_axes_are_the_patient_s(block, order, flips):
    filters = [
        {"type": "wavelet", "wavelet": "db3", "sub_bands": "LLH"},  # neither even nor odd
        {"type": "laws", "kernels": "E3L3"},
        {"type": "riesz", "order": [1, 0, 0], "sigma": 2},
    ]
    straight = as_image(block[0])
    maps = filtered(restored(straight, order, flips), filters)
    for name, made in filtered(straight, filters).items():
        expected = restored(made.to_sitk(), order, flips)
        np.testing.assert_array_equal(maps[name].array, sitk.GetArrayFromImage(expected), name)


@pytest.mark.parametrize(("order", "flips"), ORIENTATIONS[::5])
def test_resampled_maps_do_not_depend_on_how_the_image_is_stored(block, order, flips):
    settings = {"resample": {"spacing": [2, 1.1, 0.9], "method": "cubic"}}
    straight = as_image(block[0])
    expected = restored(only(filtered(straight, BOX, **settings)).to_sitk(), order, flips)
    made = only(filtered(restored(straight, order, flips), BOX, **settings))
    np.testing.assert_array_equal(made.array, sitk.GetArrayFromImage(expected))
    assert_same_place(made.to_sitk(), expected)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("source", ["nii.gz", "nrrd"])
@pytest.mark.parametrize(("order", "flips"), ORIENTATIONS[::11])
def test_a_marked_voxel_stays_in_place_from_file_to_file(tmp_path, suffix, source, order, flips):
    array = np.zeros((9, 15, 17), np.int16)
    array[5, 6, 10] = 100
    image = restored(as_image(array), order, flips)
    sitk.WriteImage(image, str(tmp_path / f"in.{source}"))
    maps = filtered(tmp_path / f"in.{source}", [ITSELF, {"type": "log", "sigma": 2}])
    for name, made in maps.items():
        made.save(tmp_path / f"{name}.{suffix}")
        written = sitk.ReadImage(str(tmp_path / f"{name}.{suffix}"))
        # NIfTI keeps its geometry in single precision.
        assert_same_place(written, image, atol=1e-5)
        values = sitk.GetArrayFromImage(written)
        np.testing.assert_array_equal(values, made.array)
        peak = np.unravel_index(np.abs(values).argmax(), values.shape)
        place = written.TransformIndexToPhysicalPoint([int(i) for i in peak[::-1]])
        mark = np.argwhere(sitk.GetArrayFromImage(image) == 100)[0]
        expected = image.TransformIndexToPhysicalPoint([int(i) for i in mark[::-1]])
        np.testing.assert_allclose(place, expected, atol=1e-5)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("precision", ["double", "single"])
def test_a_file_holds_the_map_its_precision_and_its_name(tmp_path, block, suffix, precision):
    made = only(filtered(as_image(block[0]), {**BOX, "precision": precision}))
    assert made.array.dtype == {"double": np.float64, "single": np.float32}[precision]
    path = tmp_path / f"map.{suffix}"
    made.save(path)
    written = sitk.ReadImage(str(path))
    values = sitk.GetArrayFromImage(written)
    assert values.dtype == made.array.dtype
    np.testing.assert_array_equal(values, made.array)
    assert written.GetMetaData("ITK_FileNotes") == f"{made.name}, ferromics {fm.__version__}"
    again = io.read(path)
    np.testing.assert_array_equal(again.array, values)
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name, "map.provenance.json"]


def test_the_same_map_is_the_same_file(tmp_path, block):
    made = only(filtered(as_image(block[0]), BOX))
    made.save(tmp_path / "a.nii.gz")
    made.save(tmp_path / "b.nii.gz")
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


def test_single_precision_is_close_to_double(block):
    image = as_image(block[0])
    one = only(filtered(image, {**BOX, "precision": "single"})).array
    other = only(filtered(image, BOX)).array
    assert not np.array_equal(one, other)
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-4)  # intensities up to 300


@pytest.mark.parametrize("axis", ["z", "y", "x"])
def test_slice_wise_filters_follow_the_slice_axis(block, axis):
    image, _ = block
    settings = {"filters": [BOX_2D], "image": {"slice_axis": axis}}
    made = only(fm.response_maps(image, settings, spacing=SPACING))
    in_plane = tuple(a for a in range(3) if "zyx"[a] != axis)
    np.testing.assert_allclose(made.array, box_mean(image, in_plane), **CLOSE)
    assert made.spacing == SPACING


def test_slices_of_a_stored_image_are_those_of_its_largest_spacing(block):
    image = restored(as_image(block[0]), [2, 0, 1], [True, False, True])
    stored = sitk.GetArrayFromImage(image)
    slices = int(np.argmax(image.GetSpacing()[::-1]))
    assert slices != 0
    in_plane = tuple(a for a in range(3) if a != slices)
    made = only(filtered(image, BOX_2D))
    np.testing.assert_allclose(made.array, box_mean(stored, in_plane), **CLOSE)


def test_a_bare_array_keeps_its_order_and_has_no_geometry(tmp_path, block):
    made = only(fm.response_maps(block[0][::-1], {"filters": [BOX]}, spacing=SPACING))
    np.testing.assert_allclose(made.array, box_mean(block[0][::-1]), **CLOSE)
    assert made.geometry is None
    made.save(tmp_path / "map.nii.gz")
    written = sitk.ReadImage(str(tmp_path / "map.nii.gz"))
    assert written.GetSpacing() == SPACING[::-1]
    assert written.GetOrigin() == (0, 0, 0)
    np.testing.assert_array_equal(written.GetDirection(), np.eye(3).ravel())
    np.testing.assert_array_equal(sitk.GetArrayFromImage(written), made.array)


@pytest.mark.parametrize("spacing", [(1.5, 1.25), (1.0, 1.5, 1.25)])
def test_a_flat_array_gives_a_flat_map(block, spacing):
    flat = block[0][2]
    made = only(fm.response_maps(flat, {"filters": [BOX]}, spacing=spacing))
    np.testing.assert_allclose(made.array, box_mean(flat[None])[0], **CLOSE)
    assert made.spacing == (1.5, 1.25)
    assert made.to_sitk().GetDimension() == 2
    assert made.to_sitk().GetSpacing() == (1.25, 1.5)


def flat_image(array, spacing=(3.0, 0.5)):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing[::-1])
    image.SetOrigin((4.0, -9.0))
    image.SetDirection((-1.0, 0.0, 0.0, 1.0))
    return image


@pytest.mark.parametrize("source", ["nii.gz", "nrrd", "mha"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_flat_file_gives_a_flat_file_on_its_grid(tmp_path, block, source, suffix):
    flat = block[0][2]
    sitk.WriteImage(flat_image(flat), str(tmp_path / f"in.{source}"))
    image = sitk.ReadImage(str(tmp_path / f"in.{source}"))
    maps = filtered(tmp_path / f"in.{source}", [BOX, BOX_2D])
    assert "is 2D" in maps.warnings[0]
    for made in maps.values():  # the one slice lies in the plane, also where pixels are long
        np.testing.assert_allclose(made.array, box_mean(flat[None])[0], **CLOSE)
        made.save(tmp_path / f"map.{suffix}")
        written = sitk.ReadImage(str(tmp_path / f"map.{suffix}"))
        assert_same_place(written, image, atol=1e-6)
        np.testing.assert_array_equal(sitk.GetArrayFromImage(written), made.array)


@pytest.mark.parametrize("direction", [OBLIQUE, np.eye(3)], ids=["oblique", "straight"])
def test_a_flat_file_in_space_keeps_its_place_as_a_volume_of_one_slice(tmp_path, block, direction):
    volume = as_image(block[0][2:3], spacing=(1.0, 1.5, 1.25), direction=direction)
    sitk.WriteImage(volume, str(tmp_path / "in.nii"))
    raw = bytearray((tmp_path / "in.nii").read_bytes())
    raw[40:42] = (2).to_bytes(2, "little")  # dim[0]: two dimensions, the place stays
    (tmp_path / "in.nii").write_bytes(raw)
    made = only(filtered(tmp_path / "in.nii", BOX))
    assert made.array.shape == (7, 8)
    made.save(tmp_path / "map.nii")
    assert_same_place(sitk.ReadImage(str(tmp_path / "map.nii")), volume, atol=1e-5)


def test_a_flat_image_resampled_to_several_slices_is_a_volume(block):
    settings = {"filters": [BOX], "resample": 0.5}
    made = only(fm.response_maps(block[0][2], settings, spacing=(1.5, 1.0)))
    assert made.array.shape == (2, 21, 16)
    assert made.spacing == (0.5, 0.5, 0.5)


def test_processing_comes_before_the_filter(block):
    image, _ = block
    settings = {"filters": [ITSELF, BOX], "normalise": "zscore"}
    maps = fm.response_maps(image, settings, spacing=SPACING)
    z = fm.normalise(image)
    np.testing.assert_array_equal(maps["itself"].array, z)
    np.testing.assert_allclose(maps["mean-support3"].array, box_mean(z), **CLOSE)
    rounded = fm.response_maps(
        image / 7, {"filters": [ITSELF], "resample": {"round": True}}, spacing=SPACING
    )
    np.testing.assert_array_equal(rounded["itself"].array, np.rint(image / 7))


def test_features_on_a_map_are_those_of_extract(block):
    image, mask = block
    settings = {"filters": [{"type": "log", "sigma": 3}], "features": ["stat"]}
    made = only(fm.response_maps(image, settings, spacing=SPACING))
    result = fm.extract(image, mask, settings, spacing=SPACING)
    mean = result["log-sigma3mm_stat_mean_intensity"]
    assert made.array[mask].mean() == pytest.approx(mean, rel=1e-12)


def test_bias_correction_is_of_the_whole_image_and_recorded():
    from ferromics.bias import corrected

    rng = np.random.default_rng(1)
    field = 1 + 0.5 * np.linspace(0, 1, 24)
    image = (rng.normal(100, 3, (16, 20, 24)) * field).astype(np.float32)
    settings = fm.Settings(filters=[ITSELF], bias_correction={"iterations": [20]})
    stored = restored(as_image(image), [1, 2, 0], [False, True, False])
    made = only(fm.response_maps(stored, settings))
    expected = as_image(corrected(image, SPACING, settings.bias_correction).astype(float))
    expected = restored(expected, [1, 2, 0], [False, True, False])
    np.testing.assert_array_equal(made.array, sitk.GetArrayFromImage(expected))
    assert not np.array_equal(made.array, sitk.GetArrayFromImage(stored))
    assert made.provenance["SimpleITK"]


def test_maps_are_made_when_asked_for_and_not_kept(block, monkeypatch):
    maps = filtered(as_image(block[0]), [{"type": "log", "sigma": [2, 3]}, BOX])
    names = ["log-sigma2mm", "log-sigma3mm", "mean-support3"]
    made = []
    real = maps._core

    class Counting:
        def response_map(self, image, k, threads):
            made.append(k)
            return real.response_map(image, k, threads)

    monkeypatch.setattr(maps, "_core", Counting())
    assert list(maps) == names
    assert len(maps) == 3
    assert "mean-support3" in maps
    assert "gradient" not in maps
    assert "mean-support3" in repr(maps)
    assert made == []
    kept = weakref.ref(maps["mean-support3"])
    assert made == [2]
    gc.collect()
    assert kept() is None
    assert [name for name, _ in maps.items()] == names
    assert made == [2, 0, 1, 2]
    with pytest.raises(KeyError, match="did you mean 'log-sigma3mm'"):
        maps["log-sigma33mm"]


def test_maps_do_not_depend_on_threads(block):
    filters = [
        {"type": "log", "sigma": 2},
        {"type": "laws", "kernels": "L5E5S5", "pooling": "max", "energy": 2},
        {"type": "wavelet", "wavelet": "coif1", "sub_bands": ["LLH", "HHH"]},
        {"type": "riesz", "order": [1, 0, 0], "sigma": 2},
    ]
    one, two = (
        fm.response_maps(block[0], {"filters": filters}, spacing=SPACING, threads=n) for n in (1, 2)
    )
    for name in one:
        assert one[name].array.tobytes() == two[name].array.tobytes(), name


def test_the_provenance_names_file_settings_and_map(tmp_path, block):
    sitk.WriteImage(as_image(block[0]), str(tmp_path / "ct.nii.gz"))
    settings = fm.Settings(filters=[BOX, GRADIENT], resample=2)
    maps = fm.response_maps(tmp_path / "ct.nii.gz", settings)
    maps["gradient"].save(tmp_path / "g.nii.gz")
    record = json.loads((tmp_path / "g.provenance.json").read_text())
    assert record == maps["gradient"].provenance
    assert record["map"] == "gradient"
    assert record["settings_hash"] == settings.hash
    assert fm.Settings.of(record["settings"]) == settings
    assert record["image"]["path"] == str(tmp_path / "ct.nii.gz")
    assert len(record["image"]["sha256"]) == 64
    assert record["geometry"]["shape_zyx"] == [6, 7, 8]
    assert record["grid"] == {"shape_zyx": [9, 6, 5], "spacing_zyx_mm": [2, 2, 2]}


def test_undefined_voxels_are_told(block):
    image = block[0].astype(float)
    image[0, 0, 0] = np.nan
    made = only(fm.response_maps(image, {"filters": [BOX]}, spacing=SPACING))
    assert np.isnan(made.array).sum() == 8
    assert "8 of its voxels are not finite" in made.warnings[0]
    assert made.provenance["warnings"] == list(made.warnings)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({}, fm.SettingsError, r"filters: \[\{type: log"),
        ("ct", fm.SettingsError, "no filter in the settings"),
        (
            {"filters": [BOX], "normalise": {"type": "zscore", "over": "mask"}},
            fm.SettingsError,
            "normalise.over: .*without a region",
        ),
        ({"filters": [BOX], "bias_correction": True}, fm.InputError, "negative intensities"),
        ({"filters": [BOX], "resample": 0.001}, fm.InputError, "max_voxels"),
    ],
)
def test_what_cannot_be_done_is_told_at_once(block, settings, error, message):
    with pytest.raises(error, match=message):
        fm.response_maps(block[0], settings, spacing=SPACING)


def test_a_filter_that_cannot_be_applied_is_told_by_name_and_leaves_the_others(block):
    filters = [{"type": "log", "sigma": [0.1, 2]}]
    maps = fm.response_maps(block[0], {"filters": filters}, spacing=SPACING)
    with pytest.raises(fm.InputError, match=r"filter 'log-sigma0\.1mm': sigma is 0\.1 mm"):
        maps["log-sigma0.1mm"]
    assert maps["log-sigma2mm"].array.shape == block[0].shape


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("map.png", fm.InputError, r"must end in .nii.gz, .nii, .nrrd, .mha"),
        ("map", fm.InputError, "cannot tell the format"),
        ("none/map.nii", FileNotFoundError, "no folder"),
        ("folder.nii", fm.InputError, "it is a folder"),
    ],
)
def test_paths_that_cannot_be_written_are_refused(tmp_path, block, name, error, message):
    (tmp_path / "folder.nii").mkdir()
    made = only(fm.response_maps(block[0], {"filters": [BOX]}, spacing=SPACING))
    with pytest.raises(error, match=message):
        made.save(tmp_path / name)
    assert [p.name for p in tmp_path.iterdir()] == ["folder.nii"]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, RuntimeError("disk full")])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_write_that_is_stopped_leaves_the_old_file_and_no_other(
    tmp_path, block, monkeypatch, failure, suffix
):
    made = only(fm.response_maps(block[0], {"filters": [BOX]}, spacing=SPACING))
    path = tmp_path / f"map.{suffix}"
    made.save(path)
    before = path.read_bytes()

    def stopped(_image, name, **_):
        Path(name).write_bytes(b"half")
        raise failure

    monkeypatch.setattr(sitk, "WriteImage", stopped)
    expected = KeyboardInterrupt if failure is KeyboardInterrupt else fm.RadiomicsError
    with pytest.raises(expected):
        made.save(path)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name, "map.provenance.json"]


def test_a_file_that_comes_out_short_is_an_error(tmp_path, block, monkeypatch):
    # nifti_clib does not tell of a full disk
    made = only(fm.response_maps(block[0], {"filters": [BOX]}, spacing=SPACING))
    real = sitk.WriteImage

    def short(image, name, **options):
        real(image, name, **options)
        os.truncate(name, 1000)

    monkeypatch.setattr(sitk, "WriteImage", short)
    with pytest.raises(fm.RadiomicsError, match="only 1000 of"):
        made.save(tmp_path / "map.nii.gz")
    assert not (tmp_path / "map.nii.gz").exists()


def test_compression_without_isal_gives_the_same_voxels(tmp_path, block, monkeypatch):
    made = only(fm.response_maps(block[0], {"filters": [BOX]}, spacing=SPACING))
    monkeypatch.setitem(sys.modules, "isal", None)
    monkeypatch.setitem(sys.modules, "isal.igzip", None)
    _images.write(tmp_path / "map.nii.gz", made.to_sitk(), "")
    np.testing.assert_array_equal(io.read(tmp_path / "map.nii.gz").array, made.array)


def test_a_map_of_a_nifti_file_needs_no_simpleitk(tmp_path, block):
    sitk.WriteImage(as_image(block[0]), str(tmp_path / "ct.nii.gz"))
    code = (
        "import sys, ferromics as fm\n"
        "maps = fm.response_maps('ct.nii.gz', {'filters': ['gradient']})\n"
        "assert maps['gradient'].array.shape == (6, 7, 8)\n"
        "assert 'SimpleITK' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
