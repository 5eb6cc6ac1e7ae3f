"""Maps by PyRadiomics' definitions against its own.

PyRadiomics' MCC maps hold nothing but the initial value: its eigenvalue solver refuses all voxels
as soon as one of them has a direction without pairs. Ours are judged by regions.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from ferromics import _core
from ferromics.compat import radiomics

RTOL = 1e-9
# What a value is at least compared with: PyRadiomics writes entropies of -3e-16 for 0. A cluster
# shade is a cube of levels, which cancel.
SCALE = {"ClusterShade": 1.0}
CLASSES = ("firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm")
MAPS: dict[str, tuple[str, float, dict[str, Any], int]] = {
    "brain1__voxel_r1_brain": ("brain1", 25, {"init_value": None}, 60),
    "breast1__voxel_r1": ("breast1", 25, {"init_value": None}, 92),
    "breast1__voxel_r2_unmasked_2d": (
        "breast1",
        10,
        {"kernel_radius": 2, "masked_kernel": False, "force_2d_dimension": 0},
        8,
    ),
}


def region(
    folder: Path, case: str, options: dict[str, Any], width: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[float, ...]]:
    """Image, mask and levels as PyRadiomics cuts them: the mask's box and the kernel's radius."""
    read = sitk.ReadImage(str(folder / f"{case}_image.nrrd"))
    image = sitk.GetArrayFromImage(read)
    mask = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / f"{case}_label.nrrd"))) == 1
    pad = options.get("kernel_radius", 1)
    where = np.nonzero(mask)
    box = tuple(slice(max(0, a.min() - pad), a.max() + 1 + pad) for a in where)
    image, mask = image[box], mask[box]
    counts = mask if options.get("masked_kernel", True) else np.ones_like(mask)
    low, high = image[counts].min(), image[counts].max()
    levels = np.zeros(image.shape, np.uint16)
    levels[counts] = np.digitize(
        image[counts], np.arange(low - low % width, high + 2 * width, width)
    )
    return image, mask, levels, read.GetSpacing()[::-1]


@pytest.mark.parametrize("stem", MAPS)
def test_maps_are_those_of_pyradiomics(stem: str, parity: Path) -> None:
    case, width, options, number = MAPS[stem]
    image, mask, levels, spacing = region(parity / "data", case, options, width)
    judged, wrong = 0, []
    with np.load(parity / "pyradiomics" / f"{stem}.npz") as reference:
        for name in CLASSES:
            wanted = [key.rsplit("_", 1)[1] for key in reference.files if f"_{name}_" in key]
            only = [feature for feature in wanted if feature != "MCC"]
            if not only:
                continue
            given = json.dumps({**options, "only": only})
            maps = _core.pyradiomics_maps(image, mask, levels, spacing, name, given)
            assert sorted(maps) == sorted(only)
            for feature, values in maps.items():
                expected = reference[f"original_{name}_{feature}"]
                scale = np.maximum(np.abs(expected), SCALE.get(feature, 1e-6))
                same = np.abs(values - expected) <= RTOL * scale
                same |= np.isnan(values) & np.isnan(expected)
                judged += 1
                if not same.all():
                    wrong.append(f"{name} {feature}: {np.count_nonzero(~same)} voxels")
    assert not wrong, "\n".join(wrong)
    assert judged == number


def test_maximal_correlation_is_that_of_the_neighbourhood_as_a_region(parity: Path) -> None:
    _, mask, levels, spacing = region(parity / "data", "breast1", {}, 25)
    given = json.dumps({"only": ["MCC"], "init_value": None})
    found = _core.pyradiomics_maps(None, mask, levels, spacing, "glcm", given)["MCC"]
    assert np.array_equal(np.isnan(found), ~mask)
    for z, y, x in np.argwhere(mask):
        around = tuple(slice(max(0, c - 1), c + 2) for c in (z, y, x))
        inside = np.ascontiguousarray(mask[around])
        if len(np.unique(levels[around][inside])) == 1:
            assert found[z, y, x] == 0  # flat here, but not all of the region
            continue
        near = np.ascontiguousarray(levels[around])
        [(_, value)] = _core.pyradiomics(
            None, inside, near, spacing, "glcm", json.dumps({"only": ["MCC"]})
        )
        assert found[z, y, x] == pytest.approx(value, abs=1e-7)


def test_progress_counts_the_voxels_of_the_mask() -> None:
    rng = np.random.default_rng(1)
    levels = rng.integers(1, 9, (6, 7, 8)).astype(np.uint16)
    mask = rng.random(levels.shape) < 0.5
    progress = _core.MapProgress()
    maps = _core.pyradiomics_maps(
        None, mask, levels, (1, 1, 1), "gldm", "{}", threads=2, progress=progress
    )
    assert progress.done == mask.sum()
    assert list(maps) == [name for name, _ in _core.pyradiomics_features("gldm")]


def test_shapes_have_no_maps() -> None:
    mask = np.ones((3, 3, 3), bool)
    with pytest.raises(ValueError, match="shapes have no maps"):
        _core.pyradiomics_maps(None, mask, mask.astype(np.uint16), (1, 1, 1), "shape", "{}")


PYTHON = os.environ.get("FERROMICS_PYRADIOMICS")
UNCUT: list[dict[str, Any]] = [
    {},
    {"symmetricalGLCM": False},
    {"distances": [1, 2], "kernelRadius": 2},
    {"weightingNorm": "euclidean"},
    {"force2D": True, "kernelRadius": 2},
    {"binWidth": 4},
]
"""Neighbourhoods that neither mask nor image cuts have pairs in all directions, without which
PyRadiomics has no MCC."""
CUT: list[dict[str, Any]] = [
    {"initValue": float("nan")},
    {"kernelRadius": 3},
    {"weightingNorm": "manhattan", "distances": [1, 3], "kernelRadius": 2},
    {"weightingNorm": "infinity", "gldm_a": 2},
    {"force2D": True, "force2Ddimension": 1, "kernelRadius": 2},
    {"force2D": True, "force2Ddimension": 2},
    {"binWidth": 0.2},
    {"binCount": 8, "distances": [2], "maskedKernel": False, "voxelBatch": 20},
    {"voxelBatch": 7, "kernelRadius": 2},
    {"resegmentRange": [70, 130]},
    {"label": 2, "voxelArrayShift": 300},
    {"resampledPixelSpacing": [1.1, 1.1, 1.1]},
]


def written(folder: Path, shape: tuple[int, ...], mask: np.ndarray) -> dict[str, str]:
    """Write a smooth image and a mask; their names."""
    values = np.random.default_rng(4).normal(100, 40, size=shape)
    for axis in range(3):
        values = (values + np.roll(values, 1, axis)) / 2
    for name, array in (("image", values.astype(np.float32).round(1)), ("mask", mask)):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing((0.8, 1.2, 2.0))
        sitk.WriteImage(image, str(folder / f"{name}.nrrd"))
    return {"image": "image.nrrd", "mask": "mask.nrrd"}


def agree(folder: Path, jobs: list[dict[str, Any]]) -> int:
    """Run jobs by PyRadiomics and by the layer, and compare all maps; how many there are."""
    (folder / "jobs.json").write_text(json.dumps(jobs))
    script = Path(__file__).with_name("pyradiomics_itself.py")
    assert PYTHON is not None
    subprocess.run([PYTHON, str(script), str(folder)], check=True, cwd=folder)
    compared = 0
    for number, job in enumerate(jobs):
        extractor = radiomics.featureextractor.RadiomicsFeatureExtractor(
            job["parameters"], additionalInfo=False
        )
        paths = [str(folder / job[k]) for k in ("image", "mask")]
        for name, made in extractor.execute(*paths, voxelBased=True).items():
            theirs = np.load(folder / f"map-{number}-{name}.npy")
            ours = sitk.GetArrayFromImage(made)
            feature = name.rpartition("_")[2]
            scale = np.maximum(np.abs(theirs), SCALE.get(feature, 1e-3))
            # Of a direction whose eigenvalue is 0, PyRadiomics takes the root of a rounding error,
            # at most of the next double after 1; of an entropy that is 0 either tool may.
            root = (feature == "MCC") & (np.abs(ours - theirs) < 2.2e-16**0.5)
            root |= (feature == "Imc2") & (np.maximum(ours, theirs) < 1e-6)
            # Busyness divides by rounding errors where PyRadiomics does.
            root |= (feature == "Busyness") & (ours > 1e10) & (theirs > 1e10)
            same = (np.abs(ours - theirs) <= RTOL * scale) | (np.isnan(ours) & np.isnan(theirs))
            wrong = ~(same | root)
            assert not wrong.any(), (job["parameters"], name, ours[wrong][:3], theirs[wrong][:3])
            compared += 1
    return compared


def of_voxels(
    files: dict[str, str], given: dict[str, Any], classes: dict[str, list[str]]
) -> dict[str, Any]:
    """A job in voxel mode."""
    keys = {"kernelRadius", "maskedKernel", "initValue", "voxelBatch"} & set(given)
    parameters = {
        "setting": {"binWidth": 15, **{k: v for k, v in given.items() if k not in keys}},
        "imageType": {"Original": {}},
        "featureClass": classes,
        "voxelSetting": {k: given[k] for k in keys},
    }
    return {**files, "parameters": parameters, "voxel": True}


@pytest.mark.skipif(not PYTHON, reason="FERROMICS_PYRADIOMICS names no Python")
def test_maps_of_whole_neighbourhoods_are_those_of_pyradiomics_itself(tmp_path: Path) -> None:
    mask = np.zeros((9, 11, 12), np.uint8)
    mask[2:-2, 3:-3, 2:-4] = np.random.default_rng(5).random((5, 5, 6)) < 0.6
    files = written(tmp_path, mask.shape, mask)
    classes: dict[str, list[str]] = {name: [] for name in ("glcm", "glrlm", "glszm")}
    settings = [{"maskedKernel": False, "initValue": -1, **given} for given in UNCUT]
    jobs = [of_voxels(files, given, classes) for given in settings]
    assert agree(tmp_path, jobs) == len(UNCUT) * 56


@pytest.mark.skipif(not PYTHON, reason="FERROMICS_PYRADIOMICS names no Python")
def test_maps_of_cut_neighbourhoods_are_those_of_pyradiomics_itself(tmp_path: Path) -> None:
    mask = (np.random.default_rng(6).random((7, 9, 10)) < 0.5).astype(np.uint8)
    mask[:, :5] *= 2
    files = written(tmp_path, mask.shape, mask)
    named = _core.pyradiomics_features("glcm")
    classes: dict[str, list[str]] = {name: [] for name in CLASSES}
    classes["glcm"] = [name for name, deprecated in named if not deprecated and name != "MCC"]
    jobs = [of_voxels(files, given, classes) for given in CUT]
    assert agree(tmp_path, jobs) == len(CUT) * 92
