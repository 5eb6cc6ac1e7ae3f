"""Scripts as users of PyRadiomics have them, run on the layer."""

from __future__ import annotations

import csv
import logging
import os
import pickle
import subprocess
import sys
import textwrap
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from ferromics.compat import radiomics
from ferromics.compat.radiomics import featureextractor, firstorder, glcm, imageoperations, shape

RANDOM = np.random.default_rng(11)
VALUES = RANDOM.integers(-100, 300, size=(8, 12, 10)).astype(np.int16)
REGION = np.zeros(VALUES.shape, dtype=np.uint8)
REGION[2:6, 3:9, 2:8] = 1
REGION[3, 4, 4] = 0


def as_images() -> tuple[Any, Any]:
    image, mask = sitk.GetImageFromArray(VALUES), sitk.GetImageFromArray(REGION)
    for made in (image, mask):
        made.SetSpacing((0.8, 0.9, 2.5))
        made.SetOrigin((5.0, -3.0, 100.0))
    return image, mask


@pytest.fixture
def case(tmp_path: Path) -> tuple[str, str]:
    paths = str(tmp_path / "image.nrrd"), str(tmp_path / "label.nrrd")
    for image, path in zip(as_images(), paths, strict=True):
        sitk.WriteImage(image, path)
    return paths


@pytest.fixture
def quiet() -> Iterator[None]:
    """Put verbosity, progress and bin edges back, whatever a script sets."""
    level, reporter, edges = (
        radiomics.handler.level,
        radiomics.progressReporter,
        imageoperations.getBinEdges,
    )
    yield
    radiomics.setVerbosity(level)
    radiomics.progressReporter = reporter
    imageoperations.getBinEdges = edges


def test_hello(case: tuple[str, str]) -> None:
    extractor = featureextractor.RadiomicsFeatureExtractor(
        binWidth=25, resampledPixelSpacing=None, interpolator=sitk.sitkBSpline,
        enableCExtensions=True,
    )  # fmt: skip
    extractor.disableAllFeatures()
    extractor.enableFeatureClassByName("firstorder")
    extractor.enableFeaturesByName(glcm=["Contrast", "JointEntropy"], shape=[])
    extractor.enableImageTypeByName("Wavelet")
    extractor.enableImageTypes(LoG={"sigma": [1.0]})
    result = extractor.execute(*case)
    assert isinstance(result, OrderedDict)
    columns = [name for name in result if not name.startswith("diagnostics")]
    assert len(columns) == 14 + (1 + 8 + 1) * (18 + 2)
    assert columns[0] == "original_shape_Elongation"
    assert columns[-1] == "log-sigma-1-0-mm-3D_glcm_JointEntropy"
    value = result["original_firstorder_Mean"]
    assert isinstance(value, np.ndarray)
    assert value.shape == ()
    assert float(value) == VALUES[REGION == 1].mean()


def test_all_that_is_on_by_default(case: tuple[str, str]) -> None:
    result = featureextractor.RadiomicsFeatureExtractor(additionalInfo=False).execute(*case)
    assert len(result) == 107
    assert np.isfinite(list(map(float, result.values()))).all()
    classes = list(dict.fromkeys(name.split("_")[1] for name in result))
    assert classes == ["shape", "firstorder", "glcm", "gldm", "glrlm", "glszm", "ngtdm"]


def test_images_paths_and_arrays_give_the_same(case: tuple[str, str]) -> None:
    extractor = featureextractor.RadiomicsFeatureExtractor(additionalInfo=False)
    expected = extractor.execute(*case)
    image, mask = as_images()
    for inputs in ((Path(case[0]), Path(case[1])), (image, mask), (image, REGION)):
        assert extractor.execute(*inputs) == expected
    bare = extractor.execute(VALUES, REGION.astype(bool))
    assert bare["original_firstorder_Mean"] == expected["original_firstorder_Mean"]
    assert bare["original_shape_VoxelVolume"] == REGION.sum()


@pytest.mark.parametrize("what", ["nowhere.nrrd", 3, None])
def test_inputs_that_are_none(what: Any, case: tuple[str, str]) -> None:
    extractor = featureextractor.RadiomicsFeatureExtractor()
    with pytest.raises(ValueError, match="Error reading image"):
        extractor.execute(what, case[1])
    with pytest.raises(ValueError, match="Error reading mask"):
        extractor.execute(case[0], what)


def test_feature_classes_by_themselves() -> None:
    image, mask = as_images()
    box, corrected = imageoperations.checkMask(image, mask)
    assert corrected is None
    image, mask = imageoperations.cropToTumorMask(image, mask, box)
    first = firstorder.RadiomicsFirstOrder(image, mask, binWidth=25)
    first.enableFeatureByName("Mean", True)
    assert list(first.execute()) == ["Mean"]
    first.disableAllFeatures()
    assert first.featureValues == {}
    first.enableAllFeatures()
    assert len(first.execute()) == 18
    assert first.getMeanFeatureValue() == first.featureValues["Mean"]
    forms = shape.RadiomicsShape(image, mask)
    assert forms.getVoxelVolumeFeatureValue() == pytest.approx(REGION.sum() * 0.8 * 0.9 * 2.5)
    assert "Compactness1" not in forms.execute()
    texture = glcm.RadiomicsGLCM(image, mask, binWidth=25)
    assert texture.coefficients["Ng"] == texture.matrix.max()
    with pytest.raises(LookupError, match="Feature not found: Foo"):
        texture.enableFeatureByName("Foo")
    with pytest.raises(DeprecationWarning, match="DifferenceAverage"):
        texture.getDissimilarityFeatureValue()


@pytest.mark.parametrize("name", radiomics.getFeatureClasses())
def test_names_are_those_of_the_methods(name: str) -> None:
    made = radiomics.getFeatureClasses()[name]
    for feature, deprecated in made.getFeatureNames().items():
        method = getattr(made, f"get{feature}FeatureValue")
        assert feature in method.__doc__
        assert getattr(method, "_is_deprecated", False) is deprecated


def test_deprecated_features_come_when_named_but_those_without_value(
    caplog: pytest.LogCaptureFixture,
) -> None:
    features = {"glcm": ["Dissimilarity", "Id"], "firstorder": ["StandardDeviation"]}
    extractor = featureextractor.RadiomicsFeatureExtractor(
        {"featureClass": features, "setting": {"additionalInfo": False}}
    )
    found = extractor.execute(*as_images())
    assert list(found) == ["original_glcm_Id", "original_firstorder_StandardDeviation"]
    assert "Dissimilarity is deprecated" in caplog.text


def test_bin_edges_of_ones_own(quiet: None) -> None:
    def from_minimum(values: Any, **kwargs: Any) -> Any:
        width = kwargs["binWidth"]
        return np.arange(values.min(), values.max() + 2 * width, width)

    extractor = featureextractor.RadiomicsFeatureExtractor(
        {"featureClass": {"glcm": ["JointAverage"]}, "setting": {"additionalInfo": False}},
        binWidth=17,
    )
    before = extractor.execute(*as_images())
    imageoperations.getBinEdges = from_minimum
    image, mask = as_images()
    after = extractor.execute(image, mask)
    assert before != after
    assert glcm.RadiomicsGLCM(image, mask, binWidth=17).matrix[REGION == 1].min() == 1


def test_levels_are_made_once_for_all_classes_of_an_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = []
    edges = imageoperations.getBinEdges

    def counted(values: Any, **kwargs: Any) -> Any:
        made.append(kwargs["binWidth"])
        return edges(values, **kwargs)

    extractor = featureextractor.RadiomicsFeatureExtractor(additionalInfo=False, binWidth=20)
    extractor.enableImageTypes(Original={}, Square={"binWidth": 30}, Gradient={})
    expected = extractor.execute(*as_images())
    monkeypatch.setattr(imageoperations, "getBinEdges", counted)
    assert extractor.execute(*as_images()) == expected
    assert made == [20, 30, 20]
    image, mask = as_images()
    for name, settings in (("glcm", {"binWidth": 20}), ("gldm", {"binWidth": 15})):
        radiomics.getFeatureClasses()[name](image, mask, **settings)
    assert made == [20, 30, 20, 20, 15]


def test_a_class_that_changes_what_it_bins_has_its_own_levels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Halved(glcm.RadiomicsGLCM):
        def _initSegmentBasedCalculation(self) -> None:
            self.imageArray = self.imageArray // 2
            super()._initSegmentBasedCalculation()

    def features(chosen: type) -> dict[str, Any]:
        classes = {**radiomics.getFeatureClasses(), "glcm": chosen}
        monkeypatch.setattr(radiomics, "getFeatureClasses", lambda: classes)
        extractor = featureextractor.RadiomicsFeatureExtractor(additionalInfo=False)
        extractor.disableAllFeatures()
        extractor.enableFeaturesByName(gldm=[], glcm=["JointAverage"], glrlm=[])
        return dict(extractor.execute(*as_images()))

    usual, halved = features(glcm.RadiomicsGLCM), features(Halved)
    assert [name for name in usual if usual[name] != halved[name]] == ["original_glcm_JointAverage"]


def test_a_method_of_ones_own_goes_before() -> None:
    class Mine(glcm.RadiomicsGLCM):
        def getContrastFeatureValue(self) -> float:
            return 42.0

        def getBrokenFeatureValue(self) -> float:
            raise ZeroDivisionError

    image, mask = as_images()
    mine = Mine(image, mask)
    for name in ("Contrast", "Broken", "Id"):
        mine.enableFeatureByName(name)
    found = mine.execute()
    assert found["Contrast"] == 42
    assert np.isnan(found["Broken"])
    assert 0 < found["Id"] < 1


def test_channels_and_labels_of_a_call() -> None:
    image, mask = as_images()
    other = sitk.GetImageFromArray(np.roll(REGION, 1, axis=2) * 3)
    other.CopyInformation(mask)
    both = sitk.Compose(sitk.Cast(mask, sitk.sitkUInt8), other)
    extractor = featureextractor.RadiomicsFeatureExtractor(additionalInfo=False)
    first = extractor.execute(image, both)
    assert first == extractor.execute(image, mask)
    assert extractor.execute(image, both, 3, 1) == extractor.execute(image, other, label=3)
    assert extractor.settings["label"] == 1


def test_2d_images() -> None:
    image, mask = sitk.GetImageFromArray(VALUES[3]), sitk.GetImageFromArray(REGION[3])
    parameters = {"setting": {"additionalInfo": False}}
    flat = featureextractor.RadiomicsFeatureExtractor(parameters).execute(image, mask)
    parameters["setting"]["force2D"] = True
    one = np.zeros_like(REGION)
    one[3] = REGION[3]
    slices = featureextractor.RadiomicsFeatureExtractor(parameters)
    volume = slices.execute(VALUES, one)
    assert [name for name in volume if "_shape_" not in name] == list(flat)
    for name, value in flat.items():
        assert float(value) == pytest.approx(float(volume[name]), rel=1e-12, abs=1e-12), name


def test_batch(case: tuple[str, str], tmp_path: Path, quiet: None) -> None:
    log = logging.FileHandler(tmp_path / "log.txt", mode="w")
    log.setFormatter(logging.Formatter("%(levelname)s:%(name)s: %(message)s"))
    radiomics.logger.addHandler(log)
    radiomics.setVerbosity(60)
    cases = [
        {"ID": "1", "Image": case[0], "Mask": case[1]},
        {"ID": "2", "Image": case[0], "Mask": "missing"},
    ]
    extractor = featureextractor.RadiomicsFeatureExtractor()
    logger = radiomics.logger.getChild("batch")
    target = tmp_path / "features.csv"
    for row in cases:
        features = OrderedDict(row)
        try:
            features.update(extractor.execute(row["Image"], row["Mask"]))
        except Exception:
            logger.exception("FEATURE EXTRACTION FAILED")
            continue
        with target.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(features.keys())
            writer.writerow(features.values())
    radiomics.logger.removeHandler(log)
    log.close()
    with target.open(newline="") as file:
        (row,) = csv.DictReader(file)
    expected = extractor.execute(*case)
    assert float(row["original_glcm_Id"]) == expected["original_glcm_Id"]
    text = (tmp_path / "log.txt").read_text()
    assert "INFO:radiomics.featureextractor: Computing glcm" in text
    assert "ERROR:radiomics.batch: FEATURE EXTRACTION FAILED" in text


def test_extractors_can_be_pickled_and_run_at_once(case: tuple[str, str]) -> None:
    extractor = featureextractor.RadiomicsFeatureExtractor(additionalInfo=False)
    expected = extractor.execute(*case)
    again = pickle.loads(pickle.dumps(extractor))
    with ThreadPoolExecutor(3) as pool:
        for found in pool.map(again.execute, [case[0]] * 6, [case[1]] * 6):
            assert found == expected


def test_voxel_mode_gives_images_that_lie_on_the_region() -> None:
    image, mask = as_images()
    extractor = featureextractor.RadiomicsFeatureExtractor(kernelRadius=2, initValue=-5)
    extractor.disableAllFeatures()
    extractor.enableFeaturesByName(firstorder=["Mean"], glcm=["Contrast", "Dissimilarity"])
    found = extractor.execute(image, mask, voxelBased=True)
    maps = {name: value for name, value in found.items() if isinstance(value, sitk.Image)}
    assert list(maps) == ["original_firstorder_Mean", "original_glcm_Contrast"]
    mean = maps["original_firstorder_Mean"]
    inside = sitk.Resample(mask, mean, sitk.Transform(), sitk.sitkNearestNeighbor)
    region = sitk.GetArrayFromImage(inside) == 1
    values = sitk.GetArrayFromImage(mean)
    assert (values[~region] == -5).all()
    original = sitk.GetArrayFromImage(image)[sitk.GetArrayFromImage(mask) == 1]
    assert original.min() <= values[region].min() <= values[region].max() <= original.max()


def test_a_feature_of_one_s_own_has_no_map() -> None:
    class Mine(radiomics.firstorder.RadiomicsFirstOrder):
        def getSumFeatureValue(self) -> float:
            return float(self.imageArray[self.maskArray].sum())

    mine = Mine(*as_images(), voxelBased=True)
    mine.enableFeatureByName("Sum")
    with pytest.raises(ValueError, match="Sum is a feature of your own"):
        mine.execute()


def test_progress_is_shown_from_level_info_on(quiet: None) -> None:
    class Reporter:
        def __init__(self, iterable: Any = None, desc: str = "", total: Any = None) -> None:
            self.iterable, self.desc = iterable, desc

    radiomics.progressReporter = Reporter
    radiomics.setVerbosity(logging.INFO)
    assert isinstance(radiomics.getProgressReporter([1], desc="steps"), Reporter)
    radiomics.setVerbosity(logging.WARNING)
    with radiomics.getProgressReporter([1, 2], desc="steps") as silent:
        assert list(silent) == [1, 2]
        silent.update(1)


def test_progress_of_maps_is_told_by_voxels(quiet: None) -> None:
    seen: list[tuple[str, float, float]] = []

    class Reporter:
        def __init__(self, iterable: Any = None, desc: str = "", total: float = 0) -> None:
            assert iterable is None
            self.desc, self.total, self.done = desc, total, 0.0

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: object) -> None:
            seen.append((self.desc, self.total, self.done))

        def update(self, n: float = 1) -> None:
            self.done += n

    radiomics.progressReporter = Reporter
    radiomics.setVerbosity(logging.INFO)
    image, mask = as_images()
    glcm = radiomics.glcm.RadiomicsGLCM(image, mask, voxelBased=True)
    glcm.enableFeatureByName("Contrast")
    glcm.execute()
    voxels = np.count_nonzero(sitk.GetArrayFromImage(mask) == 1)
    assert seen == [("glcm maps, voxels", voxels, voxels)]
    with pytest.raises(ValueError, match="in voxel mode Contrast is a map"):
        glcm.getContrastFeatureValue()


def test_test_cases_that_are_there_are_not_downloaded(tmp_path: Path) -> None:
    for name in ("brain1_image.nrrd", "brain1_label_2D.nrrd"):
        (tmp_path / name).touch()
    found = radiomics.getTestCase("Brain1_2D", tmp_path)
    assert found == (str(tmp_path / "brain1_image.nrrd"), str(tmp_path / "brain1_label_2D.nrrd"))
    with pytest.raises(ValueError, match="brain9"):
        radiomics.getTestCase("brain9")


def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a script in a process whose only `radiomics` is what stands in `folder`."""
    paths = [str(folder), *filter(None, sys.path)]
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_import_radiomics_is_ours_once_installed(tmp_path: Path, case: tuple[str, str]) -> None:
    done = run(
        f"""
        import ferromics.compat
        assert ferromics.compat.install() and ferromics.compat.install()
        import radiomics
        import radiomics.featureextractor
        from radiomics import imageoperations, getFeatureClasses
        from radiomics.glcm import RadiomicsGLCM
        from ferromics.compat.radiomics import imageoperations as ours
        assert imageoperations is ours is radiomics.imageoperations
        assert getFeatureClasses()["glcm"] is RadiomicsGLCM
        try:
            import radiomics.nothing
        except ModuleNotFoundError:
            pass
        extractor = radiomics.featureextractor.RadiomicsFeatureExtractor()
        print(len(extractor.execute({case[0]!r}, {case[1]!r})))
        """,
        tmp_path,
    )
    assert done.stdout.strip() == str(107 + 22), done.stderr


def test_pyradiomics_stays_where_it_is_installed(tmp_path: Path) -> None:
    (tmp_path / "radiomics").mkdir()
    (tmp_path / "radiomics/__init__.py").write_text("theirs = True")
    done = run(
        """
        import warnings
        import ferromics.compat
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            assert ferromics.compat.install() is False
        assert "stays PyRadiomics" in str(told[-1].message)
        import radiomics
        assert radiomics.theirs
        assert ferromics.compat.install(replace=True)
        import radiomics
        print(radiomics.__version__)
        """,
        tmp_path,
    )
    assert done.stdout.strip() == radiomics.__version__, done.stderr


def test_what_does_not_exist_is_refused_by_name() -> None:
    extractor = featureextractor.RadiomicsFeatureExtractor()
    with pytest.raises(ValueError, match="no image type 'Wavlet'"):
        extractor.enableImageTypes(Wavlet={})
    with pytest.raises(ValueError, match="no feature class 'glmc'"):
        extractor.enableFeaturesByName(glmc=[])


def test_intensities_that_are_no_numbers_are_counted() -> None:
    image, mask = as_images()
    values = sitk.GetArrayFromImage(image).astype(float)
    values[np.nonzero(sitk.GetArrayFromImage(mask))[0][3]] = np.nan
    with pytest.raises(ValueError, match=r"\d+ of \d+ intensities in the region are NaN"):
        featureextractor.RadiomicsFeatureExtractor().execute(values, sitk.GetArrayFromImage(mask))


def test_texture_of_a_2d_image_cannot_be_forced_to_2d() -> None:
    rng = np.random.default_rng(0)
    image, mask = rng.normal(size=(14, 13)), np.ones((14, 13), np.uint8)
    settings = {"force2D": True, "binWidth": 0.5}
    with pytest.raises(ValueError, match="force2D leaves a 2D image one direction"):
        radiomics.glcm.RadiomicsGLCM(image, mask, **settings).getContrastFeatureValue()


def test_a_small_region_of_many_levels_comes_to_an_end() -> None:
    rng = np.random.default_rng(1)
    image = rng.normal(40, 60, (7, 7, 7))
    found = radiomics.glcm.RadiomicsGLCM(image, np.ones(image.shape, np.uint8), binWidth=1)
    assert 0.9 < found.getMCCFeatureValue() <= 1
