"""What a cohort is made of: cases, each an image with its masks, and what its rows carry along."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ferromics import io
from ferromics._writers import Kind
from ferromics.regions import Labels
from ferromics.settings import AnySettings


@dataclass(frozen=True)
class Mask:
    """One mask of a case, as one row of a table of cases names it.

    Attributes
    ----------
    source
        As ``mask`` of :func:`ferromics.extract`, one of them.
    roi
        Name of its region; by default the mask file's name, or the label where one is given.
        Several labels are named ``roi-label``.
    label, threshold
        As ``label`` and ``mask_threshold`` of :func:`ferromics.extract`.
    carried
        Values that go with the region's row into the table, by column: text, whole numbers,
        numbers, truth values or ``None``.
    place
        Position of the row that names it, by which the rows of the result are ordered; where there
        is none, they come case by case, mask by mask.
    """

    source: io.Source
    roi: str | None = None
    label: Labels = None
    threshold: float | None = None
    carried: Mapping[str, Any] = field(default_factory=dict)
    place: int | None = None


@dataclass(frozen=True)
class Case:
    """One image and its masks: what is read, resampled and filtered once.

    Attributes
    ----------
    image
        As for :func:`ferromics.extract`.
    masks
        In the order of their rows.
    name
        Name in tables; by default the image file's name.
    settings
        What this case is computed with instead of the run's settings.
    spacing
        For an image array: mm, in the order of its axes (z, y, x).
    """

    image: io.Source
    masks: tuple[Mask, ...]
    name: str | None = None
    settings: AnySettings = None
    spacing: tuple[float, ...] | None = None

    @property
    def files(self) -> list[str]:
        """The paths of its files, each once."""
        sources = (self.image, *(mask.source for mask in self.masks))
        paths = (str(Path(s)) for s in sources if isinstance(s, str | os.PathLike))
        return list(dict.fromkeys(paths))


@dataclass(frozen=True)
class Cohort:
    """Cases in the order of their tables' rows or files' names.

    Attributes
    ----------
    cases
        The cases.
    carried
        The columns that are carried through, with the type of their values.
    folder
        The folder that relative paths start from; tables name files from there.
    origin
        Where the cases come from, for messages and the provenance.
    notes
        What was found beside them and is not used, one line each.
    """

    cases: tuple[Case, ...]
    carried: Mapping[str, Kind]
    folder: Path
    origin: str
    notes: tuple[str, ...] = ()

    def twins(self) -> list[str]:
        """A note where regions of several images could not be told apart by their rows."""
        images: dict[tuple[Any, ...], str] = {}
        for case in self.cases:
            for mask in case.masks:
                row = (case.name, mask.roi, str(mask.label), *map(str, mask.carried.values()))
                other = images.setdefault(row, self.shown(case.image))
                if other != self.shown(case.image) and case.name is not None:
                    return [
                        f"case {case.name} has several images, {other} and "
                        f"{self.shown(case.image)} among them, and only case_image tells their "
                        "rows apart: give them names of their own, or a column"
                    ]
        return []

    def shown(self, source: Any) -> str:
        """A file's path from the folder on, if it lies in there."""
        path = Path(os.fspath(source))
        inside = path.is_relative_to(self.folder)
        return path.relative_to(self.folder).as_posix() if inside else str(path)
