"""IBSI's rule for a value, on the edges where binary arithmetic would slip."""

import math

import pytest

import ferromics as fm
from ferromics import compliance


@pytest.mark.parametrize(
    ("value", "reference", "tolerance", "verdict"),
    [
        (556.0, "556", "4", "match"),
        (560.999, "556", "4", "match"),  # 4.999 is cut to 4
        (561.0, "556", "4", "partial"),
        (567.99, "556", "4", "partial"),
        (568.0, "556", "4", "miss"),  # three times the tolerance is no partial match
        (551.001, "556", "4", "match"),
        (551.0, "556", "4", "partial"),
        (0.6989, "0.698", "0", "match"),  # less than one unit in the third digit
        (0.699, "0.698", "0", "miss"),
        (0.697, "0.698", "0", "miss"),
        (0.69701, "0.698", "0", "match"),
        (0.1 + 0.2, "0.3", "0", "match"),  # 0.30000000000000004
        (2.15, "2.14", "0", "miss"),
        (1.0e-3, "1.01e-3", "0", "miss"),
        (0.9, "0", "0", "match"),  # a reference of 0 is judged in whole numbers
        (-0.99, "0", "0", "match"),
        (1.0, "0", "0", "miss"),
        (-0.0268, "-0.0268", "0", "match"),
        (-0.02689, "-0.0268", "0", "match"),
        (-0.0269, "-0.0268", "0", "miss"),
        (9.99e5, "1.00e6", "0", "match"),  # the reference's third digit is worth 10^4
        (9.8e5, "1.00e6", "0", "miss"),
        (123456.0, "123000", "0", "match"),
        (124000.0, "123000", "0", "miss"),
        (math.nan, "1", "100", "miss"),
        (math.inf, "1", "100", "miss"),
        (-math.inf, "0", "0", "miss"),
        (1e300, "1", "1", "miss"),
        (5e-324, "0", "0", "match"),
    ],
)
def test_a_value_is_judged_by_the_rule(value, reference, tolerance, verdict):
    assert compliance.judge(value, reference, tolerance) == verdict


@pytest.mark.parametrize(
    ("value", "reference", "tolerance", "verdict"),
    [
        (-51.6, "-47", "4.6", "match"),  # the limit belongs to it
        (-51.600001, "-47", "4.6", "miss"),
        (-42.4, "-47", "4.6", "match"),
        (0.1 + 0.2, "0.3", "0", "miss"),  # nothing is cut off here, unlike in IBSI 1
        (0.3, "0.3", "0", "match"),
        (51300, "53300", "2000", "match"),
        (51299.999, "53300", "2000", "miss"),
        (0.0, "0", "0", "match"),
        (math.nan, "1", "100", "miss"),
        (-math.inf, "1", "100", "miss"),
    ],
)
def test_a_feature_of_a_filtered_image_is_within_its_tolerance_or_not(
    value, reference, tolerance, verdict
):
    assert compliance.judge_filtered(value, reference, tolerance) == verdict


def record(**values):
    base = {"image": "original", "aggregation": "", "parameters": ""}
    return {**base, "family": "stat", "feature": "mean_intensity", "value": 2.15, **values}


def by_verdict(rows):
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.verdict] = counts.get(row.verdict, 0) + 1
    return counts


def test_values_that_are_not_there_are_absent():
    rows = compliance.compare([record()], "digital_phantom")
    assert by_verdict(rows) == {"absent": 481, "match": 1, "no reference": 5}


def test_an_undefined_value_is_a_miss():
    for nothing in (None, math.nan):
        rows = compliance.compare([record(value=nothing)], "digital_phantom")
        assert by_verdict(rows)["miss"] == 1


def test_other_parameters_and_filtered_images_are_left_aside():
    rows = [record(parameters="d2"), record(image="log-sigma2mm")]
    assert "match" not in by_verdict(compliance.compare(rows, "digital_phantom"))


def test_two_values_for_one_reference_are_refused():
    with pytest.raises(fm.InputError, match="two values"):
        compliance.compare([record(), record()], "digital_phantom")


def test_a_configuration_that_is_not_known_is_refused():
    with pytest.raises(fm.InputError, match="digital_phantom, A, B, C, D, E"):
        compliance.compare([], "F")


def test_the_number_of_references_is_ibsis():
    counts = {
        c: by_verdict(compliance.compare([], c))["absent"] for c in compliance.configurations()
    }
    assert counts == {"digital_phantom": 482, "A": 346, "B": 346, "C": 210, "D": 210, "E": 210}
