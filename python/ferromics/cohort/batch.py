"""A cohort from files to one table that survives whatever happens on the way.

What is done goes to a journal (``features.journal``) case by case; the table is made from it when
all is done, in the order of the input, and takes its place in one step.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ferromics._files import replacing
from ferromics._writers import check_path, write_blocks
from ferromics.cohort import tables
from ferromics.cohort.cases import Case, Cohort
from ferromics.cohort.journal import Journal, changes, key_of, literal, relatives
from ferromics.cohort.run import Chosen, Workers, extract_many
from ferromics.cohort.work import Outcome
from ferromics.errors import InputError
from ferromics.extractor import plan, versions
from ferromics.settings import AnySettings, Settings
from ferromics.table import Layout, provenance_path


@dataclass(frozen=True)
class Shard:
    """One of several equal parts of a cohort: every ``of``-th case from the ``number``-th on."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """From text such as ``3/20``."""
        number, _, of = text.partition("/")
        if number.isdigit() and of.isdigit() and 1 <= int(number) <= int(of):
            return cls(int(number), int(of))
        msg = f"a shard is given as 3/20 (the third of twenty), got {text!r}"
        raise InputError(msg)

    def path(self, output: Path) -> Path:
        """Where its part of the table goes: ``features.3-of-20.parquet``."""
        return output.with_name(f"{output.stem}.{self.number}-of-{self.of}{output.suffix}")


@dataclass
class Report:
    """What a run did.

    Attributes
    ----------
    total, skipped
        Cases in all, and those that were done before and have not changed.
    computed
        Cases computed by this run.
    failed
        Regions without values, of all cases, once the table is written.
    regions
        Regions in the table.
    interrupted
        Whether the run was told to stop before all was done; no table is written then.
    """

    total: int
    skipped: int = 0
    computed: int = 0
    failed: int = 0
    regions: int = 0
    interrupted: bool = False
    journal: Path = field(default_factory=Path)
    output: Path = field(default_factory=Path)


@dataclass
class _Task:
    case: Case
    settings: Settings
    key: str


class Batch:
    """A cohort, its settings and its output; :meth:`run` does what is not done yet.

    Parameters
    ----------
    cohort
        The cases; their images and masks are files.
    settings
        As for :func:`ferromics.extract`; a case's own come first.
    output
        The table; the journal and the provenance lie beside it.
    layout
        ``"wide"`` or ``"long"``.
    shard
        Compute and write this part only.

    Raises
    ------
    InputError, SettingsError, FileNotFoundError
        If output or settings cannot be used, before anything is computed.
    """

    def __init__(
        self,
        cohort: Cohort,
        settings: AnySettings,
        output: Path,
        *,
        layout: Layout = "wide",
        shard: Shard | None = None,
    ) -> None:
        if shard is not None:
            chosen_cases = cohort.cases[shard.number - 1 :: shard.of]
            cohort = replace(cohort, cases=chosen_cases)
        self.cohort, self.layout, self.shard = cohort, layout, shard
        self.output = output if shard is None else shard.path(output)
        self.journal_path = self.output.with_suffix(".journal")
        check_path(self.output)
        self._refuse_inputs()
        self._version = str(versions()["ferromics"])
        chosen = Chosen(settings)
        self._settings: dict[str, Settings] = {}
        self._tasks: list[_Task] = []
        for case in cohort.cases:
            of_case = chosen.of(case)
            of_case = self._settings.setdefault(of_case.hash, of_case)
            key = key_of(case, cohort, of_case.hash, self._version)
            self._tasks.append(_Task(case, of_case, key))
        self._columns = {k: plan(s).columns for k, s in self._settings.items()}
        self._rows = tables.Rows(cohort, self._columns, self._version)

    def open(self, *, resume: bool = False, overwrite: bool = False) -> Journal:
        """The journal of this run.

        Parameters
        ----------
        resume
            Go on with what an earlier run left.
        overwrite
            Start anew.

        Raises
        ------
        InputError
            If an earlier run left something and it is not said what to do with it.
        """
        path = self.journal_path
        others = tuple(relatives(path))
        fresh = not path.exists()
        journal = Journal(path, others if resume else (), anew=overwrite)
        whole = self.shard is None
        left = [path] if len(journal) else [o for o in others if whole and not overwrite]
        if left and not resume:
            journal.close()
            if fresh:
                path.unlink()
            msg = (
                f"{left[0]} holds finished cases of an earlier run: --resume goes on with it and "
                "computes only what is new or changed, --overwrite starts anew"
            )
            raise InputError(msg)
        # What a run that was killed while it wrote the table has left; no other run is at it.
        for target in self._targets():
            for stale in target.parent.glob(f".{literal(target.name)}.*.tmp"):
                stale.unlink(missing_ok=True)
        return journal

    def run(
        self,
        journal: Journal,
        *,
        jobs: int | None = None,
        executor: Executor | None = None,
        workers: Workers = "threads",
        memory: int | str | None = None,
        stop: Callable[[], bool] = lambda: False,
        watch: Callable[[Outcome | None, Report], None] = lambda *_: None,
    ) -> Report:
        """Compute what the journal lacks, then write the table.

        Parameters
        ----------
        journal
            From :meth:`open`.
        jobs, executor, workers, memory, stop
            As for :func:`extract_many`.
        watch
            Called with each outcome once it is in the journal, and the state of the run; first
            with ``None``, when it is known what is left to do.
        """
        report = Report(len(self._tasks), journal=self.journal_path, output=self.output)
        left = [k for k, task in enumerate(self._tasks) if not self._done(task, journal)]
        report.skipped = report.total - len(left)
        watch(None, report)
        cases = (replace(self._tasks[k].case, settings=self._tasks[k].settings) for k in left)
        outcomes = extract_many(
            cases, jobs=jobs, executor=executor, workers=workers, memory=memory, stop=stop
        )
        with contextlib.closing(outcomes):
            for outcome in outcomes:
                journal.add(self._tasks[left[outcome.index]].key, outcome, self.cohort)
                report.computed += 1
                watch(outcome, report)
        report.interrupted = report.skipped + report.computed < report.total
        if not report.interrupted:
            self._write(journal, report)
        return report

    def _done(self, task: _Task, journal: Journal) -> bool:
        if task.key not in journal:
            return False
        entry = journal[task.key]
        if not entry.lasting:
            return False
        touched = changes(entry, task.case, self.cohort)
        if touched:
            journal.touch(task.key, touched)
        return touched is not None

    def _pieces(self, journal: Journal, report: Report | None = None) -> Iterator[tables.Piece]:
        masks = [(task, row) for task in self._tasks for row in range(len(task.case.masks))]
        masks.sort(key=lambda at: at[0].case.masks[at[1]].place or 0)  # stable: else as they are
        entry_of = functools.lru_cache(maxsize=1000)(journal.__getitem__)
        for task, row in masks:
            piece = tables.Piece(task.case, row, task.settings, entry_of(task.key))
            if report is not None:
                report.regions += len(piece.regions)
                report.failed += sum("error" in region for region in piece.regions)
            yield piece

    def _write(self, journal: Journal, report: Report) -> None:
        """The table, and what lies beside it; each takes its place in one step, the table last."""
        rows, suffix = self._rows, self.output.suffix.lower()
        with _naming(self.output), contextlib.ExitStack() as stack:
            table = stack.enter_context(replacing(self.output))
            notes = stack.enter_context(replacing(provenance_path(self.output)))
            # What is told inside a Parquet or Arrow file is small: the settings, not the cases.
            told = {"ferromics": json.dumps(self._provenance(), ensure_ascii=False)}
            if self.layout == "long":
                beside = stack.enter_context(replacing(tables.cases_path(self.output)))
                of_cases = rows.cases(self._pieces(journal, report))
                write_blocks(beside, suffix, rows.case_fields, of_cases, told)
                values = rows.long(self._pieces(journal))
                write_blocks(table, suffix, rows.long_fields, values, told)
            else:
                regions = rows.wide(self._pieces(journal, report))
                write_blocks(table, suffix, rows.wide_fields, regions, told)
            provenance = {**self._provenance(), "regions": report.regions, "failed": report.failed}
            text = json.dumps(provenance, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
            notes.write_text(text, "utf-8", "surrogateescape", newline="\n")

    def _targets(self) -> list[Path]:
        """The files that the run writes, but for the journal."""
        beside = [tables.cases_path(self.output)] if self.layout == "long" else []
        return [self.output, provenance_path(self.output), *beside]

    def _refuse_inputs(self) -> None:
        """Refuse to write where the cases are read from."""
        inputs = {os.path.realpath(self.cohort.origin)}
        inputs.update(path for case in self.cohort.cases for path in case.files)
        for target in (*self._targets(), self.journal_path):
            if os.path.realpath(target) in inputs or str(target.absolute()) in inputs:
                msg = f"{target} is read by this run and would be overwritten; name another output"
                raise InputError(msg)

    def _provenance(self) -> dict[str, Any]:
        """What the table as a whole comes from."""
        return {
            **versions(),
            "cases": {"origin": self.cohort.origin, "count": len(self._tasks)},
            "folder": str(self.cohort.folder),
            "carried": dict(self.cohort.carried),
            "shard": None if self.shard is None else f"{self.shard.number}/{self.shard.of}",
            "layout": self.layout,
            "written": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "settings": {k: json.loads(s.to_json()) for k, s in self._settings.items()},
        }


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Say which file could not be written, where the system does not."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise
