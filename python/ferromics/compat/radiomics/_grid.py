"""Whether two images lie on one grid, as ITK judges it, without ITK's global tolerances."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from ferromics.compat.radiomics._errors import ImageError

ITK_TOLERANCE: Final = 1e-6
"""ITK's default: in parts of the spacing, for places; as it is, for directions."""


def check_dimensions(image: Any, mask: Any) -> None:
    """Raise if one is flat and the other a volume: no resampling brings them together."""
    if image.GetDimension() != mask.GetDimension():
        msg = (
            f"Image and mask differ in size: {image.GetSize()} and {mask.GetSize()}; "
            "take a slice of the volume, or stack the slices"
        )
        raise ImageError(msg)


def same_size(image: Any, other: Any) -> bool:
    """Return whether both have the same number of voxels along each axis."""
    return bool(image.GetSize() == other.GetSize())


def same_space(image: Any, other: Any, tolerance: float | None = None) -> bool:
    """Return whether origins, spacings and directions agree within the tolerance."""
    most = ITK_TOLERANCE if tolerance is None else float(tolerance)
    length = most * abs(image.GetSpacing()[0])

    def near(ours: Any, theirs: Any, within: float) -> bool:
        return bool(np.all(np.abs(np.subtract(ours, theirs)) <= within))

    return (
        near(image.GetOrigin(), other.GetOrigin(), length)
        and near(image.GetSpacing(), other.GetSpacing(), length)
        and near(image.GetDirection(), other.GetDirection(), most)
    )
