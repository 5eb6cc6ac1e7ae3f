"""Cells and files of tables of values: what is read, and what is refused in one clear line."""

from __future__ import annotations

import contextlib
import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ferromics as fm
from ferromics import compliance, foreign


def put(path: Path, rows: list[list[str]], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def value_of(path: Path) -> float | None:
    found = foreign.read(path, configuration="A")
    return {r["feature"]: r["value"] for r in found.records["A"]}["mean_intensity"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("13.4", 13.4),
        (" 1.34e1 ", 13.4),
        ("-1E-3", -0.001),
        ("\u22122", -2.0),
        ("nan", None),
        ("-inf", None),
        ("1e999", None),
    ],
)
def test_numbers_are_read_to_the_digit(tmp_path: Path, text: str, value: float | None) -> None:
    assert value_of(put(tmp_path / "v.csv", [["stat_mean", "stat_var"], [text, "1"]])) == value


@pytest.mark.parametrize(
    ("text", "value"), [("13,4", 13.4), ("1.234,5", 1234.5), ("1,5E+3", 1500.0), ("13.4", 13.4)]
)
@pytest.mark.parametrize("delimiter", [";", "\t"])
@pytest.mark.parametrize("header", [True, False])
def test_decimal_commas_are_read(
    tmp_path: Path, text: str, value: float, delimiter: str, header: bool
) -> None:
    rows = [["Merkmal", "Wert"]] * header + [["stat_mean", text], ["stat_var", "1,5"]]
    assert value_of(put(tmp_path / "v.csv", rows, delimiter)) == value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_of_spreadsheet_programs_are_read(tmp_path: Path, encoding: str) -> None:
    rows = [["Größe", "value"], ["stat_mean", "13.4"], ["stat_var", "1"]]
    assert value_of(put(tmp_path / "v.csv", rows, "\t", encoding)) == 13.4


def test_lines_above_the_table_are_skipped(tmp_path: Path) -> None:
    rows = [["Results of the phantom", ""], ["", ""], ["tag", "value"], ["stat_mean", "13.4"]]
    path = put(tmp_path / "v.csv", rows, ";")
    path.write_text("sep=;\n" + path.read_text())
    assert value_of(path) == 13.4


def test_the_names_beside_may_have_a_column_for_each_configuration(tmp_path: Path) -> None:
    rows = [["", "config A", "Digital Phantom"], ["stat_mean", "1", "2"], ["stat_var", "3", ""]]
    found = foreign.read(put(tmp_path / "v.csv", rows))
    assert {c: len(r) for c, r in found.records.items()} == {"digital_phantom": 1, "A": 2}
    assert found.unmapped == (("stat_var", "empty (row 3, column Digital Phantom)"),)


def test_objects_by_configuration_are_read(tmp_path: Path) -> None:
    path = tmp_path / "v.json"
    path.write_text('{"A": {"stat_mean": 13.4}, "B": {"stat_mean": 11.5}}')
    assert {c: r[0]["value"] for c, r in foreign.read(path).records.items()} == {
        "A": 13.4,
        "B": 11.5,
    }


def test_an_empty_cell_is_not_there_and_a_column_that_is_no_feature_is_named(
    tmp_path: Path,
) -> None:
    rows = [["id", "stat_mean", "stat_var", "volume"], ["p1", "13.4", "", "7"]]
    found = foreign.read(put(tmp_path / "v.csv", rows), configuration="A")
    assert len(found.records["A"]) == 1
    assert found.unmapped == (
        ("volume", "no name in IBSI spreadsheet tags"),
        ("stat_var", "empty (row 2, column stat_var)"),
    )


def test_our_own_wide_tables_of_several_configurations_are_read(tmp_path: Path) -> None:
    name = "original_ih_mean_discretised_intensity"
    rows = [
        ["case", "roi", f"{name}_fbs25", f"{name}_fbn32", "original_stat_mean_intensity"],
        ["A", "gtv", "20.5", "", "13.4"],
        ["B", "gtv", "", "17", ""],
    ]
    found = foreign.read(put(tmp_path / "v.csv", rows))
    assert found.unmapped == ()
    by_feature = {c: {r["feature"]: r["value"] for r in v} for c, v in found.records.items()}
    assert by_feature == {
        "A": {"mean_discretised_intensity": 20.5, "mean_intensity": 13.4},
        "B": {"mean_discretised_intensity": 17.0, "mean_intensity": None},
    }


def test_a_column_for_each_discretisation_is_no_gap(tmp_path: Path) -> None:
    rows = [
        ["", "image_settings_id", "ih_mean_fbs_w25.0", "ih_mean_fbn_n32", "ih_var_fbn_n32"],
        ["0", "A", "20.5", "", ""],
        ["1", "B", "", "17", "2"],
    ]
    found = foreign.read(put(tmp_path / "v.csv", rows))
    assert {c: len(r) for c, r in found.records.items()} == {"A": 1, "B": 2}
    assert found.unmapped == (("ih_var_fbn_n32", "empty (row 2, column ih_var_fbn_n32)"),)


def test_the_same_value_twice_is_one_value(tmp_path: Path) -> None:
    rows = [["tag", "value"], ["stat_mean", "2"], ["stat_mean", "2.0"]]
    assert len(foreign.read(put(tmp_path / "v.csv", rows), configuration="A").records["A"]) == 1


def test_a_letter_in_a_later_column_is_no_configuration(tmp_path: Path) -> None:
    rows = [["id", "group", "stat_mean"], ["p1", "B", "13.4"]]
    path = put(tmp_path / "v.csv", rows)
    with pytest.raises(fm.InputError, match="pass --configuration"):
        foreign.read(path)
    assert value_of(path) == 13.4
    rows = [["", "case", "stat_mean"], ["0", "B", "11.5"]]
    assert list(foreign.read(put(path, rows)).records) == ["B"]


ERRORS = {
    "stat_mean,stat_var\n13.4,1\n": "pass --configuration with one of digital_phantom, A, B",
    "config,stat_mean\nmine,13.4\n": r"\(it says mine\); pass --configuration",
    "sample_name,stat_mean\nphantom,13.4\n": "pass --configuration",  # it may be the CT phantom
    "id,stat_mean\np1,1\np2,2\n": "2 rows .* keep one row, or add a column 'configuration'",
    "configuration,stat_mean\nA,abc\n": "row 2, column stat_mean: stat_mean is 'abc'; a number",
    "tag,A\nstat_mean,12 mm\nstat_var,1\n": "row 2, column A: stat_mean is '12 mm'",
    "tag,A\nstat_mean,1\nstat_var,3\nstat_mean,2\n": r"two values .* \(row 2, .* \(row 4, column A",
    "configuration,stat_mean\nA,1\nA,2\n": "two values for stat mean_intensity of A",
    "configuration,stat_mean\nA,\n": "no value that could be judged; stat_mean: empty",
    "configuration,square_stat_mean\nA,1\n": "could be judged; square_stat_mean: it is of a filt",
    "stat_mean\n13.4\n": "one column",
    "": "is empty",
    " \n\n": "is empty",
    "name,age\nAnna,40\n": "no name of a feature in .*MIRP.*; its first row is: name, age",
    "tag,mine,theirs\nstat_mean,1,2\nstat_var,1,2\n": r"which column .* \(mine, theirs\)",
    "tag,mine,theirs\nstat_mean,x,y\n": r"which column holds the values \(mine, theirs\)",
    "PK\x03\x04\x00": "spreadsheet; save its sheet as CSV",
    "\x00\x01\x02": "is not text",
}


@pytest.mark.parametrize("text", ERRORS)
def test_a_table_that_cannot_be_read_is_one_clear_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "values.csv"
    path.write_text(text)
    with pytest.raises(fm.InputError, match=ERRORS[text]) as error:
        foreign.read(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("v.json", "{", "line 1: not readable as JSON"),
        ("v.json", "[1, 2]", "expected a list of objects"),
        ("v.json", "[]", "expected a list of objects"),
        ("v.xlsx", "anything", "spreadsheet; save its sheet as CSV"),
        ("v.parquet", "anything", "not readable as Parquet"),
        ("v.csv", '"' + "x" * 200_000, "not readable as CSV"),
    ],
)
def test_a_broken_file_is_one_clear_line(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(fm.InputError, match=message):
        foreign.read(path)


def test_what_is_no_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(fm.InputError, match="is a folder"):
        foreign.read(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no file .*nowhere\.csv"):
        foreign.read(tmp_path / "nowhere.csv")


def test_a_tool_or_configuration_that_is_not_known_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path / "v.csv", [["configuration", "stat_mean"], ["A", "1"]])
    with pytest.raises(fm.InputError, match="did you mean 'pyradiomics'"):
        foreign.read(path, tool="radiomics")
    with pytest.raises(fm.InputError, match="there are digital_phantom, A, B"):
        foreign.read(path, configuration="F")
    with pytest.raises(fm.InputError, match="values of A, not of B"):
        foreign.read(path, configuration="B")
    with pytest.raises(fm.InputError, match="no name of a feature in PyRadiomics"):
        foreign.read(path, tool="PyRadiomics")
    assert foreign.read(path, tool="MIRP", configuration="ibsi:A").tool == "MIRP"


TEXTS = st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(
    [
        "stat_mean",
        "tag",
        "value",
        "A",
        "1,5",
        "nan",
        "original_glcm_Id",
        "family",
        "feature",
        "stat",
    ]
)


@given(
    rows=st.lists(st.lists(TEXTS, min_size=1, max_size=5), max_size=5),
    delimiter=st.sampled_from([",", ";", "\t"]),
)
def test_no_text_leads_to_another_error(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], delimiter: str
) -> None:
    path = put(tmp_path_factory.mktemp("any") / "v.csv", rows, delimiter)
    with contextlib.suppress(fm.InputError):
        found = foreign.read(path, configuration="A")
        compliance.compare(found.records["A"], "A")
