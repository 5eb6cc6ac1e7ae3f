"""The files of a cohort's table, in every format that is written, in parts of some megabytes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ferromics.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

DELIMITERS: Final = {".csv": ",", ".tsv": "\t"}
SUFFIXES: Final = (*DELIMITERS, ".parquet", ".feather", ".arrow", ".jsonl")
BLOCK: Final = 1 << 24
ROWS: Final = 1 << 17


def check(path: Path) -> None:
    """Refuse what cannot be a cohort's table."""
    if path.is_dir():
        msg = f"{path} is a folder; name the table that `ferromics batch` wrote"
        raise InputError(msg)
    if not path.exists():
        msg = f"{path}: no such file"
        raise FileNotFoundError(msg)
    if path.suffix.lower() not in SUFFIXES:
        msg = f"cannot tell the format of {path}; its name must end in {', '.join(SUFFIXES)}"
        raise InputError(msg)


def columns_of(path: Path) -> list[str]:
    """Names of the columns."""
    suffix = path.suffix.lower()
    if suffix in DELIMITERS:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            names = next(csv.reader(file, delimiter=DELIMITERS[suffix]), [])
    else:
        first = next(batches(path, None), None)
        names = [] if first is None else list(first.column_names)
    if not names:
        msg = f"{path} is empty"
        raise InputError(msg)
    return names


def batches(path: Path, types: Mapping[str, Any] | None) -> Iterator[pa.Table]:
    """The table in parts; ``types`` names the columns to read, with their types for text files."""
    import pyarrow as pa

    try:
        yield from _parts(path, types)
    except (pa.ArrowException, OSError) as error:
        lines = str(error).splitlines() or ["unknown reason"]
        msg = f"{path} could not be read: {lines[0]}"
        raise InputError(msg) from None


def _parts(path: Path, types: Mapping[str, Any] | None) -> Iterator[pa.Table]:
    import pyarrow as pa

    suffix = path.suffix.lower()
    wanted = None if types is None else list(types)
    if suffix == ".parquet":
        import pyarrow.parquet as pq

        with pq.ParquetFile(path) as file:
            whole = file.schema_arrow.empty_table()
            yield whole if wanted is None else whole.select(wanted)
            for batch in file.iter_batches(ROWS, columns=wanted):
                # The batches of a file have lost its fields' metadata.
                kept = [file.schema_arrow.field(name) for name in batch.schema.names]
                yield pa.Table.from_batches([batch]).cast(pa.schema(kept))
    elif suffix in (".feather", ".arrow"):
        with pa.ipc.open_file(path) as file:
            whole = file.schema.empty_table()
            yield whole if wanted is None else whole.select(wanted)
            for k in range(file.num_record_batches):
                part = pa.Table.from_batches([file.get_batch(k)])
                yield part if wanted is None else part.select(wanted)
    elif suffix == ".jsonl":
        yield from _json_parts(path, wanted)
    else:
        from pyarrow import csv as arrow_csv

        reading = arrow_csv.ReadOptions(block_size=BLOCK)
        parsing = arrow_csv.ParseOptions(delimiter=DELIMITERS[suffix], newlines_in_values=True)
        converting = arrow_csv.ConvertOptions(include_columns=wanted or [], column_types=types)
        for batch in arrow_csv.open_csv(path, reading, parsing, converting):
            yield pa.Table.from_batches([batch])


def _json_parts(path: Path, wanted: list[str] | None) -> Iterator[pa.Table]:
    """JSON lines, some megabytes at a time; a column that a part lacks is null there."""
    import pyarrow as pa
    from pyarrow import json as arrow_json

    options = arrow_json.ReadOptions(block_size=2 * BLOCK)
    with path.open("rb") as file:
        while lines := file.readlines(BLOCK):
            if not (block := b"".join(lines).strip()):
                continue
            part = arrow_json.read_json(io.BytesIO(block), options)
            for name in wanted or ():
                if name not in part.column_names:
                    part = part.append_column(name, pa.nulls(len(part)))
            yield part if wanted is None else part.select(wanted)
