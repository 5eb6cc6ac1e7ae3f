"""Times each feature family by region size, beside any peer that is installed.

`python -m bench` prints milliseconds (the median of interleaved repetitions) and the ratio of each
peer to ferromics. See bench/README.md for peers and options.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.data import BOXES, sphere
from ferromics import _core

FAMILIES = ["morph", "autocorrelation", "loc", "stat", "ih", "ivh", "glcm", "glrlm", "glszm",
            "gldzm", "ngtdm", "ngldm"]  # fmt: skip
PEERS = Path(__file__).parent / "peers"
NO_AUTOCORRELATION = [
    row["name"]
    for row in _core.catalogue()
    if row["family"] == "morph" and row["name"] not in ("morans_i_index", "gearys_c_measure")
]


class Ours:
    """ferromics in this process."""

    name = "ferromics"

    def __init__(self, threads: int) -> None:
        self.threads, self.version = threads, _core.build_info()["version"]
        self.calls: dict[str, Callable[[], object]] = {}

    def load(self, folder: Path) -> list[str]:
        """Prepare the calls on the arrays of `folder`."""
        image, mask, levels = (np.load(folder / f"{n}.npy") for n in ("image", "mask", "levels"))
        levels, spacing = levels.astype(np.uint16), (1.0, 1.0, 1.0)

        def plan(family: dict[str, Any]) -> Callable[[], object]:
            made = _core.Plan(json.dumps({"features": [family]}))

            def run() -> object:
                return made.run(made.prepare(image), image, mask, spacing, threads=self.threads)

            return run

        def texture(family: str) -> Callable[[], object]:
            settings = json.dumps({"type": family})
            return lambda: _core.texture(levels, settings, threads=self.threads)

        self.calls = {f: plan({"type": f}) for f in ("loc", "stat", "ivh")}
        self.calls["morph"] = plan({"type": "morph", "only": NO_AUTOCORRELATION})
        self.calls["autocorrelation"] = lambda: _core.spatial_autocorrelation(
            image, mask, spacing, threads=self.threads
        )
        on_levels = ("ih", "glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm")
        self.calls |= {f: texture(f) for f in on_levels}
        return list(self.calls)

    def seconds(self, family: str) -> float:
        """Time one call."""
        start = time.perf_counter()
        self.calls[family]()
        return time.perf_counter() - start


class Peer:
    """A peer in an interpreter of its own, see bench/peers."""

    def __init__(self, name: str, python: str, threads: int) -> None:
        self.name = name
        environment = {**os.environ, f"{name.upper()}_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen(
            [python, str(PEERS / f"time_{name}.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
        self.version = self.answer()["version"]

    def answer(self, request: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a request, if any, and read one answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        if request is not None:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def load(self, folder: Path) -> list[str]:
        """Prepare the calls on the arrays of `folder`."""
        families: list[str] = self.answer({"folder": str(folder)})["families"]
        return families

    def seconds(self, family: str) -> float:
        """Time one call."""
        return float(self.answer({"family": family})["seconds"])


def installed(threads: int) -> list[Peer]:
    """Start the peers whose interpreter is named in the environment or is this one."""
    found = []
    for name in sorted(p.stem.removeprefix("time_") for p in PEERS.glob("time_*.py")):
        python = os.environ.get(f"FERROMICS_BENCH_{name.upper()}", sys.executable)
        probe = [python, "-c", f"import {name}"]
        if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            found.append(Peer(name, python, threads))
    return found


def measure(
    tools: list[Any], voxels: int, families: list[str], budget: float
) -> dict[str, dict[str, list[float]]]:
    """Return seconds by family and tool, repetitions interleaved."""
    times: dict[str, dict[str, list[float]]] = {f: {} for f in families}
    with tempfile.TemporaryDirectory() as folder:
        for name, array in zip(("image", "mask", "levels"), sphere(voxels), strict=True):
            np.save(Path(folder) / f"{name}.npy", array)
        known = {tool.name: tool.load(Path(folder)) for tool in tools}
        for family in families:
            able = [t for t in tools if family in known[t.name]]
            first = max(t.seconds(family) for t in able)  # warm-up, and how long one takes
            repetitions = int(max(3, min(51, budget / max(first, 1e-4))))
            for _ in range(repetitions):
                for tool in able:
                    times[family].setdefault(tool.name, []).append(tool.seconds(family))
    return times


def table(results: dict[int, dict[str, dict[str, list[float]]]], names: list[str]) -> str:
    """Return medians in milliseconds and ratios as a text table."""
    head = f"{'voxels':>9}  {'family':<16}" + "".join(f"{n + ' ms':>16}" for n in names)
    lines = [head + "".join(f"{n + ' / ours':>22}" for n in names[1:])]
    for voxels, families in results.items():
        for family, times in families.items():
            medians = {n: 1e3 * statistics.median(t) for n, t in times.items()}
            line = f"{voxels:>9}  {family:<16}"
            line += "".join(f"{medians[n]:>16.3f}" if n in medians else " " * 16 for n in names)
            ours = medians[names[0]]
            line += "".join(
                f"{medians[n] / ours:>21.1f}x" if n in medians else " " * 22 for n in names[1:]
            )
            lines.append(line)
    return "\n".join(lines)


def main() -> None:
    """Run the works asked for and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(BOXES), choices=list(BOXES))
    parser.add_argument("--families", nargs="+", default=FAMILIES, choices=FAMILIES)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--budget", type=float, default=3.0, help="seconds a family and tool")
    parser.add_argument("--json", type=Path, help="also write every time to this file")
    parser.add_argument("--filters", action="store_true", help="the filters instead of families")
    parser.add_argument("--repetitions", type=int, default=9, help="of each filter")
    options = parser.parse_args()
    if options.filters:
        from bench import filters

        filters.main(options.json, options.repetitions)
        return
    tools = [Ours(options.threads), *installed(options.threads)]
    results = {
        voxels: measure(tools, voxels, options.families, options.budget) for voxels in options.sizes
    }
    versions = {t.name: t.version for t in tools}
    told = ", ".join(f"{name} {version}" for name, version in versions.items())
    print(f"{told}; {options.threads} thread(s); medians\n")
    print(table(results, list(versions)))
    if options.json:
        document = {
            "versions": versions, "threads": options.threads, "build": _core.build_info(),
            "cores": os.cpu_count(), "seconds": results,
        }  # fmt: skip
        options.json.write_text(json.dumps(document, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
