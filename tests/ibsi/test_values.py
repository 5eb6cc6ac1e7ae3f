"""Every reference value of IBSI 1, as a user gets it from `fm.extract` and from the command line."""

from __future__ import annotations

import csv
import functools
import io
from pathlib import Path

import nibabel
import numpy as np
import pytest

import ferromics as fm
from ferromics import compliance

# Numbers of reference values, as IBSI's table has them, and the preset that answers each.
EXPECTED = {"digital_phantom": 482, "A": 346}
PRESET = {"digital_phantom": "ibsi:phantom", "A": "ibsi:A"}
# One test a reference value; the rows without a value are features that are not standardised.
KEYS = [
    (configuration, row.family, row.feature, row.aggregation)
    for configuration in EXPECTED
    for row in compliance.compare([], configuration)
    if row.verdict != "no reference"
]


@pytest.fixture(scope="session")
def phantom_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    image, mask, spacing = fm.phantom()
    folder = tmp_path_factory.mktemp("phantom")
    affine = np.diag([-spacing[2], -spacing[1], spacing[0], 1.0])
    files = folder / "phantom.nii.gz", folder / "mask.nii.gz"
    for file, array in zip(files, (image, mask.astype(np.uint8)), strict=True):
        nibabel.save(nibabel.Nifti1Image(array.T, affine), file)
    return files


@pytest.fixture(scope="session")
def files(request: pytest.FixtureRequest):
    names = {"digital_phantom": "phantom_files", "A": "ct_phantom"}
    return lambda configuration: request.getfixturevalue(names[configuration])


@pytest.fixture(scope="session")
def judged(files):
    @functools.cache
    def judge(configuration: str) -> dict[tuple[str, ...], compliance.Judgement]:
        result = fm.extract(*files(configuration), PRESET[configuration])
        rows = fm.compare(result, configuration)
        return {(configuration, r.family, r.feature, r.aggregation): r for r in rows}

    return judge


def test_there_are_as_many_reference_values_as_ibsi_states() -> None:
    assert {c: sum(k[0] == c for k in KEYS) for c in EXPECTED} == EXPECTED


@pytest.mark.parametrize("key", KEYS, ids=lambda key: "-".join(filter(None, key)))
def test_value_matches_its_reference(key: tuple[str, ...], judged) -> None:
    row = judged(key[0])[key]
    assert row.verdict == "match", f"{row.value!r} against {row.reference} +- {row.tolerance}"


@pytest.mark.parametrize("configuration", EXPECTED)
def test_long_table_of_the_command_line_matches_every_reference(
    configuration: str, files, cli
) -> None:
    options = ["--settings", PRESET[configuration], "--format", "long", "-o", "-"]
    done = cli("extract", *files(configuration), *options)
    assert done.returncode == 0, done.stderr
    table = list(csv.DictReader(io.StringIO(done.stdout)))
    values = [{**row, "value": float(row["value"])} for row in table if row["value"]]
    verdicts = [row.verdict for row in fm.compare(values, configuration)]
    assert verdicts.count("match") == EXPECTED[configuration]
    assert set(verdicts) <= {"match", "no reference"}
