"""What an image says about itself before its voxels are read: size, spacing, place, type."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ferromics import _nifti, _nrrd, io
from ferromics._geometry import Grid
from ferromics._voxel_files import Stored
from ferromics.errors import InputError


def peek(source: io.Source, spacing: tuple[float, ...] | None = None) -> io.Scan:
    """An image as :func:`ferromics.io.read` gives it, whose array is 0 and takes no memory.

    Parameters
    ----------
    source, spacing
        As for :func:`ferromics.io.read`; what is in memory already comes as it is.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    InputError
        If its header cannot be read, or is not of one 2D or 3D image of real numbers.
    """
    if not isinstance(source, str | os.PathLike):
        return io.read(source, "image", spacing)
    path = Path(source)
    label = f"image {path}"
    if not path.exists():
        msg = f"{label}: no such file"
        raise FileNotFoundError(msg)
    if path.is_dir() or path.stat().st_size == 0:
        return io.read(path)  # which says what is wrong
    try:
        found = _lean(path)
    except InputError as error:
        msg = f"image {error}"
        raise InputError(msg) from None
    if found is None:
        return _with_sitk(path, label)
    grid = Grid(found.array.shape, found.spacing, found.axes, found.origin)
    return _scan(path, label, grid, found.array.dtype, found.dimensions)


def needs_sitk(path: Path) -> bool:
    """Whether SimpleITK is loaded to read a file."""
    try:
        return not _nifti.is_nifti(path) and _lean(path) is None
    except OSError:
        return False  # reading it will fail before that


def _lean(path: Path) -> Stored | None:
    """What is told without SimpleITK, ``None`` if it is not."""
    if _nifti.is_nifti(path):
        return _nifti.peek(path)
    return _nrrd.peek(path) if _nrrd.is_nrrd(path) else None


def _scan(
    path: Path, label: str, grid: Grid, dtype: np.dtype[np.generic], dimensions: int
) -> io.Scan:
    array = np.broadcast_to(np.zeros((), dtype), grid.shape)
    z, y, x = (float(s) for s in grid.spacing)
    source = {"path": str(path)}
    return io.Scan(array, (z, y, x), grid, io.stem(path), label, source, (), dimensions)


def _with_sitk(path: Path, label: str) -> io.Scan:
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetFileName(os.fspath(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return io.read(path)  # which says what is wrong
    n, size = reader.GetDimension(), reader.GetSize()
    kind = sitk.GetPixelIDValueAsString(reader.GetPixelID())
    if reader.GetNumberOfComponents() != 1 or max(size[3:], default=1) > 1 or "complex" in kind:
        return io.read(path)
    shape = tuple([*size[:3], 1][:3][::-1])
    direction = np.eye(3)
    stored = np.array(reader.GetDirection()).reshape(n, n)
    direction[: min(n, 3), : min(n, 3)] = stored[:3, :3]
    spacing = _three(reader.GetSpacing(), io.FLAT_THICKNESS)
    origin = _three(reader.GetOrigin(), 0.0)
    grid = Grid(shape, spacing[::-1].copy(), np.ascontiguousarray(direction.T[::-1]), origin)
    return _scan(path, label, grid, _dtype(kind), min(n, 3))


def _three(values: Sequence[float], last: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([*values[:3], last][:3], np.float64)


def _dtype(kind: str) -> np.dtype[np.generic]:
    """The type of SimpleITK's description, as ``32-bit float``, ``16-bit signed integer``."""
    bits = int(kind.partition("-")[0]) if kind[:1].isdigit() else 64
    letter = "f" if "float" in kind else "u" if "unsigned" in kind else "i"
    return np.dtype(f"{letter}{bits // 8}")
