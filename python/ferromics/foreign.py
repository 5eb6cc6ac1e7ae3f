"""Reads a table of values that any tool wrote, as records of the long table.

Which tool wrote it shows in its names (:mod:`ferromics.names`). Read are the long table; tables
with one row a case and the names above; tables with one row a value and the names beside.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypeAlias

from ferromics import compliance, names
from ferromics._grid import read_grid
from ferromics._layouts import (
    NOT_COMPUTED,
    Cell,
    is_long,
    is_value,
    long_cells,
    named_cells,
    named_configuration,
    number_of,
)
from ferromics.errors import InputError
from ferromics.names import Meaning, Reason

LONG: Final = "ferromics long table"
EMPTY: Final = ("", "na", "n/a", "#n/a", "none", "null", "-", "—")
Key: TypeAlias = tuple[str, str, str]
"""Family, feature, aggregation."""


@dataclass(frozen=True)
class Foreign:
    """A table's values in terms of the catalogue.

    ``records`` holds, by configuration of IBSI 1 or test of IBSI 2, phase 2, rows of the long table
    ready for :func:`ferromics.compare`; a value that is not finite is ``None``. ``unmapped`` is
    what is not in them (column or row as found, why), ``notes`` what was converted or assumed
    (what, how).
    """

    tool: str
    records: dict[str, list[dict[str, Any]]]
    unmapped: tuple[tuple[str, str], ...]
    notes: tuple[tuple[str, str], ...] = ()


def read(path: Path, *, tool: str | None = None, configuration: str | None = None) -> Foreign:
    """Read values that any tool wrote.

    Parameters
    ----------
    path
        ``.csv`` (commas, semicolons, tabs; decimal commas with the latter two), ``.json`` or
        ``.parquet``.
    tool
        Whose names they are (a key of :data:`ferromics.names.TOOLS`), if the names do not tell.
    configuration
        Which of IBSI's configurations the values are of, if the table does not tell; if it does,
        the one to take.

    Returns
    -------
    Foreign
        An empty cell counts as not there. A cell that says ``nan`` or ``inf`` is a value of
        ``None``, and so is an empty one of ferromics' own tables, where it means undefined.
        Columns that describe the case or the run are left out without a word. Textures of
        PyRadiomics are taken as set to ``force2D`` if its settings in the table say so, or if there
        are none and the configuration is A or B.

    Raises
    ------
    InputError
        If the file is no such table, holds no name of a feature, has two values for one feature,
        text instead of a number, or does not tell its configuration.
    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from ferromics import compare, foreign
    >>> path = Path(tempfile.mkdtemp()) / "values.tsv"
    >>> _ = path.write_text(chr(10).join(["tag;A;B", "stat_mean;13,4;11,5", "stat_mode;13;11"]))
    >>> found = foreign.read(path)
    >>> found.tool, list(found.records), found.unmapped
    ('IBSI spreadsheet tags', ['A', 'B'], (('stat_mode', 'IBSI has no reference value for it'),))
    >>> [row.verdict for row in compare(found.records["B"], "B") if row.value == 11.5]
    ['match']
    """
    wanted = _wanted(configuration)
    grid = read_grid(Path(path))
    notes: list[tuple[str, str]] = []
    if is_long(grid) and (tool is None or tool.casefold() == "ferromics"):
        title, key, cells = LONG, "ferromics", list(long_cells(grid))
    else:
        key, cells, notes = named_cells(grid, tool, wanted)
        title = names.TOOLS[key]
    collected = _Collected(Path(path), key, {}, {}, dict.fromkeys(notes))
    for found, group in _by_configuration(cells, wanted, collected).items():
        for cell in group:
            collected.add(cell, found)
    return collected.finish(title)


@dataclass(frozen=True)
class _Collected:
    """Values by configuration and key, each with the cell it comes from; and what is no value."""

    path: Path
    tool: str
    values: dict[str, dict[Key, tuple[Cell, float | None]]]
    unmapped: dict[tuple[str, str], None]
    notes: dict[tuple[str, str], None]
    empty: dict[tuple[str, str, str, str], Cell] = field(default_factory=dict)

    def add(self, cell: Cell, configuration: str) -> None:
        """Sort a cell in."""
        meaning = cell.meaning
        if isinstance(meaning, Reason):
            self.unmapped[cell.name, meaning.why] = None
        elif meaning is None:
            of_case = not cell.name or names.describes(self.tool, cell.name)
            if is_value(cell.text) and not of_case:
                self.unmapped[cell.name, f"no name in {names.TOOLS[self.tool]}"] = None
        elif cell.text.casefold() in EMPTY:
            self.empty.setdefault((configuration, *meaning[:3]), cell)
        else:
            self._keep(cell, meaning, configuration)
            if meaning.note:
                self.notes[cell.name, meaning.note] = None

    def finish(self, title: str) -> Foreign:
        """Everything as records; an error if there are none.

        An empty cell counts where no other column has the value: tables of several configurations
        have a column for each discretisation.
        """
        for (configuration, *rest), cell in self.empty.items():
            values, key = self.values.setdefault(configuration, {}), (rest[0], rest[1], rest[2])
            if key not in values and self.tool == "ferromics":
                values[key] = (cell, None)
            elif key not in values and (configuration, *key) in _referenced():
                self.unmapped[cell.name, f"empty ({cell.place})"] = None
        if not any(self.values.values()):
            name, why = next(iter(self.unmapped), ("its names", "no feature's"))
            msg = f"{self.path} has no value that could be judged; {name}: {why}"
            raise InputError(msg)
        known = (*compliance.configurations(), *compliance.filter_tests())
        order = [c for c in known if self.values.get(c)]
        records = {
            c: [
                {"family": k[0], "feature": k[1], "aggregation": k[2], "value": value}
                for k, (_, value) in self.values[c].items()
            ]
            for c in order
        }
        return Foreign(title, records, tuple(self.unmapped), tuple(self.notes))

    def _keep(self, cell: Cell, meaning: Meaning, configuration: str) -> None:
        key: Key = meaning[:3]
        value = _value(cell, meaning, self.path)
        kept, before = self.values.setdefault(configuration, {}).setdefault(key, (cell, value))
        if before != value:
            msg = (
                f"{self.path}: two values for {' '.join(filter(None, key))} of {configuration}: "
                f"{kept.name} ({kept.place}) and {cell.name} ({cell.place}); leave one case and "
                "one discretisation in the table"
            )
            raise InputError(msg)


def _wanted(configuration: str | None) -> str | None:
    if configuration is None:
        return None
    found = named_configuration(configuration)
    if found is None:
        known = ", ".join((*compliance.configurations(), *compliance.filter_tests()))
        msg = f"no configuration {configuration!r}; there are {known}"
        raise InputError(msg)
    return found


def _by_configuration(
    cells: list[Cell], wanted: str | None, collected: _Collected
) -> dict[str, list[Cell]]:
    """The cells of each configuration; of ``wanted`` alone, if it is given."""
    labels = {cell.label: cell.configuration for cell in cells}
    told = {found for found in labels.values() if found}
    guessed = any(cell.guessed for cell in cells if cell.configuration)
    if guessed and wanted and len(told) == 1:
        told = set()  # what the user says counts for more than a guess
    elif guessed:
        found = ", ".join(sorted(told))
        collected.notes[f"labels {found}", "taken for IBSI's configurations of these names"] = None
    if wanted and told and wanted not in told:
        msg = f"{collected.path} holds values of {', '.join(sorted(told))}, not of {wanted}"
        raise InputError(msg)
    if not wanted and not told:
        said = ", ".join(sorted(label for label in labels if label)[:4])
        hint = f" (it says {said})" if said else ""
        msg = (
            f"{collected.path}: cannot tell which of IBSI's configurations the values are of"
            f"{hint}; pass --configuration with one of "
            f"{', '.join(compliance.configurations())}, or with a test of IBSI 2 such as 2.A"
        )
        raise InputError(msg)
    out: dict[str, list[Cell]] = {}
    for cell in cells:
        named = labels[cell.label] if told else wanted
        if named is None:
            where = cell.label or "values without a configuration"
            collected.unmapped[where, "no configuration of IBSI"] = None
        elif wanted in (None, named):
            out.setdefault(named, []).append(cell)
    return out


def _value(cell: Cell, meaning: Meaning, path: Path) -> float | None:
    if cell.text.casefold() in NOT_COMPUTED:
        return None
    number = number_of(cell.text)
    if number is None:
        msg = f"{path}, {cell.place}: {cell.name} is {cell.text!r}; a number is needed"
        raise InputError(msg)
    value = float(number + Decimal(meaning.add))
    return value if abs(value) < float("inf") else None


@functools.cache
def _referenced() -> frozenset[tuple[str, str, str, str]]:
    """Configuration, family, feature and aggregation of every reference value."""
    rows = (*compliance.references(), *compliance.ibsi2_references())
    return frozenset((r.configuration, r.family, r.feature, r.aggregation) for r in rows)
