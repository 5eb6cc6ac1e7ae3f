"""Settings and the core draw the same limits: what one accepts, the other runs."""

from __future__ import annotations

import json

import pytest

import ferromics as fm
from ferromics import _core

FAMILIES = {
    "glcm": {"distances": [1, 20]},
    "ngtdm": {"distances": [1, 20]},
    "ngldm": {"distances": [1, 20], "alpha": [0, 65535]},
    "glszm": {"linkage_distance": [1, 20]},
    "gldzm": {"linkage_distance": [1, 20]},
}
LIMITS = [(f, key, *ends) for f, keys in FAMILIES.items() for key, ends in keys.items()]


def accepted(settings: dict) -> tuple[bool, bool]:
    """Return whether Settings and the core's Plan take these settings."""
    verdicts = []
    for attempt in (lambda: fm.Settings.of(settings), lambda: _core.Plan(json.dumps(settings))):
        try:
            attempt()
        except fm.SettingsError:
            verdicts.append(False)
        else:
            verdicts.append(True)
    return verdicts[0], verdicts[1]


@pytest.mark.parametrize(("family", "key", "low", "high"), LIMITS)
def test_parameters_of_families_have_the_same_limits(family, key, low, high) -> None:
    for value in (low - 1, low, high, high + 1):
        given = [value] if key == "distances" else value
        entry = {"type": family, key: given}
        inside = low <= value <= high
        assert accepted({"features": [entry]}) == (inside, inside), (entry, inside)


@pytest.mark.parametrize("stage", ["discretise", "ivh"])
@pytest.mark.parametrize(
    ("given", "inside"),
    [
        ({"type": "fbn", "bins": 1}, False),
        ({"type": "fbn", "bins": 2}, True),
        ({"type": "fbn", "bins": 65535}, True),
        ({"type": "fbn", "bins": 65536}, False),
        ({"type": "fbs", "width": 0}, False),
        ({"type": "fbs", "width": 1e-9}, True),
        ({"type": "fbs", "width": -1}, False),
    ],
)
def test_discretisations_have_the_same_limits(stage, given, inside) -> None:
    ivh = {"features": [{"type": "ivh", "discretise": given}]}
    settings = {"discretise": [given]} if stage == "discretise" else ivh
    assert accepted(settings) == (inside, inside)


@pytest.mark.parametrize(
    "settings",
    [
        {"features": []},
        {"discretise": []},
        {"schema": 2},
        {"resegment": {"range": [2, 1]}},
        {"resegment": {"outlier_sigma": 0}},
        {"features": [{"type": "glcm", "aggregations": ["3d"]}]},
        {"features": [{"type": "glcm", "aggregations": []}]},
        {"features": [{"type": "ivh", "percentages": [101]}]},
        {"features": [{"type": "ivh", "percentages": []}]},
        {"features": [{"type": "stat", "only": ["mean"]}]},
        {"features": [{"type": "stat", "of": 3}]},
        {"features": [{"type": "median"}]},
    ],
    ids=str,
)
def test_both_refuse(settings: dict) -> None:
    assert accepted(settings) == (False, False)


def test_repeated_percentages_are_refused_by_name() -> None:
    settings = {"features": [{"type": "ivh", "percentages": [10, 10]}]}
    with pytest.raises(fm.SettingsError, match="10 twice"):
        _core.Plan(json.dumps(settings))


def test_negative_zero_names_no_other_column() -> None:
    columns = [
        _core.Plan(json.dumps({"discretise": [{"type": "fbs", "width": 5, "minimum": zero}]}))
        for zero in (0.0, -0.0)
    ]
    assert columns[0].columns == columns[1].columns


@pytest.mark.parametrize(
    ("given", "inside"),
    [
        ({"resample": {"spacing": [None, 1e-3, 1e3]}}, True),
        ({"resample": {"spacing": [0, None, None]}}, False),
        ({"resample": {"spacing": [1, 1, -1]}}, False),
        ({"resample": {"mask_threshold": 0}}, False),
        ({"resample": {"mask_threshold": 1}}, True),
        ({"resample": {"mask_threshold": 1.01}}, False),
        ({"resample": {"anti_alias": 0}}, False),
        ({"resample": {"anti_alias": 0.999}}, True),
        ({"resample": {"anti_alias": 1}}, False),
        ({"resample": {"method": "lanczos", "mask_method": "nearest"}}, True),
        ({"resample": {"method": "sinc"}}, False),
        ({"normalise": {"type": "zscore", "scale": 0}}, False),
        ({"normalise": {"type": "zscore", "clip": 0}}, False),
        ({"normalise": {"type": "zscore", "scale": 100, "clip": 3, "over": "mask"}}, True),
        ({"normalise": {"type": "range", "from": [1, 1]}}, False),
        ({"normalise": {"type": "range", "from": [1, None], "to": [1, 0]}}, True),
        ({"normalise": {"type": "percentile", "percentiles": [0, 100]}}, True),
        ({"normalise": {"type": "percentile", "percentiles": [0, 100.5]}}, False),
        ({"normalise": {"type": "percentile", "percentiles": [50, 50]}}, False),
        ({"normalise": {"type": "nyul"}}, False),
    ],
)
def test_image_processing_has_the_same_limits(given, inside) -> None:
    assert accepted(given) == (inside, inside)
