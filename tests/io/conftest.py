"""What tests of several file formats share."""

import zlib

import pytest

from ferromics import _voxel_files


@pytest.fixture(params=["isal", "no isal"])
def inflating(request, monkeypatch):
    """Files are inflated by ISA-L, then as where it is not installed."""
    if request.param == "no isal":
        monkeypatch.setattr(_voxel_files, "igzip_lib", None)
        monkeypatch.setattr(_voxel_files, "_INFLATE_ERROR", zlib.error)
