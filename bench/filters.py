"""Times and weighs the filters: `python -m bench --filters`.

Images are noise (z, y, x) of 1 mm voxels. A peer is timed in the same run, its repetitions
interleaved with ours, with as many threads. Peers are PyWavelets' `swtn`, which has one thread, and
SimpleITK's `LaplacianRecursiveGaussian`.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ferromics import _core, compliance, filters, ibsi_data, suite

ROOT = Path(__file__).resolve().parent.parent
MM = (1.0, 1.0, 1.0)
SIGMA = 3.0

# Calls whose memory is measured: `f` are the filters, `a` is a volume of doubles.
MEMORY = [
    "f.mean(a, 15)",
    "f.log(a, (1, 1, 1), 3)",
    "f.laws(a, 'L5E5S5')",
    "f.laws(a, 'L5E5S5', pooling='max', energy=7)",
    "f.wavelet(a, 'coif1', 'LLH')",
    "f.wavelet(a, 'coif1')",
    "f.wavelet(a, 'coif1', 'LLH', level=3, pooling='mean')",
    "f.gabor(a, (1, 1, 1), 5, 2)",
    "f.gabor(a, (1, 1, 1), 5, 2, theta_step=22.5, orthogonal=True)",
    "f.simoncelli(a, 1)",
    "f.simoncelli(a, 3, boundary='mirror')",
    "f.shannon(a, 2)",
    "f.riesz(a, (1, 1, 1), (1, 0, 0), sigma=3)",
    "f.riesz(a, (1, 1, 1), (1, 0, 0), base='simoncelli')",
    "f.riesz(a, (1, 1, 1), (1, 0, 0), sigma=3, sigma_tensor=2)",
    "f.square(a)",
    "f.square_root(a)",
    "f.logarithm(a)",
    "f.exponential(a)",
    "f.gradient(a, (1, 1, 1))",
    "f.lbp_2d(a)",
    "f.lbp_3d(a)",
]
MEMORY_EDGE = 160
MEASURE = """
import sys
from pathlib import Path
import numpy as np
import ferromics as fm

n = int(sys.argv[1])
image = np.random.default_rng(0).normal(size=(n, n, n))
call = lambda image: eval(sys.argv[2], {"f": fm.filters, "a": image})
peak = lambda: int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024
call(image[:33, :33, :33])  # imports
Path("/proc/self/clear_refs").write_text("5")  # the peak is what is held now
before = peak()
result = call(image)
maps = len(result) if isinstance(result, dict) else 1
print((peak() - before) / image.nbytes - maps, maps)
"""


def timed(call: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def interleaved(calls: dict[str, Callable[[], object]], repetitions: int) -> dict[str, list[float]]:
    """Return seconds by name, after one call of each to warm up.

    `CPU` holds the seconds of processor time of the first, which waiting for others is no part of.
    """
    times: dict[str, list[float]] = {name: [] for name in calls} | {"CPU": []}
    for call in calls.values():
        call()
    for _ in range(repetitions):
        for k, (name, call) in enumerate(calls.items()):
            start = time.process_time()
            times[name].append(timed(call))
            if k == 0:
                times["CPU"].append(time.process_time() - start)
    return times


def sub_bands(edge: int, dtype: str, threads: int, repetitions: int) -> dict[str, list[float]]:
    """Eight coif1 sub-bands of level 1."""
    import pywt

    image = np.random.default_rng(0).normal(size=(edge,) * 3).astype(dtype)
    return interleaved(
        {
            "ferromics": lambda: filters.wavelet(
                image, "coif1", boundary="periodic", dtype=dtype, threads=threads
            ),
            "PyWavelets": lambda: pywt.swtn(image, "coif1", level=1),
        },
        repetitions,
    )


def recursive_log(image: Any) -> Any:
    """Return SimpleITK's recursive Laplacian of Gaussian, in units of mm^-2 (1 mm voxels)."""
    import SimpleITK as sitk

    return sitk.LaplacianRecursiveGaussian(image, sigma=SIGMA, normalizeAcrossScale=False)


def laplacian(
    edge: int, dtype: str, truncate: float, threads: int, repetitions: int
) -> dict[str, list[float]]:
    """Laplacian of Gaussian; the peer's image is made beforehand."""
    import SimpleITK as sitk

    image = np.random.default_rng(0).normal(size=(edge,) * 3).astype(dtype)
    theirs = sitk.GetImageFromArray(image)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
    return interleaved(
        {
            "ferromics": lambda: filters.log(
                image, MM, SIGMA, truncate=truncate, dtype=dtype, threads=threads
            ),
            "SimpleITK": lambda: recursive_log(theirs),
        },
        repetitions,
    )


def laplacian_errors(edge: int = 97, width: float = 3.0) -> dict[str, dict[str, float]]:
    """Largest error against the exact response, as a fraction of its range.

    A Gaussian blob of standard deviation `width` stays a Gaussian when smoothed, of variance
    ``width ** 2 + SIGMA ** 2``; the Laplacian of that is a formula. `offset` has the blob on a
    plateau of ten times its height, which adds the sum of the kernel, exactly 0.
    """
    import SimpleITK as sitk

    along = np.arange(edge) - edge // 2
    square = sum(np.meshgrid(*[along.astype(float) ** 2] * 3, indexing="ij"))
    total = width**2 + SIGMA**2
    smooth = (width**2 / total) ** 1.5 * np.exp(-square / (2 * total))
    exact = smooth * (square / total**2 - 3 / total)
    errors: dict[str, dict[str, float]] = {}
    for name, offset in (("blob", 0.0), ("blob on a plateau", 10.0)):
        image = np.exp(-square / (2 * width**2)) + offset
        recursive = sitk.GetArrayFromImage(recursive_log(sitk.GetImageFromArray(image)))
        maps = {
            "ferromics": filters.log(image, MM, SIGMA),
            "ferromics, truncate 6": filters.log(image, MM, SIGMA, truncate=6),
            "SimpleITK": recursive,
        }
        scale = float(np.ptp(exact))
        errors[name] = {n: float(np.abs(m - exact).max()) / scale for n, m in maps.items()}
    return errors


def laws(edge: int, threads: int, repetitions: int) -> dict[str, list[float]]:
    """Energy of a Laws kernel over the 24 rotations."""
    image = np.random.default_rng(0).normal(size=(edge,) * 3)

    def call() -> object:
        return filters.laws(image, "L5E5S5", pooling="max", energy=7, threads=threads)

    return interleaved({"ferromics": call}, repetitions)


def phase_1(repetitions: int) -> dict[str, Any] | None:
    """All maps of IBSI 2 phase 1 that have a reference, made and judged; None without data.

    Reading the phantoms and the reference maps is part of the time.
    """
    data = ibsi_data.find(beside=ROOT.parent / "shared" / "ibsi" / "data")
    if data is None:
        return None
    by_map: dict[str, list[float]] = {t.test: [] for t in compliance.map_tests() if t.has_map}

    def all_maps() -> None:
        for test, seconds in by_map.items():
            seconds.append(timed(lambda test=test: suite.run_map(test, data)))

    return {"seconds": interleaved({"ferromics": all_maps}, repetitions), "maps": by_map}


def memory() -> dict[str, dict[str, float]]:
    """Peak beside image and result, in volumes of the image, each in a process of its own."""
    if not Path("/proc/self/status").exists():
        return {}
    found = {}
    for call in MEMORY:
        command = [sys.executable, "-c", MEASURE, str(MEMORY_EDGE), call]
        # glibc keeps freed blocks below a size that it moves up to 32 MiB; fixed, they are gone.
        environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": str(2**20)}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        beside, maps = done.stdout.split()
        found[call] = {"beside": float(beside), "maps": float(maps)}
    return found


def commit() -> str:
    """Return the commit that is checked out, with + where files differ from it."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def line(name: str, threads: int, times: dict[str, list[float]], target: str) -> str:
    """Return one row of the table: medians, spread, and ratio to the peer."""
    (_, ours), *peers = ((n, t) for n, t in times.items() if n != "CPU")
    text = f"{name:<34}{threads:>8}{1e3 * statistics.median(ours):>11.1f}"
    text += f"{1e3 * min(ours):>10.1f} to {1e3 * max(ours):<9.1f}"
    text += f"{1e3 * statistics.median(times['CPU']):>9.1f}"
    if peers:
        tool, theirs = peers[0]
        peer = statistics.median(theirs)
        text += f"{tool:>12}{1e3 * peer:>10.1f}{peer / statistics.median(ours):>7.1f}x"
    else:
        text += " " * 30
    return f"{text}  {target}"


def main(path: Path | None, repetitions: int, edge: int = 256) -> None:
    """Run all, print the tables, and write the numbers to `path` if one is given."""
    load = os.getloadavg() if hasattr(os, "getloadavg") else ()
    rows: list[tuple[str, int, dict[str, list[float]], str]] = []
    print(f"ferromics {_core.build_info()}, commit {commit()}, load {load}\n")
    head = f"{'':<34}{'threads':>8}{'median ms':>11}{'spread':>20}{'CPU ms':>12}"
    print(f"{head}{'peer':>12}{'ms':>10}  ratio")

    def add(name: str, threads: int, times: dict[str, list[float]], target: str) -> None:
        rows.append((name, threads, times, target))
        print(line(name, threads, times, target), flush=True)

    for dtype, most in (("float32", 200), ("float64", 400)):
        name, target = f"8 sub-bands, coif1, {edge}^3 {dtype}", f"at most {most} ms, 5 x"
        add(name, 1, sub_bands(edge, dtype, 1, repetitions), target)
    # Cut off at four standard deviations, as IBSI has it, and where nothing is lost.
    for dtype, truncate, threads in (
        ("float32", 4, 1), ("float64", 4, 1), ("float64", 4, 2), ("float64", 6, 1),
    ):  # fmt: skip
        name = f"LoG {SIGMA:g} mm to {truncate}, {edge}^3 {dtype}"
        add(name, threads, laplacian(edge, dtype, truncate, threads, repetitions), "1 x")
    for threads in (1, 2):
        name = f"Laws energy, 24 rotations, {edge // 2}^3"
        add(name, threads, laws(edge // 2, threads, repetitions), "below 2000 ms")
    maps = phase_1(max(2, repetitions // 3))
    if maps is None:
        print(f"IBSI 2 phase 1: left out. {ibsi_data.HOW_TO_GET_IT}")
    else:
        name = f"IBSI 2 phase 1, {len(maps['maps'])} maps"
        add(name, _core.build_info()["threads"], maps["seconds"], "below 10000 ms")
    errors = laplacian_errors()
    print("\nLargest error of the LoG against the exact response, of its range:")
    for name, by_tool in errors.items():
        told = ", ".join(f"{tool} {error:.1e}" for tool, error in by_tool.items())
        print(f"  {name}: {told}")
    weights = memory()
    print(f"\nPeak memory beside image and result, in volumes of {MEMORY_EDGE}^3 doubles:")
    for call, volumes in weights.items():
        print(f"  {call:<74}{volumes['beside']:>6.2f}")
    if path is not None:
        document = {
            "commit": commit(),
            "build": _core.build_info(),
            "cores": os.cpu_count(),
            "load": load,
            "rows": [
                {"name": n, "threads": t, "target": goal, "seconds": s} for n, t, s, goal in rows
            ],
            "maps": maps and maps["maps"],
            "log_errors": errors,
            "memory": weights,
        }
        path.write_text(json.dumps(document, indent=1), encoding="utf-8")
