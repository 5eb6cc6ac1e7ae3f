"""From the rows of a scikit-learn ``X`` to cases: tables, pairs, dicts; one region a row."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from ferromics.cohort.cases import Case, Mask
from ferromics.errors import InputError

REQUIRED: Final = ("image", "mask")
OPTIONAL: Final = ("label", "mask_threshold", "spacing", "case", "roi")

_WHAT_X_IS: Final = (
    "X must hold one region a row: a data frame with the columns image and mask, or a list of "
    "(image, mask) pairs, dicts or ferromics.Case objects"
)


@dataclass(frozen=True)
class Row:
    """One row: what to call it in messages, and its case or why there is none."""

    name: str
    case: Case | None
    error: str = ""


def read_rows(x: Any, base: str | os.PathLike[str] | None, *, tolerant: bool) -> list[Row]:
    """The rows of ``x``, whose relative paths start from ``base``.

    Parameters
    ----------
    x
        A data frame (pandas, polars) with the columns ``image`` and ``mask``, or a sequence of
        cases.
    base
        A folder; by default the working directory.
    tolerant
        Whether a row that cannot be understood is recorded, not an error.

    Raises
    ------
    InputError
        If ``x`` is nothing of the kind or, unless ``tolerant``, a row is not.
    """
    folder = None if base is None else Path(base).expanduser()
    rows: list[Row] = []
    for name, given in _table(x) if is_table(x) else _sequence(x):
        try:
            case = _placed(_from_row(given), folder)
        except InputError as error:
            if not tolerant:
                raise InputError(at_row(name, str(error))) from None
            rows.append(Row(name, None, str(error)))
        else:
            words = [w for w in (case.name, case.masks[0].roi) if w is not None]
            rows.append(Row(f"{name} ({', '.join(words)})" if words else name, case))
    if not rows:
        msg = "X has no rows; give it at least one case"
        raise InputError(msg)
    return rows


def is_table(x: Any) -> bool:
    """Whether ``x`` is a data frame."""
    return hasattr(x, "columns")


def at_row(name: str, what: str) -> str:
    """A message about a row."""
    return f"row {name}: {what}"


def _table(x: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    columns = _known([str(c) for c in x.columns], "X", "column")
    values = [list(x[list(x.columns)[k]]) for k in columns.values()]
    for label, *cells in zip(_labels_of(x), *values, strict=True):
        yield label, dict(zip(columns, cells, strict=True))


def _sequence(x: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(x, np.ndarray) and (x.dtype.kind not in "OUT" or x.ndim == 0):
        msg = f"{_WHAT_X_IS}; this is an array of {x.dtype}"
        raise InputError(msg)
    alone = isinstance(x, str | os.PathLike | Mapping | Case)
    if alone or not hasattr(x, "__len__") or not hasattr(x, "__iter__"):
        hint = "; put a single case into a list" if alone else f", not {type(x).__name__}"
        raise InputError(_WHAT_X_IS + hint)
    yield from zip(_labels_of(x), x, strict=True)


def _labels_of(x: Any) -> list[str]:
    """What rows are called: as in the index of a pandas object, else counted from 0."""
    index = getattr(x, "index", None)
    return [str(v) for v in (range(len(x)) if index is None or callable(index) else index)]


def _known(names: Sequence[str], where: str, what: str) -> dict[str, int]:
    """The place of each known column or key; without regard to case and outer blanks."""
    plain = [name.strip().lower() for name in names]
    found: dict[str, int] = {
        key: plain.index(key) for key in (*REQUIRED, *OPTIONAL) if key in plain
    }
    twins = [key for key in found if plain.count(key) > 1]
    if twins:
        msg = f"{where} has more than one {what} {twins[0]!r}; keep one"
        raise InputError(msg)
    for key in REQUIRED:
        if key not in found:
            near = [name for name in names if key in name.lower()]
            fix = f"rename {near[0]!r} to {key!r}" if near else f"it has {_listed(names)}"
            msg = f"{where} has no {what} {key!r}; {fix}"
            raise InputError(msg)
    if "settings" in plain:
        msg = (
            f"{where} has a {what} 'settings', but all rows share the settings of "
            "RadiomicsFeatures(settings=...), so that they have the same features: take it out"
        )
        raise InputError(msg)
    return found


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (", ..." if len(names) > 10 else "") if names else "none"


def _from_row(row: Any) -> Case:
    if isinstance(row, Case):
        return _checked(row)
    if isinstance(row, Mapping):
        names = [str(key) for key in row]
        values = list(row.values())
        return _from_cells({key: values[k] for key, k in _known(names, "it", "key").items()})
    pair = isinstance(row, tuple | list) or (
        isinstance(row, np.ndarray) and row.dtype.kind in "OUT"
    )
    if pair and len(row) == 2:
        return _from_cells({"image": row[0], "mask": row[1]})
    msg = f"a case is an (image, mask) pair, a dict or a ferromics.Case, not {_kind(row)}"
    raise InputError(msg)


def _kind(row: Any) -> str:
    if isinstance(row, str):
        return f"the text {row!r}"
    size = f" of length {len(row)}" if isinstance(row, tuple | list) else ""
    return f"a {type(row).__name__}{size}"


def _from_cells(cells: Mapping[str, Any]) -> Case:
    given = {key: value for key, value in cells.items() if not _missing(value)}
    for key in REQUIRED:
        if key not in given:
            msg = f"its {key} is missing"
            raise InputError(msg)
    mask = Mask(
        given["mask"],
        roi=str(given["roi"]) if "roi" in given else None,
        label=given.get("label"),
        threshold=_threshold(given["mask_threshold"]) if "mask_threshold" in given else None,
    )
    name = str(given["case"]) if "case" in given else None
    spacing = given.get("spacing")
    if spacing is not None and not hasattr(spacing, "__iter__"):
        msg = f"its spacing must be the lengths (z, y, x) in mm, got {spacing!r}"
        raise InputError(msg)
    spacing = None if spacing is None else tuple(spacing)
    return _checked(Case(given["image"], (mask,), name=name, spacing=spacing))


def _missing(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, float | np.floating):
        return bool(np.isnan(value))
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def _checked(case: Case) -> Case:
    """The case, refused where it is not one region or brings settings of its own."""
    if case.settings is not None:
        msg = (
            "the case has settings of its own, but all rows share those of "
            "RadiomicsFeatures(settings=...): take them out"
        )
        raise InputError(msg)
    if len(case.masks) != 1 or isinstance(case.masks[0].source, list | tuple | Mapping):
        msg = "it must have one mask; give each region a row of its own"
        raise InputError(msg)
    (mask,) = case.masks
    return replace(case, masks=(replace(mask, label=_label(mask.label)),))


def _label(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, str) and re.fullmatch(r"\s*\d+(\.0*)?\s*", value):
        value = float(value)
    number = isinstance(value, int | float | np.integer | np.floating)
    if isinstance(value, bool) or not number or not float(value).is_integer():
        msg = f"its label must be a whole number, got {value!r}; give each region a row of its own"
        raise InputError(msg)
    return int(value)


def _threshold(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        msg = f"its mask_threshold must be a number, got {value!r}"
        raise InputError(msg) from None


def _placed(case: Case, folder: Path | None) -> Case:
    """The case with its relative paths from the folder on."""

    def place(source: Any) -> Any:
        if not isinstance(source, str | os.PathLike):
            return source
        path = Path(source).expanduser()
        return path if folder is None else folder / path

    (mask,) = case.masks
    return replace(case, image=place(case.image), masks=(replace(mask, source=place(mask.source)),))
