"""A cohort's report: what it says, before it becomes a page.

Which cases are done and which failed and why, what was warned of, which regions stand out, which
features do, and of which regions the picture is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path, PurePath
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferromics.cohort.report_statistics import (
    Clusters,
    Outliers,
    Summary,
    find_clusters,
    find_outliers,
    summarise,
)
from ferromics.cohort.report_table import Row, Table

LIMIT: Final = 5.0
"""Values this many robust standard deviations from the median are outlying."""

OUTLYING_SHARE: Final = 0.1
"""A region stands out if this share of its features is outlying."""

SLICES: Final = 500
"""So many regions are shown with their picture, besides those that stand out."""

_FILE = re.compile(r"\S*[/\\]\S*|\S+\.(?:nii(?:\.gz)?|nrrd|mha|mhd|dcm)\b:?", re.I)
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w])")
_RUN = re.compile(r"…(?:(?:, | x | \u00d7 |, and | and | )…)+")


@dataclass(frozen=True)
class Reason:
    """One reason and the regions it holds for, each with its own words."""

    text: str
    rows: tuple[tuple[Row, str], ...]


@dataclass(frozen=True)
class CohortReport:
    """What a cohort's table shows.

    Attributes
    ----------
    table
        The table.
    done
        Numbers of the rows that have features, in order; the matrices below have these rows.
    values
        The features of those regions.
    summary, outliers, clusters
        Of those values; ``clusters`` may say why there are none.
    failures, warnings
        By reason, the most frequent first.
    date
        When the report was made.
    """

    table: Table
    done: NDArray[np.intp]
    values: NDArray[np.float64]
    summary: Summary
    outliers: Outliers
    clusters: Clusters | str
    failures: tuple[Reason, ...]
    warnings: tuple[Reason, ...]
    date: str

    @property
    def failed(self) -> tuple[Row, ...]:
        """Rows without features."""
        return tuple(row for row in self.table.rows if not row.done)

    def share(self) -> NDArray[np.float64]:
        """Share of outlying features of every row; 0 where a row has no features."""
        out = np.zeros(len(self.table.rows))
        out[self.done] = self.outliers.share
        return out

    def standing_out(self) -> list[Row]:
        """Regions of which many features are outlying, the most outlying first."""
        share = self.share()
        order = np.argsort(-share, kind="stable")
        return [self.table.rows[k] for k in order if share[k] >= OUTLYING_SHARE]

    def cases(self) -> tuple[int, int, int]:
        """How many cases are done, failed in part, failed."""
        found: dict[tuple[str, str], set[bool]] = {}
        for row in self.table.rows:
            found.setdefault((row.case, row.image), set()).add(row.done)
        whole = sum(states == {True} for states in found.values())
        failed = sum(states == {False} for states in found.values())
        return whole, len(found) - whole - failed, failed


def make(table: Table, *, limit: float = LIMIT) -> CohortReport:
    """Work out what the report says of a table."""
    done = np.flatnonzero([row.done for row in table.rows])
    values = table.values[done]
    summary = summarise(values)
    names = [table.rows[k].roi for k in done]
    return CohortReport(
        table=table,
        done=done,
        values=values,
        summary=summary,
        outliers=find_outliers(values, names, limit),
        clusters=find_clusters(values, summary) if table.features else "There are no features.",
        failures=by_reason((row, row.error or "no reason given") for row in failed(table.rows)),
        warnings=by_reason((row, text) for row in table.rows for text in row.warnings),
        date=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
    )


def failed(rows: Iterable[Row]) -> list[Row]:
    """Rows without features."""
    return [row for row in rows if not row.done]


def by_reason(texts: Iterable[tuple[Row, str]]) -> tuple[Reason, ...]:
    """Group messages that differ only in files, names and numbers; the most frequent first."""
    groups: dict[str, list[tuple[Row, str]]] = {}
    for row, text in texts:
        groups.setdefault(in_general(row, text), []).append((row, text))
    ranked = sorted(groups.items(), key=lambda group: -len(group[1]))
    return tuple(
        Reason(same.pop() if len(same := {text for _, text in rows}) == 1 else general, tuple(rows))
        for general, rows in ranked
    )


def in_general(row: Row, text: str) -> str:
    """A message without what is the case's own: files, its names, numbers.

    Examples
    --------
    >>> from pathlib import Path
    >>> from ferromics.cohort.report import in_general
    >>> from ferromics.cohort.report_table import Row
    >>> row = Row(0, "P1", "gtv", "failed", "", (), "ct/P1.nii.gz", "", "m/P1.nii.gz", "", None,
    ...           None, "", "", "", {})
    >>> in_general(row, "mask m/P1.nii.gz (P1) has no label 3; it has 1, 2")
    'mask … (…) has no label …; it has …'
    """
    for name in filter(None, (row.image, row.mask)):
        for form in (name, PurePath(name).name):
            text = re.sub(rf"[^\s'\"]*{re.escape(form)}", "…", text)
    for name in filter(None, (row.case, row.roi)):
        text = re.sub(rf"(?<![\w.]){re.escape(name)}(?![\w.])", "…", text)
    text = _FILE.sub(_keeping_the_colon, text)
    return _RUN.sub("…", _NUMBER.sub("…", text))


def _keeping_the_colon(found: re.Match[str]) -> str:
    return "…:" if found[0].endswith(":") else "…"


def shown(report: CohortReport, most: int) -> tuple[list[Row], str]:
    """Rows whose picture is shown, and how they were chosen.

    All, where there are no more than ``most``; else those that stand out, then those that failed,
    then the others, evenly spread over the table.
    """
    rows = report.table.rows
    if len(rows) <= most:
        return list(rows), f"All {len(rows):,} regions."
    first = report.standing_out()
    chosen = {row.number for row in first}
    missed = [row for row in report.failed if row.number not in chosen]
    taken = spread(missed, max(0, most - len(chosen)))
    chosen.update(row.number for row in taken)
    others = [row for row in rows if row.done and row.number not in chosen]
    evenly = spread(others, max(0, most - len(chosen)))
    chosen.update(row.number for row in evenly)
    parts = (
        (len(first), len(first), "that stand out"),
        (len(taken), len(missed), "that failed"),
        (len(evenly), len(others), "others, evenly spread over the table"),
    )
    listed = ", ".join(
        f"{n:,} {what}" if n == of else f"{n:,} of {of:,} {what}" for n, of, what in parts if of
    )
    text = f"A sample: {len(chosen):,} of {len(rows):,} regions; {listed}. --slices shows more."
    return [row for row in rows if row.number in chosen], text


def spread(rows: Sequence[Row], most: int) -> list[Row]:
    """At most so many rows, evenly spread."""
    if len(rows) <= most:
        return list(rows)
    return [rows[k] for k in np.linspace(0, len(rows) - 1, most).astype(int)] if most else []


def check_packages() -> None:
    """Refuse to begin without the packages of the extra ``report``."""
    from importlib.util import find_spec

    names = {"PIL": "Pillow", "pyarrow": "pyarrow", "scipy": "scipy"}
    missing = [name for module, name in names.items() if find_spec(module) is None]
    if missing:
        msg = f"`ferromics report` needs {', '.join(missing)}: pip install 'ferromics[report]'"
        raise ImportError(msg)


def check_output(path: Path) -> None:
    """Refuse a path at which no page can be written, before anything is read."""
    from ferromics._files import check_target
    from ferromics.errors import InputError

    if path.suffix.lower() not in (".html", ".htm"):
        msg = f"the report is a web page: {path} must end in .html"
        raise InputError(msg)
    check_target(path)
