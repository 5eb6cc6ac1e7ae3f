"""Every reference value of IBSI 1, as users get it from `fm.extract` and the command line."""

from __future__ import annotations

import csv
import functools
import io
from pathlib import Path

import pytest

import ferromics as fm
from ferromics import compliance

# Numbers of reference values, as IBSI's table has them, and the preset that answers each.
EXPECTED = {"digital_phantom": 482, "A": 346, "B": 346, "C": 210, "D": 210, "E": 210}
PRESET = {c: f"ibsi:{c}" for c in "ABCDE"} | {"digital_phantom": "ibsi:phantom"}
REFERENCES = [r for r in compliance.references() if r.configuration in EXPECTED]


@pytest.fixture(scope="session")
def phantom_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return compliance.write_phantom(tmp_path_factory.mktemp("phantom"))


@pytest.fixture(scope="session")
def files(request: pytest.FixtureRequest):
    names = {"digital_phantom": "phantom_files"}
    return lambda configuration: request.getfixturevalue(names.get(configuration, "ct_phantom"))


@pytest.fixture(scope="session")
def judged(files):
    @functools.cache
    def judge(configuration: str) -> dict[compliance.Reference, compliance.Judgement]:
        result = fm.extract(*files(configuration), PRESET[configuration])
        return {row.reference: row for row in fm.compare(result, configuration)}

    return judge


def test_there_are_as_many_reference_values_as_ibsi_states() -> None:
    counts = {c: sum(r.configuration == c for r in REFERENCES) for c in EXPECTED}
    assert counts == EXPECTED


def name(r: compliance.Reference) -> str:
    return "-".join(filter(None, (r.configuration, r.family, r.feature, r.aggregation)))


@pytest.mark.parametrize("reference", REFERENCES, ids=name)
def test_value_matches_its_reference(reference: compliance.Reference, judged) -> None:
    row = judged(reference.configuration)[reference]
    assert row.verdict == "match", f"{row.value!r} for {reference.value} +- {reference.tolerance}"


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
