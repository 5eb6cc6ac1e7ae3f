"""The compliance report as one HTML page: no script, no network, for phones, screens and paper."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ferromics import ibsi_data
from ferromics._html import Html, breakable, join, page, tag
from ferromics.compliance import Judgement
from ferromics.report import (
    FILTERED,
    HEADINGS,
    MAPS,
    RULE,
    RULE_FILTERED,
    RULE_MAPS,
    STEPS,
    Report,
    absent_by_family,
    number,
    percent,
    summary,
)
from ferromics.suite import PHANTOM, MapOutcome, Outcome, count, filter_of, filter_words, needs


def to_html(report: Report) -> str:
    """The page."""
    return page(
        report.title,
        _header(report),
        tag(
            "main",
            _overview(report),
            _maps(report),
            _filtered(report),
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


def _header(report: Report) -> Html:
    lines = [
        tag("p", line, class_=f"verdict {'missed' if missed else 'matched'}")
        for line, missed in report.summary()
    ]
    lines += [tag("p", f"{line}.", class_="verdict partial") for line in report.unrun()]
    lines += [tag("p", f"{line}.", class_="verdict partial") for line in report.remarks()]
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    facts = [("Made", report.date), ("With", versions)]
    if report.source:
        facts.insert(0, ("Values from", report.source))
    listed = (join((tag("dt", name), tag("dd", value))) for name, value in facts)
    return tag("header", tag("h1", report.title), *lines, tag("dl", *listed))


def _overview(report: Report) -> Html:
    short = {PHANTOM: "phantom"}
    outcomes = report.first
    if not outcomes:
        return Html("")
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
        tag("h2", "IBSI 1: by configuration and family"),
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


def _maps(report: Report) -> Html:
    if not report.maps:
        return Html("")
    return _tests(
        MAPS,
        ("test", "largest difference, % of range", ""),
        map(_map_row, report.maps),
        "Filters are written as in settings: lengths in mm, supports and distances of energies in "
        "voxels, angles in degrees; then boundary condition and phantom.",
    )


def _map_row(outcome: MapOutcome) -> Html:
    test = outcome.test
    colour = {"match": "matched", "miss": "missed"}.get(outcome.verdict, "quiet")
    return tag(
        "tr",
        _test_head(
            test.test, f"{filter_words(test.filter)}; {test.filter['boundary']}; {test.phantom}"
        ),
        tag("td", percent(outcome.percent)),
        tag("td", HEADINGS[outcome.verdict], class_=colour),
    )


def _filtered(report: Report) -> Html:
    if not report.filtered:
        return Html("")
    rows = (
        tag("tr", _test_head(o.configuration, filter_of(o.configuration)), _cell(o.counts()))
        for o in report.filtered
    )
    return _tests(FILTERED, ("test", "matched"), rows, "A cell is matched / reference values.")


def _test_head(name: str, words: str) -> Html:
    return tag("th", name, tag("small", words), scope="row")


def _tests(heading: str, heads: Sequence[str], rows: Iterable[Html], caption: str) -> Html:
    """A table of tests of IBSI 2."""
    head = tag("thead", tag("tr", *(tag("th", text, scope="col") for text in heads)))
    table = tag("table", head, tag("tbody", *rows), class_="tests")
    wide = tag("div", table, class_="wide")
    return tag("section", tag("h2", heading), wide, tag("p", caption, class_="quiet"))


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
        tag("th", breakable(r.feature), tag("small", what), scope="row"),
        tag("td", given),
        tag("td", *reference),
        tag("td", HEADINGS[verdict], class_=colour),
    )


def _absent(report: Report) -> Html:
    lists = [
        join(
            (
                tag("h3", outcome.title),
                tag("ul", *(tag("li", breakable(f"{f}: {n}")) for f, n in absent)),
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
    given = ((report.first, RULE), (report.maps, RULE_MAPS), (report.filtered, RULE_FILTERED))
    parts = [tag("h2", "Rules, settings, sources")]
    parts += [tag("p", rule) for present, rule in given if present]
    used: dict[tuple[str, str], list[str]] = {}
    for outcome in report.outcomes:
        if outcome.settings:
            key = (outcome.settings, outcome.settings_hash)
            used.setdefault(key, []).append(outcome.title)
    settings = [
        tag("li", f"{', '.join(titles)}: settings ", tag("code", name), " ", tag("code", digest))
        for (name, digest), titles in used.items()
    ]
    if settings:
        parts.append(tag("ul", *settings, class_="settings"))
    ran = [o.configuration for o in report.outcomes if o.settings]
    ran += [o.test.test for o in report.maps]
    for name in dict.fromkeys(data_set for one in ran for data_set in needs(one)):
        found = ibsi_data.data_set(name)
        parts.append(
            tag(
                "p",
                f"Images: {found.title}, github.com/{found.repository} at {found.commit}; licence "
                f"{found.licence} ({found.licence_url}). {found.credit}",
            )
        )
    parts.append(tag("p", SOURCES))
    return tag("section", *parts, class_="how")


SOURCES = (
    "Reference values: IBSI reference manual (https://ibsi.readthedocs.io) and the digital phantom "
    "(github.com/theibsi/data_sets), licensed under CC BY 4.0 "
    "(https://creativecommons.org/licenses/by/4.0/); diagnostic values: IBSI's compliance "
    "spreadsheet; maps and values of IBSI 2: github.com/theibsi/ibsi_2_reference_data (CC0 1.0). "
    "Names were brought into snake case."
)
