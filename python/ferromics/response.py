"""Response maps of whole images: from an image and filters to maps that lie over it.

Maps are in the order of axes in which the image is stored, also where the core works on another.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ferromics import _images, io
from ferromics._files import write_atomically
from ferromics._geometry import Grid
from ferromics._settings_errors import describe_unknown
from ferromics.errors import SettingsError
from ferromics.extractor import Planned, made_with, plan, processed_to
from ferromics.settings import AnySettings, Settings

if TYPE_CHECKING:
    import SimpleITK

    from ferromics import _core

NO_FILTERS = (
    "there is no filter in the settings, so there is no response map to make; name some, as in "
    "filters: [{type: log, sigma: [1, 2]}, {type: wavelet, wavelet: coif1}]"
)


@dataclass(frozen=True, eq=False)
class ResponseMap:
    """The response map of one filter.

    Attributes
    ----------
    name
        As in the columns of tables: ``log-sigma2mm``.
    array
        Response in each voxel, (z, y, x) as the image is stored, or (y, x) of a 2D image; float64,
        or float32 where the filter's precision is single. It may be a view.
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
        return f"<ResponseMap {self.name!r}: {shape} voxels of {spacing} mm, {self.array.dtype}>"

    def to_sitk(self) -> SimpleITK.Image:
        """A SimpleITK image that lies over the filtered one."""
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


class ResponseMaps(Mapping[str, ResponseMap]):
    """The response maps of one image by name, in the order of the settings.

    A map is made when it is asked for and not kept here, so that going through them needs memory
    for one map besides the image.

    Attributes
    ----------
    warnings
        What the reader of these maps should know, one line each.
    """

    def __init__(
        self,
        planned: Planned,
        settings: Settings,
        loaded: _images.Loaded,
        threads: int | None,
    ) -> None:
        core = planned.core
        prepared = core.prepare(loaded.array)
        processed = core.process(prepared, loaded.array, loaded.spacing, threads)
        self._core, self._image, self._threads = core, processed, threads
        self._names = tuple(core.maps)
        self._back = loaded.turn.back()
        self._place = _place(loaded, processed)
        self._spacing = tuple(float(processed.spacing[a]) for a in self._back.order)
        self._flat = loaded.stored.dimensions == 2
        self.warnings = loaded.stored.warnings
        self._provenance = {
            **made_with(settings),
            "image": loaded.stored.source,
            "geometry": io.describe(loaded.oriented, loaded.axis),
            **processed_to(processed.shape, processed.spacing, prepared.normalisation, settings),
        }

    def __getitem__(self, name: str) -> ResponseMap:
        """Make a map."""
        if name not in self._names:
            raise KeyError(describe_unknown(f"map {name!r}", str(name), self._names))
        values = self._core.response_map(self._image, self._names.index(name), self._threads)
        undefined = values.size - int(np.count_nonzero(np.isfinite(values)))
        array, spacing = self._back.of(values), self._spacing
        if self._flat and array.shape[0] == 1:
            array, spacing = array[0], spacing[1:]
        told = (*self.warnings, *_undefined(name, undefined))
        return ResponseMap(
            name=name,
            array=array,
            spacing=spacing,
            geometry=self._place,
            warnings=told,
            provenance={**self._provenance, "map": name, "warnings": list(told)},
        )

    def __contains__(self, name: object) -> bool:
        """Whether there is such a map; makes none."""
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        """Names of the maps."""
        return iter(self._names)

    def __len__(self) -> int:
        """Number of maps."""
        return len(self._names)

    def __repr__(self) -> str:
        """One line: the maps."""
        return f"<ResponseMaps: {', '.join(self._names)}>"


def _place(loaded: _images.Loaded, processed: _core.Processed) -> Grid | None:
    """The grid of the maps, as the image is stored."""
    stored, back = loaded.stored.grid, loaded.turn.back()
    if stored is None:
        return None
    shape = [processed.shape[a] for a in back.order]
    spacing = [processed.spacing[a] for a in back.order]
    return stored.recentred(shape, spacing)


def _undefined(name: str, count: int) -> Iterator[str]:
    if count:
        yield (
            f"map {name}: {count} of its voxels are not finite (NaN in the image, or a response "
            "that became too large)"
        )


def map_names(settings: AnySettings) -> tuple[str, ...]:
    """Names of the response maps that settings ask for.

    Raises
    ------
    SettingsError
        If the settings hold no filter, or are not allowed.
    """
    names = tuple(plan(settings).core.maps)
    if not names:
        raise SettingsError(NO_FILTERS)
    return names


def provenance_path(path: Path) -> Path:
    """Where the provenance of a map lies: ``map.nii.gz`` has ``map.provenance.json``."""
    return path.with_name(io.stem(path) + ".provenance.json")


def response_maps(
    image: io.Source,
    settings: AnySettings = None,
    *,
    spacing: tuple[float, ...] | None = None,
    threads: int | None = None,
) -> ResponseMaps:
    """Filter a whole image: one response map for each filter of the settings.

    The image is corrected, normalised, resampled and rounded as the settings say; then each filter
    makes its map, when it is asked for. Maps lie over the image as it is stored: its order of axes
    and, unless it is resampled, its very grid. A new grid has the same centre and axes.

    Parameters
    ----------
    image
        A path, a SimpleITK image, or a numpy array of shape (z, y, x) or (y, x) with ``spacing``.
    settings
        As for :func:`ferromics.extract`; ``filters`` says which maps there are. What comes after
        filters, such as ``discretise`` and ``features``, is of no account.
    spacing
        Lengths in mm in the order of the array's axes; for arrays only.
    threads
        Number of threads; by default ``FERROMICS_NUM_THREADS``, else all cores. Values do not
        depend on it.

    Returns
    -------
    ResponseMaps
        A mapping from name to :class:`ResponseMap`; iterate over ``.items()`` to make one after
        the other.

    Raises
    ------
    FileNotFoundError
        If a file does not exist.
    InputError
        If the image cannot be used; when a map is asked for, if its filter cannot be applied.
    SettingsError
        If the settings hold no filter or are not allowed.

    Examples
    --------
    >>> import ferromics as fm
    >>> image, _, spacing = fm.phantom()
    >>> filters = [{"type": "log", "sigma": [2, 3]}, {"type": "mean", "support": 3}]
    >>> maps = fm.response_maps(image, {"filters": filters}, spacing=spacing)
    >>> list(maps)
    ['log-sigma2mm', 'log-sigma3mm', 'mean-support3']
    >>> maps["mean-support3"].array.shape == image.shape
    True
    """
    chosen = Settings.of(settings)
    map_names(chosen)
    loaded = _images.load_image(image, spacing, chosen.image.slice_axis, chosen.bias_correction)
    return ResponseMaps(plan(chosen), chosen, loaded, threads)
