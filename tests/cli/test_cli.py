"""The command line as a process: what goes where, exit status, one-line errors."""

import csv
import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk

import ferromics as fm


@pytest.fixture
def files(tmp_path, block):
    """A folder with ct.nii.gz, gtv.nii.gz, node.nrrd, labels.nii.gz (1, 2), soft.nii.gz."""
    image, mask = block
    labels = np.where(mask, 1, 0)
    labels[0, 0, :4] = 2
    arrays = {
        "ct.nii.gz": image,
        "gtv.nii.gz": mask,
        "node.nrrd": np.ones_like(mask),
        "labels.nii.gz": labels,
    }
    for name, array in arrays.items():
        sitk.WriteImage(sitk.GetImageFromArray(array.astype(np.int16)), str(tmp_path / name))
    soft = sitk.GetImageFromArray((mask * 0.5).astype(np.float32))
    sitk.WriteImage(soft, str(tmp_path / "soft.nii.gz"))
    return tmp_path


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def one_line(done, status=2):
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("ferromics: ")
    return done.stderr


def test_extract_prints_one_row_a_region(cli, files):
    done = cli("extract", "ct.nii.gz", "gtv.nii.gz", cwd=files)
    assert (done.returncode, done.stderr) == (0, "")
    (row,) = rows(done.stdout)
    assert (row["case"], row["roi"]) == ("ct", "gtv")
    expected = fm.extract(files / "ct.nii.gz", files / "gtv.nii.gz")
    assert {k: float(v) for k, v in row.items() if k not in ("case", "roi") and v} == {
        k: v for k, v in expected.items() if not np.isnan(v)
    }


def test_long_format_prints_one_row_a_value(cli, files):
    done = cli("extract", "ct.nii.gz", "gtv.nii.gz", "--format", "long", "-o", "-", cwd=files)
    expected = fm.extract(files / "ct.nii.gz", files / "gtv.nii.gz")
    assert len(rows(done.stdout)) == len(expected)
    assert done.stdout.startswith("case,roi,image,family,feature,ibsi,aggregation,")


def test_json_goes_to_stdout_with_null_where_nothing_is_defined(cli, files):
    image, mask = files / "ct.nii.gz", files / "gtv.nii.gz"
    done = cli("extract", image, mask, "--json", "--format", "long")
    table = json.loads(done.stdout)
    assert len(table) == 174
    as_csv = rows(cli("extract", image, mask, "--format", "long").stdout)
    for one, other in zip(table, as_csv, strict=True):
        assert other["value"] == ("" if one["value"] is None else repr(one["value"]))


def test_extract_writes_files_with_provenance(cli, files):
    done = cli("extract", "ct.nii.gz", "gtv.nii.gz", "-o", "out.json", "--case", "P1", cwd=files)
    assert (done.returncode, done.stdout) == (0, "")
    (row,) = json.loads((files / "out.json").read_text())
    assert row["case"] == "P1"
    assert json.loads((files / "out.provenance.json").read_text())[0]["case"] == "P1"


@pytest.mark.parametrize(
    ("arguments", "regions"),
    [
        (["labels.nii.gz", "--label", "2"], ["2"]),
        (["labels.nii.gz", "--label", "2,1"], ["2", "1"]),
        (["labels.nii.gz", "--label", "all"], ["1", "2"]),
        (["gtv.nii.gz", "node.nrrd"], ["gtv", "node"]),
        (["tumour=gtv.nii.gz", "node.nrrd"], ["tumour", "node"]),
        (["tumour=gtv.nii.gz"], ["tumour"]),
        (["soft.nii.gz", "--mask-threshold", "0.5"], ["soft"]),
    ],
)
def test_regions_are_chosen_and_named(cli, files, arguments, regions):
    done = cli("extract", "ct.nii.gz", *arguments, cwd=files)
    assert done.returncode == 0, done.stderr
    assert [row["roi"] for row in rows(done.stdout)] == regions


def test_settings_come_from_a_file_or_a_preset(cli, files):
    (files / "s.yaml").write_text("features: [stat]\n")
    by_file = cli("extract", "ct.nii.gz", "gtv.nii.gz", "--settings", "s.yaml", cwd=files)
    assert len(rows(by_file.stdout)[0]) == 2 + 18
    by_preset = cli("extract", "ct.nii.gz", "gtv.nii.gz", "-s", "ibsi:A", cwd=files)
    assert by_preset.returncode == 0, by_preset.stderr


def test_threads_do_not_change_the_output(cli, files):
    one, two = (
        cli("extract", "ct.nii.gz", "gtv.nii.gz", "--threads", n, cwd=files).stdout for n in (1, 2)
    )
    assert one == two


def test_a_region_that_fails_leaves_the_others_and_gives_status_1(cli, files, block):
    image = block[0].astype(np.float32)
    image[0, 0, 0] = np.nan  # inside label 2
    sitk.WriteImage(sitk.GetImageFromArray(image), str(files / "holes.nii.gz"))
    done = cli("extract", "holes.nii.gz", "labels.nii.gz", "--label", "all", cwd=files)
    assert done.returncode == 1
    assert [row["roi"] for row in rows(done.stdout)] == ["1"]
    assert "ferromics: region 2 failed: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.nii.gz", "gtv.nii.gz"], "none.nii.gz: no such file"),
        (["ct.nii.gz", "none.nii.gz"], "mask none.nii.gz: no such file"),
        ([".", "gtv.nii.gz"], "is a folder"),
        (["ct.nii.gz", "labels.nii.gz"], "2 labels (1, 2)"),
        (["ct.nii.gz", "labels.nii.gz", "--label", "5"], "no label 5; it has 1, 2"),
        (["ct.nii.gz", "labels.nii.gz", "--label", "x"], "--label must be"),
        (["ct.nii.gz", "soft.nii.gz"], "--mask-threshold 0.5"),
        (["ct.nii.gz", "gtv.nii.gz", "-s", "ibsi:Z"], "preset 'ibsi:Z' is not known"),
        (["ct.nii.gz", "gtv.nii.gz", "-s", "none.yaml"], "no settings file none.yaml"),
        (
            ["ct.nii.gz", "gtv.nii.gz", "-o", "out.xlsx"],
            ".csv, .tsv, .json, .jsonl, .parquet, .feather, .arrow",
        ),
        (["ct.nii.gz", "gtv.nii.gz", "-o", "none/out.csv"], "no folder none"),
        (["ct.nii.gz", "gtv.nii.gz", "--threads", "0"], "threads"),
        (["ct.nii.gz", "gtv.nii.gz", "gtv.nii.gz"], "two masks are named 'gtv'"),
        (["ct.nii.gz"], "MASK"),
        (["ct.nii.gz", "gtv.nii.gz", "--formt", "long"], "--formt"),
    ],
)
def test_unusable_input_is_one_line_and_status_2(cli, files, arguments, message):
    assert message in one_line(cli("extract", *arguments, cwd=files))


def test_nothing_is_written_when_input_is_unusable(cli, files):
    one_line(cli("extract", "ct.nii.gz", "none.nii.gz", "-o", "out.csv", cwd=files))
    assert not (files / "out.csv").exists()


def test_warnings_go_to_stderr(cli, files):
    (files / "s.yaml").write_text("discretise: fbs25\n")
    done = cli("extract", "ct.nii.gz", "gtv.nii.gz", "-s", "s.yaml", cwd=files)
    assert done.returncode == 0
    assert "ferromics: warning: discretise[0]: fixed bin size" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="needs a shell with pipes")
def test_a_reader_that_leaves_early_is_no_error(files):
    command = (
        f"'{sys.executable}' -m ferromics extract ct.nii.gz gtv.nii.gz --format long | head -1"
    )
    done = subprocess.run(
        ["sh", "-c", command], cwd=files, capture_output=True, text=True, check=False
    )
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_ctrl_c_is_one_line_and_status_130(tmp_path):
    rng = np.random.default_rng(0)
    image = rng.normal(size=(160, 320, 320)).astype(np.float32)
    for name, array in (("i", image), ("m", np.ones(image.shape, np.uint8))):
        sitk.WriteImage(sitk.GetImageFromArray(array), str(tmp_path / f"{name}.nii"))
    code = (  # the signal comes when the imports are done and the computing is under way
        "import os, signal, sys, threading\n"
        "import ferromics.extractor\n"
        "from ferromics.cli import main\n"
        "sys.argv[1:] = ['extract', 'i.nii', 'm.nii', '--threads', '1']\n"
        "threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.strip() == "ferromics: interrupted"  # older parsers end the ^C line


def test_features_lists_the_catalogue(cli):
    listed = rows(cli("features", "--format", "csv").stdout)
    catalogue = fm.catalogue()
    assert [(r["family"], r["name"]) for r in listed] == [
        (r["family"], r["name"]) for r in catalogue
    ]
    assert json.loads(cli("features", "--family", "glcm", "--format", "json").stdout)[0]["doc"]
    assert "joint_entropy" in cli("features", "--family", "glcm").stdout
    assert "no family 'glmc'" in one_line(cli("features", "--family", "glmc"))


def test_settings_can_be_written_checked_and_described(cli, tmp_path):
    assert cli("settings", "new", "ibsi:A", "-o", "s.yaml", cwd=tmp_path).returncode == 0
    assert fm.Settings.load(tmp_path / "s.yaml") == fm.Settings.preset("ibsi:A")
    checked = cli("settings", "check", "s.yaml", cwd=tmp_path)
    assert fm.Settings.preset("ibsi:A").hash in checked.stdout
    (tmp_path / "bad.yaml").write_text("features: [gclm]\n")
    message = one_line(cli("settings", "check", "bad.yaml", cwd=tmp_path))
    assert "bad.yaml: features[0]: 'gclm' is not known, did you mean 'glcm'?" in message
    assert json.loads(cli("settings", "schema").stdout)["properties"]["features"]


def test_version_and_help_answer_without_heavy_imports(cli):
    assert cli("--version").stdout == f"ferromics {fm.__version__}\n"
    for arguments, word in (
        (["--help"], "extract"),
        (["extract", "--help"], "MASK"),
        (["ibsi", "--help"], "check"),
    ):
        done = cli(*arguments)
        assert done.returncode == 0
        assert word in done.stdout
    code = (
        "import sys; from ferromics.cli import run; run(['--help']); "
        "bad = {'numpy', 'pydantic', 'SimpleITK', 'yaml', 'pandas', 'pooch', 'requests'} "
        "& set(sys.modules); "
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_no_command_shows_the_help_and_status_2(cli):
    done = cli()
    assert done.returncode == 2
    assert "extract" in done.stdout


def test_the_demo_runs_and_conforms(cli, tmp_path):
    done = cli("demo", "--out", "there", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "digital phantom: 482 of 482 reference values matched" in done.stdout
    names = sorted(p.name for p in (tmp_path / "there").iterdir())
    assert names == [
        "ct.nii.gz",
        "features.csv",
        "features.provenance.json",
        "labels.nii.gz",
        "phantom.nii.gz",
        "phantom_mask.nii.gz",
    ]
    command = next(line.split() for line in done.stdout.splitlines() if "--label all" in line)
    again = cli(*command[1:-2], cwd=tmp_path)
    assert again.stdout == (tmp_path / "there" / "features.csv").read_text()
