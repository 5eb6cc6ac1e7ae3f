"""Tables of cases: which cases they name, what goes through with the rows, what is refused."""

import contextlib
import csv
import datetime
import io
import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ferromics as fm
from ferromics.cohort import columns
from ferromics.cohort.find import find_cases

HEADER = ["image", "mask", "case", "roi", "label"]
ROWS = [["ct.nii.gz", "gtv.nii.gz", "P1", "", ""], ["ct.nii.gz", "ctv.nii.gz", "P1", "", ""]]


def put(path, rows, delimiter=",", encoding="utf-8"):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def one_mask(tmp_path, delimiter=",", **cells):
    """The mask of a table with one row, with more cells by their columns' names."""
    rows = [["image", "mask", *cells], ["ct.nii.gz", "gtv.nii.gz", *cells.values()]]
    ((mask,),) = (c.masks for c in find_cases(put(tmp_path / "c.csv", rows, delimiter)).cases)
    return mask


def carried(tmp_path, texts, delimiter=","):
    """Type and values of a column that goes through."""
    rows = [["image", "mask", "x"], *(["ct.nii", f"{k}.nii", t] for k, t in enumerate(texts))]
    cohort = find_cases(put(tmp_path / "c.csv", rows, delimiter))
    return cohort.carried["x"], [m.carried["x"] for case in cohort.cases for m in case.masks]


def refused(tmp_path, rows, delimiter=","):
    with pytest.raises(fm.InputError) as told:
        find_cases(put(tmp_path / "c.csv", rows, delimiter))
    text = str(told.value)
    assert text.startswith(str(tmp_path / "c.csv"))
    assert "\n" not in text
    return text


def test_rows_with_the_same_image_are_one_case_and_share_its_reading(tmp_path):
    rows = [HEADER, *ROWS, ["b/ct.nii.gz", "b/gtv.nii.gz", "P2", "tumour", "2"]]
    cohort = find_cases(put(tmp_path / "c.csv", rows))
    first, second = cohort.cases
    assert first.image == str(tmp_path / "ct.nii.gz")
    assert [m.source for m in first.masks] == [
        str(tmp_path / f"{n}.nii.gz") for n in ("gtv", "ctv")
    ]
    assert (first.name, second.name) == ("P1", "P2")
    assert (second.masks[0].roi, second.masks[0].label) == ("tumour", 2)
    assert cohort.folder == tmp_path
    assert cohort.origin == str(tmp_path / "c.csv")


def test_rows_of_one_mask_with_other_labels_are_regions_of_their_own(tmp_path):
    rows = [HEADER, *(["ct.nii", "seg.nii", "P1", roi, v] for roi, v in (("a", "1"), ("b", "2")))]
    (case,) = find_cases(put(tmp_path / "c.csv", rows)).cases
    assert [(m.roi, m.label) for m in case.masks] == [("a", 1), ("b", 2)]


def test_one_image_with_two_settings_is_two_cases(tmp_path):
    rows = [
        ["image", "mask", "settings"],
        *(["ct.nii", "m.nii", s] for s in ("ct", "ibsi:A", "ct")),
    ]
    rows[3][1] = "n.nii"
    ct, ibsi = find_cases(put(tmp_path / "c.csv", rows)).cases
    assert len(ct.masks) == 2
    assert (ct.settings, ibsi.settings) == (fm.Settings.preset("ct"), fm.Settings.preset("ibsi:A"))


def test_settings_are_files_from_the_table_on_or_presets(tmp_path):
    (tmp_path / "own.yaml").write_text("features: [stat]\n")
    rows = [["image", "mask", "settings"], ["ct.nii", "m.nii", "own.yaml"]]
    (case,) = find_cases(put(tmp_path / "c.csv", rows)).cases
    assert case.settings == fm.Settings(features=["stat"])


@pytest.mark.parametrize(
    ("text", "told"),
    [("own.yaml", "row 2: no settings file"), ("cd", "row 2: preset 'cd' is not known")],
)
def test_settings_that_do_not_exist_are_told_with_their_row(tmp_path, text, told):
    rows = [["image", "mask", "settings"], ["ct.nii", "m.nii", text]]
    with pytest.raises((fm.SettingsError, FileNotFoundError), match=told):
        find_cases(put(tmp_path / "c.csv", rows))


def test_settings_that_are_not_allowed_are_told_with_their_row(tmp_path):
    (tmp_path / "own.yaml").write_text("features: [gclm]\n")
    rows = [["image", "mask", "settings"], ["ct.nii", "m.nii", "own.yaml"]]
    with pytest.raises(fm.SettingsError, match=r"row 2: .*own\.yaml.*did you mean 'glcm'"):
        find_cases(put(tmp_path / "c.csv", rows))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_tables_of_spreadsheet_programs_are_read(tmp_path, encoding, delimiter):
    rows = [["Image", " MASK ", "Größe"], ["ct.nii", "m.nii", "groß"]]
    cohort = find_cases(put(tmp_path / "c.csv", rows, delimiter, encoding))
    assert cohort.cases[0].masks[0].carried == {"Größe": "groß"}


def test_excels_first_line_counts_in_the_numbers_of_rows(tmp_path):
    path = put(tmp_path / "c.csv", [["image", "mask"], ["ct.nii", ""]], ";")
    path.write_text("sep=;\n" + path.read_text())
    with pytest.raises(fm.InputError, match="row 3: no mask is given"):
        find_cases(path)


def test_a_line_break_within_a_cell_is_kept(tmp_path):
    assert carried(tmp_path, ["a\nb", "c"]) == ("text", ["a\nb", "c"])


def test_the_nameless_first_column_of_pandas_is_left_out(tmp_path):
    path = tmp_path / "c.csv"
    pd.DataFrame({"image": ["ct.nii"], "mask": ["m.nii"], "age": [61]}).to_csv(path)
    assert dict(find_cases(path).carried) == {"age": "integer"}


def test_paths_start_at_the_table_or_at_home_and_may_come_from_windows(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = tmp_path / "sub"
    folder.mkdir()
    rows = [["image", "mask"], ["../data\\ct.nii", "~/m.nii"], ["/abs/ct.nii", "m.nii"]]
    first, second = find_cases(put(folder / "c.csv", rows)).cases
    assert first.image == str(tmp_path / "data" / "ct.nii")
    assert first.masks[0].source == str(tmp_path / "home" / "m.nii")
    assert second.image == "/abs/ct.nii"


def test_a_relative_path_of_the_table_gives_paths_that_hold_elsewhere(tmp_path, monkeypatch):
    put(tmp_path / "c.csv", [["image", "mask"], ["ct.nii", "m.nii"]])
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    cohort = find_cases("../c.csv")
    assert cohort.cases[0].image == str(tmp_path / "ct.nii")
    assert (cohort.folder, cohort.origin) == (tmp_path, "../c.csv")


def test_cases_without_a_name_are_named_by_their_file(tmp_path):
    rows = [["image", "mask"], ["a/P1.nii.gz", "m.nii"], ["b/P2.nii.gz", "m.nii"]]
    assert [c.name for c in find_cases(put(tmp_path / "c.csv", rows)).cases] == ["P1", "P2"]


def test_cases_whose_files_are_named_alike_are_named_with_their_folder(tmp_path):
    rows = [["image", "mask"], ["P1/ct.nii.gz", "m.nii"], ["P2/ct.nii.gz", "m.nii"]]
    assert [c.name for c in find_cases(put(tmp_path / "c.csv", rows)).cases] == ["P1/ct", "P2/ct"]


@pytest.mark.parametrize(
    ("text", "label"),
    [("2", 2), ("1;2", (1, 2)), ("1,2", (1, 2)), ("1, 2, 1", (1, 2)), ("All", "all"), ("3.0", 3)],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_labels_are_a_number_several_or_all(tmp_path, text, label, delimiter):
    assert one_mask(tmp_path, delimiter, label=text).label == label


@pytest.mark.parametrize("text", ["x", "0", "1.5", "1;x", "-"])
def test_other_labels_are_refused(tmp_path, text):
    told = refused(tmp_path, [["image", "mask", "label"], ["a.nii", "b.nii", text]])
    assert f"row 2: label is {text!r}" in told


def test_a_threshold_is_read_with_a_decimal_comma_too(tmp_path):
    assert one_mask(tmp_path, ";", mask_threshold="0,5").threshold == 0.5


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ({"mask_threshold": "-1"}, "row 2: mask_threshold is '-1'"),
        ({"mask_threshold": "half"}, "row 2: mask_threshold is 'half'"),
        ({"mask_threshold": "0.5", "label": "1"}, "row 2: label and mask_threshold exclude"),
    ],
)
def test_other_thresholds_are_refused(tmp_path, cells, told):
    rows = [["image", "mask", *cells], ["a.nii", "b.nii", *cells.values()]]
    assert told in refused(tmp_path, rows)


def test_label_and_threshold_of_the_call_are_for_rows_that_give_neither(tmp_path):
    rows = [
        ["image", "mask", "label", "mask_threshold"],
        *([f"{k}.nii", "m.nii"] for k in range(3)),
    ]
    rows = [rows[0], [*rows[1], "2", ""], [*rows[2], "", "0.5"], [*rows[3], "", ""]]
    path = put(tmp_path / "c.csv", rows)
    masks = [case.masks[0] for case in find_cases(path, label=7).cases]
    assert [(m.label, m.threshold) for m in masks] == [(2, None), (None, 0.5), (7, None)]
    masks = [case.masks[0] for case in find_cases(path, mask_threshold=0.1).cases]
    assert [(m.label, m.threshold) for m in masks] == [(2, None), (None, 0.5), (None, 0.1)]
    with pytest.raises(fm.InputError, match="exclude each other"):
        find_cases(path, label=7, mask_threshold=0.1)


@pytest.mark.parametrize(
    ("texts", "kind", "values"),
    [
        (["1", "-2"], "integer", [1, -2]),
        (["00123", "45"], "text", ["00123", "45"]),
        (["1", "", "NA"], "integer", [1, None, None]),
        (["1.5", "2", "n/a", "1e-3"], "number", [1.5, 2.0, None, 0.001]),
        (["1E5", "2E7"], "text", ["1E5", "2E7"]),
        (["True", "false", ""], "boolean", [True, False, None]),
        (["yes", "no"], "text", ["yes", "no"]),
        (["NA", "FR"], "text", ["NA", "FR"]),
        (["2024-01-31"], "text", ["2024-01-31"]),
        (["", ""], "text", [None, None]),
        (["9223372036854775808"], "text", ["9223372036854775808"]),
        (["1" * 5000], "text", ["1" * 5000]),
        (["1.5e+999"], "text", ["1.5e+999"]),
    ],
)
def test_columns_that_go_through_have_the_type_of_all_their_cells(tmp_path, texts, kind, values):
    assert carried(tmp_path, texts) == (kind, values)


def test_decimal_commas_are_numbers_only_where_commas_part_no_cells(tmp_path):
    assert carried(tmp_path, ["1,5", "2"], ";") == ("number", [1.5, 2.0])
    assert carried(tmp_path, ["1,5", "x"], ";") == ("text", ["1,5", "x"])
    assert carried(tmp_path, ["1,5", "2"]) == ("text", ["1,5", "2"])


def test_parquet_keeps_its_types(tmp_path):
    path = tmp_path / "c.parquet"
    frame = pd.DataFrame(
        {
            "image": ["P1/ct.nii", "P2/ct.nii"],
            "mask": ["P1/m.nii", "P2/m.nii"],
            "case": [7, 8],
            "label": [1.0, None],
            "code": ["00123", "1"],
            "age": pd.array([61, None], "Int64"),
            "dose": [1.5, float("nan")],
            "alive": pd.array([True, None], "boolean"),
            "seen": [datetime.date(2024, 1, 31), None],
            "site": pd.Categorical(["a", "b"]),
        }
    )
    frame.to_parquet(path)
    cohort = find_cases(path)
    first, second = cohort.cases
    assert (first.name, first.masks[0].label, second.masks[0].label) == ("7", 1, None)
    assert dict(cohort.carried) == {
        "code": "text",
        "age": "integer",
        "dose": "number",
        "alive": "boolean",
        "seen": "text",
        "site": "text",
    }
    assert list(first.masks[0].carried.values()) == ["00123", 61, 1.5, True, "2024-01-31", "a"]
    assert list(second.masks[0].carried.values()) == ["1", None, None, None, None, "b"]


def test_a_table_may_be_a_list_of_objects(tmp_path):
    path = tmp_path / "c.json"
    path.write_text('[{"image": "ct.nii", "mask": "m.nii", "age": 61, "id": "007"}]')
    assert find_cases(path).cases[0].masks[0].carried == {"age": 61, "id": "007"}


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (["images", "mask"], r"no column 'image'; rename 'images' to 'image'"),
        (["image_path", "mask"], r"no column 'image'; rename 'image_path' to 'image'"),
        (["image", "Mask_Path"], r"no column 'mask'; rename 'Mask_Path' to 'mask'"),
        (["image", "segmentation"], r"no column 'mask'; rename 'segmentation' to 'mask'"),
        (["image", "maks"], r"no column 'mask'; rename 'maks' to 'mask'"),
        (["image", "age"], r"no column 'mask' \(its columns are: image, age\)"),
        (["image", "IMAGE", "mask"], r"two columns named 'image'"),
        (["image", "mask", "age", "age"], r"two columns named 'age'"),
    ],
)
def test_columns_that_are_missing_or_twice_are_told_with_their_nearest(tmp_path, header, told):
    assert re.search(told, refused(tmp_path, [header, ["a"] * len(header)]))


@pytest.mark.parametrize(
    "name",
    [
        "case_id",
        "Case_Status",
        "value",
        "Unit",
        "original_mean",
        "log-sigma2mm_stat_mean_intensity",
    ],
)
def test_names_that_the_table_of_features_needs_are_refused(tmp_path, name):
    told = refused(tmp_path, [["image", "mask", name], ["a.nii", "b.nii", "1"]])
    assert f"has {name!r}" in told
    assert "rename it" in told


def test_other_names_may_be_like_a_features(tmp_path):
    columns.check_names(["hospital_stat_code", "age", "image_2"], "the table")
    assert one_mask(tmp_path, t="1", T="T2").carried == {"t": 1, "T": "T2"}


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([["", "m.nii"], ["", "n.nii"]], "row 2: no image is given, as in 1 more"),
        ([["a.nii", "m.nii"], [], ["b.nii", ""]], "row 4: no mask is given; fill it in"),
        ([["a.nii", "m.nii", "x"]], "row 2: cell 3 ('x') has no name in the first row"),
        ([], "has no rows"),
    ],
)
def test_missing_cells_are_told_with_their_row(tmp_path, rows, told):
    assert told in refused(tmp_path, [["image", "mask"], *rows])


def test_a_row_that_is_there_twice_is_refused(tmp_path):
    told = refused(tmp_path, [HEADER, *ROWS, ROWS[0]])
    assert "row 4 asks for the same region as row 2 (case P1)" in told


def test_regions_that_would_share_a_name_must_be_named(tmp_path):
    rows = [HEADER, *(["ct.nii", f"{f}/seg.nii", "P1", "", ""] for f in "ab")]
    told = refused(tmp_path, rows)
    assert "rows 2 and 3 would both make a region 'seg' of case P1; name them" in told
    assert "column 'roi'" in told


def test_one_column_is_told_to_be_no_table(tmp_path):
    assert "image and mask must be parted" in refused(tmp_path, [["image"], ["a.nii"]])


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("ct.nii.gz", "is an image; give a table of cases"),
        ("cases.xlsx", "is a spreadsheet; save its sheet as CSV"),
        ("empty.csv", "is empty"),
        ("bad.parquet", "is not readable as Parquet"),
    ],
)
def test_files_that_are_no_table_are_refused(tmp_path, name, told):
    path = tmp_path / name
    path.write_bytes(b"" if name == "empty.csv" else b"abc")
    with pytest.raises(fm.InputError, match=told):
        find_cases(path)


def test_a_source_that_does_not_exist_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file or folder .*nowhere"):
        find_cases(tmp_path / "nowhere")


def test_patterns_are_not_for_tables(tmp_path):
    path = put(tmp_path / "c.csv", [["image", "mask"], ["a", "b"]])
    for name in ("pattern", "mask_pattern", "modality"):
        option = "--" + name.replace("_", "-")
        with pytest.raises(fm.InputError, match=f"{option}.* is for a folder"):
            find_cases(path, **{name: "{case}"})


CELLS = st.text() | st.sampled_from(
    ["1", "1,5", "1;2", "all", "a.nii", "~x/b", "", "NA", "-0", "1e9"]
)
NAMES = st.sampled_from(["case", "roi", "label", "mask_threshold", "age", "", "settings"])


@given(
    names=st.lists(NAMES | st.text(), max_size=4),
    rows=st.lists(st.lists(CELLS, max_size=7), max_size=4),
    delimiter=st.sampled_from(",;\t"),
)
def test_any_table_is_read_or_refused(tmp_path_factory, names, rows, delimiter):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, escapechar="\\").writerows(
        [["image", "mask", *names], *rows]
    )
    path.write_bytes(text.getvalue().encode("utf-8", "replace"))
    with contextlib.suppress(fm.InputError, fm.SettingsError, FileNotFoundError):
        cohort = find_cases(path)
        assert all(
            mask.carried.keys() == cohort.carried.keys() for c in cohort.cases for mask in c.masks
        )


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "bytes.csv"
    path.write_bytes(data)
    with contextlib.suppress(fm.InputError, fm.SettingsError, FileNotFoundError):
        find_cases(path)
