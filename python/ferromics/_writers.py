"""Tables to files, block by block: CSV, TSV, JSON, JSON lines, Parquet, Arrow (Feather).

A missing value (``None``; NaN and infinite numbers too) is empty in text, null elsewhere. Numbers
are written in the shortest form that reads back to the same double. Memory holds one block.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias

from ferromics._files import check_target
from ferromics.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Kind: TypeAlias = Literal["text", "integer", "number", "boolean"]
"""Type of a column."""

Values: TypeAlias = "Sequence[Any] | NDArray[np.float64]"
"""A column of one block: an array of numbers, or a list whose ``None`` are missing."""


@dataclass(frozen=True)
class Field:
    """A column: its name, its type, and what a reader may want to know of it."""

    name: str
    kind: Kind = "text"
    about: Mapping[str, str] = field(default_factory=dict)


_GROUP: Final = 1 << 22
"""Cells of a group of rows in Parquet and Arrow; 32 MiB of numbers."""


class Writer(Protocol):
    """What takes a table's blocks, from its first row to its last."""

    def write(self, block: Sequence[Values]) -> None:
        """Append rows, given as one sequence of values a column."""

    def close(self) -> None:
        """Write what is held back; the file is whole from then on."""


class _Delimited:
    """CSV or TSV."""

    def __init__(
        self, path: Path, fields: Sequence[Field], _about: Mapping[str, str], *, delimiter: str
    ) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._rows = csv.writer(self._file, delimiter=delimiter, lineterminator="\n")
        self._rows.writerow([f.name for f in fields])

    def write(self, block: Sequence[Values]) -> None:
        self._rows.writerows(zip(*(list(map(as_text, plain(c))) for c in block), strict=True))

    def close(self) -> None:
        self._file.close()


class _Json:
    """One object a row: a list of them, or a line each."""

    def __init__(
        self, path: Path, fields: Sequence[Field], _about: Mapping[str, str], *, lines: bool
    ) -> None:
        self._file: IO[str] = path.open("w", encoding="utf-8", newline="\n")
        self._names = [f.name for f in fields]
        self._lines, self._between = lines, "[\n"

    def write(self, block: Sequence[Values]) -> None:
        for row in zip(*map(plain, block), strict=True):
            text = json.dumps(dict(zip(self._names, row, strict=True)), ensure_ascii=False)
            self._file.write(text + "\n" if self._lines else self._between + text)
            self._between = ",\n"

    def close(self) -> None:
        if not self._lines:
            self._file.write("[]\n" if self._between == "[\n" else "\n]\n")
        self._file.close()


class _Arrow:
    """Parquet, or Arrow's file format, which is Feather's too; the columns have metadata."""

    def __init__(
        self, path: Path, fields: Sequence[Field], about: Mapping[str, str], *, parquet: bool
    ) -> None:
        import pyarrow as pa

        self._schema = arrow_schema(fields, about)
        if parquet:
            import pyarrow.parquet as pq

            self._out: Any = pq.ParquetWriter(path, self._schema)
        else:
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            self._out = pa.ipc.new_file(str(path), self._schema, options=options)
        self._held: list[Any] = []
        self._cells = 0

    def write(self, block: Sequence[Values]) -> None:
        self._held.append(arrow_batch(block, self._schema))
        self._cells += len(block) * len(block[0])
        if self._cells >= _GROUP:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._out.close()

    def _flush(self) -> None:
        """Write what is held as one group of rows: many small ones make a file slow to read."""
        import pyarrow as pa

        if self._held:
            held = pa.Table.from_batches(self._held, self._schema)
            self._out.write_table(held, held.num_rows)
        self._held, self._cells = [], 0


def arrow_schema(fields: Sequence[Field], about: Mapping[str, str]) -> Any:
    """A schema with the metadata of its columns and of the table."""
    import pyarrow as pa

    types = {
        "text": pa.string(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "boolean": pa.bool_(),
    }
    return pa.schema(
        [pa.field(f.name, types[f.kind], metadata=dict(f.about) or None) for f in fields],
        dict(about),
    )


def arrow_batch(block: Sequence[Values], schema: Any) -> Any:
    """A block as Arrow has it."""
    import numpy as np
    import pyarrow as pa

    arrays = []
    for values, of in zip(block, schema, strict=True):
        if isinstance(values, np.ndarray):
            arrays.append(pa.array(values, of.type, mask=~np.isfinite(values)))
        else:
            arrays.append(pa.array(plain(values), of.type))
    return pa.record_batch(arrays, schema=schema)


def plain(values: Values) -> Sequence[Any]:
    """The values of a column, ``None`` for those that are missing."""
    import numpy as np

    if isinstance(values, np.ndarray):
        listed: list[Any] = values.tolist()
        for k in np.flatnonzero(~np.isfinite(values)):
            listed[k] = None
        return listed
    # A number minus itself is 0, but for NaN and the infinite ones.
    return [None if isinstance(v, float) and v - v != 0 else v for v in values]


def as_text(value: object) -> str:
    """A cell of a text file; numbers in the shortest form that reads back the same."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


Maker: TypeAlias = Callable[[Path, Sequence[Field], Mapping[str, str]], Writer]

_MAKERS: Final[dict[str, Maker]] = {
    ".csv": partial(_Delimited, delimiter=","),
    ".tsv": partial(_Delimited, delimiter="\t"),
    ".json": partial(_Json, lines=False),
    ".jsonl": partial(_Json, lines=True),
    ".parquet": partial(_Arrow, parquet=True),
    ".feather": partial(_Arrow, parquet=False),
    ".arrow": partial(_Arrow, parquet=False),
}

SUFFIXES: Final = tuple(_MAKERS)
"""Endings of the names of tables, which tell their format."""

NEED_ARROW: Final = (".parquet", ".feather", ".arrow")
"""Those that need pyarrow."""


def check_path(path: Path, suffixes: Iterable[str] = SUFFIXES) -> None:
    """Refuse a path at which a table could not be written, before anything is computed."""
    if path.suffix.lower() not in suffixes:
        msg = f"cannot tell the format of {path}; its name must end in {', '.join(suffixes)}"
        raise InputError(msg)
    if path.name.lower().endswith(".provenance.json"):
        msg = f"{path} is named like what lies beside a table; name the table, as features.csv"
        raise InputError(msg)
    check_target(path)
    if path.suffix.lower() in NEED_ARROW:
        from importlib.util import find_spec

        if find_spec("pyarrow") is None:
            msg = f"writing {path} needs pyarrow: pip install 'ferromics[parquet]'"
            raise InputError(msg)


def write_blocks(
    path: Path,
    suffix: str,
    fields: Sequence[Field],
    blocks: Iterable[Sequence[Values]],
    about: Mapping[str, str] | None = None,
) -> None:
    """Write a whole table in the format that ``suffix`` names.

    Parameters
    ----------
    path
        Where to; nothing is renamed here.
    suffix
        One of :data:`SUFFIXES`.
    fields
        The columns.
    blocks
        Rows, block by block; each has one sequence of values a column.
    about
        What is said of the table as a whole (Parquet and Arrow).
    """
    writer = _MAKERS[suffix](path, fields, about or {})
    try:
        for block in blocks:
            writer.write(block)
    finally:
        writer.close()
