"""``ferromics map`` as a process: where maps go, exit status, one-line errors."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import SimpleITK as sitk

import ferromics as fm

CONTRAST = "original_glcm_contrast_fbn32_3d_merged"


@pytest.fixture
def files(tmp_path, block):
    """A folder with ct.nii.gz and gtv.nii.gz."""
    for name, array in zip(("ct", "gtv"), (block[0], block[1].astype(np.uint8)), strict=True):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing((1.25, 1.5, 1.75))
        sitk.WriteImage(image, str(tmp_path / f"{name}.nii.gz"))
    return tmp_path


def one_line(done, status=2):
    assert done.returncode == status, done.stderr
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)
    assert done.stderr.startswith("ferromics: ")
    return done.stderr


def test_one_map_goes_to_a_file_over_the_image(cli, files):
    arguments = ["map", "ct.nii.gz", "gtv.nii.gz", "--feature", "glcm_contrast"]
    done = cli(*arguments, "-o", "out.nrrd", "--radius", "2", cwd=files)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    made = sitk.ReadImage(str(files / "out.nrrd"))
    assert made.GetSpacing() == pytest.approx((1.25, 1.5, 1.75))
    paths = files / "ct.nii.gz", files / "gtv.nii.gz"
    expected = fm.feature_map(*paths, "glcm_contrast", radius=2)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(made), expected.array)
    record = json.loads((files / "out.provenance.json").read_text())
    assert (record["map"], record["mask"]["path"]) == (CONTRAST, "gtv.nii.gz")


def test_several_maps_go_to_a_folder(cli, files):
    arguments = ["map", "ct.nii.gz", "gtv.nii.gz", "--feature", "ngtdm", "--feature", CONTRAST]
    message = one_line(cli(*arguments, "-o", "out.nii.gz", cwd=files))
    assert "there are 6 maps to make" in message
    done = cli(*arguments, "-o", "maps/", "--outside", "0", "--radius", "0,1,1", cwd=files)
    assert (done.returncode, done.stderr) == (0, "")
    listed = sorted(p.name for p in (files / "maps").iterdir())
    assert len(listed) == 12
    assert f"ct_{CONTRAST}.nrrd" in listed
    values = sitk.GetArrayFromImage(sitk.ReadImage(str(files / "maps" / f"ct_{CONTRAST}.nrrd")))
    assert np.isfinite(values).all()


def test_nan_in_a_nifti_file_is_told_as_itk_reads_it_as_0(cli, files):
    arguments = ["map", "ct.nii.gz", "gtv.nii.gz", "--feature", "stat_mean_intensity"]
    done = cli(*arguments, "-o", "out.nii.gz", cwd=files)
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert done.stderr.startswith("ferromics: warning: out.nii.gz: ITK")
    assert (sitk.GetArrayFromImage(sitk.ReadImage(str(files / "out.nii.gz"))) == 0).any()
    assert cli(*arguments, "-o", "out.nii.gz", "--outside", "-5", cwd=files).stderr == ""


def test_what_maps_warn_of_is_told_once(cli, files):
    (files / "few.yaml").write_text("discretise: {type: fbn, bins: 4}\n")
    arguments = ["map", "ct.nii.gz", "gtv.nii.gz", "--feature", "glcm", "-s", "few.yaml"]
    done = cli(*arguments, "-o", "maps/", "--radius", "0,0,1", cwd=files)
    assert done.returncode == 0
    lines = done.stderr.splitlines()
    assert len(lines) == len(set(lines))
    assert sum("4 grey levels are present" in line for line in lines) == 1
    assert any("glcm_correlation" in line and "no defined value" in line for line in lines)


def test_without_a_mask_the_whole_image_is_mapped(cli, files):
    done = cli("map", "ct.nii.gz", "--feature", "stat_mean_intensity", "-o", "m.nrrd", cwd=files)
    assert (done.returncode, done.stderr) == (0, "")
    assert np.isfinite(sitk.GetArrayFromImage(sitk.ReadImage(str(files / "m.nrrd")))).all()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["gone.nii.gz", "gtv.nii.gz", "--feature", "glcm"], "gone.nii.gz"),
        (["ct.nii.gz", "gtv.nii.gz", "--feature", "glcm_kontrast"], "did you mean 'glcm_contrast'"),
        (["ct.nii.gz", "gtv.nii.gz", "--feature", "morph_volume_mesh"], "family morph has no maps"),
        (["ct.nii.gz", "gtv.nii.gz"], "feature"),
        (["ct.nii.gz", "gtv.nii.gz", "--feature", "ih", "--radius", "two"], "--radius must be"),
        (["ct.nii.gz", "gtv.nii.gz", "--feature", "ih", "--radius", "99"], "radius is 99"),
        (["ct.nii.gz", "gtv.nii.gz", "--feature", "ih", "--label", "7"], "has no label 7"),
    ],
)
def test_mistakes_are_one_line(cli, files, arguments, said):
    message = one_line(cli("map", *arguments, "-o", "maps/", cwd=files))
    assert said in message
    assert sorted(p.name for p in files.iterdir() if p.is_file()) == ["ct.nii.gz", "gtv.nii.gz"]


@pytest.mark.parametrize("given", ["ct.nii.gz", "gtv.nii.gz"])
def test_neither_image_nor_mask_is_overwritten(cli, files, given):
    before = (files / given).read_bytes()
    arguments = ["map", "ct.nii.gz", "gtv.nii.gz", "--feature", "glcm_contrast", "-o", given]
    assert "itself" in one_line(cli(*arguments, cwd=files))
    assert (files / given).read_bytes() == before


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_leaves_what_is_done_and_no_half_map(files):
    rng = np.random.default_rng(1)
    image = sitk.GetImageFromArray(rng.integers(0, 99, (60, 120, 120)).astype(np.int16))
    sitk.WriteImage(image, str(files / "large.nii.gz"))
    command = [sys.executable, "-m", "ferromics", "map", "large.nii.gz", "--radius", "2"]
    command += ["--feature", "stat_mean_intensity", "--feature", "glcm", "-o", "maps/"]
    process = subprocess.Popen(command, cwd=files, stderr=subprocess.PIPE, text=True)
    first = files / "maps" / "large_original_stat_mean_intensity.provenance.json"
    end = time.monotonic() + 120
    while not first.exists() and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said == "ferromics: interrupted\n"
    names = sorted(p.name for p in (files / "maps").iterdir())
    assert names == [first.name.replace(".provenance.json", ".nrrd"), first.name]
