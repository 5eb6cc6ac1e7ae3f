"""Judges values against IBSI's reference values by IBSI's own rules.

IBSI 1: features (:func:`references`) and, to find out where a miss comes from, the image and the
region after each processing step (:func:`diagnostics`). IBSI 2, phase 1: response maps of filters
(:func:`map_tests`); phase 2: features of filtered images (:func:`ibsi2_references`). The tables are
in ``ferromics/reference``; NOTICE says where they come from.
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, Context, Decimal
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from ferromics.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Verdict: TypeAlias = Literal["match", "partial", "miss"]
Number: TypeAlias = float | int | str | Decimal

SIGNIFICANT_DIGITS: Final = 3
MAP_TOLERANCE: Final = 0.01
"""Share of a reference map's range by which a voxel of a response map may differ from it."""
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
    numbers = _decimals(value, reference, tolerance)
    if numbers is None:
        return "miss"
    given, target, allowed = numbers
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
    numbers = _decimals(value, reference, tolerance)
    if numbers is None:
        return "miss"
    given, target, allowed = numbers
    return "match" if abs(_CONTEXT.subtract(target, given)) <= allowed else "miss"


def judge_map(response: ArrayLike, reference: ArrayLike) -> tuple[float, float, Verdict]:
    """Judge a response map by the rule of IBSI 2, phase 1: no voxel is off by more than 1 %.

    Parameters
    ----------
    response, reference
        Arrays of one shape.

    Returns
    -------
    difference, range, verdict
        The largest difference of a voxel, the range of the reference map, of which a hundredth is
        allowed, and ``"match"`` or ``"miss"``. A response that is not finite everywhere, or of
        another shape, misses by infinity.

    Examples
    --------
    >>> from ferromics.compliance import judge_map
    >>> judge_map([0.0, 4.5], [0.0, 5.0])
    (0.5, 5.0, 'miss')
    """
    import numpy as np

    wanted = np.asarray(reference, dtype=np.float64)
    given = np.asarray(response, dtype=np.float64)
    extent = float(np.ptp(wanted))
    if given.shape != wanted.shape or not np.isfinite(given).all():
        return float("inf"), extent, "miss"
    difference = float(np.abs(given - wanted).max())
    return difference, extent, "match" if difference <= MAP_TOLERANCE * extent else "miss"


@dataclass(frozen=True)
class Reference:
    """One reference value, as published.

    ``configuration`` is one of IBSI 1 (:func:`configurations`) or a test of IBSI 2, phase 2
    (:func:`filter_tests`). ``value`` and ``tolerance`` are text, which keeps their digits; ``None``
    where there is no consensus. Diagnostics (family ``diag``) have no code and no aggregation.
    """

    configuration: str
    family: str
    feature: str
    ibsi: str
    aggregation: str
    value: str | None
    tolerance: str | None
    consensus: str

    def judge(self, value: float | None) -> Verdict | Literal["no reference"]:
        """Judge a value by IBSI's rule for it; ``None`` stands for undefined."""
        if self.value is None or self.tolerance is None:
            return "no reference"
        if value is None:
            return "miss"
        rule = judge_filtered if self.configuration in filter_tests() else judge
        return rule(value, self.value, self.tolerance)


@dataclass(frozen=True)
class MapTest:
    """One test of IBSI 2, phase 1: a filter, as a block of settings, and the phantom it filters.

    ``has_map`` is false for the tests without a valid reference map.
    """

    test: str
    phantom: str
    filter: Mapping[str, Any]
    has_map: bool


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
    return _named("ibsi1_values.csv")


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


def filter_tests() -> tuple[str, ...]:
    """Names of the tests of IBSI 2, phase 2: ``1.A``, ``1.B``, ..., ``9.B``."""
    return _named("ibsi2_phase2_values.csv")


def ibsi2_references(*, standardised_only: bool = True) -> list[Reference]:
    """Every reference value of IBSI 2, phase 2, in the order of IBSI's table.

    Parameters
    ----------
    standardised_only
        Leave out the one value on which the teams did not agree.
    """
    rows = _table("ibsi2_phase2_values.csv")
    return [row for row in rows if row.value is not None or not standardised_only]


def image_of(configuration: str) -> str:
    """Name of the image whose features a configuration is about: the original or a filtered one."""
    filtered = configuration in filter_tests() and not configuration.startswith("1.")
    return configuration if filtered else "original"


@functools.cache
def map_tests() -> tuple[MapTest, ...]:
    """Every test of IBSI 2, phase 1, in the order of IBSI's table.

    Examples
    --------
    >>> from ferromics.compliance import map_tests
    >>> test = map_tests()[0]
    >>> test.test, test.phantom, test.filter["support"]
    ('1.a.1', 'checkerboard', 15)
    """
    import yaml

    text = (resources.files("ferromics") / "reference" / "ibsi2_phase1.yaml").read_text("utf-8")
    return tuple(
        MapTest(row["test"], row["phantom"], row["filter"], row.get("map", True))
        for row in yaml.safe_load(text)
    )


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
        ``feature``, ``aggregation`` and ``value``). Rows of other images than the one wanted and
        rows with parameters that differ from the defaults are left aside.
    configuration
        One of :func:`configurations`, whose image is the original one, or of :func:`filter_tests`,
        whose image is named like the test (the original one for 1.A and 1.B).

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
    return _compare(result, configuration, (*_references(), *_table("ibsi2_phase2_values.csv")))


def compare_diagnostics(result: Any, configuration: str) -> list[Judgement]:
    """Judge the family ``diag`` of a result by the same rule; nothing for the digital phantom.

    Parameters and errors as for :func:`compare`. Where a configuration misses, what is wrong here
    is wrong first.
    """
    return _compare(result, configuration, _table("ibsi1_diagnostics.csv"))


def _compare(result: Any, configuration: str, references: Iterable[Reference]) -> list[Judgement]:
    known = (*configurations(), *filter_tests())
    if configuration not in known:
        msg = f"no configuration {configuration!r}; there are {', '.join(known)}"
        raise InputError(msg)
    records = result.records() if hasattr(result, "records") else result
    values = _values(records, image_of(configuration))
    return [_judged(r, values) for r in references if r.configuration == configuration]


def _values(
    records: Iterable[Mapping[str, Any]], image: str
) -> dict[tuple[str, str, str], float | None]:
    out: dict[tuple[str, str, str], float | None] = {}
    for record in records:
        if record.get("parameters") or record.get("image", image) != image:
            continue
        key = (record["family"], record["feature"], record.get("aggregation") or "")
        if key in out:
            msg = f"two values for {' '.join(key)}: leave one discretisation in the result"
            raise InputError(msg)
        out[key] = record["value"]
    return out


def _judged(reference: Reference, values: Mapping[tuple[str, str, str], float | None]) -> Judgement:
    key = (reference.family, reference.feature, reference.aggregation)
    verdict: str = reference.judge(values.get(key))
    if verdict != "no reference" and key not in values:
        verdict = "absent"
    return Judgement(reference, values.get(key), verdict)


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


@functools.cache
def _named(table: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(row.configuration for row in _table(table)))


def _rows(name: str) -> list[dict[str, str]]:
    text = (resources.files("ferromics") / "reference" / name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


def _decimals(*numbers: Number) -> tuple[Decimal, ...] | None:
    """Value, reference and tolerance in decimals; ``None`` if the value is not finite."""
    out = tuple(map(_decimal, numbers))
    return out if out[0].is_finite() else None


def _decimal(number: Number) -> Decimal:
    """The number as people read it: a double by its shortest form."""
    return Decimal(repr(number)) if isinstance(number, float) else Decimal(number)
