"""A look at a cohort before it runs: what is there, how much work it is, and what is missing.

Of images only headers are read; masks are read, for their labels and voxels. What cannot be read is
told in its row.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ferromics import _core, io
from ferromics.cohort.cases import Case, Cohort, Mask
from ferromics.cohort.headers import peek
from ferromics.cohort.memory import PROCESS, estimate, shown
from ferromics.errors import InputError, RadiomicsError
from ferromics.extractor import plan
from ferromics.regions import labels_taken
from ferromics.settings import AnySettings, Settings

if TYPE_CHECKING:
    from rich.console import Console

_SHOWN_LABELS: Final = 6
_MOST_LABELS: Final = 1000
_SHOWN_ROWS: Final = 40
_SHOWN_OF_PROBLEM: Final = 160


@dataclass(frozen=True)
class Row:
    """A mask of a case, as it is found.

    Attributes
    ----------
    case, roi, image, mask
        Names; files from the cohort's folder on.
    image_found, mask_found
        Whether the files are there.
    shape, spacing
        Of the image, in its nearest LPS order (z, y, x; mm); ``None`` if it cannot be read.
    labels
        Voxels of each label in the mask.
    same_grid
        Whether mask and image lie on one grid; ``None`` if one of them cannot be read.
    regions, voxels, values
        How many regions the mask makes, their voxels, and the values to compute of them.
    problem
        Why it would fail; empty if nothing is known against it.
    """

    case: str
    roi: str
    image: str
    mask: str
    image_found: bool
    mask_found: bool
    shape: tuple[int, ...] | None
    spacing: tuple[float, ...] | None
    labels: Mapping[int, int]
    same_grid: bool | None
    regions: int
    voxels: int
    values: int
    problem: str


@dataclass(frozen=True)
class Survey:
    """The rows of a cohort, and what they add up to.

    Attributes
    ----------
    rows
        One a mask, in the order of the cohort.
    cases
        Number of cases.
    bytes
        Size of the files to read; a case's image and each of its masks count once.
    peak
        Bytes that the case with the highest estimate needs; ``None`` if no image is there.
    notes
        The cohort's notes.
    """

    rows: tuple[Row, ...]
    cases: int
    bytes: int
    peak: int | None
    notes: tuple[str, ...]

    @property
    def regions(self) -> int:
        """Number of regions that nothing is known against."""
        return sum(row.regions for row in self.rows if not row.problem)

    @property
    def voxels(self) -> int:
        """Number of voxels of these regions."""
        return sum(row.voxels for row in self.rows if not row.problem)

    @property
    def values(self) -> int:
        """Number of values to compute of them."""
        return sum(row.values for row in self.rows)

    @property
    def problems(self) -> int:
        """Number of masks that would fail."""
        return sum(1 for row in self.rows if row.problem)

    @property
    def images_missing(self) -> int:
        """Number of image files that are not there."""
        return len({row.image for row in self.rows if not row.image_found})

    @property
    def masks_missing(self) -> int:
        """Number of mask files that are not there."""
        return len({row.mask for row in self.rows if not row.mask_found})


@dataclass(frozen=True)
class _Surveyed:
    rows: tuple[Row, ...]
    bytes: int
    peak: int | None


def survey(
    cohort: Cohort,
    settings: AnySettings = None,
    *,
    threads: int | None = None,
) -> Survey:
    """Look at every case of a cohort without computing anything.

    Parameters
    ----------
    cohort
        The cases.
    settings
        What cases without settings of their own are computed with.
    threads
        How many masks are read at a time; by default one a core.

    Raises
    ------
    SettingsError
        If the settings are not allowed.
    """
    from ferromics._console import progress

    chosen = Settings.of(settings)
    total = sum(len(case.masks) for case in cohort.cases)
    found: list[_Surveyed] = []
    done = 0

    def look(case: Case) -> _Surveyed:
        return _survey_case(case, cohort.folder, chosen)

    with (
        progress("reading masks") as say,
        ThreadPoolExecutor(threads or int(_core.build_info()["threads"])) as pool,
    ):
        say(lambda: f"reading masks: {done} of {total}")
        for one in pool.map(look, cohort.cases):
            found.append(one)
            done += len(one.rows)
    peaks = [one.peak for one in found if one.peak is not None]
    return Survey(
        rows=tuple(row for one in found for row in one.rows),
        cases=len(cohort.cases),
        bytes=sum(one.bytes for one in found),
        peak=max(peaks, default=None),
        notes=cohort.notes,
    )


def survey_rows(found: Survey) -> list[dict[str, Any]]:
    """One flat record a mask, ready for :func:`ferromics.table.to_csv`."""
    return [
        {
            "case": row.case,
            "roi": row.roi,
            "image": row.image,
            "mask": row.mask,
            "image_found": str(row.image_found).lower(),
            "mask_found": str(row.mask_found).lower(),
            **dict(_by_axis("shape", row.shape)),
            **dict(_by_axis("spacing", row.spacing, "_mm")),
            "labels": " ".join(f"{v}:{n}" for v, n in list(row.labels.items())[:_MOST_LABELS]),
            "same_grid": "" if row.same_grid is None else str(row.same_grid).lower(),
            "regions": row.regions,
            "voxels": row.voxels,
            "values": row.values,
            "problem": row.problem,
        }
        for row in found.rows
    ]


def print_survey(found: Survey, console: Console) -> None:
    """Show the rows, those with a problem first where there are many, and the totals."""
    from rich.table import Table

    images = {(row.case, row.image) for row in found.rows}
    several = len(images) > len({case for case, _ in images})
    shown = ("case", *["image"] * several, "region", "size (z, y, x)", "mm", "label: voxels")
    out = Table(box=None, pad_edge=False, header_style="bold")
    for name in (*shown, "problem"):
        out.add_column(name, overflow="fold")
    rows = sorted(found.rows, key=lambda row: not row.problem)[:_SHOWN_ROWS]
    if len(found.rows) <= _SHOWN_ROWS:
        rows = list(found.rows)
    for row in rows:
        out.add_row(
            row.case,
            *[row.image] * several,
            row.roi,
            " x ".join(map(str, row.shape or ())),
            " x ".join(f"{s:.4g}" for s in row.spacing or ()),
            _listed(row.labels) or (f"{row.voxels:,}" if row.voxels else ""),
            textwrap.shorten(row.problem, _SHOWN_OF_PROBLEM, placeholder=" ..."),
            style="red" if row.problem else None,
        )
    console.print(out, markup=False)
    if len(rows) < len(found.rows):
        console.print(f"... and {len(found.rows) - len(rows):,} more; a pipe gets all, as CSV")
    for line in totals(found):
        console.print(line, markup=False, highlight=False)


def totals(found: Survey) -> list[str]:
    """What a survey adds up to, in a few lines."""
    lines = [
        f"{found.cases:,} cases, {len(found.rows):,} masks, {found.regions:,} regions of "
        f"{found.voxels:,} voxels; {found.values:,} values to compute",
        f"{shown(found.bytes)} to read"
        + (f"; up to {shown(found.peak)} of memory a case" if found.peak else ""),
    ]
    if found.problems:
        missing = [(found.images_missing, "image"), (found.masks_missing, "mask")]
        files = [f"{n:,} {what} file{'s' * (n > 1)} missing" for n, what in missing if n]
        told = f" ({', '.join(files)})" if files else ""
        lines.append(f"{found.problems:,} of {len(found.rows):,} masks would fail{told}")
    return [*lines, *found.notes]


def _survey_case(case: Case, folder: Path, settings: Settings) -> _Surveyed:
    image, chosen, problem, columns = None, settings, "", 0
    try:
        chosen = settings if case.settings is None else Settings.of(case.settings)
        columns = len(plan(chosen).columns)
        image = io.orient(peek(case.image, case.spacing))
    except (RadiomicsError, OSError) as error:
        problem = _one_line(error, folder)
    read: dict[int | str, _Mask] = {}
    rows = tuple(_row(case, m, image, problem, read, columns, folder) for m in case.masks)
    peak = None if image is None else PROCESS + estimate(case, chosen)
    files = {_file(source) for source in (case.image, *(mask.source for mask in case.masks))}
    return _Surveyed(rows, sum(_size(path) for path in files if path), peak)


@dataclass(frozen=True)
class _Mask:
    """A mask as read once: with its place, and the voxels of each label."""

    stored: io.Scan
    counts: dict[float, int]

    @classmethod
    def of(cls, source: io.Source) -> _Mask:
        scan = io.read(source, "mask")
        if scan.array.dtype.kind == "b":
            return cls(scan, {1.0: int(scan.array.sum())} if scan.array.any() else {})
        values, counts = np.unique(scan.array[scan.array != 0], return_counts=True)
        return cls(scan, dict(zip(values.tolist(), counts.tolist(), strict=True)))


def _row(
    case: Case,
    mask: Mask,
    image: io.Scan | None,
    problem: str,
    read: dict[int | str, _Mask],
    columns: int,
    folder: Path,
) -> Row:
    problems = [problem] if problem else []
    labels: dict[int, int] = {}
    same: bool | None = None
    regions = voxels = 0
    key = _file(mask.source) or id(mask.source)
    try:
        if key not in read:
            read[key] = _Mask.of(mask.source)
        found = read[key]
        labels = {int(v): n for v, n in found.counts.items() if v == v // 1}
        taken = labels_taken(found.stored, mask.label, mask.threshold)
        regions = len(taken)
        voxels = sum(_voxels(found.counts, label, mask.threshold) for label in taken)
        if image is not None:
            same = False
            _check_grid(image, found.stored)
            same = True
    except (RadiomicsError, OSError) as error:
        problems.append(_one_line(error, folder))
    return Row(
        case=case.name or _name(case.image, folder, "image"),
        roi=mask.roi or _default_roi(mask),
        image=_name(case.image, folder, "image"),
        mask=_name(mask.source, folder, "mask"),
        image_found=_is_there(case.image),
        mask_found=_is_there(mask.source),
        shape=None if image is None else image.array.shape,
        spacing=None if image is None else image.spacing,
        labels=labels,
        same_grid=same,
        regions=regions,
        voxels=voxels,
        values=0 if problems else regions * columns,
        problem="; ".join(problems),
    )


def _voxels(counts: Mapping[float, int], label: int | None, threshold: float | None) -> int:
    if threshold is not None:
        return sum(n for value, n in counts.items() if value >= threshold)
    return counts.get(0.0 if label is None else float(label), 0)


def _check_grid(image: io.Scan, mask: io.Scan) -> None:
    if mask.grid is None or image.grid is None:
        if mask.array.shape != image.array.shape:
            msg = (
                f"mask and image differ in shape: {mask.array.shape}, {image.array.shape} (z, y, x)"
            )
            raise InputError(msg)
        return
    io.check_same_grid(image, io.orient(mask))


def _file(source: io.Source) -> str | None:
    return os.fspath(source) if isinstance(source, str | os.PathLike) else None


def _is_there(source: io.Source) -> bool:
    path = _file(source)
    return path is None or Path(path).exists()


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


def _name(source: io.Source, folder: Path, what: str) -> str:
    path = _file(source)
    if path is None:
        return what
    inside = Path(path).is_relative_to(folder)
    return Path(path).relative_to(folder).as_posix() if inside else path


def _default_roi(mask: Mask) -> str:
    if isinstance(mask.label, int):
        return str(mask.label)
    path = _file(mask.source)
    return "region" if path is None else io.stem(Path(path))


def _one_line(error: Exception, folder: Path) -> str:
    """A message with the files' names as in the rows."""
    return " ".join(str(error).split()).replace(f"{folder}{os.sep}", "")


def _by_axis(name: str, values: tuple[Any, ...] | None, end: str = "") -> Iterator[tuple[str, Any]]:
    for axis, value in zip("zyx", values or ("", "", ""), strict=True):
        yield f"{name}_{axis}{end}", value


def _listed(labels: Mapping[int, int]) -> str:
    some = [f"{label}: {count:,}" for label, count in list(labels.items())[:_SHOWN_LABELS]]
    more = len(labels) - _SHOWN_LABELS
    return ", ".join(some) + (f", {more} more" if more > 0 else "")
