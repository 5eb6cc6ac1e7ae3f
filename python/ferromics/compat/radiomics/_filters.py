"""Image types: functions that yield filtered images, their names, and settings.

Each ``get<Name>Image(image, mask, **settings)`` is a generator, so that one filtered image is held
at a time. Images are SimpleITK images of any number of dimensions unless stated.
"""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ferromics import _core, filters

logger = logging.getLogger("radiomics.imageoperations")

Yielded: TypeAlias = Iterator[tuple[Any, str, dict[str, Any]]]
"""Filtered image, its name in columns, settings of the features."""

LEAST_LOG_SIZE = 4
"""Voxels along each axis that ITK's recursive Gaussian needs."""


def _like(values: NDArray[Any], image: Any) -> Any:
    out = sitk.GetImageFromArray(values)
    out.CopyInformation(image)
    return out


def getOriginalImage(inputImage: Any, inputMask: Any, **kwargs: Any) -> Yielded:
    """Yield the image as it is."""
    yield inputImage, "original", kwargs


def getLoGImage(inputImage: Any, inputMask: Any, **kwargs: Any) -> Yielded:
    """Yield the Laplacian of Gaussian for each of `sigma` (mm), times ``sigma ** 2``.

    ITK's recursive filter defines the values. An image too small for a `sigma` yields nothing, and
    a warning.
    """
    size, spacing = np.array(inputImage.GetSize()), np.array(inputImage.GetSpacing())
    if size.min() < LEAST_LOG_SIZE:
        logger.warning("Image too small to apply LoG filter, size: %s", size)
        return
    for sigma in kwargs.get("sigma", []):
        if sigma <= 0:
            logger.warning("applyLoG: sigma must be greater than 0.0: %s", sigma)
        elif (size < np.ceil(sigma / spacing) + 1).any():
            logger.warning(
                "applyLoG: the image's size %s is too small for sigma %s at spacing %s",
                size,
                sigma,
                spacing,
            )
        else:
            log = sitk.LaplacianRecursiveGaussianImageFilter()
            log.SetNormalizeAcrossScale(True)
            log.SetSigma(sigma)
            name = f"log-sigma-{str(sigma).replace('.', '-')}-mm-3D"
            yield log.Execute(inputImage), name, kwargs


def getWaveletImage(inputImage: Any, inputMask: Any, **kwargs: Any) -> Yielded:
    """Yield the sub-bands of an undecimated wavelet transform, the approximation last.

    Letters are L and H for x, y, z (without the axis of `force2D`). The image is periodic, odd
    sizes made even by a repeated first voxel. A level transforms the approximation that the level
    before left, with the same filters.
    """
    name = kwargs.get("wavelet", "coif1")
    start, levels = kwargs.get("start_level", 0), kwargs.get("level", 1)
    values = sitk.GetArrayFromImage(inputImage)
    axes = list(range(values.ndim))
    if kwargs.get("force2D", False):
        axes.remove(kwargs.get("force2Ddimension", 0))
    inside = tuple(slice(0, size) for size in values.shape)
    low = np.pad(values, [(0, size % 2) for size in values.shape], "wrap")
    if low.dtype != np.float32:
        low = low.astype(np.float64)
    letters = ["".join(band) for band in itertools.product("LH", repeat=len(axes))]
    for _ in range(start):
        low = _bands(low, name, axes, letters[:1])[letters[0]]
    for level in range(1, levels + 1):
        prefix = "wavelet" if level == 1 else f"wavelet{level}"
        found = _bands(low, name, axes, letters)
        for band in letters[1:]:
            yield _like(found.pop(band)[inside], inputImage), f"{prefix}-{band}", kwargs
        low = found.pop(letters[0])
    yield _like(low[inside], inputImage), f"{prefix}-{letters[0]}", kwargs


def _bands(
    values: NDArray[Any], wavelet: str, axes: list[int], letters: list[str]
) -> dict[str, NDArray[Any]]:
    """Return sub-bands along some axes; letters name the last axis first.

    The core filters the first axis of an array first, PyWavelets the last of `axes`: turned round,
    both add the same products in the same order, and the values are equal to the bit (but for the
    last voxels of an axis, half a filter wide, where PyWavelets adds in another order).
    """
    if len(axes) not in (2, 3):
        msg = f"a wavelet transform along {len(axes)} axes is not supported; it must be 2 or 3"
        raise ValueError(msg)
    order = [axis for axis in range(values.ndim) if axis not in axes] + axes[::-1]
    turned = values.transpose(order)
    volume = np.ascontiguousarray(turned if values.ndim == 3 else turned[np.newaxis])
    bands = [letter[::-1] for letter in letters]
    found = filters.wavelet(volume, wavelet, bands, boundary="periodic", dtype=values.dtype)
    back = np.argsort(order)
    return {
        letter: found[band].reshape(turned.shape).transpose(back)
        for letter, band in zip(letters, bands, strict=True)
    }


def _transformed(inputImage: Any, kind: str) -> Any:
    """Return an image of any number of dimensions, each intensity transformed by itself."""
    values = sitk.GetArrayFromImage(inputImage)
    volume = values.reshape(-1, *values.shape[-2:])
    found = _core.pyradiomics_transform(volume, json.dumps(kind))
    return _like(found.reshape(values.shape), inputImage)


def getSquareImage(inputImage: Any, inputMask: Any, **kwargs: Any) -> Yielded:
    """Yield ``(x / sqrt(m)) ** 2``, `m` being the image's greatest absolute intensity."""
    yield _transformed(inputImage, "square"), "square", kwargs


def getSquareRootImage(inputImage: Any, inputMask: Any, **kwargs: Any) -> Yielded:
    """Yield ``sign(x) * sqrt(abs(x) * m)``, `m` being the image's greatest absolute intensity."""
    yield _transformed(inputImage, "square_root"), "squareroot", kwargs


def getLogarithmImage(inputImage: Any, inputMask: Any, **kwargs: Any) -> Yielded:
    """Yield ``sign(x) * log(abs(x) + 1)``, scaled so that `m` keeps its size."""
    yield _transformed(inputImage, "logarithm"), "logarithm", kwargs


def getExponentialImage(inputImage: Any, inputMask: Any, **kwargs: Any) -> Yielded:
    """Yield ``exp(x * log(m) / m)``, `m` being the image's greatest absolute intensity."""
    yield _transformed(inputImage, "exponential"), "exponential", kwargs


def getGradientImage(inputImage: Any, inputMask: Any, **kwargs: Any) -> Yielded:
    """Yield the magnitude of the gradient, by central differences; per mm or per voxel."""
    gradient = sitk.GradientMagnitudeImageFilter()
    gradient.SetUseImageSpacing(bool(kwargs.get("gradientUseSpacing", True)))
    yield gradient.Execute(inputImage), "gradient", kwargs


def getLBP2DImage(inputImage: Any, inputMask: Any, **kwargs: Any) -> Yielded:
    """Yield local binary patterns of the slices across `force2Ddimension`.

    The values are those of scikit-image's ``local_binary_pattern``; in the image's own type, as
    PyRadiomics has them.
    """
    radius, points = kwargs.get("lbp2DRadius", 1), kwargs.get("lbp2DSamples", 8)
    method = kwargs.get("lbp2DMethod", "uniform")
    values = sitk.GetArrayFromImage(inputImage)
    if values.ndim not in (2, 3):
        logger.warning("LBP 2D is only available for 2D or 3D with forced 2D extraction")
        return
    axis = 0
    if values.ndim == 3:
        if not kwargs.get("force2D", False):
            logger.warning(
                "Calculating Local Binary Pattern in 2D, but extracting features in 3D. "
                "Use with caution!"
            )
        axis = kwargs.get("force2Ddimension", 0)
    # A 2D image has patterns in doubles, as PyRadiomics has them.
    volume = values if values.ndim == 3 else values[np.newaxis].astype(np.float64)
    found = _core.pyradiomics_circles(volume, axis, radius, points, method)
    yield _like(found.reshape(values.shape), inputImage), "lbp-2D", kwargs


def getLBP3DImage(inputImage: Any, inputMask: Any, **kwargs: Any) -> Yielded:
    """Yield rotation-invariant patterns on a sphere around each voxel of the region.

    One image for each of `lbp3DLevels` degrees of spherical harmonics, then the kurtosis of the
    intensities on the sphere. Voxels outside the region are 0.
    """
    values = sitk.GetArrayFromImage(inputImage)
    if values.ndim != 3:
        logger.warning(
            "LBP 3D only available for 3 dimensional images, found %d dimensions", values.ndim
        )
        return
    if kwargs.get("force2D", False):
        logger.warning(
            "Calculating Local Binary Pattern in 3D, but extracting features in 2D. "
            "Use with caution!"
        )
    region = sitk.GetArrayViewFromImage(inputMask) == kwargs.get("label", 1)
    levels = kwargs.get("lbp3DLevels", 2)
    found = _core.pyradiomics_spheres(
        values,
        region,
        levels,
        kwargs.get("lbp3DIcosphereRadius", 1),
        kwargs.get("lbp3DIcosphereSubdivision", 1),
    )
    names = [f"lbp-3D-m{level + 1}" for level in range(levels)] + ["lbp-3D-k"]
    for name, inner in zip(names, found.T, strict=True):
        out = np.zeros(values.shape)
        out[region] = inner
        yield _like(out, inputImage), name, kwargs
