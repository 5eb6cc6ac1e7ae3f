"""How much memory a case may take, told from files' headers before anything is read.

The figures are upper bounds of what was measured at peak (tests/memory/test_cohorts.py): bytes a
voxel of the region's box on the grid that is worked on. Where the box is not known yet, it is taken
for the whole image.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from ferromics import io
from ferromics._voxel_files import MOST_PER_BYTE
from ferromics.cohort.cases import Case
from ferromics.cohort.headers import needs_sitk, peek
from ferromics.errors import InputError, RadiomicsError
from ferromics.settings import Settings

PROCESS: Final = 80 << 20
"""Interpreter, numpy, pydantic and the core."""

ITK: Final = 96 << 20
"""SimpleITK, where a format or the bias correction needs it."""

LEAST: Final = 512 << 20
"""What a run takes for granted where nobody says what it may take."""

_BOX: Final = 12
_TEXTURE_OR_PEAKS: Final = 28
_MORPHOLOGY: Final = 100  # the transforms of Moran's I and Geary's C
_MAP: Final = 64
_STEERED_MAP: Final = 160
_FIELD: Final = 24  # the image in single precision, the field, and what ITK holds of both
_FITTED: Final = 48
_SHARE: Final = 0.8


def parse_size(text: str) -> int:
    """Bytes of a size such as ``8G``, ``500M``, ``1.5GiB`` or a plain number of bytes.

    Examples
    --------
    >>> from ferromics.cohort.memory import parse_size
    >>> parse_size("8G") == 8 * 2**30
    True
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\s*", text, re.IGNORECASE)
    size = 0
    if found:
        size = int(float(found[1]) * 2 ** (10 * " KMGT".index(found[2].upper() or " ")))
    if not size:
        msg = f"memory must be a size such as 8G or 500M, got {text!r}"
        raise InputError(msg)
    return size


def shown(size: float) -> str:
    """A size for people.

    Examples
    --------
    >>> from ferromics.cohort.memory import shown
    >>> shown(3 * 2**30), shown(5 * 2**20)
    ('3.0 GiB', '5 MiB')
    """
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{math.ceil(size / 2**20)} MiB"


def available() -> int:
    """Bytes that a run may take where nobody says: four fifths of what is free.

    What is free is the system's figure, or what a container or batch job may still take of its own.
    """
    free = [2**33]
    try:
        info = Path("/proc/meminfo").read_text("ascii")
        free = [int(re.findall(r"MemAvailable:\s*(\d+) kB", info)[0]) * 1024]
    except (OSError, IndexError):
        if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
            free = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2]
    return max(LEAST, int(_SHARE * min(free + list(_left_to_groups()))))


def _left_to_groups() -> Iterator[int]:
    """What the control groups of a container or a batch job leave, those that have a limit.

    Cached files (``inactive_file``) are given up when memory is short, so they count as free.
    """
    try:
        lines = Path("/proc/self/cgroup").read_text("ascii").splitlines()
    except (OSError, ValueError):
        return
    root = Path("/sys/fs/cgroup")
    for line in lines:  # "0::/job" of version 2, "5:memory:/job" of version 1
        _, kinds, path = line.split(":", 2)
        if kinds not in ("", "memory"):
            continue
        names = ("memory.max", "memory.current")
        if kinds:
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes")
        top = root / "memory" if kinds else root
        folder = top / path.lstrip("/")
        for group in (folder, *folder.parents):
            left = _left_to(group, *names)
            if left is not None:
                yield left
            if group == top:
                break


def _left_to(group: Path, limit: str, used: str) -> int | None:
    try:
        most, taken = ((group / name).read_text("ascii").strip() for name in (limit, used))
        cached = re.search(r"^(?:total_)?inactive_file (\d+)", _text(group / "memory.stat"), re.M)
    except (OSError, ValueError):
        return None
    if not most.isdigit() or int(most) >= 2**60:
        return None
    return max(0, int(most) - int(taken) + (int(cached[1]) if cached else 0))


def _text(path: Path) -> str:
    return path.read_text("ascii") if path.exists() else ""


def estimate(case: Case, settings: Settings, enough: int = 0) -> int:
    """Bytes that a case may take at most, from its files' headers.

    A file whose header cannot be read counts as nothing: reading it will fail. Where even the most
    that files of such sizes can hold stays below ``enough``, that is the answer, and no header is
    read.
    """
    if enough and settings.resample.spacing == (None, None, None):
        most = _most(case, settings)
        if most <= enough:
            return most
    image = _header(case.image)
    if image is None:
        return 0
    masks = [h for h in (_header(mask.source) for mask in case.masks) if h is not None]
    held = image.bytes + max((mask.bytes + mask.voxels for mask in masks), default=0)
    if settings.bias_correction is not None:
        shrunk = min(settings.bias_correction.shrink, 4) ** 3
        held += image.voxels * (_FIELD + _FITTED // shrunk)
    return held + int(of_box(image.shape, image.spacing, settings))


def _most(case: Case, settings: Settings) -> int:
    """Bytes that a case can take whose files are compressed as far as can be."""
    try:
        size = sum(Path(path).stat().st_size for path in case.files)
    except OSError:
        return 0
    return int(size * MOST_PER_BYTE * (20 + _bytes_per_voxel(settings)))


def needs_itk(case: Case, settings: Settings) -> bool:
    """Whether SimpleITK is loaded for a case."""
    return settings.bias_correction is not None or any(
        needs_sitk(Path(path)) for path in case.files
    )


def of_box(shape: Sequence[int], spacing: Sequence[float], settings: Settings) -> int:
    """Bytes that computing a region takes whose box has this shape (z, y, x; spacing in mm)."""
    voxels = math.prod(shape)
    return int(voxels * _finer(spacing, settings) * _bytes_per_voxel(settings))


def _finer(spacing: Sequence[float], settings: Settings) -> float:
    """Voxels of the new grid for one of the old; the old box is held too."""
    wanted = settings.resample.spacing
    if wanted == (None, None, None):
        return 1.0
    new = [length or old for length, old in zip(wanted, spacing, strict=True)]
    return 1.0 + math.prod(spacing) / math.prod(new)


def _bytes_per_voxel(settings: Settings) -> int:
    families = {f.type for f in settings.features}
    of_maps = [f.features for f in settings.filters if f.features is not None]
    families.update(f.type for chosen in of_maps for f in chosen)
    per_voxel = _BOX
    if families - {"morph", "stat", "ih", "ivh", "diag"}:
        per_voxel += _TEXTURE_OR_PEAKS
    if "morph" in families:
        per_voxel = max(per_voxel, _MORPHOLOGY)
    steered = any(getattr(f, "sigma_tensor", None) is not None for f in settings.filters)
    if settings.filters:
        per_voxel += _STEERED_MAP if steered else _MAP
    return per_voxel


class _Header:
    """Size of an image in memory."""

    def __init__(self, scan: io.Scan, file: int) -> None:
        self.shape, self.voxels = scan.array.shape, scan.array.size
        self.spacing = scan.spacing or (1.0, 1.0, 1.0)
        kind = scan.array.dtype
        scaled = 10 if kind.kind == "f" else 0  # 16 bits as stored, in double precision in between
        self.bytes = file + self.voxels * (kind.itemsize + scaled)


def _header(source: io.Source) -> _Header | None:
    if not isinstance(source, str | os.PathLike):
        return None  # it is in memory already
    try:
        return _Header(peek(source), Path(source).stat().st_size)
    except (OSError, RadiomicsError):
        return None
