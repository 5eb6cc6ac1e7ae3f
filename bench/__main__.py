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
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench import cohort, families, page, reading, targets, works
from bench.data import BOXES
from bench.tools import Ours, Peer, installed, machine, probe_gain
from ferromics import ibsi_data

OF_PHANTOM = ["autocorrelation", "read", "fresh", "W5"]
NAMED = [*(work.name for work in works.WORKS), *OF_PHANTOM, "gain", "growth", "levels", "families"]


def table(results: dict[str, dict[str, dict[str, list[float]]]], names: list[str]) -> str:
    """Return medians in milliseconds and ratios as a text table."""
    head = f"{'voxels':>9}  {'family':<16}" + "".join(f"{n + ' ms':>16}" for n in names)
    lines = [head + "".join(f"{n + ' / ours':>22}" for n in names[1:])]
    for voxels, by_family in results.items():
        for family, times in by_family.items():
            medians = {n: 1e3 * statistics.median(t) for n, t in times.items()}
            line = f"{voxels:>9}  {family:<16}"
            line += "".join(f"{medians[n]:>16.3f}" if n in medians else " " * 16 for n in names)
            ours = medians[names[0]]
            line += "".join(
                f"{medians[n] / ours:>21.1f}x" if n in medians else " " * 22 for n in names[1:]
            )
            lines.append(line)
    return "\n".join(lines)


def level_table(found: dict[str, Any]) -> str:
    """Return medians in milliseconds and what is added at the peak, by number of levels."""
    names = list(found["seconds"])
    lines = [f"{'levels':>9}" + "".join(f"{name + ' ms, MiB':>19}" for name in names)]
    for bins in found["seconds"][names[0]]:
        cells = (
            f"{1e3 * statistics.median(found['seconds'][n][bins]['ferromics']):>11.1f}"
            f"{found['peak_bytes'][n][bins] / 2**20:>8.1f}"
            for n in names
        )
        lines.append(f"{bins:>9}" + "".join(cells))
    return "\n".join(lines)


def run_works(
    chosen: list[str], peers: list[Peer], threads: int, budget: float
) -> Iterable[dict[str, Any]]:
    """Run the named works; yield their rows."""
    phantom = works.phantom()
    if phantom is None and {*chosen} & {*OF_PHANTOM, *(w.name for w in works.WORKS if w.phantom)}:
        print(f"works on the CT phantom are left out: it is not here. {ibsi_data.HOW_TO_GET_IT}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for work in works.WORKS:
            files = phantom if work.phantom else works.small(folder)
            if work.name in chosen and files is not None:
                yield works.extraction(work, files, threads, peers, budget)
        if phantom is not None and "autocorrelation" in chosen:
            yield works.autocorrelation(phantom, folder, threads, peers, budget)
        if phantom is not None and "read" in chosen and threads == 1:
            yield reading.read(phantom, budget)
        if phantom is not None and "fresh" in chosen and threads == 1:
            yield from works.fresh(phantom, folder, threads, repetitions=5)
        if phantom is not None and "W5" in chosen and threads == cohort.CORES:
            yield from cohort.w5(phantom, folder, budget)
    if "growth" in chosen and threads == 1:
        yield families.growth()
    if "gain" in chosen and threads > 1:
        for voxels in (1_000_000, 4_000_000):
            yield families.gain(voxels, threads)


def keeps(peer: Peer, threads: int) -> bool:
    """Return whether a peer has rows of so many threads; one that has not is ended."""
    if threads > 1 and peer.one_thread:
        peer.close()
        return False
    return True


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Run what is asked for, print it, and return it as the JSON file will hold it."""
    start = time.perf_counter()
    document: dict[str, Any] = {
        **machine(), "versions": {}, "probe": {}, "rows": [], "families": {},
        "checked": {}, "levels": {},
    }  # fmt: skip
    for threads in options.threads:
        peers = installed(threads)
        if not document["versions"]:
            document["versions"] = {tool.name: tool.version for tool in (Ours(1), *peers)}
            print(page.told(document), flush=True)
        peers = [p for p in peers if keeps(p, threads)]
        before = probe_gain(threads)
        for row in run_works(options.works, peers, threads, options.budget):
            document["rows"].append(row)
            print("\n".join(page.lines(row)), flush=True)
        if "families" in options.works:
            times, checked = families.by_size(
                peers, options.sizes, options.families, threads, options.budget / 3
            )
            timed = {tool for by_family in times.values() for t in by_family.values() for tool in t}
            names = ["ferromics", *(p.name for p in peers if p.name in timed)]
            print(f"\nFamilies, {threads} thread(s)\n{table(times, names)}", flush=True)
            document["families"][str(threads)] = times
            document["checked"][str(threads)] = checked
        if "levels" in options.works and threads == 1:
            document["levels"] = families.by_levels(peers, options.budget / 6)
            print(f"\nLevels, 1 thread\n{level_table(document['levels'])}", flush=True)
        document["probe"][str(threads)] = [before, probe_gain(threads)]
        for peer in peers:
            peer.close()
    document["targets"] = targets.judged(document)
    document["took_s"] = round(time.perf_counter() - start)
    return document


def main() -> None:
    """Run the works asked for, print the tables, and fail if a value is wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--works", nargs="+", default=NAMED, choices=NAMED)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(BOXES), choices=list(BOXES))
    parser.add_argument(
        "--families", nargs="+", default=families.FAMILIES, choices=families.FAMILIES
    )
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
    document = run(options)
    print("\nTargets\n" + "\n".join(page.verdicts(document)))
    if options.json:
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    wrong = [w for _, check in targets.checks(document) for w in check["wrong"]]
    if wrong:
        sys.exit("values differ:\n" + "\n".join(wrong))


if __name__ == "__main__":
    main()
