"""A compliance report: its contents, and as CSV and JSON.

:mod:`ferromics.report_terminal` prints it, :mod:`ferromics.report_html` makes the page. All forms
show the same: what became of each reference
value, and where a configuration misses, first the image and region after each processing step; then
the response maps and the features of filtered images of IBSI 2.
"""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Final

from ferromics import table
from ferromics.compliance import MAP_TOLERANCE, Judgement
from ferromics.suite import MapOutcome, Outcome, count, filter_of, listed

HEADINGS: Final = {
    "match": "matched",
    "partial": "partial",
    "miss": "missed",
    "absent": "absent",
    "no reference": "no reference",
}
"""Words for the verdicts in tables."""

STEPS: Final = "Image and region after each processing step"
RULE: Final = (
    "Reference values, tolerances and the rule are those of the Image Biomarker Standardisation "
    "Initiative (IBSI 1). The difference between reference and result, cut off at the third "
    "significant digit of the reference (at whole numbers where it is 0), is at most the "
    "tolerance: matched; below three times the tolerance: partial; else missed. Features that "
    "IBSI has not standardised have no reference."
)
RULE_MAPS: Final = (
    "No voxel of a response map differs from the reference map by more than 1 % of that map's "
    "range (IBSI 2, phase 1)."
)
RULE_FILTERED: Final = (
    "A feature of a filtered image differs from its reference by at most the tolerance (IBSI 2, "
    "phase 2)."
)
MAPS: Final = "IBSI 2, phase 1: response maps"
FILTERED: Final = "IBSI 2, phase 2: features of filtered images"


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def _versions() -> dict[str, str]:
    from ferromics._core import build_info

    return {
        "ferromics": build_info()["version"],
        "python": platform.python_version(),
        "platform": platform.platform(),
    }


@dataclass(frozen=True)
class Report:
    """What the suite found.

    Attributes
    ----------
    tool
        Whose values were judged.
    outcomes
        The configurations that were judged, and the tests of IBSI 2, phase 2.
    maps
        The tests of IBSI 2, phase 1, that were run.
    source
        File that held the values; empty for values that ferromics computed here.
    not_run
        Configurations and tests that were asked for and could not run, with the reason.
    unmapped
        What the file held that stands for no reference value, with the reason.
    notes
        What of the file was converted or assumed, and how.
    date, versions
        When and with what the report was made.
    """

    tool: str
    outcomes: tuple[Outcome, ...]
    maps: tuple[MapOutcome, ...] = ()
    source: str = ""
    not_run: tuple[tuple[str, str], ...] = ()
    unmapped: tuple[tuple[str, str], ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    date: str = field(default_factory=_now)
    versions: dict[str, str] = field(default_factory=_versions)

    @property
    def title(self) -> str:
        """The heading."""
        whose = f"{self.source} ({self.tool})" if self.source else self.tool
        return f"IBSI compliance of {whose}"

    @property
    def first(self) -> tuple[Outcome, ...]:
        """The configurations of IBSI 1."""
        return tuple(outcome for outcome in self.outcomes if not outcome.filtered)

    @property
    def filtered(self) -> tuple[Outcome, ...]:
        """The tests of IBSI 2, phase 2."""
        return tuple(outcome for outcome in self.outcomes if outcome.filtered)

    @property
    def missed(self) -> bool:
        """Whether any value or map misses its reference."""
        return any(o.missed for o in self.outcomes) or any(o.missed for o in self.maps)

    @property
    def families(self) -> tuple[str, ...]:
        """Families of IBSI 1's outcomes, in the order of the manual."""
        return tuple(dict.fromkeys(f for outcome in self.first for f in outcome.families))

    @property
    def absent_counts(self) -> bool:
        """Whether values may be absent, as in another tool's file."""
        return bool(self.source) or any(outcome.found("absent") for outcome in self.outcomes)

    def counts(self) -> dict[str, int]:
        """Number of features by verdict, over all outcomes of IBSI 1."""
        return count(row for outcome in self.first for row in outcome.rows)

    def filtered_counts(self) -> dict[str, int]:
        """Number of features by verdict, over all tests of phase 2."""
        return count(row for outcome in self.filtered for row in outcome.rows)

    def diagnostic_counts(self) -> dict[str, int]:
        """Number of diagnostics by verdict, over the outcomes that have any."""
        return count(row for o in self.first if o.diagnosed for row in o.diagnostics)

    def summary(self) -> list[tuple[str, bool]]:
        """The report in one line for each part, and whether anything is missed in it."""
        lines = []
        if self.first:
            steps = self.diagnostic_counts()
            told = f"; {STEPS.lower()}: {summary(steps, '')}" if any(steps.values()) else ""
            line = f"IBSI 1: {summary(self.counts())}{told}"
            lines.append((line, any(o.missed for o in self.first)))
        if self.maps:
            line = f"IBSI 2, phase 1: {summary(count(self.maps), 'response maps ')}"
            lines.append((line, any(o.missed for o in self.maps)))
        if self.filtered:
            line = f"IBSI 2, phase 2: {summary(self.filtered_counts())}"
            lines.append((line, any(o.missed for o in self.filtered)))
        return lines

    def unrun(self) -> list[str]:
        """What was not run, one line for each reason."""
        names: dict[str, list[str]] = {}
        for name, why in self.not_run:
            names.setdefault(why, []).append(name)
        return [f"not run: {listed(which)}: {why}" for why, which in names.items()]

    def remarks(self) -> list[str]:
        """What the reader should know of the data, each once, with the outcomes it is about."""
        about: dict[str, list[str]] = {}
        told: tuple[Outcome | MapOutcome, ...] = (*self.first, *self.maps, *self.filtered)
        for outcome in told:
            for note in outcome.notes:
                about.setdefault(note, []).append(outcome.title)
        return [
            f"{titles[0]}{f' and {len(titles) - 1} more' if titles[1:] else ''}: {note}"
            for note, titles in about.items()
        ]

    def headings(self) -> dict[str, str]:
        """The verdicts that this report speaks of, with their words."""
        return {v: w for v, w in HEADINGS.items() if v != "absent" or self.absent_counts}


def summary(counts: dict[str, int], what: str = "reference values ") -> str:
    """One line for some counts by verdict."""
    of = sum(n for verdict, n in counts.items() if verdict != "no reference")
    parts = [f"{counts['match']:,} of {of:,} {what}matched"]
    parts += [f"{counts[v]:,} {HEADINGS[v]}" for v in ("partial", "miss", "absent") if counts[v]]
    return ", ".join(parts)


def absent_by_family(outcome: Outcome) -> Iterator[tuple[str, str]]:
    """For each family with absent values, which: features by name, or all."""
    for family in outcome.families:
        rows = [r.reference for r in outcome.found("absent") if r.reference.family == family]
        counts = outcome.counts(family)
        if not rows:
            continue
        if len(rows) == sum(counts.values()) - counts["no reference"]:
            yield family, f"all {len(rows)}"
        else:
            named: dict[str, list[str]] = {}
            for reference in rows:
                named.setdefault(reference.feature, []).append(reference.aggregation)
            listed = (f"{f} ({' '.join(a)})" if all(a) else f for f, a in named.items())
            yield family, f"{len(rows)}: {', '.join(listed)}"


def number(value: float | None) -> str:
    """A value for people; CSV and JSON have all digits."""
    if value is None or not math.isfinite(value):
        return "undefined"
    return f"{value:.8g}"


def percent(value: float | None) -> str:
    """A largest difference in percent of a map's range, for people."""
    if value is None:
        return "-"
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def record(judgement: Judgement) -> dict[str, Any]:
    """One judgement as a row of the CSV and JSON forms."""
    reference = judgement.reference
    return {
        "configuration": reference.configuration,
        "family": reference.family,
        "feature": reference.feature,
        "ibsi": reference.ibsi,
        "aggregation": reference.aggregation,
        "value": _finite(judgement.value),
        "reference": reference.value,
        "tolerance": reference.tolerance,
        "consensus": reference.consensus,
        "verdict": judgement.verdict,
    }


def map_record(outcome: MapOutcome) -> dict[str, Any]:
    """One response map as a row like those of :func:`record`: its largest difference from 0."""
    judged = outcome.range is not None
    return {
        "configuration": outcome.test.test,
        "family": "map",
        "feature": "largest_difference",
        "ibsi": "",
        "aggregation": "",
        "value": _finite(outcome.difference),
        "reference": "0" if judged else None,
        "tolerance": repr(MAP_TOLERANCE * outcome.range) if outcome.range is not None else None,
        "consensus": "",
        "verdict": outcome.verdict,
    }


def to_csv(report: Report) -> str:
    """One row a reference value or map, diagnostics before features."""
    rows = [r for outcome in report.first for r in (*outcome.diagnostics, *outcome.rows)]
    filtered = [r for outcome in report.filtered for r in outcome.rows]
    return table.to_csv([*_records(rows), *map(map_record, report.maps), *_records(filtered)])


def to_json(report: Report) -> str:
    """The whole report as JSON."""
    document = {
        "report": "IBSI compliance",
        "tool": report.tool,
        "source": report.source or None,
        "date": report.date,
        "versions": report.versions,
        "missed": report.missed,
        "not_run": [{"configuration": c, "reason": why} for c, why in report.not_run],
        "unmapped": [{"found": found, "reason": why} for found, why in report.unmapped],
        "notes": [{"found": found, "note": note} for found, note in report.notes],
        "rule": RULE,
        "counts": report.counts(),
        "diagnostic_counts": report.diagnostic_counts(),
        "configurations": [_document(outcome) for outcome in report.first],
        "ibsi2_phase1": {
            "rule": RULE_MAPS,
            "counts": count(report.maps),
            "tests": [_map_document(outcome) for outcome in report.maps],
        },
        "ibsi2_phase2": {
            "rule": RULE_FILTERED,
            "counts": report.filtered_counts(),
            "tests": [
                {**_document(outcome), "filter": filter_of(outcome.configuration)}
                for outcome in report.filtered
            ],
        },
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _map_document(outcome: MapOutcome) -> dict[str, Any]:
    return {
        "test": outcome.test.test,
        "phantom": outcome.test.phantom,
        "filter": dict(outcome.test.filter),
        "notes": list(outcome.notes),
        "largest_difference": _finite(outcome.difference),
        "range": outcome.range,
        "percent_of_range": _finite(outcome.percent),
        "verdict": outcome.verdict,
    }


def _document(outcome: Outcome) -> dict[str, Any]:
    return {
        "configuration": outcome.configuration,
        "settings": outcome.settings or None,
        "settings_hash": outcome.settings_hash or None,
        "notes": list(outcome.notes),
        "counts": outcome.counts(),
        "families": {family: outcome.counts(family) for family in outcome.families},
        "diagnostic_counts": count(outcome.diagnostics),
        "diagnostics_not_matched": _records(outcome.unmatched_diagnostics),
        "missed": _records(outcome.found("miss")),
        "partial": _records(outcome.found("partial")),
        "absent": _records(outcome.found("absent")),
        "diagnostics": _records(outcome.diagnostics),
        "values": _records(outcome.rows),
    }


def _records(rows: Iterable[Judgement]) -> list[dict[str, Any]]:
    return [record(row) for row in rows]
