"""Peak memory of maps of features, measured in a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

STATUS = Path("/proc/self/status")
if not STATUS.exists() or "VmHWM:" not in STATUS.read_text():
    pytest.skip("the peak is read from /proc, as Linux has it", allow_module_level=True)

SCRIPT = """
import json, sys
from pathlib import Path
import numpy as np
import ferromics as fm

shape, feature, settings, radius = json.loads(sys.argv[1])
image = np.random.default_rng(0).integers(0, 100, shape, np.int16)
given = {"settings": settings, "radius": radius, "spacing": (1, 1, 1), "threads": 2}
fm.feature_map(image[:4, :4, :4], None, feature, **{**given, "radius": 1})  # imports
peak = lambda: int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024
Path("/proc/self/clear_refs").write_text("5")
before = peak()
fm.feature_map(image, None, feature, **given)
print(peak() - before)
"""


def growth(shape: tuple[int, ...], feature: str, settings: object, radius: object) -> int:
    """Bytes at the peak of one map of a whole image, beside the image."""
    text = json.dumps([shape, feature, settings, radius])
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, text], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_a_map_takes_a_few_bytes_a_voxel() -> None:
    # The map and its mask, the region's intensities and levels, where its voxels are, and copies on
    # the way between them; a neighbourhood kept for each voxel would take hundreds.
    assert growth((100, 100, 100), "glcm_contrast", None, [0, 0, 1]) < 64 * 100**3


@pytest.mark.parametrize("family", ["ngldm", "ngtdm", "glszm"])
def test_wide_neighbourhoods_take_no_list_for_each_of_their_voxels(family: str) -> None:
    # A list of 4,000 neighbours for each of 10,000 voxels would take 160 MiB.
    distance = "linkage_distance" if family == "glszm" else "distances"
    settings = {"features": [{"type": family, distance: 8 if family == "glszm" else [8]}]}
    names = {"ngldm": "low_dependence_emphasis", "ngtdm": "contrast", "glszm": "zone_percentage"}
    assert growth((6, 9, 9), f"{family}_{names[family]}", settings, 21) < 48 * 2**20
