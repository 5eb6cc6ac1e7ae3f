"""Many tiny cases: what a cohort costs beside reading and computing, and whether memory grows.

`python -m bench.cohort_tiny COUNT` prints rows as JSON; `FERROMICS_NUM_THREADS=1` is its setting.
"""

from __future__ import annotations

import csv
import json
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import ferromics as fm
from bench.targets import MANY, STARTS
from bench.tools import interleaved
from bench.weigh import kib
from bench.works import wall
from ferromics import io
from ferromics.cohort.batch import Batch, Report
from ferromics.cohort.find import find_cases
from ferromics.cohort.work import Outcome

EDGE = 8
EVERY, SINGLE = 1000, 200
"""After how many cases single extractions are timed, and how many of them."""


@dataclass(frozen=True)
class Taken:
    """Time that went by, and what of it this process had a processor for (all threads)."""

    wall: float = 0.0
    processor: float = 0.0

    @classmethod
    def now(cls) -> Taken:
        """What the clocks show."""
        return cls(time.perf_counter(), time.process_time())

    def less(self, other: Taken, cases: int = 1) -> Taken:
        """What went by since `other`, for each of so many cases."""
        return Taken((self.wall - other.wall) / cases, (self.processor - other.processor) / cases)


def write(folder: Path, count: int) -> list[tuple[Path, Path]]:
    """Write tiny images of noise with a ball, and `cases.csv`."""
    rng = np.random.default_rng(0)
    z, y, x = np.ogrid[(slice(-1, 1, EDGE * 1j),) * 3]
    ball = (z * z + y * y + x * x <= 1).astype(np.uint8)
    files = []
    for k in range(count):
        inside = folder / str(k // 1000)
        inside.mkdir(parents=True, exist_ok=True)
        pair = inside / f"{k}_image.nii.gz", inside / f"{k}_mask.nii.gz"
        noise = rng.normal(100, 20, (EDGE,) * 3).astype(np.float32)
        for path, array in zip(pair, (noise, ball), strict=True):
            io.write_nifti(path, array, (1.0, 1.0, 1.0))
        files.append(pair)
    with (folder / "cases.csv").open("w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["case", "image", "mask"])
        rows.writerows([k, *pair] for k, pair in enumerate(files))
    return files


def measured(folder: Path, files: list[tuple[Path, Path]], output: Path) -> dict[str, Any]:
    """Do all cases, one at a time on one thread; in between time single extractions of the same.

    The overhead is, for each thousand cases, their mean time in the cohort, less that of single
    extractions in between, plus each case's share of what comes before and after all of them.
    """
    single: list[Taken] = []
    in_cohort: list[Taken] = []
    held: dict[int, int] = {}
    settings = fm.Settings()
    fm.extract(*files[0], settings, threads=1)  # imports
    last = Taken.now()
    before = Taken()

    def watch(outcome: Outcome | None, report: Report) -> None:
        nonlocal last, before
        if outcome is None:
            before, last = Taken.now().less(last), Taken.now()
        elif report.computed % EVERY == 0:
            in_cohort.append(Taken.now().less(last, EVERY))
            held[report.computed] = kib("VmRSS")
            time.sleep(0.05)  # the two cases that wait for this thread are done by then
            start = Taken.now()
            for pair in files[report.computed - EVERY :: EVERY // SINGLE][:SINGLE]:
                fm.extract(*pair, settings, threads=1)
            single.append(Taken.now().less(start, SINGLE))
            last = Taken.now()

    batch = Batch(find_cases(folder / "cases.csv"), settings, output)
    with batch.open(overwrite=True) as journal:
        report = batch.run(journal, jobs=1, watch=watch)
    after = Taken.now().less(last)
    if report.failed:
        raise SystemExit(f"{report.failed} regions failed")
    figures: dict[str, list[float]] = {}
    for kind in ("wall", "processor"):
        share = (getattr(before, kind) + getattr(after, kind)) / len(files)
        many, one = ([getattr(taken, kind) for taken in of] for of in (in_cohort, single))
        added = "" if kind == "wall" else ", processor time"
        figures |= {
            f"overhead a case{added}": [a - b + share for a, b in zip(many, one, strict=True)],
            f"a case in the cohort{added}": many,
            f"a single extraction{added}": one,
            f"before the first case{added}": [getattr(before, kind)],
            f"after the last case{added}": [getattr(after, kind)],
        }
    return {"figures": figures, "held_kib": held}


def rows(count: int) -> list[dict[str, Any]]:
    """Return what `count` cases give."""
    common = {"threads": 1, "checked": {}, "left_out": {}, "cases": count}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = measured(folder, write(folder, count), folder / "features.csv")
    held = found["held_kib"]
    first, last = min(held), max(held)
    return [
        {
            **common, "work": MANY, "title": f"{count:,} cases of {EDGE}^3 voxels", "unit": "s",
            "figures": found["figures"],
        },
        {
            **common, "work": MANY, "title": "memory over the run", "unit": "KiB a case",
            "figures": {"growth of memory": [(held[last] - held[first]) / max(1, last - first)]},
            "held_kib": held,
        },
    ]  # fmt: skip


def starts(folder: Path) -> dict[str, Any]:
    """Return the seconds of fresh processes: one that does nothing, and a tiny case to CSV."""
    (pair,) = write(folder / "tiny", 1)
    command, out = [sys.executable, "-m", "ferromics"], str(folder / "tiny.csv")
    table = str(folder / "tiny" / "cases.csv")
    commands = {
        "ferromics --version": ["--version"],
        "ferromics extract": ["extract", *map(str, pair), "-o", out],
        "ferromics batch": ["batch", table, "-o", out, "--overwrite"],
    }
    calls = {name: lambda a=a: wall([*command, *a], 2)
             for name, a in commands.items()}  # fmt: skip
    return {
        "work": STARTS, "title": f"fresh processes, a case of {EDGE}^3 voxels", "unit": "s",
        "threads": 2, "figures": interleaved(calls, 0, fewest=9, once=True),
        "checked": {}, "left_out": {},
    }  # fmt: skip


def main() -> None:
    """Print the rows."""
    found = rows(int(sys.argv[1]))
    print(f"overhead {1e3 * statistics.median(found[0]['figures']['overhead a case']):.2f} ms")
    print(json.dumps({"rows": found}))


if __name__ == "__main__":
    main()
