"""The compliance report as one HTML page: no script, no network, for phones, screens and paper.

Text is escaped where it becomes HTML, in :func:`tag`: whatever is not :class:`Html` yet.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from importlib import resources

from ferromics import ibsi_data
from ferromics.compliance import Judgement
from ferromics.report import HEADINGS, RULE, STEPS, Report, absent_by_family, number, summary
from ferromics.suite import PHANTOM, Outcome, count, needs_data
from ferromics.suite import title as title_of


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(name: str, *children: str, **attributes: str) -> Html:
    """An element; children and attributes that are not :class:`Html` are escaped.

    Examples
    --------
    >>> from ferromics.report_html import tag
    >>> tag("td", "a < b", class_="n")
    '<td class="n">a &lt; b</td>'
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(value)}"'
        for key, value in attributes.items()
    )
    return Html(f"<{name}{given}>{join(children)}</{name}>")


def join(parts: Iterable[str]) -> Html:
    """Parts one after the other, escaped where they are not :class:`Html`."""
    return Html("".join(p if isinstance(p, Html) else html.escape(p) for p in parts))


def to_html(report: Report) -> str:
    """The page."""
    style = (resources.files("ferromics") / "report.css").read_text("utf-8")
    head = tag(
        "head",
        Html('<meta charset="utf-8">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html('<meta name="color-scheme" content="light dark">'),
        tag("title", report.title),
        tag("style", Html(style)),
    )
    body = tag(
        "body",
        _header(report),
        tag(
            "main",
            _overview(report),
            *(_deviations(outcome) for outcome in report.outcomes),
            _absent(report),
            _pairs(
                "Not mapped",
                "What the file holds that stands for none of the reference values.",
                report.unmapped,
            ),
            _pairs("Converted or assumed", "How values of the file were read.", report.notes),
            _all_values(report),
            _how(report),
        ),
    )
    return f'<!DOCTYPE html>\n<html lang="en">\n{head}\n{body}\n</html>\n'


def _header(report: Report) -> Html:
    verdict = "missed" if report.missed else "matched"
    lines = [tag("p", report.summary(), class_=f"verdict {verdict}")]
    lines += [
        tag("p", f"{name} was not run: {why}.", class_="verdict partial")
        for name, why in ((title_of(c), why) for c, why in report.not_run)
    ]
    lines += [
        tag("p", f"{outcome.title}: {note}.", class_="verdict partial")
        for outcome in report.outcomes
        for note in outcome.notes
    ]
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    facts = [("Made", report.date), ("With", versions)]
    if report.source:
        facts.insert(0, ("Values from", report.source))
    listed = (join((tag("dt", name), tag("dd", value))) for name, value in facts)
    return tag("header", tag("h1", report.title), *lines, tag("dl", *listed))


def _overview(report: Report) -> Html:
    short = {PHANTOM: "phantom"}
    outcomes = report.outcomes
    heads = [tag("th", "family", scope="col")]
    heads += [tag("th", short.get(o.configuration, o.configuration), scope="col") for o in outcomes]
    families = [
        tag("tr", tag("th", family, scope="row"), *(_cell(o.counts(family)) for o in outcomes))
        for family in report.families
    ]
    totals = [
        tag(
            "tr",
            tag("th", word, scope="row"),
            *(tag("td", f"{outcome.counts()[verdict]:,}") for outcome in outcomes),
        )
        for verdict, word in report.headings().items()
    ]
    bodies = [tag("tbody", *families), tag("tbody", *totals, class_="totals")]
    if any(outcome.diagnosed for outcome in outcomes):
        cells = (_cell(count(o.diagnostics if o.diagnosed else ())) for o in outcomes)
        bodies.append(tag("tbody", tag("tr", tag("th", "diag", scope="row"), *cells)))
    caption = "A cell is matched / reference values."
    if any(outcome.diagnosed for outcome in outcomes):
        caption += " diag: image and region after each processing step."
    return tag(
        "section",
        tag("h2", "By configuration and family"),
        tag(
            "div",
            tag("table", tag("thead", tag("tr", *heads)), *bodies, class_="overview"),
            class_="wide",
        ),
        tag("p", caption, class_="quiet"),
    )


def _cell(counts: dict[str, int]) -> Html:
    of = sum(n for verdict, n in counts.items() if verdict != "no reference")
    if not of:
        return tag("td", "-", class_="quiet")
    others = [v for v in ("partial", "miss", "absent") if counts[v]]
    worst = "missed" if counts["miss"] else "partial" if others else "matched"
    notes = (tag("small", f"{counts[v]} {HEADINGS[v]}") for v in others)
    return tag("td", f"{counts['match']}/{of}", *notes, class_=worst)


def _deviations(outcome: Outcome) -> Html:
    parts = []
    if rows := outcome.unmatched_diagnostics:
        parts += [
            tag("h3", f"First of all: {STEPS.lower()}"),
            tag("p", "What is wrong here is wrong before any feature is computed."),
            _values(rows),
        ]
    for verdict in ("miss", "partial"):
        if rows := outcome.found(verdict):
            parts += [tag("h3", f"{HEADINGS[verdict].capitalize()}: {len(rows)}"), _values(rows)]
    if not parts:
        return Html("")
    return tag("section", tag("h2", f"{outcome.title}: what did not match"), *parts)


def _values(rows: Iterable[Judgement]) -> Html:
    heads = tag("tr", *(tag("th", h, scope="col") for h in ("feature", "value", "reference", "")))
    table = tag("table", tag("thead", heads), tag("tbody", *map(_row, rows)), class_="values")
    return tag("div", table, class_="wide")


def _row(judgement: Judgement) -> Html:
    r, verdict = judgement.reference, judgement.verdict
    what = " · ".join(filter(None, (r.family, r.ibsi, r.aggregation, r.consensus)))
    given = "-" if verdict == "absent" else number(judgement.value)
    if verdict == "no reference" and judgement.value is None:
        given = "-"
    reference = ("-",) if r.value is None else (r.value, tag("small", f"± {r.tolerance}"))
    colour = {"match": "matched", "miss": "missed", "partial": "partial"}.get(verdict, "quiet")
    return tag(
        "tr",
        tag("th", _breakable(r.feature), tag("small", what), scope="row"),
        tag("td", given),
        tag("td", *reference),
        tag("td", HEADINGS[verdict], class_=colour),
    )


def _breakable(name: str) -> Html:
    """A long name that may break after its underscores."""
    return Html(html.escape(name).replace("_", "_<wbr>"))


def _absent(report: Report) -> Html:
    lists = [
        join(
            (
                tag("h3", outcome.title),
                tag("ul", *(tag("li", _breakable(f"{f}: {n}")) for f, n in absent)),
            )
        )
        for outcome in report.outcomes
        if (absent := list(absent_by_family(outcome)))
    ]
    if not lists:
        return Html("")
    return tag("section", tag("h2", "Absent"), *lists)


def _pairs(heading: str, about: str, pairs: Sequence[tuple[str, str]]) -> Html:
    if not pairs:
        return Html("")
    items = (tag("li", tag("code", found), f": {why}") for found, why in pairs)
    entries = "1 entry" if len(pairs) == 1 else f"{len(pairs)} entries"
    return tag(
        "section",
        tag("h2", heading),
        tag("p", about),
        tag("details", tag("summary", entries), tag("ul", *items)),
    )


def _all_values(report: Report) -> Html:
    parts = []
    for outcome in report.outcomes:
        parts.append(
            tag(
                "details",
                tag("summary", f"{outcome.title}: {summary(outcome.counts())}"),
                _values(outcome.rows),
            )
        )
        if outcome.diagnosed:
            counts = count(outcome.diagnostics)
            line = f"{outcome.title}, {STEPS.lower()}: {counts['match']} of {sum(counts.values())}"
            parts.append(tag("details", tag("summary", line), _values(outcome.diagnostics)))
    return tag(
        "section",
        tag("h2", "All values"),
        tag("p", "Open a list to read it, or to have it printed.", class_="quiet screen"),
        *parts,
    )


def _how(report: Report) -> Html:
    parts = [tag("h2", "Rule, settings, sources"), tag("p", RULE)]
    settings = [
        tag(
            "li",
            f"{o.title}: settings ",
            tag("code", o.settings),
            " ",
            tag("code", o.settings_hash),
        )
        for o in report.outcomes
        if o.settings
    ]
    if settings:
        parts.append(tag("ul", *settings, class_="settings"))
    notes = [tag("li", f"{o.title}: {note}") for o in report.outcomes for note in o.notes]
    if notes:
        parts.append(tag("ul", *notes))
    if any(o.settings and needs_data(o.configuration) for o in report.outcomes):
        used = ibsi_data.data_set(ibsi_data.CT_PHANTOM)
        parts.append(
            tag(
                "p",
                f"Image: {used.title}, github.com/{used.repository} at {used.commit}; licence "
                f"{used.licence} ({used.licence_url}). {used.credit}",
            )
        )
    parts.append(tag("p", SOURCES))
    return tag("section", *parts, class_="how")


SOURCES = (
    "Reference values: IBSI reference manual (https://ibsi.readthedocs.io) and the digital phantom "
    "(github.com/theibsi/data_sets), licensed under CC BY 4.0 "
    "(https://creativecommons.org/licenses/by/4.0/); diagnostic values: IBSI's compliance "
    "spreadsheet. Names were brought into snake case."
)
