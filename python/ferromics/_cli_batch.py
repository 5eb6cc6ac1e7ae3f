"""The command ``ferromics batch``: a cohort in one go, that can be stopped and gone on with."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Final

import typer

from ferromics._console import (
    DONE,
    INTERRUPTED,
    SOME_FAILED,
    UNUSABLE,
    Layout,
    SettingsOption,
    parse_labels,
    tell,
)

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from ferromics.cohort.batch import Report
    from ferromics.cohort.cases import Cohort
    from ferromics.cohort.work import Outcome

HELP = """\
Compute a cohort: many cases, one table.

CASES is a table (.csv, .tsv, .parquet) with the columns image and mask and, if wanted, case, \
label, roi, settings and any others, which are carried through; or a folder.

ferromics batch cases.csv -o features.parquet --settings ct

ferromics batch data/ --pattern "{case}/ct.nii.gz" --mask-pattern "{case}/{roi}.nii.gz" -o f.csv

What is done is kept in features.journal: after Ctrl-C, a crash or a loss of power the same \
command with --resume does the rest.
"""

MOST_TOLD: Final = 20
"""Failed regions that are told one by one."""


class WorkersOption(str, Enum):
    """What computes cases on this machine."""

    threads = "threads"
    processes = "processes"


def batch(
    cases: Annotated[
        str,
        typer.Argument(metavar="CASES", help="Table of cases, or a folder of images and masks."),
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            help=".csv, .tsv, .json, .jsonl, .parquet, .feather, .arrow file; - for CSV on stdout.",
        ),
    ] = None,
    settings: SettingsOption = None,
    label: Annotated[
        str | None,
        typer.Option(help="Label where the table has none: a number, N,M,... or all."),
    ] = None,
    mask_threshold: Annotated[
        float | None, typer.Option(help="Least mask value inside a region, for fractions.")
    ] = None,
    layout: Annotated[
        Layout, typer.Option("--format", help="One row a region, or one row a value.")
    ] = Layout.wide,
    pattern: Annotated[
        str | None,
        typer.Option(help="Where a folder's images are, as {case}/{modality}.nii.gz."),
    ] = None,
    mask_pattern: Annotated[
        str | None, typer.Option(help="Where its masks are, as {case}/masks/{roi}.nii.gz.")
    ] = None,
    modality: Annotated[
        str | None, typer.Option(help="Only images of this {modality}, or BIDS suffix.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Cases at a time; default: the cores.")
    ] = None,
    memory: Annotated[
        str | None,
        typer.Option(help="Memory that may be used, as 8G; default: 80 % of what is free."),
    ] = None,
    workers: Annotated[
        WorkersOption, typer.Option(help="Threads; or processes, which outlive a crash of one.")
    ] = WorkersOption.threads,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an earlier run; do what is new or changed.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Start anew where an earlier run left something.")
    ] = False,
    shard: Annotated[
        str | None, typer.Option(help="Only this part of the cases, as 3/20; for job arrays.")
    ] = None,
    dask: Annotated[
        str | None, typer.Option(metavar="SCHEDULER", help="Compute on a dask cluster (address).")
    ] = None,
    log: Annotated[
        Path | None, typer.Option(help="File that gets a line for each region, with its time.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List cases, regions and what is missing; no more.")
    ] = False,
) -> int:
    """Compute a cohort: many cases, one table."""
    from ferromics._files import check_target
    from ferromics.cohort.find import find_cases
    from ferromics.errors import InputError
    from ferromics.settings import Settings

    asked = None if label is None else parse_labels(label)
    cohort = find_cases(
        Path(cases),
        pattern=pattern,
        mask_pattern=mask_pattern,
        modality=modality,
        label=asked,
        mask_threshold=mask_threshold,
    )
    chosen = Settings.of(settings)
    for note in (*cohort.notes, *cohort.twins(), *chosen.notes()):
        tell(f"warning: {note}")
    if dry_run:
        return _survey(cohort, chosen)
    if log is not None:
        check_target(log)
    if output is None:
        msg = "name the table to write, as -o features.parquet (- for CSV on stdout)"
        raise InputError(msg)
    _check_switches(output, resume=resume, overwrite=overwrite, shard=shard)
    with contextlib.ExitStack() as stack:
        how: dict[str, Any] = {"jobs": jobs, "memory": memory, "workers": workers.value}
        if dask is not None:
            how = {"jobs": jobs, "executor": stack.enter_context(_dask(dask))}
        if output == "-":
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ferromics-")))
            target = folder / "features.csv"
        else:
            target = Path(output)
        status = _run(
            cohort,
            chosen,
            target,
            layout=layout.value,
            resume=resume,
            overwrite=overwrite,
            shard=shard,
            log=log,
            how=how,
            named=output != "-",
        )
        if output == "-" and target.is_file():
            with target.open(encoding="utf-8", newline="") as file:
                shutil.copyfileobj(file, sys.stdout)
    return status


def _run(
    cohort: Cohort,
    settings: Any,
    target: Path,
    *,
    layout: Any,
    resume: bool,
    overwrite: bool,
    shard: str | None,
    log: Path | None,
    how: dict[str, Any],
    named: bool,
) -> int:
    from ferromics.cohort.batch import Batch, Shard

    part = None if shard is None else Shard.parse(shard)
    work = Batch(cohort, settings, target, layout=layout, shard=part)
    with (
        work.open(resume=resume, overwrite=overwrite) as journal,
        _Told(log) as told,
        _stopping(told) as stopping,
    ):
        if journal.damaged:
            tell(f"warning: {_count(journal.damaged, 'line')} of the journal cannot be read")
        try:
            report = work.run(journal, stop=stopping.is_set, watch=told, **how)
        except OSError as error:
            kept = f"; {len(journal)} cases are kept, --resume goes on" if named else ""
            tell(f"{error.filename or journal.path}: {error.strerror or error}{kept}")
            return UNUSABLE
    return _closing_words(report, named=named)


def _closing_words(report: Report, *, named: bool) -> int:
    done = report.skipped + report.computed
    if report.interrupted:
        kept = f": {done} of {report.total} cases are done" if named else ""
        how = f" and kept in {report.journal}; the same command with --resume goes on"
        tell(f"stopped{kept}{how if named else ''}")
        raise SystemExit(INTERRUPTED)
    parts = [_count(report.total, "case"), _count(report.regions, "region")]
    if report.skipped:
        parts.append(f"{_count(report.skipped, 'case')} done before")
    if report.failed:
        parts.append(f"{_count(report.failed, 'region')} failed (column case_error)")
    if named:
        parts.append(f"written to {report.output}")
    tell(", ".join(parts))
    if report.regions and report.failed == report.regions:
        return UNUSABLE
    return SOME_FAILED if report.failed else DONE


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


class _Told:
    """What people see of a run: a bar on a terminal, failures as lines, a log."""

    def __init__(self, log: Path | None) -> None:
        self._path = log
        self._log: IO[str] | None = None
        self._bar: Any = None
        self._failed = 0

    def __enter__(self) -> _Told:
        if self._path is not None:
            self._log = self._path.open("a", encoding="utf-8", errors="backslashreplace")
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
        if self._log is not None:
            self._log.close()
        if self._failed > MOST_TOLD:
            tell(f"{_count(self._failed - MOST_TOLD, 'more region')} failed")

    def __call__(self, outcome: Outcome | None, report: Report) -> None:
        """Take in what happened."""
        left = report.total - report.skipped
        if outcome is None:
            self._begin(left)
            self._write(f"{report.total} cases, {report.skipped} of them done before")
            return
        for region in outcome.regions:
            words = "done" if region.failure is None else f"failed: {region.failure.message}"
            line = f"case {outcome.case}, region {region.roi}"
            self._write(f"{line}: {words} ({region.seconds:.3f} s)")
            if region.failure is None:
                continue
            if region.failure.trace:
                self._write(region.failure.trace)
            self._failed += 1
            if self._failed <= MOST_TOLD:
                self.line(f"{line} failed: {region.failure.message}")
        if self._bar is not None:
            self._bar.update(0, completed=report.computed)

    def line(self, text: str) -> None:
        """A line on stderr, above the bar if there is one."""
        if self._bar is None:
            tell(text)
        else:
            self._bar.console.print(f"ferromics: {text}", markup=False, highlight=False)

    def _begin(self, left: int) -> None:
        if not sys.stderr.isatty() or left == 0:
            return
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            ProgressColumn,
            Task,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.text import Text

        class Rate(ProgressColumn):
            """Cases a second, or a minute where there are few."""

            def render(self, task: Task) -> Text:
                speed = task.finished_speed or task.speed
                if not speed:
                    return Text("")
                return Text(f"{speed:.1f}/s" if speed >= 1 else f"{60 * speed:.1f}/min")

        self._bar = Progress(
            TextColumn("cases"),
            BarColumn(),
            MofNCompleteColumn(),
            Rate(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._bar.add_task("cases", total=left)
        self._bar.start()

    def _write(self, text: str) -> None:
        if self._log is not None:
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
            try:
                self._log.write(f"{stamp} {text}\n")
                self._log.flush()
            except OSError as error:
                error.filename = str(self._path)
                raise


@contextlib.contextmanager
def _stopping(told: _Told) -> Iterator[threading.Event]:
    """A flag that Ctrl-C, or the signal by which batch systems end jobs, raises.

    Cases under way are finished and kept; a second Ctrl-C leaves at once.
    """
    asked = threading.Event()

    def ask(number: int, _frame: object) -> None:
        if asked.is_set():
            cursor = b"\x1b[?25h" if sys.stderr.isatty() else b""  # the bar has hidden it
            os.write(2, cursor + b"\nferromics: left at once; cases that were done are kept\n")
            os._exit(INTERRUPTED)
        asked.set()
        again = "; Ctrl-C again leaves at once" if number == signal.SIGINT else ""
        told.line(f"stopping: the cases under way are finished first{again}")

    handled = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, ask) for number in handled}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _dask(address: str) -> Iterator[Executor]:
    """The executor of a dask cluster."""
    from ferromics.errors import RadiomicsError

    try:
        from distributed import Client
    except ImportError:
        msg = "--dask needs dask.distributed: pip install 'ferromics[dask]'"
        raise ImportError(msg) from None
    try:
        client: Any = Client(address, timeout="10s")
    except (OSError, ValueError, TimeoutError) as error:
        msg = f"no dask scheduler answers at {address}: {' '.join(str(error).split())}"
        raise RadiomicsError(msg) from None
    with client:
        yield client.get_executor()


def _check_switches(output: str, *, resume: bool, overwrite: bool, shard: str | None) -> None:
    from ferromics.errors import InputError

    if resume and overwrite:
        msg = "--resume goes on with an earlier run, --overwrite drops it: give one of them"
        raise InputError(msg)
    if output == "-" and (resume or overwrite or shard is not None):
        msg = "--resume, --overwrite and --shard need a file to go on with: name it with -o"
        raise InputError(msg)


def _survey(cohort: Cohort, settings: Any) -> int:
    """Show what a run would find; status 1 if something is missing."""
    from ferromics import table
    from ferromics.cohort.survey import print_survey, survey, survey_rows, totals

    found = survey(cohort, settings)
    if sys.stdout.isatty():
        from rich.console import Console

        print_survey(found, Console())
    else:
        sys.stdout.write(table.to_csv(survey_rows(found)))
        for line in totals(found):
            tell(line)
    return SOME_FAILED if any(row.problem for row in found.rows) else DONE
