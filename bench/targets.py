"""What is to be reached, in one table, and whether a run reaches it.

Works on what `python -m bench --json` writes, so that a page says of an old file what it said then.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

MILLION, ALL_SIZES = 10**6, 0


@dataclass(frozen=True)
class Target:
    """A limit of one work against one subject, at one thread but for cohorts.

    `unit` "x" of at least: the subject's time over ours; of at most: the subject's over that of
    plain ferromics. Else the subject's own figure, in the unit. `voxels` is the smallest region
    that a family is to reach it on.
    """

    work: str
    against: str
    limit: float
    unit: str = "x"
    at_least: bool = True
    voxels: int = ALL_SIZES


OVER_ALL = "ferromics, all aggregations"
READ, GAIN, GROWTH = "read", "two threads", "growth"
# Cohorts (bench/cohort.py): W5 with and after start-up, against inflating its files; how busy the
# cores are; many tiny cases, and one; tables of many rows.
START_UP, WARM, INFLATING, BUSY = "W5 with start-up", "W5", "W5 read", "busy cores"
MANY, STARTS, SCALE, LINEAR = "tiny cases", "starts", "scale", "growth of a row's cost"
STEPS = [
    "read the table of cases", "plan the run", "write the journal", "open the journal",
    "find what is done", "write CSV", "write Parquet", "write long Parquet",
]  # fmt: skip
FASTEST = "the fastest peer"
PATIENTS = 20  # of W5
TARGETS = [
    Target("W1", "pictologics", 3),
    Target("W1", "pyradiomics", 250),
    Target("W2", "pictologics", 4),
    Target("W3", "pictologics", 4),
    Target("full", "pictologics", 5),
    Target("full", OVER_ALL, 3, at_least=False),
    Target("small", "ferromics", 1e-3, "s", at_least=False),
    Target("autocorrelation of W1", "pictologics", 3),
    Target("start-up", "ferromics", 0.6, "s", at_least=False),
    Target("start-up", "pictologics", 8),
    Target("start-up", "nyxus", 2),
    Target("memory", "ferromics", 90, "MiB", at_least=False),
    Target("memory", "ferromics, .nrrd", 90, "MiB", at_least=False),
    Target("memory", "ferromics, .mha", 160, "MiB", at_least=False),  # through SimpleITK
    Target(GROWTH, "texture", 12, "bytes a voxel", at_least=False),
    Target(READ, "the faster inflate", 1.3, at_least=False),
    Target(GAIN, "the probe", 0.9),
    Target(START_UP, FASTEST, 4),
    Target(WARM, FASTEST, 2),
    Target(INFLATING, "the faster inflate", 1.5, at_least=False),
    Target(BUSY, "the probe", 0.9),
    Target(MANY, "overhead a case", 3e-3, "s", at_least=False),
    Target(MANY, "growth of memory", 1.0, "KiB a case", at_least=False),
    Target(STARTS, "ferromics --version", 0.3, "s", at_least=False),
    Target(STARTS, "ferromics extract", 0.6, "s", at_least=False),
    *(Target(LINEAR, step, 1.25, at_least=False) for step in STEPS),
    Target("texture", "pictologics", 4, voxels=MILLION),
    Target("first_order", "pictologics", 3, voxels=MILLION),
    Target("morph", "pictologics", 3, voxels=MILLION),
    Target("loc", "pictologics", 5, voxels=MILLION),
    Target("glcm_both", "pictologics", 3, voxels=MILLION),
    Target("glrlm_both", "pictologics", 3, voxels=MILLION),
    Target("glszm", "pictologics", 3, voxels=MILLION),
    Target("gldzm", "pictologics", 5, voxels=MILLION),
    Target("ngtdm", "pictologics", 5, voxels=MILLION),
    Target("ngldm", "pictologics", 5, voxels=MILLION),
]


def medians(seconds: dict[str, list[float]]) -> dict[str, float]:
    """Return the median by tool."""
    return {tool: statistics.median(times) for tool, times in seconds.items()}


def inflating(row: dict[str, Any]) -> float | None:
    """Return the time of ours over that of the faster inflate, if there is one."""
    times = medians(row["seconds"])
    alone = [s for tool, s in times.items() if tool != "ferromics"]
    return times["ferromics"] / min(alone) if alone else None


def found(target: Target, row: dict[str, Any]) -> float | None:
    """Return the figure of a row that the target limits, if the row has it."""
    if "bytes_a_voxel" in row:
        return float(row["bytes_a_voxel"])
    if "figures" in row:
        figures = row["figures"].get(target.against)
        return statistics.median(figures) if figures else None
    if "gain" in row:
        rounds = zip(row["gain"]["ferromics"], row["gain"]["probe"], strict=True)
        return statistics.median(ours / probe for ours, probe in rounds)
    if "peak_kib" in row:
        peaks = row["peak_kib"].get(target.against)
        return statistics.median(peaks) / 1024 if peaks else None
    times = medians(row["seconds"])
    ours = times.get("ferromics")
    if ours is None:
        return None
    if row["work"] in (READ, INFLATING):
        return inflating(row)
    if target.against == FASTEST:
        peers = [s for tool, s in times.items() if not tool.startswith("ferromics")]
        return min(peers) / ours if peers else None
    if target.unit == "s":
        return times.get(target.against)
    return times[target.against] / ours if target.against in times else None


def free(document: dict[str, Any], threads: int) -> bool:
    """Return whether a probe gained 0.8 a core before and after: else the rows say little."""
    gains = document.get("probe", {}).get(str(threads), [0.0])
    return threads == 1 or min(gains) >= 0.8 * threads


def checks(document: dict[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    """Yield every comparison with a peer: its name, and what was found."""
    for row in document["rows"]:
        yield from row["checked"].items()
    for by_size in document.get("checked", {}).values():
        for by_family in by_size.values():
            for by_tool in by_family.values():
                yield from by_tool.items()
    for by_bins in document.get("levels", {}).get("checked", {}).values():
        for by_tool in by_bins.values():
            yield from by_tool.items()


def rows(document: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """Yield what targets are for: works of one thread, the gain of two, cohorts, families as rows.

    A row of several threads needs as many free cores, but for cohorts against what shares them.
    """
    for row in document["rows"]:
        probe = row["gain"]["probe"] if "gain" in row else [0.0]
        free_cores = statistics.median(probe) >= 0.8 * row["threads"]
        if row["threads"] == 1 or free_cores or row["work"] in (START_UP, WARM, INFLATING, STARTS):
            yield row
    for voxels, families in document["families"].get("1", {}).items():
        for family, seconds in families.items():
            yield {"work": family, "voxels": int(voxels), "threads": 1, "seconds": seconds}


def judged(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return each target that the run has a figure for: what was found, and "met" or "not met"."""
    out = []
    for row in rows(document):
        for target in TARGETS:
            if target.work != row["work"] or row.get("voxels", target.voxels) < target.voxels:
                continue
            value = found(target, row)
            if value is None:
                continue
            met = value >= target.limit if target.at_least else value <= target.limit
            out.append(
                {
                    "work": row["work"], "voxels": row.get("voxels"), "threads": row["threads"],
                    "against": target.against, "found": value,
                    "limit": target.limit, "unit": target.unit, "at_least": target.at_least,
                    "status": "met" if met else "not met",
                }
            )  # fmt: skip
    return out
