"""``ferromics filter`` as a process: where maps go, exit status, one-line errors."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk

import ferromics as fm

ONE = "filters: gradient\n"
TWO = "filters: [{type: log, sigma: [0.9, 2]}]\n"
NAMES = ["log-sigma0.9mm", "log-sigma2mm"]
# The first cannot be sampled, the second can.
PARTLY = "filters: [{type: log, sigma: 0.1}, gradient]\n"


@pytest.fixture
def files(tmp_path, block):
    """A folder with ct.nii.gz, ct.nrrd and settings of each kind."""
    image = sitk.GetImageFromArray(block[0])
    image.SetSpacing((1.25, 1.5, 1.75))
    image.SetOrigin((10, -20, 30))
    image.SetDirection((-1, 0, 0, 0, 0, 1, 0, 1, 0))
    for name in ("ct.nii.gz", "ct.nrrd"):
        sitk.WriteImage(image, str(tmp_path / name))
    texts = {
        "one": ONE,
        "two": TWO,
        "partly": PARTLY,
        "none": "features: [stat]\n",
        "over-mask": ONE + "normalise: {type: zscore, over: mask}\n",
        "n4": ONE + "bias_correction: n4\n",
        "hopeless": "filters: [{type: log, sigma: [0.1, 0.2]}]\n",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


def one_line(done, status=2):
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("ferromics: ")
    return done.stderr


def listed(folder):
    return sorted(p.name for p in folder.iterdir())


def same_place(one, other):
    one, other = (sitk.ReadImage(str(p)) for p in (one, other))
    assert one.GetSize() == other.GetSize()
    for get in ("GetSpacing", "GetOrigin", "GetDirection"):
        np.testing.assert_allclose(getattr(one, get)(), getattr(other, get)(), atol=1e-5)
    return True


@pytest.mark.parametrize("name", ["out.nii.gz", "out.nii", "out.nrrd", "out.mha"])
@pytest.mark.parametrize("image", ["ct.nii.gz", "ct.nrrd"])
def test_one_map_goes_to_a_file_over_the_image(cli, files, name, image):
    done = cli("filter", image, "--settings", "one.yaml", "-o", name, cwd=files)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert same_place(files / name, files / image)
    expected = fm.response_maps(files / image, files / "one.yaml")["gradient"]
    written = sitk.GetArrayFromImage(sitk.ReadImage(str(files / name)))
    np.testing.assert_array_equal(written, expected.array)
    record = json.loads((files / "out.provenance.json").read_text())
    assert (record["map"], record["image"]["path"]) == ("gradient", image)
    assert record["settings_hash"] == fm.Settings.of(files / "one.yaml").hash


@pytest.mark.parametrize("existing", [True, False])
def test_several_maps_go_to_a_folder(cli, files, existing):
    if existing:
        (files / "maps").mkdir()
    given = "maps" if existing else "maps/"
    done = cli("filter", "ct.nii.gz", "-s", "two.yaml", "-o", given, cwd=files)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert listed(files / "maps") == sorted(
        f"ct_{name}.{end}" for name in NAMES for end in ("nii.gz", "provenance.json")
    )
    for name in NAMES:
        assert same_place(files / "maps" / f"ct_{name}.nii.gz", files / "ct.nii.gz")


def test_one_map_may_go_to_a_folder_too(cli, files):
    assert cli("filter", "ct.nrrd", "-s", "one.yaml", "-o", "./", cwd=files).returncode == 0
    assert (files / "ct_gradient.nii.gz").exists()


def test_only_picks_maps(cli, files):
    arguments = ("filter", "ct.nii.gz", "-s", "two.yaml", "--only", NAMES[1])
    assert cli(*arguments, "-o", "out.nii.gz", cwd=files).returncode == 0
    assert json.loads((files / "out.provenance.json").read_text())["map"] == NAMES[1]
    assert cli(*arguments, "--only", NAMES[0], "-o", "maps/", cwd=files).returncode == 0
    assert len(listed(files / "maps")) == 4
    message = one_line(cli(*arguments[:-1], "log-sigma3mm", "-o", "out.nii.gz", cwd=files))
    assert "did you mean 'log-sigma2mm'" in message


def test_several_maps_do_not_fit_a_file(cli, files):
    done = cli("filter", "ct.nii.gz", "-s", "two.yaml", "-o", "out.nii.gz", cwd=files)
    message = one_line(done)
    for part in ("2 maps", "-o maps/", "--only", *NAMES):
        assert part in message
    assert not (files / "out.nii.gz").exists()


def test_an_existing_map_is_replaced(cli, files):
    (files / "out.nii.gz").write_bytes(b"old")
    assert cli("filter", "ct.nii.gz", "-s", "one.yaml", "-o", "out.nii.gz", cwd=files).stderr == ""
    assert same_place(files / "out.nii.gz", files / "ct.nii.gz")


def test_a_filter_that_fails_leaves_the_others_and_gives_status_1(cli, files):
    done = cli("filter", "ct.nii.gz", "-s", "partly.yaml", "-o", "maps/", cwd=files)
    message = one_line(done, status=1)
    assert "failed: filter 'log-sigma0.1mm': sigma is 0.1 mm" in message
    assert listed(files / "maps") == ["ct_gradient.nii.gz", "ct_gradient.provenance.json"]


def test_where_all_filters_fail_nothing_is_made(cli, files):
    done = cli("filter", "ct.nii.gz", "-s", "hopeless.yaml", "-o", "maps/", cwd=files)
    assert done.returncode == 2
    assert done.stderr.count("failed: ") == 2
    assert not (files / "maps").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ct.nii.gz", "-s", "none.yaml", "-o", "o.nii.gz"], "filters: [{type: log, sigma: [1, 2"),
        (["ct.nii.gz", "-o", "o.nii.gz"], "no filter in the settings"),
        (["ct.nii.gz", "-s", "one.yaml", "-o", "-"], "does not go to stdout"),
        (["ct.nii.gz", "-s", "one.yaml", "-o", "o.png"], ".nii.gz, .nii, .nrrd, .mha"),
        (["ct.nii.gz", "-s", "one.yaml", "-o", "o"], "cannot tell the format of o"),
        (["ct.nii.gz", "-s", "one.yaml", "-o", "no/o.nii"], "no folder no"),
        (["ct.nii.gz", "-s", "one.yaml", "-o", "no/maps/"], "no folder no"),
        (["ct.nii.gz", "-s", "one.yaml", "-o", "ct.nrrd/"], "it is a file, not a folder"),
        (["ct.nii.gz", "-s", "one.yaml", "-o", "ct.nii.gz"], "is the image itself"),
        (["ct.nii.gz", "-s", "one.yaml"], "--output"),
        (["none.nii", "-s", "one.yaml", "-o", "o.nii"], "image none.nii: no such file"),
        (["one.yaml", "-s", "one.yaml", "-o", "o.nii"], "could not be read"),
        ([".", "-s", "one.yaml", "-o", "o.nii"], "is a folder"),
        (["ct.nii.gz", "-s", "no.yaml", "-o", "o.nii"], "no settings file no.yaml"),
        (["ct.nii.gz", "-s", "over-mask.yaml", "-o", "o.nii"], "without a region"),
        (["ct.nii.gz", "-s", "n4.yaml", "-o", "o.nii"], "negative intensities"),
        (["ct.nii.gz", "-s", "one.yaml", "-o", "o.nii", "--threads", "0"], "threads"),
    ],
)
def test_unusable_input_is_one_line_and_status_2_and_writes_nothing(cli, files, arguments, message):
    before = listed(files)
    assert message in one_line(cli("filter", *arguments, cwd=files))
    assert listed(files) == before


def test_a_damaged_image_is_one_line(cli, files):
    raw = (files / "ct.nii.gz").read_bytes()
    (files / "cut.nii.gz").write_bytes(raw[: len(raw) // 2])
    done = cli("filter", "cut.nii.gz", "-s", "one.yaml", "-o", "o.nii", cwd=files)
    assert "damaged or cut off" in one_line(done)


def test_bias_correction_needs_no_mask(cli, files, block):
    image = sitk.GetImageFromArray((block[0] + 300).astype(np.int16))
    sitk.WriteImage(image, str(files / "mr.nii.gz"))
    done = cli("filter", "mr.nii.gz", "-s", "n4.yaml", "-o", "o.nii", cwd=files)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((files / "o.provenance.json").read_text())["SimpleITK"]


def test_warnings_are_told_once_and_kept(cli, files, block):
    image = block[0].astype(np.float32)
    image[0, 0, 0] = np.nan
    sitk.WriteImage(sitk.GetImageFromArray(image), str(files / "nan.nii"))
    sitk.WriteImage(sitk.GetImageFromArray(block[0][0]), str(files / "flat.nii"))
    done = cli("filter", "nan.nii", "-s", "one.yaml", "-o", "o.nii", cwd=files)
    assert "warning: map gradient: 4 of its voxels are not finite" in one_line(done, status=0)
    assert json.loads((files / "o.provenance.json").read_text())["warnings"]
    done = cli("filter", "flat.nii", "-s", "two.yaml", "-o", "maps/", cwd=files)
    assert "warning: image flat.nii is 2D" in one_line(done, status=0)


def test_threads_do_not_change_the_file(cli, files):
    for n in (1, 2):
        done = cli(
            *("filter", "ct.nii.gz", "-s", "one.yaml", "-o", f"{n}.nii", "--threads", n), cwd=files
        )
        assert done.returncode == 0
    assert (files / "1.nii").read_bytes() == (files / "2.nii").read_bytes()


def test_the_help_shows_how_without_heavy_imports(cli):
    done = cli("filter", "--help")
    assert done.returncode == 0
    assert "-s filters.yaml -o maps/" in done.stdout
    assert "{type: log, sigma: [1, 2]}" in done.stdout
    code = (  # typer itself imports pydantic, if it is there
        "import sys; from ferromics.cli import run; run(['filter', '--help']); "
        "bad = {'numpy', 'SimpleITK', 'yaml'} & set(sys.modules); assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_ctrl_c_is_one_line_and_leaves_whole_files_only(tmp_path):
    rng = np.random.default_rng(0)
    image = rng.normal(size=(96, 256, 256)).astype(np.float32)
    sitk.WriteImage(sitk.GetImageFromArray(image), str(tmp_path / "i.nii"))
    # Rotations in all directions take much longer than the signal.
    text = "filters: [gradient, {type: laws, kernels: [L5E5S5, R5W5E5], pooling: max, energy: 7}]\n"
    (tmp_path / "s.yaml").write_text(text)
    code = (
        "import os, pathlib, signal, sys, threading, time\n"
        "from ferromics.cli import main\n"
        "sys.argv[1:] = ['filter', 'i.nii', '-s', 's.yaml', '-o', 'maps/']\n"
        "def stop():\n"
        "    while not pathlib.Path('maps/i_gradient.nii.gz').exists():\n"
        "        time.sleep(0.01)\n"
        "    time.sleep(0.2)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "threading.Thread(target=stop, daemon=True).start()\n"
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
    assert done.stderr.strip() == "ferromics: interrupted"
    assert listed(tmp_path / "maps") == ["i_gradient.nii.gz", "i_gradient.provenance.json"]
    assert sitk.ReadImage(str(tmp_path / "maps" / "i_gradient.nii.gz")).GetSize() == (256, 256, 96)
