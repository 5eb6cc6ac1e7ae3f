"""Any file of values as rows of text: CSV of all flavours, JSON, Parquet.

Numbers keep the digits they are written with. Nothing is known here of what the columns mean.
"""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ferromics._writers import NEED_ARROW
from ferromics.errors import InputError

SPREADSHEETS: Final = (".xlsx", ".xls", ".xlsm", ".ods")
SPREADSHEET_STARTS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
DELIMITERS: Final = ("\t", ";", ",")
_PANDAS_INDEX: Final = "__index_level_"
_DECIMAL_COMMA: Final = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+)?,\d+(?:[eE][+-]?\d+)?")
_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Grid:
    """Rows of cells, all text and equally long, with the number of each row in the file.

    ``commas`` tells that a comma in a cell may be a decimal one, since cells are parted otherwise.
    """

    path: Path
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...]
    commas: bool = False

    def column(self, index: int) -> tuple[str, ...]:
        """One column, from top to bottom."""
        return tuple(row[index] for row in self.rows)


def read_grid(path: Path, *, of: str = "names and values", as_written: bool = False) -> Grid:
    """Read a file of values.

    Parameters
    ----------
    path
        Text with commas, semicolons (then with decimal commas, too) or tabs; ``.json`` (a list of
        objects, one object, or objects by name) or ``.parquet``.
    of
        What its columns hold, for messages.
    as_written
        Leave decimal commas as they are: ``1,2`` may also be two numbers.

    Raises
    ------
    InputError
        If the file is a spreadsheet, binary, empty or has one column only.
    FileNotFoundError
        If there is no such file.
    """
    if path.is_dir():
        msg = f"{path} is a folder; give one table (.csv, .tsv, .json or .parquet)"
        raise InputError(msg)
    if not path.is_file():
        msg = f"no file {path}"
        raise FileNotFoundError(msg)
    if path.suffix.lower() in NEED_ARROW:
        return _from_records(_listed(read_arrow(path), path), path)
    data = path.read_bytes()
    if path.suffix.lower() in SPREADSHEETS or data.startswith(SPREADSHEET_STARTS):
        msg = f"{path} is a spreadsheet; save its sheet as CSV and give that"
        raise InputError(msg)
    text = _decode(data, path)
    if not text.strip():
        msg = f"{path} is empty"
        raise InputError(msg)
    if path.suffix.lower() == ".jsonl":
        text = f"[{','.join(line for line in text.splitlines() if line.strip())}]"
    if path.suffix.lower() in (".json", ".jsonl"):
        return _from_records(_json(text, path), path)
    return _from_text(text, path, of, as_written=as_written)


def read_arrow(path: Path) -> Any:
    """An Arrow table of a Parquet or Arrow (Feather) file, without the index that pandas adds.

    Raises
    ------
    InputError
        If it is no such file.
    """
    try:
        import pyarrow as pa
        from pyarrow import feather
        from pyarrow import parquet as pq
    except ImportError:
        msg = f"reading {path} needs pyarrow: pip install 'ferromics[parquet]'"
        raise InputError(msg) from None
    parquet = path.suffix.lower() == ".parquet"
    try:
        read = pq.read_table(path) if parquet else feather.read_table(path)
    except (pa.ArrowException, OSError) as error:
        kind = "Parquet" if parquet else "Arrow"
        msg = f"{path} is not readable as {kind}: {' '.join(str(error).split())}"
        raise InputError(msg) from None
    return read.select([name for name in read.column_names if not name.startswith(_PANDAS_INDEX)])


def _decode(data: bytes, path: Path) -> str:
    # What is no UTF-8 is a spreadsheet program's "CSV" in the Western code page.
    plain = "utf-8" if _is_utf8(data) else "cp1252"
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if data.startswith(mark)), plain)
    text = data.decode(encoding, errors="replace")
    if re.search("[\x00-\x08\x0e-\x1f]", text):
        msg = f"{path} is not text; give a table (.csv, .tsv, .json or .parquet)"
        raise InputError(msg)
    return text


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _from_text(text: str, path: Path, of: str, *, as_written: bool) -> Grid:
    lines = text.splitlines(keepends=True)
    named = re.fullmatch(r'"?sep=(.)"?', lines[0].strip(), re.I)  # Excel's own first line
    skipped = 1 if named else 0
    lines = lines[skipped:]
    rows, numbers = [], []
    try:
        delimiter = named[1] if named else _delimiter(lines)
        reader = csv.reader(lines, delimiter=delimiter)
        for row in reader:
            cells = [cell.strip().strip("\ufeff\xa0") for cell in row]
            if any(cells):
                commas = delimiter != "," and not as_written
                rows.append([_with_point(c) for c in cells] if commas else cells)
                numbers.append(reader.line_num + skipped)
    except csv.Error as error:
        msg = f"{path} is not readable as CSV: {error}"
        raise InputError(msg) from None
    width = max(map(len, rows), default=0)
    if width < 2:
        msg = f"{path} has one column; {of} must be parted by commas, semicolons or tabs"
        raise InputError(msg)
    filled = tuple((*row, *[""] * (width - len(row))) for row in rows)
    return Grid(path, filled, tuple(numbers), commas=delimiter != ",")


def _delimiter(lines: list[str]) -> str:
    """The delimiter that gives the first rows the most columns, all equally many if it can be.

    The first of equals: a comma between digits may be a decimal one, so it comes last.
    """

    def quality(delimiter: str) -> tuple[bool, int]:
        widths = [len(row) for row in csv.reader(lines[:50], delimiter=delimiter) if any(row)]
        even = bool(widths) and min(widths) == max(widths) > 1
        return even, max(widths, default=0)

    return max(DELIMITERS, key=quality)


def _with_point(cell: str) -> str:
    if _DECIMAL_COMMA.fullmatch(cell):
        return cell.replace(".", "").replace(",", ".")
    return cell


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are given once, or always with the same value."""
    out: dict[str, Any] = {}
    for key, value in pairs:
        if out.setdefault(key, value) != value:
            msg = f"two values for {key}: {out[key]} and {value}"
            raise InputError(msg)
    return out


def _json(text: str, path: Path) -> list[dict[str, Any]]:
    """Records of a list of objects, of one object, or of objects by configuration."""
    try:
        found = json.loads(
            text.lstrip("\ufeff"), parse_float=str, parse_int=str, object_pairs_hook=_unique
        )
    except json.JSONDecodeError as error:
        msg = f"{path}, line {error.lineno}: not readable as JSON: {error.msg}"
        raise InputError(msg) from None
    if isinstance(found, dict):
        nested = bool(found) and all(isinstance(v, dict) for v in found.values())
        found = [{"configuration": k, **v} for k, v in found.items()] if nested else [found]
    if not isinstance(found, list) or not found or not all(isinstance(r, dict) for r in found):
        msg = f"{path}: expected a list of objects, or one object with a value by name"
        raise InputError(msg)
    return found


def _listed(read: Any, path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = read.to_pylist()
    if not rows:
        msg = f"{path} has no rows"
        raise InputError(msg)
    return rows


def _from_records(records: Iterable[dict[str, Any]], path: Path) -> Grid:
    records = list(records)
    header = list(dict.fromkeys(key for record in records for key in record))
    rows = [header, *([_cell(record.get(key)) for key in header] for record in records)]
    return Grid(path, tuple(map(tuple, rows)), tuple(range(len(rows))))


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, dict | list):
        return json.dumps(value)
    return str(value)
