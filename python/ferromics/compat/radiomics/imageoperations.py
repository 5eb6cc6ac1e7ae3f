"""Steps from a file to what features are computed on, by PyRadiomics' rules.

Scripts replace functions of this module (`getBinEdges` above all): the layer calls them through it.
Images and masks are SimpleITK images; a bounding box is (x0, x1, y0, y1, z0, z1), ends included.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ferromics.compat.radiomics._errors import ImageError
from ferromics.compat.radiomics._filters import (
    getExponentialImage,
    getGradientImage,
    getLBP2DImage,
    getLBP3DImage,
    getLogarithmImage,
    getLoGImage,
    getOriginalImage,
    getSquareImage,
    getSquareRootImage,
    getWaveletImage,
)
from ferromics.compat.radiomics._grid import check_dimensions, same_size, same_space
from ferromics.compat.radiomics._resampling import checked_box, onto, resampleImage

__all__ = [
    "binImage",
    "checkMask",
    "cropToTumorMask",
    "getBinEdges",
    "getExponentialImage",
    "getGradientImage",
    "getLBP2DImage",
    "getLBP3DImage",
    "getLoGImage",
    "getLogarithmImage",
    "getMask",
    "getOriginalImage",
    "getSquareImage",
    "getSquareRootImage",
    "getWaveletImage",
    "normalizeImage",
    "resampleImage",
    "resegmentMask",
]

logger = logging.getLogger("radiomics.imageoperations")


def getMask(mask: Any, **kwargs: Any) -> Any:
    """Return a label map of unsigned integers; of a vector image, channel `label_channel`.

    Raises
    ------
    ValueError
        If nothing is segmented, or `label` is not among the labels, which are told.
    AssertionError
        If there is no such channel.
    """
    label, channel = kwargs.get("label", 1), int(kwargs.get("label_channel") or 0)
    if "vector" in mask.GetPixelIDTypeAsString().lower():
        count = mask.GetNumberOfComponentsPerPixel()
        if channel >= count:
            msg = f"Mask {channel} requested, but the segmentation only contains {count} channels"
            raise AssertionError(msg)
        mask = sitk.VectorIndexSelectionCast(mask, channel)
    mask = sitk.Cast(mask, sitk.sitkUInt32)
    values = sitk.GetArrayViewFromImage(mask)
    if not (values == label).any():
        labels = np.unique(values)
        labels = labels[labels != 0]
        if not labels.size:
            msg = "No labels found in this mask (i.e. nothing is segmented)!"
            raise ValueError(msg)
        msg = f"Label ({label:g}) not present in mask. Choose from {labels}"
        raise ValueError(msg)
    return mask


def getBinEdges(parameterValues: NDArray[Any], **kwargs: Any) -> NDArray[Any]:
    """Return the edges of the bins of the region's intensities.

    With `binWidth`, edges are multiples of it from 0 on, half-open: bin ``floor(x / w)``, the
    region's lowest being 1. With `binCount`, equal bins from the least to the greatest intensity,
    the last one closed.
    """
    values = np.asarray(parameterValues)
    if values.dtype.kind in "bui":
        values = values.astype(np.int64)
    width, count = kwargs.get("binWidth", 25), kwargs.get("binCount")
    if count is not None:
        edges = np.histogram(values, count)[1]
        edges[-1] += 1  # so that np.digitize puts the greatest intensity into the last bin
        return edges
    least, greatest = values.min(), values.max()
    if not np.isfinite(greatest - least):
        number = int(np.count_nonzero(~np.isfinite(values)))
        msg = f"{number} of {values.size} intensities in the region are NaN or infinite"
        raise ValueError(msg)
    edges = np.arange(least - least % width, greatest + 2 * width, width)
    if len(edges) == 1:
        edges = np.array([edges[0] - 0.5, edges[0] + 0.5])
    logger.debug("Calculated %d bins for bin width %s", len(edges) - 1, width)
    return edges


def binImage(
    parameterMatrix: NDArray[Any], parameterMatrixCoordinates: Any = None, **kwargs: Any
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return grey levels, 0 outside the region, and the edges that :func:`getBinEdges` gives."""
    if parameterMatrixCoordinates is None:
        edges = getBinEdges(parameterMatrix.flatten(), **kwargs)
        return np.digitize(parameterMatrix, edges), edges
    values = parameterMatrix[parameterMatrixCoordinates]
    edges = getBinEdges(values, **kwargs)
    levels = np.zeros(parameterMatrix.shape, dtype=np.int64)
    levels[parameterMatrixCoordinates] = np.digitize(values, edges)
    return levels, edges


def checkMask(imageNode: Any, maskNode: Any, **kwargs: Any) -> tuple[NDArray[np.int_], Any]:
    """Return the region's bounding box and, where `correctMask` changed it, the mask.

    Raises
    ------
    ValueError
        If image and mask do not lie on one grid (within `geometryTolerance`) and `correctMask` is
        off, if the label is not in the mask, or the region too small: one voxel, fewer extended
        dimensions than `minimumROIDimensions`, no more voxels than `minimumROISize`.
    """
    label = int(kwargs.get("label", 1))
    check_dimensions(imageNode, maskNode)
    corrected = None
    if not (alike := same_size(imageNode, maskNode)) or not same_space(
        imageNode, maskNode, kwargs.get("geometryTolerance")
    ):
        if not kwargs.get("correctMask", False):
            what = (
                "geometry mismatch. Potential fix: increase tolerance using geometryTolerance"
                if alike
                else "datatype or size mismatch. Potential fix: enable correctMask"
            )
            msg = (
                f"Image/Mask {what} (image: {_grid(imageNode)}; mask: {_grid(maskNode)}); "
                "see docs/migration.md"
            )
            # A size that differs is SimpleITK's error in PyRadiomics.
            raise ValueError(msg) if alike else ImageError(msg)
        logger.warning("Image/Mask geometry mismatch, attempting to correct Mask")
        checked_box(imageNode, maskNode, label)
        corrected = maskNode = onto(imageNode, maskNode)
    region = sitk.GetArrayViewFromImage(maskNode) == label
    if not region.any():
        where = "" if corrected is None else " once it is on the grid of the image"
        msg = f"Label ({label:g}) not present in mask{where}"
        raise ValueError(msg)
    box = bounding_box(region)
    _check_size(region, box, **kwargs)
    return box, corrected


def bounding_box(region: NDArray[np.bool_]) -> NDArray[np.int_]:
    """Return the box of a region that is not empty: (x0, x1, y0, y1, z0, z1), ends included."""
    ends: list[int] = []
    for axis in reversed(range(region.ndim)):
        others = tuple(other for other in range(region.ndim) if other != axis)
        filled = np.flatnonzero(region.any(axis=others))
        ends += [int(filled[0]), int(filled[-1])]
    return np.array(ends)


def _check_size(region: NDArray[np.bool_], box: NDArray[np.int_], **kwargs: Any) -> None:
    dimensions = int(np.count_nonzero(box[1::2] > box[::2]))
    least = kwargs.get("minimumROIDimensions", 2)
    if dimensions == 0:
        msg = "mask only contains 1 segmented voxel! Cannot extract features for a single voxel."
        raise ValueError(msg)
    if dimensions < least:
        msg = (
            f"mask has too few dimensions (number of dimensions {dimensions}, "
            f"minimum required {least})"
        )
        raise ValueError(msg)
    fewest = kwargs.get("minimumROISize")
    if fewest is not None and (size := int(np.count_nonzero(region))) <= fewest:
        msg = f"Size of the ROI is too small (minimum size: {fewest:g}, ROI size: {size:g})"
        raise ValueError(msg)


def _grid(image: Any) -> str:
    return (
        f"size {image.GetSize()}, spacing {image.GetSpacing()}, origin {image.GetOrigin()}, "
        f"direction {image.GetDirection()}"
    )


def cropToTumorMask(
    imageNode: Any, maskNode: Any, boundingBox: Any, **kwargs: Any
) -> tuple[Any, Any]:
    """Return image and mask cut to a bounding box and `padDistance` voxels around it."""
    pad = int(kwargs.get("padDistance", 0))
    box, size = np.asarray(boundingBox), np.array(maskNode.GetSize())
    first = np.maximum(box[::2] - pad, 0)
    last = np.minimum(box[1::2] + pad, size - 1)
    start, extent = first.tolist(), (last - first + 1).tolist()
    image = sitk.RegionOfInterest(imageNode, extent, start)
    return image, sitk.RegionOfInterest(maskNode, extent, start)


def normalizeImage(image: Any, **kwargs: Any) -> Any:
    """Return the image less its mean, over its standard deviation, times `normalizeScale`.

    All voxels of the image count. Beyond `removeOutliers` standard deviations values are clipped.
    """
    scale, most = kwargs.get("normalizeScale", 1), kwargs.get("removeOutliers")
    image = sitk.Normalize(image)
    if most is not None:
        values = sitk.GetArrayFromImage(image)
        clipped = sitk.GetImageFromArray(np.clip(values, -most, most, out=values))
        clipped.CopyInformation(image)
        image = clipped
    return image * scale


def resegmentMask(imageNode: Any, maskNode: Any, **kwargs: Any) -> Any:
    """Return the mask of those voxels of the region whose intensities are in `resegmentRange`.

    Thresholds are intensities, parts of the region's greatest intensity (`resegmentMode`
    ``relative``), or standard deviations from its mean (``sigma``); the upper one may be missing.

    Raises
    ------
    ValueError
        If the range or mode cannot be used, or at most one voxel is left.
    """
    limits, mode = kwargs["resegmentRange"], kwargs.get("resegmentMode", "absolute")
    label = int(kwargs.get("label", 1))
    if limits is None:
        msg = "resegmentRange is None."
        raise ValueError(msg)
    if len(limits) not in (1, 2):
        msg = f"resegmentRange has {len(limits)} values; it must have 1 or 2"
        raise ValueError(msg)
    region = sitk.GetArrayViewFromImage(maskNode) == label
    values = sitk.GetArrayViewFromImage(imageNode)[region]
    if mode == "absolute":
        ends = sorted(limits)
    elif mode == "relative":
        ends = [values.max() * limit for limit in sorted(limits)]
    elif mode == "sigma":
        mean, deviation = np.mean(values), np.std(values)
        ends = [mean + deviation * limit for limit in sorted(limits)]
    else:
        msg = f"Resegment mode {mode} not recognized."
        raise ValueError(msg)
    kept = values >= ends[0]
    if len(ends) == 2:
        kept &= values <= ends[1]
    if (left := int(np.count_nonzero(kept))) <= 1:
        msg = (
            f"Resegmentation excluded too many voxels with label {label} "
            f"(retained {left} voxel(s))! Cannot extract features"
        )
        raise ValueError(msg)
    out = np.zeros(region.shape, dtype=np.int64)
    out[region] = np.where(kept, label, 0)
    mask = sitk.GetImageFromArray(out)
    mask.CopyInformation(maskNode)
    return mask
