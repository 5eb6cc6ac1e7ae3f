"""Response maps of whole images: from an image and filters to maps that lie over it.

Maps are in the order of axes in which the image is stored, also where the core works on another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ferromics import _images, io
from ferromics._settings_errors import describe_unknown
from ferromics._voxel_map import VoxelMap, as_stored, place
from ferromics.errors import SettingsError
from ferromics.extractor import Planned, made_with, plan, processed_to
from ferromics.settings import AnySettings, Settings

NO_FILTERS = (
    "there is no filter in the settings, so there is no response map to make; name some, as in "
    "filters: [{type: log, sigma: [1, 2]}, {type: wavelet, wavelet: coif1}]"
)


class ResponseMap(VoxelMap):
    """The response map of one filter; float32 where the filter's precision is single."""


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
        # What lies where; the voxels themselves are let go of.
        self._loaded = loaded.without_voxels()
        self._place = place(loaded, processed.shape, processed.spacing)
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
        array, spacing = as_stored(values, self._image.spacing, self._loaded)
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
