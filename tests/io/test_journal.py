"""The journal of a cohort: exact, whole after any cut, one writer at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cohort_files import write_case
from hypothesis import given
from hypothesis import strategies as st

import ferromics as fm
from ferromics.cohort.cases import Cohort
from ferromics.cohort.journal import Entry, Journal, changes, key_of, values_of

SETTINGS = fm.Settings(features=["stat"])
HERE = Cohort((), {}, Path("/nowhere"), "test")


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> fm.Case:
    """A case of two regions and a mask that is not there."""
    folder = tmp_path_factory.mktemp("case")
    image, mask = write_case(folder, 0)
    return fm.Case(image, (fm.Mask(mask, label="all"), fm.Mask(folder / "none.nii")), "P")


@pytest.fixture(scope="module")
def outcome(case: fm.Case) -> fm.Outcome:
    """What comes out of it."""
    return fm.extract_case(case, SETTINGS)


def test_values_come_back_to_the_bit(tmp_path: Path, outcome: fm.Outcome) -> None:
    with Journal(tmp_path / "j.journal") as journal:
        journal.add("a", outcome, HERE)
        assert "a" in journal
    with Journal(tmp_path / "j.journal") as journal:
        entry = journal["a"]
    for region, kept in zip(outcome.regions, entry.regions, strict=True):
        assert kept["roi"] == region.roi
        if region.result is None:
            assert "no such file" in kept["error"]
        else:
            assert values_of(kept).tobytes() == region.result.values_array.tobytes()
    assert not entry.lasting  # the mask may be there next time


def test_the_last_entry_of_a_case_counts(tmp_path: Path, outcome: fm.Outcome) -> None:
    with Journal(tmp_path / "j.journal") as journal:
        journal.add("a", outcome, HERE)
        journal.add("a", fm.Outcome(0, "P", outcome.regions[:1], {}), HERE)
        assert len(journal["a"].regions) == 1
    with Journal(tmp_path / "j.journal") as journal:
        assert len(journal["a"].regions) == 1


@pytest.fixture(scope="module")
def three(outcome: fm.Outcome, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a journal with three entries."""
    path = tmp_path_factory.mktemp("three") / "j.journal"
    with Journal(path) as journal:
        for key in "abc":
            journal.add(key, outcome, HERE)
    return path.read_bytes()


@given(data=st.data())
def test_a_journal_that_was_cut_off_anywhere_keeps_its_whole_lines(
    data: st.DataObject, three: bytes, outcome: fm.Outcome, tmp_path_factory: pytest.TempPathFactory
) -> None:
    at = data.draw(st.integers(0, len(three)))
    path = tmp_path_factory.mktemp("cut") / "j.journal"
    path.write_bytes(three[:at])
    whole = max(0, three[:at].count(b"\n") - 1)  # the first line is the journal's own
    with Journal(path) as journal:
        assert [key for key in "abc" if key in journal] == list("abc"[:whole])
        journal.add("d", outcome, HERE)
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert [line.get("key") for line in lines] == [None, *"abc"[:whole], "d"]


@pytest.mark.parametrize("foreign", [b"case,roi\n1,2\n", b"\x00\x01", b"[1, 2]\n", b'{"a": 1}\n'])
def test_a_file_that_is_no_journal_is_left_as_it_is(tmp_path: Path, foreign: bytes) -> None:
    path = tmp_path / "features.journal"
    path.write_bytes(foreign)
    with pytest.raises(fm.InputError, match="no journal of ferromics"):
        Journal(path)
    assert path.read_bytes() == foreign


def test_a_journal_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "features.journal"
    path.write_text('{"journal":99}\n')
    with pytest.raises(fm.InputError, match="another version"):
        Journal(path)


def test_a_second_run_on_the_same_journal_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "j.journal"
    again = (
        "from pathlib import Path; from ferromics.cohort.journal import Journal; "
        f"Journal(Path({str(path)!r}))"
    )
    with Journal(path):
        done = subprocess.run(
            [sys.executable, "-c", again], capture_output=True, text=True, check=False
        )
    assert "another run is writing to" in done.stderr
    assert subprocess.run([sys.executable, "-c", again], check=False).returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="file sizes are limited by POSIX calls")
def test_a_line_that_could_not_be_written_leaves_no_trace(
    tmp_path: Path, outcome: fm.Outcome
) -> None:
    import resource
    import signal

    path = tmp_path / "j.journal"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with Journal(path) as journal:
        journal.add("a", outcome, HERE)
        whole = path.read_bytes()
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 100, before[1]))
        try:
            with pytest.raises(OSError, match="too large"):
                journal.add("b", outcome, HERE)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, ignored)
        assert path.read_bytes() == whole
        assert "b" not in journal
        journal.add("c", outcome, HERE)
    with Journal(path) as journal:
        assert ("a" in journal, "b" in journal, "c" in journal) == (True, False, True)


def test_other_journals_are_read_too(tmp_path: Path, outcome: fm.Outcome) -> None:
    paths = [tmp_path / f"{name}.journal" for name in ("own", "one", "two")]
    for path, key in zip(paths, "abc", strict=True):
        with Journal(path) as journal:
            journal.add(key, outcome, HERE)
    with Journal(paths[0], (paths[1], paths[2])) as journal:
        assert [len(journal[key].regions) for key in "abc"] == [3, 3, 3]
        journal.add("b", fm.Outcome(0, "P", outcome.regions[:1], {}), HERE)
        assert len(journal["b"].regions) == 1


# --- what makes a case another -------------------------------------------------------------------


def test_the_key_of_a_case_is_what_its_values_depend_on(case: fm.Case) -> None:
    key = key_of(case, HERE, SETTINGS.hash, "1")
    renamed = fm.Case(
        case.image, tuple(fm.Mask(m.source, label=m.label, carried={"a": 1}) for m in case.masks)
    )
    assert key_of(renamed, HERE, SETTINGS.hash, "1") == key
    others = [
        key_of(case, HERE, SETTINGS.hash, "2"),
        key_of(case, HERE, fm.Settings().hash, "1"),
        key_of(fm.Case("other.nii", case.masks), HERE, SETTINGS.hash, "1"),
        key_of(fm.Case(case.image, case.masks[:1]), HERE, SETTINGS.hash, "1"),
        key_of(
            fm.Case(case.image, (fm.Mask(case.masks[0].source, label=1),)), HERE, SETTINGS.hash, "1"
        ),
    ]
    assert len({key, *others}) == 6


def same(entry: Entry, case: fm.Case) -> bool:
    """Whether the files of a case have the contents that its entry was made from."""
    return changes(entry, case, HERE) is not None


def test_files_are_compared_by_size_and_time_then_by_contents(tmp_path: Path) -> None:
    image, mask = write_case(tmp_path, 0)
    case = fm.Case(image, (fm.Mask(mask, label=1),))
    with Journal(tmp_path / "j.journal") as journal:
        journal.add("a", fm.extract_case(case, SETTINGS), HERE)
        entry = journal["a"]
    assert same(entry, case)
    os.utime(image, ns=(1, 1))  # touched: the same contents
    assert same(entry, case)
    data = bytearray(image.read_bytes())
    data[-1] ^= 1
    image.write_bytes(data)
    assert not same(entry, case)
    write_case(tmp_path, 0)
    assert same(entry, case)
    mask.unlink()
    assert not same(entry, case)


def test_a_mask_that_was_missing_and_now_is_there_is_a_change(tmp_path: Path) -> None:
    image, mask = write_case(tmp_path, 0)
    case = fm.Case(image, (fm.Mask(tmp_path / "late.nii.gz"),))
    with Journal(tmp_path / "j.journal") as journal:
        journal.add("a", fm.extract_case(case, SETTINGS), HERE)
        entry = journal["a"]
    assert same(entry, case)
    mask.rename(tmp_path / "late.nii.gz")
    assert not same(entry, case)
