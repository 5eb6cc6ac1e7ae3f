"""Maps of features: at each voxel of a region, the features of its neighbourhood.

Maps are in the order of axes in which the image is stored, also where the core works on another.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ferromics import _core, io
from ferromics._settings_errors import describe_unknown
from ferromics._voxel_map import VoxelMap, as_stored, in_passes, place
from ferromics.errors import InputError
from ferromics.extractor import Planned, made_with, plan, processed_to
from ferromics.regions import Opened, Region, all_regions, open_image, wanted_masks
from ferromics.settings import AnySettings, Settings

FAMILIES: Final = ("stat", "ih", "glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm")
"""Families whose features a neighbourhood has."""

LISTED: Final = f"{', '.join(FAMILIES[:-1])} and {FAMILIES[-1]}"

Radius: TypeAlias = "int | Sequence[int]"
Watch: TypeAlias = Callable[[Callable[[], float]], None]


class FeatureMap(VoxelMap):
    """The map of one feature, named as the feature's column: float64.

    A feature that is undefined in a neighbourhood is NaN; outside the region the map has the value
    that was asked for, by default NaN.
    """


class _Chosen(NamedTuple):
    """Columns of a plan that holds little else, by name; those with one matrix together."""

    core: _core.Plan
    places: dict[str, int]
    families: list[list[str]]


class FeatureMaps(Mapping[str, FeatureMap]):
    """The maps of several features of one region, by column name.

    Maps are made when they are asked for, those of one family in one pass: eight, or as many as
    take 512 MiB. The last ones are kept, so that going through the maps in order needs memory for
    these besides the image.

    Attributes
    ----------
    warnings
        What the reader of all these maps should know, one line each; a map has further ones.
    """

    def __init__(
        self,
        chosen: _Chosen,
        settings: Settings,
        opened: Opened,
        region: Region,
        *,
        radius: tuple[int, int, int],
        outside: float,
        threads: int | None,
    ) -> None:
        self._chosen, self._outside, self._threads = chosen, outside, threads
        image = opened.image
        self._prepared = chosen.core.prepare(image)
        self._region = _core.Mappable(
            chosen.core, self._prepared, image, region.select(), opened.spacing, threads
        )
        shape, spacing = self._region.grid
        voxels = math.prod(shape)
        self._groups = [part for names in chosen.families for part in in_passes(names, voxels)]
        self._loaded = opened.ready.without_voxels()
        self._place = place(opened.ready, shape, spacing)
        self._radius = [radius[a] for a in opened.ready.turn.order]  # as the core's axes
        told = (*opened.warnings, *region.warnings, *settings.notes())
        self.warnings = tuple(dict.fromkeys(told))
        self._provenance = {
            **made_with(settings),
            "image": opened.source,
            "mask": region.source,
            "geometry": opened.geometry,
            **processed_to(shape, spacing, self._region.normalisation, settings),
            "voxels": {"intensity_mask": self._region.voxels},
            "neighbourhood": {"radius_voxels": list(radius)},
            "outside": None if math.isnan(outside) else outside,
        }
        self._progress = _core.MapProgress()
        self._made: dict[str, FeatureMap] = {}

    def __getitem__(self, name: str) -> FeatureMap:
        """Make a map, and with it others of its family."""
        if name not in self._chosen.places:
            raise KeyError(describe_unknown(f"map {name!r}", str(name), list(self)))
        if name not in self._made:
            group = next(group for group in self._groups if name in group)
            self._made = {}  # let go of the last ones first
            self._made = self._make(group)
        return self._made[name]

    def _make(self, group: Sequence[str]) -> dict[str, FeatureMap]:
        arrays, undefined, told = _core.feature_maps(
            self._chosen.core,
            self._prepared,
            self._region,
            [self._chosen.places[name] for name in group],
            self._radius,
            self._outside,
            self._threads,
            self._progress,
        )
        return {
            name: self._wrapped(name, array, [*told, *_undefined(name, number)])
            for name, array, number in zip(group, arrays, undefined, strict=True)
        }

    def _wrapped(self, name: str, values: NDArray[np.float64], told: list[str]) -> FeatureMap:
        array, spacing = as_stored(values, self._region.grid[1], self._loaded)
        warnings = tuple(dict.fromkeys((*self.warnings, *told)))
        return FeatureMap(
            name=name,
            array=array,
            spacing=spacing,
            geometry=self._place,
            warnings=warnings,
            provenance={**self._provenance, "map": name, "warnings": list(warnings)},
        )

    @property
    def progress(self) -> float:
        """The share of the work that is done, from 0 to 1; may be asked for from any thread."""
        total = self._region.voxels * len(self._groups)
        return min(self._progress.done / max(total, 1), 1.0)

    def __contains__(self, name: object) -> bool:
        """Whether there is such a map; makes none."""
        return name in self._chosen.places

    def __iter__(self) -> Iterator[str]:
        """Names of the maps."""
        return iter(self._chosen.places)

    def __len__(self) -> int:
        """Number of maps."""
        return len(self._chosen.places)

    def __repr__(self) -> str:
        """One line: the maps."""
        return f"<FeatureMaps: {', '.join(self)}>"


def map_columns(settings: AnySettings, features: str | Sequence[str]) -> list[str]:
    """Names of the columns that ``features`` stand for, in the order given; each once.

    Parameters
    ----------
    settings
        As for :func:`ferromics.extract`.
    features
        One or more of: a column's name, ``family_feature`` (``glcm_contrast``) where the settings
        have it once, or a family (``glcm``) for all of its columns.

    Raises
    ------
    InputError
        If a name stands for nothing, for several columns, or for a feature that has no map.
    """
    planned = plan(settings)
    asked = [features] if isinstance(features, str) else list(features or ())
    if not asked:
        msg = "no feature was named; name one as glcm_contrast"
        raise InputError(msg)
    families = {name: family for name, _, family, *_ in planned.columns}
    short: dict[str, list[str]] = {}
    for name, _, family, feature, *_ in planned.columns:
        short.setdefault(f"{family}_{feature}", []).append(name)
    return list(dict.fromkeys(name for one in asked for name in _named(one, families, short)))


def feature_maps(
    image: io.Source,
    mask: io.Source | None,
    features: str | Sequence[str],
    settings: AnySettings = None,
    *,
    radius: Radius = 1,
    label: int | None = None,
    spacing: tuple[float, ...] | None = None,
    mask_threshold: float | None = None,
    outside: float = float("nan"),
    threads: int | None = None,
    watch: Watch | None = None,
) -> FeatureMaps:
    """Map features over a region: at each voxel the features of its neighbourhood.

    The neighbourhood is the box of ``2 radius + 1`` voxels a side around the voxel, of which the
    voxels of the region (its intensity mask) count. Grey levels are those of the whole region,
    discretised once. So a value is what :func:`ferromics.extract` gives for that part of the region
    with these grey levels. Aggregations in 2D look at the voxel's slice alone.

    Parameters
    ----------
    image
        A path, a SimpleITK image, or a numpy array of shape (z, y, x) or (y, x) with ``spacing``.
    mask
        The region, as for :func:`ferromics.extract`; ``None`` for the whole image.
    features
        One or more of: a column's name, ``family_feature`` (``glcm_contrast``) where the settings
        have it once, or a family (``glcm``) for all of its columns. Families are ``stat``, ``ih``,
        ``glcm``, ``glrlm``, ``glszm``, ``gldzm``, ``ngtdm`` and ``ngldm``.
    settings
        As for :func:`ferromics.extract`: processing, discretisation, filters, and the parameters of
        the families. By default fixed bin number 32, 3D.
    radius
        Radius of the neighbourhood in voxels, from 1 to 21; or one for each of the image's axes,
        (z, y, x), of which some but not all may be 0.
    label, mask_threshold, spacing
        As for :func:`ferromics.extract`.
    outside
        Value outside the region.
    threads
        Number of threads; by default ``FERROMICS_NUM_THREADS``, else all cores. Values do not
        depend on it.
    watch
        Called once, when image and mask are read, with a function that tells at any time (from any
        thread) which share of the work is done.

    Returns
    -------
    FeatureMaps
        A mapping from column name to :class:`FeatureMap`; iterate over ``.items()`` to make one
        after the other.

    Raises
    ------
    FileNotFoundError
        If a file does not exist.
    InputError
        If image, mask, radius or a feature's name cannot be used.
    SettingsError
        If the settings are not allowed.

    Examples
    --------
    >>> import ferromics as fm
    >>> image, mask, spacing = fm.phantom()
    >>> maps = fm.feature_maps(image, mask, ["stat", "glcm_contrast"], spacing=spacing)
    >>> len(maps)
    19
    >>> maps["original_stat_mean_intensity"].array.shape == image.shape
    True
    """
    chosen = Settings.of(settings)
    names = map_columns(chosen, features)
    opened = open_image(
        image,
        spacing=spacing,
        slice_axis=chosen.image.slice_axis,
        bias_correction=chosen.bias_correction,
    )
    maps = FeatureMaps(
        _chosen(plan(chosen), names),
        chosen,
        opened,
        _region(opened, mask, label, mask_threshold),
        radius=_radius(radius, opened.ready.stored.dimensions),
        outside=_number(outside),
        threads=threads,
    )
    if watch is not None:
        watch(lambda: maps.progress)
    return maps


def feature_map(
    image: io.Source,
    mask: io.Source | None,
    feature: str,
    settings: AnySettings = None,
    **options: Any,
) -> FeatureMap:
    """Map one feature over a region; parameters are those of :func:`feature_maps`.

    Returns
    -------
    FeatureMap
        The map; its ``array`` lies over the image, ``save`` writes it to a file.

    Raises
    ------
    InputError, SettingsError, FileNotFoundError
        As :func:`feature_maps`; ``InputError`` also if ``feature`` names several.

    Examples
    --------
    >>> import ferromics as fm
    >>> image, mask, spacing = fm.phantom()
    >>> contrast = fm.feature_map(image, mask, "glcm_contrast", radius=2, spacing=spacing)
    >>> contrast.name
    'original_glcm_contrast_fbn32_3d_merged'
    """
    names = map_columns(settings, feature)
    if len(names) > 1:
        msg = f"{feature!r} names {len(names)} features: {', '.join(names)}; use feature_maps"
        raise InputError(msg)
    return feature_maps(image, mask, feature, settings, **options)[names[0]]


def _named(asked: str, families: dict[str, str], short: dict[str, list[str]]) -> list[str]:
    """Names of the columns that a word stands for.

    ``families`` has each column's family, ``short`` the columns of each family and feature.
    """
    if asked in families:
        found = [asked]
    elif asked in families.values():
        found = [name for name, family in families.items() if family == asked]
    elif asked in short:
        found = short[asked]
        if len(found) > 1:
            msg = f"{asked!r} stands for {len(found)} columns, name one: {', '.join(found)}"
            raise InputError(msg)
    else:
        raise InputError(_unknown(asked, list(short)))
    wrong = next((families[name] for name in found if families[name] not in FAMILIES), None)
    if wrong is not None:
        msg = f"{asked!r}: family {wrong} has no maps; maps are of the families {LISTED}"
        raise InputError(msg)
    return found


def _unknown(asked: object, known: list[str]) -> str:
    """Why a name stands for nothing, in one line."""
    rows = _core.catalogue()
    features = [f"{row['family']}_{row['name']}" for row in rows]
    if asked in features or asked in {row["family"] for row in rows}:
        return f"the settings do not ask for {asked}: add it to their features"
    near = difflib.get_close_matches(str(asked).lower(), known, n=3)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "name one as glcm_contrast;"
    return f"feature {asked!r} is not known; {hint} `ferromics features` lists all"


def _undefined(name: str, count: int) -> Iterator[str]:
    if count:
        yield f"map {name}: {count} voxels of the region have no defined value (NaN)"


def _chosen(planned: Planned, names: list[str]) -> _Chosen:
    """The plan for these columns alone, and which of them are made in one pass."""
    core = planned.core.only(names)
    places = {column[0]: k for k, column in enumerate(core.columns)}
    families: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        _, image, family, _, _, *binned_and_merged, _ = planned.columns[planned.index[name]]
        kind = (image, family, *binned_and_merged)
        families.setdefault(kind, []).append(name)
    ordered = [name for family in families.values() for name in family]
    return _Chosen(core, {name: places[name] for name in ordered}, list(families.values()))


def _region(
    opened: Opened, mask: io.Source | None, label: int | None, threshold: float | None
) -> Region:
    if mask is None:
        if label is not None or threshold is not None:
            msg = "label and mask_threshold are of a mask, and none was given"
            raise InputError(msg)
        whole = np.ones(opened.image.shape, np.bool_)
        return Region("image", whole, None, None, {"region": "the whole image"}, ())
    regions = all_regions(opened, wanted_masks(mask, label, threshold))
    if len(regions) > 1:
        named = ", ".join(region.name for region in regions)
        msg = f"a map is of one region, and there are {len(regions)} ({named}); choose one"
        raise InputError(msg)
    return regions[0]


def _number(given: Any) -> float:
    if isinstance(given, int | float | np.number) and not isinstance(given, bool):
        return float(given)
    msg = f"outside is {given!r}; it must be a number, or nan"
    raise InputError(msg)


def _radius(given: Any, dimensions: int) -> tuple[int, int, int]:
    several = isinstance(given, Sequence | np.ndarray) and not isinstance(given, str)
    lengths: list[Any] = list(given) if several else [given] * 3
    if dimensions == 2 and len(lengths) == 2:
        lengths = [0, *lengths]
    whole = all(isinstance(v, int | np.integer) and not isinstance(v, bool) for v in lengths)
    if len(lengths) == 3 and whole:
        z, y, x = (int(v) for v in lengths)
        if min(z, y, x) >= 0 and 1 <= max(z, y, x) <= 21:
            return z, y, x
    msg = (
        f"radius is {given!r}; it must be a whole number of voxels from 1 to 21, or one for each "
        "axis of the image (z, y, x), of which some but not all may be 0"
    )
    raise InputError(msg)
