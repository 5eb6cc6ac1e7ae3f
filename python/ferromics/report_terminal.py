"""A compliance report in the terminal: tables, then what did not match."""

from __future__ import annotations

from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ferromics.compliance import Judgement
from ferromics.report import (
    FILTERED,
    HEADINGS,
    MAPS,
    STEPS,
    Report,
    absent_by_family,
    number,
    percent,
)
from ferromics.suite import VERDICTS, Outcome, count, filter_of, filter_words

LISTED_AT_MOST: Final = 20


def show(report: Report, console: Console) -> None:
    """Print the table, then what did not match."""
    console.print(report.title, style="bold", markup=False)
    for remark in report.remarks():
        console.print(remark, style="yellow", markup=False)
    if report.first:
        console.print(_matrix(report))
    if report.maps:
        console.print(_maps(report))
    if report.filtered:
        console.print(_filtered(report))
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
    for line, missed in report.summary():
        console.print(line, style="red bold" if missed else "green bold")


def _matrix(report: Report) -> Table:
    out = Table(box=box.SIMPLE, pad_edge=False)
    out.add_column("family")
    for outcome in report.first:
        out.add_column(outcome.configuration.replace("_", " "), justify="right")
    for family in report.families:
        out.add_row(family, *(_cell(outcome.counts(family)) for outcome in report.first))
    out.add_section()
    for verdict, word in report.headings().items():
        cells = (f"{outcome.counts()[verdict]:,}" for outcome in report.first)
        out.add_row(word, *cells, style="bold" if verdict == "match" else None)
    if any(outcome.diagnosed for outcome in report.first):
        given = (outcome.diagnostics if outcome.diagnosed else () for outcome in report.first)
        out.add_section()
        out.add_row("diag", *(_cell(count(rows)) for rows in given))
    return out


def _maps(report: Report) -> Table:
    out = Table(title=MAPS, title_justify="left", title_style="bold", box=box.SIMPLE)
    for name in ("test", "phantom", "filter", "boundary"):
        out.add_column(name)
    out.add_column("largest difference, % of range", justify="right")
    out.add_column("verdict")
    for outcome in report.maps:
        test = outcome.test
        words = (test.test, test.phantom, filter_words(test.filter), test.filter["boundary"])
        colour = {"match": "green", "miss": "red"}.get(outcome.verdict, "")
        out.add_row(
            *(Text(str(word)) for word in words),
            percent(outcome.percent),
            Text(HEADINGS[outcome.verdict], style=colour),
        )
    return out


def _filtered(report: Report) -> Table:
    out = Table(title=FILTERED, title_justify="left", title_style="bold", box=box.SIMPLE)
    for name in ("test", "filter"):
        out.add_column(name)
    out.add_column("matched", justify="right")
    for outcome in report.filtered:
        name = outcome.configuration
        out.add_row(name, Text(filter_of(name)), _cell(outcome.counts()))
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
