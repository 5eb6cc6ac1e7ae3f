"""Times the named works and each feature family by region size, beside the peers installed.

`python -m bench` prints medians of interleaved repetitions, their spread, and the ratio of each
peer to ferromics; it fails if a value differs from a peer's. bench/README.md has works and peers.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bench import page, works
from bench.data import BOXES, sphere
from bench.tools import Ours, installed, interleaved, machine, probe_gain
from ferromics import ibsi_data

FAMILIES = ["morph", "autocorrelation", "loc", "stat", "ih", "ivh", "glcm", "glrlm", "glszm",
            "gldzm", "ngtdm", "ngldm", "texture"]  # fmt: skip
NAMED = [*(work.name for work in works.WORKS), "fresh", "families"]


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
            able = {t.name: t for t in tools if family in known[t.name]}
            calls = {name: lambda t=t, f=family: t.seconds(f) for name, t in able.items()}
            times[family] = interleaved(calls, budget)
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


def run_works(chosen: list[str], threads: int, budget: float) -> list[dict[str, Any]]:
    """Run the named works; print and return their rows."""
    rows: list[dict[str, Any]] = []
    peers = installed(threads)
    if threads > 1:  # it has one thread
        peers = [p for p in peers if p.name != "pyradiomics"]
    phantom = works.phantom()
    with tempfile.TemporaryDirectory() as folder:
        for work in works.WORKS:
            if work.name not in chosen:
                continue
            if work.phantom and phantom is None:
                print(f"{work.name}: left out, no CT phantom. {ibsi_data.HOW_TO_GET_IT}")
                continue
            files = phantom if work.phantom and phantom else works.small(Path(folder))
            rows.append(works.extraction(work, files, threads, peers, budget))
            print("\n".join(page.lines(rows[-1])), flush=True)
        for peer in peers:
            peer.close()
        if "fresh" in chosen and phantom is not None and threads == 1:
            for row in works.fresh(phantom, Path(folder), threads, repetitions=5):
                rows.append(row)
                print("\n".join(page.lines(row)), flush=True)
    return rows


def main() -> None:
    """Run the works asked for, print the tables, and fail if a value is wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--works", nargs="+", default=NAMED, choices=NAMED)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(BOXES), choices=list(BOXES))
    parser.add_argument("--families", nargs="+", default=FAMILIES, choices=FAMILIES)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--budget", type=float, default=3.0, help="seconds a work and tool")
    parser.add_argument("--json", type=Path, help="also write every time to this file")
    parser.add_argument("--filters", action="store_true", help="the filters instead")
    parser.add_argument("--repetitions", type=int, default=9, help="of each filter")
    options = parser.parse_args()
    if options.filters:
        from bench import filters

        filters.main(options.json, options.repetitions)
        return
    document: dict[str, Any] = {
        **machine(),
        "versions": versions(),
        "probe": {},
        "rows": [],
        "families": {},
    }
    print(page.told(document))
    for threads in options.threads:
        before = probe_gain(threads)
        document["rows"] += run_works(options.works, threads, options.budget)
        document["probe"][str(threads)] = [before, probe_gain(threads)]
    for threads in options.threads if "families" in options.works else []:
        tools = [Ours(threads), *(p for p in installed(threads) if p.name != "pyradiomics")]
        results = {
            n: measure(tools, n, options.families, options.budget / 2) for n in options.sizes
        }
        print(f"\nFamilies, {threads} thread(s)\n{table(results, [t.name for t in tools])}")
        document["families"][str(threads)] = {str(n): times for n, times in results.items()}
    if options.json:
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    wrong = [w for row in document["rows"] for c in row["checked"].values() for w in c["wrong"]]
    if wrong:
        sys.exit("values differ:\n" + "\n".join(wrong))


def versions() -> dict[str, str]:
    """Return the version of each tool."""
    tools = [Ours(1), *installed(1)]
    found = {tool.name: tool.version for tool in tools}
    for tool in tools[1:]:
        tool.close()
    return found


if __name__ == "__main__":
    main()
