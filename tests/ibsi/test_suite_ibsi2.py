"""`ferromics ibsi` on IBSI 2: what is chosen, shown, missing, and missed."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ferromics import cli as commands
from ferromics import compliance, suite
from ferromics import ibsi_data as data
from ferromics.compliance import Judgement
from ferromics.io import read, write_nifti
from ferromics.report import record

COLUMNS = [
    "configuration",
    "family",
    "feature",
    "ibsi",
    "aggregation",
    "value",
    "reference",
    "tolerance",
    "consensus",
    "verdict",
]


@pytest.fixture
def folder(ibsi_data, response_map, tmp_path) -> Path:
    """Phase 1 alone: the phantoms and one map."""
    (tmp_path / data.DIGITAL_PHANTOMS).symlink_to(ibsi_data / data.DIGITAL_PHANTOMS)
    maps = tmp_path / data.RESPONSE_MAPS
    maps.mkdir()
    stored = response_map("3.a.1")
    (maps / stored.name).symlink_to(stored)
    return tmp_path


def doctored(folder: Path) -> None:
    """Move one voxel of the map by 2 % of its range."""
    path = data.response_map(folder, "3.a.1")
    array = read(path).array.astype(np.float64)
    array[5, 6, 7] += 0.02 * np.ptp(array)
    path.unlink()
    write_nifti(path.with_name("3_a_1-ValidCRM.nii.gz"), array, (2.0, 2.0, 2.0))


@pytest.mark.parametrize(
    ("names", "number"),
    [
        (["ibsi1"], 6),
        (["ibsi2"], 54),
        (["ibsi2:1"], 36),
        (["IBSI2:2"], 18),
        (["ibsi2:A", "3.A"], 9),
        (["ibsi2:b", "phantom"], 10),
        (["2.a", "2.A"], 2),
        ([], 60),
    ],
)
def test_names_choose_configurations_and_tests(names, number) -> None:
    chosen = suite.chosen(names)
    assert len(chosen) == len(set(chosen)) == number
    assert [c for c in suite.chosen([]) if c in chosen] == list(chosen)


def test_one_test_is_run_and_shown(cli, folder) -> None:
    done = cli("ibsi", "--data", folder, "-c", "3.a.1", "-c", "9.b.2")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    words = next(line for line in lines if line.strip().startswith("3.a.1")).split()
    assert words[1:3] == ["impulse", "laws,"]
    assert words[-5:] == ["E5L5S5", "zero", "<", "0.0001", "matched"]
    assert any("9.b.2" in line and "no reference" in line for line in lines)
    assert lines[-1] == "IBSI 2, phase 1: 1 of 1 response maps matched"


def test_a_map_that_is_missed_is_exit_status_1_in_every_form(cli, folder, tmp_path) -> None:
    doctored(folder)
    page = tmp_path / "page.html"
    done = cli("ibsi", "--data", folder, "-c", "3.a.1", "--format", "json", "--report", page)
    assert done.returncode == 1
    assert "3_a_1-ValidCRM.nii.gz is not as IBSI published it" in done.stderr
    document = json.loads(done.stdout)
    assert document["missed"] is True
    assert document["ibsi2_phase1"]["counts"]["miss"] == 1
    (test,) = document["ibsi2_phase1"]["tests"]
    assert test["verdict"] == "miss"
    assert test["percent_of_range"] == pytest.approx(2, rel=1e-3)  # the map is not exactly ours
    text = page.read_text("utf-8")
    assert "0 of 1 response maps matched, 1 missed" in text
    assert '<td class="missed">missed</td>' in text
    assert text.index("is not as IBSI published it") < text.index("IBSI 2, phase 1: response maps")
    table = cli("ibsi", "--data", folder, "-c", "3.a.1")
    assert table.returncode == 1
    assert table.stdout.splitlines()[-1].endswith("0 of 1 response maps matched, 1 missed")


def test_what_can_run_without_the_missing_maps_is_run(cli, folder) -> None:
    done = cli("ibsi", "--data", folder, "-c", "3.a.1", "-c", "3.a.2", "-c", "3.a.3")
    assert done.returncode == 2
    assert done.stdout.splitlines()[-1] == "IBSI 2, phase 1: 1 of 1 response maps matched"
    assert done.stderr.count("\n") == 1
    assert "not run: tests 3.a.2, 3.a.3, which need the IBSI 2 reference response" in done.stderr
    assert "ferromics ibsi --download" in done.stderr
    assert "theibsi/ibsi_2_reference_data" in done.stderr


def test_what_can_run_without_the_ct_phantom_is_run(cli, folder) -> None:
    done = cli("ibsi", "--data", folder, "--format", "json")
    assert done.returncode == 2
    document = json.loads(done.stdout)
    assert document["counts"]["match"] == 482
    assert document["ibsi2_phase1"]["counts"] == {
        "match": 1,
        "partial": 0,
        "miss": 0,
        "absent": 0,
        "no reference": 3,
    }
    assert len(document["not_run"]) == 5 + 18 + 32
    first, second = done.stderr.splitlines()
    assert "not run: configurations A, B, C, D, E, IBSI 2 phase 2, which need the CT" in first
    assert "tests 1.a.1, " in second


def test_without_any_data_each_missing_set_is_one_line(cli, tmp_path) -> None:
    nowhere = {"XDG_CACHE_HOME": str(tmp_path), "FERROMICS_IBSI_DATA": ""}
    done = cli("ibsi", env=nowhere)
    assert done.returncode == 2
    first, second = done.stderr.splitlines()
    assert "IBSI 2 phase 2, which need the CT radiomics phantom" in first
    assert "not run: IBSI 2 phase 1, which need the IBSI 2 digital phantoms" in second
    done = cli("ibsi", "-c", "3.a.1", env=nowhere)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "."], "does not hold IBSI's data"),
        (["--data", ".", "-c", "3.a.1"], "does not hold IBSI's data"),
        (["-c", "9.b.2", "-c", "10.a"], "no reference map to judge 10.a, 9.b.2 by"),
        (["-c", "3.a.9"], "no configuration '3.a.9'; there are phantom, A, B, C, D, E; for IBSI 2"),
        (["-c", "ibsi2:C"], "or a test such as 3.a.1 or 2.A"),
    ],
)
def test_a_mistake_gets_one_line(cli, tmp_path, arguments, message) -> None:
    done = cli("ibsi", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_csv_has_one_set_of_columns_for_all_parts(cli, folder) -> None:
    done = cli("ibsi", "--data", folder, "-c", "phantom", "-c", "3.a.1", "--format", "csv")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert list(rows[0]) == COLUMNS
    assert len(rows) == 488
    last = rows[-1]
    assert (last["configuration"], last["family"]) == ("3.a.1", "map")
    assert float(last["value"]) < float(last["tolerance"]) == pytest.approx(1.8887, rel=1e-4)


@pytest.fixture
def answered() -> dict[str, list[dict[str, object]]]:
    """A tool's records that are IBSI's own values, of all tests of phase 2."""
    out: dict[str, list[dict[str, object]]] = {}
    for r in compliance.ibsi2_references():
        values = {"family": r.family, "feature": r.feature, "value": float(r.value or 0)}
        out.setdefault(r.configuration, []).append(values)
    return out


def test_phase_2_is_judged_by_tolerance(answered) -> None:
    answered["3.B"][0]["value"] = 1e9
    outcomes = suite.judged_values(answered)
    assert Counter(row.verdict for o in outcomes for row in o.rows) == {
        "match": 322,
        "miss": 1,
        "no reference": 1,
    }
    assert [o.configuration for o in outcomes if o.missed] == ["3.B"]


@pytest.mark.parametrize(
    ("image", "test", "verdict"),
    [
        ("2.A", "2.A", "miss"),
        ("2.B", "2.A", "absent"),
        ("original", "2.A", "absent"),
        ("original", "1.A", "miss"),
        ("1.A", "1.A", "absent"),
    ],
)
def test_rows_of_another_image_do_not_answer_a_test(image, test, verdict) -> None:
    reference = next(r for r in compliance.ibsi2_references() if r.configuration == test)
    row = {"family": reference.family, "feature": reference.feature, "value": -1e6}
    assert compliance.compare([{**row, "image": image}], test)[0].verdict == verdict


def test_a_miss_in_phase_2_is_exit_status_1_and_listed(
    monkeypatch, answered, ibsi_data, capsys, tmp_path
) -> None:
    monkeypatch.setenv("FERROMICS_IBSI_DATA", str(ibsi_data))
    answered["2.A"][0]["value"] = 123.25
    outcomes = suite.judged_values({"2.A": answered["2.A"]})
    monkeypatch.setattr(suite, "run_filtered", lambda *_: outcomes)
    page = tmp_path / "page.html"
    assert commands.run(["ibsi", "-c", "2.A", "--report", str(page)]) == 1
    out = capsys.readouterr().out
    assert "17/18" in out
    line = next(t for t in out.splitlines() if "123.25" in t)
    reference = outcomes[0].rows[0].reference
    assert all(text in line.split() for text in ("missed", reference.value, reference.tolerance))
    assert "123.25" in page.read_text("utf-8")
    assert commands.run(["ibsi", "-c", "2.A", "--format", "csv"]) == 1
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert list(rows[0]) == COLUMNS
    assert [r["feature"] for r in rows if r["verdict"] == "miss"] == [reference.feature]


def test_another_tool_s_table_names_the_tests_in_a_column(cli, answered, tmp_path) -> None:
    path = tmp_path / "values.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["configuration", "family", "feature", "value"])
        for test, rows in answered.items():
            writer.writerows([test, r["family"], r["feature"], r["value"]] for r in rows)
    done = cli("ibsi", "check", path)
    assert done.returncode == 0, done.stderr
    assert "IBSI 2, phase 2: 323 of 323 reference values matched" in done.stdout
    one = cli("ibsi", "check", path, "-c", "2.A")
    assert "IBSI 2, phase 2: 18 of 18 reference values matched" in one.stdout
    wrong = cli("ibsi", "check", path, "-c", "3.a.1")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "no configuration '3.a.1'" in wrong.stderr


def test_what_ferromics_does_not_compute_it_misses() -> None:
    """Another tool's file may lack values; a run of ours may not."""
    assert suite.judged("2.A", [], settings="ibsi2:A").missed
    assert not suite.judged("2.A", []).missed


def test_a_value_without_consensus_is_no_miss() -> None:
    rows = compliance.ibsi2_references(standardised_only=False)
    (without,) = [r for r in rows if r.value is None]
    assert without.judge(1.0) == without.judge(None) == "no reference"
    assert record(Judgement(without, 1.0, without.judge(1.0)))["reference"] is None


def test_words_of_a_filter_leave_nothing_out() -> None:
    for test in compliance.map_tests():
        words = suite.filter_words(test.filter)
        shown = {k: v for k, v in test.filter.items() if k not in ("type", "boundary")}
        values = [v for value in shown.values() for v in np.atleast_1d(value) if v is not True]
        assert all(str(v) in words for v in values if str(v) != "True"), words
