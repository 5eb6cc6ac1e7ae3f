"""A cohort's table as the report reads it: wide or long, in every format that is written.

What is known of each region becomes a :class:`Row`; the features become one matrix, a row a region
and a column a feature, NaN where a value is missing. A long table is read in batches, so that its
text is never in memory at once.
"""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ferromics import table
from ferromics._core import catalogue
from ferromics.cohort.report_files import batches, check, columns_of
from ferromics.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

MEASURES: Final = (
    *(f"case_shape_{k}" for k in "zyx"),
    *(f"case_spacing_{k}_mm" for k in "zyx"),
    *(f"case_grid_shape_{k}" for k in "zyx"),
    *(f"case_grid_spacing_{k}_mm" for k in "zyx"),
    "case_voxels_morphological",
    "case_voxels_intensity",
    "case_seconds",
)
"""Columns that hold a number of each region beside its features."""

NEEDED: Final = ("case", "roi", "case_status", "case_error", "case_image", "case_mask")
LAST: Final = "case_seconds"
"""The features come after this column."""

WARNINGS_APART: Final = " | "


class Feature(NamedTuple):
    """A column of features: its name in the wide table, and what it is made of."""

    column: str
    image: str
    family: str
    feature: str
    unit: str


@dataclass(frozen=True)
class Row:
    """What the table says of a region beside its features; text is empty where it says nothing.

    ``number`` counts from 0 in the order of the table; ``status`` is ``done`` or ``failed``.
    """

    number: int
    case: str
    roi: str
    status: str
    error: str
    warnings: tuple[str, ...]
    image: str
    image_sha256: str
    mask: str
    mask_sha256: str
    label: int | None
    threshold: float | None
    settings: str
    version: str
    slice_axis: str
    carried: Mapping[str, str]

    @property
    def done(self) -> bool:
        """Whether the region has features."""
        return self.status == "done"

    @property
    def name(self) -> str:
        """Case and region."""
        return " · ".join(filter(None, (self.case, self.roi)))


@dataclass(frozen=True)
class Table:
    """A cohort's table.

    Attributes
    ----------
    path
        The file.
    rows
        The regions.
    features, values
        The features' columns and their values, of shape (regions, features).
    measures
        Numbers of each region by column: geometry, voxels, seconds.
    provenance
        What lies beside the table; empty where nothing does.
    """

    path: Path
    rows: tuple[Row, ...]
    features: tuple[Feature, ...]
    values: NDArray[np.float64]
    measures: Mapping[str, NDArray[np.float64]]
    provenance: Mapping[str, Any]

    def file(self, name: str) -> Path:
        """Where an image or a mask lies: from the cohort's folder, else from the table's."""
        beside = self.path.parent
        first = beside / str(self.provenance.get("folder") or "") / name
        second = beside / name
        return second if second.exists() and not first.exists() else first

    def settings(self, row: Row) -> Mapping[str, Any]:
        """The full settings of a region, as far as they are known."""
        found = (self.provenance.get("settings") or {}).get(row.settings)
        return found if isinstance(found, dict) else {}


def read(path: Path) -> Table:
    """Read a table that ``ferromics batch`` wrote.

    Raises
    ------
    FileNotFoundError
        If there is no such file, or no table of the cases beside a long table.
    InputError
        If it is no such table, or has no rows.
    """
    check(path)
    columns = columns_of(path)
    if {"family", "feature", "value"} <= set(columns):
        beside = path.with_name(f"{path.stem}.cases{path.suffix}")
        if not beside.is_file():
            msg = f"{path} is a long table; {beside.name}, which says more of its cases, is missing"
            raise FileNotFoundError(msg)
        rows, measures, _, _ = _wide(beside, columns_of(beside))
        features, values = _long(path, columns, rows)
    else:
        rows, measures, features, values = _wide(path, columns)
    return Table(path, rows, features, values, measures, _provenance(path))


def _provenance(path: Path) -> dict[str, Any]:
    beside = table.provenance_path(path)
    if not beside.is_file():
        return {}
    try:
        found = json.loads(beside.read_text("utf-8"))
    except ValueError as error:
        msg = f"{beside} is not readable as JSON: {error}"
        raise InputError(msg) from None
    return found if isinstance(found, dict) else {}


def _wide(
    path: Path, columns: list[str]
) -> tuple[
    tuple[Row, ...], dict[str, NDArray[np.float64]], tuple[Feature, ...], NDArray[np.float64]
]:
    """Rows, measures, features and values of a wide table or a table of cases."""
    import pyarrow as pa

    missing = [name for name in (*NEEDED, LAST) if name not in columns]
    if missing:
        msg = (
            f"{path} is no table that `ferromics batch` wrote: it has no column "
            f"{', '.join(missing)}"
        )
        raise InputError(msg)
    split = columns.index(LAST) + 1
    types = {name: pa.string() if k < split else pa.float64() for k, name in enumerate(columns)}
    about: dict[str, list[Any]] = {name: [] for name in columns[:split]}
    values: list[NDArray[np.float64]] = []
    schema = None
    for part in batches(path, types):
        schema = schema or part.schema
        for name, texts in about.items():
            texts += part.column(name).to_pylist()
        values.append(_matrix(part, columns[split:]))
    if schema is None or not about["case"]:
        msg = f"{path} has no rows"
        raise InputError(msg)
    features = tuple(_feature(schema.field(name)) for name in columns[split:])
    measures = {
        name: np.array([_number(v) for v in about[name]]) for name in MEASURES if name in about
    }
    return _rows(about), measures, features, np.concatenate(values)


def _matrix(part: pa.Table, names: Sequence[str]) -> NDArray[np.float64]:
    """Columns of numbers side by side; a null is NaN."""
    import pyarrow as pa

    out = np.empty((len(part), len(names)))
    for k, name in enumerate(names):
        column = part.column(name)
        if not pa.types.is_float64(column.type):
            column = column.cast(pa.float64())
        out[:, k] = column.to_numpy()
    out[~np.isfinite(out)] = np.nan
    return out


def _rows(about: Mapping[str, list[Any]]) -> tuple[Row, ...]:
    names = list(about)
    carried = [n for n in names[: names.index("case_status")] if n not in ("case", "roi")]
    empty = [None] * len(about["case"])

    def texts(name: str) -> Iterator[str]:
        return map(_text, about.get(f"case_{name}", empty))

    fields = zip(
        map(_text, about["case"]),
        map(_text, about["roi"]),
        texts("status"),
        texts("error"),
        texts("warnings"),
        texts("image"),
        texts("image_sha256"),
        texts("mask"),
        texts("mask_sha256"),
        about.get("case_label", empty),
        about.get("case_mask_threshold", empty),
        texts("settings"),
        texts("version"),
        texts("slice_axis"),
        strict=True,
    )
    out = []
    for k, (
        case,
        roi,
        status,
        error,
        warnings,
        *files,
        label,
        threshold,
        digest,
        v,
        axis,
    ) in enumerate(fields):
        told = tuple(filter(None, warnings.split(WARNINGS_APART)))
        number, least = _number(label), _number(threshold)
        out.append(
            Row(
                k, case, roi, status, error, told, files[0], files[1], files[2], files[3],
                label=None if math.isnan(number) else int(number),
                threshold=None if math.isnan(least) else least,
                settings=digest,
                version=v,
                slice_axis=axis,
                carried={n: text for n in carried if (text := _text(about[n][k]))},
            )
        )  # fmt: skip
    return tuple(out)


def _long(
    path: Path, columns: list[str], rows: Sequence[Row]
) -> tuple[tuple[Feature, ...], NDArray[np.float64]]:
    """Features and values of a long table, put into the order of the rows."""
    import pyarrow as pa

    region, places = _keys(path, columns, rows)
    parts = ("image", "family", "feature", "discretisation", "aggregation", "parameters", "unit")
    words = pa.dictionary(pa.int32(), pa.string())
    types = dict.fromkeys((*region, *parts), words) | {"value": pa.float64()}
    known: dict[tuple[str, ...], int] = {}
    triples: list[tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]] = []
    for part in batches(path, types):
        which, names = _groups(part, region)
        unknown = [name for name in names if name not in places]
        if unknown:
            msg = f"{path}: case {unknown[0][0]}, roi {unknown[0][1]} is not in its table of cases"
            raise InputError(msg)
        row = np.array([places[name] for name in names], np.int32)[which]
        which, names = _groups(part, parts)
        column = np.array([known.setdefault(name, len(known)) for name in names], np.int32)[which]
        triples.append((row, column, _matrix(part, ["value"])[:, 0]))
    values = np.full((len(rows), len(known)), np.nan)
    for row, column, value in triples:
        values[row, column] = value
    features = tuple(
        Feature("_".join(filter(None, key[:6])), key[0], key[1], key[2], key[6]) for key in known
    )
    return features, values


def _keys(
    path: Path, columns: list[str], rows: Sequence[Row]
) -> tuple[list[str], dict[tuple[str, ...], int]]:
    """The columns that tell the regions apart, and the row of each key."""
    carried = [name for name in columns[2:] if name not in table.LONG_COLUMNS]
    for more in ([], carried):
        places = {(r.case, r.roi, *(r.carried.get(n, "") for n in more)): r.number for r in rows}
        if len(places) == len(rows):
            return ["case", "roi", *more], places
    msg = f"{path}: two of its regions have the same case and roi; use the wide table"
    raise InputError(msg)


def _groups(part: pa.Table, names: Sequence[str]) -> tuple[NDArray[np.intp], list[tuple[str, ...]]]:
    """For each row the number of its group, and each group's texts in some columns."""
    import pyarrow as pa

    codes, kinds = np.zeros(len(part), np.int64), 1
    texts = []
    for name in names:
        column = part.column(name)
        if not pa.types.is_dictionary(column.type):
            column = column.cast(pa.string()).dictionary_encode()
        column = column.unify_dictionaries().combine_chunks()
        words = ["", *map(_text, column.dictionary.to_pylist())] if len(column) else [""]
        index = column.indices.fill_null(-1).to_numpy().astype(np.int64) + 1
        if kinds * len(words) >= 1 << 62:
            found, codes = np.unique(codes, return_inverse=True)
            kinds = len(found)
        codes, kinds = codes * len(words) + index, kinds * len(words)
        texts.append((words, index))
    _, first, which = np.unique(codes, return_index=True, return_inverse=True)
    order = np.argsort(first)  # as they appear
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return place[which], [tuple(words[index[k]] for words, index in texts) for k in first[order]]


def _feature(field: pa.Field) -> Feature:
    """A column of a wide table, by its metadata or by its name."""
    told = {k.decode(): v.decode() for k, v in (field.metadata or {}).items()}
    if {"image", "family", "feature"} <= told.keys():
        return Feature(
            field.name, told["image"], told["family"], told["feature"], told.get("unit", "")
        )
    match = _pattern().match(field.name)
    if match is None:
        return Feature(field.name, "", "other", field.name, "")
    image, family, rest = match.groups()
    names = [n for f, n in _units() if f == family and f"{rest}_".startswith(f"{n}_")]
    feature = max(names, key=len, default=rest)
    return Feature(field.name, image, family, feature, _units().get((family, feature), ""))


@functools.cache
def _units() -> dict[tuple[str, str], str]:
    return {(row["family"], row["name"]): row["unit"] for row in catalogue()}


@functools.cache
def _pattern() -> re.Pattern[str]:
    families = "|".join(dict.fromkeys([f for f, _ in _units()] + ["diag"]))
    return re.compile(rf"(.+?)_({families})_(.+)")


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _number(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return math.nan
