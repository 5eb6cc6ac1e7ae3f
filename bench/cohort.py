"""Times cohorts: 20 patients (W5) beside the peers, 10,000 tiny cases, tables of 100,000 rows.

`python -m bench.cohort` prints what it finds and fails if a value differs; bench/README.md has the
works. W5's values are compared first: with `fm.extract` exactly, with peers by bench/rules.py.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import ferromics as fm
from bench import cohort_scale, cohort_tiny, inflate, page, rules, targets, works
from bench.targets import BUSY, INFLATING, PATIENTS, START_UP, WARM
from bench.tools import (
    ROOT,
    Peer,
    interleaved,
    interpreters,
    machine,
    probe_gain,
    with_threads,
)
from ferromics import ibsi_data
from ferromics.cohort.batch import Batch
from ferromics.cohort.find import find_cases

CORES = 2
PEERS = ["pictologics", "pyradiomics", "nyxus"]
NAMED = ["W5", "busy", "tiny", "starts", "scale"]
SIZES = (10_000, 30_000, 100_000)
SPIN = "import time\nend = time.perf_counter() + {seconds}\nwhile time.perf_counter() < end: pass"


@dataclass(frozen=True)
class Way:
    """How a peer does a cohort on two cores: so many processes, each with its share of them."""

    peer: str
    title: str
    processes: int = 1
    environment: dict[str, str] = field(default_factory=dict)

    def told(self, files: list[list[str]], output: Path) -> dict[str, Any]:
        """Return the cohort as the peer is told of it."""
        case = works.WORKS[0].case(Path(), Path())
        return {"case": case, "files": files, "workers": self.processes, "output": str(output)}

    @property
    def surroundings(self) -> dict[str, str]:
        """Return the environment of its process."""
        return {**with_threads(CORES // self.processes), **self.environment}


COLD = {"PICTOLOGICS_DISABLE_WARMUP": "1"}
WAYS = [
    Way("pictologics", "pictologics"),
    Way("pictologics", "pictologics, 2 processes", 2),
    Way("pictologics", works.NO_WARM_UP, 1, COLD),
    Way("pictologics", f"{works.NO_WARM_UP}, 2 processes", 2, COLD),
    Way("pyradiomics", "pyradiomics", 2),  # it has no threads
    Way("nyxus", "nyxus"),
]


def ways(peers: Sequence[str]) -> list[tuple[Way, str]]:
    """Return the ways of these peers, as far as they are here, with their interpreters."""
    found = interpreters()
    return [(way, found[way.peer]) for way in WAYS if way.peer in found and way.peer in peers]


def patients(folder: Path, files: tuple[Path, Path], count: int = PATIENTS) -> list[list[str]]:
    """Write copies of an image and its mask, and `cases.csv`; return pairs of paths."""
    pairs = []
    for k in range(count):
        pair = [folder / f"p{k:02}_{name}.nii.gz" for name in ("image", "mask")]
        for source, target in zip(files, pair, strict=True):
            shutil.copyfile(source, target)
        pairs.append([str(path) for path in pair])
    with (folder / "cases.csv").open("w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["case", "image", "mask"])
        rows.writerows([f"p{k:02}", *pair] for k, pair in enumerate(pairs))
    return pairs


class Ours:
    """`ferromics batch` over the patients of a folder, as a command or in this process."""

    def __init__(self, folder: Path, settings: fm.Settings, name: str = "ours") -> None:
        self.table, self.output = folder / "cases.csv", folder / f"{name}.csv"
        self.path, self.settings = folder / f"{name}.yaml", settings
        settings.save(self.path)

    def command(self, workers: str) -> list[str]:
        """Return the command line."""
        return [
            sys.executable, "-m", "ferromics", "batch", str(self.table), "-o", str(self.output),
            "-s", str(self.path), "--overwrite", "--workers", workers,
        ]  # fmt: skip

    def run(self, **how: Any) -> None:
        """Do it in this process, from the table of cases to the table of features."""
        batch = Batch(find_cases(self.table), self.settings, self.output)
        with batch.open(overwrite=True) as journal:
            report = batch.run(journal, **how)
        if report.failed or report.regions != report.total:
            raise SystemExit(f"{report.failed} of {report.regions} regions failed")

    def seconds(self) -> float:
        """Time it."""
        start = time.perf_counter()
        self.run()
        return time.perf_counter() - start

    def cores(self) -> float:
        """Return how many cores it keeps busy: processor time over time."""
        start, used = time.perf_counter(), time.process_time()
        self.run()
        return (time.process_time() - used) / (time.perf_counter() - start)


def same(ours: Ours, files: list[list[str]]) -> dict[str, Any]:
    """Compare the table with what `fm.extract` finds, case by case: every digit."""
    wrong, count = [], 0
    with ours.output.open(encoding="utf-8", newline="") as file:
        for row, pair in zip(csv.DictReader(file), files, strict=True):
            alone = fm.extract(*map(Path, pair), ours.settings, threads=1)
            for name, value in alone.items():
                cell = float(row[name] or "nan")
                count += 1
                if not (cell == value or (math.isnan(cell) and not math.isfinite(value))):
                    wrong.append(f"{row['case']} {name}: table {cell!r}, fm.extract {value!r}")
    return {"values": count, "left_out": 0, "wrong": wrong}


def against(peer: str, answer: dict[str, Any], files: list[list[str]]) -> dict[str, Any]:
    """Compare the rows of a peer with ours by bench/rules.py."""
    image, mask = map(Path, files[0])
    case = works.OurCase(
        works.WORKS[0], image, mask, 1, every="bins" in answer, bins=answer.get("bins", 0)
    )
    mine = works.values(case.run())
    if len(answer["values"]) != len(files):
        raise SystemExit(f"{peer} has {len(answer['values'])} rows for {len(files)} cases")
    found = [rules.compare(peer, mine, values) for values in answer["values"]]
    return {
        **found[0],
        "values": sum(each["values"] for each in found),
        "left_out": sum(each["left_out"] for each in found),
        "wrong": [wrong for each in found for wrong in each["wrong"]],
    }


def wall(command: list[str], environment: dict[str, str]) -> float:
    """Return the seconds that a process takes."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=environment)
    return time.perf_counter() - start


def fresh(
    ours: Ours, files: list[list[str]], folder: Path, *, peers: Sequence[str], fewest: int = 3
) -> dict[str, Any]:
    """Time W5 in fresh processes; return its row."""
    both = with_threads(CORES)
    calls: dict[str, Callable[[], float]] = {
        "ferromics": lambda: wall(ours.command("threads"), both),
        "ferromics, processes": lambda: wall(ours.command("processes"), both),
    }
    for way, python in ways(peers):
        output = folder / f"{way.title}.csv"
        told = json.dumps(way.told(files, output))
        program = str(ROOT / "bench" / "peers" / f"time_{way.peer}.py")
        command = [python, program, told, str(output)]
        calls[way.title] = lambda c=command, e=way.surroundings: wall(c, e)
    return {
        "work": START_UP, "title": f"{PATIENTS} CT patients, start-up included", "threads": CORES,
        "seconds": interleaved(calls, 10.0, fewest, once=True), "checked": {}, "left_out": {},
    }  # fmt: skip


def warm(
    ours: Ours,
    files: list[list[str]],
    folder: Path,
    *,
    peers: Sequence[str],
    budget: float = 10.0,
    fewest: int = 3,
) -> Iterable[dict[str, Any]]:
    """Compare, then time W5 in processes that have begun, beside inflating; yield both rows."""
    ours.run()
    checked = {"fm.extract": same(ours, files)}
    used: dict[str, list[float]] = {}
    calls: dict[str, Callable[[], float]] = {"ferromics": noting(used, "ferromics", ours.seconds)}
    running = []
    for way, python in ways(peers):
        if way.environment:
            continue
        peer = Peer(way.peer, python, CORES // way.processes)
        running.append(peer)
        told = {"cohort": way.told(files, folder / f"{way.title}.csv")}
        checked[way.title] = against(way.peer, peer.answer(told), files)
        calls[way.title] = lambda p=peer, t=told: float(p.answer(t)["seconds"])
    paths = [path for pair in files for path in pair]
    names = inflate.names()
    with ThreadPoolExecutor(CORES) as threads, spawned() as processes:
        alone: dict[str, Callable[[], float]] = {}
        for name in names:
            by = f"{name}, {CORES} threads"
            one = partial(inflate.seconds, name, paths, threads.map)
            alone[by] = noting(used, by, one)
            alone[f"{name}, {CORES} processes"] = partial(
                inflate.seconds, name, paths, processes.map
            )
        times = interleaved(calls | alone, budget, fewest, once=True)
    for peer in running:
        peer.close()
    common = {"threads": CORES, "left_out": {}}
    timed = {name: times[name] for name in calls}
    yield {
        "work": WARM, "title": f"{PATIENTS} CT patients, after start-up", **common,
        "seconds": timed, "checked": checked,
        "bytes_a_case": sum(Path(path).stat().st_size for path in files[0]),
    }  # fmt: skip
    yield {
        "work": INFLATING, "title": "W5 after start-up, against inflating its files alone",
        **common, "checked": {},
        "seconds": {"ferromics": times["ferromics"], **{name: times[name] for name in alone}},
        "processor_s": {name: found[1:] for name, found in used.items()},  # the first warms up
        "releases_lock": {name: inflate.releases_lock(name, Path(files[0][0])) for name in names},
    }  # fmt: skip


def w5(phantom: tuple[Path, Path], folder: Path, budget: float) -> Iterable[dict[str, Any]]:
    """Yield W5 after start-up without what takes long: a part of `python -m bench`."""
    ours = Ours(folder, works.WORKS[0].settings())
    quick = [name for name in PEERS if name != "pyradiomics"]
    yield from warm(ours, patients(folder, phantom), folder, peers=quick, budget=budget, fewest=2)


def noting(used: dict[str, list[float]], name: str, call: Callable[[], float]) -> Any:
    """Return a call that also notes the processor time of this process."""

    def noted() -> float:
        before = time.process_time()
        seconds = call()
        used.setdefault(name, []).append(time.process_time() - before)
        return seconds

    return noted


def spawned() -> ProcessPoolExecutor:
    """Return as many processes as cores, for `with`."""
    return ProcessPoolExecutor(CORES, multiprocessing.get_context("spawn"))


def busy(folder: Path, rounds: int = 5) -> dict[str, Any]:
    """Return how many cores are busy where computing is all, and with a probe of nothing else."""
    settings = works.Work("busy", "", set="full", spacing=1.0).settings(every=True)
    ours = Ours(folder, settings, "busy")
    ours.run()
    gains: dict[str, list[float]] = {"ferromics": [], "probe": []}
    seconds: list[float] = []
    for _ in range(rounds):
        start = time.perf_counter()
        gains["ferromics"].append(ours.cores())
        seconds.append(time.perf_counter() - start)
        gains["probe"].append(spinning(min(3.0, seconds[-1])))
    return {
        "work": BUSY, "title": "cores busy: all families and aggregations, resampled to 1 mm",
        "threads": CORES, "gain": gains, "seconds": {"ferromics": seconds},
        "checked": {}, "left_out": {},
    }  # fmt: skip


def spinning(seconds: float) -> float:
    """Return how many cores as many processes get that do nothing but compute."""
    command = [sys.executable, "-c", SPIN.format(seconds=seconds)]
    start, before = time.perf_counter(), os.times()
    running = [subprocess.Popen(command) for _ in range(CORES)]
    for process in running:
        process.wait()
    after = os.times()
    used = after.children_user + after.children_system
    used -= before.children_user + before.children_system
    return used / (time.perf_counter() - start)


def of_child(module: str, *arguments: object) -> dict[str, Any]:
    """Return what `python -m module` prints as JSON, on one thread."""
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        check=True, stdout=subprocess.PIPE, text=True, env=with_threads(1), cwd=ROOT,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def run_works(options: argparse.Namespace, folder: Path) -> Iterable[dict[str, Any]]:
    """Run the works asked for; yield their rows."""
    phantom = works.phantom()
    if phantom is None and {"W5", "busy"} & {*options.works}:
        print(f"W5 and busy are left out: no CT phantom. {ibsi_data.HOW_TO_GET_IT}")
    elif phantom is not None:
        files = patients(folder, phantom)
        if "W5" in options.works:
            ours = Ours(folder, works.WORKS[0].settings())
            least = options.repetitions
            yield from warm(ours, files, folder, peers=options.peers, fewest=least)
            yield fresh(ours, files, folder, peers=options.peers, fewest=least)
        if "busy" in options.works:
            yield busy(folder)
    if "starts" in options.works:
        yield cohort_tiny.starts(folder)
    if "tiny" in options.works:
        yield from of_child("bench.cohort_tiny", options.tiny)["rows"]
    if "scale" in options.works:
        rows = []
        for size in options.sizes:
            rows.append(of_child("bench.cohort_scale", size))
            yield rows[-1]
        yield cohort_scale.growth(rows)


def save(document: dict[str, Any], path: Path | None) -> None:
    """Write the JSON file, if one is wanted."""
    if path is not None:
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Run the works asked for, print what they found, and fail if a value is wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench.cohort", description=__doc__)
    parser.add_argument("--works", nargs="+", default=NAMED, choices=NAMED)
    parser.add_argument("--peers", nargs="*", default=PEERS, choices=PEERS, help="of W5")
    parser.add_argument("--repetitions", type=int, default=3, help="of W5, at least")
    parser.add_argument("--tiny", type=int, default=10_000, help="number of tiny cases")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="rows of tables")
    parser.add_argument("--json", type=Path, help="also write everything to this file")
    options = parser.parse_args()
    start = time.perf_counter()
    versions = {name: Peer(name, python, 1) for name, python in interpreters().items()}
    document: dict[str, Any] = {
        **machine(), "versions": {"ferromics": fm.__version__},
        "probe": {}, "rows": [], "families": {}, "checked": {}, "levels": {},
    }  # fmt: skip
    for name, peer in versions.items():
        document["versions"][name] = peer.version
        peer.close()
    print(page.told(document), flush=True)
    before = probe_gain(CORES)
    with tempfile.TemporaryDirectory() as name:
        for row in run_works(options, Path(name)):
            document["rows"].append(row)
            print("\n".join(page.lines(row)), flush=True)
            save(document, options.json)  # what there is, should the run be ended
    document["probe"][str(CORES)] = [before, probe_gain(CORES)]
    document["targets"] = targets.judged(document)
    document["took_s"] = round(time.perf_counter() - start)
    print(f"\nprobe of {CORES} cores: {before:.2f} before, {document['probe']['2'][1]:.2f} after")
    print("\nTargets\n" + "\n".join(page.verdicts(document)))
    save(document, options.json)
    wrong = [w for _, check in targets.checks(document) for w in check["wrong"]]
    if wrong:
        sys.exit("values differ:\n" + "\n".join(wrong))


if __name__ == "__main__":
    main()
