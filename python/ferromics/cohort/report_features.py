"""The report's features as HTML: distributions by family, measures, correlation clusters."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferromics._html import Html, breakable, join, tag
from ferromics.cohort.report import CohortReport
from ferromics.cohort.report_plots import FAMILY_COLOURS, heat_map, histogram
from ferromics.cohort.report_statistics import CLOSE, Clusters, summarise
from ferromics.cohort.report_table import MEASURES

MEASURE_WORDS: Final = {
    **{f"case_spacing_{k}_mm": f"voxel spacing {k}, mm" for k in "zyx"},
    **{f"case_shape_{k}": f"image size {k}, voxels" for k in "zyx"},
    **{f"case_grid_spacing_{k}_mm": f"voxel spacing {k} after resampling, mm" for k in "zyx"},
    **{f"case_grid_shape_{k}": f"image size {k} after resampling, voxels" for k in "zyx"},
    "case_voxels_morphological": "voxels of the region (morphological mask)",
    "case_voxels_intensity": "voxels of the region (intensity mask)",
    "case_seconds": "seconds",
}
MOST_NAMED: Final = 200
MINUS: Final = "\N{MINUS SIGN}"


def feature_sections(report: CohortReport) -> list[tuple[str, str, Html]]:
    """Sections of the page: key, heading, contents (empty where there is nothing to say)."""
    return [
        ("measures", "Images and regions", _measures(report)),
        ("features", "Features", _features(report)),
        ("correlation", "Correlation clusters", _correlation(report)),
    ]


def number(value: float) -> str:
    """A number in four digits."""
    if not np.isfinite(value):
        return "-"
    text = f"{value:.4g}" if abs(value) < 1e4 or abs(value) >= 1e7 else f"{value:,.0f}"
    return text.replace("-", MINUS)


def _measures(report: CohortReport) -> Html:
    measures = report.table.measures
    rows = []
    for name in MEASURES:
        values = measures.get(name, np.empty(0))
        before = measures.get(name.replace("_grid", ""), values)
        resampled = "_grid" not in name or not np.array_equal(values, before, equal_nan=True)
        if np.isfinite(values).any() and resampled:
            head = tag("th", MEASURE_WORDS[name], scope="row")
            rows.append(_distribution(head, values, np.zeros(len(values), bool), "unknown"))
    if not rows:
        return Html("")
    about = "Image axes after orientation: z to superior, y to posterior, x to the patient's left."
    return join((tag("p", about, class_="quiet"), _table(rows)))


def _table(rows: Sequence[Html]) -> Html:
    heads = ("", "distribution", "lowest", "median", "highest", "")
    head = tag("thead", tag("tr", *(tag("th", h, scope="col") for h in heads)))
    return tag("table", head, tag("tbody", *rows), class_="distributions")


def _distribution(
    head: Html, values: NDArray[np.float64], outlying: NDArray[np.bool_], lacking: str
) -> Html:
    """A row of the table: name, histogram, lowest, median, highest, what is odd."""
    found = summarise(values[:, None])
    ends = (float(v[0]) for v in (found.low, found.median, found.high))
    defined = np.isfinite(values)
    notes = []
    if found.constant[0]:
        notes.append("constant")
    if missing := int((~defined).sum()):
        notes.append(f"{missing:,} {lacking}")
    if far := int(outlying.sum()):
        notes.append(f"{far:,} outlying")
    plain = bool(found.constant[0]) or not defined.any()
    plot = Html("") if plain else histogram(values[defined], outlying[defined])
    return tag(
        "tr",
        head,
        tag("td", plot),
        *(tag("td", number(v)) for v in ends),
        tag("td", ", ".join(notes), class_="quiet"),
    )


def _features(report: CohortReport) -> Html:
    features, summary = report.table.features, report.summary
    if not features or not len(report.done):
        return Html("")
    regions = len(report.done)
    constant = np.flatnonzero(summary.constant).tolist()
    undefined = np.flatnonzero(summary.defined < regions).tolist()
    nowhere = np.flatnonzero(summary.defined == 0).tolist()
    parts = [
        tag(
            "p",
            f"{len(features):,} features of {regions:,} regions. {len(constant):,} are constant, "
            f"{len(undefined):,} are undefined in at least one region, {len(nowhere):,} in all.",
        ),
        _named(
            "Constant features", [(features[k].column, number(summary.median[k])) for k in constant]
        ),
        _named(
            "Features that are undefined somewhere",
            [
                (features[k].column, f"in {regions - int(summary.defined[k]):,} of {regions:,}")
                for k in sorted(undefined, key=lambda k: int(summary.defined[k]))
            ],
        ),
        tag(
            "p",
            "Bars in colour are outlying values. Where values lie far out, the bars at the ends, "
            "set apart, hold them. Open a family to see its features.",
            class_="quiet",
        ),
    ]
    families = dict.fromkeys(f.family for f in features)
    return join((*parts, *(_family(report, family) for family in families)))


def _named(heading: str, entries: Sequence[tuple[str, str]]) -> Html:
    if not entries:
        return Html("")
    items = [tag("li", breakable(name), f": {what}") for name, what in entries[:MOST_NAMED]]
    if len(entries) > MOST_NAMED:
        items.append(tag("li", f"and {len(entries) - MOST_NAMED:,} more"))
    return tag("details", tag("summary", f"{heading}: {len(entries):,}"), tag("ul", *items))


def _family(report: CohortReport, family: str) -> Html:
    chosen = [k for k, f in enumerate(report.table.features) if f.family == family]
    outlying = report.outliers.outlying[:, chosen]
    rows = []
    for at, k in enumerate(chosen):
        feature = report.table.features[k]
        unit = (tag("small", feature.unit),) if feature.unit else ()
        head = tag("th", breakable(feature.column), *unit, scope="row")
        rows.append(_distribution(head, report.values[:, k], outlying[:, at], "undefined"))
    summary = report.summary
    constant = int(summary.constant[chosen].sum())
    undefined = int((summary.defined[chosen] < len(report.done)).sum())
    notes = [f"{len(chosen):,} features"]
    notes += [f"{constant:,} constant"] if constant else []
    notes += [f"{undefined:,} undefined somewhere"] if undefined else []
    values = int(outlying.sum())
    notes += [f"{values:,} outlying " + ("value" if values == 1 else "values")] if values else []
    return tag(
        "details", tag("summary", tag("strong", family), f": {', '.join(notes)}"), _table(rows)
    )


def _correlation(report: CohortReport) -> Html:
    found = report.clusters
    if isinstance(found, str):
        return tag("p", found)
    features = report.table.features
    families = [f.family for f in features]
    names = list(dict.fromkeys(families))
    colours = {family: FAMILY_COLOURS[k % len(FAMILY_COLOURS)] for k, family in enumerate(names)}
    image = base64.b64encode(heat_map(found, families, colours)).decode("ascii")
    several = [group for group in found.groups if len(group) > 1]
    left_out = "".join(f" Left out: {n:,} {why}." for why, n in found.left_out)
    about = (
        f"Spearman's rho between {len(found.order):,} features over {len(report.done):,} regions, "
        "in the order of a hierarchical clustering (average linkage on 1 - |rho|). At a mean |rho| "
        f"above {CLOSE:g} there are {len(found.groups):,} clusters; {len(several):,} hold more "
        f"than one feature.{left_out}"
    )
    shown = {families[k] for k in found.order.tolist()}
    keys = [
        tag("span", Html(f'<i style="background:{colours[f]}"></i>'), f)
        for f in names
        if f in shown
    ]
    keys.append(tag("span", f"{MINUS}1", Html('<i class="shades"></i>'), "1 rho"))
    keys.append(tag("span", Html('<i class="turns"></i>'), "clusters by turns"))
    picture = Html(
        '<img class="heat" alt="Heat map of rank correlations between features, with bars of '
        f'families and clusters" src="data:image/png;base64,{image}">'
    )
    return join(
        (
            tag("p", about, class_="quiet"),
            picture,
            tag("p", *keys, class_="legend"),
            *_clusters(report, found, several),
        )
    )


def _clusters(
    report: CohortReport, found: Clusters, several: Sequence[Sequence[int]]
) -> list[Html]:
    """The clusters with their members, and one feature of each to copy."""
    features = report.table.features
    items = []
    for group in sorted(several, key=len, reverse=True):
        counts: dict[str, int] = {}
        for k in group:
            counts[features[k].family] = counts.get(features[k].family, 0) + 1
        by_family = ", ".join(f"{name} {n}" for name, n in counts.items())
        head = tag(
            "summary",
            tag("strong", f"{len(group):,}"),
            " as ",
            breakable(features[group[0]].column),
            tag("small", by_family),
        )
        members = (tag("li", breakable(features[k].column)) for k in group[1:])
        items.append(tag("details", head, tag("ul", *members)))
    representatives = "\n".join(features[group[0]].column for group in found.groups)
    parts = [tag("h3", f"Clusters at |rho| > {CLOSE:g}")] if items else []
    parts += items
    parts.append(
        tag(
            "details",
            tag("summary", f"One feature of each cluster, to copy: {len(found.groups):,}"),
            tag("pre", representatives),
        )
    )
    return parts
