"""A cohort's report as one HTML page: no script, no network, for phones, screens and paper."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from ferromics._html import Html, breakable, join, page, tag
from ferromics.cohort.report import OUTLYING_SHARE, CohortReport, Reason
from ferromics.cohort.report_features import MINUS, feature_sections
from ferromics.cohort.report_pictures import PICTURES, pictures_section
from ferromics.cohort.report_slices import Picture
from ferromics.cohort.report_statistics import FEWEST_JUDGED
from ferromics.cohort.report_table import Row

STYLE: Final = "cohort/report.css"
LISTED_OUTLIERS: Final = 100
LISTED_FEATURES: Final = 6
LISTED_REGIONS: Final = 12
"""Regions of one reason that are listed openly; more are folded away."""


def to_html(report: CohortReport, pictures: Mapping[int, Picture], choice: str) -> str:
    """The page.

    Parameters
    ----------
    report
        What it says.
    pictures
        By number of the row, what is shown of it.
    choice
        How those rows were chosen.
    """
    linked = frozenset(pictures)
    sections = [
        ("failures", "What failed", _reasons(report.failures, linked, "reason bad")),
        ("warnings", "Warnings", _reasons(report.warnings, linked, "reason")),
        ("outliers", "Regions that stand out", _outliers(report, linked)),
        ("pictures", PICTURES, pictures_section(report, pictures, choice)),
        *feature_sections(report),
        ("settings", "Settings and rules", _settings(report)),
    ]
    made = [(key, heading, body) for key, heading, body in sections if body]
    links = (tag("a", heading, href=f"#{key}") for key, heading, _ in made)
    title = f"Cohort report of {report.table.path.name}"
    return page(
        title,
        tag("header", tag("h1", title), *_verdicts(report), _facts(report)),
        tag("nav", *links, class_="screen"),
        tag(
            "main",
            *(tag("section", tag("h2", heading), body, id=key) for key, heading, body in made),
        ),
        styles=(STYLE,),
    )


def counted(n: int, one: str, many: str = "") -> str:
    """A number and its noun."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def link(row: Row, linked: frozenset[int]) -> Html:
    """A region's name, which leads to its picture where there is one."""
    return tag("a", row.name, href=f"#r{row.number}") if row.number in linked else join([row.name])


def _verdicts(report: CohortReport) -> list[Html]:
    whole, part, failed = report.cases()
    lines = [(f"{whole:,} of {counted(whole + part + failed, 'case')} done", "matched")]
    if part:
        lines.append((f"{counted(part, 'case')} done in part: some regions failed", "missed"))
    if failed:
        lines.append((f"{counted(failed, 'case')} failed", "missed"))
    if n := len(report.standing_out()):
        verb = "stands" if n == 1 else "stand"
        lines.append(
            (f"{counted(n, 'region')} {verb} out from the others: look at them", "partial")
        )
    return [tag("p", line, class_=f"verdict {colour}") for line, colour in lines]


def _facts(report: CohortReport) -> Html:
    table, rows = report.table, report.table.rows
    missed = len(rows) - len(report.done)
    constant = int(report.summary.constant.sum())
    undefined = int((report.summary.defined < len(report.done)).sum())
    pairs = [
        ("Regions", f"{len(rows):,}" + (f", {missed:,} failed" if missed else "")),
        (
            "Features",
            f"{len(table.features):,}; {constant:,} constant, {undefined:,} undefined in a region",
        ),
        ("Settings", _distinct(row.settings for row in rows)),
        ("Computed with", _distinct(f"ferromics {row.version}" for row in rows if row.version)),
        ("Table", str(table.path)),
        ("Cases from", _origin(table.provenance)),
        ("Files from", str(table.provenance.get("folder") or "").removeprefix(".")),
        ("Computing took", _duration(float(np.nansum(table.measures.get("case_seconds", 0.0))))),
        ("Report made", report.date),
    ]
    listed = (join((tag("dt", name), tag("dd", value))) for name, value in pairs if value)
    return tag("dl", *listed)


def _distinct(texts: Iterable[str]) -> str:
    found = dict.fromkeys(filter(None, texts))
    shown = list(found)[:4]
    return ", ".join(shown) + (f" and {len(found) - 4:,} more" if len(found) > 4 else "")


def _origin(provenance: Mapping[str, Any]) -> str:
    """Where the cases came from, of what the provenance says in words or numbers."""
    cases = provenance.get("cases")
    if not isinstance(cases, Mapping):
        return cases if isinstance(cases, str) else ""
    plain = {k: v for k, v in cases.items() if isinstance(v, str | int | float)}
    return "; ".join(f"{k} {v}".replace("_", " ", 1) for k, v in plain.items())


def _duration(seconds: float) -> str:
    if not seconds:
        return ""
    if seconds < 120:
        return f"{seconds:.3g} s, summed over regions"
    if seconds < 7200:
        return f"{seconds / 60:.3g} min, summed over regions"
    return f"{seconds / 3600:.3g} h, summed over regions"


def _reasons(reasons: Sequence[Reason], linked: frozenset[int], kind: str) -> Html:
    return join(_reason(reason, linked, kind) for reason in reasons)


def _reason(reason: Reason, linked: frozenset[int], kind: str) -> Html:
    """A reason, how often, and each region with its own words where they differ."""
    items = []
    for row, text in reason.rows:
        own = () if text == reason.text else (tag("small", text),)
        items.append(tag("li", link(row, linked), *own))
    head = tag("p", tag("strong", counted(len(items), "region")), f": {reason.text}")
    listed = tag("ul", *items)
    if len(items) > LISTED_REGIONS:
        listed = tag("details", tag("summary", "The regions"), listed)
    return tag("div", head, listed, class_=kind)


def _outliers(report: CohortReport, linked: frozenset[int]) -> Html:
    found = report.outliers
    if not report.table.features or not len(report.done):
        return Html("")
    if not found.groups:
        return tag(
            "p",
            f"Not judged: that needs at least {FEWEST_JUDGED} regions with features, of one name "
            "or of rare names together.",
        )
    share = found.share
    order = np.argsort(-share, kind="stable")
    above = int((share >= OUTLYING_SHARE).sum())
    listed = [int(k) for k in order[: max(min(above, LISTED_OUTLIERS), 5)] if share[k] > 0]
    groups = ", ".join(f"{name or 'other names'} ({n:,})" for name, n in found.groups[:8])
    more = f" and {len(found.groups) - 8} more" if len(found.groups) > 8 else ""
    if found.alone:
        more += f"; {counted(found.alone, 'region')} of rarer names not judged, being too few"
    about = (
        f"A value is outlying where it lies more than {found.limit:g} robust standard deviations "
        "(1.4826 times the median absolute deviation) from the feature's median among regions of "
        f"the same name: {groups}{more}. A region stands out where at least {OUTLYING_SHARE:.0%} "
        f"of its features are outlying: {counted(above, 'region')} of {len(report.done):,}"
        + (
            f", of which the first {LISTED_OUTLIERS} are listed."
            if above > LISTED_OUTLIERS
            else ". The next in line are listed too."
            if above < len(listed)
            else "."
        )
    )
    heads = ("region", "outlying", "features furthest out")
    head = tag("thead", tag("tr", *(tag("th", h, scope="col") for h in heads)))
    body = tag("tbody", *(_outlier(report, k, linked) for k in listed))
    return join((tag("p", about, class_="quiet"), tag("table", head, body, class_="outliers")))


def _outlier(report: CohortReport, k: int, linked: frozenset[int]) -> Html:
    """A region's row: its share, by family, and its features furthest out."""
    found, row = report.outliers, report.table.rows[report.done[k]]
    z, outlying = found.z[k], np.flatnonzero(found.outlying[k])
    families = [f.family for f in report.table.features]
    judged: dict[str, int] = {}
    out: dict[str, int] = {}
    for j in np.flatnonzero(np.isfinite(z)).tolist():
        judged[families[j]] = judged.get(families[j], 0) + 1
    for j in outlying.tolist():
        out[families[j]] = out.get(families[j], 0) + 1
    by_family = ", ".join(f"{name} {n}/{judged[name]}" for name, n in out.items())
    furthest = outlying[np.argsort(-np.abs(z[outlying]), kind="stable")]
    names = [
        tag("li", breakable(report.table.features[j].column), f" {z[j]:+.1f}".replace("-", MINUS))
        for j in furthest[:LISTED_FEATURES].tolist()
    ]
    more = len(furthest) - len(names)
    rest = [
        tag(
            "details",
            tag("summary", f"{more:,} more"),
            tag(
                "p",
                breakable(
                    ", ".join(
                        report.table.features[j].column for j in furthest[LISTED_FEATURES:150]
                    )
                ),
                f", and {len(furthest) - 150:,} more" if len(furthest) > 150 else "",
            ),
        )
    ]
    strong = "missed" if found.share[k] >= OUTLYING_SHARE else "quiet"
    return tag(
        "tr",
        tag("th", link(row, linked), scope="row"),
        tag("td", f"{found.share[k]:.0%}", tag("small", by_family), class_=strong),
        tag("td", tag("ul", *names), *(rest if more else ())),
    )


def _settings(report: CohortReport) -> Html:
    stored = report.table.provenance.get("settings") or {}
    counts: dict[str, int] = {}
    for row in report.table.rows:
        if row.settings:
            counts[row.settings] = counts.get(row.settings, 0) + 1
    parts = []
    for digest, n in counts.items():
        head = tag("summary", "Settings ", tag("code", digest), f": {counted(n, 'region')}")
        text = json.dumps(stored[digest], indent=1) if digest in stored else "Not stored here."
        parts.append(tag("details", head, tag("pre", text)))
    if len(counts) > 1:
        parts.append(
            tag("p", "Regions were computed with different settings; compare them with care.")
        )
    parts.append(
        tag(
            "p",
            "Names of features, units and aggregations are those of the Image Biomarker "
            "Standardisation Initiative, listed by `ferromics features`. This page holds images of "
            "the cases and their names: treat it as you treat the images.",
            class_="quiet",
        )
    )
    return join(parts)
