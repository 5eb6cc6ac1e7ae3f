"""Resampling of image and mask to another spacing, by PyRadiomics' grid.

The corner of the mask's first voxel stays where it is; only the region's box and `padDistance`
voxels of the new grid around it are computed. SimpleITK interpolates: its B-spline defines the
values, and pixels keep their type, so that integers are cut off towards zero.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ferromics.compat.radiomics._grid import check_dimensions
from ferromics.compat.radiomics._schema import INTERPOLATORS, check_arguments

logger = logging.getLogger("radiomics.imageoperations")

OUTSIDE_BY = 1e-3
"""Part of a voxel by which a region may reach out of the image: rounding."""


def onto(image: Any, mask: Any) -> Any:
    """Return the mask on the image's grid, nearest voxel."""
    resampler = sitk.ResampleImageFilter()
    resampler.SetReferenceImage(image)
    resampler.SetInterpolator(sitk.sitkNearestNeighbor)
    return resampler.Execute(mask)


def checked_box(image: Any, mask: Any, label: int) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Return first voxel and size (x, y, z) of the region's box in the mask.

    Raises
    ------
    ValueError
        If the label is not in the mask, or the box reaches out of the image.
    """
    from ferromics.compat.radiomics.imageoperations import bounding_box

    check_dimensions(image, mask)
    region = sitk.GetArrayViewFromImage(mask) == label
    if not region.any():
        msg = f"Label ({label}) not present in mask"
        raise ValueError(msg)
    box = bounding_box(region)
    first, size = box[::2], box[1::2] - box[::2] + 1
    corners = np.array(
        [
            image.TransformPhysicalPointToContinuousIndex(
                mask.TransformContinuousIndexToPhysicalPoint(corner.tolist())
            )
            for corner in (first - 0.5, first + size - 0.5)
        ]
    )
    last = np.array(image.GetSize()) - 0.5
    if (corners.min(axis=0) < -0.5 - OUTSIDE_BY).any() or (
        corners.max(axis=0) > last + OUTSIDE_BY
    ).any():
        msg = (
            "Bounding box of ROI is larger than image space:\n\t"
            f"ROI bounds (x, y, z image coordinate space) {corners.tolist()}\n\t"
            f"Image Size {image.GetSize()}"
        )
        raise ValueError(msg)
    return first, size


def resampleImage(imageNode: Any, maskNode: Any, **kwargs: Any) -> tuple[Any, Any]:
    """Return image and mask at `resampledPixelSpacing`, cut to the region and `padDistance` voxels.

    A spacing of 0 keeps the mask's; so does an axis along which the region is one voxel thick.
    The image is interpolated by `interpolator`, the mask takes the nearest voxel.

    Raises
    ------
    ValueError
        If image or mask is missing, the region is not inside the image, or a setting cannot be
        used.
    """
    if imageNode is None or maskNode is None:
        msg = "Requires both image and mask to resample"
        raise ValueError(msg)
    check_arguments(kwargs)
    pad, label = kwargs.get("padDistance", 5), int(kwargs.get("label", 1))
    interpolator = _interpolator(kwargs.get("interpolator", sitk.sitkBSpline))
    old = np.array(maskNode.GetSpacing())
    asked = np.array(kwargs["resampledPixelSpacing"], dtype=float)
    if len(asked) != len(old):
        msg = (
            f"Wrong dimensionality ({len(asked)}-D) of resampledPixelSpacing!, "
            f"{len(old)}-D required"
        )
        raise AssertionError(msg)
    first, size = checked_box(imageNode, maskNode, label)
    new = np.where((asked == 0) | (size == 1), old, asked)
    if np.allclose(imageNode.GetSpacing(), new):
        logger.info("New spacing equal to original image spacing, just resampling the mask")
        return _crop_only(imageNode, onto(imageNode, maskNode), label, kwargs)

    ratio = old / new
    low = np.maximum(np.floor((first - 0.5) * ratio - pad), 0)
    end = np.ceil(np.array(maskNode.GetSize()) * ratio) - 1
    high = np.minimum(np.ceil((first + size - 0.5) * ratio + pad), end)
    corner = 0.5 * (new - old) / old + low / ratio
    resampler = sitk.ResampleImageFilter()
    resampler.SetOutputSpacing(new.tolist())
    resampler.SetOutputDirection(maskNode.GetDirection())
    resampler.SetOutputOrigin(maskNode.TransformContinuousIndexToPhysicalPoint(corner.tolist()))
    resampler.SetSize((high - low + 1).astype(int).tolist())
    logger.info("Applying resampling from spacing %s to spacing %s", old, new)

    def run(node: Any, method: Any) -> Any:
        resampler.SetOutputPixelType(node.GetPixelID())
        resampler.SetInterpolator(method)
        return resampler.Execute(node)

    return run(imageNode, interpolator), run(maskNode, sitk.sitkNearestNeighbor)


def _crop_only(image: Any, mask: Any, label: int, settings: dict[str, Any]) -> tuple[Any, Any]:
    """Cut both; without `padDistance` to the region's box, unlike where voxels are computed."""
    from ferromics.compat.radiomics import imageoperations

    region = sitk.GetArrayViewFromImage(mask) == label
    if not region.any():
        msg = f"Label ({label}) not present in mask once it is on the grid of the image"
        raise ValueError(msg)
    box = imageoperations.bounding_box(region)
    return imageoperations.cropToTumorMask(image, mask, box, **settings)


def _interpolator(named: Any) -> Any:
    if not isinstance(named, str):
        # 1 to 10 once were SimpleITK's numbers; other numbers are those of its version now.
        return getattr(sitk, INTERPOLATORS[named - 1]) if 1 <= named <= 10 else named
    if named not in INTERPOLATORS:
        msg = f"interpolator {named!r} is not known; there are {', '.join(INTERPOLATORS)}"
        raise ValueError(msg)
    return getattr(sitk, named)
