"""Tables of cases: CSV of all flavours, TSV, JSON or Parquet, one row a mask.

``image`` and ``mask`` are needed; ``case``, ``roi``, ``label``, ``mask_threshold`` and ``settings``
mean what they mean in :func:`ferromics.extract`; every other column goes through with its row.
"""

from __future__ import annotations

import difflib
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from ferromics import io
from ferromics._grid import read_arrow, read_grid
from ferromics._writers import NEED_ARROW, Kind
from ferromics.cohort import columns
from ferromics.cohort.cases import Case, Cohort, Mask
from ferromics.errors import InputError, SettingsError
from ferromics.regions import Labels
from ferromics.settings import Settings, presets

NEEDED: Final = ("image", "mask")
KNOWN: Final = (*NEEDED, "case", "roi", "label", "mask_threshold", "settings")
"""Columns with a meaning; their case and blanks around them do not count."""

SUFFIXES: Final = (".csv", ".tsv", ".txt", ".json", ".parquet")

_NEAR: Final = {
    "image": "(?:image|img|scan|volume|ct|pet|mri?)",
    "mask": "(?:mask|seg|segmentation|labelmap|contour|roi[ _-]?mask)",
}
_NEAR_END: Final = "s?(?:[ _-]?(?:path|file|name|filename)s?)?"
"""What else people call the columns that are needed."""


@dataclass(frozen=True)
class _Table:
    """Cells of the columns with a meaning, the number of each row in the file, typed columns."""

    path: Path
    columns: Mapping[str, Sequence[str]]
    numbers: Sequence[int]
    typed: Mapping[str, tuple[Kind, list[Any]]]

    def place(self, row: int) -> str:
        return f"{self.path}, row {self.numbers[row]}"


class _Row(NamedTuple):
    """What a row says; ``line`` counts the rows below the header."""

    line: int
    image: str
    case: str | None
    settings: str | None
    mask: Mask

    @property
    def region(self) -> str:
        """Name of the region, or of the several that the labels make."""
        mask = self.mask
        several = isinstance(mask.label, tuple | str)
        own = mask.roi or (io.stem(Path(str(mask.source))) if several or mask.label is None else "")
        return f"{own}-{mask.label}" if several else own or str(mask.label)


def read_cases(path: Path, *, label: Labels = None, mask_threshold: float | None = None) -> Cohort:
    """Read a table of cases.

    Parameters
    ----------
    path
        ``.csv`` (commas, semicolons, tabs), ``.tsv``, ``.json`` or ``.parquet``.
    label, mask_threshold
        For the rows that give neither.

    Returns
    -------
    Cohort
        Rows with the same image, case and settings are one case. A file that is named but does not
        exist is left to the run, which records it.

    Raises
    ------
    InputError
        If a column or a cell that is needed is missing, a cell cannot be understood, two rows ask
        for the same region or would give it the same name; with the number of the row.
    SettingsError
        If a row's settings are not allowed.
    """
    table = _read(path)
    rest = {name: typed for name, typed in table.typed.items() if name not in KNOWN}
    columns.check_names(rest, str(path))
    rows = list(_rows(table, rest, label, mask_threshold))
    kinds = {name: kind for name, (kind, _) in rest.items()}
    chosen = _settings(table, rows)
    groups: dict[tuple[str, str | None, str | None], list[_Row]] = {}
    for row in rows:
        groups.setdefault((row.image, row.case, row.settings), []).append(row)
    folder = _folder(path)
    names = _default_names([row.image for row in rows if row.case is None], folder)
    cases = []
    for (image, case, settings), group in groups.items():
        if len(group) > 1:
            _refuse_twins(table, group, case or names[image])
        masks = tuple(row.mask for row in group)
        given = None if settings is None else chosen[settings]
        cases.append(Case(image, masks, case or names[image], given))
    return Cohort(tuple(cases), kinds, folder, str(path))


def parse_label(text: str) -> Labels:
    """A label, several or ``"all"`` from text such as ``2``, ``1,2``, ``1;2`` or ``all``.

    Raises
    ------
    ValueError
        If it is none of these.

    Examples
    --------
    >>> from ferromics.cohort.case_tables import parse_label
    >>> parse_label("2"), parse_label("1;2"), parse_label("ALL"), parse_label("3.0")
    (2, (1, 2), 'all', 3)
    """
    if text.casefold() == "all":
        return "all"
    # A column of whole numbers with an empty cell comes out of pandas as 1.0, 2.0.
    parts = [re.sub(r"\.0*$", "", part.strip()) for part in re.split(r"[,;]", text.strip("[]()"))]
    labels = tuple(dict.fromkeys(int(part) for part in parts))
    if 0 in labels:
        msg = "0 is the background"
        raise ValueError(msg)
    return labels[0] if len(labels) == 1 else labels


def _read(path: Path) -> _Table:
    if path.suffix.lower() in NEED_ARROW and path.is_file():
        read = read_arrow(path)
        numbers = tuple(range(1, read.num_rows + 1))
        named = _named(read.column_names, path)
        typed = {name: columns.of_arrow(read.column(i)) for name, i in named.items()}
        texts: dict[str, Sequence[str]] = {
            n: [columns.text_of(v) for v in typed[n][1]] for n in KNOWN if n in typed
        }
    else:
        grid = read_grid(path, of="image and mask", as_written=True)
        header, numbers = grid.rows[0], grid.numbers[1:]
        cells = {i: grid.column(i)[1:] for i in range(len(header))}
        # pandas writes its index as a first column without a name.
        shown = {i: name for i, name in enumerate(header) if name or (i and any(cells[i]))}
        _refuse_nameless(shown, cells, numbers, path)
        named = _named([shown.get(i, "") for i in range(len(header))], path)
        typed = {n: columns.of_text(cells[i], commas=grid.commas) for n, i in named.items()}
        texts = {n: cells[named[n]] for n in KNOWN if n in named}
    if not numbers:
        msg = f"{path} has no rows"
        raise InputError(msg)
    return _Table(path, texts, numbers, typed)


def _refuse_nameless(
    shown: dict[int, str], cells: dict[int, tuple[str, ...]], numbers: Sequence[int], path: Path
) -> None:
    for index, name in shown.items():
        if not name:
            row = next(k for k, cell in enumerate(cells[index]) if cell)
            msg = (
                f"{path}, row {numbers[row]}: cell {index + 1} ({cells[index][row]!r}) has no name "
                "in the first row; name the column, or quote cells that hold the delimiter"
            )
            raise InputError(msg)


def _named(header: Sequence[str], path: Path) -> dict[str, int]:
    """Index of each column, by its name; known names as they are spelled here."""
    out: dict[str, int] = {}
    for index, given in enumerate(header):
        plain = given.strip()
        name = plain.casefold() if plain.casefold() in KNOWN else plain
        if name in out:
            msg = f"{path} has two columns named {name!r}"
            raise InputError(msg)
        if name:
            out[name] = index
    for needed in NEEDED:
        if needed not in out:
            raise InputError(_lacking(needed, out, path))
    return out


def _lacking(needed: str, names: Mapping[str, int], path: Path) -> str:
    near = [n for n in names if re.fullmatch(_NEAR[needed] + _NEAR_END, n, re.IGNORECASE)]
    near = near or difflib.get_close_matches(needed, names, n=1, cutoff=0.7)
    hint = f"; rename {near[0]!r} to {needed!r}" if near else ""
    shown = ", ".join(list(names)[:12]) + (", ..." if len(names) > 12 else "")
    return f"{path} has no column {needed!r}{hint} (its columns are: {shown})"


def _rows(
    table: _Table,
    rest: Mapping[str, tuple[Kind, list[Any]]],
    label: Labels,
    mask_threshold: float | None,
) -> Iterator[_Row]:
    folder = str(_folder(table.path))
    for k in range(len(table.numbers)):
        cells = {name: values[k] for name, values in table.columns.items() if values[k]}
        for needed in NEEDED:
            if needed not in cells:
                more = sum(1 for cell in table.columns[needed][k + 1 :] if not cell)
                also = f", as in {more} more" if more else ""
                msg = f"{table.place(k)}: no {needed} is given{also}; fill it in or remove the row"
                raise InputError(msg)
        own = cells.keys() & {"label", "mask_threshold"}
        chosen = _label(cells["label"], table.place(k)) if "label" in cells else None
        threshold = _threshold(cells, table.place(k))
        mask = Mask(
            source=_located(cells["mask"], folder),
            roi=cells.get("roi"),
            label=chosen if own else label,
            threshold=threshold if own else mask_threshold,
            carried={name: values[k] for name, (_, values) in rest.items()},
            place=k,
        )
        image = _located(cells["image"], folder)
        yield _Row(k, image, cells.get("case"), cells.get("settings"), mask)


def _label(text: str, place: str) -> Labels:
    try:
        return parse_label(text)
    except ValueError:
        msg = (
            f"{place}: label is {text!r}; a whole number other than 0 is needed, several as 1;2, "
            "or all"
        )
        raise InputError(msg) from None


def _threshold(cells: Mapping[str, str], place: str) -> float | None:
    if "mask_threshold" not in cells:
        return None
    if "label" in cells:
        msg = f"{place}: label and mask_threshold exclude each other; leave one empty"
        raise InputError(msg)
    text = cells["mask_threshold"]
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        msg = f"{place}: mask_threshold is {text!r}; a number above 0 is needed"
        raise InputError(msg)
    return value


def _folder(path: Path) -> Path:
    return Path(os.path.normpath(path.absolute().parent))


def _located(text: str, folder: str) -> str:
    """The path that a cell names, from the table's folder; the table may come from Windows."""
    if os.sep == "/":
        text = text.replace("\\", "/")
    if text.startswith("~"):
        text = os.path.expanduser(text)  # noqa: PTH111 (which leaves unknown users as they are)
    return os.path.normpath(os.path.join(folder, text))  # noqa: PTH118 (3x faster than Path)


def _settings(table: _Table, rows: Sequence[_Row]) -> dict[str, Settings]:
    """The settings that rows name, each read once."""
    folder = str(_folder(table.path))
    out: dict[str, Settings] = {}
    for row in rows:
        text = row.settings
        if text is None or text in out:
            continue
        located = _located(text, folder)
        bare = text in presets() or re.fullmatch(r"\w+(:\w+)?", text)
        named = bare and not Path(located).exists()  # then it was meant as a preset
        try:
            out[text] = Settings.preset(text) if named else Settings.load(located)
        except (SettingsError, FileNotFoundError) as error:
            msg = f"{table.place(row.line)}: {error}"
            raise type(error)(msg) from None
    return out


def _default_names(images: Sequence[str], folder: Path) -> dict[str, str]:
    """Names of cases that have none: the files' names, with their folders where these tell."""
    plain = {image: io.stem(Path(image)) for image in dict.fromkeys(images)}
    if len(set(plain.values())) == len(plain):
        return plain
    return {
        image: Path(os.path.relpath(Path(image).parent / name, folder)).as_posix()
        for image, name in plain.items()
    }


def _refuse_twins(table: _Table, rows: Sequence[_Row], case: str) -> None:
    """Refuse two rows of a case that ask for the same region, or that would name it the same."""
    asked: dict[tuple[Any, ...], _Row] = {}
    named: dict[str, _Row] = {}
    for row in rows:
        mask = row.mask
        before = asked.setdefault((mask.source, mask.label, mask.threshold, mask.roi), row)
        if before is not row:
            msg = (
                f"{table.place(row.line)} asks for the same region as row "
                f"{table.numbers[before.line]} (case {case}); remove one"
            )
            raise InputError(msg)
        before = named.setdefault(row.region, row)
        if before is not row:
            first, second = table.numbers[before.line], table.numbers[row.line]
            msg = (
                f"{table.path}: rows {first} and {second} would both make a region "
                f"{row.region!r} of case {case}; name them in a column 'roi'"
            )
            raise InputError(msg)
