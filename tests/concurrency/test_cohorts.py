"""Many cases at a time: threads, processes, executors; what dies does not take others with it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cohort_files import deadly_image, values, write_case

import ferromics as fm
from ferromics import io
from ferromics.cohort import memory, pools, run, work

SETTINGS = {"features": ["stat", "glcm"], "discretise": "fbn8"}


@pytest.fixture
def cases(tmp_path: Path) -> list[fm.Case]:
    """Six cases of two regions, one of them without its mask."""
    out = []
    for k in range(6):
        image, mask = write_case(tmp_path / f"P{k}", k)
        masks = fm.Mask(mask, label="all"), fm.Mask(mask, roi="ball", label=1)
        out.append(fm.Case(str(image), masks))
    out[3] = fm.Case(out[3].image, (fm.Mask(tmp_path / "none.nii.gz"),), name="P3")
    return out


@pytest.fixture
def one_by_one(cases: list[fm.Case]) -> dict[tuple[int, str], Any]:
    """What comes out of the cases on one thread."""
    out = values(fm.extract_many(cases, SETTINGS, jobs=1))
    assert len(out) == 5 * 3 + 1
    assert "no such file" in out[3, "none"]
    return out


@pytest.mark.parametrize("how", [{"jobs": 3}, {"workers": "processes", "jobs": 2}])
def test_values_do_not_depend_on_what_computes_them(
    cases: list[fm.Case], one_by_one: dict[tuple[int, str], Any], how: dict[str, Any]
) -> None:
    assert values(fm.extract_many(cases, SETTINGS, **how)) == one_by_one


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_any_executor_serves_and_stays_open(
    cases: list[fm.Case], one_by_one: dict[tuple[int, str], Any], kind: str
) -> None:
    made: Executor = (
        ThreadPoolExecutor(2)
        if kind == "threads"
        else ProcessPoolExecutor(2, mp_context=get_context("spawn"))
    )
    with made as executor:
        assert values(fm.extract_many(cases, SETTINGS, executor=executor)) == one_by_one
        assert executor.submit(int, "7").result() == 7


def test_the_case_function_gives_what_extract_gives(cases: list[fm.Case]) -> None:
    outcome = fm.extract_case(cases[0], SETTINGS, index=4)
    assert (outcome.index, outcome.case) == (4, "ct")
    assert [r.roi for r in outcome.regions] == ["1", "2", "ball"]
    expected = fm.extract(cases[0].image, cases[0].masks[0].source, SETTINGS, label="all")
    for region in outcome.regions[:2]:
        assert dict(region.result) == dict(expected[region.roi])


def test_an_image_is_read_once_for_all_its_regions(
    cases: list[fm.Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    read = io.read

    def noted(source: Any, what: str = "image", *more: Any) -> Any:
        seen.append(what)
        return read(source, what, *more)

    monkeypatch.setattr(io, "read", noted)
    fm.extract_case(cases[0], SETTINGS)
    assert seen == ["image", "mask"]


def test_cases_are_taken_from_a_generator_only_as_there_is_room(cases: list[fm.Case]) -> None:
    taken = 0

    def endless() -> Iterator[fm.Case]:
        nonlocal taken
        while True:
            taken += 1
            yield cases[0]

    outcomes = fm.extract_many(endless(), SETTINGS, jobs=2)
    assert next(outcomes).case == "ct"
    outcomes.close()
    assert taken < 20


def test_a_run_that_is_told_to_stop_still_gives_what_is_under_way(cases: list[fm.Case]) -> None:
    asked = threading.Event()
    seen = []
    for outcome in fm.extract_many(cases * 20, SETTINGS, jobs=2, stop=asked.is_set):
        seen.append(outcome.index)
        asked.set()
    assert 1 <= len(seen) <= 8
    assert len(set(seen)) == len(seen)


def test_the_first_failure_ends_a_run_that_must_not_fail(cases: list[fm.Case]) -> None:
    with pytest.raises(fm.RadiomicsError, match=r"case P3, region none: mask .*no such file"):
        list(fm.extract_many(cases, SETTINGS, on_error="raise", jobs=1))


def test_settings_that_are_not_allowed_are_refused_at_once() -> None:
    with pytest.raises(fm.SettingsError, match="glmc"):
        fm.extract_many([], {"features": ["glmc"]})


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"jobs": 0}, "jobs must be"),
        ({"memory": "much"}, "memory must be a size such as 8G"),
        ({"memory": 0}, "memory must be"),
        ({"workers": "elves"}, "workers must be"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(how: dict[str, Any], message: str) -> None:
    with pytest.raises(fm.InputError, match=message):
        fm.extract_many([], **how)


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ({"image": "a"}, "has no 'mask'"),
        ({"image": "a", "mask": "b", "lable": 1}, "unknown field 'lable'"),
        ("a.nii.gz", "a case must be"),
    ],
)
def test_what_is_no_case_is_refused(case: Any, message: str) -> None:
    with pytest.raises(fm.RadiomicsError, match=message):
        list(fm.extract_many([case], on_error="raise"))


def test_dicts_and_pairs_are_cases(cases: list[fm.Case]) -> None:
    image, mask = cases[0].image, cases[0].masks[0].source
    given = [
        {"image": image, "mask": mask, "label": 1, "case": "A"},
        (image, fm.Mask(mask, "b", 1)),
    ]
    found = {o.index: o for o in fm.extract_many(given, SETTINGS)}
    assert found[0].case == "A"
    assert [r.roi for o in (found[0], found[1]) for r in o.regions] == ["1", "b"]


def test_a_mistake_in_the_program_is_recorded_with_its_place(
    cases: list[fm.Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        msg = "nobody thought of this"
        raise ZeroDivisionError(msg)

    monkeypatch.setattr(work.Work, "cut", broken)
    (failure, *_) = fm.extract_case(cases[0]).failures.values()
    assert failure.message == "unforeseen ZeroDivisionError: nobody thought of this"
    assert "in broken" in failure.trace
    assert not failure.lasting


# --- memory --------------------------------------------------------------------------------------


def test_cases_that_do_not_fit_together_run_one_after_the_other(
    cases: list[fm.Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    under_way = most = 0
    lock = threading.Lock()
    extract_case = pools.extract_case
    threads = set()

    def counted(*args: Any, **more: Any) -> Any:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
            threads.add(more["threads"])
        try:
            return extract_case(*args, **more)
        finally:
            with lock:
                under_way -= 1

    monkeypatch.setattr(pools, "extract_case", counted)
    monkeypatch.setattr(memory, "estimate", lambda *_: 600 << 20)
    few = cases[:3]
    assert len(list(fm.extract_many(few, SETTINGS, jobs=4, memory="1000M"))) == 3
    assert most == 1
    assert threads == {fm.build_info()["threads"]}


def test_a_region_too_large_for_the_memory_fails_and_says_what_it_takes(tmp_path: Path) -> None:
    image, mask = write_case(tmp_path, 0, edge=60)
    big = fm.Case(image, (fm.Mask(mask, label=1), fm.Mask(mask, label=2)))
    (outcome,) = fm.extract_many([big], {"features": ["morph"]}, memory="90M")
    assert outcome.regions[1].failure is None  # a few voxels: they fit
    failure = outcome.failures["1"]
    assert "takes about" in failure.message
    assert "90 MiB may be used" in failure.message


# --- workers that die ----------------------------------------------------------------------------


@pytest.fixture
def deadly(tmp_path: Path) -> fm.Case:
    """A case that kills the worker which computes it."""
    mask = np.ones((3, 3, 3), bool)
    return fm.Case(deadly_image(tmp_path), (fm.Mask(mask, "a"), fm.Mask(mask, "b")), "deadly")


@pytest.mark.skipif(not hasattr(signal, "SIGSEGV"), reason="the platform has no such signal")
def test_a_worker_process_that_dies_costs_its_case_only(
    cases: list[fm.Case], one_by_one: dict[tuple[int, str], Any], deadly: fm.Case
) -> None:
    given = [*cases[:2], deadly, *cases[2:], deadly]
    found = values(fm.extract_many(given, SETTINGS, workers="processes", jobs=2))
    places = {0: 0, 1: 1, 2: 3, 3: 4, 4: 5, 5: 6}
    expected = {(places[k], roi): v for (k, roi), v in one_by_one.items()}
    dead = {(k, roi): run.DIED for k in (2, 7) for roi in "ab"}
    assert found == expected | dead


def test_an_executor_that_broke_ends_the_run_with_a_clear_error(
    cases: list[fm.Case], deadly: fm.Case
) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        found = fm.extract_many([deadly, *cases * 4], SETTINGS, executor=executor, jobs=1)
        assert set(next(found).failures) == {"a", "b"}
        with pytest.raises(fm.RadiomicsError, match="the executor takes no more cases"):
            list(found)
