"""Each feature family by voxels and by grey levels, what texture holds, what two threads gain.

Values are compared with the peer's before times are taken, as for works.
"""

from __future__ import annotations

import hashlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench import rules
from bench.data import BOXES, save, sphere
from bench.targets import GAIN, GROWTH
from bench.tools import ROOT, TEXTURE, Ours, Peer, interleaved, with_threads

FAMILIES = ["morph", "autocorrelation", "loc", "stat", "ih", "ivh", "first_order", "glcm",
            "glcm_both", "glrlm", "glrlm_both", "glszm", "gldzm", "ngtdm", "ngldm",
            "texture"]  # fmt: skip
LEVELS = (32, 64, 128, 256, 1000, 4096, 65535)
PEER_LEVELS = 256  # peers' tables are dense: their memory grows with the square
LEVELS_OF = 1_000_000  # voxels
Checks = dict[str, dict[str, Any]]


def check(ours: Ours, peers: list[Peer], family: str) -> Checks:
    """Compare the values of a family with each peer's."""
    found = ours.values(family)
    return {
        peer.name: rules.compare(peer.name, found, {"original": peer.values(family)}, "sphere")
        for peer in peers
    }


def measure(
    tools: list[Any], voxels: int, families: list[str], budget: float, bins: int = 32
) -> tuple[dict[str, dict[str, list[float]]], dict[str, Checks]]:
    """Return seconds by family and tool, repetitions interleaved, and what was compared."""
    ours, *peers = tools
    times, checks = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder), *sphere(voxels, bins))
        known = {tool.name: tool.load(Path(folder), bins) for tool in tools}
        for family in families:
            able = [p for p in peers if family in known[p.name]]
            checks[family] = check(ours, able, family)
            calls = {t.name: lambda t=t, f=family: t.seconds(f) for t in (ours, *able)}
            times[family] = interleaved(calls, budget)
    return times, checks


def by_size(
    peers: list[Peer], sizes: list[int], families: list[str], threads: int, budget: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return seconds and checks by size, family and tool."""
    times, checks = {}, {}
    for voxels in sizes:
        found = measure([Ours(threads), *peers], voxels, families, budget)
        times[str(voxels)], checks[str(voxels)] = found
    return times, checks


def by_levels(peers: list[Peer], budget: float) -> dict[str, Any]:
    """Return seconds of texture families by number of levels, and what each adds at its peak."""
    families = [*TEXTURE, "texture"]
    out: dict[str, Any] = {
        "voxels": LEVELS_OF, "threads": 1, "seconds": {}, "peak_bytes": {}, "checked": {},
    }  # fmt: skip
    for bins in LEVELS:
        some = peers if bins <= PEER_LEVELS else []
        times, checks = measure([Ours(1), *some], LEVELS_OF, families, budget, bins)
        peaks = weighed(LEVELS_OF, bins, families)
        for family in families:
            out["seconds"].setdefault(family, {})[str(bins)] = times[family]
            out["checked"].setdefault(family, {})[str(bins)] = checks[family]
            out["peak_bytes"].setdefault(family, {})[str(bins)] = peaks[family]
    return out


def weighed(voxels: int, bins: int, families: list[str]) -> dict[str, int]:
    """Return what each family adds at its peak, in bytes, measured in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder), *sphere(voxels, bins))
        command = [sys.executable, "-m", "bench.weigh", folder, str(bins), *families]
        # Blocks from 64 KiB on go back to the system as they are freed, so that what one family
        # has left is not what the next one finds.
        kept = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0"}
        environment = {**with_threads(1), **kept}
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, cwd=ROOT, env=environment
        )
    found: dict[str, int] = json.loads(done.stdout)
    return found


def growth() -> dict[str, Any]:
    """Return what texture adds at its peak on growing spheres, and the slope a voxel of the box.

    From the image on: 32 bins are part of it.
    """
    sizes = [n for n in BOXES if n >= 100_000]
    peaks = {str(n): weighed(n, 32, ["extraction"])["extraction"] for n in sizes}
    small, large = sizes[-2:]
    grown = peaks[str(large)] - peaks[str(small)]
    return {
        "work": GROWTH, "title": "memory that texture adds, a voxel of the box", "threads": 1,
        "peak_bytes": peaks, "boxes": {str(n): BOXES[n] ** 3 for n in sizes},
        "bytes_a_voxel": grown / (BOXES[large] ** 3 - BOXES[small] ** 3),
        "checked": {}, "left_out": {},
    }  # fmt: skip


class Probe:
    """A fixed work of pure arithmetic, in as many threads: what the machine gives them now."""

    def __init__(self, threads: int, seconds: float) -> None:
        self.threads = threads
        self.pool = ThreadPoolExecutor(threads)
        start, self.rounds = time.perf_counter(), 20_000
        self.hash(self.rounds)
        self.rounds = max(1000, int(self.rounds * seconds / (time.perf_counter() - start)))

    @staticmethod
    def hash(rounds: int) -> None:
        """Compute without memory and without the interpreter's lock."""
        hashlib.pbkdf2_hmac("sha256", b"ferromics", b"bench", rounds)

    def seconds(self, threads: int) -> float:
        """Time the work, shared by so many threads."""
        start = time.perf_counter()
        list(self.pool.map(self.hash, [self.rounds // threads] * threads))
        return time.perf_counter() - start


def gain(voxels: int, threads: int, rounds: int = 25) -> dict[str, Any]:
    """Return how many times as fast all of texture is on several threads, beside the probe's gain.

    Each round times both on one thread and on several, one right after the other: a neighbour on
    the machine takes from both. A call before each is not counted, as in `interleaved`.
    """
    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder), *sphere(voxels))
        one, many = Ours(1), Ours(threads)
        for tool in (one, many):
            tool.load(Path(folder))
            tool.seconds("texture")
    probe = Probe(threads, statistics.median(many.seconds("texture") for _ in range(3)) * threads)
    gains: dict[str, list[float]] = {"ferromics": [], "probe": []}
    seconds: dict[str, list[float]] = {"ferromics, 1 thread": [], "ferromics": []}
    for _ in range(rounds):
        one.seconds("texture")
        alone = one.seconds("texture")
        many.seconds("texture")
        together = many.seconds("texture")
        gains["ferromics"].append(alone / together)
        gains["probe"].append(probe.seconds(1) / probe.seconds(threads))
        seconds["ferromics, 1 thread"].append(alone)
        seconds["ferromics"].append(together)
    return {
        "work": GAIN, "title": f"all of texture, {voxels:,} voxels: gain of {threads} threads",
        "threads": threads, "voxels": voxels, "gain": gains, "seconds": seconds,
        "checked": {}, "left_out": {},
    }  # fmt: skip
