"""Peak memory of each filter beside image and result: at most four volumes, in a fresh process.

One volume is that of the image in the precision worked in. What a filter is known to hold is stated
and allowed 0.6 volumes more: the allocator, tables, and a few slices a thread.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ferromics import filters

STATUS = Path("/proc/self/status")
if not STATUS.exists() or "VmHWM:" not in STATUS.read_text():
    pytest.skip("the peak is read from /proc, as Linux has it", allow_module_level=True)

# `resource` counts the peak of the process that started this one too; VmHWM does not, and can be
# set back to what is held now.
SCRIPT = """
import sys
from pathlib import Path
import numpy as np
import ferromics as fm

call = compile(sys.argv[1], "call", "eval")
image = np.random.default_rng(0).normal(size=(128, 128, 128)).astype(sys.argv[2])
run = lambda image: eval(call, {"f": fm.filters, "a": image, "mm": (1, 1, 1)})
peak = lambda: int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024
run(image[:33, :33, :33])  # imports, threads
Path("/proc/self/clear_refs").write_text("5")
before = peak()
found = run(image)
maps = found.values() if isinstance(found, dict) else [found]
print((peak() - before - sum(m.nbytes for m in maps)) / image.nbytes)
"""

# What is held beside image and result, in volumes.
HELD = {
    "f.mean(a, 15)": 0,
    "f.mean(a, 15, dimension=2, boundary='zero')": 0,
    "f.log(a, mm, 3)": 0,
    "f.laws(a, 'L5E5S5')": 0,
    "f.laws(a, 'L5E5S5', pooling='mean')": 0,
    "f.laws(a, 'L5E5S5', pooling='max', energy=7)": 1,
    "f.wavelet(a, 'coif1', 'LLH')": 0,
    "f.wavelet(a, 'coif1')": 0,
    "f.wavelet(a, 'coif1', level=2)": 1,
    "f.wavelet(a, 'coif1', 'LLH', level=3, pooling='mean')": 2,
    "f.gabor(a, mm, 5, 2)": 0,
    "f.gabor(a, mm, 5, 2, theta_step=22.5, pooling='max')": 0,
    "f.gabor(a, mm, 5, 2, theta_step=22.5, orthogonal=True)": 1,
    "f.simoncelli(a, 1)": 1,
    "f.simoncelli(a, 1, dimension=2)": 0,
    "f.shannon(a, 2)": 1,
    "f.shannon(a, 1, boundary='zero')": 2,
    "f.riesz(a, mm, (1, 0, 0), sigma=3)": 3,
    "f.riesz(a, mm, (1, 1, 2), base='gaussian', sigma=3)": 3,
    "f.riesz(a, mm, (1, 0, 0), base='simoncelli', level=2)": 1,
    "f.square(a)": 0,
    "f.square_root(a)": 0,
    "f.logarithm(a)": 0,
    "f.exponential(a)": 0,
    "f.gradient(a, mm)": 0,
    "f.lbp_2d(a)": 1,
    "f.lbp_3d(a)": 1,
}


def beside(call: str, dtype: str) -> float:
    """Volumes beside image and result at the peak of a call."""
    command = [sys.executable, "-c", SCRIPT, call, dtype]
    # glibc keeps freed blocks below a size that it moves up to 32 MiB; fixed, they are gone.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": str(2**20)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return float(done.stdout)


def test_every_filter_is_weighed() -> None:
    weighed = {call.split("(")[0].removeprefix("f.") for call in HELD}
    assert weighed == set(filters.__all__) - {"wavelets"}
    assert max(HELD.values()) + 0.6 <= 4


@pytest.mark.parametrize(("call", "held"), HELD.items(), ids=HELD)
def test_a_filter_holds_what_it_is_known_to_hold(call: str, held: int) -> None:
    assert beside(call, "float64") < held + 0.6


@pytest.mark.parametrize(
    ("call", "held"),
    [
        ("f.log(a, mm, 3, dtype='float32')", 0),
        ("f.laws(a, 'L5E5S5', pooling='max', energy=7, dtype='float32')", 1),
        ("f.wavelet(a, 'coif1', dtype='float32')", 0),
        ("f.gradient(a, mm, dtype='float32')", 0),
    ],
)
def test_single_precision_holds_no_doubles(call: str, held: int) -> None:
    # What does not shrink with the precision weighs twice as many volumes.
    assert beside(call, "float32") < held + 1.2
