"""PyRadiomics' parameter files as settings of ours, and the notes about them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import Cli

from ferromics import Settings
from ferromics.compat.convert import Converted, convert
from ferromics.compat.radiomics import _schema

EVERYTHING: dict[str, Any] = {
    "minimumROIDimensions": 2, "minimumROISize": 10, "geometryTolerance": 1e-3,
    "correctMask": True, "additionalInfo": True, "label": 2, "label_channel": 0, "binWidth": 10,
    "normalize": True, "normalizeScale": 100, "removeOutliers": 3,
    "resampledPixelSpacing": [1, 2, 3], "interpolator": "sitkLinear", "padDistance": 5,
    "distances": [1, 2], "force2D": True, "force2Ddimension": 1, "resegmentRange": [-3, 3],
    "resegmentMode": "sigma", "resegmentShape": True, "preCrop": True, "sigma": [2.0],
    "start_level": 0, "level": 1, "wavelet": "db2", "gradientUseSpacing": True, "lbp2DRadius": 2,
    "lbp2DSamples": 12, "lbp2DMethod": "ror", "lbp3DLevels": 2, "lbp3DIcosphereRadius": 1,
    "lbp3DIcosphereSubdivision": 1, "voxelArrayShift": 5, "symmetricalGLCM": False,
    "weightingNorm": "infinity", "gldm_a": 1,
}  # fmt: skip


def verdicts(found: Converted) -> dict[str, str]:
    return {note.line.partition(":")[0]: note.verdict for note in found.notes}


def test_steps_and_families() -> None:
    types = {"Original": {}, "LoG": {}, "Wavelet": {"binWidth": 2}, "LBP2D": {}, "LBP3D": {}}
    found = convert({"setting": EVERYTHING, "imageType": types})
    settings = found.settings
    assert settings.image.slice_axis == "y"
    assert settings.resample.spacing == (3, 2, 1)
    assert (settings.resample.method, settings.resample.mask_method) == ("linear", "nearest")
    assert settings.resegment.outlier_sigma == 3
    assert settings.discretise[0].model_dump() == {"type": "fbs", "width": 10, "minimum": None}
    log, wavelet, lbp = (made.model_dump() for made in settings.filters)
    assert log["sigma"] == (2.0,)
    assert (wavelet["wavelet"], wavelet["dimension"], wavelet["boundary"]) == ("db2", 2, "periodic")
    assert wavelet["discretise"][0]["width"] == 2
    assert (lbp["radius"], lbp["samples"], lbp["code"]) == (2, 12, "rotation_minimum")
    families = {family.type: family.model_dump() for family in settings.features}
    assert families["glcm"]["aggregations"] == ("2.5d_merged",)
    assert (families["glcm"]["weighting_norm"], families["glcm"]["symmetric"]) == (
        "chebyshev",
        False,
    )
    assert families["ngldm"]["alpha"] == 1
    assert families["ngtdm"]["distances"] == (1, 2)


def test_every_setting_is_noted_or_part_of_a_note() -> None:
    assert {*EVERYTHING, "binCount"} == set(_schema.SETTINGS)
    found = convert({"setting": EVERYTHING, "imageType": {"LoG": {}}})
    told = {note.line.partition(":")[0].removeprefix("setting.") for note in found.notes}
    parts_of_others = {
        "normalizeScale", "removeOutliers", "resegmentMode", "sigma", "start_level", "level",
        "wavelet", "gradientUseSpacing", "lbp2DRadius", "lbp2DSamples", "lbp2DMethod",
        "lbp3DLevels", "lbp3DIcosphereRadius", "lbp3DIcosphereSubdivision",
    }  # fmt: skip
    assert set(EVERYTHING) - told == parts_of_others


def test_features_that_are_named() -> None:
    found = convert({"featureClass": {"glcm": ["Contrast", "MCC"], "firstorder": ["Entropy"]}})
    families = {family.type: family.only for family in found.settings.features}
    assert families == {"glcm": ("contrast",), "ih": ("discretised_intensity_entropy",)}
    assert verdicts(found)["featureClass.glcm.MCC"] == "lost"


@pytest.mark.parametrize(
    ("parameters", "line", "verdict"),
    [
        ({"setting": {"binCount": 16}}, "setting.binCount", "equal"),
        ({"setting": {"binWidth": 16}}, "setting.binWidth", "differs"),
        ({}, "binWidth (default", "differs"),
        ({"setting": {"resegmentRange": [1, 5]}}, "setting.resegmentRange", "equal"),
        (
            {"setting": {"resegmentRange": [0.4], "resegmentMode": "relative"}},
            "setting.resegmentRange",
            "lost",
        ),
        ({"setting": {"weightingNorm": "no_weighting"}}, "setting.weightingNorm", "equal"),
        ({"setting": {"preCrop": True}}, "setting.preCrop", "unneeded"),
        ({"voxelSetting": {"kernelRadius": 2}}, "voxelSetting.kernelRadius", "lost"),
        ({"imageType": {"LoG": {}}}, "imageType.LoG", "unneeded"),
        ({"imageType": {"LBP3D": {}}}, "imageType.LBP3D", "lost"),
        ({"imageType": {"LoG": {"sigma": [1], "level": 2}}}, "imageType.LoG.level", "lost"),
        ({"featureClass": {"shape2D": None}}, "featureClass.shape2D", "lost"),
        ({"imageType": {"Square": {}}}, "featureClass.shape", "lost"),
    ],
)
def test_verdicts(parameters: dict[str, Any], line: str, verdict: str) -> None:
    assert verdicts(convert(parameters))[line] == verdict


def test_the_command_writes_settings_that_can_be_read(cli: Cli, tmp_path: Path) -> None:
    source, target = tmp_path / "Params.yaml", tmp_path / "settings.yaml"
    source.write_text(
        "setting: {binCount: 16, resampledPixelSpacing: [1, 1, 0]}\n"
        "imageType: {Wavelet: {level: 2}, Gradient: {}}\n"
    )
    done = cli("settings", "convert", source, "-o", target)
    assert done.returncode == 0, done.stderr
    assert "differs" in done.stderr
    assert Settings.load(target) == convert(source).settings
    assert target.read_text().startswith("# differs  setting.resampledPixelSpacing: [1, 1, 0]")
    assert cli("settings", "convert", source).stdout == target.read_text()


def test_the_command_refuses_what_pyradiomics_refuses(cli: Cli, tmp_path: Path) -> None:
    source = tmp_path / "Params.yaml"
    source.write_text("setting: {binwidth: 25}")
    done = cli("settings", "convert", source)
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean 'binWidth'" in done.stderr
