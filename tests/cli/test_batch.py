"""`ferromics batch` as a process: whatever happens to it, the table is right in the end."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cohort_files import features, read_rows, write_case, write_cohort, write_rows

import ferromics as fm

QUICK = "features: [stat, glcm]\ndiscretise: fbn8\n"
Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with eight cases, `cases.csv` and quick settings."""
    write_cohort(tmp_path, 8, site=[f"0{k}" for k in range(8)], age=range(50, 58))
    (tmp_path / "quick.yaml").write_text(QUICK)
    return tmp_path


def table(folder: Path, name: str = "features.csv") -> list[dict[str, str]]:
    """The rows of a table, without the time each took."""
    rows = read_rows(folder / name)
    return [{k: v for k, v in row.items() if k != "case_seconds"} for row in rows]


def journal(folder: Path) -> list[dict[str, Any]]:
    """The entries of the journal."""
    lines = (folder / "features.journal").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines[1:]]


BATCH = ("batch", "cases.csv", "-s", "quick.yaml", "-o", "features.csv")


def test_the_table_has_a_row_a_region_in_the_order_of_the_input(cli: Cli, folder: Path) -> None:
    done = cli(*BATCH, "--jobs", 3, cwd=folder)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "ferromics: 8 cases, 8 regions, written to features.csv\n"
    rows = read_rows(folder / "features.csv")
    assert [row["case"] for row in rows] == [f"P{k}" for k in range(8)]
    assert list(rows[0])[:5] == ["case", "roi", "site", "age", "case_status"]
    assert [row["site"] for row in rows] == [f"0{k}" for k in range(8)]
    for k, row in enumerate(rows):
        path = folder / f"P{k}"
        expected = fm.extract(
            path / "ct.nii.gz", path / "labels.nii.gz", folder / "quick.yaml", label=1
        )
        assert {c: float(v or "nan") for c, v in features(row).items()} == pytest.approx(
            dict(expected), abs=0, rel=0, nan_ok=True
        )
        assert (row["roi"], row["case_status"], row["case_error"]) == ("1", "done", "")
        assert row["case_image"] == f"P{k}/ct.nii.gz"
        assert row["case_image_sha256"] == expected.provenance["image"]["sha256"]
        assert row["case_settings"] == expected.provenance["settings_hash"]
        assert [row[f"case_spacing_{a}_mm"] for a in "zyx"] == ["3.0", "1.0", "1.0"]
        assert float(row["case_seconds"]) > 0
    provenance = json.loads((folder / "features.provenance.json").read_text())
    assert provenance["settings"][rows[0]["case_settings"]]["discretise"] == [
        {"type": "fbn", "bins": 8}
    ]
    assert provenance["ferromics"] == fm.__version__


def test_bad_cases_are_rows_that_say_why_and_stop_nothing(cli: Cli, folder: Path) -> None:
    write_case(folder / "other", 0, edge=7)
    rows = read_rows(folder / "cases.csv")
    rows[1]["mask"] = "P1/nothing.nii.gz"
    rows[3]["mask"] = "other/labels.nii.gz"
    rows[4]["label"] = "9"
    (folder / "P5" / "ct.nii.gz").write_bytes(b"\x1f\x8b not an image")
    write_rows(folder / "cases.csv", rows)
    done = cli(*BATCH, cwd=folder)
    assert done.returncode == 1
    found = read_rows(folder / "features.csv")
    assert [row["case"] for row in found] == [f"P{k}" for k in range(8)]
    failed = {row["case"]: row["case_error"] for row in found if row["case_status"] == "failed"}
    assert list(failed) == ["P1", "P3", "P4", "P5"]
    for case, words in (
        ("P1", "no such file"),
        ("P3", "differ in size"),
        ("P4", "no label 9; it has 1, 2"),
        ("P5", "damaged"),
    ):
        assert words in failed[case]
        assert f"case {case}, region" in done.stderr
    for row in found:
        missing = set(features(row).values()) == {""}
        assert missing == (row["case_status"] == "failed")
    assert "4 regions failed (column case_error)" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_case_failing_is_unusable_input(cli: Cli, folder: Path) -> None:
    write_rows(folder / "cases.csv", [{"image": "a.nii", "mask": "b.nii"}])
    done = cli(*BATCH, cwd=folder)
    assert done.returncode == 2
    assert "no such file" in done.stderr


def test_regions_of_one_image_and_settings_of_one_case(cli: Cli, folder: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"case": "A", "image": "P0/ct.nii.gz", "mask": "P0/labels.nii.gz", "label": "all"},
        {"case": "B", "image": "P1/ct.nii.gz", "mask": "P1/labels.nii.gz", "label": "1"},
        {"case": "A", "image": "P0/ct.nii.gz", "mask": "P0/labels.nii.gz", "label": "2"},
    ]
    for row, roi, settings in zip(
        rows, ("whole", "", "corner"), ("", "more.yaml", ""), strict=True
    ):
        row |= {"roi": roi, "settings": settings}
    write_rows(folder / "cases.csv", rows)
    (folder / "more.yaml").write_text("features: [stat, ih]\ndiscretise: fbn8\n")
    assert cli(*BATCH, cwd=folder).returncode == 0
    found = read_rows(folder / "features.csv")
    named = [(row["case"], row["roi"], row["case_label"]) for row in found]
    assert named == [
        ("A", "whole-1", "1"),
        ("A", "whole-2", "2"),
        ("B", "1", "1"),
        ("A", "corner", "2"),
    ]
    of_a, of_b = features(found[1]), features(found[2])
    assert features(found[3]) == of_a
    glcm, ih = (
        "original_glcm_contrast_fbn8_3d_merged",
        "original_ih_mean_discretised_intensity_fbn8",
    )
    assert (of_a[glcm] != "", of_a[ih], of_b[glcm], of_b[ih] != "") == (True, "", "", True)


@pytest.mark.parametrize("suffix", [".tsv", ".parquet", ".feather", ".jsonl", ".json"])
@pytest.mark.parametrize("layout", ["wide", "long"])
def test_every_format_holds_the_same(cli: Cli, folder: Path, suffix: str, layout: str) -> None:
    rows = read_rows(folder / "cases.csv")
    rows[2]["image"] = "missing.nii.gz"
    write_rows(folder / "cases.csv", rows)
    outputs = [folder / f"features{end}" for end in (".csv", suffix)]
    for path in outputs:
        done = cli(*BATCH[:-1], path, "--format", layout, "--resume", cwd=folder)
        assert done.returncode == 1, done.stderr
    for beside in ("", ".cases") if layout == "long" else ("",):
        one, other = (
            fm.read_table(path.with_name(f"features{beside}{path.suffix}")) for path in outputs
        )
        seconds = [c for c in one.columns if c == "case_seconds"]
        one, other = (frame.drop(columns=seconds) for frame in (one, other))
        assert list(one.columns) == list(other.columns)
        assert one["case"].tolist() == other["case"].tolist()
        for name in one.columns:
            same = (one[name] == other[name]) | (one[name].isna() & other[name].isna())
            assert same.all(), name
    if layout == "long":
        values = fm.read_table(outputs[0])
        columns = "case,roi,site,age,image,family,feature,ibsi,aggregation,discretisation"
        assert list(values.columns) == [*columns.split(","), "parameters", "value", "unit"]
        assert set(values["case"]) == {f"P{k}" for k in range(8) if k != 2}


def test_parquet_columns_are_typed_and_say_what_they_are(cli: Cli, folder: Path) -> None:
    import pyarrow.parquet as pq

    cli("batch", "cases.csv", "-s", "quick.yaml", "-o", "features.parquet", cwd=folder)
    schema = pq.read_schema(folder / "features.parquet")
    kinds = {name: str(schema.field(name).type) for name in ("site", "age", "case_label")}
    assert kinds == {"site": "string", "age": "int64", "case_label": "int64"}
    contrast = schema.field("original_glcm_contrast_fbn8_3d_merged").metadata
    told = {k.decode(): v.decode() for k, v in contrast.items()}
    assert told["ibsi"] == "ACUI"
    assert (told["aggregation"], told["discretisation"]) == ("3d_merged", "fbn8")
    mean = schema.field("original_stat_mean_intensity").metadata
    assert mean[b"unit"] == b"intensity"
    assert fm.__version__ in json.loads(schema.metadata[b"ferromics"])["ferromics"]


def test_the_table_goes_to_stdout(cli: Cli, folder: Path) -> None:
    done = cli("batch", "cases.csv", "-s", "quick.yaml", "-o", "-", cwd=folder)
    assert done.returncode == 0
    assert done.stdout.count("\n") == 9
    assert not list(folder.glob("features*"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cases.csv"], "name the table to write"),
        (["none.csv", "-o", "f.csv"], "no file or folder none.csv"),
        (["cases.csv", "-o", "f.xlsx"], "f.xlsx; its name must end in"),
        (["cases.csv", "-o", "no/f.csv"], "no folder no"),
        (["cases.csv", "-o", "f.csv", "-s", "nope.yaml"], "no settings file nope.yaml"),
        (["cases.csv", "-o", "f.csv", "--shard", "4/3"], "a shard is given as 3/20"),
        (["cases.csv", "-o", "f.csv", "--memory", "lots"], "memory must be a size"),
        (["cases.csv", "-o", "f.csv", "--resume", "--overwrite"], "give one of them"),
        (["cases.csv", "-o", "-", "--resume"], "need a file to go on with"),
        (["cases.csv", "-o", "f.csv", "--label", "x"], "--label must be a number"),
        (["cases.csv", "-o", "f.csv", "--dask", "tcp://127.0.0.1:9"], "no dask scheduler answers"),
    ],
)
def test_unusable_input_is_one_line(
    cli: Cli, folder: Path, arguments: list[str], message: str
) -> None:
    if "--dask" in arguments:
        pytest.importorskip("distributed")
    done = cli("batch", *arguments, cwd=folder)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_a_run_reads_is_never_written_over(cli: Cli, folder: Path) -> None:
    rows = (folder / "cases.csv").read_bytes()
    (folder / "f.cases.csv").write_bytes(rows)
    for arguments in (
        ["cases.csv", "-o", "cases.csv"],
        ["f.cases.csv", "-o", "f.csv", "--format", "long"],
    ):
        done = cli("batch", *arguments, cwd=folder)
        assert done.returncode == 2
        assert "would be overwritten" in done.stderr
    assert (folder / "cases.csv").read_bytes() == (folder / "f.cases.csv").read_bytes() == rows
    done = cli("batch", "cases.csv", "-o", "f.provenance.json", cwd=folder)
    assert "is named like what lies beside a table" in done.stderr


def test_two_columns_of_one_name_are_refused(cli: Cli, folder: Path) -> None:
    rows = [{**row, "a_b_stat_mean_intensity": "1"} for row in read_rows(folder / "cases.csv")]
    write_rows(folder / "cases.csv", rows)
    (folder / "named.yaml").write_text("features: [stat]\nfilters: [{type: square, name: a_b}]\n")
    done = cli("batch", "cases.csv", "-s", "named.yaml", "-o", "f.csv", cwd=folder)
    assert done.returncode == 2
    assert "would be named a_b_stat_mean_intensity" in done.stderr


def test_images_of_one_case_name_that_nothing_tells_apart_are_remarked(
    cli: Cli, folder: Path
) -> None:
    rows = [{**row, "case": "P", "age": "", "site": ""} for row in read_rows(folder / "cases.csv")]
    write_rows(folder / "cases.csv", rows)
    done = cli(*BATCH, cwd=folder)
    assert done.returncode == 0
    assert "case P has several images, P0/ct.nii.gz and P1/ct.nii.gz among them" in done.stderr


def test_of_several_labels_only_the_missing_one_fails(cli: Cli, folder: Path) -> None:
    rows = read_rows(folder / "cases.csv")[:1]
    rows[0]["label"] = "1;5;2"
    write_rows(folder / "cases.csv", [{**rows[0], "roi": "part"}])
    done = cli(*BATCH, cwd=folder)
    assert done.returncode == 1
    found = [(row["roi"], row["case_status"]) for row in read_rows(folder / "features.csv")]
    assert found == [("part-1", "done"), ("part-5", "failed"), ("part-2", "done")]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names of files are text")
def test_names_that_are_no_utf_8_stop_nothing(cli: Cli, folder: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(folder) + b"/M\xfcller"))
    (folder / "P0").rename(odd)
    (odd / "labels.nii.gz").rename(odd / "mask.nii.gz")
    for k in range(1, 8):
        (folder / f"P{k}" / "labels.nii.gz").rename(folder / f"P{k}" / "mask.nii.gz")
    common = ("batch", ".", "--pattern", "{case}/{modality}.nii.gz", "--label", "1")
    for name in ("f.csv", "f.parquet"):
        done = cli(*common, "-s", "quick.yaml", "-o", name, "--resume", cwd=folder)
        assert done.returncode == 0, done.stderr
        assert "M\ufffdller" in fm.read_table(folder / name)["case"].tolist()
    assert cli(*common, "--dry-run", "-o", "-", cwd=folder).returncode == 0


# --- going on ------------------------------------------------------------------------------------


def test_a_finished_run_is_not_overwritten_unasked(cli: Cli, folder: Path) -> None:
    cli(*BATCH, cwd=folder)
    before = (folder / "features.csv").read_bytes()
    done = cli(*BATCH, cwd=folder)
    assert done.returncode == 2
    assert "features.journal holds finished cases of an earlier run" in done.stderr
    assert (folder / "features.csv").read_bytes() == before
    assert cli(*BATCH, "--overwrite", cwd=folder).returncode == 0
    assert len(journal(folder)) == 8


def test_only_what_changed_is_computed_again(cli: Cli, folder: Path) -> None:
    cli(*BATCH, cwd=folder)
    first = table(folder)
    write_case(folder / "P2", 77)
    os.utime(folder / "P3" / "ct.nii.gz")  # touched: the same contents
    done = cli(*BATCH, "--resume", cwd=folder)
    assert done.returncode == 0
    assert "7 cases done before" in done.stderr
    second = table(folder)
    assert [k for k in range(8) if first[k] != second[k]] == [2]
    expected = fm.extract(
        folder / "P2/ct.nii.gz", folder / "P2/labels.nii.gz", folder / "quick.yaml", label=1
    )
    mean = "original_stat_mean_intensity"
    assert float(second[2][mean]) == expected[mean]


def test_other_settings_are_other_work(cli: Cli, folder: Path) -> None:
    cli(*BATCH, cwd=folder)
    (folder / "quick.yaml").write_text(QUICK.replace("fbn8", "fbn9"))
    done = cli(*BATCH, "--resume", cwd=folder)
    assert "done before" not in done.stderr
    assert "original_glcm_contrast_fbn9_3d_merged" in table(folder)[0]
    (folder / "quick.yaml").write_text(QUICK + "# the same\n")
    done = cli(*BATCH, "--resume", cwd=folder)
    assert "8 cases done before" in done.stderr


def test_new_cases_names_and_columns_need_no_old_work_again(cli: Cli, folder: Path) -> None:
    cli(*BATCH, cwd=folder)
    rows = read_rows(folder / "cases.csv")
    extra = write_case(folder / "P8", 8)
    new = {"case": "P8", "image": str(extra[0]), "mask": str(extra[1]), "label": "1"}
    rows = [{**row, "case": f"renamed {row['case']}", "arm": "x"} for row in reversed(rows)]
    rows.append({**rows[0], **new, "arm": "y"})
    write_rows(folder / "cases.csv", rows)
    done = cli(*BATCH, "--resume", cwd=folder)
    assert "8 cases done before" in done.stderr
    found = table(folder)
    assert [row["case"] for row in found] == [*(f"renamed P{k}" for k in range(7, -1, -1)), "P8"]
    assert [row["arm"] for row in found] == ["x"] * 8 + ["y"]


def test_a_case_that_failed_is_tried_again_only_if_it_may_succeed(cli: Cli, folder: Path) -> None:
    rows = read_rows(folder / "cases.csv")
    rows[0]["mask"], rows[1]["label"] = "P0/late.nii.gz", "9"
    write_rows(folder / "cases.csv", rows)
    assert cli(*BATCH, cwd=folder).returncode == 1
    (folder / "P0" / "labels.nii.gz").rename(folder / "P0" / "late.nii.gz")
    done = cli(*BATCH, "--resume", cwd=folder)
    assert "7 cases done before" in done.stderr
    assert [row["case"] for row in table(folder) if row["case_status"] == "failed"] == ["P1"]


@pytest.mark.parametrize("suffix", [".mhd", ".nhdr", ".hdr"])
def test_voxels_in_a_file_of_their_own_are_looked_at_too(
    cli: Cli, folder: Path, suffix: str
) -> None:
    import SimpleITK as sitk

    image = sitk.ReadImage(str(folder / "P0" / "ct.nii.gz"))
    sitk.WriteImage(image, str(folder / f"ct{suffix}"))
    row = {"image": f"ct{suffix}", "mask": "P0/labels.nii.gz", "label": "1"}
    write_rows(folder / "cases.csv", [row])
    assert cli(*BATCH, cwd=folder).returncode == 0
    first = table(folder)
    header = (folder / f"ct{suffix}").stat()
    sitk.WriteImage(image + 7, str(folder / f"ct{suffix}"))
    os.utime(folder / f"ct{suffix}", ns=(header.st_atime_ns, header.st_mtime_ns))
    done = cli(*BATCH, "--resume", cwd=folder)
    assert "done before" not in done.stderr
    mean = "original_stat_mean_intensity"
    assert float(table(folder)[0][mean]) == pytest.approx(float(first[0][mean]) + 7, abs=1e-9)


def test_too_little_memory_is_no_lasting_failure(cli: Cli, folder: Path) -> None:
    done = cli(*BATCH, "--memory", "1M", cwd=folder)
    assert done.returncode == 2
    assert "allow more (--memory)" in done.stderr
    done = cli(*BATCH, "--resume", cwd=folder)
    assert done.returncode == 0
    assert "done before" not in done.stderr


def test_a_cohort_that_was_moved_is_gone_on_with(cli: Cli, folder: Path, tmp_path: Path) -> None:
    assert cli(*BATCH, cwd=folder).returncode == 0
    moved = shutil.copytree(folder, tmp_path / "moved")
    done = cli(*BATCH, "--resume", cwd=moved)
    assert "8 cases done before" in done.stderr


def test_a_damaged_line_of_the_journal_costs_its_case_only(cli: Cli, folder: Path) -> None:
    cli(*BATCH, cwd=folder)
    whole = table(folder)
    path = folder / "features.journal"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = bytes(len(lines[3]) - 1) + b"\n"
    path.write_bytes(b"".join(lines))
    done = cli(*BATCH, "--resume", cwd=folder)
    assert "1 line of the journal cannot be read" in done.stderr
    assert "7 cases done before" in done.stderr
    assert table(folder) == whole


@pytest.mark.skipif(os.name == "nt", reason="signals are sent as POSIX has them")
def test_starting_anew_waits_for_no_run_and_harms_none(
    cli: Cli, folder: Path, long_run: list[dict[str, str]]
) -> None:
    with started(folder) as process:
        wait_for_lines(folder, 2)
        process.send_signal(signal.SIGSTOP)
        try:
            done = cli(*BATCH, "--overwrite", cwd=folder)
        finally:
            process.send_signal(signal.SIGCONT)
        assert done.returncode == 2
        assert "another run is writing to features.journal" in done.stderr
        assert process.wait(timeout=60) == 0
    assert table(folder) == long_run


def test_what_is_no_journal_is_not_overwritten(cli: Cli, folder: Path) -> None:
    (folder / "features.journal").write_text("my diary\n")
    done = cli(*BATCH, "--overwrite", cwd=folder)
    assert done.returncode == 2
    assert "no journal of ferromics" in done.stderr
    assert (folder / "features.journal").read_text() == "my diary\n"


# --- being stopped -------------------------------------------------------------------------------


@contextlib.contextmanager
def started(folder: Path, *more: object) -> Iterator[subprocess.Popen[str]]:
    """A run of its own, which is ended if it is still there at the end."""
    command = [sys.executable, "-m", "ferromics", *map(str, (*BATCH, *more))]
    process = subprocess.Popen(
        command, cwd=folder, text=True, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for_lines(folder: Path, lines: int) -> None:
    """Until the journal has so many lines."""
    path = folder / "features.journal"
    until = time.monotonic() + 60
    while not path.exists() or path.read_bytes().count(b"\n") < lines:
        assert time.monotonic() < until, "the run does not get on"
        time.sleep(0.005)


@pytest.fixture
def long_run(folder: Path) -> list[dict[str, str]]:
    """Settings that make each case take a while; the table of an undisturbed run."""
    write_cohort(folder, 24, edge=24)
    (folder / "quick.yaml").write_text("features: all\ndiscretise: fbn32\n")
    subprocess.run(
        [sys.executable, "-m", "ferromics", *BATCH[:-1], "whole.csv"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return table(folder, "whole.csv")


def test_a_run_that_is_killed_at_any_moment_is_gone_on_with(
    cli: Cli, folder: Path, long_run: list[dict[str, str]]
) -> None:
    chance = random.Random(4)
    for lines in (1, 5, 12, 20):
        with started(folder, "--resume") as process:
            wait_for_lines(folder, lines)
            time.sleep(chance.random() * 0.02)
            process.kill()
        assert not (folder / "features.csv").exists()
    before = {entry["key"] for entry in journal(folder)}
    assert len(before) >= 18
    done = cli(*BATCH, "--resume", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert table(folder) == long_run
    keys = [entry["key"] for entry in journal(folder)]
    assert len(keys) == len(set(keys)) == 24


@pytest.mark.skipif(os.name == "nt", reason="signals are sent as POSIX has them")
@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_a_run_that_is_interrupted_keeps_what_is_done_and_says_how_to_go_on(
    cli: Cli, folder: Path, long_run: list[dict[str, str]], number: str
) -> None:
    with started(folder) as process:
        wait_for_lines(folder, 4)
        process.send_signal(getattr(signal, number))
        out, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert "stopping: the cases under way are finished first" in told
    assert "of 24 cases are done and kept in features.journal" in told
    assert "--resume goes on" in told
    assert "Traceback" not in told
    assert not (folder / "features.csv").exists()
    kept = len(journal(folder))
    done = cli(*BATCH, "--resume", cwd=folder)
    assert f"{kept} cases done before" in done.stderr
    assert table(folder) == long_run


@pytest.mark.skipif(os.name == "nt", reason="signals are sent as POSIX has them")
@pytest.mark.usefixtures("long_run")
def test_a_second_interrupt_leaves_at_once(folder: Path) -> None:
    write_cohort(folder, 24, edge=90)
    with started(folder, "--jobs", 1) as process:
        wait_for_lines(folder, 2)
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "left at once" in told
    assert "Traceback" not in told


@pytest.mark.skipif(sys.platform != "linux", reason="workers are found in /proc")
def test_workers_that_are_killed_cost_little_and_none_outlives_its_run(
    cli: Cli, folder: Path, long_run: list[dict[str, str]]
) -> None:
    def children(pid: int) -> list[int]:
        tasks = Path(f"/proc/{pid}/task").glob("*/children")
        found = [int(child) for task in tasks for child in task.read_text().split()]
        named = ((child, Path(f"/proc/{child}/cmdline").read_bytes()) for child in found)
        return [child for child, command in named if b"spawn_main" in command]

    with started(folder, "--workers", "processes", "--jobs", 2) as process:
        wait_for_lines(folder, 5)
        os.kill(children(process.pid)[0], signal.SIGKILL)
        wait_for_lines(folder, 10)
        left = children(process.pid)
        process.kill()
        process.communicate()
    until = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in left):
        assert time.monotonic() < until, "a worker outlives its run"
        time.sleep(0.05)
    done = cli(*BATCH, "--resume", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert table(folder) == long_run


@pytest.mark.skipif(os.name == "nt", reason="file sizes are limited by POSIX calls")
@pytest.mark.parametrize("share", [0.4, 1.05])
def test_a_full_disk_leaves_no_torn_file_and_no_work_is_lost(
    cli: Cli, folder: Path, long_run: list[dict[str, str]], share: float
) -> None:
    # The journal of the undisturbed run takes so many bytes; the table takes more.
    size = (folder / "whole.journal").stat().st_size
    assert (folder / "whole.csv").stat().st_size > 1.1 * size
    limited = (
        "import resource, sys; from ferromics.cli import run; "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({int(share * size)},) * 2); "
        f"sys.exit(run({list(BATCH)!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", limited], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "File too large" in done.stderr
    assert "cases are kept, --resume goes on" in done.stderr
    assert "Traceback" not in done.stderr
    left = {path.name for path in folder.iterdir() if path.name.startswith((".", "features"))}
    assert left == {"features.journal"}
    assert len(journal(folder)) == 24 if share > 1 else 0 < len(journal(folder)) < 24
    assert cli(*BATCH, "--resume", cwd=folder).returncode == 0
    assert table(folder) == long_run


# --- parts of a cohort ---------------------------------------------------------------------------


def test_shards_are_disjoint_and_complete_and_are_gathered(cli: Cli, folder: Path) -> None:
    cli(*BATCH, cwd=folder)
    whole = table(folder)
    for path in folder.glob("features*"):
        path.unlink()
    for k in (1, 2, 3):
        done = cli(*BATCH, "--shard", f"{k}/3", cwd=folder)
        assert done.returncode == 0, done.stderr
        again = cli(*BATCH, "--shard", f"{k}/3", "--resume", cwd=folder)
        assert "cases done before" in again.stderr
    parts = [table(folder, f"features.{k}-of-3.csv") for k in (1, 2, 3)]
    assert sorted(row["case"] for part in parts for row in part) == [f"P{k}" for k in range(8)]
    done = cli(*BATCH, "--resume", cwd=folder)
    assert "8 cases done before" in done.stderr
    assert table(folder) == whole


def test_shards_that_are_done_are_not_computed_again_by_oversight(cli: Cli, folder: Path) -> None:
    for k in range(1, 10):
        done = cli(*BATCH, "--shard", f"{k}/9", cwd=folder)
        assert done.returncode == 0, done.stderr  # the last one has no case
    done = cli(*BATCH, cwd=folder)
    assert done.returncode == 2
    assert "--resume goes on with it" in done.stderr
    assert not (folder / "features.journal").exists()
    rows = read_rows(folder / "cases.csv")
    write_rows(folder / "cases.csv", [rows[-1], *rows[:-1]])  # every shard has other cases now
    done = cli(*BATCH, "--shard", "2/9", "--resume", cwd=folder)
    assert "1 case done before" in done.stderr


def test_a_dry_run_lists_cases_and_what_is_missing(cli: Cli, folder: Path) -> None:
    (folder / "P3" / "labels.nii.gz").unlink()
    done = cli("batch", "cases.csv", "--dry-run", cwd=folder)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert len(lines) == 9
    assert "no such file" in lines[4]
    assert not list(folder.glob("features*"))


def test_the_log_has_a_line_a_region(cli: Cli, folder: Path) -> None:
    rows = read_rows(folder / "cases.csv")
    rows[1]["label"] = "9"
    write_rows(folder / "cases.csv", rows)
    cli(*BATCH, "--log", "run.log", cwd=folder)
    lines = (folder / "run.log").read_text().splitlines()
    assert len(lines) == 9
    assert sum(": done (" in line for line in lines) == 7
    assert any("case P1, region 9: failed: " in line for line in lines)
