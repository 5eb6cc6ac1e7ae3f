"""``ferromics pyradiomics``: the options, output and exit status of PyRadiomics' command."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from conftest import Cli

SHAPE_ONLY = "featureClass: {shape: [VoxelVolume], firstorder: [Mean, Entropy]}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images, masks, a parameter file and tables of cases."""
    out = tmp_path_factory.mktemp("cases")
    random = np.random.default_rng(2)
    for k in (1, 2):
        values = random.integers(0, 100 * k, size=(6, 7, 8)).astype(np.int16)
        mask = np.zeros(values.shape, dtype=np.uint8)
        mask[1:5, 1:5, 1:6], mask[5, 5:7, 5:7] = 1, 2
        sitk.WriteImage(sitk.GetImageFromArray(values), out / f"image{k}.nrrd")
        sitk.WriteImage(sitk.GetImageFromArray(mask), out / f"mask{k}.nrrd")
    (out / "params.yaml").write_text(SHAPE_ONLY)
    (out / "cases.csv").write_text(
        "Patient,Image,Mask,Label\n"
        "a,image1.nrrd,mask1.nrrd,\nb,image2.nrrd,mask2.nrrd,2\nc,image2.nrrd,missing.nrrd,1\n"
    )
    (out / "bad.csv").write_text("Image,Segmentation\nimage1.nrrd,mask1.nrrd\n")
    (out / "none.csv").write_text("Image,Mask\n")
    (out / "bytes.csv").write_bytes(b"\xff\xfe\x80")
    (out / "wrong.yaml").write_text("setting: {binWidth: -1}")
    (out / "broken.yaml").write_text("setting: {binWidth: [}")
    (out / "broken.json").write_text("{")
    (out / "text.nrrd").write_text("no image")
    sitk.WriteImage(sitk.GetImageFromArray(mask * 0), out / "empty.nrrd")
    return out


def columns(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def test_one_case_as_text(cli: Cli, folder: Path) -> None:
    done = cli("pyradiomics", "image1.nrrd", "mask1.nrrd", "-p", "params.yaml", cwd=folder)
    assert done.returncode == 0, done.stderr
    lines = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert lines["Case-1_Image"] == str(folder / "image1.nrrd")
    assert lines["Case-1_original_shape_VoxelVolume"] == "80.0"
    assert list(lines)[-1] == "Case-1_original_firstorder_Entropy"


def test_cases_of_a_table(cli: Cli, folder: Path) -> None:
    done = cli("pyradiomics", folder / "cases.csv", "-p", folder / "params.yaml", "-f", "csv",
               "--format-path", "relative", "-s", "additionalInfo:false")  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = columns(done.stdout)
    assert list(rows[0])[:4] == ["Patient", "Image", "Mask", "Label"]
    assert [row["Patient"] for row in rows] == ["a", "b", "c"]
    assert rows[0]["Image"] == "image1.nrrd"
    assert [row["original_shape_VoxelVolume"] for row in rows] == ["80.0", "4.0", ""]
    assert "Feature extraction failed" in done.stderr


def test_jobs_give_the_same(cli: Cli, folder: Path) -> None:
    arguments = ("pyradiomics", folder / "cases.csv", "-p", folder / "params.yaml", "-f", "json")
    one, two = (cli(*arguments, "-v", "1", "-j", jobs) for jobs in (1, 2))
    assert two.returncode == 0, two.stderr
    assert one.stdout == two.stdout
    found = json.loads(one.stdout)
    assert found[0]["original_shape_VoxelVolume"] == 80
    assert found[0]["diagnostics_Configuration_Settings"]["label"] == 1


def test_output_is_appended(cli: Cli, folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    for _ in range(2):
        done = cli("pyradiomics", folder / "image1.nrrd", folder / "mask1.nrrd", "-o", target,
                   "-p", folder / "params.yaml", "--format-path", "basename")  # fmt: skip
        assert (done.returncode, done.stdout) == (0, "")
    assert target.read_text().count("Case-1_Image: image1.nrrd\n") == 2


def test_a_folder_keeps_what_is_done(cli: Cli, folder: Path, tmp_path: Path) -> None:
    arguments = ("pyradiomics", folder / "cases.csv", "-p", folder / "params.yaml", "-f", "csv",
                 "-od", tmp_path / "kept")  # fmt: skip
    first = cli(*arguments)
    kept = sorted(path.name for path in (tmp_path / "kept").iterdir())
    assert kept == ["features_1.csv", "features_2.csv"]  # the failed one is tried again
    path = tmp_path / "kept/features_1.csv"
    path.write_text(path.read_text().replace("80.0", "81.0"))
    second = cli(*arguments)
    assert second.stdout == first.stdout.replace("80.0", "81.0")


def test_settings_go_before_the_file_and_unknown_ones_are_told(cli: Cli, folder: Path) -> None:
    done = cli("pyradiomics", folder / "image1.nrrd", folder / "mask1.nrrd",
               "-p", folder / "params.yaml", "-s", "label:2", "-s", "foo:1", "-s", "binWidth",
               "-s", "distances:1,x", "-f", "json")  # fmt: skip
    assert done.returncode == 0
    assert json.loads(done.stdout)[0]["original_shape_VoxelVolume"] == 4
    for told in ('override "foo"', '"binWidth", missing ":"', '"1,x" for setting "distances"'):
        assert told in done.stderr


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("image1.nrrd",), 1),
        (("bad.csv",), 1),
        ((), 2),
        (("image1.nrrd", "mask1.nrrd", "-f", "xml"), 2),
        (("missing.csv",), 3),
        (("image1.nrrd", "mask1.nrrd", "-p", "missing.yaml"), 3),
        (("image1.nrrd", "mask1.nrrd", "--log-file", "nowhere/log.txt"), 4),
        (("cases.csv", "--validate"), 0),
        (("--version",), 0),
        (("-h",), 0),
    ],
)
def test_exit_status(arguments: tuple[str, ...], status: int, cli: Cli, folder: Path) -> None:
    assert cli("pyradiomics", *arguments, cwd=folder).returncode == status


ONE = ("image1.nrrd", "mask1.nrrd")
FAILED = "Feature extraction failed! : "


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("cases.csv", "--validate", "-p", "wrong.yaml"), 0, "binWidth: -1 is not greater than 0"),
        (("cases.csv", "--validate", "-p", "missing.yaml"), 0, "does not exist! missing.yaml"),
        (("cases.csv", "--validate", "-p", "broken.yaml"), 3, "broken.yaml is not YAML"),
        (("cases.csv", "--validate", "-p", "broken.json"), 3, "broken.json is not JSON"),
        (("cases.csv", "--validate", "-p", "cases.csv"), 3, "must end in .yaml"),
        ((*ONE, "-p", "wrong.yaml"), 3, "binWidth: -1 is not greater than 0"),
        ((*ONE, "-p", "broken.yaml"), 3, "broken.yaml is not YAML"),
        (("none.csv",), 3, "No cases to process"),
        (("bytes.csv",), 3, "bytes.csv is no text in UTF-8"),
        (("bytes.csv", "--validate"), 3, "bytes.csv is no text in UTF-8"),
        (("missing.nrrd", "mask1.nrrd"), 0, FAILED + "Error reading image: there is no file"),
        (("image1.nrrd", "text.nrrd"), 0, FAILED + "Error reading mask: "),
        (("image1.nrrd", "empty.nrrd"), 0, FAILED + "No labels found in this mask"),
        ((*ONE, "-s", "label:7"), 0, FAILED + "Label (7) not present in mask. Choose from [1 2]"),
        ((*ONE, "--foo"), 2, "unrecognized arguments: --foo"),
        ((*ONE, "-j", "0"), 2, "--jobs/-j: invalid choice"),
        ((*ONE, "-o", "nowhere/out.txt"), 2, "can't open 'nowhere/out.txt'"),
        ((*ONE, "-od", "cases.csv"), 3, "File exists: 'cases.csv'"),
    ],
)
def test_mistakes_are_told_in_words(
    arguments: tuple[str, ...], status: int, told: str, cli: Cli, folder: Path
) -> None:
    """The exit status is that of ``pyradiomics``."""
    done = cli("pyradiomics", *arguments, cwd=folder)
    assert done.returncode == status, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_ends_all_jobs(tmp_path: Path) -> None:
    values = np.random.default_rng(3).normal(0, 100, (40, 40, 40))
    sitk.WriteImage(sitk.GetImageFromArray(values), tmp_path / "image.nrrd")
    mask = sitk.GetImageFromArray(np.ones(values.shape, np.uint8))
    sitk.WriteImage(mask, tmp_path / "mask.nrrd")
    (tmp_path / "cases.csv").write_text("Image,Mask\n" + "image.nrrd,mask.nrrd\n" * 3)
    # Many minutes of work, were it not interrupted.
    (tmp_path / "params.yaml").write_text(
        "setting: {binWidth: 1}\nvoxelSetting: {kernelRadius: 15}\nfeatureClass: {glcm: []}"
    )
    arguments = "pyradiomics cases.csv -p params.yaml -j 2 -m voxel -v 4".split()
    with subprocess.Popen(
        [sys.executable, "-m", "ferromics", *arguments],
        cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as running:  # fmt: skip
        assert running.stderr is not None
        for line in running.stderr:
            if "Computing glcm" in line:
                break
        os.killpg(running.pid, signal.SIGINT)
        try:
            _, told = running.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            raise
    assert running.returncode == 255
    assert "Cancelling Extraction" in told
    assert "Traceback" not in told


def test_validation_tells_what_is_missing(cli: Cli, folder: Path) -> None:
    done = cli("pyradiomics", folder / "cases.csv", "--validate", "-v")
    assert "Mask path for case (3/3) does not exist!" in done.stderr
    assert "errors found in 1 case(s)" in done.stderr
