"""README.md's table of times is what the JSON file that it names says."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from bench import page, plots, targets

PATH = page.named()
DOCUMENT = json.loads(PATH.read_text(encoding="utf-8"))


def made_up() -> dict[str, Any]:
    """Return what a short run writes, with a row of each kind."""
    none: dict[str, Any] = {"checked": {}, "left_out": {}, "threads": 1}
    both = {"ferromics": [1.0, 1.0, 2.0], "pictologics": [4.0]}
    check = {"values": 3, "left_out": 1, "why": {"a reason": 1}, "wrong": []}
    bins = {"32": {"ferromics": [1.0]}, "65535": {"ferromics": [2.0]}}
    return {
        "date": "today", "commit": "abc", "cpu": "a cpu", "cores": 2, "load": [0.1],
        "build": {"profile": "release", "target": "here"}, "probe": {"1": [1.0, 1.0]},
        "versions": {"ferromics": "1", "pictologics": "2", "nyxus": "3"},
        "rows": [
            {**none, "work": "W1", "title": "a work", "seconds": both,
             "checked": {"pictologics": check}},
            {**none, "work": "start-up", "title": "a start",
             "seconds": {"ferromics": [0.5], "pictologics": [5.0], "nyxus": [0.9]}},
            {**none, "work": "memory", "title": "a peak",
             "peak_kib": {"ferromics": [80 * 1024], "nyxus": [160 * 1024]}},
            {**none, "work": "read", "title": "a file",
             "seconds": {"ferromics": [1.2], "isal": [1.0], "libdeflate": [1.1]}},
            {**none, "work": "growth", "title": "more", "bytes_a_voxel": 12.5,
             "peak_bytes": {"1000": 10**6, "8000": 9 * 10**6},
             "boxes": {"1000": 2000, "8000": 16000}},
            {**none, "work": "two threads", "title": "two", "threads": 2, "voxels": 10**6,
             "gain": {"ferromics": [1.8], "probe": [1.9]}, "seconds": {"ferromics": [1.0]}},
        ],
        "families": {"1": {"10000": {"glcm_both": both}, "1000000": {"glcm_both": both}}},
        "checked": {"1": {"10000": {"glcm_both": {"pictologics": check}}}},
        "levels": {"voxels": 10**6, "threads": 1, "seconds": {"glcm": bins},
                   "peak_bytes": {"glcm": {"32": 0, "65535": 2**20}}},
    }  # fmt: skip


def test_the_table_is_the_one_of_the_file_that_the_readme_names() -> None:
    readme = page.README.read_text(encoding="utf-8")
    assert page.with_table(readme, PATH, DOCUMENT) == readme


def test_the_page_and_the_plot_are_those_of_the_file() -> None:
    assert PATH.with_suffix(".html").read_text(encoding="utf-8") == page.page(DOCUMENT)
    assert PATH.with_suffix(".svg").read_text(encoding="utf-8") == plots.work_plot(DOCUMENT)


def test_no_value_of_the_run_differs_from_a_peer() -> None:
    checks = [check for _, check in targets.checks(DOCUMENT)]
    assert sum(check["values"] for check in checks)
    assert not [wrong for check in checks for wrong in check["wrong"]]


def test_targets_are_judged_from_medians_and_ratios() -> None:
    judged = {(s["work"], s["against"]): s for s in targets.judged(made_up())}
    assert {key: (round(s["found"], 3), s["status"]) for key, s in judged.items()} == {
        ("W1", "pictologics"): (4.0, "met"),
        ("start-up", "ferromics"): (0.5, "met"),
        ("start-up", "pictologics"): (10.0, "met"),
        ("start-up", "nyxus"): (1.8, "not met"),
        ("memory", "ferromics"): (80.0, "met"),
        ("read", "the faster inflate"): (1.2, "met"),
        ("growth", "texture"): (12.5, "not met"),
        ("two threads", "the probe"): (0.947, "met"),
        ("glcm_both", "pictologics"): (4.0, "met"),
    }
    assert judged["glcm_both", "pictologics"]["voxels"] == 10**6  # small ones have no target


@pytest.mark.parametrize(("seconds", "status"), [(2.5, "not met"), (3.0, "met")])
def test_a_target_is_met_from_its_ratio_on(seconds: float, status: str) -> None:
    document = made_up()
    document["rows"][0]["seconds"] = {"ferromics": [1.0], "pictologics": [seconds, seconds]}
    assert targets.judged(document)[0]["status"] == status


def test_the_gain_of_two_threads_is_judged_only_where_the_probe_found_two_cores() -> None:
    document = made_up()
    document["rows"][-1]["gain"]["probe"] = [1.0]
    assert "two threads" not in {s["work"] for s in targets.judged(document)}


def test_the_page_shows_every_kind_of_row() -> None:
    document = made_up()
    text = page.page(document)
    for words in (
        "glcm_both, 1,000,000 voxels", "12.5 bytes a voxel", "Grey levels", "at most 1.3x",
        "pictologics 6 (0 differ)",
    ):  # fmt: skip
        assert words in text
    assert text.count("<svg") == text.count("</svg>") == 7
    text = page.markdown(document)
    assert "80 MiB |  | 160 MiB" in text
    assert "Targets met: 7 of 9." in text
    assert all("\n".join(page.lines(row)) for row in document["rows"])


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [(3, "x", "3x"), (1.3, "x", "1.3x"), (250, "x", "250x"), (1e-4, "s", "0.1 ms"),
     (1e-3, "s", "1 ms"), (0.6, "s", "600 ms"), (90, "MiB", "90 MiB")],
)  # fmt: skip
def test_limits_are_written_without_zeros(value: float, unit: str, words: str) -> None:
    assert plots.limit(value, unit) == words


def test_a_file_that_has_its_targets_is_shown_as_it_says() -> None:
    document = made_up()
    document["targets"] = targets.judged(document)[:1]
    assert "Targets met: 1 of 1." in page.markdown(document)


def test_another_time_makes_another_table() -> None:
    other = copy.deepcopy(DOCUMENT)
    other["rows"][0]["seconds"]["ferromics"] = [123.0]
    assert page.markdown(other) != page.markdown(DOCUMENT)


@pytest.mark.parametrize(("gains", "count"), [([1.9, 1.7], 1), ([1.9, 1.0], 0), (None, 0)])
def test_rows_of_two_threads_need_two_free_cores(gains: list[float] | None, count: int) -> None:
    document = {"rows": [{"threads": 2}], **({"probe": {"2": gains}} if gains else {})}
    assert len(page.shown(document)) == count
