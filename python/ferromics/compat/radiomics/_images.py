"""Images and masks as scripts hand them over: paths, SimpleITK images, arrays (z, y, x)."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import SimpleITK as sitk


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


def load(source: Any, what: str) -> Any:
    """Return the image of a file, of a folder with one DICOM series, or handed over.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    if isinstance(source, sitk.Image):
        return source
    if isinstance(source, np.ndarray):
        return as_image(source)
    if isinstance(source, str | os.PathLike):
        path = os.fspath(source)
        if os.path.isdir(path) and what == "image":  # noqa: PTH112 - as it was handed over
            names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(path)
            reader = sitk.ImageSeriesReader()
            reader.SetFileNames(names)
            return reader.Execute()
        if os.path.isfile(path):  # noqa: PTH113
            return sitk.ReadImage(path)
        msg = f"Error reading {what}: there is no file {path}"
        raise ValueError(msg)
    msg = (
        f"Error reading {what}: a path, a SimpleITK image or an array is needed, "
        f"not {type(source).__name__}"
    )
    raise ValueError(msg)


def _storable(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the array in a type that SimpleITK has."""
    if array.dtype == np.bool_:
        return array.astype(np.uint8)
    return array.astype(np.float32) if array.dtype == np.float16 else array
