"""PyRadiomics' own parameter files, and functions of scripts, here and in PyRadiomics itself.

``FERROMICS_PYRADIOMICS`` names a Python that has it, ``FERROMICS_PYRADIOMICS_SOURCE`` a checkout of
its repository, whose parameter files are tried: none of them is ours to copy. Without them these
tests are skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import yaml

from ferromics.compat import radiomics

PYTHON = os.environ.get("FERROMICS_PYRADIOMICS")
SOURCE = os.environ.get("FERROMICS_PYRADIOMICS_SOURCE")
pytestmark = pytest.mark.skipif(not PYTHON, reason="FERROMICS_PYRADIOMICS names no Python")
SCRIPT = Path(__file__).with_name("pyradiomics_itself.py")
FILES = sorted(
    path
    for folder in ("examples/exampleSettings", "labs")
    for path in (Path(SOURCE) / folder if SOURCE else Path("nowhere")).rglob("*.yaml")
)
RTOL, SCALE = 1e-9, 1e-6
"""As in test_pyradiomics.py."""

Itself = Callable[[list[dict[str, Any]]], tuple[Path, list[Any]]]


@pytest.fixture
def itself(tmp_path: Path) -> Itself:
    """Run PyRadiomics on jobs, and return the folder of its maps and what it found."""

    def run(jobs: list[dict[str, Any]]) -> tuple[Path, list[Any]]:
        (tmp_path / "jobs.json").write_text(json.dumps(jobs))
        subprocess.run([str(PYTHON), str(SCRIPT), str(tmp_path)], check=True, timeout=600)
        return tmp_path, json.loads((tmp_path / "found.json").read_text())

    return run


def files_of(case: str, parity: Path) -> list[str]:
    image = case.removesuffix("_one_slice")
    return [str(parity / "data" / f"{name}.nrrd") for name in (f"{image}_image", f"{case}_label")]


@pytest.mark.skipif(not SOURCE, reason="FERROMICS_PYRADIOMICS_SOURCE names no checkout")
def test_there_are_files() -> None:
    assert len(FILES) == 9


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_example_files_give_what_they_give_there(path: Path, itself: Itself, parity: Path) -> None:
    parameters = yaml.safe_load(path.read_text())
    voxel = "voxelSetting" in parameters
    flat = "shape2D" in parameters.get("featureClass", {})
    cases = ["breast1"] if voxel else ["brain1_one_slice"] if flat else ["brain1", "breast1"]
    images = [files_of(case, parity) for case in cases]
    folder, theirs = itself(
        [
            {"image": image, "mask": mask, "parameters": str(path), "voxel": voxel}
            for image, mask in images
        ]
    )
    for number, (pair, wanted) in enumerate(zip(images, theirs, strict=True)):
        assert "ERROR" not in wanted
        extractor = radiomics.featureextractor.RadiomicsFeatureExtractor(str(path))
        ours = extractor.execute(*pair, voxelBased=voxel)
        ours = {k: v for k, v in ours.items() if not k.startswith("diagnostics")}
        assert list(ours) == list(wanted)
        for name, value in wanted.items():
            if voxel:
                value = np.load(folder / f"map-{number}-{name}.npy")
                found = sitk.GetArrayFromImage(ours[name])
            else:
                value, found = float(value), float(ours[name])
            scale = 1.0 if name.endswith(("_LeastAxisLength", "_MCC")) else SCALE
            np.testing.assert_allclose(found, value, rtol=RTOL, atol=RTOL * scale, err_msg=name)


# What no parameter file may have, but PyRadiomics works with as an argument.
ARGUMENTS: list[dict[str, Any]] = [
    {"binWidth": True, "binCount": None},
    {"binWidth": None, "binCount": 8},
    {"binCount": "auto"},
    {"distances": [1.0, 2.0], "label": 1.0, "force2D": 1, "symmetricalGLCM": None},
    {"minimumROISize": -1, "minimumROIDimensions": 0, "geometryTolerance": 0},
    {"normalize": 1, "normalizeScale": -100.5, "removeOutliers": 0},
    {"normalize": True, "normalizeScale": -100.5, "binWidth": 10},
    {"resampledPixelSpacing": [1, 1, 0], "padDistance": 1.5},
    {"resampledPixelSpacing": [1, 1, 0], "interpolator": 2, "preCrop": 0},
    {"resampledPixelSpacing": [1, 1, 0], "interpolator": int(sitk.sitkBSpline)},
    {"resampledPixelSpacing": [1, 1, 0], "interpolator": None},
    {"resegmentRange": [100, float("inf")], "resegmentShape": 1},
    {"voxelArrayShift": 1.5, "enableCExtensions": False, "binwidth": 3},
]


def test_arguments_mean_what_they_mean_there(itself: Itself, parity: Path) -> None:
    image, mask = files_of("breast1", parity)
    classes = dict.fromkeys("shape firstorder glcm gldm glrlm glszm ngtdm".split())
    parameters = {"setting": {"additionalInfo": False}, "featureClass": classes}
    job = {"image": image, "mask": mask, "parameters": parameters}
    _, theirs = itself([{**job, "arguments": arguments} for arguments in ARGUMENTS])
    for arguments, wanted in zip(ARGUMENTS, theirs, strict=True):
        assert "ERROR" not in wanted, arguments
        extractor = radiomics.featureextractor.RadiomicsFeatureExtractor(parameters, **arguments)
        ours = extractor.execute(image, mask)
        assert list(ours) == list(wanted)
        for name, value in wanted.items():
            scale = 1.0 if name.endswith(("_LeastAxisLength", "_MCC")) else SCALE
            np.testing.assert_allclose(
                float(ours[name]), float(value), rtol=RTOL, atol=RTOL * scale,
                err_msg=f"{arguments} {name}",
            )  # fmt: skip


@pytest.mark.parametrize("pad", [{}, {"padDistance": 0}, {"padDistance": 2}, {"padDistance": 1.5}])
def test_resampling_by_itself(pad: dict[str, Any], itself: Itself, parity: Path) -> None:
    image, mask = files_of("breast1", parity)
    same = sitk.ReadImage(image).GetSpacing()
    spacings = [[1, 1, 1], [0.9, 0, 3], [*same]]
    if pad.get("padDistance") == 1.5:
        spacings.pop()  # a part of a voxel cannot be cropped
    jobs = [
        {"image": image, "mask": mask, "resample": {"resampledPixelSpacing": spacing, **pad}}
        for spacing in spacings
    ]
    folder, theirs = itself(jobs)
    for number, (job, wanted) in enumerate(zip(jobs, theirs, strict=True)):
        nodes = [sitk.ReadImage(path) for path in (image, mask)]
        ours = radiomics.imageoperations.resampleImage(*nodes, **job["resample"])
        for name, found in zip(("image", "mask"), ours, strict=True):
            assert [list(found.GetOrigin()), list(found.GetSpacing())] == wanted[name]
            values = np.load(folder / f"map-{number}-{name}.npy")
            np.testing.assert_array_equal(sitk.GetArrayFromImage(found), values)
