"""A cohort of many rows whose outcomes are made up: what journal and tables cost, step by step.

`python -m bench.cohort_scale ROWS` prints a row as JSON: seconds, and what each step adds at its
peak, in bytes. Nothing is computed: outcomes go through `Journal.add`, tables through `Batch`.
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import ferromics as fm
from bench.cohort_tiny import Taken, write
from bench.targets import LINEAR, SCALE, STEPS
from bench.weigh import PROCESS, kib
from ferromics.cohort.batch import Batch, Report
from ferromics.cohort.cases import Case, Cohort
from ferromics.cohort.find import find_cases
from ferromics.cohort.journal import Journal
from ferromics.cohort.work import Outcome, extract_case, stamp_of
from ferromics.extractor import Result, plan

TABLES = {
    "CSV": ("csv", "wide"),
    "Parquet": ("parquet", "wide"),
    "long Parquet": ("parquet", "long"),
}
IN_A_FOLDER = 1000


class Steps:
    """Seconds, processor seconds and added bytes of steps, by name."""

    def __init__(self) -> None:
        self.taken: dict[str, Taken] = {}
        self.added: dict[str, int] = {}
        self.known = 0  # bytes that the process holds when it knows what is done
        self.begin()

    def begin(self) -> None:
        """Begin a step."""
        (PROCESS / "clear_refs").write_text("5", encoding="ascii")  # the peak is what is held now
        self.held, self.began = kib("VmHWM"), Taken.now()

    def end(self, name: str) -> None:
        """End the step that was begun last."""
        self.taken[name] = Taken.now().less(self.began)
        self.added[name] = 1024 * (kib("VmHWM") - self.held)

    def of(self, name: str, call: Callable[[], Any]) -> Any:
        """Do a step."""
        self.begin()
        found = call()
        self.end(name)
        return found


def listed(folder: Path, count: int) -> Path:
    """Write empty files, a thousand images and their masks a folder, and their table."""
    table = folder / "cases.csv"
    with table.open("w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["case", "image", "mask"])
        for k in range(count):
            inside = folder / "data" / f"{k // IN_A_FOLDER:04}"
            if k % IN_A_FOLDER == 0:
                inside.mkdir(parents=True)
            pair = inside / f"{k:07}_ct.nii.gz", inside / f"{k:07}_gtv.nii.gz"
            for path in pair:
                path.touch()
            rows.writerow([f"P{k:07}", *(path.relative_to(folder) for path in pair)])
    return table


def computed(folder: Path) -> Outcome:
    """Return the outcome of a tiny case, with every feature there is by default."""
    (pair,) = write(folder / "tiny", 1)
    return extract_case(fm.Case(pair[0], (fm.Mask(pair[1], roi="gtv"),)))


def made_up(cohort: Cohort, like: Outcome) -> Iterator[Outcome]:
    """Yield an outcome a case: another's, with values and digests of its own."""
    rng = np.random.default_rng(0)
    (region,) = like.regions
    result = region.result
    assert result is not None
    columns = plan(fm.Settings())
    for index, case in enumerate(cohort.cases):
        values = result.values_array * rng.uniform(0.5, 2.0, len(result))
        told = {
            **result.provenance,
            "image": {"path": str(case.image), "sha256": rng.bytes(32).hex()},
            "mask": {"path": str(case.masks[0].source), "sha256": rng.bytes(32).hex()},
        }
        own = Result(
            columns, values, case=str(case.name), roi="gtv", warnings=result.warnings,
            provenance=told,
        )  # fmt: skip
        yield Outcome(index, str(case.name), (replace(region, result=own),), stamps(case))


def stamps(case: Case) -> dict[str, list[int]]:
    """Return the stamps of a case's files."""
    return {path: stamp for path in case.files if (stamp := stamp_of(path)) is not None}


def filled(journal: Journal, batch: Batch, outcomes: Iterator[Outcome]) -> Taken:
    """Write every outcome; return what the journal takes, without making them up."""
    wall = processor = 0.0
    for task, outcome in zip(batch._tasks, outcomes, strict=True):
        start = Taken.now()
        journal.add(task.key, outcome, batch.cohort)
        took = Taken.now().less(start)
        wall, processor = wall + took.wall, processor + took.processor
    return Taken(wall, processor)


def resumed(batch: Batch, steps: Steps, name: str) -> None:
    """Open the journal again, find all done, and write the table; each step by its name."""
    journal = steps.of("open the journal", lambda: batch.open(resume=True))

    def watch(outcome: Outcome | None, report: Report) -> None:
        assert outcome is None, "a case was not found in the journal"
        assert report.skipped == report.total
        steps.end("find what is done")
        steps.known = steps.known or 1024 * kib("VmRSS")
        steps.begin()

    with journal:
        steps.begin()
        batch.run(journal, watch=watch)
        steps.end(f"write {name}")


def row(count: int) -> dict[str, Any]:
    """Return what a cohort of `count` rows takes."""
    steps, sizes = Steps(), {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table, like = listed(folder, count), computed(folder)
        cohort = steps.of("read the table of cases", lambda: find_cases(table))
        output = folder / "features.csv"
        batch = steps.of("plan the run", lambda: Batch(cohort, None, output))
        steps.begin()
        with batch.open() as journal:
            spent = filled(journal, batch, made_up(cohort, like))
        steps.end("write the journal")
        steps.taken["write the journal"] = spent
        journals = output.with_suffix(".journal")
        sizes["journal"] = journals.stat().st_size
        for title, (suffix, layout) in TABLES.items():
            one = Batch(cohort, None, folder / f"features.{suffix}", layout=layout)
            resumed(one, steps, title)
            sizes[title] = one.output.stat().st_size
            if layout == "long":
                sizes["cases beside it"] = (folder / "features.cases.parquet").stat().st_size
    return {
        "work": SCALE, "title": f"a cohort of {count:,} rows, made up", "threads": 1, "unit": "s",
        "cases": count, "values": len(plan(fm.Settings()).columns),
        "figures": {name: [taken.wall] for name, taken in steps.taken.items()},
        "processor_s": {name: taken.processor for name, taken in steps.taken.items()},
        "added_bytes": steps.added, "held_bytes": steps.known, "bytes": sizes,
        "checked": {}, "left_out": {},
    }  # fmt: skip


def growth(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return by how much a row takes longer in the largest cohort than in the smallest."""
    small, large = (pick(rows, key=lambda row: row["cases"]) for pick in (min, max))

    def a_row(row: dict[str, Any], step: str) -> float:
        return float(row["processor_s"][step]) / float(row["cases"])

    times = {step: [a_row(large, step) / a_row(small, step)] for step in STEPS}
    title = f"processor time a row, {large['cases']:,} rows over {small['cases']:,}"
    return {
        "work": LINEAR, "title": title, "threads": 1, "unit": "x", "figures": times,
        "checked": {}, "left_out": {},
    }  # fmt: skip


def main() -> None:
    """Print the row."""
    print(json.dumps(row(int(sys.argv[1]))))


if __name__ == "__main__":
    main()
