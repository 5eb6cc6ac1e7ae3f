"""Image and mask are let go of as soon as the core has cut out what it needs."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ferromics as fm
from ferromics import _core, extractor, io

SPACING = (1.0, 1.0, 1.0)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd"])
def test_voxels_of_files_are_let_go_of_before_features_are_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    image = np.random.default_rng(0).integers(0, 99, (8, 9, 10)).astype(np.int16)
    paths = tmp_path / f"image{suffix}", tmp_path / f"mask{suffix}"
    for path, array in zip(paths, (image, (image > 40).astype(np.uint8)), strict=True):
        io.write_nifti(path, array, SPACING)
    held: list[weakref.ref[np.ndarray]] = []
    alive: list[bool] = []
    all_regions, run = extractor.all_regions, extractor.Work.run

    def load(opened: Any, wanted: Any) -> Any:
        regions = all_regions(opened, wanted)
        held.extend(map(weakref.ref, (opened.image, regions[0].values)))
        return regions

    def look(*args: Any, **more: Any) -> Any:
        alive.extend(voxels() is not None for voxels in held)
        return run(*args, **more)

    monkeypatch.setattr(extractor, "all_regions", load)
    monkeypatch.setattr(extractor.Work, "run", look)
    result = fm.extract(*paths)
    assert alive == [False, False]
    given = fm.extract(image, image > 40, spacing=SPACING)
    assert dict(result) == dict(given)


def test_what_was_cut_out_is_used_once() -> None:
    image, mask, spacing = fm.phantom()
    plan = _core.Plan(fm.Settings(features=["glcm"]).core_json())
    prepared = plan.prepare(image)
    cut = plan.cut(prepared, image, mask, spacing)
    values = plan.run_cut(prepared, cut)[0]
    np.testing.assert_array_equal(values, plan.run(prepared, image, mask, spacing)[0])
    with pytest.raises(ValueError, match="run already"):
        plan.run_cut(prepared, cut)
