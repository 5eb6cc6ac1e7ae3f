"""The table of a cohort: its columns, its rows in the order of the input, and reading it back.

Wide: one row a region with what is known of the case (``case_...``) before the features. Long: one
row a value, and beside it a table of cases with one row a region. The columns are the same for
every case; what a region lacks is missing, never left out.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ferromics._writers import NEED_ARROW, SUFFIXES, Field, Values
from ferromics.cohort.cases import Case, Cohort
from ferromics.cohort.journal import Entry, values_of
from ferromics.cohort.work import name_of
from ferromics.errors import InputError
from ferromics.settings import Settings
from ferromics.table import LONG_COLUMNS, Column, feature_field, provenance_path

if TYPE_CHECKING:
    import pandas

BLOCK: Final = 1000
"""Regions whose rows are made at a time."""

CASE_FIELDS: Final = (
    Field("case_status"),
    Field("case_error"),
    Field("case_warnings"),
    Field("case_image"),
    Field("case_image_sha256"),
    Field("case_mask"),
    Field("case_mask_sha256"),
    Field("case_label", "integer"),
    Field("case_mask_threshold", "number"),
    Field("case_settings"),
    Field("case_version"),
    Field("case_slice_axis"),
    *(Field(f"case_shape_{axis}", "integer") for axis in "zyx"),
    *(Field(f"case_spacing_{axis}_mm", "number", {"unit": "mm"}) for axis in "zyx"),
    *(Field(f"case_grid_shape_{axis}", "integer") for axis in "zyx"),
    *(Field(f"case_grid_spacing_{axis}_mm", "number", {"unit": "mm"}) for axis in "zyx"),
    Field("case_voxels_morphological", "integer"),
    Field("case_voxels_intensity", "integer"),
    Field("case_seconds", "number", {"unit": "s"}),
)
"""What is known of a region besides its features: as read and oriented, and as worked on."""

DONE, FAILED = "done", "failed"


@dataclass(frozen=True)
class Piece:
    """A mask of a case that is done, with what the rows of its regions need."""

    case: Case
    row: int
    settings: Settings
    entry: Entry

    @property
    def regions(self) -> list[dict[str, Any]]:
        """The regions of the mask, as the journal has them."""
        return [region for region in self.entry.regions if region["row"] == self.row]


class Rows:
    """Rows of a cohort's tables.

    Parameters
    ----------
    cohort
        The cases.
    columns
        The features' columns of each settings hash.
    version
        Of ferromics.
    """

    def __init__(
        self, cohort: Cohort, columns: Mapping[str, Sequence[Column]], version: str
    ) -> None:
        self._cohort, self._version = cohort, version
        self._columns = columns
        united = {column[0]: column for of in columns.values() for column in of}
        _refuse_twins(cohort.carried, united)
        self._features = tuple(united.values())
        places = {name: k for k, name in enumerate(united)}
        self._places = {
            settings: np.array([places[column[0]] for column in of], int)
            for settings, of in columns.items()
        }
        carried = [Field(name, kind) for name, kind in cohort.carried.items()]
        self.case_fields: list[Field] = [Field("case"), Field("roi"), *carried, *CASE_FIELDS]
        self.wide_fields = [*self.case_fields, *map(feature_field, self._features)]
        self._leading = 2 + len(carried)
        rest = (Field(n, "number" if n == "value" else "text") for n in LONG_COLUMNS[2:])
        self.long_fields = [*self.case_fields[: self._leading], *rest]

    def cases(self, pieces: Iterable[Piece]) -> Iterator[list[Values]]:
        """One row a region, without features."""
        for block in _blocks(pieces):
            yield self._leads(block)

    def wide(self, pieces: Iterable[Piece]) -> Iterator[list[Values]]:
        """One row a region."""
        for block in _blocks(pieces):
            values = np.full((len(block), len(self._features)), np.nan)
            for row, (piece, region) in zip(values, block, strict=True):
                if "values" in region:
                    row[self._places[piece.settings.hash]] = values_of(region)
            yield [*self._leads(block), *np.ascontiguousarray(values.T)]

    def long(self, pieces: Iterable[Piece]) -> Iterator[list[Values]]:
        """One row a value."""
        for block in _blocks(pieces, max(1, BLOCK * 200 // max(1, len(self._features)))):
            done = [(piece, region) for piece, region in block if "values" in region]
            if not done:
                continue
            of = [self._columns[piece.settings.hash] for piece, _ in done]
            counts = [len(columns) for columns in of]
            leads = self._leads(done)[: self._leading]
            out: list[Values] = [
                [value for value, n in zip(column, counts, strict=True) for _ in range(n)]
                for column in leads
            ]
            parts = list(zip(*(column[1:] for columns in of for column in columns), strict=True))
            values: NDArray[np.float64] = np.concatenate([values_of(region) for _, region in done])
            yield [*out, *parts[:7], values, parts[7]]

    def _leads(self, block: Sequence[tuple[Piece, dict[str, Any]]]) -> list[Values]:
        rows = [self._lead(piece, region) for piece, region in block]
        return [list(column) for column in zip(*rows, strict=True)]

    def _lead(self, piece: Piece, region: dict[str, Any]) -> list[Any]:
        case, mask = piece.case, piece.case.masks[piece.row]
        image, source = region.get("image", {}), region.get("mask", {})
        label = source.get("label")
        if label is None and isinstance(mask.label, int):
            label = mask.label
        geometry, grid = region.get("geometry", {}), region.get("grid", {})
        voxels = region.get("voxels", {})
        nothing = [None] * 3
        return [
            _clean(name_of(case)),
            _clean(region["roi"]),
            *(mask.carried.get(name) for name in self._cohort.carried),
            FAILED if "error" in region else DONE,
            _clean(region.get("error", "")) or None,
            _clean(" | ".join(region.get("warnings", ()))) or None,
            _clean(self._cohort.shown(case.image)),
            image.get("sha256") or piece.entry.hashes.get(self._cohort.shown(case.image)),
            _clean(self._cohort.shown(mask.source)),
            source.get("sha256") or piece.entry.hashes.get(self._cohort.shown(mask.source)),
            label,
            mask.threshold,
            piece.settings.hash,
            self._version,
            geometry.get("slice_axis"),
            *geometry.get("shape_zyx", nothing),
            *geometry.get("spacing_zyx_mm", nothing),
            *grid.get("shape_zyx", nothing),
            *grid.get("spacing_zyx_mm", nothing),
            voxels.get("morphological_mask"),
            voxels.get("intensity_mask"),
            region["seconds"],
        ]


def cases_path(path: Path) -> Path:
    """Where the table of cases lies beside a long table: ``out.cases.csv`` beside ``out.csv``."""
    return path.with_name(f"{path.stem}.cases{path.suffix}")


def _refuse_twins(carried: Mapping[str, Any], features: Mapping[str, Column]) -> None:
    """Refuse a column that would be there twice."""
    taken = {"case", "roi", *carried, *(f.name for f in CASE_FIELDS)}
    twin = next((name for name in features if name in taken), None)
    if twin is not None:
        msg = (
            f"two columns of the table would be named {twin}; rename the filter, or the column of "
            "the table of cases"
        )
        raise InputError(msg)


def _clean(text: str) -> str:
    """Text that any format takes: bytes of a file's name that are no UTF-8 are replaced."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _blocks(
    pieces: Iterable[Piece], size: int = BLOCK
) -> Iterator[list[tuple[Piece, dict[str, Any]]]]:
    block: list[tuple[Piece, dict[str, Any]]] = []
    for piece in pieces:
        block.extend((piece, region) for region in piece.regions)
        if len(block) >= size:
            yield block
            block = []
    if block:
        yield block


def read_table(path: str | os.PathLike[str]) -> pandas.DataFrame:
    """Read a table that ferromics wrote: of ``extract``, ``batch`` or ``Result``.

    Parameters
    ----------
    path
        Any format and layout. Its ``.provenance.json`` is looked for beside it.

    Returns
    -------
    pandas.DataFrame
        Text is text, also where it looks like a number (``case``, ``roi``); an undefined value is
        NaN. ``attrs["provenance"]`` is what the file beside it holds.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    InputError
        If it is not readable as a table.

    Examples
    --------
    >>> import tempfile, pathlib, ferromics as fm
    >>> image, mask, spacing = fm.phantom()
    >>> result = fm.extract(image, mask, spacing=spacing, case="007")
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "features.csv"
    >>> fm.table.write([result], path, "wide")
    >>> fm.read_table(path)["case"][0]
    '007'
    """
    try:
        import pandas as pd
    except ImportError:
        msg = "read_table() needs pandas: pip install 'ferromics[pandas]'"
        raise ImportError(msg) from None
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        msg = f"{path} is no table of ferromics: their names end in {', '.join(SUFFIXES)}"
        raise InputError(msg)
    if not path.is_file():
        msg = f"no file {path}"
        raise FileNotFoundError(msg)
    provenance = _provenance(path)
    try:
        if suffix in NEED_ARROW:
            found = _read_arrow(path)
        elif suffix in (".json", ".jsonl"):
            found = pd.DataFrame(_objects(path))
        else:
            found = _read_text(path, "\t" if suffix == ".tsv" else ",", provenance)
    except (ValueError, OSError) as error:  # pandas' and pyarrow's derive from these
        msg = f"{path} is not readable as a table: {' '.join(str(error).split())}"
        raise InputError(msg) from None
    whole = _known(provenance, "integer")
    for name in found.columns.difference(list(_text_columns(provenance))):
        if name in whole:
            found[name] = found[name].astype("Int64")
        elif found[name].dtype == object and found[name].isna().all():
            found[name] = found[name].astype(float)
    if provenance is not None:
        found.attrs["provenance"] = provenance
    return found


def _provenance(path: Path) -> Any:
    """What lies beside a table; one of cases has that of the long table."""
    long = path.with_name(path.name.replace(f".cases{path.suffix}", path.suffix))
    for table in (path, long):
        with contextlib.suppress(OSError, ValueError):
            return json.loads(provenance_path(table).read_text("utf-8"))
    return None


def _text_columns(provenance: Any) -> set[str]:
    return {*_known(provenance, "text"), *LONG_COLUMNS} - {"value"}


def _known(provenance: Any, wanted: str) -> set[str]:
    """The columns of one kind: those that are carried through, and what is known of a case."""
    carried = provenance.get("carried", {}) if isinstance(provenance, dict) else {}
    kinds = {**carried, **{field.name: field.kind for field in CASE_FIELDS}}
    return {name for name, kind in kinds.items() if kind == wanted}


def _read_text(path: Path, delimiter: str, provenance: Any) -> pandas.DataFrame:
    import pandas as pd

    with path.open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file, delimiter=delimiter), [])
    text = _text_columns(provenance)
    missing = {name: [""] for name in header if name not in LONG_COLUMNS or name == "value"}
    found: pandas.DataFrame = pd.read_csv(
        path,
        sep=delimiter,
        dtype={  # type: ignore[arg-type]
            **{name: str for name in header if name in text},
            **{name: "Int64" for name in header if name in _known(provenance, "integer")},
        },
        keep_default_na=False,
        na_values=missing,
    )
    return found


def _read_arrow(path: Path) -> pandas.DataFrame:
    try:
        from pyarrow import feather
        from pyarrow import parquet as pq
    except ImportError:
        msg = f"reading {path} needs pyarrow: pip install 'ferromics[parquet]'"
        raise ImportError(msg) from None
    read = pq.read_table(path) if path.suffix.lower() == ".parquet" else feather.read_table(path)
    # Whole numbers with missing ones among them would become floating-point.
    found: pandas.DataFrame = read.to_pandas(integer_object_nulls=True)
    return found


def _objects(path: Path) -> list[dict[str, Any]]:
    text = path.read_text("utf-8")
    if path.suffix.lower() == ".json":
        listed: list[dict[str, Any]] = json.loads(text)
        return listed
    return [json.loads(line) for line in text.splitlines() if line]
