"""Cases on other people's schedulers: dask with several worker processes, joblib."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask
import joblib
import pytest
from cohort_files import deadly_image, read_rows, values, write_cohort
from distributed import Client, LocalCluster

import ferromics as fm
from ferromics.cohort.cases import Cohort
from ferromics.cohort.find import find_cases

SETTINGS = {"features": ["stat", "glcm"], "discretise": "fbn8"}
Cli = Callable[..., "subprocess.CompletedProcess[str]"]

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine cases; the mask of one is not there."""
    folder = tmp_path_factory.mktemp("cohort")
    write_cohort(folder, 9)
    (folder / "P4" / "labels.nii.gz").unlink()
    (folder / "quick.yaml").write_text("features: [stat, glcm]\ndiscretise: fbn8\n")
    return folder


@pytest.fixture
def cohort(folder: Path) -> Cohort:
    """The cases."""
    return find_cases(folder / "cases.csv")


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """Two worker processes of one thread each; a case that kills one is not tried again."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            silence_logs=logging.CRITICAL,
        ) as cluster,
    ):
        yield cluster


@pytest.fixture
def client(cluster: LocalCluster) -> Iterator[Client]:
    """A client of the cluster."""
    with Client(cluster) as client:
        yield client


@pytest.fixture
def here(cohort: Cohort) -> dict[tuple[int, str], Any]:
    """What comes out on this machine."""
    out = values(fm.extract_many(cohort, SETTINGS))
    assert len(out) == 9
    assert "no such file" in out[4, "1"]
    return out


def test_a_dask_cluster_gives_what_this_machine_gives(
    cohort: Cohort, here: dict[tuple[int, str], Any], client: Client
) -> None:
    assert values(fm.extract_many(cohort, SETTINGS, executor=client.get_executor())) == here


def test_few_cases_are_on_their_way_at_a_time_if_so_asked(cohort: Cohort, client: Client) -> None:
    found = fm.extract_many(cohort, SETTINGS, executor=client.get_executor(), jobs=2)
    assert sorted(outcome.index for outcome in found) == list(range(9))


def test_relative_paths_start_where_the_caller_is(
    folder: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    pairs = [(f"P{k}/ct.nii.gz", fm.Mask(f"P{k}/labels.nii.gz", label=1)) for k in range(3)]
    found = list(fm.extract_many(pairs, SETTINGS, executor=client.get_executor()))
    assert [outcome.failures for outcome in found] == [{}] * 3


def test_a_worker_of_a_dask_cluster_that_dies_costs_its_case_only(
    cohort: Cohort, here: dict[tuple[int, str], Any], client: Client, tmp_path: Path
) -> None:
    deadly = deadly_image(tmp_path)
    given = [
        *cohort.cases[:2],
        fm.Case(deadly, (fm.Mask("none.nii"),), "deadly"),
        *cohort.cases[2:],
    ]
    found = values(fm.extract_many(given, SETTINGS, executor=client.get_executor(), jobs=1))
    died = found.pop((2, "none"))
    assert "KilledWorker" in died
    expected = {(k + (k >= 2), roi): v for (k, roi), v in here.items()}
    assert found == expected


def test_the_command_line_takes_a_scheduler(cli: Cli, folder: Path, cluster: LocalCluster) -> None:
    common = ("batch", "cases.csv", "-s", "quick.yaml", "--overwrite", "-o")
    by_dask = cli(*common, "dask.csv", "--dask", cluster.scheduler_address, cwd=folder)
    assert by_dask.returncode == 1, by_dask.stderr
    assert "9 cases, 9 regions, 1 region failed" in by_dask.stderr
    assert cli(*common, "here.csv", cwd=folder).returncode == 1
    one, other = (read_rows(folder / name) for name in ("dask.csv", "here.csv"))
    for row in (*one, *other):
        del row["case_seconds"]
    assert one == other


def test_joblib_runs_the_case_function(cohort: Cohort, here: dict[tuple[int, str], Any]) -> None:
    outcomes = joblib.Parallel(n_jobs=2)(
        joblib.delayed(fm.extract_case)(case, SETTINGS, threads=1, index=k)
        for k, case in enumerate(cohort.cases)
    )
    assert values(outcomes) == here
