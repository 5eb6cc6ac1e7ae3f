"""A compliance report: its contents, as CSV and JSON, and as a table in the terminal.

:mod:`ferromics.report_html` makes the page. All forms show the same: what became of each reference
value, and where a configuration misses, first the image and region after each processing step.
"""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from ferromics import table
from ferromics.compliance import Judgement
from ferromics.suite import VERDICTS, Outcome, count

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

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
LISTED_AT_MOST: Final = 20


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
        The configurations that were judged.
    source
        File that held the values; empty for values that ferromics computed here.
    not_run
        Configurations that were asked for and could not run, with the reason.
    unmapped
        What the file held that stands for no reference value, with the reason.
    notes
        What of the file was converted or assumed, and how.
    date, versions
        When and with what the report was made.
    """

    tool: str
    outcomes: tuple[Outcome, ...]
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
        return f"IBSI 1 compliance of {whose}"

    @property
    def missed(self) -> bool:
        """Whether any value misses its reference."""
        return any(outcome.missed for outcome in self.outcomes)

    @property
    def families(self) -> tuple[str, ...]:
        """Families of all outcomes, in the order of the manual."""
        return tuple(dict.fromkeys(f for outcome in self.outcomes for f in outcome.families))

    @property
    def absent_counts(self) -> bool:
        """Whether values may be absent, as in another tool's file."""
        return bool(self.source) or any(outcome.found("absent") for outcome in self.outcomes)

    def counts(self) -> dict[str, int]:
        """Number of features by verdict, over all outcomes."""
        return count(row for outcome in self.outcomes for row in outcome.rows)

    def summary(self) -> str:
        """The report in one line."""
        steps = self.diagnostic_counts()
        told = f"; {STEPS.lower()}: {summary(steps, '')}" if any(steps.values()) else ""
        return summary(self.counts()) + told

    def diagnostic_counts(self) -> dict[str, int]:
        """Number of diagnostics by verdict, over the outcomes that have any."""
        return count(row for o in self.outcomes if o.diagnosed for row in o.diagnostics)

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


def record(judgement: Judgement) -> dict[str, Any]:
    """One judgement as a row of the CSV and JSON forms."""
    reference = judgement.reference
    undefined = judgement.value is None or not math.isfinite(judgement.value)
    return {
        "configuration": reference.configuration,
        "family": reference.family,
        "feature": reference.feature,
        "ibsi": reference.ibsi,
        "aggregation": reference.aggregation,
        "value": None if undefined else judgement.value,
        "reference": reference.value,
        "tolerance": reference.tolerance,
        "consensus": reference.consensus,
        "verdict": judgement.verdict,
    }


def to_csv(report: Report) -> str:
    """One row a reference value, diagnostics before features."""
    rows = [r for outcome in report.outcomes for r in (*outcome.diagnostics, *outcome.rows)]
    return table.to_csv(_records(rows))


def to_json(report: Report) -> str:
    """The whole report as JSON."""
    document = {
        "report": "IBSI 1 compliance",
        "tool": report.tool,
        "source": report.source or None,
        "date": report.date,
        "versions": report.versions,
        "rule": RULE,
        "counts": report.counts(),
        "diagnostic_counts": report.diagnostic_counts(),
        "missed": report.missed,
        "not_run": [{"configuration": c, "reason": why} for c, why in report.not_run],
        "unmapped": [{"found": found, "reason": why} for found, why in report.unmapped],
        "notes": [{"found": found, "note": note} for found, note in report.notes],
        "configurations": [_document(outcome) for outcome in report.outcomes],
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


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


def show(report: Report, console: Console) -> None:
    """Print the table, then what did not match."""
    console.print(report.title, style="bold", markup=False)
    for outcome in report.outcomes:
        for note in outcome.notes:
            console.print(f"{outcome.title}: {note}", style="yellow", markup=False)
    console.print(_matrix(report))
    for outcome in report.outcomes:
        _show_deviations(outcome, console)
        for family, names in absent_by_family(outcome):
            console.print(f"{outcome.title}: absent in {family}: {names}", markup=False)
    for heading, pairs in (("Not mapped", report.unmapped), ("Converted", report.notes)):
        if pairs:
            console.print(f"\n{heading}: {len(pairs)}", style="bold")
        for found, why in pairs[:LISTED_AT_MOST]:
            console.print(f"  {found}: {why}", markup=False)
        if (more := len(pairs) - LISTED_AT_MOST) > 0:
            console.print(f"  and {more} more (all with --report or --format json)")
    console.print(report.summary(), style="red bold" if report.missed else "green bold")


def _matrix(report: Report) -> Table:
    from rich import box
    from rich.table import Table

    out = Table(box=box.SIMPLE, pad_edge=False)
    out.add_column("family")
    for outcome in report.outcomes:
        out.add_column(outcome.configuration.replace("_", " "), justify="right")
    for family in report.families:
        out.add_row(family, *(_cell(outcome.counts(family)) for outcome in report.outcomes))
    out.add_section()
    for verdict, word in report.headings().items():
        cells = (f"{outcome.counts()[verdict]:,}" for outcome in report.outcomes)
        out.add_row(word, *cells, style="bold" if verdict == "match" else None)
    if any(outcome.diagnosed for outcome in report.outcomes):
        given = (outcome.diagnostics if outcome.diagnosed else () for outcome in report.outcomes)
        out.add_section()
        out.add_row("diag", *(_cell(count(rows)) for rows in given))
    return out


def _cell(counts: dict[str, int]) -> str:
    """``25/25`` in one cell, with what is not matched below it."""
    of = sum(n for verdict, n in counts.items() if verdict != "no reference")
    if not of:
        return "-"
    lines = [f"{counts['match']}/{of}"]
    lines += [f"{counts[v]} {HEADINGS[v]}" for v in ("partial", "miss", "absent") if counts[v]]
    colour = "red" if counts["miss"] else "yellow" if len(lines) > 1 else "green"
    return f"[{colour}]" + "\n".join(lines) + "[/]"


def _show_deviations(outcome: Outcome, console: Console) -> None:
    for heading, rows in (
        (STEPS, outcome.unmatched_diagnostics),
        ("Features", outcome.found("miss", "partial")),
    ):
        if rows:
            console.print(_deviations(f"{outcome.title}: {heading.lower()}", rows))


def _deviations(heading: str, rows: list[Judgement]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    out = Table(title=heading, title_justify="left", title_style="bold", box=box.SIMPLE)
    for name in ("verdict", "family", "feature", "aggregation"):
        out.add_column(name)
    for name in ("value", "reference", "tolerance"):
        out.add_column(name, justify="right")
    out.add_column("consensus")
    worst_first = sorted(rows, key=lambda r: -VERDICTS.index(r.verdict))
    for row in worst_first:
        r = row.reference
        out.add_row(
            Text(HEADINGS[row.verdict], style="red" if row.verdict == "miss" else "yellow"),
            *(Text(t) for t in (r.family, r.feature, r.aggregation, number(row.value))),
            *(Text(t) for t in (r.value or "", r.tolerance or "", r.consensus)),
        )
    return out
