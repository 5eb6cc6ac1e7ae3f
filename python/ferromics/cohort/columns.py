"""Columns that go through a run with their rows: the names they may have, the types of values."""

from __future__ import annotations

import datetime
import decimal
import functools
import json
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from ferromics._core import catalogue
from ferromics._writers import Kind
from ferromics.errors import InputError
from ferromics.table import LONG_COLUMNS

MISSING: Final = ("na", "n/a", "nan", "null", "none")
"""Words that stand for a missing value among numbers and truth values."""

_OWN: Final = "case_"
_INTEGER: Final = re.compile(r"-?(?:0|[1-9]\d*)")  # 00123 is a name, not a number
# A name such as 1E5 is no number either: an exponent has a sign, or a fraction before it.
_NUMBER: Final = re.compile(
    r"-?(?:(?:0|[1-9]\d*)?[.]\d+(?:[eE][+-]?\d+)?|(?:0|[1-9]\d*)(?:[.]|[eE][+-]\d+)?)"
)
_INT64: Final = range(-(1 << 63), 1 << 63)


def check_names(names: Iterable[str], where: str) -> None:
    """Refuse names of carried columns that the table of features has for itself.

    Parameters
    ----------
    names
        Names of columns, or of a pattern's fields.
    where
        What has them, for the message.
    """
    for name in names:
        taken = _taken(name)
        if taken:
            other = name[len(_OWN) :] if name.casefold().startswith(_OWN) else f"my_{name}"
            msg = (
                f"{where} has {name!r}, which {taken} in the table of features; rename it, for "
                f"example to {other!r}"
            )
            raise InputError(msg)


def _taken(name: str) -> str:
    plain = name.casefold()
    if plain in LONG_COLUMNS:
        return "is a column"
    if plain.startswith(_OWN):
        return "would stand among the columns case_..."
    if plain.startswith("original_"):
        return "would look like a feature"
    parts = plain.split("_", 2)
    known = len(parts) == 3 and any(parts[2].startswith(f) for f in _features().get(parts[1], ()))
    return "would look like a feature" if known else ""


@functools.cache
def _features() -> dict[str, tuple[str, ...]]:
    """Names of features by family."""
    out: dict[str, tuple[str, ...]] = {}
    for row in catalogue():
        out[row["family"]] = (*out.get(row["family"], ()), row["name"])
    return out


def of_text(cells: Sequence[str], *, commas: bool = False) -> tuple[Kind, list[Any]]:
    """Type and values of a column of text, ``None`` where nothing is given.

    Parameters
    ----------
    cells
        As the file has them, without outer blanks.
    commas
        Whether numbers may have a decimal comma.

    Examples
    --------
    >>> from ferromics.cohort import columns
    >>> columns.of_text(["1", "", "NA", "20"])
    ('integer', [1, None, None, 20])
    >>> columns.of_text(["00123", "7"]), columns.of_text(["true", ""])
    (('text', ['00123', '7']), ('boolean', [True, None]))
    >>> columns.of_text(["1,5", "2"], commas=True)
    ('number', [1.5, 2.0])
    """
    given = [cell for cell in cells if cell and cell.casefold() not in MISSING]

    def kept(convert: Any) -> list[Any]:
        return [convert(c) if c and c.casefold() not in MISSING else None for c in cells]

    if given and all(_INTEGER.fullmatch(c) and len(c) <= 20 and int(c) in _INT64 for c in given):
        return "integer", kept(int)
    plain = [c.replace(",", ".") if commas else c for c in given]
    whole = all(_INTEGER.fullmatch(c) for c in given)  # and beyond 64 bits: a name of digits
    if given and not whole and all(_is_number(c) for c in plain):
        return "number", kept(lambda c: float(c.replace(",", ".")))
    if given and all(c.casefold() in ("true", "false") for c in given):
        return "boolean", kept(lambda c: c.casefold() == "true")
    return "text", [cell or None for cell in cells]


def _is_number(text: str) -> bool:
    return bool(_NUMBER.fullmatch(text)) and math.isfinite(float(text))


def of_arrow(column: Any) -> tuple[Kind, list[Any]]:
    """Type and values of a column of an Arrow table, its type kept; others become text."""
    import pyarrow as pa

    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    values = column.to_pylist()
    if pa.types.is_boolean(kind):
        return "boolean", values
    if pa.types.is_integer(kind) and all(v is None or v in _INT64 for v in values):
        return "integer", values
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        finite = (None if v is None or not math.isfinite(v) else float(v) for v in values)
        return "number", list(finite)
    return "text", [text_of(v) or None for v in values]


def text_of(value: object) -> str:
    """A value as text: dates in ISO's form, whole numbers without a fraction, lists as JSON."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float | decimal.Decimal) and math.isfinite(value) and value % 1 == 0:
        return str(int(value))
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, list | dict):
        return json.dumps(value, default=text_of, ensure_ascii=False)
    return str(value).strip()
