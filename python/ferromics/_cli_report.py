"""The command ``ferromics report``: a cohort's table as a page to look at."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from ferromics._console import DONE, progress, tell

HELP = """\
Make a page of a cohort's table: what failed and why, pictures, outliers, features.

ferromics report features.parquet -o report.html

The page is one file and needs no network. It shows each region's outline on a slice of its image,
so that a wrong mask is seen at a glance; the images are read for that from where they were when the
features were computed.
"""


def cohort_report(
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE",
            help="What `ferromics batch` wrote: .csv, .tsv, .parquet, .feather, .arrow or .jsonl.",
        ),
    ],
    output: Annotated[
        str, typer.Option("--output", "-o", help="Page to write (.html); - for stdout.")
    ] = "report.html",
    slices: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="Show the images of so many regions, chosen evenly, and of all that stand out; 0 "
            "for none. [default: 500]",
        ),
    ] = None,
    outliers: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            metavar="Z",
            help="Distance from the median, in robust standard deviations, from which on a value "
            "is outlying. [default: 5]",
        ),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Images read at a time. [default: cores, up to 4]")
    ] = None,
) -> int:
    """Make a page of a cohort's table: what failed and why, pictures, outliers, features."""
    from ferromics.cohort import report as numbers
    from ferromics.cohort import report_table

    target = None if output == "-" else Path(output)
    if target is not None:
        numbers.check_output(target)
    numbers.check_packages()
    with progress(f"reading {table.name}") as say:
        read = report_table.read(table)
        say("looking for outliers and clusters")
        made = numbers.make(read, limit=outliers or numbers.LIMIT)
    from ferromics.cohort.report_page import to_html
    from ferromics.cohort.report_slices import Picture, default_jobs, pictures

    most = numbers.SLICES if slices is None else slices
    rows, choice = numbers.shown(made, most)
    found: dict[int, Picture] = {}
    with _bar(len(rows)) as advance:
        for some in pictures(read, rows, jobs or default_jobs()):
            found.update(some)
            advance(len(some))
    missing = sum(bool(picture.missing) for picture in found.values())
    if missing:
        tell(f"warning: {missing} of {len(found)} regions have no picture: no image was readable")
    page = to_html(made, found, choice)
    if target is None:
        sys.stdout.write(page)
    else:
        from ferromics._files import write_atomically

        write_atomically(target, page.encode())
    return DONE


@contextlib.contextmanager
def _bar(total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr, if that is a terminal; what it hands out moves it."""
    if not (total and sys.stderr.isatty()):
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("reading images"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=total)
        yield lambda n: bar.advance(task, n)
