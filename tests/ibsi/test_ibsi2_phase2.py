"""Every reference value of IBSI 2, phase 2, from `fm.extract` and from the command line."""

from __future__ import annotations

import csv
import functools
import io

import pytest

import ferromics as fm
from ferromics import compliance, suite

REFERENCES = compliance.ibsi2_references()


@pytest.fixture(scope="session")
def judged(ct_phantom):
    @functools.cache
    def judge(preset: str) -> dict[compliance.Reference, compliance.Judgement]:
        result = fm.extract(*ct_phantom, preset)
        tests = [t for t in compliance.filter_tests() if suite.preset(t) == preset]
        return {row.reference: row for t in tests for row in fm.compare(result, t)}

    return judge


def test_there_are_as_many_reference_values_as_ibsi_states() -> None:
    assert len(REFERENCES) == 323
    assert len(compliance.ibsi2_references(standardised_only=False)) == 324
    assert {r.configuration for r in REFERENCES} == {f"{n}.{c}" for n in range(1, 10) for c in "AB"}
    known = {(r["family"], r["name"], r["ibsi"]) for r in fm.catalogue()}
    assert {(r.family, r.feature, r.ibsi) for r in REFERENCES} <= known


@pytest.mark.parametrize("half", "AB")
def test_a_preset_has_a_filter_for_each_test(half: str) -> None:
    blocks = fm.Settings.preset(f"ibsi2:{half}").filters
    assert [block.name for block in blocks] == [f"{n}.{half}" for n in range(2, 10)]


@pytest.mark.parametrize("reference", REFERENCES, ids=lambda r: f"{r.configuration}-{r.feature}")
def test_value_matches_its_reference(reference: compliance.Reference, judged) -> None:
    row = judged(suite.preset(reference.configuration))[reference]
    assert row.verdict == "match", f"{row.value!r} for {reference.value} +- {reference.tolerance}"


@pytest.mark.parametrize("half", "AB")
def test_long_table_of_the_command_line_is_judged_by_ibsi_check(
    half: str, ct_phantom, cli, tmp_path
) -> None:
    path = tmp_path / "values.csv"
    options = ["--settings", f"ibsi2:{half}", "--format", "long", "-o", path]
    done = cli("extract", *ct_phantom, *options)
    assert done.returncode == 0, done.stderr
    checked = cli("ibsi", "check", path, "--format", "csv")
    assert checked.returncode == 0, checked.stderr
    rows = list(csv.DictReader(io.StringIO(checked.stdout)))
    wanted = [r for r in REFERENCES if r.configuration[-1] == half]
    assert sum(row["verdict"] == "match" for row in rows) == len(wanted)
    assert {row["verdict"] for row in rows} <= {"match", "no reference"}
