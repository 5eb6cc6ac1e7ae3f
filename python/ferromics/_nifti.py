"""Reads NIfTI-1 and NIfTI-2 files (``.nii``, ``.nii.gz``) without SimpleITK.

Gives what SimpleITK gives (a test compares them voxel for voxel, and the geometry): the same
choice between sform and qform, spacing from ``pixdim``, LPS axes, units in mm, and scaled
intensities as float32 (float64 for float64 files). The header's layout is read by numpy, since
importing a reader would cost more time than reading a file.
"""

from __future__ import annotations

import math
import zlib
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from ferromics._voxel_files import Stored, hashing, inflated
from ferromics.errors import InputError

_PEEKED: Final = 1 << 13
"""Bytes that hold a header, compressed or not."""

# nifti1.h: (field, type, offset in bytes) of what is read here.
_NIFTI1: Final = np.dtype(
    {
        "names": "dim intent datatype pixdim vox_offset slope inter units qform sform "
        "quatern qoffset srow magic".split(),
        "formats": "8i2 i2 i2 8f4 f4 f4 f4 u1 i2 i2 3f4 3f4 (3,4)f4 S4".split(),
        "offsets": [40, 68, 70, 76, 108, 112, 116, 123, 252, 254, 256, 268, 280, 344],
        "itemsize": 348,
    }
)
# nifti2.h
_NIFTI2: Final = np.dtype(
    {
        "names": "magic datatype dim pixdim vox_offset slope inter qform sform quatern qoffset "
        "srow units intent".split(),
        "formats": "S8 i2 8i8 8f8 i8 f8 f8 i4 i4 3f8 3f8 (3,4)f8 i4 i4".split(),
        "offsets": [4, 12, 16, 104, 168, 176, 184, 344, 348, 352, 376, 400, 500, 504],
        "itemsize": 540,
    }
)
_DATATYPES: Final = {
    2: "u1",
    4: "i2",
    8: "i4",
    16: "f4",
    64: "f8",
    256: "i1",
    512: "u2",
    768: "u4",
    1024: "i8",
    1280: "u8",
}
_REFUSED: Final = {
    1: "one bit per voxel",
    32: "complex numbers",
    1792: "complex numbers",
    2048: "complex numbers",
    128: "RGB colours",
    2304: "RGBA colours",
    1536: "128-bit floats",
}
_MM_PER_UNIT: Final = {1: 1000.0, 3: 0.001}  # metres, micrometres


def is_nifti(path: Path) -> bool:
    """Whether the file's name says that it is a single-file NIfTI."""
    return path.name.lower().endswith((".nii", ".nii.gz"))


def read(path: Path) -> Stored:
    """Read a file.

    Raises
    ------
    InputError
        If it is truncated, corrupt, or holds anything but one 2D or 3D image of real numbers.
    """
    raw = path.read_bytes()
    with hashing(raw) as digest:
        if raw[:2] == b"\x1f\x8b":
            raw = inflated(raw, path)
    header = _header(raw, path)
    dtype, shape, offset = _layout(header, path, len(raw))
    array = np.frombuffer(raw, dtype, math.prod(shape), offset).reshape(shape)
    array = _scaled(array, float(header["slope"]), float(header["inter"]))
    return Stored(array, *_place(header, path), digest.hexdigest())


def peek(path: Path) -> Stored:
    """What a file's header says; the array takes no memory and is 0, the digest is empty.

    Raises
    ------
    InputError
        If the header is damaged or is not of one 2D or 3D image of real numbers, or a file that is
        not compressed is cut off.
    """
    with path.open("rb") as file:
        raw = file.read(_PEEKED)
    there: int | None = path.stat().st_size
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(raw, _PEEKED)
        except zlib.error as error:
            msg = f"{path} is damaged or cut off: {error}"
            raise InputError(msg) from None
        there = None
    header = _header(raw, path)
    dtype, shape, _ = _layout(header, path, there)
    spacing, axes, origin, dimensions = _place(header, path)
    slope, inter = float(header["slope"]), float(header["inter"])
    voxel = _scaled(np.zeros((), dtype.newbyteorder("=")), slope, inter)
    array = np.broadcast_to(np.zeros((), voxel.dtype), shape)
    return Stored(array, spacing, axes, origin, dimensions, "")


def _header(raw: bytes, path: Path) -> np.void:
    orders: tuple[Literal["<", ">"], ...] = ("<", ">")
    for order in orders:
        for layout in (_NIFTI1, _NIFTI2):
            size = np.array(layout.itemsize, order + "i4").tobytes()
            if raw[:4] == size and len(raw) >= layout.itemsize:
                header: np.void = np.frombuffer(raw, layout.newbyteorder(order), count=1)[0]
                if header["magic"][:3] not in (b"n+1", b"n+2"):
                    msg = f"{path} keeps its voxels in another file (.img); name the .hdr file"
                    raise InputError(msg)
                return header
    msg = f"{path} is not a NIfTI file, or it is cut off ({len(raw)} bytes)"
    raise InputError(msg)


def _layout(
    header: np.void, path: Path, there: int | None
) -> tuple[np.dtype[Any], tuple[int, ...], int]:
    """Type, shape (k, j, i) and place of the voxels in a file of ``there`` bytes, if known."""
    n = int(header["dim"][0])
    sizes = [int(s) for s in header["dim"][1 : n + 1]] if 1 <= n <= 7 else []
    if not sizes or min(sizes) < 1:
        msg = f"{path} is damaged: its header gives the size {[int(s) for s in header['dim']]}"
        raise InputError(msg)
    if max(sizes[4:], default=1) > 1:
        msg = (
            f"{path} has {int(np.prod(sizes[4:]))} values per voxel (a vector or colour image); "
            "extract one component first"
        )
        raise InputError(msg)
    if max(sizes[3:], default=1) > 1:
        msg = f"{path} is 4D ({sizes[3]} volumes); extract one volume first"
        raise InputError(msg)
    kind = int(header["datatype"])
    if kind not in _DATATYPES:
        what = _REFUSED.get(kind, f"voxels of unknown type {kind}")
        msg = f"{path} holds {what}; one real number per voxel is needed"
        raise InputError(msg)
    dtype = np.dtype(_DATATYPES[kind]).newbyteorder(header.dtype["datatype"].byteorder)
    shape = tuple([*sizes, 1, 1][:3][::-1])
    count, offset = math.prod(shape), int(header["vox_offset"])
    needed = offset + count * dtype.itemsize
    there = needed if there is None else there
    if offset < header.dtype.itemsize or there < needed:
        msg = (
            f"{path} is cut off or damaged: {count * dtype.itemsize} bytes of voxels are "
            f"announced, {max(0, there - max(offset, 0))} are there"
        )
        raise InputError(msg)
    return dtype, shape, offset


def _scaled(array: NDArray[Any], slope: float, inter: float) -> NDArray[Any]:
    """``slope * stored + inter``; a slope of 0 or NaN counts as 1, as in SimpleITK."""
    if slope == 0 or not np.isfinite(slope):
        slope = 1.0
    if not np.isfinite(inter):
        inter = 0.0
    if slope == 1 and inter == 0:
        return array
    out: NDArray[Any] = np.multiply(array, slope, dtype=np.float64)
    out += inter
    return out if array.dtype.itemsize == 8 and array.dtype.kind == "f" else out.astype(np.float32)


def _place(
    header: np.void, path: Path
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], int]:
    """Spacing, axes, origin, and the number of dimensions; a 2D image is 1 mm thick."""
    spacing, axes, origin = _geometry(header, path)
    dimensions = min(int(header["dim"][0]), 3)
    if dimensions == 2:
        spacing = np.array([1.0, *spacing[1:]])
    return spacing, axes, origin, dimensions


def _geometry(
    header: np.void, path: Path
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Spacing, axes and origin; array order (k, j, i), LPS, mm."""
    spacing = np.abs(header["pixdim"][1:4].astype(np.float64))
    n = int(header["dim"][0])
    spacing[n:] = np.where(spacing[n:] > 0, spacing[n:], 1.0)
    if not (np.isfinite(spacing).all() and (spacing > 0).all()):
        msg = f"{path} has the spacing {spacing[::-1].tolist()} mm (z, y, x); it must be positive"
        raise InputError(msg)
    columns, origin = _orientation(header, path)
    placed = header["sform"] > 0 or header["qform"] > 0
    to_lps = np.array([-1.0, -1.0, 1.0]) if placed else np.ones(3)
    unit = _MM_PER_UNIT.get(int(header["units"]) & 7, 1.0)
    axes = (columns * to_lps[:, None]).T[::-1]
    return spacing[::-1] * unit, np.ascontiguousarray(axes), origin * to_lps * unit


def _orientation(header: np.void, path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit vectors (columns i, j, k) and origin, in the file's RAS."""
    sform, qform = int(header["sform"]), int(header["qform"])
    if sform > 0 and (qform <= 0 or sform == 1):
        rows = header["srow"].astype(np.float64)
        lengths = np.linalg.norm(rows[:, :3], axis=0)
        if (lengths > 0).all():
            columns = rows[:, :3] / lengths
            # 1e-4: about the rounding of float32 rows; more is a sheared grid
            if np.abs(columns.T @ columns - np.eye(3)).max() < 1e-4:
                return columns, rows[:, 3]
        if qform <= 0:
            msg = (
                f"{path} has axes that are not at right angles (a sheared grid); resample it first"
            )
            raise InputError(msg)
    if qform > 0:
        return _from_quaternion(header), header["qoffset"].astype(np.float64)
    return np.eye(3), np.zeros(3)


def _from_quaternion(header: np.void) -> NDArray[np.float64]:
    """Rotation matrix of the qform, nifti1.h "METHOD 2"."""
    b, c, d = header["quatern"].astype(np.float64)
    rest = 1.0 - (b * b + c * c + d * d)
    if rest < 1e-7:  # as nifti1_io: rounding may leave a sum above one
        b, c, d = np.array([b, c, d]) / np.sqrt(b * b + c * c + d * d)
        rest = 0.0
    a = np.sqrt(rest)
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b],
        ]
    )
    if header["pixdim"][0] < 0:
        rotation[:, 2] *= -1
    return rotation
