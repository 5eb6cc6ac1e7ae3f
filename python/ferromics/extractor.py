"""From an image, masks and settings to results: reads, runs the core's plan, wraps the values."""

from __future__ import annotations

import functools
import json
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import metadata
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ferromics import _core, io, table
from ferromics.errors import RadiomicsError
from ferromics.regions import (
    Labels,
    Masks,
    Opened,
    Region,
    all_regions,
    open_image,
    wanted_masks,
)
from ferromics.settings import AnySettings, Settings

if TYPE_CHECKING:
    import pandas
    import pyarrow

Watch: TypeAlias = Callable[[Callable[[], tuple[int, int]]], None]


class Result(Mapping[str, float]):
    """The features of one region: a mapping from column name to value, in catalogue order.

    A feature that is undefined on the region is NaN.

    Attributes
    ----------
    case, roi
        Names of the case and of the region.
    warnings
        What the reader of these numbers should know, one line each.
    provenance
        Where the numbers come from: versions, settings and their hash, input files and their
        SHA-256, geometry, slice axis, voxel count, warnings.
    """

    def __init__(
        self,
        plan: Planned,
        values: NDArray[np.float64],
        *,
        case: str,
        roi: str,
        warnings: tuple[str, ...],
        provenance: dict[str, Any],
    ) -> None:
        self.case, self.roi = case, roi
        self.warnings, self.provenance = warnings, provenance
        self._plan, self._values = plan, values

    def __getitem__(self, column: str) -> float:
        """Value of a column."""
        return float(self._values[self._plan.index[column]])

    def __iter__(self) -> Iterator[str]:
        """Column names, in catalogue order."""
        return iter(self._plan.index)

    def __len__(self) -> int:
        """Number of columns."""
        return len(self._values)

    def __repr__(self) -> str:
        """One line: names and size."""
        return f"<Result of case {self.case!r}, region {self.roi!r}: {len(self)} values>"

    def records(self) -> list[table.Record]:
        """The long table: one dict a value, keys as :data:`ferromics.table.LONG_COLUMNS`."""
        return table.long_records([self])

    def to_pandas(self, layout: table.Layout = "wide") -> pandas.DataFrame:
        """A pandas data frame, one row a region or one a value (needs ``ferromics[pandas]``)."""
        return table.to_pandas([self], layout)

    def to_arrow(self, layout: table.Layout = "long") -> pyarrow.Table:
        """An Arrow table that carries its provenance (needs ``ferromics[parquet]``)."""
        return table.to_arrow([self], layout)

    @property
    def columns(self) -> tuple[table.Column, ...]:
        """What each value is: name, image, family, feature, code, aggregation and so on."""
        return self._plan.columns

    @property
    def values_array(self) -> NDArray[np.float64]:
        """The values in the order of the columns."""
        return self._values


class Results(Mapping[str, Result]):
    """The results of several regions of one image, by region name.

    A label's number also serves as its name's key: ``results[2]`` is ``results["2"]``. A region
    that could not be computed is in ``failures``, is left out of the iteration, and raises its
    error when it is asked for.

    Attributes
    ----------
    failures
        By region name, the error that stopped the region.
    """

    def __init__(self, results: dict[str, Result], failures: dict[str, RadiomicsError]) -> None:
        self._results, self.failures = results, failures

    def __getitem__(self, region: str | int) -> Result:
        """Result of a region."""
        key = str(region)
        if key in self.failures:
            raise self.failures[key]
        return self._results[key]

    def __iter__(self) -> Iterator[str]:
        """Names of the regions that have a result."""
        return iter(self._results)

    def __len__(self) -> int:
        """Number of regions that have a result."""
        return len(self._results)

    def __repr__(self) -> str:
        """One line: the regions."""
        failed = f", {len(self.failures)} failed" if self.failures else ""
        return f"<Results of {len(self)} regions: {', '.join(self)}{failed}>"

    def records(self) -> list[table.Record]:
        """The long table of all regions."""
        return table.long_records(self.values())

    def to_pandas(self, layout: table.Layout = "wide") -> pandas.DataFrame:
        """All regions as a pandas data frame, one row a region or one a value."""
        return table.to_pandas(self.values(), layout)

    def to_arrow(self, layout: table.Layout = "long") -> pyarrow.Table:
        """All regions as an Arrow table that carries their provenance."""
        return table.to_arrow(self.values(), layout)


class Planned:
    """A core plan with its columns, shared by all results of the same settings."""

    def __init__(self, core_json: str) -> None:
        self.core_json = core_json
        self.core = _core.Plan(core_json)
        self.columns = tuple(self.core.columns)
        self.index = {column[0]: k for k, column in enumerate(self.columns)}

    def __reduce__(self) -> tuple[Callable[[str], Planned], tuple[str]]:
        """Pickle as settings: a result can go to another process."""
        return _plan, (self.core_json,)


@functools.lru_cache(maxsize=32)
def _plan(core_json: str) -> Planned:
    return Planned(core_json)


def plan(settings: AnySettings = None) -> Planned:
    """The plan of some settings: what would be computed, without an image."""
    return _plan(Settings.of(settings).core_json())


def extract(
    image: io.Source,
    mask: Masks,
    settings: AnySettings = None,
    *,
    label: Labels = None,
    spacing: tuple[float, ...] | None = None,
    mask_threshold: float | None = None,
    threads: int | None = None,
    case: str | None = None,
    watch: Watch | None = None,
) -> Result | Results:
    """Compute the features of one or more regions of an image.

    Parameters
    ----------
    image
        A path, a SimpleITK image, or a numpy array of shape (z, y, x) or (y, x) with ``spacing``.
    mask
        The region or regions: a mask or label image on the image's grid, a list of them, or
        ``{name: mask}``; regions may overlap. Boolean, integer and whole-numbered float types.
        A bare array belongs to the image's voxels in the order in which they are stored.
    settings
        A :class:`Settings` object, a dict, the path of a YAML or JSON file, or the name of a
        preset such as ``"ibsi:A"``. By default fixed bin number 32, 3D.
    label
        A number, a list of numbers or ``"all"``. By default the mask's only non-zero label.
    spacing
        Lengths in mm in the order of the array's axes (z, y, x); for arrays only.
    mask_threshold
        Least value of a voxel that belongs to the region; for masks that hold fractions.
    threads
        Number of threads; by default ``FERROMICS_NUM_THREADS``, else all cores. Values do not
        depend on it.
    case
        Name of the case in tables; by default the image file's name.
    watch
        Called once, when the image is read, with a function that tells at any time (from any
        thread) how many images are done and how many there are: the given one and each filter's
        response map, of each region.

    Returns
    -------
    Result or Results
        ``Result`` for one region; ``Results`` by region name for a list, a dict or several
        labels.

    Raises
    ------
    FileNotFoundError
        If a file does not exist.
    InputError
        If image or mask cannot be used, or the one region cannot be computed.
    SettingsError
        If the settings are not allowed.

    Notes
    -----
    The arrays must not be written to by another thread during the call; they are left as they are.

    Examples
    --------
    >>> import ferromics as fm
    >>> image, mask, spacing = fm.phantom()
    >>> result = fm.extract(image, mask, "ibsi:phantom", spacing=spacing)
    >>> round(result["original_stat_mean_intensity"], 2)
    2.15
    """
    chosen = Settings.of(settings)
    planned = _plan(chosen.core_json())
    opened = open_image(
        image,
        spacing=spacing,
        slice_axis=chosen.image.slice_axis,
        bias_correction=chosen.bias_correction,
    )
    wanted = wanted_masks(mask, label, mask_threshold)
    regions = all_regions(opened, wanted)
    work = Work(chosen, opened, case, several=len(regions) > 1, threads=threads)
    if watch is not None:
        images = len(planned.core.maps) + chosen.original
        total = images * len(regions)
        watch(lambda: (work.prepared.done, total))
    if not (wanted[0].among or wanted[0].several):
        cut = work.cut(regions[0])
        # The core has what it needs: files' voxels are let go of before the features are computed.
        work.opened = opened = opened.without_voxels()
        region = regions.pop().without_voxels()
        return work.run(region, cut)
    results: dict[str, Result] = {}
    failures: dict[str, RadiomicsError] = {}
    for region in regions:
        try:
            results[region.name] = work.run(region, work.cut(region))
        except RadiomicsError as error:
            failures[region.name] = error
    return Results(results, failures)


class Work:
    """What is computed on one image, region after region; response maps are shared by regions.

    ``opened`` may be replaced by what is left of it without voxels, once all regions are cut.
    """

    def __init__(
        self,
        settings: Settings,
        opened: Opened,
        case: str | None,
        *,
        several: bool,
        threads: int | None,
    ) -> None:
        self.settings, self.opened, self.threads = settings, opened, threads
        self.case = opened.name if case is None else case
        self.planned = _plan(settings.core_json())
        self.prepared = self.planned.core.prepare(opened.image, several_regions=several)

    def cut(self, region: Region) -> _core.Cut:
        """What of the image and the region's mask the core needs, resampled where asked for."""
        image, spacing = self.opened.image, self.opened.spacing
        return self.planned.core.cut(self.prepared, image, region.select(), spacing, self.threads)

    def run(self, region: Region, cut: _core.Cut) -> Result:
        """The features of a region that was cut."""
        ran = self.planned.core.run_cut(self.prepared, cut, self.threads)
        values, warnings, voxels, grid, normalisation = ran
        told = (*self.opened.warnings, *region.warnings, *self.settings.notes(), *warnings)
        told = tuple(dict.fromkeys(told))
        provenance = {
            **made_with(self.settings),
            "case": self.case,
            "roi": region.name,
            "image": self.opened.source,
            "mask": region.source,
            "geometry": self.opened.geometry,
            **processed_to(*grid, normalisation, self.settings),
            "voxels": {"morphological_mask": voxels[0], "intensity_mask": voxels[1]},
            "warnings": list(told),
        }
        values.flags.writeable = False
        return Result(
            self.planned,
            values,
            case=self.case,
            roi=region.name,
            warnings=told,
            provenance=provenance,
        )


def made_with(settings: Settings) -> dict[str, Any]:
    """Provenance: versions, settings and their hash."""
    return {
        **versions(),
        "settings_hash": settings.hash,
        "settings": json.loads(settings.to_json()),
    }


def processed_to(
    shape: Sequence[int],
    spacing: Sequence[float],
    normalisation: list[float] | None,
    settings: Settings,
) -> dict[str, Any]:
    """Provenance: the grid (z, y, x; mm) that was worked on, and what only some runs do."""
    out: dict[str, Any] = {
        "grid": {"shape_zyx": list(shape), "spacing_zyx_mm": list(spacing)},
    }
    if normalisation is not None:  # scale * (x - shift) + offset
        out["normalisation"] = dict(zip(("shift", "scale", "offset"), normalisation, strict=True))
    if settings.bias_correction is not None:
        out["SimpleITK"] = metadata.version("SimpleITK")
    return out


@functools.cache
def versions() -> dict[str, Any]:
    """Provenance: versions, build and platform."""
    info = _core.build_info()
    return {
        "ferromics": info["version"],
        "build": info,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": platform.platform(),
    }
