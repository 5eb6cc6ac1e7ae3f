"""The lean NRRD reader gives what SimpleITK gives, and leaves to it what is not plain."""

import gzip
import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

import ferromics as fm
from ferromics import InputError, _nrrd, io
from ferromics.cohort.cases import Case, Mask
from ferromics.cohort.headers import peek
from ferromics.cohort.memory import needs_itk

CUBE = np.arange(24, dtype="<i2").reshape(4, 3, 2)  # (k, j, i)
PLAIN = [
    "type: short",
    "dimension: 3",
    "sizes: 2 3 4",
    "endian: little",
    "encoding: raw",
]
OBLIQUE = "(1.2,1.6,0) (-2.4,1.8,0) (0,0,4)"
PLACED = [
    *PLAIN,
    "space: left-posterior-superior",
    f"space directions: {OBLIQUE}",
    "space origin: (-10.5,20.25,1e1)",
]
FLAT = ["type: short", "dimension: 2", "sizes: 4 6", "endian: little", "encoding: raw"]


def write(
    path: Path,
    lines: Sequence[str] = PLAIN,
    data: bytes = CUBE.tobytes(),
    magic: str = "NRRD0004",
    end: str = "\n",
) -> Path:
    """An NRRD file with exactly these header lines."""
    path.write_bytes(end.join([magic, *lines, "", ""]).encode() + data)
    return path


def but(lines: Sequence[str], *changed: str) -> list[str]:
    """The lines with those of the same field put in the place of the old ones."""
    new = {line.partition(":")[0]: line for line in changed}
    return [new.get(line.partition(":")[0], line) for line in lines]


def assert_equal(one: io.Scan, other: io.Scan) -> None:
    """To the bit; but for the byte order, which is the file's."""
    assert one.array.dtype.newbyteorder("=") == other.array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(one.array, other.array)
    assert one.dimensions == other.dimensions
    assert one.spacing == other.spacing
    assert one.grid is not None
    assert other.grid is not None
    for what in ("shape", "spacing", "axes", "origin"):
        np.testing.assert_array_equal(getattr(one.grid, what), getattr(other.grid, what))


def by_sitk(path: Path) -> io.Scan:
    return io.read(sitk.ReadImage(str(path)))


def assert_plain(path: Path) -> None:
    """Read here, as SimpleITK reads it; so is the header alone."""
    assert _nrrd.read(path) is not None
    lean, itk = io.read(path), by_sitk(path)
    assert_equal(lean, itk)
    assert lean.array.flags.aligned
    assert lean.source == {"path": str(path), "sha256": io.sha256(path)}
    head = peek(path)
    assert_equal(head, replace(itk, array=np.zeros_like(itk.array)))


@st.composite
def images(draw: st.DrawFn) -> sitk.Image:
    """Images of any size, type and place, with axes permuted, flipped and turned."""
    n = draw(st.integers(2, 3))
    size = draw(st.lists(st.integers(1, 4), min_size=n, max_size=n))
    dtype = draw(st.sampled_from("i1 u1 i2 u2 i4 u4 i8 u8 f4 f8".split()))
    values = np.random.default_rng(draw(st.integers(0, 99))).normal(0, 50, size)
    image = sitk.GetImageFromArray(
        values.astype(dtype) if dtype[0] != "u" else abs(values).astype(dtype)
    )
    lengths = st.floats(1e-3, 1e3, allow_subnormal=False)
    image.SetSpacing(draw(st.lists(lengths, min_size=n, max_size=n)))
    places = st.floats(-1e4, 1e4)
    image.SetOrigin(draw(st.lists(places, min_size=n, max_size=n)))
    axes = np.eye(n)[draw(st.permutations(range(n)))]
    axes = axes * draw(st.lists(st.sampled_from([-1, 1]), min_size=n, max_size=n))
    for a, b in [(0, 1), (1, 2), (0, 2)][: 2 * n - 3]:
        turn, angle = np.eye(n), draw(st.sampled_from([0.0, 0.0, 0.1, 0.7, math.pi / 3]))
        turn[[a, a, b, b], [a, b, a, b]] = (
            np.cos(angle),
            -np.sin(angle),
            np.sin(angle),
            np.cos(angle),
        )
        axes = axes @ turn
    image.SetDirection(axes.ravel().tolist())
    return image


@settings(deadline=None)
@given(image=images(), compressed=st.booleans())
def test_what_simpleitk_writes_is_read_as_it_reads_it(tmp_path_factory, image, compressed):
    path = tmp_path_factory.getbasetemp() / "written.nrrd"
    sitk.WriteImage(image, str(path), useCompression=compressed)
    assert_plain(path)


LINES = [
    *PLACED,
    "space: RAS",
    "space: left anterior superior",
    "space: scanner-xyz",
    "space dimension: 3",
    "spacings: 1 2.5 3",
    "spacings: 1 -2.5 3",
    "kinds: domain domain domain",
    "kinds: space domain list",
    "units: \"mm\" \"mm\" \"mm\"",
    "space units: \"mm\" \"mm\" \"mm\"",
    "labels: \"a b\" \"\" \"c\"",
    "centers: cell node cell",
    "thicknesses: nan 2 3",
    "axis mins: 1 2 3",
    "measurement frame: (1,0,0) (0,1,0) (0,0,1)",
    "dimension: 2",
    "sizes: 24 1",
    "space directions: none (0,1,0) (0,0,1)",
    "space directions: (1,0,0) (1,1,0) (0,0,1)",
    "space origin: (nan,nan,nan)",
    "old min: 3",
    "number: 24",
    "content: anything: at all",
    "byte skip: 0",
    "byte skip: -1",
    "line skip: 1",
    "encoding: gzip",
    "data file: other.raw",
    "data file: a:=b.raw",
    "key:=value: of it",
    "key: of it:=value",
    "# type: float",
]  # fmt: skip


@st.composite
def headers(draw: st.DrawFn) -> list[str]:
    """Header lines that may fit together, some of them with a character changed."""
    lines = [*PLACED, *draw(st.lists(st.sampled_from(LINES), max_size=3))]
    for _ in range(draw(st.integers(0, 2))):
        del lines[draw(st.integers(0, len(lines) - 1))]
    if draw(st.booleans()):
        lines = draw(st.permutations(lines))
    for _ in range(draw(st.integers(0, 2))):
        k = draw(st.integers(0, len(lines) - 1))
        at = draw(st.integers(0, len(lines[k])))
        put = draw(
            st.sampled_from([*" \t,:=()-+.019eExX#\"'?\r\0\x1f\xb2", "", "\n", "nan", "inf"])
        )
        lines[k] = lines[k][:at] + put + lines[k][at + draw(st.integers(0, 1)) :]
    return list(lines)


@settings(deadline=None)
@given(
    lines=headers(),
    magic=st.sampled_from(["NRRD0001", "NRRD0005", "NRRD00.01", "NRRD0006"]),
    end=st.sampled_from(["\n", "\n", "\r\n"]),
)
def test_no_header_is_read_in_another_way_than_by_simpleitk(tmp_path_factory, lines, magic, end):
    path = write(tmp_path_factory.getbasetemp() / "any.nrrd", lines, magic=magic, end=end)
    try:
        itk = by_sitk(path)
    except (RuntimeError, InputError):
        # SimpleITK refuses it, so do we, in one line
        with pytest.raises(InputError, match=r"any\.nrrd") as error:
            io.read(path)
        assert "\n" not in str(error.value)
    else:
        assert_equal(io.read(path), itk)


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("spelling", _nrrd._TYPES)
def test_every_spelling_of_a_type_and_both_byte_orders_are_read(tmp_path, spelling, order):
    dtype = np.dtype(_nrrd._TYPES[spelling]).newbyteorder("<" if order == "little" else ">")
    lines = but(PLACED, f"type: {spelling}", f"endian: {order}")
    assert_plain(write(tmp_path / "a.nrrd", lines, CUBE.astype(dtype).tobytes()))


def test_bytes_need_no_byte_order(tmp_path):
    lines = [line for line in but(PLAIN, "type: uint8") if "endian" not in line]
    assert_plain(write(tmp_path / "a.nrrd", lines, bytes(range(24))))


@pytest.mark.parametrize("spelling", [*_nrrd._TO_LPS, "LPS", "RAS", "Right-Anterior-Superior"])
def test_every_spelling_of_a_space_is_read(tmp_path, spelling):
    assert_plain(write(tmp_path / "a.nrrd", but(PLACED, f"space: {spelling}")))


@pytest.mark.parametrize("encoding", ["gzip", "gz", "GZip"])
@pytest.mark.parametrize("number", range(1, 6))
def test_compressed_voxels_of_every_version_are_read(tmp_path, encoding, number):
    lines, data = but(PLACED, f"encoding: {encoding}"), gzip.compress(CUBE.tobytes())
    assert_plain(write(tmp_path / "a.nrrd", lines, data, f"NRRD000{number}"))


PLAIN_HEADERS = {
    "no place": PLAIN,
    "spacings": [*PLAIN, "spacings: 1 2.5 .3e1"],
    "directions": PLACED,
    "no origin": PLACED[:-1],
    "no directions": [*PLACED[:-2], PLACED[-1]],
    "permuted": but(PLACED, "space directions: (1,0,0) (0,0,2) (0,3,0)"),
    "a space of three dimensions": [*PLAIN, "space dimension: 3", *PLACED[-2:]],
    "flipped": but(PLACED, "space directions: (-2,0,0) (0,-3,0) (0,0,-4)"),
    "blanks": but(PLACED, "space directions:  ( 2, 0,0 )\t(0 ,3,0) (0,0,4) ", "sizes: 2\t3  4 "),
    "kinds": [*PLACED, "kinds: domain Space domain"],
    "mixed case": [line.partition(":")[0].title() + line[line.index(":") :] for line in PLACED],
    "joined names": [*PLACED[:-1], "spaceorigin: (1,2,3)"],
    "comments": ["# one", *PLACED[:3], "#", "# type: float", *PLACED[3:]],
    "keys and values": [*PLACED, "a key:=a value: with more", "type:=float", "Ünï:=cödé", ":="],
    "what does not count": [
        *PLACED,
        "space units: \"mm\" \"mm\" \"mm\"",
        "measurement frame: (0,1,0) (1,0,0) (0,0,-1)",
        "thicknesses: NaN 1 2",
        "centerings: cell node ???",
        "labels: \"x\" \"\" \"the z\"",
        "content: CT: thorax",
        "number: 24",
        "old min: -3.5",
        "min: 0",
        "byte skip: 0",
        "line skip: 0",
    ],
    "2D": FLAT,
    "2D with spacings": [*FLAT, "spacings: 2 3"],
    "2D in a plane": [
        *FLAT, "space dimension: 2", "space directions: (0,2) (-3,0)", "space origin: (5,6)"
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", PLAIN_HEADERS)
def test_a_plain_header_reads_as_with_simpleitk(tmp_path, name):
    assert_plain(write(tmp_path / "a.nrrd", PLAIN_HEADERS[name]))


@pytest.mark.parametrize("length", range(0, 130, 3))
def test_lines_may_end_as_on_windows(tmp_path, length):
    lines = [f"encoding: {' ' * length}raw", *(line for line in PLACED if "encoding" not in line)]
    assert_plain(write(tmp_path / "a.nrrd", lines, end="\r\n"))


NOT_PLAIN = {
    "detached": [*PLACED, "data file: voxels.raw"],
    "mixed line ends": [f"{PLACED[0]}\r", *PLACED[1:]],
    "mixed line ends, the other way": [f"{PLACED[0]}\r", *PLACED[1:], "\r"],
    "bzip2": but(PLACED, "encoding: bzip2"),
    "ascii": but(PLACED, "encoding: ascii"),
    "hex": but(PLACED, "encoding: hex"),
    "line skip": [*PLACED, "line skip: 1"],
    "byte skip": [*PLACED, "byte skip: 4"],
    "from the end": [*PLACED, "byte skip: -1"],
    "sheared": but(PLACED, "space directions: (2,0,0) (1,3,0) (0,0,4)"),
    "no direction": but(PLACED, "space directions: (2,0,0) (0,3,0) none"),
    "parallel": but(PLACED, "space directions: (2,0,0) (2,0,0) (0,0,4)"),
    "no length": but(PLACED, "space directions: (2,0,0) (0,0,0) (0,0,4)"),
    "LAS": but(PLACED, "space: left-anterior-superior"),
    "unknown space": but(PLACED, "space: scanner-xyz"),
    "no such space": but(PLACED, "space: ALS"),
    "spacings in a space": [*PLACED, "spacings: 1 2 3"],
    "negative spacing": [*PLAIN, "spacings: 1 -2 3"],
    "spacing of 0": [*PLAIN, "spacings: 1 0 3"],
    "axis mins": [*PLAIN, "spacings: 1 2 3", "axis mins: 5 6 7"],
    "time": [*PLAIN, "kinds: domain domain time"],
    "vector": [*PLAIN, "kinds: vector domain domain"],
    "complex": [*PLAIN, "kinds: complex domain domain"],
    "4D": but(PLAIN, "dimension: 4", "sizes: 2 3 2 2"),
    "1D": but(PLAIN, "dimension: 1", "sizes: 24"),
    "block": [*but(PLAIN, "type: block"), "block size: 2"],
    "unknown type": but(PLAIN, "type: long"),
    "unknown field": [*PLAIN, "wavelength: 3"],
    "no field": [*PLAIN, "wavelength"],
    "twice": [*PLAIN, "type: short"],
    "sizes first": [PLAIN[2], *PLAIN[:2], *PLAIN[3:]],
    "no byte order": [line for line in PLAIN if "endian" not in line],
    "no encoding": [line for line in PLAIN if "encoding" not in line],
    "2D in a volume": [*FLAT, "space: LPS", "space directions: (0,2,0) (-3,0,0)"],
    "long header": [*PLACED, *(f"key{k}:={'a' * 1000}" for k in range(70))],
    "two signs": but(PLACED, "space origin: (1,-+2,3)"),
    "hexadecimal": but(PLACED, "space origin: (1,0x10,3)"),
    "too large a number": but(PLACED, "space origin: (1,1e999,3)"),
    "too large a size": but(PLAIN, "sizes: 2 3 4000000"),
    "size of 0": but(PLAIN, "sizes: 2 0 4"),
}


@pytest.mark.parametrize("name", NOT_PLAIN)
def test_what_is_not_plain_goes_to_simpleitk(tmp_path, name):
    data = {
        "ascii": " ".join(map(str, CUBE.ravel())).encode(),
        "hex": CUBE.tobytes().hex().encode(),
        "line skip": b"a line\n" + CUBE.tobytes(),
        "byte skip": b"more" + CUBE.tobytes(),
        "from the end": b"more" + CUBE.tobytes(),
    }.get(name, CUBE.tobytes())
    (tmp_path / "voxels.raw").write_bytes(CUBE.tobytes()[::-1])
    path = write(tmp_path / "a.nrrd", NOT_PLAIN[name], data)
    assert _nrrd.read(path) is None
    try:
        itk = by_sitk(path)
    except (RuntimeError, InputError):
        with pytest.raises(InputError, match=r"a\.nrrd (could not be read|has 2 values|is 4D)"):
            io.read(path)
    else:
        assert_equal(io.read(path), itk)


@pytest.mark.parametrize("suffix", [".nrrd", ".nhdr"])
@pytest.mark.parametrize("name", ["4D", "vector", "bzip2", "detached"])
def test_what_simpleitk_writes_and_is_not_plain_is_read_or_refused_as_before(
    tmp_path, name, suffix
):
    image = sitk.GetImageFromArray(CUBE)
    if name == "4D":
        image = sitk.JoinSeries([image, image])
    if name == "vector":
        image = sitk.Compose([image, image])
    path = tmp_path / f"a{suffix}"
    writer = sitk.ImageFileWriter()
    writer.SetFileName(str(path))
    if name == "bzip2":
        writer.UseCompressionOn()
        writer.SetCompressor("bzip2")
    writer.Execute(image)
    if name in ("4D", "vector"):
        with pytest.raises(InputError, match=r"is 4D|has 2 values per voxel"):
            io.read(path)
    else:
        assert_equal(io.read(path), by_sitk(path))


def test_a_file_that_is_no_nrrd_is_refused_as_before(tmp_path):
    (tmp_path / "a.nrrd").write_bytes(b"\x89PNG" + bytes(100))
    with pytest.raises(InputError, match=r"a\.nrrd could not be read"):
        io.read(tmp_path / "a.nrrd")


@pytest.mark.parametrize("keep", [0, 1, 40, 47])
def test_too_few_voxels_are_refused_with_the_name(tmp_path, keep):
    path = write(tmp_path / "cut.nrrd", PLACED, CUBE.tobytes()[:keep])
    with pytest.raises(InputError) as error:
        io.read(path, "mask")
    assert str(error.value) == (
        f"mask {path} is cut off or damaged: 48 bytes of voxels are announced, {keep} are there"
    )


def outcome(path: Path, whole: np.ndarray) -> bool:
    """Whether a damaged file is read, as SimpleITK reads it; it is refused in one line if not."""
    try:
        itk = by_sitk(path)
    except RuntimeError:
        with pytest.raises(InputError, match=r"damaged|cut off") as error:
            io.read(path)
        assert f"image {path}" in str(error.value)
        assert "\n" not in str(error.value)
        return False
    scan = io.read(path)
    assert_equal(scan, itk)
    return np.array_equal(scan.array, whole)


@pytest.mark.usefixtures("inflating")
def test_a_compressed_file_cut_anywhere_is_refused_where_voxels_are_missing(tmp_path):
    values = np.random.default_rng(0).integers(0, 99, CUBE.shape, "<i2")
    lines, data = but(PLACED, "encoding: gzip"), gzip.compress(values.tobytes())
    read = [outcome(write(tmp_path / "a.nrrd", lines, data[:k]), values) for k in range(len(data))]
    assert not any(read[: len(data) // 2])


@pytest.mark.usefixtures("inflating")
def test_a_damaged_byte_is_refused_where_simpleitk_notices_it(tmp_path):
    values = np.random.default_rng(0).integers(0, 99, CUBE.shape, "<i2")
    lines, data = but(PLACED, "encoding: gzip"), gzip.compress(values.tobytes())
    read = 0
    for at in range(10, len(data)):  # a file's time and name stand before
        wrong = bytearray(data)
        wrong[at] ^= 0x10
        read += outcome(write(tmp_path / "a.nrrd", lines, bytes(wrong)), values)
    assert read <= 8  # SimpleITK does not look at the size after the data


@pytest.mark.usefixtures("inflating")
@pytest.mark.parametrize("rest", [b"", b"rest", bytes(9), gzip.compress(b"rest")])
def test_what_follows_the_voxels_does_not_matter(tmp_path, rest):
    raw, packed = CUBE.tobytes(), but(PLACED, "encoding: gzip")
    for lines, data in (
        (PLACED, raw + rest),
        (packed, gzip.compress(raw) + rest),
        (packed, gzip.compress(raw + rest)),
        (packed, gzip.compress(raw[:20]) + gzip.compress(raw[20:]) + rest),
    ):
        path = write(tmp_path / "a.nrrd", lines, data)
        assert_equal(io.read(path), by_sitk(path))
        np.testing.assert_array_equal(io.read(path).array, CUBE)


def test_real_images_are_plain(parity):
    files = sorted((parity / "data").glob("*.nrrd"))
    assert files
    for path in files:
        assert_plain(path)


def small(folder: Path, suffix: str) -> list[str]:
    """Image and mask, in a geometry that NIfTI's single precision holds exactly."""
    values = np.random.default_rng(0).normal(40, 20, (6, 7, 8)).astype("f4")
    mask = np.zeros(values.shape, "u1")
    mask[1:5, 1:6, 2:7] = 1
    paths = [str(folder / f"{name}{suffix}") for name in ("image", "mask")]
    for array, path in zip((values, mask), paths, strict=True):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing((0.75, 1.5, 3.0))
        image.SetOrigin((-12.5, 7.0, 101.25))
        image.SetDirection((0, 0, 1, -1, 0, 0, 0, -1, 0))
        sitk.WriteImage(image, path, useCompression=True)
    return paths


def test_features_of_an_nrrd_and_a_nifti_of_the_same_image_are_equal(tmp_path):
    settings = {"features": ["morph", "stat", "glcm"], "discretise": "fbn8"}
    one, other = (fm.extract(*small(tmp_path, s), settings) for s in (".nrrd", ".nii.gz"))
    assert dict(one) == dict(other)


WITHOUT = """
import sys
import ferromics as fm
from ferromics.cohort.headers import peek
image, mask = sys.argv[1:]
peek(image)
fm.extract(image, mask, {"features": ["stat"]})
assert "SimpleITK" not in sys.modules
"""


def test_simpleitk_is_not_imported_for_plain_files(tmp_path):
    subprocess.run([sys.executable, "-c", WITHOUT, *small(tmp_path, ".nrrd")], check=True)


def test_only_files_that_simpleitk_reads_count_its_memory(tmp_path):
    settings = fm.Settings(features=["stat"])
    plain = write(tmp_path / "a.nrrd")
    other = write(tmp_path / "b.nrrd", but(PLAIN, "encoding: ascii"))
    assert not needs_itk(Case(plain, (Mask(plain),)), settings)
    assert needs_itk(Case(plain, (Mask(other),)), settings)
