"""Images and masks as scripts hand them over: paths, SimpleITK images, arrays (z, y, x)."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import SimpleITK as sitk

from ferromics.compat.radiomics._errors import ImageError


def as_image(source: Any) -> Any:
    """Return an image; an array has a spacing of 1 mm. Anything else is handed back."""
    if isinstance(source, np.ndarray):
        return sitk.GetImageFromArray(_storable(source))
    return source


def as_mask(source: Any, image: Any) -> Any:
    """Return a mask; an array lies on the grid of the image, if it has its size."""
    if not isinstance(source, np.ndarray):
        return source
    mask = sitk.GetImageFromArray(_storable(source))
    if mask.GetSize() == image.GetSize():
        mask.CopyInformation(image)
    return mask


def checked(image: Any, what: str, *, channels: bool = False) -> Any:
    """Return the image if features can be computed on it; `channels` are for masks.

    Raises
    ------
    ImageError
        If it is no image of 2 or 3 dimensions and one real number a voxel.
    """
    if not isinstance(image, sitk.Image):
        told = f"is {type(image).__name__}; a SimpleITK image or an array is needed"
    elif image.GetDimension() not in (2, 3):
        told = f"has {image.GetDimension()} dimensions, not 2 or 3; take one volume of it"
    elif (parts := image.GetNumberOfComponentsPerPixel()) > 1 and not channels:
        how = "sitk.VectorIndexSelectionCast" if what == "image" else "imageoperations.getMask"
        told = f"has {parts} components a voxel; take one of them ({how})"
    elif "complex" in image.GetPixelIDTypeAsString():
        told = "has complex numbers; take their real part or modulus"
    else:
        return image
    msg = f"The {what} {told}"
    raise ImageError(msg)


def load(source: Any, what: str) -> Any:
    """Return the image of a file, of a folder with one DICOM series, or handed over.

    Raises
    ------
    ValueError
        If it is none of these, or features cannot be computed on it.
    """
    return checked(_loaded(source, what), what, channels=what == "mask")


def _loaded(source: Any, what: str) -> Any:
    if isinstance(source, sitk.Image):
        return source
    if isinstance(source, np.ndarray):
        return as_image(source)
    if isinstance(source, str | os.PathLike):
        path = os.fspath(source)
        if os.path.isdir(path) and what == "image":  # noqa: PTH112 - as it was handed over
            return _read(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(path), path, what)
        if os.path.isfile(path):  # noqa: PTH113
            return _read(path, path, what)
        msg = f"Error reading {what}: there is no file {path}"
        raise ValueError(msg)
    msg = (
        f"Error reading {what}: a path, a SimpleITK image or an array is needed, "
        f"not {type(source).__name__}"
    )
    raise ValueError(msg)


def _read(files: Any, path: str, what: str) -> Any:
    try:
        return sitk.ReadImage(files)
    except RuntimeError as error:
        why = str(error).strip().splitlines()[-1]
        msg = f"Error reading {what}: {path} cannot be read as an image: {why}"
        raise ImageError(msg) from error


def _storable(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the array in a type that SimpleITK has."""
    if array.dtype == np.bool_:
        return array.astype(np.uint8)
    return array.astype(np.float32) if array.dtype == np.float16 else array
