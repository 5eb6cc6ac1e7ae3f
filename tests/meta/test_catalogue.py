"""Every row of the catalogue is complete: a formula, a true unit, a reference value or none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import ferromics as fm
from ferromics import _core, compliance

EVERYTHING = fm.catalogue()
# The features of IBSI 1; the diagnostic ones have no codes and a table of their own.
CATALOGUE = [row for row in EVERYTHING if row["family"] != "diag"]
DIAGNOSTIC = [row for row in EVERYTHING if row["family"] == "diag"]
REFERENCES = compliance.references(standardised_only=False)
# Features that IBSI names but has not standardised: no reference value exists for any.
NONE_EXISTS = {
    ("morph", "volume_density_oriented_minimum_bounding_box"),
    ("morph", "area_density_oriented_minimum_bounding_box"),
    ("morph", "volume_density_minimum_volume_enclosing_ellipsoid"),
    ("morph", "area_density_minimum_volume_enclosing_ellipsoid"),
    ("ivh", "area_under_the_ivh_curve"),
}
COUNTS = {
    "morph": 29,
    "loc": 2,
    "stat": 18,
    "ih": 23,
    "ivh": 7,
    "glcm": 25,
    "glrlm": 16,
    "glszm": 16,
    "gldzm": 16,
    "ngtdm": 5,
    "ngldm": 17,
}


def ident(row: dict) -> str:
    return f"{row['family']}-{row['name']}"


def test_the_catalogue_holds_all_174_features_in_families_of_ibsi_s_size() -> None:
    assert len(CATALOGUE) == 174
    assert {f: sum(r["family"] == f for r in CATALOGUE) for f in COUNTS} == COUNTS


def test_family_and_name_are_the_key() -> None:
    assert len({(r["family"], r["name"]) for r in EVERYTHING}) == len(EVERYTHING)


@pytest.mark.parametrize("row", DIAGNOSTIC, ids=ident)
def test_diagnostic_row_has_a_formula(row: dict) -> None:
    assert row["formula"].strip(), "the doc comment holds no $formula$"
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", row["name"])


def test_features_are_in_the_order_of_the_reference_table_with_its_names_and_codes() -> None:
    table = list(dict.fromkeys((r.family, r.feature, r.ibsi) for r in REFERENCES))
    assert [(r["family"], r["name"], r["ibsi"]) for r in CATALOGUE] == table


@pytest.mark.parametrize("row", CATALOGUE, ids=ident)
def test_row_has_its_code_and_formula_in_the_text_above_the_function(row: dict) -> None:
    assert row["formula"].strip(), "the doc comment holds no $formula$"
    codes = set(re.findall(r"\b[A-Z0-9]{4}\b", row["doc"]))
    assert row["ibsi"] in codes, f"the doc comment does not name {row['ibsi']}"
    assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", row["name"])


@pytest.mark.parametrize("row", CATALOGUE, ids=ident)
def test_row_has_a_reference_value_or_none_exists(row: dict) -> None:
    key = (row["family"], row["name"])
    values = [r for r in REFERENCES if (r.family, r.feature) == key]
    if key in NONE_EXISTS:
        assert [r.value for r in values] == [None] * 6
    else:
        assert all(r.value for r in values)
        assert {r.configuration for r in values} == {"digital_phantom", *"ABCDE"}


def test_the_docs_page_is_the_catalogue_s_text() -> None:
    page = Path(__file__).parents[2].joinpath("docs", "features.md").read_text(encoding="utf-8")
    missing = [ident(r) for r in EVERYTHING if r["doc"].strip() not in page]
    assert not missing, "run `make docs`"


def test_python_and_core_agree_on_every_setting_and_default() -> None:
    assert fm.Settings.model_validate_json(_core.default_settings()) == fm.Settings()
