"""Tables that other tools write are read to the keys of the reference values."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from pathlib import Path

import pytest

import ferromics as fm
from ferromics import _writers, compliance, foreign, names, table

CONFIGURATIONS = compliance.configurations()
REFERENCES = compliance.references(standardised_only=False)
CODES = {"A": "fbs_w25.0", "B": "fbn_n32", "C": "fbs_w25.0", "D": "fbn_n32", "E": "fbn_n32"}


def of(configuration: str) -> dict[tuple[str, str, str], str]:
    """Reference values of a configuration; 1 for features that have none."""
    return {
        (r.family, r.feature, r.aggregation): r.value or "1"
        for r in REFERENCES
        if r.configuration == configuration
    }


def under(tool: str, configuration: str) -> dict[str, str]:
    """Reference values under the names of a tool, where it has them."""
    out = {}
    for key, value in of(configuration).items():
        name = names.from_catalogue(tool, *key)
        if name:
            out[name] = value
    return out


def put(path: Path, rows: list[list[str]], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def wide(path: Path, values: dict[str, str], **others: str) -> Path:
    return put(path, [[*others, *values], [*others.values(), *values.values()]])


def verdicts(found: foreign.Foreign, configuration: str) -> Counter[str]:
    rows = compliance.compare(found.records[configuration], configuration)
    return Counter(row.verdict for row in rows)


def keys(found: foreign.Foreign, configuration: str) -> set[tuple[str, str, str]]:
    records = found.records[configuration]
    return {(r["family"], r["feature"], r["aggregation"]) for r in records}


# --- every reference value under the names of each tool ------------------------------------------


def test_all_1834_values_of_the_spreadsheet_are_recognised_by_tag(tmp_path: Path) -> None:
    tags = {c: under("tags", c) for c in CONFIGURATIONS}
    assert sum(map(len, tags.values())) == 1834
    every = list(dict.fromkeys(tag for values in tags.values() for tag in values))
    rows = [[tag, *(tags[c].get(tag, "") for c in CONFIGURATIONS)] for tag in every]
    found = foreign.read(put(tmp_path / "tags.csv", [["tag", *CONFIGURATIONS], *rows]))
    assert (found.tool, found.unmapped, found.notes) == ("IBSI spreadsheet tags", (), ())
    assert list(found.records) == list(CONFIGURATIONS)
    for configuration in CONFIGURATIONS:
        assert keys(found, configuration) == set(of(configuration))
        assert set(verdicts(found, configuration)) == {"match", "no reference"}


def test_all_300_diagnostic_values_are_recognised_by_tag(tmp_path: Path) -> None:
    tags = names.diagnostic_tags()
    rows = [[tag, *"12345"] for tag in tags]
    found = foreign.read(put(tmp_path / "tags.csv", [["tag", *"ABCDE"], *rows]))
    for value, configuration in enumerate("ABCDE", start=1):
        assert keys(found, configuration) == {("diag", f, "") for f in tags.values()}
        assert {r["value"] for r in found.records[configuration]} == {float(value)}


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_the_sheet_of_a_configuration_saved_as_csv_is_read(
    tmp_path: Path, configuration: str
) -> None:
    header = ["dataset", "family", "feature", "consensus", "reference value", "tolerance"]
    header += ["your result", "difference", "check", "tag"]
    dataset = f"configuration {configuration}" if len(configuration) == 1 else "digital phantom"
    rows = [
        [dataset, "Morphology", "A feature", "≥ 10", "9", "4", value, "0", "match", tag]
        for tag, value in under("tags", configuration).items()
    ]
    sheet = put(tmp_path / "sheet.csv", [header, *rows])
    assert set(verdicts(foreign.read(sheet), configuration)) == {"match", "no reference"}


@pytest.mark.parametrize("tool", ["mirp", "ferromics"])
def test_a_wide_table_with_a_row_a_configuration_is_read(tmp_path: Path, tool: str) -> None:
    values = {c: under(tool, c) for c in CONFIGURATIONS}
    every = list(dict.fromkeys(name for v in values.values() for name in v))
    rows = [["p1", c, *(values[c].get(name, "") for name in every)] for c in CONFIGURATIONS]
    path = put(tmp_path / "wide.csv", [["sample_name", "configuration", *every], *rows])
    found = foreign.read(path)
    assert found.tool == names.TOOLS[tool]
    assert found.unmapped == ()
    for configuration in CONFIGURATIONS:
        assert set(verdicts(found, configuration)) == {"match", "no reference"}
    one = foreign.read(path, configuration="C")
    assert list(one.records) == ["C"]


@pytest.mark.parametrize("configuration", "ABCDE")
def test_mirp_s_names_with_the_discretisation_are_read(tmp_path: Path, configuration: str) -> None:
    code = CODES[configuration]
    plain = ("morph", "loc", "stat", "ivh")
    values = {
        name if name.startswith(plain) else f"{name}_{code}": value
        for name, value in under("mirp", configuration).items()
    }
    path = wide(tmp_path / "mirp.csv", values, sample_name="phantom", image_rotation_angle="0.0")
    found = foreign.read(path, configuration=configuration)
    assert (found.tool, found.unmapped) == ("MIRP", ())
    assert set(verdicts(found, configuration)) == {"match", "no reference"}


@pytest.mark.parametrize("form", ["wide.csv", "long.csv", "wide.json", "long.json", "series.csv"])
def test_every_table_of_pictologics_is_read(tmp_path: Path, form: str) -> None:
    values, path = under("pictologics", "C"), tmp_path / form
    records = [{"config": "C", "feature_key": k, "value": float(v)} for k, v in values.items()]
    if form == "wide.csv":
        wide(path, {f"C__{k}": v for k, v in values.items()}, subject="p1")
    elif form == "long.csv":
        put(path, [list(records[0]), *([str(v) for v in r.values()] for r in records)])
    elif form == "wide.json":
        path.write_text(json.dumps([{f"C__{k}": float(v) for k, v in values.items()}]))
    elif form == "long.json":
        path.write_text(json.dumps(records))
    else:
        put(path, [["", "0"], *([k, v] for k, v in values.items())])
    found = foreign.read(path, configuration="C" if form == "series.csv" else None)
    assert (found.tool, found.unmapped) == ("pictologics", ())
    assert len(found.records["C"]) == 174
    assert set(verdicts(found, "C")) == {"match", "absent", "no reference"}
    assert verdicts(found, "C")["match"] == 169


def pyradiomics(configuration: str, *, force2d: bool | None = None) -> dict[str, str]:
    """A column for each of PyRadiomics' values; the kurtosis as it defines it."""
    values = {}
    for key, value in of(configuration).items():
        match key[2]:
            case "3d_averaged" | "3d" | "":
                name = names.from_catalogue("pyradiomics", *key)
            case "2.5d_direction_merged" if force2d:
                name = names.from_catalogue("pyradiomics", *key[:2], "3d_averaged")
            case "2.5d" if force2d:
                name = names.from_catalogue("pyradiomics", *key[:2], "3d")
            case _:
                continue
        if name:
            values[name] = value
    kurtosis = "original_firstorder_Kurtosis"
    values[kurtosis] = str(float(values[kurtosis]) + 3)
    return values


def test_the_command_line_table_of_pyradiomics_is_read(tmp_path: Path) -> None:
    values = pyradiomics("C")
    assert len(values) == 108
    values |= {
        "diagnostics_Versions_PyRadiomics": "3.1.0",
        "diagnostics_Configuration_Settings": "{'binWidth': 25, 'force2D': False}",
        "diagnostics_Image-original_Mean": "-266.5",
        "diagnostics_Image-original_Size": "(204, 201, 60)",
        "diagnostics_Mask-original_BoundingBox": "(51, 52, 17, 100, 99, 26)",
        "diagnostics_Mask-original_VolumeNum": "1",
        "diagnostics_Image-interpolated_Size": "(110, 109, 40)",
        "original_glcm_MCC": "0.9",
        "original_shape_Maximum2DDiameterSlice": "100",
        "wavelet-LLH_firstorder_Mean": "0.1",
    }
    path = wide(tmp_path / "py.csv", values, Image="ct.nii.gz", Mask="gtv.nii.gz")
    found = foreign.read(path, configuration="C")
    assert found.tool == "PyRadiomics"
    assert dict(found.unmapped) == {
        "original_glcm_MCC": "the maximal correlation coefficient: IBSI has no such feature",
        "original_shape_Maximum2DDiameterSlice": "IBSI has no diameter within a plane",
        "wavelet-LLH_firstorder_Mean": "it is of a filtered image (wavelet-LLH)",
        "diagnostics_Image-interpolated_Size": (
            "it is of the part of the image near the region only"
        ),
    }
    assert [name for name, _ in found.notes] == ["original_firstorder_Kurtosis"]
    assert set(verdicts(found, "C")) <= {"match", "absent", "no reference"}
    by_feature = {r["feature"]: r["value"] for r in found.records["C"] if r["family"] == "diag"}
    assert by_feature == {
        "initial_image_mean_intensity": -266.5,
        "initial_image_dimension_x": 204.0,
        "initial_image_dimension_y": 201.0,
        "initial_image_dimension_z": 60.0,
        "initial_roi_intensity_mask_bounding_box_dimension_x": 100.0,
        "initial_roi_intensity_mask_bounding_box_dimension_y": 99.0,
        "initial_roi_intensity_mask_bounding_box_dimension_z": 26.0,
    }


@pytest.mark.parametrize("told", [True, False])
def test_pyradiomics_by_slice_is_judged_as_merged_over_slices(tmp_path: Path, told: bool) -> None:
    values = pyradiomics("A", force2d=True)
    if told:
        values["diagnostics_Configuration_Settings"] = "{'force2D': True}"
    found = foreign.read(wide(tmp_path / "py.csv", values), configuration="A")
    assert set(verdicts(found, "A")) == {"match", "absent", "no reference"}
    textures = {r["aggregation"] for r in found.records["A"]} - {""}
    assert textures == {"2.5d_direction_merged", "2.5d"}
    assert (("textures of configuration A", "taken as set to force2D") in found.notes) != told


def test_pyradiomics_in_3d_is_not_judged_by_values_of_slices(tmp_path: Path) -> None:
    values = pyradiomics("C") | {"diagnostics_Configuration_Settings": "{'force2D': False}"}
    found = foreign.read(wide(tmp_path / "py.csv", values), configuration="A")
    assert {r["aggregation"] for r in found.records["A"]} == {"", "3d_averaged", "3d"}


def test_json_of_pyradiomics_with_its_settings_is_read(tmp_path: Path) -> None:
    case = {"Image": "a.nrrd", "diagnostics_Configuration_Settings": {"force2D": True}}
    case["diagnostics_Image-original_Spacing"] = [1.5, 1.5, 3.0]
    case["original_glcm_Contrast"] = 5.25
    path = tmp_path / "py.json"
    path.write_text(json.dumps([case]))
    found = foreign.read(path, configuration="B")
    assert [tuple(r.values()) for r in found.records["B"]] == [
        ("diag", "initial_image_voxel_dimension_x", "", 1.5),
        ("diag", "initial_image_voxel_dimension_y", "", 1.5),
        ("diag", "initial_image_voxel_dimension_z", "", 3.0),
        ("glcm", "contrast", "2.5d_direction_merged", 5.25),
    ]


# --- our own tables ------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["long", "wide"])
@pytest.mark.parametrize("suffix", _writers.SUFFIXES)
def test_our_own_tables_are_read(tmp_path: Path, layout: table.Layout, suffix: str) -> None:
    image, mask, spacing = fm.phantom()
    result = fm.extract(image, mask, "ibsi:phantom", spacing=spacing, case="digital_phantom")
    path = tmp_path / f"own{suffix}"
    table.write([result], path, layout)
    found = foreign.read(path)
    assert found.tool == f"ferromics {layout} table"
    assert found.unmapped == ()
    assert verdicts(found, "digital_phantom") == {"match": 482, "no reference": 5}


def test_rows_of_the_long_table_that_have_no_reference_are_named(tmp_path: Path) -> None:
    rows = [
        ["configuration", "image", "family", "feature", "aggregation", "parameters", "value"],
        ["A", "", "stat", "mean_intensity", "", "", "13.4"],
        ["A", "original", "stat", "median_intensity", "", "", ""],
        ["A", "log-sigma2mm", "stat", "mean_intensity", "", "", "1"],
        ["A", "original", "glcm", "contrast", "2d_averaged", "d2", "1"],
        ["A", "original", "stat", "mode", "", "", "1"],
        ["patient 7", "original", "stat", "mean_intensity", "", "", "2"],
    ]
    found = foreign.read(put(tmp_path / "long.csv", rows))
    assert [tuple(r.values()) for r in found.records["A"]] == [
        ("stat", "mean_intensity", "", 13.4),
        ("stat", "median_intensity", "", None),  # our own tables leave the undefined empty
    ]
    assert dict(found.unmapped) == {
        "patient 7": "no configuration of IBSI",
        "log-sigma2mm_stat_mean_intensity": "it is of a filtered image (log-sigma2mm)",
        "original_glcm_contrast_2d_averaged_d2": (
            "d2 differs from the defaults, which IBSI's values have"
        ),
        "original_stat_mode": "IBSI has no reference value for it",
    }
