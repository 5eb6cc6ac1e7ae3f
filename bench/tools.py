"""What is timed: ferromics in this process, and peers in interpreters of their own.

A peer is a program `bench/peers/time_<name>.py` that reads one JSON request a line and answers with
one JSON line; bench/README.md has the requests.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench import rules
from ferromics import _core

ROOT = Path(__file__).resolve().parent.parent
PEERS = Path(__file__).parent / "peers"
MODULES = {"pyradiomics": "radiomics"}  # where it is not the peer's name
TEXTURE = ["glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm"]
AUTOCORRELATION = ("morans_i_index", "gearys_c_measure")
NO_AUTOCORRELATION = [
    row["name"]
    for row in _core.catalogue()
    if row["family"] == "morph" and row["name"] not in AUTOCORRELATION
]
Values = dict[rules.Key, float]
SHORT = 0.5  # seconds


class Ours:
    """ferromics in this process."""

    name = "ferromics"

    def __init__(self, threads: int) -> None:
        self.threads, self.version = threads, _core.build_info()["version"]
        self.calls: dict[str, Callable[[], Values]] = {}

    def load(self, folder: Path, bins: int = 32) -> list[str]:
        """Prepare the calls on the arrays of `folder`, whose levels go up to `bins`."""
        image, mask, levels = (np.load(folder / f"{n}.npy") for n in ("image", "mask", "levels"))
        spacing = tuple(np.load(folder / "spacing.npy").tolist())

        def plan(array: np.ndarray, *families: dict[str, Any]) -> Callable[[], Values]:
            given = array is levels  # else the image, of which bins are made
            by = {"type": "none"} if given else {"type": "fbn", "bins": bins}
            made = _core.Plan(json.dumps({"discretise": [by], "features": families}))
            keys = [column[1:4] + column[5:6] for column in made.columns]

            def run() -> Values:
                prepared = made.prepare(array)
                values = made.run(prepared, array, mask, spacing, threads=self.threads)[0]
                return dict(zip(keys, values.tolist(), strict=True))

            return run

        def texture(family: str, *aggregations: str) -> Callable[[], Values]:
            extra = {"aggregations": aggregations} if aggregations else {}
            settings = json.dumps({"type": family, **extra})
            return lambda: {
                ("original", family, feature, aggregation): value
                for feature, aggregation, _, value in _core.texture(
                    levels, settings, threads=self.threads
                )
            }

        def autocorrelation() -> Values:
            found = _core.spatial_autocorrelation(image, mask, spacing, threads=self.threads)
            return {
                ("original", "morph", name, ""): value
                for name, value in zip(AUTOCORRELATION, found, strict=True)
            }

        self.calls = {
            "morph": plan(image, {"type": "morph", "only": NO_AUTOCORRELATION}),
            "autocorrelation": autocorrelation,
            "loc": plan(image, {"type": "loc"}),
            "stat": plan(image, {"type": "stat"}),
            "ih": texture("ih"),
            "ivh": plan(image, {"type": "ivh"}),
            "first_order": plan(image, *({"type": f} for f in ("stat", "ih", "ivh"))),
            **{f: texture(f) for f in TEXTURE},
            **{f"{f}_both": texture(f, "3d_averaged", "3d_merged") for f in ("glcm", "glrlm")},
            "texture": plan(levels, *({"type": f} for f in TEXTURE)),
        }
        return list(self.calls)

    def values(self, family: str) -> Values:
        """Return the values of one call."""
        return self.calls[family]()

    def seconds(self, family: str) -> float:
        """Time one call."""
        start = time.perf_counter()
        self.calls[family]()
        return time.perf_counter() - start


class Peer:
    """A peer in an interpreter of its own, see bench/peers."""

    def __init__(self, name: str, python: str, threads: int) -> None:
        self.name = name
        self.program = [python, str(PEERS / f"time_{name}.py")]
        self.environment = with_threads(threads)
        self.process = subprocess.Popen(
            self.program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=self.environment,
        )  # fmt: skip
        told = self.answer()
        self.version = told["version"]
        self.one_thread = told.get("one_thread", False)

    def close(self) -> None:
        """End the process."""
        self.process.communicate()

    def answer(self, request: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a request, if any, and read one answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        if request is not None:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        text = self.process.stdout.readline()
        if not text:
            raise RuntimeError(f"{self.name} stopped (exit status {self.process.wait()})")
        answer: dict[str, Any] = json.loads(text)
        return answer

    def load(self, folder: Path, bins: int = 32) -> list[str]:
        """Prepare the calls on the arrays of `folder`, whose levels go up to `bins`."""
        families: list[str] = self.answer({"folder": str(folder), "bins": bins})["families"]
        return families

    def values(self, family: str) -> dict[str, float]:
        """Return the values of one call by the peer's names."""
        found: dict[str, float] = self.answer({"values": family})["values"]
        return found

    def seconds(self, family: str) -> float:
        """Time one call."""
        return float(self.answer({"family": family})["seconds"])


def with_threads(threads: int) -> dict[str, str]:
    """Return the environment that holds every tool to so many threads."""
    names = ("FERROMICS", "PICTOLOGICS", "OMP", "OPENBLAS", "MKL")
    itk = {"ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": str(threads)}
    return {**os.environ, **{f"{name}_NUM_THREADS": str(threads) for name in names}, **itk}


def interpreters() -> dict[str, str]:
    """Return, by peer, the interpreter that has it: named in the environment, or this one."""
    found = {}
    for name in sorted(p.stem.removeprefix("time_") for p in PEERS.glob("time_*.py")):
        python = os.environ.get(f"FERROMICS_BENCH_{name.upper()}", sys.executable)
        module = MODULES.get(name, name)
        probe = f"import importlib.util as u, sys; sys.exit(u.find_spec({module!r}) is None)"
        try:
            done = subprocess.run([python, "-c", probe], capture_output=True, check=False)
        except OSError as error:
            raise SystemExit(f"FERROMICS_BENCH_{name.upper()} is no interpreter: {error}") from None
        if done.returncode == 0:
            found[name] = python
    return found


def installed(threads: int) -> list[Peer]:
    """Start the peers that are there."""
    return [Peer(name, python, threads) for name, python in interpreters().items()]


def interleaved(
    calls: dict[str, Callable[[], float]],
    budget: float,
    fewest: int = 3,
    most: int = 51,
    *,
    once: bool = False,
) -> dict[str, list[float]]:
    """Return seconds by tool, repetitions interleaved, after one call of each to warm up.

    Each tool gets the repetitions that fit `budget` seconds, those of slow ones spread evenly.
    Before each repetition that takes less than SHORT the tool is called once more, uncounted:
    caches and branch predictors hold what the tool before left there. Whole cohorts and fresh
    processes, which fill them anyway, are called `once`.
    """
    first = {name: call() for name, call in calls.items()}
    twice = {name for name, s in first.items() if s < SHORT and not once}
    cost = {name: max(s, 1e-4) * (2 if name in twice else 1) for name, s in first.items()}
    quotas = {n: int(max(fewest, min(most, budget / s))) for n, s in cost.items()}
    rounds = max(quotas.values(), default=0)
    times: dict[str, list[float]] = {name: [] for name in calls}
    for k in range(rounds):
        for name, quota in quotas.items():
            if (k + 1) * quota // rounds > k * quota // rounds:
                if name in twice:
                    calls[name]()
                times[name].append(calls[name]())
    return times


def commit() -> str:
    """Return the commit that is checked out, with + where files differ from it."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def probe_gain(processes: int) -> float:
    """Return how many times the work of one so many processes do in the same time: free cores."""
    loop = "s = 0\nfor i in range(4_000_000): s += i"

    def seconds(count: int) -> float:
        start = time.perf_counter()
        running = [subprocess.Popen([sys.executable, "-c", loop]) for _ in range(count)]
        for process in running:
            process.wait()
        return time.perf_counter() - start

    one, many = (min(seconds(n) for _ in range(3)) for n in (1, processes))
    return processes * one / many


def machine() -> dict[str, Any]:
    """Return what a reader has to know of the machine and of the build."""
    try:
        cpu = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("model name")[1]
        model = cpu.partition(":")[2].partition("\n")[0].strip()
    except (OSError, IndexError):
        model = platform.processor() or platform.machine()
    return {
        "date": time.strftime("%Y-%m-%d %H:%M:%S"), "commit": commit(), "cpu": model,
        "cores": os.cpu_count(), "load": os.getloadavg() if hasattr(os, "getloadavg") else (),
        "platform": platform.platform(), "python": platform.python_version(),
        "numpy": np.__version__, "build": _core.build_info(),
    }  # fmt: skip
