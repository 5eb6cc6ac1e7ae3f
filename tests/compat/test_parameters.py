"""Parameter files: what is accepted, in what layers settings lie, what is refused and how."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from ferromics.compat import radiomics
from ferromics.compat.radiomics._errors import CoreError, SchemaError

Extractor = radiomics.featureextractor.RadiomicsFeatureExtractor

# Files of our own with the keys and forms of those in PyRadiomics' documentation: Params,
# exampleCT, exampleMR_3mm, exampleMR_5mm, exampleMR_NoResampling, exampleVoxel, MR_2D_extraction,
# example_allShape, Pyradiomics_Params. (tests/parity/test_pyradiomics_examples.py runs those.)
EXAMPLES = {
    "general": """
        setting: # an empty value is none
          binWidth: 20
          label: 1
          interpolator: 'sitkBSpline'
          resampledPixelSpacing:
          weightingNorm:
        imageType:
          Original: {}
        featureClass:
          shape:
          firstorder: []
          glcm:
            - 'Autocorrelation'
            - 'JointAverage'
          glrlm:
          gldm:
        """,
    "ct": """
        imageType:
          Original: {}
          LoG:
            sigma: [1.0, 2.0, 3.0]
          Wavelet: {}
        featureClass:
          shape:
          firstorder:
          glcm: ['Id', 'Idm']
        setting:
          interpolator: 'sitkBSpline'
          resampledPixelSpacing: [1, 1, 1]
          padDistance: 10
          resegmentRange: [-3, 3]
          resegmentMode: sigma
          binWidth: 25
          voxelArrayShift: 1000
          label: 1
        """,
    "mr": """
        imageType:
          Original: {}
          LoG:
            sigma: [2.0, 3.0, 4.0, 5.0]
          Wavelet: {}
        setting:
          normalize: true
          normalizeScale: 100
          removeOutliers: 3
          interpolator: 'sitkBSpline'
          resampledPixelSpacing: [3, 3, 3]
          correctMask: true
          geometryTolerance: 0.0001
          minimumROIDimensions: 2
          minimumROISize: 50
          binWidth: 5
          voxelArrayShift: 300
          label: 1
        """,
    "mr, grid as it is": """
        imageType: {Original: {}, LoG: {sigma: [1.0]}, Wavelet: {binWidth: 10}}
        setting: {normalize: true, normalizeScale: 100, preCrop: true, binWidth: 5}
        """,
    "slices": """
        featureClass: {shape2D: , firstorder: , glcm: [Contrast]}
        setting:
          resampledPixelSpacing: [2, 2, 0]
          preCrop: true
          force2D: true
          force2Ddimension: 0
        """,
    "maps": """
        imageType: {Original: {}}
        featureClass: {glcm: [JointEntropy]}
        setting: {binWidth: 25, force2D: true, label: 1}
        voxelSetting: {kernelRadius: 2, maskedKernel: true, initValue: nan, voxelBatch: 10000}
        """,
    "filters": """
        imageType:
          {Original: {}, Gradient: {}, Square: {}, SquareRoot: {}, Exponential: {}, Logarithm: {}}
        featureClass: {firstorder: , ngtdm: }
        setting: {resampledPixelSpacing: [2, 2, 2], padDistance: 10, voxelArrayShift: 1000}
        """,
    "all shape": """
        featureClass:
          shape: ['VoxelVolume', 'MeshVolume', 'Compactness1', 'Compactness2',
            'SphericalDisproportion']
        """,
}


def written(folder: Path, text: str, name: str = "Params.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("example", EXAMPLES)
def test_files_like_those_of_the_documentation_load(example: str, tmp_path: Path) -> None:
    path = written(tmp_path, EXAMPLES[example])
    by_text, by_path = Extractor(str(path)), Extractor(path)
    assert repr(by_text.settings) == repr(by_path.settings)  # NaN is not equal to NaN
    loaded = Extractor()
    loaded.loadParams(path)
    assert loaded.enabledImagetypes == by_path.enabledImagetypes
    assert loaded.enabledFeatures == by_path.enabledFeatures


COLUMNS = {  # of shape, of each image, images
    "general": (14, 50, 1),
    "ct": (14, 20, 12),
    "mr": (14, 93, 13),
    "mr, grid as it is": (14, 93, 10),
    "slices": (9, 19, 1),
    "filters": (0, 23, 6),
    "maps": (0, 1, 1),
    "all shape": (5, 0, 1),
}


@pytest.mark.parametrize("example", EXAMPLES)
def test_files_like_those_of_the_documentation_run(example: str, tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    image = sitk.GetImageFromArray(random.normal(300, 100, (16, 24, 22)).astype(np.float32))
    region = np.zeros((16, 24, 22), np.uint8)
    region[slice(7, 8) if example == "slices" else slice(3, 13), 4:20, 4:18] = 1
    mask = sitk.GetImageFromArray(region)
    for made in (image, mask):
        made.SetSpacing((1.5, 1.5, 3.0))
    extractor = Extractor(written(tmp_path, EXAMPLES[example]))
    found = extractor.execute(image, mask, voxelBased=example == "maps")
    values = {k: v for k, v in found.items() if not k.startswith("diagnostics")}
    shape, features, images = COLUMNS[example]
    assert sum("_shape" in name for name in values) == shape
    assert len(values) == shape + features * images
    assert len({name.split("_")[0] for name in values}) == images
    if example != "maps":
        assert np.isfinite(list(map(float, values.values()))).all()


def test_yaml_json_and_mapping_mean_the_same(tmp_path: Path) -> None:
    parameters = {"setting": {"binWidth": 10}, "imageType": {"LoG": {"sigma": [1, 2.5]}}}
    yaml = written(tmp_path, "setting: {binWidth: 10}\nimageType: {LoG: {sigma: [1, 2.5]}}")
    text = json.dumps(parameters)
    of_text = Extractor()
    of_text.loadJSONParams(text)
    made = [Extractor(parameters), Extractor(yaml), Extractor(written(tmp_path, text, "p.json"))]
    for extractor in [*made, of_text]:
        assert extractor.settings["binWidth"] == 10
        assert extractor.enabledImagetypes == {"LoG": {"sigma": [1, 2.5]}}


def test_without_parameters_shape2d_is_off_and_with_them_it_is_on() -> None:
    assert "shape2D" not in Extractor().enabledFeatures
    assert list(Extractor({}).enabledFeatures) == Extractor().featureClassNames
    assert list(Extractor({"featureClass": {"glcm": None}}).enabledFeatures) == ["glcm"]


def test_later_layers_go_before_earlier_ones() -> None:
    parameters = {
        "setting": {"binWidth": 10, "label": 2},
        "voxelSetting": {"kernelRadius": 3},
    }
    settings = Extractor(parameters, binWidth=5).settings
    assert (settings["binWidth"], settings["label"], settings["kernelRadius"]) == (5, 2, 3)
    assert settings["minimumROIDimensions"] == 2
    extractor = Extractor(parameters)
    extractor.loadJSONParams("{}")
    assert extractor.settings == Extractor().settings


@pytest.mark.parametrize(
    ("parameters", "error", "told"),
    [
        ({"settings": {}}, SchemaError, "did you mean 'setting'"),
        ({"setting": {"binwidth": 1}}, SchemaError, "did you mean 'binWidth'"),
        ({"setting": {"kernelRadius": 1}}, SchemaError, "kernelRadius"),
        ({"setting": None}, SchemaError, "/setting: None is not a mapping"),
        ({"imageType": {"Original": None}}, SchemaError, "/imageType/Original"),
        ({"imageType": {"LoG": {"sigmas": [1]}}}, SchemaError, "did you mean 'sigma'"),
        ({"setting": {"binWidth": True}}, SchemaError, "not of type float"),
        ({"setting": {"binWidth": 0}}, SchemaError, "not greater than 0"),
        ({"setting": {"label": 1.0}}, SchemaError, "not of type int"),
        ({"setting": {"force2D": 1}}, SchemaError, "not of type bool"),
        ({"setting": {"minimumROIDimensions": 4}}, SchemaError, "greater than 3"),
        ({"setting": {"resampledPixelSpacing": 2}}, SchemaError, "not a list"),
        ({"setting": {"resampledPixelSpacing": [1, -1, 1]}}, SchemaError, "/1: -1 is less"),
        ({"setting": {"resegmentMode": "absolut"}}, SchemaError, "did you mean 'absolute'"),
        ({"setting": {"wavelet": "cof1"}}, ValueError, "did you mean 'coif1'"),
        ({"setting": {"wavelet": 1}}, TypeError, "wavelet"),
        ({"setting": {"interpolator": "linear"}}, ValueError, "sitkLinear"),
        ({"setting": {"interpolator": 11}}, ValueError, "from 1 to 10"),
        ({"setting": {"interpolator": 1.5}}, TypeError, "interpolator"),
        ({"setting": {"weightingNorm": "euclid"}}, ValueError, "did you mean 'euclidean'"),
        ({"setting": {"weightingNorm": 2}}, TypeError, "weightingNorm"),
        ({"imageType": {"LocalBinaryPattern2D": {}}}, ValueError, "LBP2D"),
        ({"featureClass": {"GLCM": None}}, ValueError, "did you mean 'glcm'"),
        ({"featureClass": {"glcm": ["JointEntropi"]}}, ValueError, "did you mean 'JointEntropy'"),
        ({"featureClass": {"glcm": "MCC"}}, TypeError, "not a list"),
    ],
)
def test_what_cannot_be_used_is_refused(
    parameters: dict[str, Any], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        Extractor(parameters)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(SchemaError) as caught:
        Extractor({"setting": {"binWidth": -1, "label": 0}, "imageType": {"LoG": {"level": 0}}})
    for place in ("/setting/binWidth", "/setting/label", "/imageType/LoG/level"):
        assert place in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("p.txt", "setting: {}", CoreError),
        ("p.yaml", "", CoreError),
        ("p.yaml", "setting: {binWidth: [}", CoreError),
        ("p.yaml", "setting: {binWidth: 5, binWidth: 6}", CoreError),
        ("p.yaml", "- 1", SchemaError),
        ("p.json", "{", json.JSONDecodeError),
    ],
)
def test_files_that_are_none(name: str, text: str, error: type[Exception], tmp_path: Path) -> None:
    with pytest.raises(error):
        Extractor(written(tmp_path, text, name))


def test_a_missing_file_is_an_oserror() -> None:
    with pytest.raises(OSError, match="does not exist"):
        Extractor("nowhere.yaml")


def test_files_are_yaml_1_2(tmp_path: Path) -> None:
    path = written(tmp_path, "setting: {binWidth: 1e-3, label: 010, normalizeScale: 1_0.5}")
    settings = Extractor(path).settings
    assert (settings["binWidth"], settings["label"], settings["normalizeScale"]) == (
        0.001,
        10,
        10.5,
    )
    with pytest.raises(SchemaError, match="'yes' is not of type bool"):
        Extractor(written(tmp_path, "setting: {force2D: yes}"))


def test_numbers_written_as_texts_are_numbers() -> None:
    assert Extractor({"setting": {"binWidth": "5"}}).settings["binWidth"] == 5


def test_enabling_and_disabling(caplog: pytest.LogCaptureFixture) -> None:
    extractor = Extractor()
    extractor.disableAllFeatures()
    extractor.enableFeatureClassByName("glcm")
    extractor.enableFeaturesByName(firstorder=["Mean"], shape=None)
    extractor.enableFeatureClassByName("glcm", False)
    assert extractor.enabledFeatures == {"firstorder": ["Mean"], "shape": None}
    extractor.enableAllFeatures()
    assert list(extractor.enabledFeatures)[:2] == ["firstorder", "shape"]
    assert len(extractor.enabledFeatures) == 8
    extractor.disableAllImageTypes()
    extractor.enableImageTypeByName("LoG", customArgs={"sigma": [2.0]})
    extractor.enableImageTypes(Wavelet={"level": 1}, Original={})
    extractor.enableImageTypeByName("Original", False)
    assert extractor.enabledImagetypes == {"LoG": {"sigma": [2.0]}, "Wavelet": {"level": 1}}
    extractor.enableAllImageTypes()
    assert len(extractor.enabledImagetypes) == 10
    extractor.enableImageTypeByName("Laws")
    extractor.enableFeatureClassByName("gldzm")
    assert "Laws is not recognized" in caplog.text
    assert "gldzm is not recognized" in caplog.text
    extractor.addProvenance(False)
    assert extractor.settings["additionalInfo"] is False
