"""What a scikit-learn X may be: frames, pairs, dicts, cases; and what is wrong with a row."""

from __future__ import annotations

import importlib
import multiprocessing
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone

import ferromics as fm
from ferromics import _core
from ferromics.cohort.cases import Case, Mask
from ferromics.io import write_nifti
from ferromics.sklearn import RadiomicsFeatures, _cores

SPACING = (2.0, 1.0, 1.0)
STAT = {"features": ["stat"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three images ``i0`` to ``i2`` with masks ``m0`` to ``m2``, and ``labels`` 1 and 2."""
    folder = tmp_path_factory.mktemp("cases")
    rng = np.random.default_rng(1)
    mask = np.zeros((4, 6, 6), np.uint8)
    mask[1:3, 1:5, 1:5] = 1
    for k in range(3):
        image = rng.integers(0, 100 * (k + 1), mask.shape).astype(np.int16)
        write_nifti(folder / f"i{k}.nii.gz", image, SPACING)
        write_nifti(folder / f"m{k}.nii.gz", mask, SPACING)
    mask[2] *= 2
    write_nifti(folder / "labels.nii.gz", mask, SPACING)
    return folder


@pytest.fixture
def frame() -> pd.DataFrame:
    names = {
        "image": [f"i{k}.nii.gz" for k in range(3)],
        "mask": [f"m{k}.nii.gz" for k in range(3)],
    }
    return pd.DataFrame({**names, "outcome": [0, 1, 0]}, index=["a", "b", "c"])


def expected(folder: Path) -> np.ndarray:
    rows = [fm.extract(folder / f"i{k}.nii.gz", folder / f"m{k}.nii.gz", STAT) for k in range(3)]
    return np.array([list(row.values()) for row in rows])


Maker = Callable[[Path], Any]
PAIRS: Maker = lambda f: [(f / f"i{k}.nii.gz", f / f"m{k}.nii.gz") for k in range(3)]  # noqa: E731
FORMS: dict[str, Maker] = {
    "pairs": PAIRS,
    "array_of_names": lambda f: np.array([[str(i), str(m)] for i, m in PAIRS(f)]),
    "array_of_objects": lambda f: np.array(PAIRS(f), dtype=object),
    "dicts": lambda f: [{"image": i, "Mask ": m, "age": 3} for i, m in PAIRS(f)],
    "cases": lambda f: [Case(i, (Mask(m),)) for i, m in PAIRS(f)],
    "series_of_dicts": lambda f: pd.Series([{"image": i, "mask": m} for i, m in PAIRS(f)]),
    "pandas": lambda f: pd.DataFrame(PAIRS(f), columns=["Image", " mask"]),
    "polars": lambda f: pl.DataFrame([[str(p) for p in row] for row in PAIRS(f)],
                                     schema=["image", "mask"], orient="row"),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_x_gives_what_extract_gives_in_its_order(folder: Path, form: str) -> None:
    found = RadiomicsFeatures(STAT).fit_transform(FORMS[form](folder))
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, expected(folder))


def test_relative_paths_start_from_base_and_the_index_is_kept(
    folder: Path, frame: pd.DataFrame
) -> None:
    step = RadiomicsFeatures(STAT, base=folder).set_output(transform="pandas")
    found = step.fit_transform(frame.iloc[::-1])
    assert list(found.index) == ["c", "b", "a"]
    assert list(found.columns) == list(step.get_feature_names_out())
    np.testing.assert_array_equal(found.to_numpy(), expected(folder)[::-1])
    assert list(step.feature_names_in_) == ["image", "mask", "outcome"]
    assert step.n_features_in_ == 3
    step.fit(PAIRS(folder))
    assert not hasattr(step, "feature_names_in_")


def test_polars_comes_out_where_it_is_asked_for(folder: Path) -> None:
    step = RadiomicsFeatures(STAT).set_output(transform="polars")
    found = step.fit_transform(FORMS["polars"](folder))
    assert isinstance(found, pl.DataFrame)
    np.testing.assert_array_equal(found.to_numpy(), expected(folder))


def test_labels_thresholds_and_spacing_are_read_from_columns(folder: Path) -> None:
    image, mask, spacing = fm.phantom()
    frame = pd.DataFrame(
        {
            "image": [folder / "i0.nii.gz", folder / "i0.nii.gz", image],
            "mask": [folder / "labels.nii.gz", folder / "labels.nii.gz", mask * 0.5],
            "label": [1, "2", None],
            "mask_threshold": [None, np.nan, "0.4"],
            "spacing": [None, None, spacing],
        }
    )
    found = RadiomicsFeatures(STAT).fit_transform(frame)
    two = fm.extract(folder / "i0.nii.gz", folder / "labels.nii.gz", STAT, label=[1, 2])
    three = fm.extract(image, mask, STAT, spacing=spacing)
    np.testing.assert_array_equal(found, [list(r.values()) for r in (two[1], two[2], three)])


def test_fit_reads_no_image(frame: pd.DataFrame) -> None:
    step = RadiomicsFeatures(STAT, base="nowhere").fit(frame)
    assert list(step.feature_names_out_) == list(step.get_feature_names_out())
    # Rows are computed side by side: any may fail first.
    with pytest.raises(fm.InputError, match=r"row [abc]: .*nowhere.*i\d\.nii\.gz"):
        step.transform(frame)


def test_a_row_of_several_regions_is_an_error_that_names_it(folder: Path) -> None:
    image, mask = str(folder / "i0.nii.gz"), str(folder / "labels.nii.gz")
    for label in ("all", [1, 2], 1.5):
        with pytest.raises(fm.InputError, match=r"row 0: its label must be a whole number.*row"):
            RadiomicsFeatures(STAT).fit([{"image": image, "mask": mask, "label": label}])
    two = Case(image, (Mask(mask, label=1), Mask(mask, label=2)), name="P7")
    with pytest.raises(fm.InputError, match="row 0: it must have one mask; give each region a row"):
        RadiomicsFeatures(STAT).fit([two])
    step = RadiomicsFeatures(STAT).fit([(image, mask)])
    named = {"image": image, "mask": mask, "case": "P7", "roi": "gtv"}
    with pytest.raises(fm.InputError, match=r"row 0 \(P7, gtv\): mask .* has 2 labels \(1, 2\)"):
        step.transform([named])


def test_on_request_a_bad_row_is_nan_and_says_why(folder: Path, frame: pd.DataFrame) -> None:
    frame.loc["b", "image"] = "gone.nii.gz"
    frame.loc["c", "mask"] = None
    step = RadiomicsFeatures(STAT, base=folder, on_error="nan").fit(frame)
    told = "2 of 3 rows could not be computed and are NaN: row b: .*gone.*; row c: its mask is"
    with pytest.warns(UserWarning, match=told):
        found = step.transform(frame)
    np.testing.assert_array_equal(found[0], expected(folder)[0])
    assert np.isnan(found[1:]).all()
    with pytest.raises(fm.InputError, match="row c: its mask is missing"):
        step.set_params(on_error="raise").transform(frame)


def test_a_warning_names_three_rows_and_counts_the_others() -> None:
    step = RadiomicsFeatures(STAT, on_error="nan").fit([("a", "b")])
    with pytest.warns(UserWarning, match=r"^5 of 5 rows .*row 0.*row 1.*row 2.*; and 2 more$"):
        step.transform([("a", "b")] * 5)


GOOD = {"image": "a.nii", "mask": "b.nii"}


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((3, 2)), "this is an array of float64"),
        ("a.nii", "X must hold one region a row: .*; put a single case into a list"),
        (GOOD, "put a single case into a list"),
        (("a.nii", "b.nii"), "row 0: a case is .*, not the text 'a.nii'"),
        (None, "X must hold one region a row: .*, not NoneType"),
        ([], "X has no rows"),
        (pd.DataFrame({"image": []}), "X has no column 'mask'; it has image"),
        (pd.DataFrame(np.zeros((2, 2))), "X has no column 'image'; it has 0, 1"),
        (pd.DataFrame({"image": ["a"], "mask_path": ["b"]}), "rename 'mask_path' to 'mask'"),
        (pd.DataFrame({"image": ["a"], "Image ": ["a"], "mask": ["b"]}), "more than one column"),
        (pd.DataFrame({**{k: [v] for k, v in GOOD.items()}, "settings": ["ct"]}), "take it out"),
        ([("a.nii", "b.nii", 1)], "row 0: a case is .*, not a tuple of length 3"),
        ([{"image": "a.nii"}], "row 0: it has no key 'mask'; it has image"),
        ([GOOD, {**GOOD, "image": " "}], "row 1: its image is missing"),
        ([{**GOOD, "mask_threshold": "half"}], "row 0: its mask_threshold must be a number"),
        ([{**GOOD, "spacing": 1.0}], r"row 0: its spacing must be the lengths \(z, y, x\)"),
        ([{**GOOD, "mask": ["b.nii", "c.nii"]}], "row 0: it must have one mask"),
        ([Case("a.nii", (Mask("b.nii"),), settings="ct")], "row 0: the case has settings"),
    ],
)
def test_an_x_that_cannot_be_used_is_refused_in_one_line(x: Any, message: str) -> None:
    with pytest.raises(fm.InputError, match=message) as caught:
        RadiomicsFeatures().fit(x)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"jobs": 0}, "jobs must be 1 or more, or None for all cores, got 0"),
        ({"on_error": "skip"}, "on_error must be 'raise' or 'nan', got 'skip'"),
        ({"base": 3}, "base must be the path of a folder, got 3"),
        ({"features": []}, "features is empty"),
        ({"features": [3]}, "features must be names or patterns of columns, got 3"),
        ({"features": "original_glmc_*"}, r"did you mean 'original_glcm_\*'"),
        ({"features": "nothing"}, "no column 'nothing'; they are as 'original_"),
        ({"settings": {"featurs": ["stat"]}}, "featurs.*did you mean 'features'"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_told_when_it_is_fitted(
    parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        RadiomicsFeatures(**parameters).fit([GOOD])


def test_features_are_picked_by_name_or_pattern_in_catalogue_order(folder: Path) -> None:
    wanted = ["original_stat_*kewness", "original_morph_volume_mesh", "original_stat_m?an_*"]
    step = RadiomicsFeatures(features=wanted)
    found = step.fit_transform(PAIRS(folder))
    assert list(step.get_feature_names_out()) == [
        "original_morph_volume_mesh",
        "original_stat_mean_intensity",
        "original_stat_intensity_skewness",
    ]
    result = fm.extract(*PAIRS(folder)[1])
    np.testing.assert_array_equal(found[1], [result[n] for n in step.get_feature_names_out()])


def test_the_settings_are_those_of_the_time_of_fitting(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    fm.Settings(**STAT).save(file)
    step = RadiomicsFeatures(file).fit(PAIRS(folder))
    file.unlink()
    assert step.settings_ == fm.Settings(**STAT)
    np.testing.assert_array_equal(step.transform(PAIRS(folder)), expected(folder))


def test_what_is_doubtful_in_the_settings_is_a_warning_of_fit() -> None:
    with pytest.warns(UserWarning, match="fixed bin size without a lower re-segmentation limit"):
        RadiomicsFeatures({"discretise": "fbs25"}).fit([GOOD])


def test_it_pickles_and_clones_before_and_after_fit(folder: Path) -> None:
    parameters = {"settings": fm.Settings(**STAT), "features": ["original_stat_m*"], "jobs": 1}
    step = RadiomicsFeatures(**parameters, base=folder, on_error="nan")
    assert pickle.loads(pickle.dumps(step)).get_params() == step.get_params()
    assert clone(step).get_params() == step.get_params()
    values = step.fit_transform(PAIRS(folder))
    again = pickle.loads(pickle.dumps(step))
    np.testing.assert_array_equal(again.transform(PAIRS(folder)), values)
    assert not hasattr(clone(step), "settings_")
    assert clone(step).get_params() == step.get_params()


def test_without_scikit_learn_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "ferromics.sklearn")
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    with pytest.raises(ImportError, match=r"pip install 'ferromics\[sklearn\]'"):
        importlib.import_module("ferromics.sklearn")


def test_threads_follow_the_limit_that_joblib_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FERROMICS_NUM_THREADS", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert _cores(None) is None
    assert _cores(3) == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "1,2")
    assert _cores(None) == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "100000")
    assert _cores(None) == _core.build_info()["threads"]
    monkeypatch.setenv("FERROMICS_NUM_THREADS", "2")
    assert _cores(None) is None  # the core reads it
    monkeypatch.delenv("FERROMICS_NUM_THREADS")
    monkeypatch.delenv("OMP_NUM_THREADS")
    each = joblib.Parallel(n_jobs=2)(joblib.delayed(_cores)(None) for _ in range(4))
    assert set(each) == {max(1, joblib.cpu_count() // 2)}
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_cores, (None,)) == 1
