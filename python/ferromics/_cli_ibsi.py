"""`ferromics ibsi`: runs IBSI's compliance suite; `ferromics ibsi check`: judges any tool's values.

Exit status: 0 nothing missed, 1 a value missed its reference, 2 something that was asked for could
not be done. A value that is absent from another tool's file is told, and is no miss.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ferromics._console import DONE, SOME_FAILED, UNUSABLE, Listing, progress, tell

if TYPE_CHECKING:
    from ferromics.report import Report

ibsi_app = typer.Typer(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ReportOption = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE.html", help="Also write the report as one HTML page."),
]
FormOption = Annotated[Listing, typer.Option("--format", help="What goes to stdout.")]


@ibsi_app.callback()
def suite(
    context: typer.Context,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Folder with IBSI's data sets. Else FERROMICS_IBSI_DATA, else earlier downloads."
        ),
    ] = None,
    download: Annotated[
        bool, typer.Option("--download", help="First download what is missing of IBSI's data.")
    ] = False,
    configuration: Annotated[
        list[str] | None,
        typer.Option(
            "--configuration",
            "--only",
            "-c",
            metavar="NAME",
            help="Run only this: phantom, A, B, C, D or E; may be repeated.",
        ),
    ] = None,
    report: ReportOption = None,
    form: FormOption = Listing.table,
) -> int:
    """Run IBSI's compliance suite: the digital phantom and configurations A to E.

    Exit status: 1 if a value misses its reference, 2 if a configuration could not run.

    A to E need IBSI's CT phantom, which is not for commercial use and not in the package.
    """
    if context.invoked_subcommand is not None:
        if data or download or configuration or report or form is not Listing.table:
            message = f"options go after `{context.invoked_subcommand}`"
            raise typer.BadParameter(message)
        return DONE
    from ferromics import ibsi_data
    from ferromics.errors import InputError
    from ferromics.report import Report
    from ferromics.suite import chosen, needs_data, run

    _check_report(report)
    wanted = chosen(configuration or ())
    if download:
        _download(ibsi_data.download_folder(data))
    folder = ibsi_data.find(data) if data or any(map(needs_data, wanted)) else None
    outcomes, not_run = [], []
    for k, name in enumerate(wanted, 1):
        if needs_data(name) and folder is None:
            not_run.append((name, "IBSI's CT phantom is not on this machine"))
            continue
        with progress(f"configuration {name} ({k} of {len(wanted)})"):
            outcomes.append(run(name, folder))
    if not outcomes:
        message = f"configuration {', '.join(wanted)} needs IBSI's data: {ibsi_data.HOW_TO_GET_IT}"
        raise InputError(message)
    from ferromics._core import build_info

    made = Report(f"ferromics {build_info()['version']}", tuple(outcomes), not_run=tuple(not_run))
    for outcome in outcomes:
        for note in outcome.notes:
            tell(f"warning: {note}")
    _write(made, report, form)
    if not_run:
        tell(
            f"not run: configurations {', '.join(name for name, _ in not_run)}, which need IBSI's "
            f"CT phantom: {ibsi_data.HOW_TO_GET_IT}; or choose with --only phantom"
        )
    return SOME_FAILED if made.missed else UNUSABLE if not_run else DONE


@ibsi_app.command()
def check(
    values: Annotated[
        Path, typer.Argument(metavar="VALUES.csv", help="Table of values from any tool.")
    ],
    configuration: Annotated[
        str | None,
        typer.Option(
            "--configuration",
            "-c",
            metavar="NAME",
            help="What the values are of, where the table does not say: phantom, A, B, C, D or E.",
        ),
    ] = None,
    tool: Annotated[
        str | None, typer.Option(help="Whose names the table uses; by default found out.")
    ] = None,
    report: ReportOption = None,
    form: FormOption = Listing.table,
) -> int:
    """Judge the values that any tool computed on IBSI's phantoms.

    Exit status: 1 if a value misses its reference; values that are absent are no miss.
    """
    from ferromics import foreign
    from ferromics.report import Report
    from ferromics.suite import chosen, judged_values

    _check_report(report)
    named = chosen([configuration])[0] if configuration else None
    found = foreign.read(values, tool=tool, configuration=named)
    outcomes = tuple(judged_values(found.records))
    made = Report(
        found.tool, outcomes, source=values.name, unmapped=found.unmapped, notes=found.notes
    )
    _write(made, report, form)
    return SOME_FAILED if made.missed else DONE


def _check_report(path: Path | None) -> None:
    """Refuse a report that could not be written, before anything is computed."""
    from ferromics.errors import InputError

    if path is None:
        return
    if path.suffix.lower() not in (".html", ".htm"):
        message = f"the report is a page; its name must end in .html, not as {path}"
        raise InputError(message)
    if path.is_dir() or not path.parent.is_dir():
        message = f"cannot write {path}: " + (
            "it is a folder" if path.is_dir() else f"no folder {path.parent}"
        )
        raise InputError(message)


def _write(made: Report, page: Path | None, form: Listing) -> None:
    from ferromics import report

    if page is not None:
        from ferromics._files import write_atomically
        from ferromics.report_html import to_html

        write_atomically(page, to_html(made).encode())
    if form is Listing.table:
        from rich.console import Console

        width = None if sys.stdout.isatty() else 160  # a pipe does not wrap
        report.show(made, Console(width=width, highlight=False))
    else:
        text = report.to_csv if form is Listing.csv else report.to_json
        sys.stdout.write(text(made))


def _download(folder: Path) -> None:
    """Say what comes and under which licence, then fetch it."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    from ferromics import ibsi_data

    sets = ibsi_data.data_sets()
    for entry in sets:
        tell(
            f"{entry.title}: {len(entry.files)} files, {entry.size / 1e6:.1f} MB, from "
            f"github.com/{entry.repository} at {entry.commit[:7]}; licence {entry.licence} "
            f"({entry.licence_url}). {entry.credit}"
        )
    tell(f"downloading what is missing into {folder}")
    columns = (TextColumn("downloading"), BarColumn(), DownloadColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=sum(entry.size for entry in sets))
        ibsi_data.download(folder, sets, tell=lambda size: bar.advance(task, size))
