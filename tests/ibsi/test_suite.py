"""`ferromics ibsi` and `ferromics ibsi check`, as a user runs them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

import ferromics as fm
from ferromics import cli as commands
from ferromics import compliance, names, suite
from ferromics.compliance import Judgement
from ferromics.report import Report
from ferromics.report_html import to_html

COUNTS = {"digital_phantom": 482, "A": 346, "B": 346, "C": 210, "D": 210, "E": 210}


@pytest.fixture(scope="session")
def run_of_all(cli, ibsi_data, tmp_path_factory):
    page = tmp_path_factory.mktemp("report") / "report.html"
    done = cli("ibsi", "--data", ibsi_data, "--format", "json", "--report", page)
    return done, page.read_text("utf-8")


def test_every_reference_and_every_diagnostic_value_matches(run_of_all) -> None:
    done, _ = run_of_all
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    found = {c["configuration"]: c for c in document["configurations"]}
    assert {name: c["counts"]["match"] for name, c in found.items()} == COUNTS
    assert document["counts"] == {
        "match": 1804,
        "partial": 0,
        "miss": 0,
        "absent": 0,
        "no reference": 30,
    }
    steps = {name: c["diagnostic_counts"]["match"] for name, c in found.items()}
    assert steps == {"digital_phantom": 0, **dict.fromkeys("ABCDE", 60)}
    assert {c["settings"] for c in found.values()} == {
        "ibsi:phantom",
        *(f"ibsi:{x}" for x in "ABCDE"),
    }


DIAGNOSTICS = compliance.diagnostics()


@pytest.fixture(scope="session")
def outcomes(ibsi_data):
    return {c: suite.run(c, ibsi_data) for c in "ABCDE"}


def test_there_are_300_diagnostic_values() -> None:
    assert Counter(r.configuration for r in DIAGNOSTICS) == dict.fromkeys("ABCDE", 60)


@pytest.mark.parametrize("reference", DIAGNOSTICS, ids=lambda r: f"{r.configuration}-{r.feature}")
def test_diagnostic_value_matches_its_reference(reference, outcomes) -> None:
    rows = outcomes[reference.configuration].diagnostics
    row = next(row for row in rows if row.reference == reference)
    assert row.verdict == "match", f"{row.value!r} for {reference.value} +- {reference.tolerance}"


def test_the_page_stands_alone_and_holds_every_value(run_of_all) -> None:
    _, page = run_of_all
    assert "1,804 of 1,804 reference values matched" in page
    assert "300 of 300 matched" in page
    assert not re.search(r"<script|<link|@import|url\(|src=", page)
    assert 'name="viewport"' in page
    assert "@media print" in page
    assert page.count("<details") >= 6
    assert page.count("TU9B") == len([r for r in compliance.references() if r.ibsi == "TU9B"])


def test_the_page_escapes_what_a_file_says() -> None:
    bad = "<script>alert('1 & 2')</script>"
    page = to_html(
        Report(
            tool=bad,
            outcomes=(replace(suite.run("digital_phantom"), settings=bad, notes=(bad,)),),
            source=bad,
            not_run=(("E", bad),),
            unmapped=((bad, bad),),
            notes=((bad, bad),),
        )
    )
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(&#x27;1 &amp; 2&#x27;)&lt;/script&gt;") >= 10


def test_the_digital_phantom_needs_no_data(cli, tmp_path) -> None:
    nowhere = {"XDG_CACHE_HOME": str(tmp_path), "FERROMICS_IBSI_DATA": ""}
    done = cli("ibsi", "--only", "phantom", "--format", "csv", env=nowhere)
    assert (done.returncode, done.stderr) == (0, "")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert Counter(row["verdict"] for row in rows) == {"match": 482, "no reference": 5}


def test_what_cannot_run_is_said_with_the_way_to_get_it(cli, tmp_path) -> None:
    nowhere = {"XDG_CACHE_HOME": str(tmp_path), "FERROMICS_IBSI_DATA": ""}
    done = cli("ibsi", env=nowhere)
    assert done.returncode == 2
    assert "482 of 482 reference values matched" in done.stdout
    assert "not run: configurations A, B, C, D, E" in done.stderr
    assert "ferromics ibsi --download" in done.stderr
    done = cli("ibsi", "-c", "B", env=nowhere)
    assert (done.returncode, done.stdout) == (2, "")
    assert "ferromics ibsi --download" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "nowhere"], "does not hold IBSI's data"),
        (["--only", "F"], "no configuration 'F'; there are phantom, A, B, C, D, E"),
        (["--only", "phantom", "--report", "page.pdf"], "must end in .html"),
        (["--only", "phantom", "--report", "no/such/page.html"], "no folder no"),
        (["check", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_a_mistake_gets_one_line(cli, tmp_path, arguments, message) -> None:
    done = cli("ibsi", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def altered(outcome: suite.Outcome, features: dict[str, float]) -> suite.Outcome:
    """The outcome with other values of some features, judged again."""

    def judged(rows: tuple[Judgement, ...]) -> tuple[Judgement, ...]:
        out = []
        for row in rows:
            r = row.reference
            if r.feature in features and r.value is not None:
                value = features[r.feature]
                verdict = fm.judge(value, r.value, r.tolerance or "0")
                row = replace(row, value=value, verdict=verdict)
            out.append(row)
        return tuple(out)

    return replace(outcome, rows=judged(outcome.rows), diagnostics=judged(outcome.diagnostics))


@pytest.fixture
def wrong(monkeypatch, outcomes, ibsi_data):
    """Configuration C with a mean that misses, and one step before it that is wrong."""
    monkeypatch.setenv("FERROMICS_IBSI_DATA", str(ibsi_data))
    features = {"mean_intensity": -12.5, "interpolated_roi_intensity_mask_voxel_count": 40000}
    bad = altered(outcomes["C"], features)
    monkeypatch.setattr(suite, "run", lambda *_: bad)


def test_a_miss_is_listed_with_value_reference_and_tolerance_and_its_steps_first(
    wrong, capsys
) -> None:
    assert commands.run(["ibsi", "-c", "C"]) == 1
    out = capsys.readouterr().out
    step, miss = (
        out.index("interpolated_roi_intensity_mask_voxel_count"),
        out.index("mean_intensity  "),
    )
    assert step < miss
    line = next(t for t in out.splitlines() if "missed" in t and " mean_intensity " in t)
    reference = next(
        r
        for r in compliance.references()
        if r.configuration == "C" and r.feature == "mean_intensity"
    )
    assert all(text in line.split() for text in ("-12.5", reference.value, reference.tolerance))
    assert "209 of 210 reference values matched, 1 missed" in out


def test_csv_json_and_the_page_tell_of_a_miss_too(wrong, capsys, tmp_path) -> None:
    page = tmp_path / "page.html"
    assert commands.run(["ibsi", "-c", "C", "--format", "json", "--report", str(page)]) == 1
    found = json.loads(capsys.readouterr().out)["configurations"][0]
    assert [r["feature"] for r in found["missed"]] == ["mean_intensity"]
    steps = [r["feature"] for r in found["diagnostics_not_matched"]]
    assert steps == ["interpolated_roi_intensity_mask_voxel_count"]
    text = page.read_text("utf-8")
    assert text.index("First of all") < text.index("40000") < text.index("-12.5")
    assert commands.run(["ibsi", "-c", "C", "--format", "csv"]) == 1
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [r["verdict"] for r in rows if r["feature"] == "mean_intensity"] == ["miss"]


def long_table(cli, phantom: tuple[Path, Path], path: Path) -> Path:
    done = cli("extract", *phantom, "--settings", "ibsi:phantom", "--format", "long", "-o", path)
    assert done.returncode == 0, done.stderr
    return path


def test_our_own_table_is_judged_like_any_other(cli, tmp_path) -> None:
    path = long_table(cli, compliance.write_phantom(tmp_path), tmp_path / "phantom.csv")
    done = cli("ibsi", "check", path, "--configuration", "phantom")
    assert (done.returncode, done.stderr) == (0, "")
    assert "482 of 482 reference values matched" in done.stdout
    spoilt = tmp_path / "spoilt.csv"
    spoilt.write_text(re.sub(r"(,mean_intensity,.*,)2\.1\d+", r"\g<1>2.5", path.read_text()))
    done = cli("ibsi", "check", spoilt, "-c", "phantom", "--report", tmp_path / "spoilt.html")
    assert done.returncode == 1
    assert "1 missed" in done.stdout
    assert "spoilt.csv" in (tmp_path / "spoilt.html").read_text("utf-8")


@pytest.mark.parametrize("tool", ["mirp", "tags", "pyradiomics"])
def test_a_table_in_another_tool_s_names_gets_the_same_report(cli, tmp_path, tool) -> None:
    references = [r for r in compliance.references() if r.configuration == "digital_phantom"]
    named = {
        names.from_catalogue(tool, r.family, r.feature, r.aggregation): r.value for r in references
    }
    named = {name: value for name, value in named.items() if name and value}
    if tool == "pyradiomics":
        named = {k: v for k, v in named.items() if "Kurtosis" not in k}  # converted: not as printed
    named["my_own_feature"] = "7"
    path = tmp_path / "values.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([named, named.values()])
    done = cli("ibsi", "check", path, "-c", "phantom", "--tool", tool)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(named) - 1} of 482 reference values matched" in done.stdout
    assert "missed" not in done.stdout.splitlines()[-1]
    assert "my_own_feature" in done.stdout


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_table_with_columns_named_like_ours_but_other_names_in_them_is_read(
    cli, tmp_path
) -> None:
    header = "configuration,family,feature,value"
    path = written(
        tmp_path / "f.csv", header, "A,statistics,stat_mean,13.4", "B,statistics,stat_mean,11.5"
    )
    done = cli("ibsi", "check", path)
    assert done.returncode == 0, done.stderr
    assert "2 of 692 reference values matched" in done.stdout


def test_a_guessed_configuration_is_told_and_yields_to_the_user_s(cli, tmp_path) -> None:
    two = written(tmp_path / "two.csv", "case,stat_mean", "A,13.4", "B,11.5")
    done = cli("ibsi", "check", two)
    assert "labels A, B: taken for IBSI's configurations" in done.stdout
    one = written(tmp_path / "one.csv", "id,stat_mean", "B,13.4")
    done = cli("ibsi", "check", one, "-c", "A")
    assert done.returncode == 0, done.stderr
    assert "1 of 346 reference values matched" in done.stdout
    told = written(tmp_path / "told.csv", "configuration,stat_mean", "B,13.4")
    done = cli("ibsi", "check", told, "-c", "A")
    assert (done.returncode, done.stdout) == (2, "")
    assert "holds values of B, not of A" in done.stderr


@pytest.mark.parametrize("name", ["phantom", "ibsi:phantom", "digital_phantom", "Digital Phantom"])
def test_a_configuration_has_the_same_names_everywhere(cli, tmp_path, name) -> None:
    told = written(tmp_path / "told.csv", "configuration,stat_mean", f"{name},2.15")
    plain = written(tmp_path / "plain.csv", "tag,value", "stat_mean,2.15")
    for arguments in (["check", told], ["check", plain, "-c", name]):
        done = cli("ibsi", *arguments)
        assert "1 of 482 reference values matched" in done.stdout, done.stderr
    assert suite.chosen([name]) == ("digital_phantom",)


def test_a_miss_in_the_diagnostics_alone_is_called_a_miss(cli, tmp_path) -> None:
    path = written(tmp_path / "d.csv", "tag,A", "stat_mean,13.4", "img_dim_x_init_img,200")
    done = cli("ibsi", "check", path)
    assert done.returncode == 1
    assert "0 of 60 matched, 1 missed, 59 absent" in done.stdout.splitlines()[-1]
    document = json.loads(cli("ibsi", "check", path, "--format", "json").stdout)
    assert document["diagnostic_counts"]["miss"] == 1


def test_data_that_are_not_ibsi_s_are_marked_on_the_report(
    monkeypatch, outcomes, ibsi_data, tmp_path, capsys
) -> None:
    monkeypatch.setenv("FERROMICS_IBSI_DATA", str(ibsi_data))
    changed = replace(outcomes["C"], notes=("phantom.nii.gz is not as IBSI published it",))
    monkeypatch.setattr(suite, "run", lambda *_: changed)
    page = tmp_path / "page.html"
    assert commands.run(["ibsi", "-c", "C", "--report", str(page)]) == 0
    assert "Configuration C: phantom.nii.gz is not as IBSI published it" in capsys.readouterr().out
    text = page.read_text("utf-8")
    assert text.index("not as IBSI published it") < text.index("by configuration and family")


def test_a_file_that_differs_from_the_published_one_is_found(ibsi_data, tmp_path) -> None:
    from ferromics import ibsi_data as module

    image, mask = module.ct_phantom(ibsi_data)
    for path in (image, mask):
        copy = tmp_path / path.relative_to(ibsi_data)
        copy.parent.mkdir(parents=True)
        copy.write_bytes(path.read_bytes() + (b"x" if path == mask else b""))
    assert module.differing(tmp_path, module.CT_PHANTOM) == [tmp_path / mask.relative_to(ibsi_data)]


def test_json_with_two_values_for_one_name_is_refused(cli, tmp_path) -> None:
    path = written(tmp_path / "two.json", '[{"stat_mean": 1, "stat_mean": 2.15}]')
    done = cli("ibsi", "check", path, "-c", "phantom")
    assert (done.returncode, done.stdout) == (2, "")
    assert "two values for stat_mean: 1 and 2.15" in done.stderr


def test_a_misspelt_tag_gets_the_nearest_one(cli, tmp_path) -> None:
    path = written(tmp_path / "tags.csv", "tag,A", "stat_mean,13.4", "stat_maen,13.4")
    assert (
        "stat_maen: no tag of IBSI's; did you mean stat_mean?" in cli("ibsi", "check", path).stdout
    )


def test_ibsi_2_has_323_values_under_names_of_the_catalogue() -> None:
    rows = compliance.ibsi2_references()
    assert len(rows) == 323
    assert len(compliance.ibsi2_references(standardised_only=False)) == 324
    known = {(r["family"], r["name"], r["ibsi"]) for r in fm.catalogue()}
    assert {(r.family, r.feature, r.ibsi) for r in rows} <= known
    assert {r.configuration for r in rows} == {f"{n}.{c}" for n in range(1, 10) for c in "AB"}
