"""What the bench of cohorts times is checked first, and its figures are those that it prints."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench import cohort, cohort_scale, cohort_tiny, inflate, page, scale_page, targets
from bench.targets import BUSY, FASTEST, INFLATING, LINEAR, MANY, START_UP, STEPS, WARM

import ferromics as fm
from ferromics import io

NEEDS_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
NONE: dict[str, Any] = {"threads": 2, "checked": {}, "left_out": {}, "title": "a title"}


@pytest.fixture
def phantom(tmp_path: Path) -> tuple[Path, Path]:
    image, mask, spacing = fm.phantom()
    paths = tmp_path / "image.nii.gz", tmp_path / "mask.nii.gz"
    for path, array in zip(paths, (image, mask), strict=True):
        io.write_nifti(path, np.asarray(array), spacing)
    return paths


@pytest.fixture
def ours(phantom: tuple[Path, Path], tmp_path: Path) -> tuple[cohort.Ours, list[list[str]]]:
    files = cohort.patients(tmp_path, phantom, 3)
    assert len({path for pair in files for path in pair}) == 6
    made = cohort.Ours(tmp_path, fm.Settings())
    made.run()
    return made, files


def test_every_value_of_the_table_is_compared_with_extract(
    ours: tuple[cohort.Ours, list[list[str]]],
) -> None:
    found = cohort.same(*ours)
    assert found["values"] > 3 * 100
    assert found["wrong"] == []


def test_a_value_that_differs_in_its_last_digit_is_found(
    ours: tuple[cohort.Ours, list[list[str]]],
) -> None:
    made, files = ours
    text = made.output.read_text(encoding="utf-8")
    head, first, *rest = text.splitlines()
    cells = first.split(",")
    k = head.split(",").index("original_morph_volume_mesh")
    cells[k] = repr(np.nextafter(float(cells[k]), np.inf).item())
    made.output.write_text("\n".join([head, ",".join(cells), *rest]) + "\n", encoding="utf-8")
    (wrong,) = cohort.same(made, files)["wrong"]
    assert wrong.startswith("p00 original_morph_volume_mesh")


def test_the_command_is_the_one_of_the_package(
    ours: tuple[cohort.Ours, list[list[str]]], tmp_path: Path
) -> None:
    made, _ = ours
    before = made.output.read_bytes()
    made.output.unlink()
    assert cohort.wall(made.command("threads"), cohort.with_threads(2)) > 0
    features = [line.split(",")[30:] for line in made.output.read_text("utf-8").splitlines()]
    assert features == [line.split(",")[30:] for line in before.decode().splitlines()]


def test_each_row_of_a_peer_is_compared(phantom: tuple[Path, Path]) -> None:
    files = [[str(path) for path in phantom]] * 2
    answer = {"values": [{"original": {"stat/mean_intensity/": mean}} for mean in (0.0, 1.0)]}
    found = cohort.against("another", answer, files)
    assert (found["values"], len(found["wrong"])) == (2, 2)
    with pytest.raises(SystemExit, match="2 rows for 1 cases"):
        cohort.against("another", answer, files[:1])


def test_inflating_gives_the_file_whole(phantom: tuple[Path, Path]) -> None:
    for name in inflate.names():
        assert inflate.one(name, str(phantom[0])) > 352  # the header of a NIfTI file
        assert inflate.seconds(name, [str(path) for path in phantom], map) > 0
        assert inflate.releases_lock(name, phantom[0]) in (True, False)


def test_many_tiny_cases_are_weighed_and_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cohort_tiny, "EVERY", 4)
    monkeypatch.setattr(cohort_tiny, "SINGLE", 2)
    files = cohort_tiny.write(tmp_path, 8)
    if sys.platform != "linux":
        return
    found = cohort_tiny.measured(tmp_path, files, tmp_path / "features.csv")
    assert list(found["held_kib"]) == [4, 8]
    figures = found["figures"]
    for kind in ("", ", processor time"):
        share = (
            figures[f"before the first case{kind}"][0] + figures[f"after the last case{kind}"][0]
        )
        assert figures[f"overhead a case{kind}"] == [
            many - one + share / 8
            for many, one in zip(
                figures[f"a case in the cohort{kind}"],
                figures[f"a single extraction{kind}"],
                strict=True,
            )
        ]


@NEEDS_LINUX
def test_made_up_cohorts_go_through_journal_and_tables() -> None:
    small, large = cohort_scale.row(3), cohort_scale.row(6)
    for row in (small, large):
        assert set(row["figures"]) == set(row["processor_s"]) == set(STEPS)
        assert set(row["bytes"]) == {"journal", *cohort_scale.TABLES, "cases beside it"}
    for name in ("journal", "CSV"):
        assert large["bytes"][name] > 1.5 * small["bytes"][name]
    found = cohort_scale.growth([large, small])
    step = "write CSV"
    twice = large["processor_s"][step] / small["processor_s"][step]
    assert found["figures"][step] == [pytest.approx(twice / 2)]


@NEEDS_LINUX
def test_processes_that_only_compute_use_what_they_get() -> None:
    assert 0 < cohort.spinning(0.3) < 2.2


def made_up() -> dict[str, Any]:
    """Return what a run of cohorts writes, with a row of each kind."""
    tools = {"ferromics": [1.0], "ferromics, processes": [0.5], "pictologics": [6.0],
             "nyxus": [3.0]}  # fmt: skip
    inflating = {"ferromics": [1.0], "isal, 2 threads": [0.8], "isal, 2 processes": [0.5]}
    steps = {step: [1.0] for step in STEPS}
    scale = {
        **NONE, "work": "scale", "threads": 1, "unit": "s", "values": 174, "figures": steps,
        "processor_s": dict.fromkeys(STEPS, 1.0), "added_bytes": dict.fromkeys(STEPS, 10**6),
        "held_bytes": 10**8,
        "bytes": dict.fromkeys(scale_page.ON_DISK, 10**7),
    }  # fmt: skip
    return {
        "date": "today", "commit": "abc", "cpu": "a cpu", "cores": 2, "load": [0.1],
        "build": {"profile": "release", "target": "here"}, "probe": {"2": [1.0, 1.0]},
        "versions": {"ferromics": "1", "pictologics": "2", "nyxus": "3"}, "families": {},
        "rows": [
            {**NONE, "work": WARM, "seconds": tools, "bytes_a_case": 4e6},
            {**NONE, "work": START_UP, "seconds": tools},
            {**NONE, "work": INFLATING, "seconds": inflating, "processor_s": {"ferromics": [1.0]}},
            {**NONE, "work": BUSY, "gain": {"ferromics": [1.9], "probe": [2.0]},
             "seconds": {"ferromics": [1.0]}},
            {**NONE, "work": MANY, "threads": 1, "unit": "s",
             "figures": {"overhead a case": [0.002, 0.004, 0.004]}},
            {**NONE, "work": MANY, "threads": 1, "unit": "KiB a case",
             "figures": {"growth of memory": [0.1]}},
            {**NONE, "work": "starts", "unit": "s",
             "figures": {"ferromics --version": [0.2], "ferromics extract": [0.7]}},
            {**scale, "cases": 10}, {**scale, "cases": 20},
            {**NONE, "work": LINEAR, "threads": 1, "unit": "x", "figures": {"write CSV": [1.3]}},
        ],
    }  # fmt: skip


def test_targets_of_cohorts_are_judged() -> None:
    judged = {(s["work"], s["against"]): s for s in targets.judged(made_up())}
    assert {key: (round(s["found"], 4), s["status"]) for key, s in judged.items()} == {
        (WARM, FASTEST): (3.0, "met"),
        (START_UP, FASTEST): (3.0, "not met"),
        (INFLATING, "the faster inflate"): (2.0, "not met"),
        (BUSY, "the probe"): (0.95, "met"),
        (MANY, "overhead a case"): (0.004, "not met"),
        (MANY, "growth of memory"): (0.1, "met"),
        ("starts", "ferromics --version"): (0.2, "met"),
        ("starts", "ferromics extract"): (0.7, "not met"),
        (LINEAR, "write CSV"): (1.3, "not met"),
    }


def test_busy_cores_are_judged_only_where_the_probe_has_two() -> None:
    document = made_up()
    document["rows"][3]["gain"]["probe"] = [1.0]
    assert BUSY not in {s["work"] for s in targets.judged(document)}


def test_every_kind_of_row_is_shown() -> None:
    document = made_up()
    assert all("\n".join(page.lines(row)) for row in document["rows"])
    text = "\n".join(line for row in document["rows"] for line in page.lines(row))
    for words in (
        "4.0 ms  (2.0 ms to 4.0 ms)",
        "of processor time",
        "10.0 MB",
        "added at the peak",
    ):
        assert words in text
    assert text.count("W5") >= 3
    assert page.markdown({**document, "probe": {"2": [2.0, 2.0]}}).count("W5") == 2
    assert "the fastest peer" in page.page(document)


def test_a_million_rows_are_as_many_times_the_largest_cohort() -> None:
    text = scale_page.markdown(made_up())
    assert "| 10 rows | 20 rows | 1,000,000 rows, extrapolated |" in text
    assert "| write CSV | 1 s | 1 s | 14 hours |" in text
    assert "500 GB" in text  # 10 MB for 20 rows
    assert "50 ms of processor time a study" in text  # 1 s for 20 patients
    assert "14 hours of one core for 1,000,000" in text


def test_the_tables_of_the_page_are_those_of_the_file_that_it_names() -> None:
    path = scale_page.named()
    document = json.loads(path.read_text(encoding="utf-8"))
    text = scale_page.PATH.read_text(encoding="utf-8")
    assert scale_page.with_tables(text, path, document) == text
    assert not [wrong for _, check in targets.checks(document) for wrong in check["wrong"]]
