"""Layouts of a table of values: from rows of text to cells, each with a name and a place.

Three layouts: ferromics' long table; wide, one row a case with the names above; tall, one row a
value with the names beside, and one column of values or one a configuration.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Final, NamedTuple

from ferromics import compliance, names
from ferromics._grid import Grid
from ferromics.errors import InputError
from ferromics.names import Meaning, Reason

LONG_KEYS: Final = ("family", "feature", "value")
CONFIGURATION_HEADERS: Final = (
    "configuration",
    "config",
    "dataset",
    "image_settings_id",  # MIRP's
)
VALUE_HEADERS: Final = ("value", "your result", "your_result", "result", "values")
NOT_COMPUTED: Final = ("nan", "-nan", "+nan", "inf", "+inf", "-inf", "infinity", "-infinity")
SETTINGS: Final = "diagnostics_Configuration_Settings"  # PyRadiomics'
BY_SLICE: Final = ("A", "B")
"""Configurations that are evaluated slice by slice."""
HEADER_WITHIN: Final = 20
"""The names stand in one of the first rows, or in a column."""
# A "phantom" alone may be the CT phantom.
_CONFIGURATION = re.compile(
    r"(?:ibsi(?:[ _]?1)?[:_ /-]*)?(?:(?:config(?:uration)?|conf|cfg)\.?[ _-]*)?(?P<letter>[a-e])"
    r"|(?:ibsi(?:[ _]?1)?[:_ /-]*)?digital[ _-]?phantom|ibsi:phantom",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Cell:
    """A value as found: its name, text, the label of its configuration, its place, its meaning.

    The label is a guess where no header says that it names a configuration.
    """

    name: str
    text: str
    label: str
    place: str
    meaning: Meaning | Reason | None = None
    guessed: bool = False

    @property
    def configuration(self) -> str | None:
        """The configuration that the label names."""
        return configuration_of(self.label) if self.guessed else named_configuration(self.label)


class Named(NamedTuple):
    """Where the names of a tool are: in the row ``across``, or else in the column ``down``."""

    tool: str
    across: int | None
    down: int


def configuration_of(label: str) -> str | None:
    """The configuration of IBSI 1 that a label names, if it names one.

    Examples
    --------
    >>> from ferromics._layouts import configuration_of
    >>> [configuration_of(t) for t in ("configuration A", "ibsi:C", "Digital phantom", "phantom 7")]
    ['A', 'C', 'digital_phantom', None]
    """
    match = _CONFIGURATION.fullmatch(label.strip())
    if match is None:
        return None
    return match["letter"].upper() if match["letter"] else "digital_phantom"


def named_configuration(name: str) -> str | None:
    """The same of a text that is meant to name one, where ``phantom`` is the digital phantom.

    It may also be a test of IBSI 2, phase 2, as ``2.A``.
    """
    if name.strip() in compliance.filter_tests():
        return name.strip()
    return "digital_phantom" if name.strip().casefold() == "phantom" else configuration_of(name)


def number_of(text: str) -> Decimal | None:
    """The finite number a cell holds, to the digit, if it holds one."""
    try:
        number = Decimal(text.replace("\u2212", "-").replace("_", " "))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def is_value(text: str) -> bool:
    """Whether a cell holds a number, NaN and infinity included."""
    return text.casefold() in NOT_COMPUTED or number_of(text) is not None


def is_long(grid: Grid) -> bool:
    """Whether it is ferromics' long table, by its header and by the features that it names."""
    at = {cell.casefold(): index for index, cell in enumerate(grid.rows[0])}
    if not set(LONG_KEYS) <= set(at):
        return False
    found = ("_".join(("original", row[at["family"]], row[at["feature"]])) for row in grid.rows[1:])
    return any(isinstance(names.to_catalogue("ferromics", name), Meaning) for name in found)


def long_cells(grid: Grid) -> Iterator[Cell]:
    """Values of the long table; each is named as in the wide one.

    A filtered image that is named like a test of IBSI 2, phase 2, is that test's; beside those of
    one half of the tests (A or B), the original image is that half's first test.
    """
    at = {cell.casefold(): index for index, cell in enumerate(grid.rows[0])}
    keys = {at[n] for n in (*LONG_KEYS, "aggregation", "ibsi", "unit") if n in at}
    label, guessed = _label_column(grid, [i for i in range(len(grid.rows[0])) if i not in keys], 0)
    tests = compliance.filter_tests()
    images = {row[at["image"]] for row in grid.rows[1:]} if "image" in at else set()
    halves = {image[-1] for image in images if image in tests}
    for row, number in zip(grid.rows[1:], grid.numbers[1:], strict=True):
        parts = {name: row[index] for name, index in at.items()}
        ordered = ("family", "feature", "discretisation", "aggregation", "parameters")
        image = parts.get("image") or "original"
        told = "" if label is None else row[label]
        if label is None and len(halves) == 1:
            told = f"1.{min(halves)}" if image == "original" else image
        if told in tests:
            image = "original"  # the test says how it is filtered
        name = "_".join(filter(None, (image, *(parts.get(n) for n in ordered))))
        meaning = names.to_catalogue("ferromics", name)
        yield Cell(name, parts["value"], told, f"row {number}", meaning, guessed)


def named_cells(
    grid: Grid, tool: str | None, wanted: str | None
) -> tuple[str, list[Cell], list[tuple[str, str]]]:
    """The tool whose names a table has, its values, and what had to be assumed about them."""
    found = _find_names(grid, tool)
    across = found.across
    cells = list(_tall(grid, found) if across is None else _wide(grid, across, found.tool))
    settings = {cell.label: cell.text for cell in cells if cell.name == SETTINGS}
    out: list[Cell] = []
    notes: dict[tuple[str, str], None] = {}
    for cell in (part for c in cells for part in _components(found.tool, c)):
        told = settings.get(cell.label)
        configuration = wanted or cell.configuration
        slices = configuration in BY_SLICE if told is None else _has(told, "force2D", "True")
        merged = _has(told or "", "weightingNorm", "no_weighting")
        meaning = names.to_catalogue(found.tool, cell.name, by_slice=slices, merged=merged)
        out.append(replace(cell, meaning=meaning))
        if slices and told is None and found.tool == "pyradiomics":
            notes[f"textures of configuration {configuration}", "taken as set to force2D"] = None
    return found.tool, out, list(notes)


def _has(settings: str, key: str, value: str) -> bool:
    """Whether PyRadiomics' settings, printed as a dict or as JSON, say so."""
    pattern = rf"{key}['\"]?\s*:\s*['\"]?{value}\b"
    return re.search(pattern, settings, re.IGNORECASE) is not None


def _components(tool: str, cell: Cell) -> Iterator[Cell]:
    """The cell itself, or a cell for each number of a tuple that stands for a feature."""
    parts = names.components(tool, cell.name)
    if parts == (cell.name,):
        yield cell
        return
    numbers = re.findall(r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?", cell.text)
    for part in parts:
        if "[" not in part:
            yield cell
            continue
        index = int(part.rpartition("[")[2].rstrip("]"))
        yield replace(cell, name=part, text=numbers[index] if index < len(numbers) else "")


def _find_names(grid: Grid, tool: str | None) -> Named:
    """The tool of which the most names stand in one row or column, and where that is."""
    tools = list(names.TOOLS) if tool is None else [_known_tool(tool)]
    lines = [(Named("", i, 0), row) for i, row in enumerate(grid.rows[:-1][:HEADER_WITHIN])]
    lines += [(Named("", None, i), grid.column(i)) for i in range(len(grid.rows[0]))]
    score, best = (0, 0, False), Named("", None, 0)
    for key in tools:
        for where, line in lines:
            found = [_meaning(key, text) for text in line]
            mapped = sum(isinstance(f, Meaning) for f in found)
            # Of a single name in a row with its value, the column is the layout.
            alone = where.across is None or not any(is_value(text) for text in line)
            now = (mapped, sum(f is not None for f in found), alone)
            if now[1] and now > score:
                score, best = now, where._replace(tool=key)
    if not best.tool:
        whose = " or ".join(names.TOOLS[key] for key in tools)
        shown = ", ".join([text for text in grid.rows[0] if text][:4])
        msg = f"{grid.path} holds no name of a feature in {whose}; its first row is: {shown}, ..."
        raise InputError(msg)
    return best


def _known_tool(tool: str) -> str:
    key = tool.casefold()
    if key not in names.TOOLS:
        near = difflib.get_close_matches(key, names.TOOLS, n=1)
        hint = f", did you mean {near[0]!r}?" if near else "."
        msg = f"tool {tool!r} is not known{hint} Known: {', '.join(names.TOOLS)}"
        raise InputError(msg)
    return key


@functools.lru_cache(maxsize=1 << 16)
def _meaning(tool: str, text: str) -> Meaning | Reason | None:
    """What a header or a name cell stands for; quick about numbers."""
    if not text or (text[0] in "+-.0123456789" and number_of(text) is not None):
        return None
    name = _without_label(tool, text)[1]
    found = (names.to_catalogue(tool, part) for part in names.components(tool, name))
    return next((f for f in found if f is not None), None)


def _without_label(tool: str, text: str) -> tuple[str, str]:
    """Label and name: pictologics' wide table has columns ``configuration__feature``."""
    if tool != "pictologics":
        return "", text
    label, _, name = text.rpartition("__")
    return label, name


def _wide(grid: Grid, across: int, tool: str) -> Iterator[Cell]:
    header = grid.rows[across]
    named = [_meaning(tool, text) is not None or text == SETTINGS for text in header]
    candidates = [i for i, known in enumerate(named) if not known]
    label, guessed = _label_column(grid, candidates, across)
    columns = [(i, text, *_without_label(tool, text)) for i, text in enumerate(header)]
    labelled = any(own for i, _, own, _ in columns if named[i])
    rows, numbers = grid.rows[across + 1 :], grid.numbers[across + 1 :]
    if len(rows) > 1 and label is None and not labelled:
        msg = (
            f"{grid.path} has {len(rows)} rows and does not tell which of IBSI's configurations "
            "each is of; keep one row, or add a column 'configuration'"
        )
        raise InputError(msg)
    for row, number in zip(rows, numbers, strict=True):
        told = "" if label is None else row[label]
        for index, text, own, name in columns:
            if named[index] or (index != label and is_value(row[index])):
                place = f"row {number}, column {text}"
                yield Cell(name, row[index], own or told, place, guessed=guessed and not own)


def _tall(grid: Grid, found: Named) -> Iterator[Cell]:
    texts = grid.column(found.down)
    first = next(i for i, text in enumerate(texts) if _meaning(found.tool, text) is not None)
    top = _header_above(grid, first)
    header = ("",) * len(grid.rows[0]) if top is None else grid.rows[top]
    others = [i for i in range(len(grid.rows[0])) if i != found.down]
    label, guessed = (None, False) if top is None else _label_column(grid, others, top)
    columns = {i: header[i] for i in others if i != label and configuration_of(header[i])}
    if not columns or label is not None:
        candidates = [i for i in others if i != label]
        columns = {_value_column(grid, header, candidates, first): ""}
    start = 0 if top is None else top + 1
    for row, number in zip(grid.rows[start:], grid.numbers[start:], strict=True):
        for index, above in columns.items():
            own, name = _without_label(found.tool, row[found.down])
            told = "" if label is None else row[label]
            place = f"row {number}" + (f", column {header[index]}" if header[index] else "")
            by_label = guessed and not (above or own)
            yield Cell(name, row[index], above or own or told, place, guessed=by_label)


def _header_above(grid: Grid, first: int) -> int | None:
    """The row above the values that says what the columns are, if there is one."""
    for index in reversed(range(first)):
        texts = [text.casefold() for text in grid.rows[index]]
        known = (*VALUE_HEADERS, *CONFIGURATION_HEADERS)
        if any(text in known or configuration_of(text) for text in texts):
            return index
    return 0 if first else None


def _label_column(grid: Grid, candidates: list[int], header: int) -> tuple[int | None, bool]:
    """The column that names the configurations: by its header, else a guess by what is in it.

    Letters alone may be anything, so they count in the first column of texts only.
    """
    by_header = {grid.rows[header][i].casefold(): i for i in reversed(candidates)}
    below = {i: [text for text in grid.column(i)[header + 1 :] if text] for i in candidates}
    for name in CONFIGURATION_HEADERS:
        if name in by_header and below[by_header[name]]:
            return by_header[name], False
    texts = [i for i in candidates if not all(is_value(text) for text in below[i])]
    for index in texts:
        clear = index == texts[0] or all(len(text) > 1 for text in below[index])
        if clear and all(configuration_of(text) for text in below[index]):
            return index, True
    return None, False


def _value_column(grid: Grid, header: tuple[str, ...], candidates: list[int], first: int) -> int:
    by_header = {header[i].casefold(): i for i in reversed(candidates)}
    for name in VALUE_HEADERS:
        if name in by_header:
            return by_header[name]
    numeric = [i for i in candidates if any(is_value(t) for t in grid.column(i)[first:])]
    if len(numeric) != 1:
        what = ", ".join(header[i] or f"column {i + 1}" for i in numeric or candidates)
        msg = f"{grid.path}: which column holds the values ({what})? Call it 'value'"
        raise InputError(msg)
    return numeric[0]
