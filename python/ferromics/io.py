"""Images and masks in, arrays (z, y, x) out: the only place where axes and spacing are flipped.

An image with geometry (a file, a SimpleITK image) is permuted and flipped, as a view and without
interpolation, to the nearest LPS order: axis 0 runs to superior, axis 1 to posterior, axis 2 to
the patient's left. A bare numpy array keeps its order. Then the slice axis is brought to the
front. Spacing is in mm, in the order of the array's axes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ferromics import _nifti, _nrrd
from ferromics._geometry import AS_STORED, Grid, Turn, nearest_lps
from ferromics._voxel_files import Stored
from ferromics.errors import InputError

if TYPE_CHECKING:
    import SimpleITK

Source: TypeAlias = "str | os.PathLike[str] | SimpleITK.Image | NDArray[Any]"
"""What an image or a mask may be given as."""

GRID_TOLERANCE: Final = 0.01
"""Corners of two grids may lie apart by this share of the smallest spacing and count as equal."""

CLEARLY_LARGEST: Final = 1.5
"""A spacing this many times the next largest marks the slice axis of an image with geometry."""

FLAT_THICKNESS: Final = 1.0
"""Thickness in mm of the one slice of a 2D image."""


@dataclass(frozen=True)
class Scan:
    """An array with its place; ``grid`` is ``None`` for a bare array.

    ``name`` is the file's name without suffixes; ``source`` says where it came from;
    ``dimensions`` is 2 for a 2D image, whose array has one slice.
    """

    array: NDArray[Any]
    spacing: tuple[float, float, float] | None
    grid: Grid | None
    name: str
    label: str
    source: dict[str, str]
    warnings: tuple[str, ...] = ()
    dimensions: int = 3


def read(source: Source, what: str = "image", spacing: tuple[float, ...] | None = None) -> Scan:
    """Read an image or a mask, in the order it is stored.

    Parameters
    ----------
    source
        A path (NIfTI, NRRD, MetaImage and whatever else SimpleITK reads), a SimpleITK image, or a
        numpy array of shape (z, y, x) or (y, x).
    what
        What to call it in messages: ``"image"`` or ``"mask"``.
    spacing
        For arrays only: mm, in the order of the array's axes.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    InputError
        If it cannot be read, or is no 2D or 3D image of real numbers.
    """
    if isinstance(source, str | os.PathLike):
        _no_spacing(spacing, what)
        return _from_file(Path(source), what)
    if _is_sitk(source):
        _no_spacing(spacing, what)
        return _from_sitk(source, what, what, {"kind": "SimpleITK image"})
    if isinstance(source, np.ndarray) or hasattr(source, "__array__"):
        return _from_array(np.asarray(source), what, spacing)
    msg = (
        f"{what} must be a path, a SimpleITK image or a numpy array, not "
        f"{type(source).__module__}.{type(source).__qualname__}"
    )
    raise TypeError(msg)


def orient(scan: Scan) -> Scan:
    """Permute and flip to the nearest LPS order; a bare array stays as it is."""
    if scan.grid is None:
        return scan
    turn = to_lps(scan)
    grid = scan.grid.rearranged(turn)
    return replace(scan, array=turn.of(scan.array), grid=grid, spacing=_triple(grid.spacing))


def to_lps(scan: Scan) -> Turn:
    """The turn by which :func:`orient` goes."""
    return AS_STORED if scan.grid is None else nearest_lps(scan.grid.axes)


def slice_axis(scan: Scan, wanted: str) -> int:
    """Index of the slice axis of an oriented scan; ``wanted`` as in ``settings.image``."""
    if wanted != "auto":
        return "zyx".index(wanted)
    if scan.grid is None:
        return 0
    if scan.dimensions == 2:
        return scan.array.shape.index(1)
    spacing = scan.grid.spacing
    largest = int(np.argmax(spacing))
    return largest if spacing[largest] >= CLEARLY_LARGEST * np.sort(spacing)[1] else 0


def check_same_grid(image: Scan, mask: Scan) -> None:
    """Refuse an (oriented) mask that does not lie on the (oriented) image's grid."""
    if image.grid is None or mask.grid is None:
        return
    fix = (
        "resample the mask onto the image's grid first, for example SimpleITK.Resample(mask, "
        "image, SimpleITK.Transform(), SimpleITK.sitkNearestNeighbor)"
    )
    both = f"{image.label} has {image.grid}; {mask.label} has {mask.grid}"
    if image.grid.shape != mask.grid.shape:
        msg = f"image and mask differ in size: {both}; {fix}"
        raise InputError(msg)
    apart = np.linalg.norm(image.grid.corners() - mask.grid.corners(), axis=1).max()
    limit = GRID_TOLERANCE * float(image.grid.spacing.min())
    if not apart <= limit:
        msg = (
            f"image and mask lie on different grids, up to {apart:.4g} mm apart (allowed: "
            f"{limit:.2g} mm): {both}; {fix}"
        )
        raise InputError(msg)


def native(array: NDArray[Any], what: str) -> NDArray[Any]:
    """The array in a type and byte order that the core takes; a view where it is one already."""
    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind == "c":
        msg = f"{what} holds complex numbers; give the magnitude or one part"
        raise InputError(msg)
    if kind not in "biuf":
        msg = f"{what} has the data type {array.dtype}; real numbers are needed"
        raise InputError(msg)
    if kind == "b":
        return array.view(np.uint8)
    if kind == "f" and size not in (4, 8):
        return array.astype(np.float32 if size < 4 else np.float64)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def describe(scan: Scan, axis: int) -> dict[str, Any]:
    """Geometry of an oriented scan, for the provenance."""
    out: dict[str, Any] = {
        "shape_zyx": list(scan.array.shape),
        "spacing_zyx_mm": list(scan.spacing or ()),
        "slice_axis": "zyx"[axis],
    }
    if scan.grid is not None:
        out["origin_lps_mm"] = [float(v) for v in scan.grid.origin]
        out["axes_lps"] = [[float(v) for v in row] for row in scan.grid.axes]
    return out


def write_nifti(path: Path, array: NDArray[Any], spacing: Sequence[float]) -> None:
    """Write an array (z, y, x) with its spacing in mm (z, y, x) as NIfTI, axes along LPS."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(array.view(np.uint8) if array.dtype == bool else array)
    image.SetSpacing([float(s) for s in reversed(spacing)])
    sitk.WriteImage(image, os.fspath(path), useCompression=True)


def stem(path: Path) -> str:
    """The file's name without ``.nii.gz`` or its one suffix."""
    name = path.name
    for suffix in (".gz", ".nii"):
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            name = name[: -len(suffix)]
    return name if name != path.name else path.stem


def _from_file(path: Path, what: str) -> Scan:
    label = f"{what} {path}"
    if path.is_dir():
        msg = f"{label} is a folder; name an image file (for DICOM, convert the series to NIfTI)"
        raise InputError(msg)
    if not path.exists():
        msg = f"{label}: no such file"
        raise FileNotFoundError(msg)
    if path.stat().st_size == 0:
        msg = f"{label} is empty (0 bytes)"
        raise InputError(msg)
    source = {"path": str(path)}
    stored, damage = _read_lean(path, what)
    if stored is None:
        source["sha256"] = sha256(path)
        return _from_sitk(_read_with_sitk(path, label, damage), what, label, source, stem(path))
    grid = Grid(stored.array.shape, stored.spacing, stored.axes, stored.origin)
    notes = _flat_note(label) if stored.dimensions < 3 else ()
    source["sha256"] = stored.sha256
    spacing = _triple(stored.spacing)
    dimensions = min(3, max(2, stored.dimensions))
    return Scan(stored.array, spacing, grid, stem(path), label, source, notes, dimensions)


def _read_lean(path: Path, what: str) -> tuple[Stored | None, str]:
    """What is read without SimpleITK; ``None`` if it is to try, and what we found wrong, if so."""
    try:
        if _nifti.is_nifti(path):
            return _nifti.read(path), ""
        return (_nrrd.read(path) if _nrrd.is_nrrd(path) else None), ""
    except InputError as error:
        msg = f"{what} {error}"
        if _nrrd.is_nrrd(path):
            return None, msg
        raise InputError(msg) from None


def _read_with_sitk(path: Path, label: str, damage: str = "") -> SimpleITK.Image:
    import SimpleITK as sitk

    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)  # noqa: FBT003
    try:
        return sitk.ReadImage(os.fspath(path))
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = lines[-1].split("ERROR:")[-1].strip() if lines else "unknown reason"
        if "ImageIO" in reason and "determine" in reason:
            reason = "its format is not known (NIfTI, NRRD, MetaImage and others are)"
        msg = damage or f"{label} could not be read: {reason}"
        raise InputError(msg) from None
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)


def _from_sitk(
    image: Any, what: str, label: str, source: dict[str, str], name: str | None = None
) -> Scan:
    import SimpleITK as sitk

    parts = image.GetNumberOfComponentsPerPixel()
    if parts != 1:
        msg = f"{label} has {parts} values per voxel (a vector or colour image); extract one first"
        raise InputError(msg)
    if "complex" in image.GetPixelIDTypeAsString():
        msg = f"{label} holds complex numbers; give the magnitude or one part"
        raise InputError(msg)
    if "label of" in image.GetPixelIDTypeAsString():
        image = sitk.LabelMapToLabel(image)
    n, size = image.GetDimension(), image.GetSize()
    if n > 3 and max(size[3:]) > 1:
        msg = f"{label} is {n}D ({int(np.prod(size[3:]))} volumes); extract one volume first"
        raise InputError(msg)
    array = np.asarray(_Buffer(image, sitk.GetArrayViewFromImage(image)))
    array = array.reshape((1, *array.shape) if n == 2 else array.shape[-3:])
    direction = np.eye(3)
    stored = np.array(image.GetDirection()).reshape(n, n)
    direction[: min(n, 3), : min(n, 3)] = stored[:3, :3]
    spacing = np.array([*image.GetSpacing()[:3], FLAT_THICKNESS][:3])
    origin = np.array([*image.GetOrigin()[:3], 0.0][:3])
    axes = np.ascontiguousarray(direction.T[::-1])
    grid = Grid(array.shape, spacing[::-1].copy(), axes, origin)
    notes = _flat_note(label) if n == 2 else ()
    place = _triple(grid.spacing)
    return Scan(array, place, grid, name or what, label, source, notes, min(n, 3))


class _Buffer:
    """The voxels of a SimpleITK image, which live as long as an array that views them."""

    def __init__(self, image: SimpleITK.Image, view: NDArray[Any]) -> None:
        self.image = image  # a view of SimpleITK's does not hold on to its image
        self.__array_interface__ = view.__array_interface__


def _from_array(array: NDArray[Any], what: str, spacing: tuple[float, ...] | None) -> Scan:
    flat = array.ndim == 2
    if array.ndim not in (2, 3):
        msg = f"the {what} array has shape {array.shape}; (z, y, x) or (y, x) is needed"
        raise InputError(msg)
    if 0 in array.shape:
        msg = f"the {what} array has shape {array.shape}: no voxels"
        raise InputError(msg)
    lengths = None if spacing is None else checked_spacing(spacing, array.ndim)
    array = array[None] if flat else array
    notes = (
        _flat_note(f"{what} array")
        if flat and what == "image" and spacing is not None and len(spacing) == 2
        else ()
    )
    source = {"kind": f"numpy array of {array.dtype}"}
    dimensions = 2 if flat else 3
    return Scan(array, lengths, None, what, f"{what} array", source, notes, dimensions)


def checked_spacing(spacing: object, ndim: int = 3) -> tuple[float, float, float]:
    """Spacing of an array as three lengths in mm (z, y, x); two for an array of two dimensions."""
    try:
        lengths = [float(s) for s in spacing]  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        lengths = []
    if ndim == 2 and len(lengths) == 2:
        lengths = [FLAT_THICKNESS, *lengths]
    if len(lengths) != 3 or not all(np.isfinite(s) and s > 0 for s in lengths):
        msg = f"spacing must be three positive lengths in mm (z, y, x), got {spacing!r}"
        raise InputError(msg)
    return lengths[0], lengths[1], lengths[2]


def _no_spacing(spacing: tuple[float, ...] | None, what: str) -> None:
    if spacing is not None:
        msg = f"spacing= is for numpy arrays; this {what} knows its own spacing: leave it out"
        raise InputError(msg)


def _is_sitk(source: object) -> bool:
    return type(source).__module__.split(".")[0] == "SimpleITK" and hasattr(source, "GetDirection")


def _flat_note(label: str) -> tuple[str, ...]:
    return (f"{label} is 2D: its one slice counts as {FLAT_THICKNESS:g} mm thick",)


def _triple(values: NDArray[np.float64]) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])


def sha256(path: Path) -> str:
    """Digest of a file, and of the voxel file that a MetaImage or NRRD header names beside it."""
    digest = hashlib.sha256()
    for part in parts(path):
        with part.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def parts(path: Path) -> list[Path]:
    """The files of an image: the one that is named and the one that it names for its voxels."""
    return [path, *_companions(path)]


def _companions(path: Path) -> list[Path]:
    suffix = path.suffix.lower()
    if suffix == ".hdr":
        found = [path.with_suffix(".img"), path.with_suffix(".img.gz")]
    elif suffix in (".mhd", ".nhdr"):
        with path.open("rb") as file:
            head = file.read(1 << 16).decode("latin-1").splitlines()
        keys = ("elementdatafile", "data file", "datafile")
        pairs = [line.replace("=", ":", 1).split(":", 1) for line in head]
        names = [p[1].strip() for p in pairs if len(p) == 2 and p[0].strip().lower() in keys]
        found = [path.parent / name for name in names]
    else:
        found = []
    return [p for p in found if p.is_file()]
