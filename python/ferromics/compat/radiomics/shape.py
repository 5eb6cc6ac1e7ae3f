"""Shape of the region, by its mesh and its voxels."""

from __future__ import annotations

from ferromics.compat.radiomics import base


class RadiomicsShape(base.RadiomicsFeaturesBase):
    """Shape of the region, by its mesh and its voxels."""

    featureClass = "shape"
    discretised = False

    def _check(self) -> None:
        if self.inputMask.GetDimension() != 3:
            msg = "Shape features are only available in 3D. If 2D, use shape2D instead"
            raise AssertionError(msg)
        if self.voxelBased:
            msg = "Shape features are not available in voxel-based mode"
            raise NotImplementedError(msg)
