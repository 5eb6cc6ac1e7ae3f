"""Every reference value of IBSI 1, as a user gets it from `fm.extract` and from the command line."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import ferromics as fm
from ferromics import compliance

if TYPE_CHECKING:
    from collections.abc import Mapping

# Number of reference values, from the README of IBSI's table.
EXPECTED = {"digital_phantom": 482, "A": 346}
PRESET = {"digital_phantom": "ibsi:phantom", "A": "ibsi:A"}


@pytest.fixture(scope="session")
def ct_phantom(ibsi_data: Path) -> tuple[Path, Path]:
    folder = ibsi_data / "ibsi_1_ct_radiomics_phantom" / "nifti"
    return folder / "image" / "phantom.nii.gz", folder / "mask" / "mask.nii.gz"


@pytest.fixture(scope="session")
def phantom_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return compliance.write_phantom(tmp_path_factory.mktemp("phantom"))


@pytest.fixture(scope="session")
def files(request: pytest.FixtureRequest) -> Mapping[str, tuple[Path, Path]]:
    class Lazy(dict[str, tuple[Path, Path]]):
        def __missing__(self, key: str) -> tuple[Path, Path]:
            name = "phantom_files" if key == "digital_phantom" else "ct_phantom"
            value: tuple[Path, Path] = request.getfixturevalue(name)
            return self.setdefault(key, value)

    return Lazy()


@pytest.fixture(scope="session")
def results(files: Mapping[str, tuple[Path, Path]]) -> Mapping[str, fm.Result]:
    class Lazy(dict[str, fm.Result]):
        def __missing__(self, key: str) -> fm.Result:
            image, mask = files[key]
            return self.setdefault(key, fm.extract(image, mask, settings=PRESET[key]))

    return Lazy()


REFERENCES = [r for r in compliance.references() if r.configuration in EXPECTED]


def test_the_tables_hold_as_many_values_as_ibsi_states() -> None:
    counts = {c: sum(r.configuration == c for r in REFERENCES) for c in EXPECTED}
    assert counts == EXPECTED


@pytest.mark.parametrize(
    "reference",
    REFERENCES,
    ids=lambda r: "-".join(p for p in (r.configuration, r.family, r.feature, r.aggregation) if p),
)
def test_value_matches_its_reference(
    reference: compliance.Reference, results: Mapping[str, fm.Result]
) -> None:
    rows = {
        (r["family"], r["feature"], r["aggregation"]): r["value"]
        for r in results[reference.configuration].records()
    }
    value = rows[reference.family, reference.feature, reference.aggregation]
    verdict = compliance.judge(value, reference.value, reference.tolerance)
    assert verdict == "match", f"{value!r} against {reference.value} +- {reference.tolerance}"


@pytest.mark.parametrize("configuration", EXPECTED)
def test_long_table_of_the_command_line_matches_all_references(
    configuration: str, files: Mapping[str, tuple[Path, Path]]
) -> None:
    image, mask = files[configuration]
    command = [sys.executable, "-m", "ferromics", "extract", str(image), str(mask)]
    command += ["--settings", PRESET[configuration], "--format", "long", "-o", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    table = list(csv.DictReader(io.StringIO(done.stdout)))
    values = {(r["family"], r["feature"], r["aggregation"]): r["value"] for r in table}
    wanted = [r for r in REFERENCES if r.configuration == configuration]
    verdicts = [
        compliance.judge(float(values[r.family, r.feature, r.aggregation]), r.value, r.tolerance)
        for r in wanted
    ]
    assert verdicts == ["match"] * EXPECTED[configuration]
