"""Judges values against IBSI's reference values by IBSI's own rules.

IBSI 1: features (:func:`references`) and, to find out where a miss comes from, the image and the
region after each processing step (:func:`diagnostics`). IBSI 2, phase 2: features of filtered
images (:func:`ibsi2_references`). The tables are in ``ferromics/reference``; NOTICE says where
they come from.
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, Context, Decimal
from importlib import resources
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from ferromics.errors import InputError

Verdict: TypeAlias = Literal["match", "partial", "miss"]
Number: TypeAlias = float | int | str | Decimal

SIGNIFICANT_DIGITS: Final = 3
# Differences of any two doubles that could matter are exact with this many digits.
_CONTEXT: Final = Context(prec=400, rounding=ROUND_DOWN)


def judge(value: Number, reference: Number, tolerance: Number) -> Verdict:
    """Judge one value by the rule of IBSI 1's compliance spreadsheet.

    The difference is truncated at the third significant digit of the reference (at the units if
    the reference is 0). ``"match"`` if what is left is at most the tolerance, ``"partial"`` if
    it is below three times the tolerance, else ``"miss"``. All arithmetic is decimal, so that
    what is printed is what is compared.

    Parameters
    ----------
    value
        The value to judge; NaN and infinity miss.
    reference, tolerance
        As published; text keeps their digits.

    Examples
    --------
    >>> from ferromics.compliance import judge
    >>> judge(1.2349, "1.23", 0), judge(1.2401, "1.23", 0)
    ('match', 'miss')
    >>> judge(557, 556, 4), judge(565, 556, 4), judge(570, 556, 4)
    ('match', 'partial', 'miss')
    """
    given, target, allowed = _decimal(value), _decimal(reference), _decimal(tolerance)
    if not given.is_finite():
        return "miss"
    place = 0 if target == 0 else target.adjusted() - (SIGNIFICANT_DIGITS - 1)
    steps = _CONTEXT.subtract(target, given).scaleb(-place, _CONTEXT)
    whole = steps.to_integral_value(ROUND_DOWN, _CONTEXT)
    difference = abs(whole).scaleb(place, _CONTEXT)
    if difference <= allowed:
        return "match"
    return "partial" if difference < 3 * allowed else "miss"


def judge_filtered(value: Number, reference: Number, tolerance: Number) -> Verdict:
    """Judge one value by the rule of IBSI 2, phase 2: it lies within the tolerance or not.

    Parameters
    ----------
    value
        The value to judge; NaN and infinity miss.
    reference, tolerance
        As published; text keeps their digits.

    Examples
    --------
    >>> from ferromics.compliance import judge_filtered
    >>> judge_filtered(-51.6, "-47", "4.6"), judge_filtered(-51.61, "-47", "4.6")
    ('match', 'miss')
    """
    given, target, allowed = _decimal(value), _decimal(reference), _decimal(tolerance)
    if not given.is_finite():
        return "miss"
    return "match" if abs(_CONTEXT.subtract(target, given)) <= allowed else "miss"


@dataclass(frozen=True)
class Reference:
    """One reference value of IBSI 1, as published.

    ``value`` and ``tolerance`` are text, which keeps their digits; ``None`` for features that IBSI
    has not standardised. Diagnostics (family ``diag``) have no code and no aggregation.
    """

    configuration: str
    family: str
    feature: str
    ibsi: str
    aggregation: str
    value: str | None
    tolerance: str | None
    consensus: str


@dataclass(frozen=True)
class FilterReference:
    """One reference value of IBSI 2, phase 2, as published: a feature of a filtered image.

    ``test`` is IBSI's name of the test, ``1.A`` to ``9.B``. ``value`` and ``tolerance`` are text;
    ``None`` for the one value without consensus.
    """

    test: str
    family: str
    feature: str
    ibsi: str
    value: str | None
    tolerance: str | None
    consensus: str


@dataclass(frozen=True)
class Judgement:
    """One reference value and what became of it.

    ``verdict`` is ``"match"``, ``"partial"`` or ``"miss"``; ``"absent"`` if the result has no such
    value; ``"no reference"`` if IBSI has none.
    """

    reference: Reference
    value: float | None
    verdict: str


def configurations() -> tuple[str, ...]:
    """Names of IBSI 1's configurations: ``digital_phantom``, ``A`` to ``E``."""
    return tuple(dict.fromkeys(row.configuration for row in _references()))


def references(*, standardised_only: bool = True) -> list[Reference]:
    """Every reference value of IBSI 1, in the order of the manual.

    Parameters
    ----------
    standardised_only
        Leave out the features that have no reference value.
    """
    return [r for r in _references() if r.value is not None or not standardised_only]


def diagnostics() -> list[Reference]:
    """IBSI 1's values of the image and the region after each step, configurations A to E.

    The family is ``diag``; a feature's name is the step and the measure, as
    ``resegmented_roi_intensity_mask_voxel_count``.

    Examples
    --------
    >>> from ferromics.compliance import diagnostics
    >>> len(diagnostics()), diagnostics()[0].feature
    (300, 'initial_image_dimension_x')
    """
    return list(_table("ibsi1_diagnostics.csv"))


def ibsi2_references(*, standardised_only: bool = True) -> list[FilterReference]:
    """Every reference value of IBSI 2, phase 2, in the order of IBSI's table.

    Parameters
    ----------
    standardised_only
        Leave out the one value on which the teams did not agree.
    """
    rows = (
        FilterReference(
            test=row["test"],
            family=row["family"],
            feature=row["feature"],
            ibsi=row["ibsi"],
            value=row["value"] or None,
            tolerance=row["tolerance"] or None,
            consensus=row["consensus"],
        )
        for row in _rows("ibsi2_phase2_values.csv")
    )
    return [row for row in rows if row.value is not None or not standardised_only]


def write_phantom(folder: Path) -> tuple[Path, Path]:
    """Write IBSI's digital phantom as NIfTI files; paths of the image and of the mask."""
    from ferromics._core import phantom
    from ferromics.io import write_nifti

    image, mask, spacing = phantom()
    paths = folder / "phantom.nii.gz", folder / "phantom_mask.nii.gz"
    write_nifti(paths[0], image, spacing)
    write_nifti(paths[1], mask, spacing)
    return paths


def compare(result: Any, configuration: str) -> list[Judgement]:
    """Judge a result against every reference value of a configuration.

    Parameters
    ----------
    result
        A :class:`ferromics.Result`, or the records of a long table (dicts with ``family``,
        ``feature``, ``aggregation`` and ``value``). Rows of filtered images and rows with
        parameters that differ from the defaults are left aside.
    configuration
        One of :func:`configurations`.

    Raises
    ------
    InputError
        If the configuration is not known, or the result has two values for one reference.

    Examples
    --------
    >>> import ferromics as fm
    >>> from ferromics.compliance import compare
    >>> image, mask, spacing = fm.phantom()
    >>> rows = compare(fm.extract(image, mask, "ibsi:phantom", spacing=spacing), "digital_phantom")
    >>> sum(row.verdict == "match" for row in rows)
    482
    """
    return _compare(result, configuration, _references())


def compare_diagnostics(result: Any, configuration: str) -> list[Judgement]:
    """Judge the family ``diag`` of a result by the same rule; nothing for the digital phantom.

    Parameters and errors as for :func:`compare`. Where a configuration misses, what is wrong here
    is wrong first.
    """
    return _compare(result, configuration, _table("ibsi1_diagnostics.csv"))


def _compare(result: Any, configuration: str, references: Iterable[Reference]) -> list[Judgement]:
    if configuration not in configurations():
        msg = f"no configuration {configuration!r}; there are {', '.join(configurations())}"
        raise InputError(msg)
    values = _values(result.records() if hasattr(result, "records") else result)
    return [_judged(r, values) for r in references if r.configuration == configuration]


def _values(records: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str, str], float | None]:
    out: dict[tuple[str, str, str], float | None] = {}
    for record in records:
        if record.get("parameters") or record.get("image", "original") != "original":
            continue
        key = (record["family"], record["feature"], record.get("aggregation") or "")
        if key in out:
            msg = f"two values for {' '.join(key)}: leave one discretisation in the result"
            raise InputError(msg)
        out[key] = record["value"]
    return out


def _judged(reference: Reference, values: Mapping[tuple[str, str, str], float | None]) -> Judgement:
    key = (reference.family, reference.feature, reference.aggregation)
    value = values.get(key)
    verdict: str
    if reference.value is None or reference.tolerance is None:
        verdict = "no reference"
    elif key not in values:
        verdict = "absent"
    else:
        verdict = "miss" if value is None else judge(value, reference.value, reference.tolerance)
    return Judgement(reference, value, verdict)


def _references() -> tuple[Reference, ...]:
    return _table("ibsi1_values.csv")


@functools.cache
def _table(name: str) -> tuple[Reference, ...]:
    return tuple(
        Reference(
            configuration=row["configuration"],
            family=row["family"],
            feature=row["feature"],
            ibsi=row.get("ibsi", ""),
            aggregation=row.get("aggregation", ""),
            value=row["value"] or None,
            tolerance=row["tolerance"] or None,
            consensus=row["consensus"],
        )
        for row in _rows(name)
    )


def _rows(name: str) -> list[dict[str, str]]:
    text = (resources.files("ferromics") / "reference" / name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


def _decimal(number: Number) -> Decimal:
    """The number as people read it: a double by its shortest form."""
    return Decimal(repr(number)) if isinstance(number, float) else Decimal(number)
