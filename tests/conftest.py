"""Fixtures shared by all tests; first of all where IBSI's data are."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from hypothesis import settings

from ferromics import ibsi_data as ibsi_data_folder

# The same examples every time in CI, so that a change fails only by what it changed; elsewhere new
# ones are tried at each run.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI", "").lower() == "true":
    settings.load_profile("ci")

ROOT = Path(__file__).resolve().parent.parent

collect_ignore = ["parity/pyradiomics_itself.py"]  # a program for PyRadiomics' interpreter


@pytest.fixture(scope="session")
def ibsi_data() -> Path:
    """IBSI's data; skips where they are not, but fails in CI."""
    found = ibsi_data_folder.find(beside=ROOT.parent / "shared" / "ibsi" / "data")
    if found is None:
        lacking(f"IBSI's CT phantom is not here: {ibsi_data_folder.HOW_TO_GET_IT}")
    return found


def lacking(message: str) -> NoReturn:
    """Skip, but fail in CI: data that should be there are not."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def parity() -> Path:
    """Other tools' values on real images; skips where they are not, but fails in CI."""
    folder = ROOT.parent / "shared" / "parity"
    if not folder.is_dir():
        lacking(f"other tools' values are not here: no {folder}")
    return folder


@pytest.fixture(scope="session")
def response_map(ibsi_data: Path) -> Callable[[str], Path]:
    """The file of IBSI 2's reference map of a test, as ``3.a.1``.

    The maps are in a repository of their own: skips where they are not, but fails in CI.
    """

    def find(test: str) -> Path:
        path = ibsi_data_folder.response_map(ibsi_data, test)
        if not path.is_file():
            lacking(f"no reference map {path}: run `ferromics ibsi --download`")
        return path

    return find


@pytest.fixture(scope="session")
def ct_phantom(ibsi_data: Path) -> tuple[Path, Path]:
    """Image and mask file of the CT phantom."""
    return ibsi_data_folder.ct_phantom(ibsi_data)


Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def cli() -> Cli:
    """Run the command line as a process: ``cli("extract", image, mask).stdout``."""

    def run(
        *arguments: object, cwd: Path | None = None, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ferromics", *map(str, arguments)]
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            timeout=300,
            check=False,
        )

    return run


@pytest.fixture
def block() -> tuple[np.ndarray, np.ndarray]:
    """A small image of noise, int16 (6, 7, 8), and a bool mask inside it."""
    rng = np.random.default_rng(3)
    image = rng.integers(-200, 300, (6, 7, 8)).astype(np.int16)
    mask = np.zeros(image.shape, bool)
    mask[1:5, 2:6, 1:7] = True
    mask[2, 3, 3] = False
    return image, mask
