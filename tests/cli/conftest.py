"""A small cohort: images, masks and the table that `ferromics batch` writes of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ferromics as fm
from ferromics import io, table

SPACING = (3.0, 1.0, 1.5)
SHAPE = (8, 40, 30)
BEFORE = ("case", "roi")
ABOUT = (
    *("case_status", "case_error", "case_warnings", "case_image", "case_image_sha256"),
    *("case_mask", "case_mask_sha256", "case_label", "case_mask_threshold", "case_settings"),
    *("case_version", "case_slice_axis", *(f"case_shape_{k}" for k in "zyx")),
    *(f"case_spacing_{k}_mm" for k in "zyx"),
    *(f"case_grid_shape_{k}" for k in "zyx"),
    *(f"case_grid_spacing_{k}_mm" for k in "zyx"),
    *("case_voxels_morphological", "case_voxels_intensity", "case_seconds"),
)
TEXTS = {*BEFORE, *ABOUT[:7], "case_settings", "case_version", "case_slice_axis"}


def make_image(k: int) -> tuple[np.ndarray, np.ndarray]:
    """A body with a bright lesion, and the lesion's mask."""
    rng = np.random.default_rng(k)
    z, y, x = np.indices(SHAPE)
    image = np.full(SHAPE, -1000.0)
    image[((y - 20) / 18) ** 2 + ((x - 15) / 13) ** 2 < 1] = 40
    radius = 4 + rng.uniform(0, 1.5)
    mask = ((z - 4) / 3) ** 2 + ((y - 14) / radius) ** 2 + ((x - 21) / radius) ** 2 < 1
    image[mask] = 110
    return (image + rng.normal(0, 12, SHAPE)).round().astype(np.int16), mask


@dataclass
class FakeCohort:
    """Rows in the columns of the wide table, and where they belong.

    ``add`` computes a region of files in the folder, or records why it could not.
    """

    folder: Path
    settings: fm.Settings = field(default_factory=lambda: fm.Settings(features=["morph", "stat"]))
    carried: tuple[str, ...] = ("site", "age")
    spacing: tuple[float, float, float] = SPACING
    rows: list[dict[str, Any]] = field(default_factory=list)
    columns: tuple[table.Column, ...] = ()

    def save(self, name: str, array: np.ndarray, spacing: tuple[float, ...] | None = None) -> str:
        """Write an image or a mask; its name."""
        path = self.folder / f"{name}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        io.write_nifti(path, array, spacing or self.spacing)
        return path.relative_to(self.folder).as_posix()

    def add(
        self,
        case: str,
        image: str,
        mask: str,
        *,
        roi: str = "gtv",
        label: int | None = None,
        carried: Mapping[str, Any] | None = None,
        values: Mapping[str, float] | None = None,
    ) -> dict[str, Any]:
        """One row; ``values`` replaces features."""
        row: dict[str, Any] = dict.fromkeys((*BEFORE, *self.carried, *ABOUT))
        row.update(case=case, roi=roi, **(carried or {}))
        row.update(case_image=image, case_mask=mask, case_settings=self.settings.hash)
        row.update(case_version="0.1.0", case_status="done", case_error="", case_warnings="")
        row["case_seconds"] = 0.25
        self.rows.append(row)
        where = self.folder / image, self.folder / mask
        try:
            result = fm.extract(*where, self.settings, label=label, case=case)
        except (fm.RadiomicsError, FileNotFoundError) as error:
            row.update(case_status="failed", case_error=str(error), case_label=label)
            return row
        p = result.provenance
        row["case_warnings"] = " | ".join(result.warnings)
        row["case_image_sha256"], row["case_mask_sha256"] = (
            p["image"]["sha256"],
            p["mask"]["sha256"],
        )
        row["case_label"] = p["mask"].get("label")
        row["case_slice_axis"] = p["geometry"]["slice_axis"]
        for stage, key in (("", "geometry"), ("grid_", "grid")):
            for k, n, s in zip("zyx", p[key]["shape_zyx"], p[key]["spacing_zyx_mm"], strict=True):
                row[f"case_{stage}shape_{k}"], row[f"case_{stage}spacing_{k}_mm"] = n, s
        row["case_voxels_morphological"] = p["voxels"]["morphological_mask"]
        row["case_voxels_intensity"] = p["voxels"]["intensity_mask"]
        row.update(result)
        row.update(values or {})
        self.columns = result.columns
        return row

    def write(self, name: str, *, long: bool = False) -> Path:
        """The table with its provenance; the format is by the name."""
        path = self.folder / name
        features = [c[0] for c in self.columns]
        about = [*BEFORE, *self.carried, *ABOUT]
        if long:
            keys = (*BEFORE, *self.carried)
            parts = dict(zip(features, (c[1:] for c in self.columns), strict=True))
            rows = [
                {k: row[k] for k in keys}
                | dict(zip(table.LONG_COLUMNS[2:9], parts[f][:7], strict=True))
                | {"value": row[f], "unit": parts[f][7]}
                for row in self.rows
                if row["case_status"] == "done"
                for f in features
            ]
            columns = [*keys, *table.LONG_COLUMNS[2:]]
            _write(path, rows, columns, {}, {*table.LONG_COLUMNS} - {"value"})
            beside = path.with_name(f"{path.stem}.cases{path.suffix}")
            _write(beside, self.rows, about, {}, TEXTS)
        else:
            keys = ("image", "family", "feature", "ibsi", "aggregation", "discretisation")
            told = {
                c[0]: dict(zip((*keys, "parameters", "unit"), c[1:], strict=True))
                for c in self.columns
            }
            _write(path, self.rows, [*about, *features], told, TEXTS)
        document = {
            "ferromics": "0.1.0",
            "folder": ".",
            "cases": {"from": "cases.csv", "count": len(self.rows)},
            "settings": {self.settings.hash: json.loads(self.settings.to_json())},
        }
        table.provenance_path(path).write_text(json.dumps(document), "utf-8")
        return path


def _write(
    path: Path,
    rows: list[dict[str, Any]],
    columns: list[str],
    told: dict[str, dict[str, str]],
    texts: set[str],
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyarrow import csv

    clean = [
        {k: None if isinstance(v := row.get(k), float) and np.isnan(v) else v for k in columns}
        for row in rows
    ]
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in clean), "utf-8")
        return
    fields = []
    for name in columns:
        values = [row[name] for row in clean if row[name] is not None]
        kind = pa.infer_type(values) if values and name not in told else pa.float64()
        fields.append(pa.field(name, pa.string() if name in texts else kind, True, told.get(name)))
    made = pa.Table.from_pylist(clean, pa.schema(fields))
    if path.suffix == ".parquet":
        pq.write_table(made, path)
    elif path.suffix in (".csv", ".tsv"):
        options = csv.WriteOptions(delimiter="," if path.suffix == ".csv" else "\t")
        csv.write_csv(made, path, options)
    else:
        with pa.ipc.new_file(path, made.schema) as file:
            file.write_table(made)


Maker = Callable[..., FakeCohort]


@pytest.fixture(scope="session")
def fake_cohort(tmp_path_factory: pytest.TempPathFactory) -> FakeCohort:
    """Twelve cases: one without a mask file, one with an empty mask, one with a far larger mask.

    The tables are not written yet.
    """
    cohort = FakeCohort(tmp_path_factory.mktemp("cohort"))
    for k in range(12):
        case, (image, mask) = f"P{k:02}", make_image(k)
        if k == 5:
            mask = np.zeros_like(mask)
        if k == 7:
            mask = np.ones_like(mask)
        image_file, mask_file = f"ct/{case}", f"masks/{case}"
        cohort.save(image_file, image)
        if k != 3:
            cohort.save(mask_file, mask)
        carried = {"site": "AB"[k % 2], "age": 50 + k}
        cohort.add(case, f"{image_file}.nii.gz", f"{mask_file}.nii.gz", carried=carried)
    return cohort
