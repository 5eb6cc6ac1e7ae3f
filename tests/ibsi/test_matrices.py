"""The texture matrices of the digital phantom equal the manual's (chapter 6), count for count."""

from __future__ import annotations

import csv
from collections import defaultdict
from importlib import resources

import numpy as np
import pytest

import ferromics as fm

Rows = tuple[tuple[float, ...], ...]

IN_PLANE = [(0, 0, 1), (0, 1, -1), (0, 1, 0), (0, 1, 1)]
ALL = [*IN_PLANE, *[(1, y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]]
DIRECTIONAL = {"glcm", "glrlm"}


def published() -> dict[tuple[str, str, str], list[Rows]]:
    """Return the manual's matrices by family, dimension and kind, in its order."""
    tables: dict[tuple[str, str, str], dict[str, list[tuple[float, ...]]]] = defaultdict(dict)
    text = (resources.files("ferromics") / "reference/ibsi1_texture_matrices.csv").read_text()
    for r in csv.DictReader(text.splitlines()):
        kind = tables[r["family"], r["dimension"], r["merged"]]
        kind.setdefault(r["table"], []).append((float(r["i"]), float(r["j"]), float(r["n"])))
    return {k: [tuple(sorted(rows)) for rows in v.values()] for k, v in tables.items()}


PUBLISHED = published()


def levels() -> np.ndarray:
    image, mask, _ = fm.phantom()
    return fm.discretise(image, mask, "none")


def ours(family: str, dimension: str, merged: str) -> list[Rows]:
    """Return the same matrices of ours, by slice or of the volume, by direction or merged."""
    offsets: list[tuple[int, int, int] | None] = [None]
    if family in DIRECTIONAL and not merged:
        offsets = [*IN_PLANE] if dimension == "2d" else [*ALL]
    slices = range(4) if dimension == "2d" else [None]
    given = levels()
    made = [fm.texture_matrix(given, family, offset=o, z=z) for o in offsets for z in slices]
    # The manual prints sums of differences with six decimals.
    return [tuple(sorted(map(tuple, m.round(6).tolist()))) for m in made]


def test_the_manual_s_chapter_is_complete() -> None:
    assert sum(len(tables) for tables in PUBLISHED.values()) == 88


# The manual's labels of directions and slices are garbled, so sets of matrices are compared.
@pytest.mark.parametrize("kind", PUBLISHED, ids="-".join)
def test_matrices_equal_the_manual_s(kind: tuple[str, str, str]) -> None:
    assert sorted(ours(*kind)) == sorted(PUBLISHED[kind])
