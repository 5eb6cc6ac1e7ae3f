"""Images on their way to the core and back: oriented, slices in front; as stored, to a file."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ferromics import io
from ferromics._files import beside, check_target, replacing
from ferromics._geometry import Grid, Turn
from ferromics.errors import InputError, RadiomicsError

if TYPE_CHECKING:
    import SimpleITK

    from ferromics.stages import BiasCorrection

SUFFIXES: Final = (".nii.gz", ".nii", ".nrrd", ".mha")
"""Formats in which images are written, by the end of the file's name."""

_NIFTI_HEADER: Final = 352
"""Bytes before the voxels of a NIfTI-1 file."""

_BLOCK: Final = 1 << 22

NOTHING: Final = np.empty((0, 0, 0), np.uint8)
"""The voxels of what was let go of."""


@dataclass(frozen=True)
class Loaded:
    """An image as the core takes it: ``array`` is oriented, its slices lie along axis 0.

    ``spacing`` (mm) is in the order of its axes. ``stored`` and ``oriented`` are steps on the way;
    ``axis`` is the slice axis of ``oriented``, and ``turn`` leads from ``stored`` to ``array``.
    """

    array: NDArray[Any]
    spacing: tuple[float, float, float]
    stored: io.Scan
    oriented: io.Scan
    axis: int
    turn: Turn

    def without_voxels(self) -> Loaded:
        """All but the voxels."""
        stored = replace(self.stored, array=NOTHING)
        oriented = replace(self.oriented, array=NOTHING)
        return replace(self, array=NOTHING, stored=stored, oriented=oriented)


def load_image(
    image: io.Source,
    spacing: tuple[float, ...] | None = None,
    slice_axis: str = "auto",
    bias_correction: BiasCorrection | None = None,
) -> Loaded:
    """Read an image, orient it, correct its bias if asked to, and find its slices.

    Parameters
    ----------
    image, spacing
        As for :func:`ferromics.io.read`; an array needs its spacing.
    slice_axis, bias_correction
        As in settings.
    """
    stored = io.read(image, "image", spacing)
    if stored.spacing is None:
        msg = "an image array needs spacing=(z, y, x), in mm"
        raise InputError(msg)
    scan = io.orient(replace(stored, array=io.native(stored.array, stored.label)))
    lengths = scan.spacing or stored.spacing
    if bias_correction is not None:
        from ferromics.bias import corrected

        # Oriented first: the field is fitted to every few voxels, counted from the first one.
        scan = replace(scan, array=corrected(scan.array, lengths, bias_correction))
    axis = io.slice_axis(scan, slice_axis)
    order = [axis, *(a for a in range(3) if a != axis)]
    return Loaded(
        array=np.moveaxis(scan.array, axis, 0),
        spacing=(lengths[order[0]], lengths[order[1]], lengths[order[2]]),
        stored=stored,
        oriented=scan,
        axis=axis,
        turn=io.to_lps(stored).to_front(axis),
    )


def to_sitk(array: NDArray[Any], grid: Grid) -> SimpleITK.Image:
    """Return an image with its place; 2D for an array (y, x) that lies as 2D images can.

    A 2D image has neither a height nor a slope: elsewhere it becomes a volume of one slice.
    """
    import SimpleITK as sitk

    axes = np.asarray(grid.axes)
    if array.ndim == 2 and (np.abs(axes[1:, 2]).max() > 1e-6 or abs(grid.origin[2]) > 1e-6):
        array = array[None]
    n = array.ndim
    image = sitk.GetImageFromArray(array)
    image.SetSpacing([float(s) for s in grid.spacing[::-1][:n]])
    image.SetOrigin([float(v) for v in grid.origin[:n]])
    image.SetDirection([float(v) for v in axes[::-1].T[:n, :n].ravel()])
    return image


def check_path(path: Path) -> None:
    """Refuse a path to which no image could be written."""
    if not path.name.lower().endswith(SUFFIXES):
        msg = f"cannot tell the format of {path}; its name must end in {', '.join(SUFFIXES)}"
        raise InputError(msg)
    check_target(path)


def write(path: Path, image: SimpleITK.Image, note: str) -> None:
    """Write an image atomically, with a note in its header, of which NIfTI keeps 79 characters."""
    check_path(path)
    suffix = next(s for s in SUFFIXES if path.name.lower().endswith(s))
    image.SetMetaData("ITK_FileNotes", note[:79])  # NIfTI's `descrip`
    if suffix == ".nii.gz":
        with replacing(path, suffix) as packed, beside(path, ".nii") as plain:
            _write(plain, image)
            _compress(plain, packed)
    else:
        with replacing(path, suffix) as temporary:
            _write(temporary, image)


def _write(path: Path, image: SimpleITK.Image) -> None:
    import SimpleITK as sitk

    try:
        sitk.WriteImage(image, os.fspath(path), useCompression=path.suffix != ".nii")
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1].split("ERROR:")[-1].strip()
        msg = f"cannot write {path.parent}: {reason}"
        raise RadiomicsError(msg) from None
    bytes_each = image.GetSizeOfPixelComponent()
    expected = _NIFTI_HEADER + image.GetNumberOfPixels() * bytes_each
    if path.suffix == ".nii" and path.stat().st_size != expected:
        msg = f"cannot write to {path.parent}: only {path.stat().st_size} of {expected} bytes"
        raise RadiomicsError(msg)


def _compress(plain: Path, packed: Path) -> None:
    """Compress a file; at 4 times the speed of SimpleITK's own, for the same size."""
    try:
        from isal.igzip import IGzipFile as Packer
    except ImportError:  # no wheel for this platform
        from gzip import GzipFile as Packer
    with (
        plain.open("rb") as source,
        packed.open("wb") as target,
        # Level 1, without name and time: the same map is the same file.
        Packer("", "wb", 1, target, 0) as out,
    ):
        while block := source.read(_BLOCK):
            out.write(block)
