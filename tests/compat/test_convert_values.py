"""What conversion calls equal is equal by numbers, and what it says differs is not.

The converted settings run on the core, the parameter file on the layer, both on one image; values
meet by the map of names. Equal is within 1e-9 of the value's size; the gradient within 1e-6, as
ITK's has single precision.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

import ferromics as fm
from ferromics.compat import radiomics
from ferromics.compat.convert import Converted, convert
from ferromics.names import Meaning, to_catalogue

RTOL, SINGLE = 1e-9, 1e-6
TEXTURES = dict.fromkeys(("firstorder", "glcm", "gldm", "glrlm", "glszm", "ngtdm"))


def made() -> tuple[Any, Any]:
    """A smooth image of odd and even sizes, and a ragged region that has holes.

    An axis runs backwards, as in many files; each voxel has a neighbour in its slice.
    """
    random = np.random.default_rng(9)
    values = random.normal(0, 1, (17, 54, 49))
    for axis in range(3):
        values = values + np.roll(values, 1, axis) + np.roll(values, -1, axis)
    image = sitk.GetImageFromArray(100 + 40 * values / values.std())
    region = np.zeros(values.shape, np.uint8)
    region[3:14, 19:35, 18:31] = random.random((11, 16, 13)) < 0.9
    mask = sitk.GetImageFromArray(region)
    for grid in (image, mask):
        grid.SetSpacing((0.8, 0.9, 2.0))
        grid.SetDirection((1, 0, 0, 0, -1, 0, 0, 0, 1))
    return image, mask


IMAGE, MASK = made()
Pairs = dict[str, tuple[float, float]]


def compared(parameters: dict[str, Any]) -> tuple[Converted, Pairs]:
    """The notes; and the core's and the layer's value of each feature that both have, by name."""
    found = convert(parameters)
    records = fm.extract(IMAGE, MASK, found.settings).records()
    ours: dict[tuple[str, ...], float] = {}
    for row in records:
        value = np.nan if row["value"] is None else row["value"]
        key = (row["image"], row["family"], row["feature"], row["aggregation"])
        ours.setdefault(key, value)  # of several distances, the first
    extractor = radiomics.featureextractor.RadiomicsFeatureExtractor(parameters)
    theirs = extractor.execute(IMAGE, MASK)
    images = image_names(extractor.enabledImagetypes, list(theirs), records)
    setting = parameters.get("setting", {})
    pairs = {}
    for name, value in theirs.items():
        image, _, feature = name.partition("_")
        meaning = to_catalogue(
            "pyradiomics", f"original_{feature}", by_slice=bool(setting.get("force2D")),
            merged=setting.get("weightingNorm") is not None,
        )  # fmt: skip
        if image in images and isinstance(meaning, Meaning):
            pairs[name] = ours[(images[image], *meaning[:3])], float(value)
    assert pairs
    return found, pairs


def image_names(
    types: dict[str, Any], columns: list[str], records: list[dict[str, Any]]
) -> dict[str, str]:
    """Ours of each of PyRadiomics' images: sub-bands by their letters, the others in order."""
    theirs = dict.fromkeys(name.partition("_")[0] for name in columns)
    theirs.pop("diagnostics")
    if "Original" not in types:  # shapes are always called so
        theirs.pop("original", None)
    ours = dict.fromkeys(str(row["image"]) for row in records)
    if "Wavelet" in types:
        bands = {re.findall(r"-([LH]{2,3})", name)[0]: name for name in ours}
        return {name: bands[name.partition("-")[2]] for name in theirs}
    return dict(zip(theirs, ours, strict=True))


def noted(found: Converted, verdict: str) -> list[str]:
    return [note.line for note in found.notes if note.verdict == verdict]


def unequal(pairs: Pairs, rtol: float = RTOL) -> set[str]:
    """Features whose values are further apart than rounding, as `class.Feature`."""
    far = {n for n, (a, b) in pairs.items() if not np.isclose(a, b, rtol=rtol, atol=rtol * 1e-3)}
    return {".".join(name.split("_")[1:]) for name in far}


COUNT = {"binCount": 24}
EQUAL: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "bins by their number": (COUNT, {}, "setting.binCount"),
    "a range": ({**COUNT, "resegmentRange": [61.5, 149.5]}, {}, "setting.resegmentRange"),
    "a limit": ({**COUNT, "resegmentRange": [61.5]}, {}, "setting.resegmentRange"),
    "a range of deviations": (
        {**COUNT, "resegmentRange": [-1.5, 1.5], "resegmentMode": "sigma"},
        {},
        "setting.resegmentRange",
    ),
    "matrices one way": ({**COUNT, "symmetricalGLCM": False}, {}, "setting.symmetricalGLCM"),
    "dependence within 2 levels": ({**COUNT, "gldm_a": 2}, {}, "setting.gldm_a"),
    "the distance 1": ({**COUNT, "distances": [1]}, {}, "setting.distances"),
    "slices": ({**COUNT, "force2D": True}, {}, "setting.force2D"),
    "slices across y": (
        {**COUNT, "force2D": True, "force2Ddimension": 1},
        {},
        "setting.force2Ddimension",
    ),
    "directions merged": (
        {**COUNT, "weightingNorm": "no_weighting"},
        {},
        "setting.weightingNorm",
    ),
    "directions of slices merged": (
        {**COUNT, "weightingNorm": "no_weighting", "force2D": True},
        {},
        "setting.weightingNorm",
    ),
    "bins of an image of its own": (
        COUNT,
        {"Original": {"binCount": 7}, "Square": {"binWidth": 3}},
        "imageType.Original",
    ),
    "squares": (COUNT, {"Square": {}}, "imageType.Square"),
    "square roots": (COUNT, {"SquareRoot": {}}, "imageType.SquareRoot"),
    "logarithms": (COUNT, {"Logarithm": {}}, "imageType.Logarithm"),
    "exponentials": (COUNT, {"Exponential": {}}, "imageType.Exponential"),
    "gradients": (COUNT, {"Gradient": {}}, "imageType.Gradient"),
    "gradients of what is cut out": (
        {**COUNT, "preCrop": True, "padDistance": 1},
        {"Gradient": {}},
        "imageType.Gradient",
    ),
    "uniform patterns": (COUNT, {"LBP2D": {}}, "imageType.LBP2D"),
    "wide patterns of slices across x": (
        {**COUNT, "force2D": True, "force2Ddimension": 2},
        {"LBP2D": {"lbp2DRadius": 2, "lbp2DSamples": 12}},
        "imageType.LBP2D",
    ),
    # Where the old grid's size is a multiple of the new spacing both grids are one.
    "interpolation, linear": (
        {**COUNT, "resampledPixelSpacing": [0.4, 0.45, 0], "interpolator": "sitkLinear"},
        {},
        "interpolator",
    ),
    "interpolation by splines": (
        {**COUNT, "resampledPixelSpacing": [0.4, 0.45, 0], "padDistance": 100},
        {},
        "interpolator",
    ),
    "the nearest voxel": (
        {**COUNT, "resampledPixelSpacing": [0.4, 0.45, 0], "interpolator": "sitkNearestNeighbor"},
        {},
        "interpolator",
    ),
}


@pytest.mark.parametrize("case", EQUAL)
def test_what_is_called_equal_is(case: str) -> None:
    setting, types, line = EQUAL[case]
    found, pairs = compared(
        {
            "setting": setting,
            "imageType": types or {"Original": {}},
            "featureClass": {**TEXTURES, "shape": None},
        }
    )
    assert any(one.startswith(line) for one in noted(found, "equal"))
    differ = {one.removeprefix("featureClass.") for one in noted(found, "differs")}
    assert unequal(pairs, SINGLE if "Gradient" in types else RTOL) <= differ
    shapes = sum("_shape_" in name for name in pairs)
    assert shapes == (11 if "Original" in (types or "Original") else 0)
    assert len(pairs) == shapes + 91 * len(types or "1")


DIFFERS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "bins by their width": ({"binWidth": 13}, {}, "setting.binWidth"),
    "bins by the default width": ({}, {}, "binWidth"),
    "bins of an image of its own": (
        COUNT,
        {"SquareRoot": {"binWidth": 13, "binCount": None}},
        "imageType.SquareRoot.binWidth",
    ),
    "normalised intensities": ({**COUNT, "normalize": True}, {}, "setting.normalize"),
    "another grid": (
        {**COUNT, "resampledPixelSpacing": [1, 1, 0], "interpolator": "sitkLinear"},
        {},
        "setting.resampledPixelSpacing",
    ),
    "interpolation by windowed sincs": (
        {
            **COUNT,
            "resampledPixelSpacing": [0.4, 0.45, 0],
            "interpolator": "sitkLanczosWindowedSinc",
        },
        {},
        "interpolator",
    ),
    "the distance 2": ({**COUNT, "distances": [2]}, {}, "setting.distances"),
    "distances 1 and 2": ({**COUNT, "distances": [1, 2]}, {}, "setting.distances"),
    "weights": ({**COUNT, "weightingNorm": "euclidean"}, {}, "setting.weightingNorm"),
    "squares of what is cut out": (
        {**COUNT, "preCrop": True, "padDistance": 0},
        {"Square": {}},
        "imageType.Square",
    ),
    "logarithms of what is resampled": (
        {**COUNT, "resampledPixelSpacing": [0.4, 0.45, 0], "padDistance": 0},
        {"Logarithm": {}},
        "imageType.Logarithm",
    ),
    "gradients of what is cut out": (
        {**COUNT, "preCrop": True, "padDistance": 0},
        {"Gradient": {}},
        "imageType.Gradient",
    ),
    "patterns of what is cut out": (
        {**COUNT, "preCrop": True, "padDistance": 1},
        {"LBP2D": {"lbp2DRadius": 2}},
        "imageType.LBP2D",
    ),
    "rotated patterns": (COUNT, {"LBP2D": {"lbp2DMethod": "ror"}}, "imageType.LBP2D"),
    "patterns as they are": (COUNT, {"LBP2D": {"lbp2DMethod": "default"}}, "imageType.LBP2D"),
    "gradients by voxel": (
        COUNT,
        {"Gradient": {"gradientUseSpacing": False}},
        "imageType.Gradient",
    ),
    "Laplacians of Gaussian": (COUNT, {"LoG": {"sigma": [2.0]}}, "imageType.LoG"),
    "wavelets of odd sizes": (COUNT, {"Wavelet": {"wavelet": "coif3"}}, "imageType.Wavelet"),
}


@pytest.mark.parametrize("case", DIFFERS)
def test_what_is_said_to_differ_does(case: str) -> None:
    setting, types, line = DIFFERS[case]
    found, pairs = compared(
        {"setting": setting, "imageType": types or {"Original": {}}, "featureClass": TEXTURES}
    )
    assert any(one.startswith(line) for one in noted(found, "differs"))
    told = {one.removeprefix("featureClass.") for one in noted(found, "differs")}
    assert unequal(pairs, 10 * SINGLE if "Gradient" in types else 100 * RTOL) - told


def test_features_that_are_said_to_differ_do() -> None:
    deprecated = ["Compactness1", "Compactness2", "SphericalDisproportion"]
    everything = [*radiomics.shape.RadiomicsShape.getFeatureNames()]
    assert set(deprecated) <= set(everything)
    found, pairs = compared(
        {
            "setting": {**COUNT, "symmetricalGLCM": False},
            "featureClass": {**TEXTURES, "shape": everything},
        }
    )
    prefix = "featureClass."
    told = {one.removeprefix(prefix) for one in noted(found, "differs") if one.startswith(prefix)}
    assert unequal(pairs) == told
    assert len(told) == 7 + 3 + 2 + 1


@pytest.mark.parametrize(
    ("setting", "feature"),
    [
        ({"voxelArrayShift": 100}, "firstorder.Energy"),
        ({"resegmentRange": [-1, 2], "resegmentMode": "sigma"}, "firstorder.Mean"),
        ({"resegmentRange": [80.0], "resegmentShape": True}, "shape.VoxelVolume"),
    ],
)
def test_settings_that_are_lost_matter(setting: dict[str, Any], feature: str) -> None:
    parameters = {
        "setting": {**COUNT, **setting},
        "featureClass": {"firstorder": None, "shape": None},
    }
    found, pairs = compared(parameters)
    assert any(line.startswith("setting.") for line in noted(found, "lost"))
    assert feature in unequal(pairs)
