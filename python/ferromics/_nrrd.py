"""Reads NRRD files (``.nrrd``) of the plain kind without SimpleITK.

Plain is what 3D Slicer, SimpleITK and pynrrd write for an image: the voxels after the header, raw
or as gzip, one real number each, in two or three dimensions with axes at right angles. Every line
of a header is held against a list of what is understood here, and anything else in it (another
file with the voxels, skipped lines, vectors, other encodings and spaces, positions of axes) makes
the file one for SimpleITK. What is read is what SimpleITK gives, to the bit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferromics._voxel_files import Stored, hashing, inflated
from ferromics.errors import InputError

_PEEKED: Final = 1 << 16
"""Bytes that hold a header; a longer one is left to SimpleITK."""

_TYPES: Final = {
    name: code
    for code, names in {
        "i1": "signed char|int8|int8_t",
        "u1": "uchar|unsigned char|uint8|uint8_t",
        "i2": "short|short int|signed short|signed short int|int16|int16_t",
        "u2": "ushort|unsigned short|unsigned short int|uint16|uint16_t",
        "i4": "int|signed int|int32|int32_t",
        "u4": "uint|unsigned int|uint32|uint32_t",
        "i8": "longlong|long long|long long int|signed long long|signed long long int|int64"
        "|int64_t",
        "u8": "ulonglong|unsigned long long|unsigned long long int|uint64|uint64_t",
        "f4": "float",
        "f8": "double",
    }.items()
    for name in names.split("|")
}
_TO_LPS: Final = {
    name: signs
    for names, signs in {
        "LPS|left-posterior-superior|left posterior superior|leftposteriorsuperior": (1, 1, 1),
        "RAS|right-anterior-superior|right anterior superior|rightanteriorsuperior": (-1, -1, 1),
    }.items()
    for name in names.lower().split("|")
}  # not LAS, which versions of ITK turn in different ways

_LENGTH: Final = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[-+]?[0-9]+)?"
_NUMBER: Final = rf"[-+]?{_LENGTH}"
_QUOTED: Final = r'"[^"\\]*"'

# What a field may say, in small letters; fields that change nothing here are checked all the same,
# since SimpleITK refuses a file where they are wrong.
_ONE: Final = {
    "type": "|".join(_TYPES),
    "dimension": "[23]",
    "space": "|".join(_TO_LPS),
    "space dimension": "[23]",
    "encoding": "raw|gz|gzip",
    "endian": "little|big",
    "line skip": "0",
    "byte skip": "0",
    "old min": _NUMBER,
    "old max": _NUMBER,
    **dict.fromkeys(["content", "number", "min", "max", "sample units"], ".*"),
}
_EACH_AXIS: Final = {
    "sizes": "[1-9][0-9]{0,5}",
    "spacings": _LENGTH,
    "thicknesses": f"nan|{_LENGTH}",
    "centerings": r"cell|node|none|\?\?\?",
    "kinds": "domain|space",
    "labels": _QUOTED,
}
_VECTOR: Final = "vector"
_IN_SPACE: Final = {
    "space units": _QUOTED,
    "space directions": _VECTOR,
    "space origin": _VECTOR,
    "measurement frame": _VECTOR,
}
_NAMES: Final = {
    **{name.replace(" ", ""): name for name in (*_ONE, *_EACH_AXIS, *_IN_SPACE) if " " in name},
    **{name: name for name in (*_ONE, *_EACH_AXIS, *_IN_SPACE)},
    "centers": "centerings",
}


@dataclass(frozen=True)
class _Header:
    """What a header says; the array of ``image`` is 0, and the voxels begin at ``start``."""

    image: Stored
    start: int
    packed: bool


def is_nrrd(path: Path) -> bool:
    """Whether the file's name says that it is an NRRD that may hold its voxels."""
    return path.name.lower().endswith(".nrrd")


def read(path: Path) -> Stored | None:
    """Read a file; ``None`` where it is not of the plain kind.

    Raises
    ------
    InputError
        If its voxels are cut off or damaged. SimpleITK may still take it: it does not look at the
        end of a compressed stream once it has all voxels.
    """
    header = _header(path)
    if header is None:
        return None
    with path.open("rb", buffering=0) as file:  # in two parts: the voxels are to be aligned
        head, data = file.read(header.start), file.read()
    with hashing(head, data) as digest:
        if header.packed:
            data = inflated(data, path)
    blank = header.image.array
    if len(data) < blank.nbytes:
        msg = (
            f"{path} is cut off or damaged: {blank.nbytes} bytes of voxels are announced, "
            f"{len(data)} are there"
        )
        raise InputError(msg)
    array = np.frombuffer(data, blank.dtype, blank.size).reshape(blank.shape)
    return replace(header.image, array=array, sha256=digest.hexdigest())


def peek(path: Path) -> Stored | None:
    """What a plain file's header says; the array takes no memory and is 0, the digest is empty."""
    header = _header(path)
    return None if header is None else header.image


def _header(path: Path) -> _Header | None:
    with path.open("rb") as file:
        head = file.read(_PEEKED)
    line_end = b"\r\n" if head[8:10] == b"\r\n" else b"\n"
    end = head.find(2 * line_end)
    magic, *lines = head[: max(end, 0)].decode("latin-1").split(line_end.decode())
    if not re.fullmatch("NRRD000[1-5]", magic) or re.search(r"[\r\n\0]", "".join(lines)):
        return None
    fields = _fields(lines)
    if fields is None or not fields.keys() >= {"type", "dimension", "sizes", "encoding"}:
        return None
    dtype = np.dtype(_TYPES[fields["type"]])
    if dtype.itemsize > 1:
        if "endian" not in fields:
            return None
        dtype = dtype.newbyteorder("<" if fields["endian"] == "little" else ">")
    place = _place(fields)
    if place is None:
        return None
    shape = tuple([*map(int, fields["sizes"].split()), 1][:3][::-1])
    array = np.broadcast_to(np.zeros((), dtype), shape)
    image = Stored(array, *place, int(fields["dimension"]), "")
    return _Header(image, end + 2 * len(line_end), fields["encoding"] != "raw")


def _fields(lines: list[str]) -> dict[str, str] | None:
    """What the fields of a header say, in small letters; ``None`` if one is not understood."""
    fields: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(": ")
        if line.startswith("#") or ":=" in name:  # a comment; a key with its value
            continue
        field, value = _NAMES.get(name.lower(), ""), value.lstrip(" \t").lower()
        pattern = _pattern(field, fields)
        if not colon or field in fields or not pattern or not re.fullmatch(pattern, value):
            return None
        fields[field] = value
    return fields


def _pattern(field: str, before: dict[str, str]) -> str:
    """What a field may say after those before it; empty if it may not be there."""
    if field in _ONE:
        return _ONE[field]
    n = int(before.get("dimension", 0))
    item, count = _EACH_AXIS.get(field, ""), n
    if field in _IN_SPACE and ("space" in before or "space dimension" in before):
        item, count = _IN_SPACE[field], 1 if field == "space origin" else n
    if not n or not item:
        return ""
    if item is _VECTOR:
        number = rf"[ \t]*{_NUMBER}[ \t]*"
        item = rf"\({number}(?:,{number}){{{n - 1}}}\)"
    return rf"(?:{item})(?:[ \t]+(?:{item})){{{count - 1}}}[ \t]*"


def _place(
    fields: dict[str, str],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]] | None:
    """Spacing, axes and origin, array order (k, j, i); a 2D image is 1 mm thick."""
    if sum(field in fields for field in ("space", "space dimension", "spacings")) > 1:
        return None
    n = int(fields["dimension"])
    signs = _TO_LPS.get(fields.get("space", ""), (1,) * int(fields.get("space dimension", n)))
    if len(signs) != n:
        return None
    spacing, axes, origin = np.ones(3), np.eye(3), np.zeros(3)
    with np.errstate(all="ignore"):
        if "spacings" in fields:
            spacing[:n] = _numbers(fields["spacings"])
        if "space directions" in fields:
            vectors = _numbers(fields["space directions"]).reshape(n, n)
            spacing[:n] = np.sqrt((vectors * vectors).sum(axis=1))
            axes[:n, :n] = vectors * (1 / spacing[:n, None]) * signs
        if "space origin" in fields:
            origin[:n] = _numbers(fields["space origin"]) * signs
        skew = np.abs(axes @ axes.T - np.eye(3)).max()
    # 1e-4 as for NIfTI; not so where a direction has no length or more than can be held
    held = np.prod(spacing) > 0 and np.isfinite([*spacing, *origin]).all()
    if not (skew < 1e-4 and held):
        return None
    return spacing[::-1].copy(), axes[::-1].copy(), origin


def _numbers(text: str) -> NDArray[np.float64]:
    return np.array([float(number) for number in re.findall(_NUMBER, text)])
