"""Reading the phantom's `.nii.gz` files against inflating their bytes and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.targets import READ
from bench.tools import interleaved
from ferromics import io


def inflaters() -> tuple[dict[str, Callable[[bytes], bytes]], dict[str, str]]:
    """Return what inflates here, and why others do not."""
    found: dict[str, Callable[[bytes], bytes]] = {}
    left_out = {}
    try:
        from isal import igzip

        found["isal"] = igzip.decompress
    except ImportError:
        left_out["isal"] = "no wheel for this platform"
    try:
        import deflate

        found["libdeflate"] = deflate.gzip_decompress
    except ImportError:
        left_out["libdeflate"] = "not installed (pip install deflate)"
    return found, left_out


def read(files: tuple[Path, Path], budget: float) -> dict[str, Any]:
    """Compare with what SimpleITK reads, then time reading both files against inflating them."""
    import SimpleITK as sitk

    wrong = [
        f"{path.name}: voxels or spacing are not those that SimpleITK reads"
        for path in files
        for ours, theirs in [(io.read(path), sitk.ReadImage(str(path)))]
        if not np.array_equal(ours.array, sitk.GetArrayFromImage(theirs))
        or not np.allclose(ours.spacing, theirs.GetSpacing()[::-1], rtol=1e-6)
    ]

    def seconds(one: Callable[[Path], object]) -> float:
        start = time.perf_counter()
        for path in files:
            one(path)
        return time.perf_counter() - start

    found, left_out = inflaters()
    calls = {"ferromics": lambda: seconds(io.read)}
    calls |= {
        name: lambda inflate=inflate: seconds(lambda path: inflate(path.read_bytes()))
        for name, inflate in found.items()
    }
    return {
        "work": READ, "title": "phantom's .nii.gz files, against inflating them alone",
        "threads": 1, "seconds": interleaved(calls, budget), "left_out": left_out,
        "checked": {"SimpleITK": {"values": len(files), "left_out": 0, "wrong": wrong}},
    }  # fmt: skip
