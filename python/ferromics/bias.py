"""Bias field correction of MR images by N4, as SimpleITK implements it.

N. J. Tustison et al., N4ITK: improved N3 bias correction, IEEE Transactions on Medical Imaging 29
(2010) 1310-1320.
"""

from __future__ import annotations

import threading
from typing import Final

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
        Array (z, y, x), oriented; intensities of an MR image, which are not negative.
    spacing
        In mm, in the order of the array's axes.
    settings
        How to fit the field.

    Raises
    ------
    InputError
        If the image holds negative or undefined intensities or no foreground, or is a single row.
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
    flat = [a for a, n in enumerate(whole.GetSize()) if n == 1]
    if len(flat) > 1:
        msg = f"bias_correction: an image of {whole.GetSize()} voxels (x, y, z) has no field to fit"
        raise InputError(msg)
    otsu = settings.foreground == "otsu"
    mask = sitk.OtsuThreshold(whole, 0, 1, 200) if otsu else whole > 0
    if not sitk.GetArrayViewFromImage(mask).any():
        msg = f"bias_correction: no voxel is foreground ({settings.foreground})"
        raise InputError(msg)
    for axis in flat:  # a single slice is corrected as the 2D image that it is
        size = [0 if a == axis else n for a, n in enumerate(whole.GetSize())]
        whole, mask = (sitk.Extract(part, size, [0, 0, 0]) for part in (whole, mask))
    # No axis may shrink to nothing.
    shrink = [max(1, min(settings.shrink, n // 4)) for n in whole.GetSize()]
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    n4.SetMaximumNumberOfIterations(list(settings.iterations))
    n4.SetConvergenceThreshold(settings.convergence)
    try:
        with _ONE_THREAD:
            n4.Execute(sitk.Shrink(whole, shrink), sitk.Shrink(mask, shrink))
        field = sitk.GetArrayFromImage(n4.GetLogBiasFieldAsImage(whole))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1].split("ERROR:")[-1].strip()
        msg = f"bias_correction: N4 cannot be run on this image: {reason}"
        raise InputError(msg) from None
    out: NDArray[np.float32] = intensities / np.exp(field).reshape(intensities.shape)
    return out


class _OneThread:
    """Keeps ITK to one thread: N4 adds up what its threads found, in the order of threads.

    The number is the process's, not the filter's: filters inside N4 ask for it. Cases that are
    computed at the same time share it: the last one that leaves sets it back.
    """

    def __init__(self) -> None:
        self._lock, self._inside, self._before = threading.Lock(), 0, 0

    def __enter__(self) -> None:
        from SimpleITK import ProcessObject

        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._before = ProcessObject.GetGlobalDefaultNumberOfThreads()
                ProcessObject.SetGlobalDefaultNumberOfThreads(1)

    def __exit__(self, *_: object) -> None:
        from SimpleITK import ProcessObject

        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                ProcessObject.SetGlobalDefaultNumberOfThreads(self._before)


_ONE_THREAD: Final = _OneThread()
