"""The lean NIfTI reader gives what SimpleITK gives, for every way a file can say things."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from ferromics import InputError, _nifti, io

CUBE = np.arange(24).reshape(4, 3, 2)  # (k, j, i)
SROW = np.array([[2.0, 0, 0, 1], [0, 3, 0, 2], [0, 0, 4, 3]])
SHEARED = SROW + np.array([[0, 0.5, 0, 0], [0] * 4, [0] * 4])
OBLIQUE = {"qform": 1, "quatern": (0.1, 0.2, 0.3), "qoffset": (-5.0, 7.5, 11.0)}


def write(
    path: Path, array: np.ndarray = CUBE, dtype: str = "i2", order: str = "<", version=1, **fields
) -> Path:
    """A NIfTI file with exactly these header fields; the array is (k, j, i)."""
    layout = (_nifti._NIFTI1 if version == 1 else _nifti._NIFTI2).newbyteorder(order)
    header = np.zeros((), layout)
    header["dim"] = [array.ndim, *array.shape[::-1], *[1] * (7 - array.ndim)]
    header["datatype"] = {v: k for k, v in _nifti._DATATYPES.items()}[dtype]
    header["pixdim"] = [1, 2, 3, 4, 1, 1, 1, 1]
    header["vox_offset"] = layout.itemsize + 4
    header["magic"] = b"n+1" if version == 1 else b"n+2\0\r\n\032\n"
    header["units"] = 2
    for name, value in fields.items():
        header[name] = value
    raw = bytearray(header.tobytes())
    raw[:4] = np.array(layout.itemsize, order + "i4").tobytes()
    bits = np.dtype(dtype).itemsize * 8
    at = 72 if version == 1 else 14
    raw[at : at + 2] = np.array(bits, order + "i2").tobytes()
    raw += bytes(4) + array.astype(order + dtype).tobytes()
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


def both(path: Path) -> tuple[io.Scan, io.Scan]:
    lean = io.read(path)
    image = sitk.ReadImage(str(path))
    return lean, io.read(image)


def assert_equal(lean: io.Scan, itk: io.Scan) -> None:
    assert lean.array.dtype.newbyteorder("=") == itk.array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(lean.array, itk.array)
    assert lean.grid is not None
    assert itk.grid is not None
    np.testing.assert_allclose(lean.grid.spacing, itk.grid.spacing, rtol=1e-6)
    np.testing.assert_allclose(lean.grid.origin, itk.grid.origin, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(lean.grid.axes, itk.grid.axes, atol=2e-6)


HEADERS = {
    "no codes": {},
    "qform": {"qform": 1, "qoffset": (1, 2, 3)},
    "qform left-handed": {"qform": 1, "qoffset": (1, 2, 3), "pixdim": [-1, 2, 3, 4, 1, 1, 1, 1]},
    "qform oblique": OBLIQUE,
    "qform half turn": {"qform": 1, "quatern": (0, 0, 1.0)},
    "sform": {"sform": 1, "srow": SROW},
    "sform flipped": {"sform": 1, "srow": SROW * [[-1], [1], [-1]]},
    "sform permuted": {
        "sform": 2,
        "srow": [[0, 0, 4, 1], [2, 0, 0, 2], [0, -3, 0, 3]],
    },
    "sform over qform": {"sform": 1, "srow": SROW, **OBLIQUE},
    "aligned sform under qform": {"sform": 2, "srow": SROW, **OBLIQUE},
    "sheared sform over qform": {
        "sform": 1,
        "srow": SHEARED,
        **OBLIQUE,
    },
    "scaled sform": {"sform": 1, "srow": SROW * [2, 2, 2, 1]},
    "micrometres": {"sform": 1, "srow": SROW, "units": 3},
    "metres": {"qform": 1, "qoffset": (1, 2, 3), "units": 1},
    "slope and intercept": {"qform": 1, "slope": 0.1, "inter": -10.3},
    "intercept": {"qform": 1, "slope": 1, "inter": -1024},
    "slope 0": {"qform": 1, "slope": 0, "inter": 5},
    "slope NaN": {"qform": 1, "slope": np.nan, "inter": np.nan},
    "negative slope": {"qform": 1, "slope": -1},
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", HEADERS)
def test_every_header_reads_as_with_simpleitk(tmp_path, name):
    assert_equal(*both(write(tmp_path / "a.nii", **HEADERS[name])))


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", _nifti._DATATYPES.values())
def test_every_type_and_byte_order_reads_as_with_simpleitk(tmp_path, dtype, order):
    assert_equal(*both(write(tmp_path / "a.nii", dtype=dtype, order=order, **OBLIQUE)))


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "f4", "f8"])
def test_scaled_values_are_simpleitks_to_the_bit(tmp_path, dtype):
    values = np.arange(240).reshape(10, 8, 3)
    lean, itk = both(write(tmp_path / "a.nii", values, dtype=dtype, slope=0.37, inter=-17.1))
    assert lean.array.dtype == itk.array.dtype
    assert lean.array.tobytes() == np.ascontiguousarray(itk.array).tobytes()


def test_compression_changes_nothing(tmp_path):
    assert_equal(*both(write(tmp_path / "a.nii.gz", **OBLIQUE)))


@pytest.mark.parametrize("order", "<>")
def test_nifti_2_reads_as_nifti_1(tmp_path, order):
    # SimpleITK does not read NIfTI-2; nibabel wrote the file that the layout was checked with.
    one = io.read(write(tmp_path / "a.nii", order=order, **OBLIQUE))
    two = io.read(write(tmp_path / "b.nii", order=order, version=2, **OBLIQUE))
    assert_equal(two, one)


def test_a_gzipped_file_without_gz_in_its_name_is_read(tmp_path):
    packed = write(tmp_path / "a.nii.gz")
    plain = tmp_path / "b.nii"
    plain.write_bytes(packed.read_bytes())
    np.testing.assert_array_equal(io.read(plain).array, CUBE)


def test_ct_phantom_reads_as_with_simpleitk(ct_phantom):
    for path in ct_phantom:
        assert_equal(*both(path))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"sform": 1, "srow": SHEARED}, "not at right angles"),
        ({"datatype": 128}, "RGB"),
        ({"datatype": 32}, "complex"),
        ({"datatype": 77}, "unknown type 77"),
        ({"dim": [3, 2, 3, 4000, 1, 1, 1, 1]}, "cut off"),
        ({"dim": [3, 2, -3, 4, 1, 1, 1, 1]}, "damaged"),
        ({"dim": [9, 2, 3, 4, 1, 1, 1, 1]}, "damaged"),
        ({"dim": [4, 2, 3, 2, 2, 1, 1, 1]}, "4D"),
        ({"dim": [5, 2, 2, 2, 1, 3, 1, 1]}, "3 values per voxel"),
        ({"pixdim": [1, 2, 0, 4, 1, 1, 1, 1]}, "spacing"),
        ({"pixdim": [1, 2, np.nan, 4, 1, 1, 1, 1]}, "spacing"),
        ({"vox_offset": 0}, "cut off or damaged"),
        ({"magic": b"ni1"}, "another file"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_name(tmp_path, fields, message):
    path = write(tmp_path / "bad.nii", **fields)
    with pytest.raises(InputError, match=message) as error:
        io.read(path)
    assert "bad.nii" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("keep", [1, 100, 400, -1])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_truncated_file_is_refused(tmp_path, keep, suffix):
    whole = write(tmp_path / f"whole{suffix}", np.random.default_rng(0).integers(0, 99, (8, 9, 10)))
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(whole.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"cut off|damaged"):
        io.read(cut)


def test_bytes_changed_in_a_compressed_file_are_noticed(tmp_path):
    path = write(tmp_path / "a.nii.gz", np.random.default_rng(0).integers(0, 99, (8, 9, 10)))
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    path.write_bytes(raw)
    with pytest.raises(InputError, match=r"damaged"):
        io.read(path)


def packed(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.usefixtures("inflating")
def test_a_file_of_several_gzip_members_is_read_whole(tmp_path):
    raw = write(tmp_path / "a.nii").read_bytes()
    for at in (1, 100, len(raw) // 2, len(raw) - 4, len(raw)):
        members = gzip.compress(raw[:at]) + gzip.compress(raw[at:])
        scan = io.read(packed(tmp_path / "b.nii.gz", members))
        np.testing.assert_array_equal(scan.array, CUBE)


@pytest.mark.usefixtures("inflating")
def test_a_name_in_the_gzip_header_and_zeros_after_the_end_do_not_matter(tmp_path):
    plain = write(tmp_path / "a.nii")
    with (tmp_path / "b.nii.gz").open("wb") as target:
        with gzip.GzipFile("a name.nii", "wb", 9, target) as file:
            file.write(plain.read_bytes())
        target.write(bytes(1000))
    np.testing.assert_array_equal(io.read(tmp_path / "b.nii.gz").array, CUBE)


@pytest.mark.usefixtures("inflating")
@pytest.mark.parametrize("at", range(-8, 0))
def test_a_wrong_checksum_or_size_at_the_end_is_noticed(tmp_path, at):
    path = write(tmp_path / "a.nii.gz", np.random.default_rng(0).integers(0, 99, (8, 9, 10)))
    raw = bytearray(path.read_bytes())
    for flipped in (0x01, 0x80):
        wrong = raw.copy()
        wrong[at] ^= flipped
        with pytest.raises(InputError, match="is damaged or cut off") as error:
            io.read(packed(path, bytes(wrong)))
        assert "\n" not in str(error.value)


@pytest.mark.usefixtures("inflating")
def test_a_compressed_file_cut_anywhere_is_refused(tmp_path):
    raw = write(tmp_path / "a.nii.gz").read_bytes()
    for keep in range(2, len(raw)):
        with pytest.raises(InputError, match=r"cut off|damaged"):
            io.read(packed(tmp_path / "b.nii.gz", raw[:keep]))


@pytest.mark.usefixtures("inflating")
def test_a_damaged_byte_of_the_data_is_noticed_or_has_no_bearing(tmp_path):
    values = np.random.default_rng(0).integers(0, 99, (4, 5, 6))
    path = write(tmp_path / "a.nii.gz", values)
    raw, refused = path.read_bytes(), 0
    for at in range(10, len(raw)):  # a file's time and name stand before
        wrong = bytearray(raw)
        wrong[at] ^= 0x10
        try:
            np.testing.assert_array_equal(io.read(packed(path, bytes(wrong))).array, values)
        except InputError:
            refused += 1
    assert refused >= len(raw) - 11  # the last bits before the checksum are padding


def test_a_2d_file_is_one_slice_of_1_mm_and_says_so(tmp_path):
    scan = io.read(write(tmp_path / "a.nii", CUBE[0], **OBLIQUE))
    assert scan.array.shape == (1, 3, 2)
    assert scan.spacing == (1.0, 3.0, 2.0)
    assert "2D" in scan.warnings[0]
