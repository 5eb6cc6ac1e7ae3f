"""Bias field correction of MR images by N4, as SimpleITK implements it.

N. J. Tustison et al., N4ITK: improved N3 bias correction, IEEE Transactions on Medical Imaging 29
(2010) 1310-1320.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ferromics.errors import InputError
from ferromics.stages import BiasCorrection


def corrected(
    image: NDArray[np.generic], spacing: tuple[float, float, float], settings: BiasCorrection
) -> NDArray[np.float32]:
    """Return the image divided by its smooth bias field.

    The field is fitted to a smaller image and evaluated on the whole grid.

    Parameters
    ----------
    image
        Array (z, y, x); intensities of an MR image, which are not negative.
    spacing
        In mm, in the order of the array's axes.
    settings
        How to fit the field.

    Raises
    ------
    InputError
        If the image holds negative or undefined intensities, or no foreground.
    """
    import SimpleITK as sitk

    intensities = np.ascontiguousarray(image, dtype=np.float32)
    if not np.isfinite(intensities).all():
        msg = "bias_correction: the image holds NaN or infinite intensities; set them to 0"
        raise InputError(msg)
    if intensities.min() < 0:
        msg = (
            f"bias_correction: the image holds negative intensities (lowest "
            f"{float(intensities.min()):g}); N4 divides by a field and is for MR images"
        )
        raise InputError(msg)
    whole = sitk.GetImageFromArray(intensities)
    whole.SetSpacing([float(s) for s in reversed(spacing)])
    otsu = settings.foreground == "otsu"
    mask = sitk.OtsuThreshold(whole, 0, 1, 200) if otsu else whole > 0
    if not sitk.GetArrayViewFromImage(mask).any():
        msg = f"bias_correction: no voxel is foreground ({settings.foreground})"
        raise InputError(msg)
    # No axis may shrink to nothing.
    shrink = [max(1, min(settings.shrink, n // 4)) for n in whole.GetSize()]
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    n4.SetMaximumNumberOfIterations(list(settings.iterations))
    n4.SetConvergenceThreshold(settings.convergence)
    n4.Execute(sitk.Shrink(whole, shrink), sitk.Shrink(mask, shrink))
    field = sitk.GetArrayFromImage(n4.GetLogBiasFieldAsImage(whole))
    out: NDArray[np.float32] = intensities / np.exp(field)
    return out
