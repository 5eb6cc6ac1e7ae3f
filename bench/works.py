"""The named works: whole extractions, start-up and memory, beside the peers that are installed.

`WORKS` says what each is and what it is to reach. Values are compared before times are taken: a
work whose values differ from a peer's where both have the same definition fails the run.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import ferromics as fm
from bench.data import smoothed
from bench.tools import NO_AUTOCORRELATION, ROOT, Peer, interleaved, interpreters, with_threads
from ferromics import ibsi_data, names

WIDTH, LOWEST = 25.0, -1000.0  # the phantom's lowest intensity, where PyRadiomics' bins start too
BINS = 32
SIGMAS = (1.5, 2.0, 3.0)  # from half a slice of the phantom on
OVER_ALL = "ferromics, all aggregations"
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
    """What is extracted, from what, and what is to be reached.

    `at_least` has, by peer, the ratio of its time to ours; `at_most_s` is in seconds; `over_one` is
    how many times as long all aggregations may take as one.
    """

    name: str
    title: str
    set: str = "pyradiomics"
    spacing: float | None = None
    width: float | None = WIDTH
    filters: bool = False
    phantom: bool = True
    at_least: dict[str, float] = field(default_factory=dict)
    at_most_s: float | None = None
    over_one: float | None = None

    def case(self, image: Path, mask: Path) -> dict[str, Any]:
        """Return the work as peers are told of it."""
        return {
            "image": str(image), "mask": str(mask), "set": self.set, "spacing": self.spacing,
            "width": self.width, "minimum": LOWEST, "wavelet": "coif1" if self.filters else None,
            "log": list(SIGMAS) if self.filters else [],
        }  # fmt: skip

    def settings(self, *, every: bool = False) -> fm.Settings:
        """Return the work as settings of ours; `every` for all aggregations."""
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
            discretise=[by_width if self.width else f"fbn{BINS}"],
            features=families,
            resample={**resample, "mask_threshold": 0.5} if self.spacing else None,
            filters=[wavelet, log] if self.filters else [],
        )


WORKS = [
    Work("W1", "CT phantom, PyRadiomics' set", at_least={"pictologics": 3, "pyradiomics": 250}),
    Work("W2", "W1 resampled to 1 mm", spacing=1.0, at_least={"pictologics": 4}),
    Work("W3", "W1 and eleven response maps", filters=True, at_least={"pictologics": 4}),
    Work(
        "full", "full IBSI 1 set on W1", set="full", at_least={"pictologics": 5}, over_one=3
    ),
    Work("small", "1,000 voxels, PyRadiomics' set", width=None, phantom=False, at_most_s=1e-3),
]  # fmt: skip


class OurCase:
    """ferromics with image and mask in memory."""

    def __init__(self, work: Work, image: Path, mask: Path, threads: int, *, every: bool) -> None:
        import SimpleITK as sitk

        picture = sitk.ReadImage(str(image))
        self.image = sitk.GetArrayFromImage(picture)
        self.mask = sitk.GetArrayFromImage(sitk.ReadImage(str(mask)))
        self.spacing = tuple(picture.GetSpacing()[::-1])
        self.settings, self.threads = work.settings(every=every), threads

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


@dataclass(frozen=True)
class Rule:
    """How closely values have to agree, and why not more closely; no tolerance: left out."""

    tool: str
    images: str
    features: str
    tolerance: float | None
    why: str


# The first that fits counts: regular expressions on the image's and the feature's names.
MESH = (
    "morph/(volume_mesh|surface_.*|compactness_.*|spher.*|asphericity|integrated_intensity|"
    "(volume|area)_density_.*)"
)
RULES = [
    Rule("", ".*", "morph/.*oriented_minimum.*", None, "the box is searched for, by other means"),
    Rule("", ".*", "morph/.*minimum_volume_enc.*", 3e-3, "found by iteration to a tolerance"),
    Rule("pictologics", ".*", MESH, 1e-4, "meshes differ in a few cells (not on a sphere)"),
    Rule("pyradiomics", ".*", MESH, 1e-3, "meshes differ in a few cells (not on a sphere)"),
    Rule("pyradiomics", ".*", "morph/.*_axis_length", 1e-3, "variances over n instead of n - 1"),
    Rule("pictologics", ".*", "ivh/area_under.*", None, "an area in HU, ours is over 0 to 1"),
    Rule("pictologics", "resampled", ".*", 1e-3, "resampled in float32"),
    Rule("pictologics", "log.*", ".*", None, "second derivatives a voxel of each axis, ours a mm"),
    Rule("pictologics", "wavelet.*", "stat/.*(coefficient|skewness).*", None, "ratio to about 0"),
    Rule("pictologics", "wavelet.*", ".*", 1e-3, "response maps in float32"),
    Rule("", ".*", ".*", 1e-6, "sums in another order"),
]  # fmt: skip


def rule(tool: str, image: str, feature: str) -> Rule:
    """Return the rule for a value."""
    return next(
        r
        for r in RULES
        if r.tool in ("", tool)
        and re.fullmatch(r.images, image)
        and re.fullmatch(r.features, feature)
    )


def map_name(image: str) -> str:
    """Return a peer's name for an image as ours."""
    kind, _, which = image.partition("-")
    return {"wavelet": f"wavelet-coif1-{which}", "log": f"log-sigma{which}mm"}.get(kind, image)


def compare(
    tool: str, work: Work, ours: Any, theirs: dict[str, dict[str, float]]
) -> dict[str, Any]:
    """Compare what both define alike; tell how much there was, what is left out, what is wrong."""
    found = {
        (r["image"], r["family"], r["feature"], r["aggregation"]): r["value"]
        for r in ours.records()
    }
    count, worst, wrong, left_out = 0, (0.0, ""), [], 0
    for image, values in theirs.items():
        if tool == "pyradiomics" and (image != "original" or work.spacing):
            continue  # its grid and its filters are its own
        for name, value in values.items():
            merged = {"merged": True} if tool == "pyradiomics" else {}
            meaning = names.to_catalogue(tool, name, **merged)
            if not isinstance(meaning, names.Meaning):
                continue
            feature = f"{meaning.family}/{meaning.feature}"
            key = (map_name(image), meaning.family, meaning.feature, meaning.aggregation)
            if key not in found:
                continue
            rules = rule(tool, "resampled" if work.spacing else image, feature)
            if rules.tolerance is None:
                left_out += 1
                continue
            mine, other = found[key], value + float(meaning.add)
            mine = math.nan if mine is None else mine
            if math.isnan(mine) and math.isnan(other):
                continue
            spread = found.get((key[0], "stat", "intensity_variance", ""), 0.0) ** 0.5
            least = spread if image != "original" and meaning.family == "stat" else 1e-6
            error = abs(mine - other) / max(abs(mine), abs(other), least)
            count += 1
            label = "/".join(filter(None, key))
            # Written so that an error of NaN fails too.
            if not error <= rules.tolerance:
                wrong.append(f"{label}: ferromics {mine!r}, {tool} {other!r}")
            if rules.tolerance == RULES[-1].tolerance:
                worst = max(worst, (error, label))
    return {
        "values": count, "left_out": left_out, "wrong": wrong,
        "worst_of_exact": worst[0], "where": worst[1],
    }  # fmt: skip


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
    checked, left_out = {}, {}
    if work.over_one:
        every = OurCase(work, *files, threads, every=True)
        calls[OVER_ALL], counts[OVER_ALL] = every.seconds, len(every.run())
    for peer in peers:
        told = peer.answer({"case": work.case(*files)})
        if "cannot" in told:
            left_out[peer.name] = told["cannot"]
            continue
        checked[peer.name] = compare(peer.name, work, mine, told["values"])
        counts[peer.name] = sum(map(len, told["values"].values()))
        calls[peer.name] = lambda peer=peer: peer.seconds("case")
    return {
        "work": work.name, "title": work.title, "threads": threads,
        "voxels": mine.provenance["voxels"]["morphological_mask"],
        "values": counts, "seconds": interleaved(calls, budget),
        "checked": checked, "left_out": left_out,
        "at_least": work.at_least, "at_most_s": work.at_most_s, "over_one": work.over_one,
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
    packed = tuple(folder / f"{name}.nrrd" for name in ("image", "mask"))
    for source, target in zip(files, packed, strict=True):
        sitk.WriteImage(sitk.ReadImage(str(source)), str(target), useCompression=True)

    def extract(paths: tuple[Path, ...]) -> list[str]:
        return ["extract", *map(str, paths), "-s", str(settings), "-o", str(folder / "ours.csv")]

    commands = {"ferromics": [sys.executable, "-m", "ferromics", *extract(files)]}
    weighed = {
        "ferromics": [sys.executable, "-c", PEAK, *extract(files)],
        "ferromics, .nrrd": [sys.executable, "-c", PEAK, *extract(packed)],
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
    seconds = interleaved(calls, 0, fewest=repetitions)
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
            "seconds": seconds, "at_least": {"pictologics": 8}, "at_most_s": 0.6,
        },
        {
            "work": "memory", "title": "peak of W1 in a fresh process", **common,
            "peak_kib": peaks,
            "at_most_mib": {"ferromics": 90, "ferromics, .nrrd": 160},
        },
    )  # fmt: skip
