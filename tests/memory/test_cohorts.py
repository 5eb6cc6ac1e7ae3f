"""Memory of a whole run: within what it was given, and no more after many cases than after few."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ferromics import io

STATUS = Path("/proc/self/status")
if not STATUS.exists() or "VmHWM:" not in STATUS.read_text():
    pytest.skip("the peak is read from /proc, as Linux has it", allow_module_level=True)

SCRIPT = """
import sys
from pathlib import Path
import ferromics as fm
from ferromics.cohort.batch import Batch
from ferromics.cohort.cases import Cohort

def status(key):
    return int(Path("/proc/self/status").read_text().split(key)[1].split()[0]) * 1024

folder, cases, jobs, memory, families = Path(sys.argv[1]), *map(int, sys.argv[2:5]), sys.argv[5]
case = fm.Case(folder / "ct.nii", (fm.Mask(folder / "mask.nii.gz"),))
cohort = Cohort((case,) * cases, {}, folder, "test")
work = Batch(cohort, {"features": families.split(",")}, folder / "features.csv")
held = []

def watch(outcome, report):
    if outcome is not None:
        assert not outcome.failures, outcome.failures
        held.append(status("VmRSS:"))

with work.open(overwrite=True) as journal:
    report = work.run(journal, jobs=jobs, memory=memory, watch=watch)
assert report.regions == cases
print(status("VmHWM:"), held[cases // 10], held[-1])
"""


def run(folder: Path, edge: int, cases: int, jobs: int, memory: int, families: str) -> list[int]:
    """Peak of a run, and what was held after a tenth of the cases and at their end."""
    rng = np.random.default_rng(0)
    image = rng.integers(-1000, 1000, (edge,) * 3, np.int16)
    z, y, x = np.ogrid[(slice(-1, 1, edge * 1j),) * 3]
    io.write_nifti(folder / "ct.nii", image, (1, 1, 1))
    io.write_nifti(folder / "mask.nii.gz", z * z + y * y + x * x <= 1, (1, 1, 1))
    command = [sys.executable, "-c", SCRIPT, *map(str, (folder, cases, jobs, memory, families))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [int(word) for word in done.stdout.split()]


@pytest.mark.parametrize("families", ["morph", "stat,loc,glcm,glrlm,glszm,gldzm,ngtdm,ngldm"])
def test_a_run_stays_within_the_memory_it_was_given(tmp_path: Path, families: str) -> None:
    # Six at a time would take three to six times the memory of one; two to four fit.
    one, *_ = run(tmp_path, 110, 1, 1, 2**40, families)
    given = 80 * 2**20 + 3 * max(one - 80 * 2**20, 30 * 2**20)
    six, *_ = run(tmp_path, 110, 8, 6, given, families)
    assert six <= given
    free, *_ = run(tmp_path, 110, 8, 6, 2**40, families)
    assert free > one


def test_memory_is_flat_over_many_cases(tmp_path: Path) -> None:
    # Many enough that an allocator's arena more or less does not count.
    _, early, late = run(tmp_path, 8, 4000, 2, 2**40, "stat,glcm")
    # The journal's index and the times of 3,600 cases; a result that is held takes more than 1 KiB.
    assert late - early < 3600 * 700
