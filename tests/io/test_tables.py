"""Results as tables: columns, numbers, files, provenance."""

import csv
import io
import json
import math
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

import ferromics as fm
from ferromics import table

ORDER = "case,roi,image,family,feature,ibsi,aggregation,discretisation,parameters,value,unit"


@pytest.fixture
def result(block):
    return fm.extract(*block, spacing=(2.0, 1.0, 1.0), case="patient 1")


@pytest.fixture
def flat():
    """One voxel: some features have no value."""
    mask = np.zeros((3, 3, 3), bool)
    mask[1, 1, 1] = True
    return fm.extract(np.ones((3, 3, 3)), mask, spacing=(1, 1, 1))


def test_long_columns_are_those_of_the_design(result):
    assert table.to_csv(result.records()).splitlines()[0] == ORDER
    assert all(list(row) == ORDER.split(",") for row in result.records())


def test_a_result_is_a_mapping_in_the_order_of_its_columns(result):
    assert list(result) == [c[0] for c in result.columns]
    assert len(result) == len(set(result))
    assert all(type(v) is float for v in result.values())
    with pytest.raises(KeyError):
        result["no such column"]


def test_csv_reads_back_to_the_same_doubles(result):
    rows = list(csv.DictReader(io.StringIO(table.to_csv(result.records()))))
    for row, value in zip(rows, result.values(), strict=True):
        assert row["value"] == "" if math.isnan(value) else float(row["value"]) == value
        assert row["case"] == "patient 1"


def test_wide_and_long_hold_the_same_values(result):
    (wide,) = table.wide_records([result])
    assert list(wide)[:2] == ["case", "roi"]
    np.testing.assert_array_equal(
        list(wide.values())[2:], [row["value"] for row in result.records()]
    )


def test_an_undefined_value_is_empty_or_null(flat, tmp_path):
    assert any(math.isnan(v) for v in flat.values())
    text = table.to_csv(table.wide_records([flat]))
    assert "nan" not in text.lower().splitlines()[1]
    rows = json.loads(table.to_json(flat.records()))
    assert any(row["value"] is None for row in rows)
    assert flat.to_arrow()["value"].null_count == sum(map(math.isnan, flat.values()))


def test_files_are_written_whole_with_their_provenance(result, tmp_path):
    for name in ("a.csv", "a.json", "a.parquet"):
        table.write([result], tmp_path / name, "wide")
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "a.csv",
        "a.json",
        "a.parquet",
        "a.provenance.json",
    ]
    (told,) = json.loads((tmp_path / "a.provenance.json").read_text())
    assert told["settings_hash"] == fm.Settings().hash
    assert told["voxels"]["morphological_mask"] > 0
    assert told["geometry"]["slice_axis"] == "z"
    assert (tmp_path / "a.csv").stat().st_mode & 0o777 == 0o666 & ~umask()
    import pyarrow.parquet as pq

    back = pq.read_table(tmp_path / "a.parquet")
    assert json.loads(back.schema.metadata[b"ferromics"])[0]["case"] == "patient 1"
    assert back.column_names[:2] == ["case", "roi"]


def umask():
    current = os.umask(0)
    os.umask(current)
    return current


def test_a_write_that_fails_leaves_the_old_file(result, tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_text("old")

    def fail(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        table.write([result], path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "error"),
    [("a.xlsx", fm.InputError), ("none/a.csv", FileNotFoundError), (".", fm.InputError)],
)
def test_a_path_that_cannot_be_written_is_refused(tmp_path, name, error):
    with pytest.raises(error, match="cannot"):
        table.check_path(tmp_path / name)


def test_pandas_and_arrow_hold_either_table(result):
    for layout in ("long", "wide"):
        expected = list(table.records([result], layout)[0])
        assert list(result.to_pandas(layout).columns) == expected
        assert result.to_arrow(layout).column_names == expected
    assert list(result.to_pandas().columns)[2:] == list(result)
    assert ",".join(result.to_arrow().column_names) == ORDER


def test_a_result_survives_pickling(result):
    back = pickle.loads(pickle.dumps(result))
    assert list(back) == list(result)
    np.testing.assert_array_equal(list(back.values()), list(result.values()))
    assert back.provenance == result.provenance


def test_extras_that_are_not_installed_are_named(result, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"ferromics\[pandas\]"):
        result.to_pandas()
    with pytest.raises(ImportError, match=r"ferromics\[parquet\]"):
        result.to_arrow()


def test_provenance_names_inputs_and_is_json(result):
    told = json.loads(json.dumps(result.provenance))
    assert told["image"] == {"kind": "numpy array of int16"}
    assert fm.Settings.of(told["settings"]) == fm.Settings()
    assert told["ferromics"] == fm.__version__


def test_nifti_to_csv_imports_nothing_heavy(tmp_path, block):
    import SimpleITK as sitk

    for name, array in (("i", block[0]), ("m", block[1].astype(np.uint8))):
        sitk.WriteImage(sitk.GetImageFromArray(array), str(tmp_path / f"{name}.nii.gz"))
    code = (
        "import sys, ferromics as fm; from ferromics import table; "
        "assert not {'numpy', 'pydantic'} & set(sys.modules); "
        "r = fm.extract('i.nii.gz', 'm.nii.gz'); "
        "table.write([r], __import__('pathlib').Path('o.csv')); "
        "bad = {'SimpleITK', 'rich', 'pandas', 'pyarrow', 'nibabel', 'scipy'} & set(sys.modules); "
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
