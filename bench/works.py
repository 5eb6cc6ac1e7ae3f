"""The named works: whole extractions, start-up and memory, beside the peers that are installed.

Values are compared before times are taken: a work whose values differ from a peer's where both have
the same definition fails the run (bench/rules.py).
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import ferromics as fm
from bench import rules
from bench.data import save, smoothed
from bench.families import check
from bench.targets import OVER_ALL
from bench.tools import (
    NO_AUTOCORRELATION,
    ROOT,
    Ours,
    Peer,
    interleaved,
    interpreters,
    with_threads,
)  # fmt: skip
from ferromics import ibsi_data

WIDTH, LOWEST = 25.0, -1000.0  # the phantom's lowest intensity, where PyRadiomics' bins start too
BINS = 32
SIGMAS = (1.5, 2.0, 3.0)  # from half a slice of the phantom on
NO_WARM_UP = "pictologics, no warm-up"
PEAK = """
import json, sys
from pathlib import Path
from ferromics.cli import main
sys.argv = ["ferromics", *sys.argv[1:]]
try:
    main()
except SystemExit as done:
    assert not done.code, done.code
status = Path("/proc/self/status").read_text()
print(json.dumps({"peak_kib": int(status.split("VmHWM:")[1].split()[0])}))
"""


@dataclass(frozen=True)
class Work:
    """What is extracted, and from what; bench/targets.py has what is to be reached."""

    name: str
    title: str
    set: str = "pyradiomics"
    spacing: float | None = None
    width: float | None = WIDTH
    filters: bool = False
    phantom: bool = True
    over_all: bool = False  # also with all aggregations

    def case(self, image: Path, mask: Path) -> dict[str, Any]:
        """Return the work as peers are told of it."""
        return {
            "image": str(image), "mask": str(mask), "set": self.set, "spacing": self.spacing,
            "width": self.width, "minimum": LOWEST, "wavelet": "coif1" if self.filters else None,
            "log": list(SIGMAS) if self.filters else [],
        }  # fmt: skip

    def settings(self, *, every: bool = False, bins: int = 0) -> fm.Settings:
        """Return the work as settings of ours; `every` for all aggregations, or so many bins."""
        by_width = {"type": "fbs", "width": self.width, "minimum": LOWEST}
        some = {"aggregations": "all"} if every else {}
        full = self.set == "full"
        families: list[Any] = [
            {"type": "morph"} if full else {"type": "morph", "only": NO_AUTOCORRELATION},
            *(["loc", {"type": "ivh", "discretise": "none"}] if full else []),
            "stat",
            "ih",
            *({"type": f, **some} for f in ("glcm", "glrlm", "glszm", "ngtdm", "ngldm")),
            *([{"type": "gldzm", **some}] if full else []),
        ]
        resample = {"spacing": self.spacing, "method": "linear", "mask_method": "linear"}
        wavelet = {"type": "wavelet", "wavelet": "coif1", "discretise": f"fbn{BINS}"}
        log = {"type": "log", "sigma": list(SIGMAS), "discretise": f"fbn{BINS}"}
        return fm.Settings(
            discretise=[by_width if self.width and not bins else f"fbn{bins or BINS}"],
            features=families,
            resample={**resample, "mask_threshold": 0.5} if self.spacing else None,
            filters=[wavelet, log] if self.filters else [],
        )


WORKS = [
    Work("W1", "CT phantom, PyRadiomics' set"),
    Work("W2", "W1 resampled to 1 mm", spacing=1.0),
    Work("W3", "W1 and eleven response maps", filters=True),
    Work("full", "full IBSI 1 set on W1", set="full", over_all=True),
    Work("small", "1,000 voxels, PyRadiomics' set", width=None, phantom=False),
]


class OurCase:
    """ferromics with image and mask in memory."""

    def __init__(
        self, work: Work, image: Path, mask: Path, threads: int, *, every: bool, bins: int = 0
    ) -> None:
        import SimpleITK as sitk

        picture = sitk.ReadImage(str(image))
        self.image = sitk.GetArrayFromImage(picture)
        self.mask = sitk.GetArrayFromImage(sitk.ReadImage(str(mask)))
        self.spacing = tuple(picture.GetSpacing()[::-1])
        self.settings, self.threads = work.settings(every=every, bins=bins), threads

    def run(self) -> Any:
        """Extract everything."""
        return fm.extract(
            self.image, self.mask, self.settings, spacing=self.spacing, threads=self.threads
        )

    def seconds(self) -> float:
        """Time one extraction."""
        start = time.perf_counter()
        self.run()
        return time.perf_counter() - start


def phantom() -> tuple[Path, Path] | None:
    """Image and mask of IBSI's CT phantom, if they are on this machine."""
    data = ibsi_data.find(beside=ROOT.parent / "shared" / "ibsi" / "data")
    return None if data is None else ibsi_data.ct_phantom(data)


def small(folder: Path) -> tuple[Path, Path]:
    """Write smoothed noise and a region of about 1,000 voxels; return their files."""
    import SimpleITK as sitk

    edge = 17
    image = smoothed(np.random.default_rng(0).normal(size=(edge,) * 3), 2.0)
    z, y, x = np.ogrid[(slice(edge),) * 3]
    mask = (z - 8) ** 2 + (y - 8) ** 2 + (x - 8) ** 2 <= (3 * 1000 / (4 * np.pi)) ** (2 / 3)
    paths = folder / "small.nii.gz", folder / "small_mask.nii.gz"
    for array, path in zip((image, mask.astype(np.uint8)), paths, strict=True):
        sitk.WriteImage(sitk.GetImageFromArray(array), str(path))
    return paths


def extraction(
    work: Work, files: tuple[Path, Path], threads: int, peers: list[Peer], budget: float
) -> dict[str, Any]:
    """Compare and time one work; return its row."""
    ours = OurCase(work, *files, threads, every=False)
    mine = ours.run()
    calls, counts = {"ferromics": ours.seconds}, {"ferromics": len(mine)}
    found = values(mine)
    checked, left_out = {}, {}
    if work.over_all:
        every = OurCase(work, *files, threads, every=True)
        calls[OVER_ALL], counts[OVER_ALL] = every.seconds, len(every.run())
    for peer in peers:
        told = peer.answer({"case": work.case(*files)})
        if "cannot" in told:
            left_out[peer.name] = told["cannot"]
            continue
        same = found
        if "bins" in told:  # it has no bins of a given width
            other = OurCase(work, *files, threads, every=True, bins=told["bins"])
            same = values(other.run())
        where = "resampled" if work.spacing else ""
        checked[peer.name] = rules.compare(peer.name, same, told["values"], where)
        counts[peer.name] = sum(map(len, told["values"].values()))
        if "untimed" in told:
            left_out[peer.name] = f"{told['untimed']}; its values were compared"
            continue
        calls[peer.name] = lambda peer=peer: peer.seconds("case")
    return {
        "work": work.name, "title": work.title, "threads": threads,
        "voxels": mine.provenance["voxels"]["morphological_mask"],
        "values": counts, "seconds": interleaved(calls, budget),
        "checked": checked, "left_out": left_out,
    }  # fmt: skip


def values(result: Any) -> dict[rules.Key, float]:
    """Return the values of a result by what each is."""
    found = zip(result.columns, result.values_array.tolist(), strict=True)
    return {(c[1], c[2], c[3], c[5]): value for c, value in found}


def autocorrelation(
    files: tuple[Path, Path], folder: Path, threads: int, peers: list[Peer], budget: float
) -> dict[str, Any]:
    """Compare and time Moran's I and Geary's C of W1's region, image and mask in memory."""
    case = OurCase(WORKS[0], *files, threads, every=False)
    mask = case.mask != 0
    save(folder, case.image.astype(np.float64), mask, mask.astype(np.uint8), case.spacing)
    ours, family = Ours(threads), "autocorrelation"
    ours.load(folder)
    able = [p for p in peers if family in p.load(folder)]
    calls = {t.name: lambda t=t: t.seconds(family) for t in (ours, *able)}
    return {
        "work": "autocorrelation of W1", "title": "Moran's I and Geary's C of W1's region",
        "threads": threads, "voxels": int(mask.sum()),
        "checked": check(ours, able, family), "seconds": interleaved(calls, budget), "left_out": {},
    }  # fmt: skip


def wall(command: list[str], threads: int, environment: dict[str, str] | None = None) -> float:
    """Return the seconds a process takes."""
    start = time.perf_counter()
    environment = {**with_threads(threads), **(environment or {})}
    subprocess.run(command, check=True, capture_output=True, env=environment)
    return time.perf_counter() - start


def fresh(
    files: tuple[Path, Path], folder: Path, threads: int, repetitions: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Time W1 in fresh processes, from files to CSV, and weigh it; return both rows."""
    import SimpleITK as sitk

    work = WORKS[0]
    settings = folder / "w1.yaml"
    work.settings().save(settings)
    others = {
        kind: tuple(folder / f"{name}{kind}" for name in ("image", "mask"))
        for kind in (".nrrd", ".mha")
    }
    for source, *targets in zip(files, *others.values(), strict=True):
        picture = sitk.ReadImage(str(source))
        for key in picture.GetMetaDataKeys():  # MetaImage warns of those it cannot hold
            picture.EraseMetaData(key)
        for target in targets:
            sitk.WriteImage(picture, str(target), useCompression=True)

    def extract(paths: tuple[Path, ...]) -> list[str]:
        return ["extract", *map(str, paths), "-s", str(settings), "-o", str(folder / "ours.csv")]

    commands = {"ferromics": [sys.executable, "-m", "ferromics", *extract(files)]}
    weighed = {
        "ferromics": [sys.executable, "-c", PEAK, *extract(files)],
        **{
            f"ferromics, {kind}": [sys.executable, "-c", PEAK, *extract(paths)]
            for kind, paths in others.items()
        },
    }
    environments: dict[str, dict[str, str]] = {}
    for name, python in interpreters().items():
        program = str(ROOT / "bench" / "peers" / f"time_{name}.py")
        told = json.dumps(work.case(*files))
        command = [python, program, told, str(folder / f"{name}.csv")]
        commands[name] = weighed[name] = command
        if name == "pictologics":
            commands[NO_WARM_UP] = weighed[NO_WARM_UP] = command
            environments[NO_WARM_UP] = {"PICTOLOGICS_DISABLE_WARMUP": "1"}
    calls = {
        name: lambda name=name: wall(commands[name], threads, environments.get(name))
        for name in commands
    }
    seconds = interleaved(calls, 0, fewest=repetitions, once=True)
    peaks: dict[str, list[int]] = {}
    for _ in range(3):
        for name, command in weighed.items():
            environment = {**with_threads(threads), **environments.get(name, {})}
            done = subprocess.run(
                command, check=True, capture_output=True, text=True, env=environment
            )
            peaks.setdefault(name, []).append(json.loads(done.stdout.splitlines()[-1])["peak_kib"])
    common = {"threads": threads, "checked": {}, "left_out": {}}
    return (
        {
            "work": "start-up", "title": "W1 in a fresh process, files to CSV", **common,
            "seconds": seconds,
        },
        {
            "work": "memory", "title": "peak of W1 in a fresh process", **common,
            "peak_kib": peaks,
        },
    )  # fmt: skip
