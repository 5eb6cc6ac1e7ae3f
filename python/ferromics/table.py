"""Results as tables: long and wide; CSV, JSON, Parquet, pandas, Arrow; with their provenance.

An undefined value is empty in CSV and null elsewhere. Numbers are written in the shortest form
that reads back to the same double.
"""

from __future__ import annotations

import csv
import io as text_io
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from ferromics._files import replacing
from ferromics._writers import (
    Field,
    Values,
    arrow_batch,
    arrow_schema,
    check_path,
    write_blocks,
)

if TYPE_CHECKING:
    import pandas
    import pyarrow

    from ferromics.extractor import Result

Record: TypeAlias = dict[str, Any]
Column: TypeAlias = tuple[str, str, str, str, str, str, str, str, str]
"""Wide name, image, family, feature, ibsi, aggregation, discretisation, parameters, unit."""
Layout: TypeAlias = Literal["long", "wide"]

LONG_COLUMNS: Final = (
    "case",
    "roi",
    "image",
    "family",
    "feature",
    "ibsi",
    "aggregation",
    "discretisation",
    "parameters",
    "value",
    "unit",
)
"""Columns of the long table, in order."""


def long_records(results: Iterable[Result]) -> list[Record]:
    """One row a value; an undefined value stays NaN."""
    return [
        dict(
            zip(
                LONG_COLUMNS,
                (result.case, result.roi, *column[1:8], value, column[8]),
                strict=True,
            )
        )
        for result in results
        for column, value in zip(result.columns, result.values_array.tolist(), strict=True)
    ]


def wide_records(results: Iterable[Result]) -> list[Record]:
    """One row a region; an undefined value stays NaN."""
    return [
        {
            "case": result.case,
            "roi": result.roi,
            **dict(zip(result, result.values_array.tolist(), strict=True)),
        }
        for result in results
    ]


def records(results: Iterable[Result], layout: Layout) -> list[Record]:
    """Rows of either layout."""
    return long_records(results) if layout == "long" else wide_records(results)


def to_csv(rows: list[Record]) -> str:
    """CSV with a header line; an undefined value is empty."""
    out = text_io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if rows:
        writer.writerow(rows[0])
        writer.writerows([_csv_cell(v) for v in row.values()] for row in rows)
    return out.getvalue()


def to_json(rows: list[Record]) -> str:
    """A JSON list with one object a row; an undefined value is null."""
    clean = [{k: None if _undefined(v) else v for k, v in row.items()} for row in rows]
    return json.dumps(clean, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def to_pandas(results: Iterable[Result], layout: Layout = "wide") -> pandas.DataFrame:
    """A pandas data frame."""
    try:
        import pandas as pd
    except ImportError:
        msg = "to_pandas() needs pandas: pip install 'ferromics[pandas]'"
        raise ImportError(msg) from None
    return pd.DataFrame(records(results, layout))


def to_arrow(results: Iterable[Result], layout: Layout = "long") -> pyarrow.Table:
    """An Arrow table, undefined values null, the provenance as metadata ``ferromics``.

    A feature's column of the wide table has its family, IBSI code, unit and so on as metadata.
    """
    try:
        import pyarrow as pa
    except ImportError:
        msg = "Parquet and Arrow need pyarrow: pip install 'ferromics[parquet]'"
        raise ImportError(msg) from None
    results = list(results)
    schema = arrow_schema(fields(results, layout), {"ferromics": provenance_json(results)})
    return pa.Table.from_batches([arrow_batch(block(results, layout), schema)])


def fields(results: Sequence[Result], layout: Layout) -> list[Field]:
    """The columns of a table of results of the same settings."""
    if layout == "long":
        return long_fields()
    features = map(feature_field, results[0].columns) if results else ()
    return [Field("case"), Field("roi"), *features]


def long_fields() -> list[Field]:
    """The columns of a long table."""
    return [Field(name, "number" if name == "value" else "text") for name in LONG_COLUMNS]


def feature_field(column: Column) -> Field:
    """A feature's column of a wide table, with what is known of it."""
    keys = ("image", "family", "feature", "ibsi", "aggregation", "discretisation", "parameters")
    about = dict(zip((*keys, "unit"), column[1:], strict=True))
    return Field(column[0], "number", about)


def block(results: Sequence[Result], layout: Layout) -> list[Values]:
    """All rows of a table of results of the same settings, column by column."""
    import numpy as np

    names: list[Values] = [[r.case for r in results], [r.roi for r in results]]
    values = np.array([r.values_array for r in results]).reshape(len(results), -1)
    if layout == "wide":
        return [*names, *values.T]
    columns = results[0].columns if results else ()
    cases, rois = ([name for name in part for _ in columns] for part in names)
    parts = [[c[k] for c in columns] * len(results) for k in range(1, 9)]
    return [cases, rois, *parts[:7], values.ravel(), parts[7]]


def provenance_json(results: Iterable[Result]) -> str:
    """The provenance of each result, as JSON text."""
    listed = [result.provenance for result in results]
    return json.dumps(listed, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def provenance_path(path: Path) -> Path:
    """Where the provenance of a table lies: ``out.csv`` has ``out.provenance.json``."""
    return path.with_name(path.stem + ".provenance.json")


def write(results: Iterable[Result], path: Path, layout: Layout = "long") -> None:
    """Write a table and, beside it, its provenance; both atomically.

    Parameters
    ----------
    results
        What to write, one after the other.
    path
        Ends in ``.csv``, ``.tsv``, ``.json``, ``.jsonl``, or, with ``ferromics[parquet]``, in
        ``.parquet``, ``.feather`` or ``.arrow``.
    layout
        ``"long"`` or ``"wide"``.
    """
    check_path(path)
    results = list(results)
    provenance = provenance_json(results)
    with replacing(provenance_path(path)) as notes, replacing(path) as temporary:
        notes.write_text(provenance, "utf-8", newline="\n")
        columns, rows = fields(results, layout), [block(results, layout)]
        write_blocks(temporary, path.suffix.lower(), columns, rows, {"ferromics": provenance})


def _undefined(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _csv_cell(value: object) -> object:
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else ""
    return value
