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
    from ferromics.suite import MapOutcome, Outcome

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
            help="Run only this; may be repeated. IBSI 1: phantom, A, B, C, D, E, or ibsi1 for "
            "all; IBSI 2: ibsi2:1 and ibsi2:2 for its phases, ibsi2:A and ibsi2:B for the halves "
            "of phase 2, ibsi2 for all, or one test as IBSI writes it, such as 3.a.1 (phase 1) or "
            "2.A (phase 2).",
        ),
    ] = None,
    report: ReportOption = None,
    form: FormOption = Listing.table,
) -> int:
    """Run IBSI's compliance suite.

    IBSI 1: the features of the digital phantom and of configurations A to E. IBSI 2: the response
    maps of phase 1 and the features of filtered images of phase 2.

    Exit status: 1 if a value or a map misses its reference, 2 if something could not run.

    A to E and phase 2 need IBSI's CT phantom, which is not for commercial use and not in the
    package; phase 1 needs the phantoms and maps of IBSI 2.
    """
    if context.invoked_subcommand is not None:
        if data or download or configuration or report or form is not Listing.table:
            message = f"options go after `{context.invoked_subcommand}`"
            raise typer.BadParameter(message)
        return DONE
    from ferromics import ibsi_data
    from ferromics._core import build_info
    from ferromics.errors import InputError
    from ferromics.report import Report
    from ferromics.suite import chosen, lacking, listed, needs

    _check_report(report)
    wanted = chosen(configuration or ())
    if download:
        _download(ibsi_data.download_folder(data))
    sets = dict.fromkeys(data_set for name in wanted for data_set in needs(name))
    look = data or sets
    folder = ibsi_data.find(data, sets=sets or (ibsi_data.CT_PHANTOM,)) if look else None
    absent = {name: data_set for name in wanted if (data_set := lacking(name, folder))}
    can_run = [name for name in wanted if name not in absent]
    ways = [
        f"{listed(name for name in absent if absent[name] == data_set)}, which need the "
        f"{ibsi_data.data_set(data_set).title}: {ibsi_data.how_to_get(data_set)}"
        for data_set in dict.fromkeys(absent.values())
    ]
    if not can_run:
        message = f"nothing to run: {'; '.join(ways)}"
        raise InputError(message)
    outcomes, maps = _run(can_run, folder)
    titles = {name: ibsi_data.data_set(data_set).title for name, data_set in absent.items()}
    not_run = tuple((n, f"the {title} is not on this machine") for n, title in titles.items())
    tool = f"ferromics {build_info()['version']}"
    made = Report(tool, tuple(outcomes), maps=tuple(maps), not_run=not_run)
    for remark in made.remarks():
        tell(f"warning: {remark}")
    _write(made, report, form)
    for way in ways:
        tell(f"not run: {way}; or choose with --only")
    return SOME_FAILED if made.missed else UNUSABLE if not_run else DONE


def _run(names: list[str], folder: Path | None) -> tuple[list[Outcome], list[MapOutcome]]:
    """Outcomes of configurations and of tests of phase 2; maps of phase 1."""
    from ferromics import compliance, suite

    outcomes, maps = [], []
    first = [name for name in names if name in compliance.configurations()]
    for k, name in enumerate(first, 1):
        with progress(f"configuration {name} ({k} of {len(first)})"):
            outcomes.append(suite.run(name, folder))
    filtered = [name for name in names if name in compliance.filter_tests()]
    second = [name for name in names if name not in (*first, *filtered)]
    with progress(f"IBSI 2, phase 1: {len(second)} response maps"):
        maps += [suite.run_map(name, folder) for name in second]
    with progress(f"IBSI 2, phase 2: {len(filtered)} filtered images"):
        outcomes += suite.run_filtered(filtered, folder)
    return outcomes, maps


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
            help="What the values are of, where the table does not say: phantom, A, B, C, D, E, or "
            "a test of IBSI 2, phase 2, such as 2.A.",
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
    from ferromics.suite import judged_values

    _check_report(report)
    found = foreign.read(values, tool=tool, configuration=configuration)
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
    if page is not None:
        from ferromics._files import write_atomically
        from ferromics.report_html import to_html

        write_atomically(page, to_html(made).encode())
    if form is Listing.table:
        from rich.console import Console

        from ferromics.report_terminal import show

        width = None if sys.stdout.isatty() else 160  # a pipe does not wrap
        show(made, Console(width=width, highlight=False))
    else:
        from ferromics.report import to_csv, to_json

        text = to_csv if form is Listing.csv else to_json
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
