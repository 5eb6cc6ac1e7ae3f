"""What the bench compares with other tools before it times them."""

from __future__ import annotations

import math

import pytest
from bench import rules

from ferromics import names

MEAN, GLCM = (
    ("original", "stat", "mean_intensity", ""),
    ("original", "glcm", "contrast", "3d_averaged"),
)


def compared(theirs: dict[str, float], ours: dict[rules.Key, float]) -> dict[str, object]:
    return rules.compare("another", ours, {"original": theirs})


def test_equal_values_agree_and_are_counted() -> None:
    found = compared({"stat/mean_intensity": 1.0 + 1e-9, "glcm/contrast/3d_averaged": 2.0},
                     {MEAN: 1.0, GLCM: 2.0})  # fmt: skip
    assert (found["values"], found["wrong"]) == (2, [])


@pytest.mark.parametrize("value", [1.0 + 1e-5, math.nan, math.inf, -1.0])
def test_another_value_is_wrong(value: float) -> None:
    assert compared({"stat/mean_intensity": value}, {MEAN: 1.0})["wrong"]
    assert compared({"stat/mean_intensity": 1.0}, {MEAN: value})["wrong"]


def test_undefined_on_both_sides_agrees() -> None:
    assert compared({"stat/mean_intensity": math.nan}, {MEAN: math.nan})["wrong"] == []


def test_what_only_one_tool_has_is_not_compared() -> None:
    assert compared({"stat/mean_intensity": 1.0}, {GLCM: 2.0})["values"] == 0


def test_a_rule_without_a_tolerance_leaves_out_and_says_why() -> None:
    ours = {("original", "ngtdm", "coarseness", "3d"): 1.0}
    found = rules.compare("nyxus", ours, {"original": {"ngtdm/coarseness/3d": 0.0}})
    assert (found["values"], found["wrong"], found["why"]) == (0, [], {"all 0": 1})


def test_names_of_a_known_tool_go_through_its_map() -> None:
    ours = {("original", "stat", "excess_intensity_kurtosis", ""): 0.5}
    found = rules.compare("pyradiomics", ours, {"original": {"original_firstorder_Kurtosis": 3.5}})
    assert (found["values"], found["wrong"]) == (1, [])


def test_every_rule_is_reached_and_the_last_one_takes_all() -> None:
    last = rules.RULES[-1]
    assert (last.tool, last.images, last.features) == ("", ".*", ".*")
    features = {f"{row.family}/{row.feature}" for row in names.rows()}
    images = ("original", "resampled", "sphere", "wavelet-LLH", "log-2")
    tools = ("pictologics", "pyradiomics", "nyxus", "another")
    used = {rules.rule(t, i, f) for t in tools for i in images for f in features}
    assert used == {*rules.RULES}
