"""Every value that PyRadiomics computed on real images, by many parameter files, is met.

One test a file of ``../shared/parity/pyradiomics``: columns and their order, texts and whole
numbers exactly, floats by ``|a - b| <= 1e-9 * max(|b|, scale)``. The scale is that of the quantity
where the value is a difference of larger ones; `SCALES` says which, and why.
"""

from __future__ import annotations

import ast
import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from conftest import ROOT

from ferromics.compat import radiomics

FILES = sorted(path.stem for path in (ROOT.parent / "shared/parity/pyradiomics").glob("*.csv"))

RTOL = 1e-9
LEAST_SCALE = 1e-6
"""PyRadiomics' entropies of one grey level are -3e-16: 0 within rounding."""


def files_of(case: str, parity: Path, ibsi_data: Path) -> tuple[Path, Path]:
    """Image and mask of a case."""
    phantom, sts = (
        ibsi_data / "ibsi_1_ct_radiomics_phantom/nifti",
        ibsi_data / "validation/nifti/STS_002",
    )
    data = parity / "data"
    return {
        "brain1": (data / "brain1_image.nrrd", data / "brain1_label.nrrd"),
        "breast1": (data / "breast1_image.nrrd", data / "breast1_label.nrrd"),
        "brain1_one_slice": (data / "brain1_image.nrrd", data / "brain1_one_slice_label.nrrd"),
        "ibsi_ct_phantom": (phantom / "image/phantom.nii.gz", phantom / "mask/mask.nii.gz"),
        "sts002_pet": (sts / "PET_image.nii.gz", sts / "PET_mask.nii.gz"),
    }[case]


def expected(path: Path) -> dict[str, str]:
    with path.open(newline="", encoding="utf-8") as file:
        return {row["feature"]: row["value"] for row in csv.DictReader(file)}


def parsed(text: str) -> Any:
    """A number, a tuple of numbers, or the text."""
    bare = re.sub(r"np\.\w+\(([^()]*)\)", r"\1", text)
    try:
        return ast.literal_eval(bare)
    except (ValueError, SyntaxError):
        return float(text) if text in ("nan", "inf", "-inf") else text


def wrong(column: str, found: Any, wanted: Any, scale: float) -> str | None:
    """What is wrong with a value, if anything."""
    if isinstance(wanted, tuple):
        if len(found) != len(wanted):
            return f"{column}: {found} instead of {wanted}"
        parts = (wrong(column, f, w, scale) for f, w in zip(found, wanted, strict=True))
        return next(filter(None, parts), None)
    if isinstance(wanted, str | int) and column.startswith("diagnostics"):
        return None if found == wanted else f"{column}: {found!r} instead of {wanted!r}"
    value = float(found)
    if np.isnan(wanted) and np.isnan(value):
        return None
    if abs(value - wanted) <= RTOL * max(abs(wanted), scale):
        return None
    return f"{column}: {value!r} instead of {wanted!r} (off by {abs(value - wanted):.1e})"


def scale_of(column: str) -> float:
    """The size of what a value is a difference of, at least 1e-6."""
    # Roots of what is 0 but for rounding: the thickness in mm of a single slice (4e-15 there), and
    # directions whose second eigenvalue, of 1 at most, is 2^-54 there.
    return 1.0 if column.endswith(("_LeastAxisLength", "_MCC")) else LEAST_SCALE


@pytest.mark.parametrize("name", FILES or ["none"])
def test_values_of_pyradiomics(name: str, parity: Path, ibsi_data: Path) -> None:
    case, _, settings = name.partition("__")
    image, mask = files_of(case, parity, ibsi_data)
    wanted = expected(parity / "pyradiomics" / f"{name}.csv")
    parameters = parity / "pyradiomics/params" / f"{settings}.yaml"
    extractor = radiomics.featureextractor.RadiomicsFeatureExtractor(str(parameters))
    if "ERROR" in wanted:
        with pytest.raises(ValueError, match=r"Size of the mask in dimension 0 is more than 1"):
            extractor.execute(str(image), str(mask))
        return
    found = extractor.execute(str(image), str(mask))
    unset = ("diagnostics_Versions", "diagnostics_Configuration")
    assert [column for column in found if not column.startswith(unset)] == list(wanted)
    problems = [
        told
        for column, text in wanted.items()
        if (told := wrong(column, found[column], parsed(text), scale_of(column)))
    ]
    assert len(wanted) > 15
    assert not problems, "\n".join([f"{len(problems)} of {len(wanted)} values:", *problems])


VOXELS = {"brain1__voxel_r1_brain": 60, "breast1__voxel_r1": 92, "breast1__voxel_r2_unmasked_2d": 8}


@pytest.mark.parametrize("name", VOXELS)
def test_maps_of_pyradiomics(name: str, parity: Path, ibsi_data: Path) -> None:
    """Its maps of MCC hold the initial value only; see docs/migration.md."""
    case, _, settings = name.partition("__")
    image, mask = files_of(case, parity, ibsi_data)
    parameters = parity / "pyradiomics/params" / f"{settings}.yaml"
    extractor = radiomics.featureextractor.RadiomicsFeatureExtractor(str(parameters))
    found = extractor.execute(str(image), str(mask), voxelBased=True)
    maps = {column: value for column, value in found.items() if isinstance(value, sitk.Image)}
    geometry = json.loads((parity / "pyradiomics" / f"{name}.geometry.json").read_text())
    with np.load(parity / "pyradiomics" / f"{name}.npz") as reference:
        assert list(maps) == list(reference.files)
        judged = 0
        for column, image_of in maps.items():
            lies = image_of.GetOrigin(), image_of.GetSpacing(), image_of.GetSize()
            assert [list(part) for part in lies] == geometry
            if column.endswith("_MCC"):
                continue
            values, wanted = sitk.GetArrayFromImage(image_of), reference[column]
            # A cluster shade is a cube of levels, which cancel.
            scale = 1.0 if column.endswith("_ClusterShade") else LEAST_SCALE
            near = np.abs(values - wanted) <= RTOL * np.maximum(np.abs(wanted), scale)
            assert (near | (np.isnan(values) & np.isnan(wanted))).all(), column
            judged += 1
    assert judged == VOXELS[name]
