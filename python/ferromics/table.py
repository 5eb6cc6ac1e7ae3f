"""Results as tables: long and wide; CSV, JSON, Parquet, pandas, Arrow; with their provenance.

An undefined value is empty in CSV and null elsewhere. Numbers are written in the shortest form
that reads back to the same double.
"""

from __future__ import annotations

import csv
import io as text_io
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from ferromics._files import check_target, write_atomically
from ferromics.errors import InputError

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

SUFFIXES: Final = (".csv", ".json", ".parquet")


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
    """An Arrow table, undefined values null, the provenance as metadata ``ferromics``."""
    try:
        import pyarrow as pa
    except ImportError:
        msg = "Parquet and Arrow need pyarrow: pip install 'ferromics[parquet]'"
        raise ImportError(msg) from None
    results = list(results)
    rows = records(results, layout)
    clean = [{k: None if _undefined(v) else v for k, v in row.items()} for row in rows]
    types = {k: pa.float64() if isinstance(v, float) else pa.string() for k, v in _first(rows)}
    schema = pa.schema(list(types.items()), {"ferromics": provenance_json(results)})
    return pa.Table.from_pylist(clean, schema=schema)


def provenance_json(results: Iterable[Result]) -> str:
    """The provenance of each result, as JSON text."""
    listed = [result.provenance for result in results]
    return json.dumps(listed, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def provenance_path(path: Path) -> Path:
    """Where the provenance of a table lies: ``out.csv`` has ``out.provenance.json``."""
    return path.with_name(path.stem + ".provenance.json")


def check_path(path: Path) -> None:
    """Refuse an output path that could not be written, before anything is computed."""
    if path.suffix.lower() not in SUFFIXES:
        msg = f"cannot tell the format of {path}; its name must end in {', '.join(SUFFIXES)}"
        raise InputError(msg)
    check_target(path)
    if path.suffix.lower() == ".parquet":
        from importlib.util import find_spec

        if find_spec("pyarrow") is None:
            msg = f"writing {path} needs pyarrow: pip install 'ferromics[parquet]'"
            raise InputError(msg)


def write(results: Iterable[Result], path: Path, layout: Layout = "long") -> None:
    """Write a table and, beside it, its provenance; both atomically.

    Parameters
    ----------
    results
        What to write, one after the other.
    path
        Ends in ``.csv``, ``.json`` or ``.parquet`` (needs ``ferromics[parquet]``).
    layout
        ``"long"`` or ``"wide"``.
    """
    check_path(path)
    results = list(results)
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        data = _parquet(results, layout)
    else:
        rows = records(results, layout)
        data = (to_csv(rows) if suffix == ".csv" else to_json(rows)).encode()
    write_atomically(provenance_path(path), provenance_json(results).encode())
    write_atomically(path, data)


def _parquet(results: list[Result], layout: Layout) -> bytes:
    arrow = to_arrow(results, layout)
    import pyarrow.parquet as pq

    out = text_io.BytesIO()
    pq.write_table(arrow, out)
    return out.getvalue()


def _undefined(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _csv_cell(value: object) -> object:
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else ""
    return value


def _first(rows: list[Record]) -> list[tuple[str, Any]]:
    return (
        list(rows[0].items()) if rows else [(c, 0.0 if c == "value" else "") for c in LONG_COLUMNS]
    )
