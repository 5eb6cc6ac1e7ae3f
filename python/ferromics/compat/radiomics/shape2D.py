"""Shape of a region of one slice, by its outline and its pixels."""

from __future__ import annotations

from typing import Any

from ferromics.compat.radiomics import base


class RadiomicsShape2D(base.RadiomicsFeaturesBase):
    """Shape of a region of one slice, by its outline and its pixels."""

    featureClass = "shape2D"
    discretised = False

    def _check(self) -> None:
        if self.voxelBased:
            msg = "Shape features are not available in pixel-based mode"
            raise NotImplementedError(msg)
        dimensions = self.inputMask.GetDimension()
        if dimensions == 2:
            return
        if dimensions != 3 or not self.settings.get("force2D", False):
            msg = "Shape2D can only be calculated when the input is 2D, or 3D with `force2D=True`"
            raise ValueError(msg)
        dimension = int(self.settings.get("force2Ddimension", 0))
        size = self.maskArray.shape[dimension]
        if size > 1:
            msg = (
                f"Size of the mask in dimension {dimension} is more than 1 (it is {size}), "
                "cannot compute 2D shape"
            )
            raise ValueError(msg)

    def _options(self) -> dict[str, Any]:
        options = super()._options()
        options["force_2d_dimension"] = options["force_2d_dimension"] or 0
        return options
