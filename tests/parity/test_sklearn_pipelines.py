"""A study as a scikit-learn pipeline: cross-validation, search over settings, several processes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import ferromics as fm
from ferromics.io import write_nifti
from ferromics.sklearn import RadiomicsFeatures

PAGE = (Path(__file__).parents[2] / "docs" / "sklearn.md").read_text(encoding="utf-8")
PATIENTS = 24
FEW = {"features": ["stat", "glcm"], "discretise": "fbn16"}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``patients.csv``: the same intensities, smooth where the outcome is 1."""
    folder = tmp_path_factory.mktemp("study")
    rng = np.random.default_rng(5)
    mask = np.zeros((6, 14, 14), bool)
    mask[1:5, 2:12, 2:12] = True
    rows = []
    for k in range(PATIENTS):
        outcome = k % 2
        noise = rng.normal(size=mask.shape)
        texture = noise + np.roll(noise, 1, 1) + np.roll(noise, 1, 2) if outcome else noise
        # Ranks: both classes have the same histogram, so that only texture tells them apart.
        ranks = texture.ravel().argsort().argsort().reshape(mask.shape).astype(np.int16)
        write_nifti(folder / f"ct{k}.nii.gz", ranks, (2.0, 1.0, 1.0))
        write_nifti(folder / f"gtv{k}.nii.gz", mask, (2.0, 1.0, 1.0))
        age = int(rng.integers(40, 80))
        rows.append((f"P{k}", f"ct{k}.nii.gz", f"gtv{k}.nii.gz", age, outcome))
    table = pd.DataFrame(rows, columns=["case", "image", "mask", "age", "outcome"])
    table.to_csv(folder / "patients.csv", index=False)
    return folder


@pytest.fixture
def patients(study: Path) -> pd.DataFrame:
    return pd.read_csv(study / "patients.csv")


def model(study: Path, settings: object = FEW, jobs: int | None = None) -> Pipeline:
    return make_pipeline(
        RadiomicsFeatures(settings, base=study, jobs=jobs),
        SimpleImputer(),
        VarianceThreshold(),
        StandardScaler(),
        LogisticRegression(),
    )


def test_a_study_is_a_pipeline(study: Path, patients: pd.DataFrame) -> None:
    scores = cross_val_score(model(study), patients, patients["outcome"], cv=3)
    assert scores.mean() > 0.9


def test_the_search_over_settings_finds_those_that_tell_textures_apart(
    study: Path, patients: pd.DataFrame
) -> None:
    grid = {"radiomicsfeatures__settings": [{"features": ["stat"]}, FEW, fm.Settings(**FEW)]}
    search = GridSearchCV(model(study), grid, cv=3).fit(patients, patients["outcome"])
    assert search.best_params_["radiomicsfeatures__settings"] == FEW
    means = search.cv_results_["mean_test_score"]
    assert means[1] == means[2] > means[0]
    names = search.best_estimator_[:-1].get_feature_names_out()
    assert all(re.match("original_(stat|glcm)_", name) for name in names)


def test_several_processes_give_the_same_as_one(study: Path, patients: pd.DataFrame) -> None:
    folds = StratifiedKFold(3)
    alone, several = (
        cross_val_score(model(study), patients, patients["outcome"], cv=folds, n_jobs=n)
        for n in (1, 2)
    )
    np.testing.assert_array_equal(alone, several)


def test_features_computed_once_are_those_of_every_fold(
    study: Path, patients: pd.DataFrame
) -> None:
    steps = model(study)
    features = steps[0].fit_transform(patients)
    folds = StratifiedKFold(3)
    outside = cross_val_score(steps[1:], features, patients["outcome"], cv=folds)
    inside = cross_val_score(steps, patients, patients["outcome"], cv=folds)
    np.testing.assert_array_equal(outside, inside)


def test_clinical_columns_go_beside_the_features(study: Path, patients: pd.DataFrame) -> None:
    both = ColumnTransformer(
        [
            ("radiomics", RadiomicsFeatures(FEW, base=study), ["image", "mask"]),
            ("clinical", "passthrough", ["age"]),
        ]
    ).set_output(transform="pandas")
    table = both.fit_transform(patients)
    assert list(table.columns) == list(both.get_feature_names_out())
    assert table.columns[0] == "radiomics__original_stat_mean_intensity"
    assert list(table["clinical__age"]) == list(patients["age"])


def test_the_page_s_examples_run(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(study)
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    assert len(blocks) >= 3
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "sklearn.md", "exec"), names)
