"""Maps that lie over an image: an array with its place, its warnings and its provenance."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ferromics import _images, io
from ferromics._files import write_atomically
from ferromics._geometry import Grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    import SimpleITK

MAPS_A_PASS: Final = 8
VALUES_A_PASS: Final = 1 << 26
"""Maps that the core makes in one pass and that are held: at least so many, and as many as have so
many values (512 MiB)."""


@dataclass(frozen=True, eq=False)
class VoxelMap:
    """A value for each voxel of an image.

    Attributes
    ----------
    name
        As in the columns of tables.
    array
        (z, y, x) as the image is stored, or (y, x) of a 2D image. It may be a view.
    spacing
        In mm, in the order of the array's axes.
    geometry
        Place of the voxels in LPS, one row of axes for each of three axes of the stored image;
        ``None`` for the map of a numpy array.
    warnings
        What the reader of this map should know, one line each.
    provenance
        Where the map comes from: versions, settings and their hash, input file and its SHA-256,
        geometry, warnings.
    """

    name: str
    array: NDArray[Any]
    spacing: tuple[float, ...]
    geometry: Grid | None
    warnings: tuple[str, ...]
    provenance: dict[str, Any]

    def __repr__(self) -> str:
        """One line: name and size."""
        shape, spacing = (" x ".join(f"{v:g}" for v in t) for t in (self.array.shape, self.spacing))
        kind = type(self).__name__
        return f"<{kind} {self.name!r}: {shape} voxels of {spacing} mm, {self.array.dtype}>"

    def to_sitk(self) -> SimpleITK.Image:
        """A SimpleITK image that lies over the image the map was made of."""
        grid = self.geometry
        if grid is None:
            three = (1, *self.array.shape)[-3:], np.array((io.FLAT_THICKNESS, *self.spacing)[-3:])
            grid = Grid(*three, np.eye(3)[::-1], np.zeros(3))
        return _images.to_sitk(self.array, grid)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the map and, beside it, its provenance (``map.provenance.json``); both atomically.

        Parameters
        ----------
        path
            Ends in ``.nii.gz``, ``.nii``, ``.nrrd`` or ``.mha``.

        Raises
        ------
        InputError
            If the name ends otherwise.
        FileNotFoundError
            If the folder does not exist.
        """
        target = Path(path)
        _images.check_path(target)
        record = json.dumps(self.provenance, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        note = f"{self.name}, ferromics {self.provenance['ferromics']}"
        _images.write(target, self.to_sitk(), note)
        write_atomically(provenance_path(target), record.encode())


def in_passes(names: Sequence[str], voxels: int) -> list[Sequence[str]]:
    """Names of features of one family; those that are mapped in one pass together."""
    most = max(MAPS_A_PASS, VALUES_A_PASS // voxels)
    return [names[k : k + most] for k in range(0, len(names), most)]


def place(loaded: _images.Loaded, shape: Sequence[int], spacing: Sequence[float]) -> Grid | None:
    """The grid of a map of this shape and spacing in the core's order, as the image is stored."""
    stored, back = loaded.stored.grid, loaded.turn.back()
    if stored is None:
        return None
    return stored.recentred([shape[a] for a in back.order], [spacing[a] for a in back.order])


def as_stored(
    values: NDArray[Any], spacing: Sequence[float], loaded: _images.Loaded
) -> tuple[NDArray[Any], tuple[float, ...]]:
    """A map in the core's order, and its spacing, as the image is stored; (y, x) of a 2D image."""
    back = loaded.turn.back()
    array, lengths = back.of(values), tuple(float(spacing[a]) for a in back.order)
    if loaded.stored.dimensions == 2 and array.shape[0] == 1:
        return array[0], lengths[1:]
    return array, lengths


def provenance_path(path: Path) -> Path:
    """Where the provenance of a map lies: ``map.nii.gz`` has ``map.provenance.json``."""
    return path.with_name(io.stem(path) + ".provenance.json")
