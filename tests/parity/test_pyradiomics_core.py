"""The core's features by PyRadiomics' definitions against what PyRadiomics computed.

Settings files that need no filter: bins are made here by PyRadiomics' rule, so that the core alone
is judged.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import yaml

from ferromics import _core

SETTINGS = (
    "default",
    "bincount32",
    "deprecated_named",
    "weighting_none",
    "weighting_distances",
    "force2d_shape2d",
    "reseg_absolute",
    "reseg_relative",
    "reseg_sigma",
    "slice_3d",
    "slice_shape2d",
)
CASES = ("brain1", "breast1", "brain1_one_slice", "ibsi_ct_phantom", "sts002_pet")
# Values that PyRadiomics refuses to compute, as they equal another feature's.
REFUSED = {"Dissimilarity", "Homogeneity1", "Homogeneity2", "SumVariance", "DependencePercentage"}
RTOL = 1e-9
# What a value is at least compared with: PyRadiomics writes entropies of -3e-16 for 0, and
# 4e-15 mm for the thickness of one slice.
SCALE = 1e-6
SCALE_OF_LENGTHS = 1.0
JUDGED = {f"{case}__{name}" for case in CASES for name in SETTINGS}


@pytest.fixture(scope="module")
def references(parity: Path) -> list[Path]:
    files = sorted((parity / "pyradiomics").glob("*.csv"))
    return [path for path in files if path.stem in JUDGED]


def files_of(case: str, parity: Path, ibsi_data: Path) -> tuple[Path, Path]:
    if case == "ibsi_ct_phantom":
        folder = ibsi_data / "ibsi_1_ct_radiomics_phantom" / "nifti"
        return folder / "image" / "phantom.nii.gz", folder / "mask" / "mask.nii.gz"
    if case == "sts002_pet":
        folder = ibsi_data / "validation" / "nifti" / "STS_002"
        return folder / "PET_image.nii.gz", folder / "PET_mask.nii.gz"
    image = "brain1" if case.startswith("brain1") else case
    return parity / "data" / f"{image}_image.nrrd", parity / "data" / f"{case}_label.nrrd"


@cache
def load(image: Path, mask: Path) -> tuple[np.ndarray, np.ndarray, tuple[float, ...]]:
    """The image, the region of label 1 and the voxels' size."""
    read = sitk.ReadImage(str(image))
    array = sitk.GetArrayFromImage(read)
    region = sitk.GetArrayFromImage(sitk.ReadImage(str(mask))) == 1
    return array, region, read.GetSpacing()[::-1]


def box_of(mask: np.ndarray) -> tuple[slice, ...]:
    """The box around a mask: where it starts matters to a mesh that has holes."""
    return tuple(slice(axis.min(), axis.max() + 1) for axis in np.nonzero(mask))


def resegmented(image: np.ndarray, mask: np.ndarray, setting: dict[str, Any]) -> np.ndarray:
    """The part of a mask within the closed range."""
    inside = image[mask]
    ends = [float(end) for end in setting["resegmentRange"]]
    mode = setting.get("resegmentMode", "absolute")
    if mode == "relative":
        ends = [end * inside.max() for end in ends]
    elif mode == "sigma":
        ends = [inside.mean() + end * inside.std() for end in ends]
    kept: np.ndarray = mask & (image >= ends[0]) & (image <= ends[1])
    return kept


def levels_of(image: np.ndarray, mask: np.ndarray, setting: dict[str, Any]) -> np.ndarray:
    """Grey levels by PyRadiomics' rule: bins of a width from 0, or a number of bins."""
    inside = image[mask]
    if "binCount" in setting:
        edges = np.histogram(inside, setting["binCount"])[1]
        edges[-1] += 1
    else:
        width = setting.get("binWidth", 25)
        low, high = inside.min(), inside.max()
        edges = np.arange(low - low % width, high + 2 * width, width)
    levels = np.zeros(image.shape, np.uint16)
    levels[mask] = np.digitize(inside, edges)
    return levels


def computed(
    image: np.ndarray, mask: np.ndarray, spacing: tuple[float, ...], setting: dict[str, Any]
) -> Iterator[tuple[str, float]]:
    """Every feature of every class, by its column's name."""
    solid = mask
    if "resegmentRange" in setting:
        mask = resegmented(image, mask, setting)
        solid = mask if setting.get("resegmentShape") else solid
    box = box_of(mask)
    image, mask = image[box], mask[box]
    solid = solid[box if setting.get("resegmentShape") else box_of(solid)]
    levels = levels_of(image, mask, setting)
    flat = setting.get("force2Ddimension", 0) if setting.get("force2D") else None
    options = {
        "force_2d_dimension": flat,
        "distances": setting.get("distances", [1]),
        "symmetrical": setting.get("symmetricalGLCM", True),
        "weighting_norm": setting.get("weightingNorm"),
        "gldm_a": setting.get("gldm_a", 0),
        "voxel_array_shift": setting.get("voxelArrayShift", 0),
    }
    classes = ["shape", "firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm"]
    if flat is not None and mask.shape[flat] == 1:
        classes.append("shape2D")
    for name in classes:
        if name.startswith("shape"):
            rows = _core.pyradiomics(None, solid, None, spacing, name, json.dumps(options))
        else:
            rows = _core.pyradiomics(image, mask, levels, spacing, name, json.dumps(options))
        assert [row[0] for row in rows] == [row[0] for row in _core.pyradiomics_features(name)]
        yield from ((f"original_{name}_{feature}", value) for feature, value in rows)


def test_every_value_is_that_of_pyradiomics(
    references: list[Path], parity: Path, ibsi_data: Path
) -> None:
    judged, wrong = 0, []
    for path in references:
        case, _, settings = path.stem.partition("__")
        parameters = yaml.safe_load(
            (parity / "pyradiomics/params" / f"{settings}.yaml").read_text()
        )
        image, mask, spacing = load(*files_of(case, parity, ibsi_data))
        values = dict(computed(image, mask, spacing, parameters.get("setting", {})))
        for name, text in list(csv.reader(path.read_text().splitlines()))[1:]:
            if not name.startswith("original_"):
                continue
            assert name.rsplit("_", 1)[1] not in REFUSED
            reference = float(text)
            judged += 1
            scale = SCALE_OF_LENGTHS if name.endswith("AxisLength") else SCALE
            if abs(values[name] - reference) > RTOL * max(abs(reference), scale):
                wrong.append(f"{path.stem} {name}: {values[name]} for {reference}")
    assert not wrong, "\n".join(wrong)
    assert judged == 2953


def test_names_come_in_the_order_of_pyradiomics_methods() -> None:
    for name in ("firstorder", "shape", "shape2D", "glcm", "glrlm", "glszm", "gldm", "ngtdm"):
        names = [feature for feature, _ in _core.pyradiomics_features(name)]
        assert names == sorted(names, key=lambda feature: f"get{feature}FeatureValue")
