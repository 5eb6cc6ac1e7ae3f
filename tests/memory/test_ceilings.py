"""Peak memory of whole extractions, measured in a process of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("resource", reason="peak memory is measured with the resource module of Unix")

SCRIPT = """
import resource, sys
import numpy as np
import ferromics as fm

n, families = int(sys.argv[1]), sys.argv[2].split(",")
image = np.random.default_rng(0).integers(-1000, 1000, (n, n, n), np.int16)
z, y, x = np.ogrid[(slice(-1, 1, n * 1j),) * 3]
mask = z * z + y * y + x * x <= 1
settings = fm.Settings(features=families)
fm.extract(image[:9, :9, :9], mask[:9, :9, :9] | True, settings, spacing=(1, 1, 1))  # imports
# On Linux the peak is in KiB; what the test itself holds is subtracted.
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = peak()
fm.extract(image, mask, settings, spacing=(1, 1, 1))
print(peak() - before)
"""


def growth(edge: int, families: str) -> int:
    command = [sys.executable, "-c", SCRIPT, str(edge), families]
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


FILTER = """
import resource, sys
import numpy as np
import ferromics as fm

image = np.random.default_rng(0).normal(size=(160, 160, 160))
call = lambda image: eval(sys.argv[1], {"f": fm.filters, "a": image})
call(image[:9, :9, :9])  # imports
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = peak()
call(image)
print((peak() - before) / image.nbytes)
"""


@pytest.mark.parametrize(
    ("call", "volumes"),
    [
        ("f.mean(a, 15)", 1),
        ("f.log(a, (1, 1, 1), 3)", 1),
        ("f.laws(a, 'L5E5S5', pooling='max')", 1),
        ("f.laws(a, 'L5E5S5', pooling='max', energy=7)", 2),
        ("f.wavelet(a, 'coif1')", 8),
        ("f.wavelet(a, 'coif1', pooling='mean')", 8),
        ("f.wavelet(a, 'coif1', 'LLH', level=3, pooling='mean')", 3),
        ("f.square_root(a)", 1),
        ("f.gradient(a, (1, 1, 1))", 1),
        ("f.lbp_3d(a)", 2),
        # The spectrum of the image; padded along y and x, but not along z.
        ("f.simoncelli(a)", 2),
        ("f.simoncelli(a, 2, boundary='mirror')", 3),
        ("f.shannon(a, 2, boundary='mirror')", 3),
        ("f.riesz(a, (1, 1, 1), (1, 0, 0), sigma=1.5)", 3),
        ("f.gabor(a, (1, 1, 1), 3, 6, theta_step=45)", 1),
        ("f.gabor(a, (1, 1, 1), 3, 6, theta_step=45, orthogonal=True)", 2),
    ],
)
def test_a_filter_holds_its_maps_and_little_else(call: str, volumes: int) -> None:
    # Rotations, sub-bands, orientations and terms would each be a volume if they were held.
    command = [sys.executable, "-c", FILTER, call]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(done.stdout) < volumes + 0.6
