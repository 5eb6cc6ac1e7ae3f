"""README.md's table of times is what the JSON file that it names says."""

from __future__ import annotations

import copy
import json

import pytest
from bench import page

PATH = page.named()
DOCUMENT = json.loads(PATH.read_text(encoding="utf-8"))


def test_the_table_is_the_one_of_the_file_that_the_readme_names() -> None:
    readme = page.README.read_text(encoding="utf-8")
    assert page.with_table(readme, PATH, DOCUMENT) == readme


def test_the_page_and_the_plot_are_those_of_the_file() -> None:
    assert PATH.with_suffix(".html").read_text(encoding="utf-8") == page.page(DOCUMENT)
    assert PATH.with_suffix(".svg").read_text(encoding="utf-8") == page.work_plot(DOCUMENT)


def test_no_value_of_the_run_differs_from_a_peer() -> None:
    checks = [check for row in DOCUMENT["rows"] for check in row["checked"].values()]
    assert sum(check["values"] for check in checks)
    assert not [wrong for check in checks for wrong in check["wrong"]]


@pytest.mark.parametrize(("seconds", "met"), [(2.5, False), (3.0, True)])
def test_a_target_is_met_from_its_ratio_on(seconds: float, met: bool) -> None:
    row = {"at_least": {"peer": 3}, "seconds": {"ferromics": [1.0], "peer": [seconds, seconds]}}
    assert [found[-1] for found in page.targets(row)] == [met]


def test_another_time_makes_another_table() -> None:
    other = copy.deepcopy(DOCUMENT)
    other["rows"][0]["seconds"]["ferromics"] = [123.0]
    assert page.markdown(other) != page.markdown(DOCUMENT)


@pytest.mark.parametrize(("gains", "count"), [([1.9, 1.7], 1), ([1.9, 1.0], 0), (None, 0)])
def test_rows_of_two_threads_need_two_free_cores(gains: list[float] | None, count: int) -> None:
    document = {"rows": [{"threads": 2}], **({"probe": {"2": gains}} if gains else {})}
    assert len(page.shown(document)) == count
