"""Settings and images as arguments: what is refused, by what words, and what works as it did."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from ferromics.compat import radiomics
from ferromics.compat.radiomics import _schema, imageoperations
from ferromics.compat.radiomics._errors import ImageError, SchemaError

RANDOM = np.random.default_rng(7)
VALUES = RANDOM.normal(100, 40, (9, 10, 11)).astype(np.int16)
REGION = np.zeros(VALUES.shape, np.uint8)
REGION[1:8, 2:9, 2:9] = 1
IMAGE, MASK = sitk.GetImageFromArray(VALUES), sitk.GetImageFromArray(REGION)
CLASSES = radiomics.getFeatureClasses()


def extract(
    image: Any = IMAGE, mask: Any = MASK, types: Any = None, **settings: Any
) -> dict[str, Any]:
    extractor = radiomics.featureextractor.RadiomicsFeatureExtractor(
        {"setting": {"additionalInfo": False}, "imageType": types or {"Original": {}}}, **settings
    )
    extractor.disableAllFeatures()
    extractor.enableFeaturesByName(firstorder=["Mean"], glcm=["Contrast"], shape=["VoxelVolume"])
    return {name: float(value) for name, value in extractor.execute(image, mask).items()}


NONE = "a value is needed, not None"
REFUSED = [
    ("binWidth", -5, "-5 is not greater than 0"),
    ("binWidth", 0, "0 is not greater than 0"),
    ("binWidth", float("nan"), "nan is not finite"),
    ("binWidth", float("inf"), "inf is not finite"),
    ("binWidth", "10", "'10' is not of type float"),
    ("binWidth", None, NONE),
    ("binCount", 0, "0 is not greater than 0"),
    ("binCount", 2.0, "2.0 is not of type int"),
    ("binCount", "eight", "'eight' is not of type int"),
    ("resampledPixelSpacing", 2, "2 is not a list"),
    ("resampledPixelSpacing", [2, -1, 2], "-1 is less than 0"),
    ("resampledPixelSpacing", [2, 2, None], "None is no number"),
    ("distances", None, NONE),
    ("distances", 0, "0 is not a list"),
    ("distances", [], "\\[\\] is empty"),
    ("distances", [0], "0 is not greater than 0"),
    ("distances", [1.5], "1.5 is not of type whole number"),
    ("gldm_a", 0.5, "0.5 is not of type int"),
    ("gldm_a", -1, "-1 is less than 0"),
    ("label", 0, "0 is not greater than 0"),
    ("label", "1", "'1' is not of type whole number"),
    ("label_channel", -1, "-1 is less than 0"),
    ("force2D", "no", "'no' is not of type bool"),
    ("force2Ddimension", 3, "3 is greater than 2"),
    ("kernelRadius", 0, "0 is not greater than 0"),
    ("initValue", "a", "'a' is not a number"),
    ("initValue", float("inf"), "inf is not finite"),
    ("sigma", [-1.0], "-1.0 is not greater than 0"),
    ("sigma", 1, "1 is not a list"),
    ("level", 0, "0 is not greater than 0"),
    ("lbp2DRadius", 0, "0 is not greater than 0"),
    ("resegmentMode", "absolut", "did you mean 'absolute'"),
    ("padDistance", -1, "-1 is less than 0"),
]


@pytest.mark.parametrize(("name", "value", "told"), REFUSED)
def test_settings_that_cannot_be_used_are_one_line(name: str, value: Any, told: str) -> None:
    line = rf"^{name}(/\d)?: .*{told}[^\n]*$"
    with pytest.raises(SchemaError, match=line):
        CLASSES["gldm"](IMAGE, MASK, **{name: value})
    with pytest.raises(SchemaError, match=line):
        radiomics.featureextractor.RadiomicsFeatureExtractor(**{name: value})
    extractor = radiomics.featureextractor.RadiomicsFeatureExtractor()
    extractor.settings[name] = value
    with pytest.raises(SchemaError, match=line):
        extractor.execute(IMAGE, MASK)
    extractor = radiomics.featureextractor.RadiomicsFeatureExtractor()
    extractor.enableImageTypes(LoG={name: value})
    with pytest.raises(SchemaError, match=line):
        extractor.execute(IMAGE, MASK)


def test_all_that_is_wrong_is_told_in_that_line() -> None:
    with pytest.raises(SchemaError, match=r"^binWidth: -1 .*; gldm_a: -2 [^\n]*$"):
        CLASSES["gldm"](IMAGE, MASK, binWidth=-1, gldm_a=-2)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("interpolator", "linear", ValueError),
        ("interpolator", 99, ValueError),
        ("interpolator", [1], TypeError),
        ("wavelet", "cof1", ValueError),
        ("weightingNorm", "Euclidean", ValueError),
        ("weightingNorm", 1, TypeError),
    ],
)
def test_names_are_refused_as_in_a_file(name: str, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=name):
        radiomics.featureextractor.RadiomicsFeatureExtractor(**{name: value})


def test_an_image_type_without_a_mapping_is_told() -> None:
    extractor = radiomics.featureextractor.RadiomicsFeatureExtractor()
    extractor.enableImageTypes(Square=None)
    with pytest.raises(SchemaError, match="image type Square: None is not a mapping"):
        extractor.execute(IMAGE, MASK)


@pytest.mark.parametrize("call", [{"label": 0}, {"label": "1"}, {"label_channel": -1}])
def test_arguments_of_a_call_are_checked(call: dict[str, Any]) -> None:
    with pytest.raises(SchemaError, match=f"^{next(iter(call))}: "):
        radiomics.featureextractor.RadiomicsFeatureExtractor().execute(IMAGE, MASK, **call)


@pytest.mark.parametrize(
    ("given", "same"),
    [
        ({"binWidth": np.float32(10)}, {"binWidth": 10}),
        ({"binWidth": True}, {"binWidth": 1}),
        ({"binCount": np.int64(8)}, {"binCount": 8}),
        ({"binCount": 8, "binWidth": None}, {"binCount": 8}),
        ({"binCount": [-100, 0, 100, 200, 300]}, {"binCount": [-100.0, 0, 100, 200, 300]}),
        ({"binCount": "sqrt"}, {"binCount": 19}),  # the root of 343 voxels
        ({"distances": (1, 2)}, {"distances": [1, 2]}),
        ({"distances": np.array([1.0, 2.0])}, {"distances": [1, 2]}),
        ({"distances": range(1, 3)}, {"distances": [1, 2]}),
        ({"label": 1.0}, {}),
        ({"force2D": 1}, {"force2D": True}),
        ({"symmetricalGLCM": None}, {"symmetricalGLCM": False}),
        ({"resampledPixelSpacing": (2, 2, 2)}, {"resampledPixelSpacing": [2, 2, 2]}),
        (
            {"resampledPixelSpacing": np.full(3, 2.0), "interpolator": sitk.sitkBSpline},
            {"resampledPixelSpacing": [2, 2, 2], "padDistance": 5},
        ),
        ({"resegmentRange": np.array([50, 150])}, {"resegmentRange": [50, 150]}),
        ({"minimumROISize": -1, "minimumROIDimensions": 0, "geometryTolerance": 0}, {}),
        ({"preCrop": 1, "voxelBatch": -1, "enableCExtensions": True, "initValue": "nan"}, {}),
    ],
)
def test_what_works_in_pyradiomics_works(given: dict[str, Any], same: dict[str, Any]) -> None:
    assert extract(**given) == extract(**same)


def test_settings_of_numpy_reach_the_core() -> None:
    shifted = CLASSES["firstorder"](IMAGE, MASK, voxelArrayShift=np.float64(1.5))
    inside = VALUES[REGION == 1].astype(float)
    assert shifted.getEnergyFeatureValue() == pytest.approx(((inside + 1.5) ** 2).sum())
    assert CLASSES["gldm"](IMAGE, MASK, gldm_a=np.int64(1)).execute()


@pytest.mark.parametrize(
    ("name", "near"), [("binwidth", "binWidth"), ("kernalRadius", "kernelRadius"), ("foo", None)]
)
def test_an_unknown_keyword_is_ignored_but_told_once(
    name: str, near: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    _schema._tell_unknown.cache_clear()
    assert extract(**{name: 5}) == extract()
    told = [record.getMessage() for record in caplog.records if name in record.getMessage()]
    assert len(told) == (near is not None)
    assert all(f"did you mean {near!r}?" in message for message in told)


SERIES = sitk.GetImageFromArray(np.stack([VALUES, VALUES]), isVector=False)
PAIR, MASKS = sitk.Compose(IMAGE, IMAGE), sitk.Compose(MASK, MASK)


@pytest.mark.parametrize(
    ("image", "mask", "told"),
    [
        (SERIES, MASK, "image has 4 dimensions, not 2 or 3"),
        (IMAGE, SERIES, "mask has 4 dimensions, not 2 or 3"),
        (PAIR, MASK, "image has 2 components a voxel"),
        (sitk.Cast(IMAGE, sitk.sitkComplexFloat32), MASK, "image has complex numbers"),
        (IMAGE, MASK[:, :, 3], "size"),
        (IMAGE[:, :, 3], MASK, "size"),
        (IMAGE, MASK[:-1], r"size.*\(11, 10, 9\).*\(10, 10, 9\)"),
    ],
)
@pytest.mark.parametrize("error", [ValueError, RuntimeError])
def test_images_that_do_not_fit_are_told(
    image: Any, mask: Any, told: str, error: type[Exception]
) -> None:
    with pytest.raises(error, match=told):
        extract(image, mask)
    with pytest.raises(ImageError, match=told):
        CLASSES["glcm"](image, mask)


@pytest.mark.parametrize(("image", "mask"), [(IMAGE[:, :, 3], MASK), (IMAGE, MASK[:, :, 3])])
def test_a_slice_and_a_volume_are_not_brought_together(image: Any, mask: Any) -> None:
    spacing = [1.5] * mask.GetDimension()
    for settings in ({"correctMask": True}, {"resampledPixelSpacing": spacing}):
        with pytest.raises(ImageError, match=r"differ in size.*take a slice of the volume"):
            extract(image, mask, **settings)


def test_a_mask_of_channels_is_for_the_extractor() -> None:
    assert extract(IMAGE, MASKS) == extract()
    with pytest.raises(ImageError, match=r"mask has 2 components a voxel.*getMask"):
        CLASSES["glcm"](IMAGE, MASKS)


def test_what_is_no_image_is_told() -> None:
    with pytest.raises(ImageError, match="image is str"):
        CLASSES["glcm"]("image.nrrd", MASK)
    with pytest.raises(ValueError, match=r"Label \(2\) not present"):
        CLASSES["shape"](IMAGE, MASK, label=2)


def test_shape_does_not_look_at_the_image() -> None:
    expected = CLASSES["shape"](IMAGE, MASK).execute()
    assert CLASSES["shape"](PAIR, MASK).execute() == expected
    assert CLASSES["shape"](IMAGE[:-1], MASK).execute() == expected
    with pytest.raises(ImageError, match="size"):
        CLASSES["shape"](IMAGE[:, :, 3], MASK)


def test_resampling_that_only_crops_has_no_padding_unless_told() -> None:
    same = {"resampledPixelSpacing": IMAGE.GetSpacing()}
    sizes = [
        imageoperations.resampleImage(IMAGE, MASK, **same, **pad)[1].GetSize()
        for pad in ({}, {"padDistance": 0}, {"padDistance": 1})
    ]
    assert sizes == [(7, 7, 7), (7, 7, 7), (9, 9, 9)]
    finer = {"resampledPixelSpacing": [0.5, 0.5, 0.5]}
    sizes = [
        imageoperations.resampleImage(IMAGE, MASK, **finer, **pad)[1].GetSize()
        for pad in ({}, {"padDistance": 5}, {"padDistance": 0})
    ]
    assert sizes[0] == sizes[1] != sizes[2]


def test_resampling_by_itself_checks_its_settings(caplog: pytest.LogCaptureFixture) -> None:
    _schema._tell_unknown.cache_clear()
    with pytest.raises(SchemaError, match=r"^resampledPixelSpacing: 2 is not a list$"):
        imageoperations.resampleImage(IMAGE, MASK, resampledPixelSpacing=2)
    with pytest.raises(KeyError, match="resampledPixelSpacing"):
        imageoperations.resampleImage(IMAGE, MASK, resampledImageSpacing=[2, 2, 2])
    assert "did you mean 'resampledPixelSpacing'?" in caplog.text
