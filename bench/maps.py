"""Times maps of features, voxel by voxel, beside PyRadiomics; bench/README.md has the works.

`python -m bench.maps` compares the maps first and fails if one differs.
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
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

import ferromics as fm
from bench.data import smoothed
from bench.tools import PEERS, ROOT, interpreters, machine
from ferromics import _core

FEW = 1000
"""Voxels on which MCC is timed: PyRadiomics takes milliseconds for each."""
SIZE = (100, 256, 256)
CLASSES: dict[str, list[str]] = {name: [] for name in ("firstorder", "gldm", "ngtdm")}
FAMILIES = ["stat", "ih", "glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm"]


class Worker:
    """One of the tools in a process that stays; PyRadiomics has one thread."""

    def __init__(self, tool: str, python: str, threads: int = 1) -> None:
        single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        number = {**single, "FERROMICS_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen(
            [python, str(PEERS / "voxel_maps.py"), tool],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=tempfile.gettempdir(),
            env={**os.environ, **number, "PYTHONPATH": _path(tool)},
        )

    def run(self, request: dict[str, Any]) -> float:
        """Return the seconds that a request took."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return float(json.loads(self.process.stdout.readline()))


def _path(tool: str) -> str:
    return os.environ.get("PYTHONPATH", "") if tool == "ferromics" else ""


def main() -> int:
    """Run the works asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "parity" / "data")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--works", nargs="+", default=["brain", "mcc", "volume"])
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    python = interpreters().get("pyradiomics")
    found: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory() as folder:
        for work in chosen.works:
            if work == "volume":
                found[work] = volume()
            elif (chosen.data / "brain1_image.nrrd").exists():
                request = brain(chosen.data) if work == "brain" else mcc(chosen.data, Path(folder))
                found[work] = beside(request, python, chosen.repetitions, Path(folder))
            else:
                print(f"{work}: left out, no images in {chosen.data} (--data)")
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


def brain(data: Path) -> dict[str, Any]:
    """60 maps of the brain case, radius 1: all but MCC, run lengths and zones."""
    named = [*_core.pyradiomics_features("glcm")]
    glcm = [name for name, deprecated in named if not deprecated and name != "MCC"]
    return _request(
        data / "brain1_image.nrrd",
        data / "brain1_label.nrrd",
        {**CLASSES, "glcm": glcm},
        {"maskedKernel": True},
    )


def mcc(data: Path, folder: Path) -> dict[str, Any]:
    """MCC of a few voxels in the middle of the brain, their neighbourhoods not cut by the mask.

    PyRadiomics' maps of MCC are void where any direction of any voxel lacks pairs.
    """
    label = sitk.ReadImage(str(data / "brain1_label.nrrd"))
    values = sitk.GetArrayFromImage(label)
    inside = np.argwhere(values == 1)
    middle = inside.mean(axis=0)
    near = inside[np.argsort(((inside - middle) ** 2).sum(axis=1))[:FEW]]
    values[:] = 0
    values[tuple(near.T)] = 1
    few = sitk.GetImageFromArray(values)
    few.CopyInformation(label)
    path = folder / "few.nrrd"
    sitk.WriteImage(few, str(path))
    return _request(data / "brain1_image.nrrd", path, {"glcm": ["MCC"]}, {"maskedKernel": False})


def _request(
    image: Path, mask: Path, classes: dict[str, list[str]], voxels: dict[str, Any]
) -> dict[str, Any]:
    parameters = {
        "setting": {"binWidth": 25},
        "imageType": {"Original": {}},
        "featureClass": classes,
        "voxelSetting": {"kernelRadius": 1, "initValue": float("nan"), **voxels},
    }
    return {"image": str(image), "mask": str(mask), "parameters": parameters}


def beside(
    request: dict[str, Any], python: str | None, repetitions: int, folder: Path
) -> dict[str, Any]:
    """Time a request by both tools, after their maps were compared."""
    cores = os.cpu_count() or 1
    workers = {"ferromics": Worker("ferromics", sys.executable)}
    workers[f"ferromics, {cores} threads"] = Worker("ferromics", sys.executable, cores)
    if python is not None:
        workers["pyradiomics"] = Worker("pyradiomics", python)
    files = {tool: folder / f"{tool}.npz" for tool in workers}
    for tool, worker in workers.items():
        worker.run({**request, "maps": str(files[tool])})
    compared = equal_maps(files) if "pyradiomics" in files else 0
    seconds: dict[str, list[float]] = {tool: [] for tool in workers}
    for _ in range(repetitions):
        for tool, worker in workers.items():
            seconds[tool].append(worker.run({**request, "maps": None}))
    medians = {tool: statistics.median(times) for tool, times in seconds.items()}
    theirs = medians.get("pyradiomics", float("nan"))
    ratios = {tool: theirs / median for tool, median in medians.items()}
    line = ", ".join(f"{k} {medians[k]:.3f} s ({ratios[k]:.0f}x)" for k in medians)
    print(f"{' '.join(request['parameters']['featureClass'])}: {line}; {compared} maps equal")
    return {"seconds": seconds, "medians": medians, "ratios": ratios, "maps_compared": compared}


def equal_maps(files: dict[str, Path]) -> int:
    """Compare the maps of both tools; how many there are. Raises if one differs."""
    ours, theirs = (np.load(files[tool]) for tool in ("ferromics", "pyradiomics"))
    assert set(ours.files) == set(theirs.files), set(ours.files) ^ set(theirs.files)
    for name in ours.files:
        # As tests/parity: 1e-9 of the value, which is at least 1e-3, for the cubes of a cluster
        # shade 1; PyRadiomics' MCC has roots of rounding errors for 0.
        least = 1.0 if "ClusterShade" in name else 1e-3
        near = np.isclose(ours[name], theirs[name], rtol=1e-9, atol=1e-9 * least, equal_nan=True)
        root = ("MCC" in name) & (np.abs(ours[name] - theirs[name]) < 2.2e-16**0.5)
        if not (near | root).all():
            place = tuple(np.argwhere(~(near | root))[0])
            msg = f"{name} at {place}: {ours[name][place]} and {theirs[name][place]}"
            raise AssertionError(msg)
    return len(ours.files)


def volume() -> dict[str, Any]:
    """Time IBSI's maps of a whole volume on all cores, one family after the other."""
    image = smoothed(np.random.default_rng(0).normal(size=SIZE), 1.0)
    out = {}
    for family in FAMILIES:
        begin = time.perf_counter()
        maps = fm.feature_maps(image, None, family, spacing=(1.0, 1.0, 1.0))
        number = sum(1 for _ in maps.values())
        out[family] = {"seconds": time.perf_counter() - begin, "maps": number}
        print(f"{SIZE} voxels, {family}: {number} maps in {out[family]['seconds']:.1f} s")
    return out


if __name__ == "__main__":
    sys.exit(main())
