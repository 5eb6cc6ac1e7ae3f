"""Peak memory of whole extractions, measured in a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

STATUS = Path("/proc/self/status")
if not STATUS.exists() or "VmHWM:" not in STATUS.read_text():
    pytest.skip("the peak is read from /proc, as Linux has it", allow_module_level=True)

# `resource` counts the peak of the process that started this one too; VmHWM does not, and can be
# set back to what is held now.
SCRIPT = """
import json, sys
from pathlib import Path
import numpy as np
import ferromics as fm

n, settings = int(sys.argv[1]), json.loads(sys.argv[2])
image = np.random.default_rng(0).integers(-1000, 1000, (n, n, n), np.int16)
z, y, x = np.ogrid[(slice(-1, 1, n * 1j),) * 3]
mask = z * z + y * y + x * x <= 1
fm.extract(image[:16, :16, :16], mask[:16, :16, :16] | True, settings, spacing=(1, 1, 1))  # imports
peak = lambda: int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024
Path("/proc/self/clear_refs").write_text("5")
before = peak()
fm.extract(image, mask, settings, spacing=(1, 1, 1))
print(peak() - before)
"""


def growth(edge: int, features: str, **settings: object) -> int:
    """Bytes at the peak of an extraction, beside the image (edge^3 voxels) and the mask, a ball."""
    text = json.dumps({"features": features.split(","), **settings})
    command = [sys.executable, "-c", SCRIPT, str(edge), text]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout)


TEXTURE = "glcm,glrlm,glszm,gldzm,ngtdm,ngldm"


def test_spatial_autocorrelation_of_four_million_voxels_stays_below_one_gibibyte() -> None:
    assert growth(200, "morph") < 2**30


def test_texture_takes_a_few_bytes_a_voxel_of_the_box() -> None:
    # 8 for the intensities, 1 to 2 for levels, 2 for masks, and what kernels hold for a slice or
    # a zone; several families run at once. A copy of the box a direction would exceed it.
    assert growth(200, TEXTURE) < 40 * 200**3


def test_memory_grows_no_faster_than_the_box() -> None:
    small, large = (growth(n, "stat,ih,ivh,loc," + TEXTURE) for n in (100, 200))
    assert large < 10 * max(small, 16 * 2**20)


def test_response_maps_are_held_no_longer_than_their_features_take() -> None:
    # The box with what the filters reach, a map for each of two threads, and what makes it; twenty
    # maps would be 20 x 8 bytes a voxel.
    wavelets = {"type": "wavelet", "wavelet": "coif1"}
    filters = [wavelets, {**wavelets, "level": 2}, {"type": "log", "sigma": [1, 2, 3, 4]}]
    assert growth(160, "stat", filters=filters) < 7 * 8 * 160**3
