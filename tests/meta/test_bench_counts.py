"""bench-check fails where a kernel takes more instructions than it did."""

from __future__ import annotations

import json

import pytest
from bench import counts

OLD = {"glcm": 1000, "mesh": 2000}


@pytest.mark.parametrize(("percent", "well"), [(-50, True), (4, True), (5, True), (6, False)])
def test_growth_of_more_than_five_percent_fails(percent: int, well: bool) -> None:
    lines, found = counts.compare(OLD, {**OLD, "mesh": 20 * (100 + percent)}, [])
    assert found is well
    assert [line.split()[0] for line in lines] == ["glcm", "mesh"]
    assert ["grew" in line for line in lines] == [False, not well]


def test_a_new_kernel_and_a_missing_one_are_named() -> None:
    lines, well = counts.compare(OLD, {"glcm": 1000, "hull": 1}, [])
    assert not well
    assert [line for line in lines if line.startswith("hull") and "is new" in line]
    assert [line for line in lines if line.startswith("mesh") and "in the file only" in line]


def test_kernels_that_were_not_chosen_are_not_missed() -> None:
    lines, well = counts.compare(OLD, {"mesh": 2000}, ["mesh"])
    assert well
    assert len(lines) == 1


def test_the_committed_counts_are_of_the_kernels_that_there_are() -> None:
    source = (counts.ROOT / "rust/core/benches/kernels.rs").read_text(encoding="utf-8")
    named = [line.split('"')[1] for line in source.splitlines() if line.startswith('    ("')]
    assert {"glcm", "small", "w1"} <= set(named)
    assert list(json.loads(counts.PATH.read_text(encoding="utf-8"))["counts"]) == named
