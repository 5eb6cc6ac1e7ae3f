"""Small cohorts for tests: files of noise with a ball in it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ferromics import io


def write_case(folder: Path, seed: int, edge: int = 9) -> tuple[Path, Path]:
    """Write an image of noise and a mask of labels 1 (a ball) and 2 (a corner) into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    image = rng.integers(-200, 300, (edge,) * 3).astype(np.int16)
    z, y, x = np.ogrid[(slice(-1, 1, edge * 1j),) * 3]
    labels = (z * z + y * y + x * x <= 0.8).astype(np.uint8)
    labels[:2, :2, :2] = 2
    paths = folder / "ct.nii.gz", folder / "labels.nii.gz"
    for path, array in zip(paths, (image, labels), strict=True):
        io.write_nifti(path, array, (3.0, 1.0, 1.0))
    return paths


def write_cohort(
    folder: Path, cases: int, edge: int = 9, **columns: Iterable[object]
) -> list[dict[str, Any]]:
    """Write cases P0, P1, ... and `cases.csv`, label 1 of each; further columns as given."""
    rows: list[dict[str, Any]] = []
    given = {name: list(values) for name, values in columns.items()}
    for k in range(cases):
        image, mask = write_case(folder / f"P{k}", k, edge)
        row = {"case": f"P{k}", "image": image, "mask": mask, "label": 1}
        row |= {name: values[k] for name, values in given.items()}
        rows.append({n: relative(v, folder) for n, v in row.items()})
    write_rows(folder / "cases.csv", rows)
    return rows


def relative(value: object, folder: Path) -> object:
    """A path from the folder on."""
    return str(value.relative_to(folder)) if isinstance(value, Path) else value


def write_rows(path: Path, rows: list[Mapping[str, Any]] | list[dict[str, Any]]) -> None:
    """Write a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, list(rows[0]))
        out.writeheader()
        out.writerows(rows)


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def features(row: Mapping[str, str]) -> dict[str, str]:
    """The features of a row of a wide table, as they are written."""
    return {k: v for k, v in row.items() if k.startswith("original_")}


def values(outcomes: Any) -> dict[tuple[int, str], Any]:
    """The bytes of all values, or what is said in their place, by case and region."""
    return {
        (o.index, r.roi): r.failure.message if r.failure else r.result.values_array.tobytes()
        for o in outcomes
        for r in o.regions
    }


DEADLY = """
import os
import signal


class Deadly:
    '''An image that ends the process which looks at it.'''

    def __array__(self, dtype=None, copy=None):
        os.kill(os.getpid(), signal.SIGSEGV)
"""


def deadly_image(folder: Path) -> Any:
    """An image that ends the process which looks at it, in worker processes too."""
    module = folder / "deadly.py"
    module.write_text(DEADLY)
    return _Deadly(str(folder))


class _Deadly:
    """Pickles as what is found in a folder, so that a worker need not have this module."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        code = (
            f"__import__('sys').path.insert(0, {self._folder!r}) or __import__('deadly').Deadly()"
        )
        return eval, (code,)
