"""Single stages on numpy arrays, for those who build their own pipeline.

Arrays are (z, y, x), spacing is in mm in the same order, grey levels run from 1 with 0 outside the
region. Inputs stay untouched; they must not be written to during a call.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ferromics import _core, io, stages
from ferromics.errors import InputError
from ferromics.settings import Settings

MAX_VOXELS: Final = stages.Resample().max_voxels

Spacing = Sequence[float]
Offset = tuple[int, int, int]
Norm = Literal["chebyshev", "manhattan", "euclidean"]


def normalise(
    image: ArrayLike,
    method: str | dict[str, Any] = "zscore",
    *,
    mask: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Return the image with normalised intensities.

    Parameters
    ----------
    image
        Array (z, y, x).
    method
        ``"zscore"``, ``"range"``, ``"percentile"``, or as in settings, such as
        ``{"type": "zscore", "over": "mask", "clip": 3}``.
    mask
        Zero outside the region; needed where the method is ``over: mask``.

    Raises
    ------
    InputError
        If the intensities do not vary, or the mask is empty.

    Examples
    --------
    >>> import ferromics as fm
    >>> image, mask, _ = fm.phantom()
    >>> z = fm.normalise(image, {"type": "zscore", "over": "mask"}, mask=mask)
    >>> bool(abs(z[mask].mean()) < 1e-12), round(float(z[mask].std()), 12)
    (True, 1.0)
    """
    settings = Settings.of({"normalise": method}).normalise
    if settings is None:
        return _image(image).astype(np.float64)
    if settings.over == "mask" and mask is None:
        msg = "normalisation over the mask needs mask="
        raise InputError(msg)
    region = None if mask is None else _mask(mask)
    return _core.normalise(_image(image), settings.model_dump_json(by_alias=True), region)


def resample(
    image: ArrayLike,
    spacing: Spacing,
    to: float | Sequence[float | None],
    *,
    method: stages.Method = "linear",
    round: bool = False,
    anti_alias: float | None = None,
    max_voxels: int = MAX_VOXELS,
) -> tuple[NDArray[np.float64], tuple[float, float, float]]:
    """Return the whole image on a grid of another spacing, and that spacing (IBSI VTM2).

    The new grid has the centre of the old one; its size is the old extent over the new spacing,
    rounded up.

    Parameters
    ----------
    image
        Array (z, y, x).
    spacing
        Its spacing in mm (z, y, x).
    to
        New spacing in mm: one number, two for in-plane only (y, x), or three; ``None`` for an axis
        that stays as it is.
    method
        ``nearest``, ``linear``, ``cubic`` (B-spline) or ``lanczos``.
    round
        Round to whole numbers afterwards.
    anti_alias
        Low-pass filter along axes that are down-sampled: its response, between 0 and 1, at the
        highest frequency of the new grid.
    max_voxels
        Voxels that may be made at most.

    Returns
    -------
    tuple
        The array (z, y, x) and its spacing in mm (z, y, x), exactly `to` where given.

    Examples
    --------
    >>> import numpy as np
    >>> import ferromics as fm
    >>> ramp = np.arange(4.0).reshape(1, 1, 4)
    >>> fm.resample(ramp, (3, 1, 1), (None, None, 0.5))
    (array([[[0.  , 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3.  ]]]), (3.0, 1.0, 0.5))
    """
    settings = stages.Resample(
        spacing=to,  # type: ignore[arg-type]
        method=method,
        round=round,
        anti_alias=anti_alias,
        max_voxels=max_voxels,
    )
    array, lengths = _core.resample(
        _image(image), io.checked_spacing(spacing), settings.model_dump_json()
    )
    return array, (lengths[0], lengths[1], lengths[2])


def resample_mask(
    mask: ArrayLike,
    spacing: Spacing,
    to: float | Sequence[float | None],
    *,
    method: stages.Method = "linear",
    threshold: float = 0.5,
    max_voxels: int = MAX_VOXELS,
) -> tuple[NDArray[np.bool_], tuple[float, float, float]]:
    """Return the whole mask on a grid of another spacing, and that spacing (IBSI VTM2, E8H9).

    Parameters
    ----------
    mask
        Array (z, y, x), zero outside the region.
    spacing, to
        As in :func:`resample`.
    method
        ``nearest``, ``linear``, ``cubic`` (B-spline) or ``lanczos``.
    threshold
        Share of a voxel from which on it belongs to the region; a share that falls short of it only
        by rounding counts.
    max_voxels
        Voxels that may be made at most.

    Examples
    --------
    >>> import numpy as np
    >>> import ferromics as fm
    >>> mask = np.array([[[0, 1, 1, 0]]])
    >>> fm.resample_mask(mask, (3, 1, 1), (None, None, 0.5))[0].astype(int)
    array([[[0, 0, 1, 1, 1, 1, 0, 0]]])
    """
    settings = stages.Resample(
        spacing=to,  # type: ignore[arg-type]
        mask_method=method,
        mask_threshold=threshold,
        max_voxels=max_voxels,
    )
    array, lengths = _core.resample_mask(
        _mask(mask), io.checked_spacing(spacing), settings.model_dump_json()
    )
    return array, (lengths[0], lengths[1], lengths[2])


def resegment(
    image: ArrayLike,
    mask: ArrayLike,
    *,
    range: tuple[float | None, float | None] = (None, None),
    outlier_sigma: float | None = None,
) -> NDArray[np.bool_]:
    """Return the intensity mask: the voxels of `mask` that re-segmentation keeps (IBSI IF9H).

    Parameters
    ----------
    image, mask
        Arrays (z, y, x) of one shape; `mask` is zero outside the region.
    range
        Closed range of intensities to keep; ``None`` for a limit that is absent.
    outlier_sigma
        Keep ``mean ± outlier_sigma * standard deviation``; combined with `range`, both hold.

    Raises
    ------
    InputError
        If nothing remains, or the arrays cannot be used.

    Examples
    --------
    >>> import ferromics as fm
    >>> image, mask, _ = fm.phantom()
    >>> int(fm.resegment(image, mask, range=(3, None)).sum())
    24
    """
    settings = stages.Resegment(range=range, outlier_sigma=outlier_sigma)
    return _core.resegment(_image(image), _mask(mask), settings.model_dump_json())


def discretise(
    image: ArrayLike, mask: ArrayLike, method: str | dict[str, Any] = "fbn32"
) -> NDArray[np.uint16]:
    """Return grey levels 1, 2, ... of the region, 0 outside (IBSI 4R0B).

    Parameters
    ----------
    image, mask
        Arrays (z, y, x) of one shape; `mask` is zero outside the region.
    method
        ``"fbn32"``, ``"fbs25"``, ``"none"``, or as in settings, such as
        ``{"type": "fbs", "width": 25, "minimum": -500}``.

    Examples
    --------
    >>> import ferromics as fm
    >>> image, mask, _ = fm.phantom()
    >>> fm.discretise(image, mask, "fbn6")[0, 0]
    array([1, 4, 4, 1, 1], dtype=uint16)
    """
    settings = Settings.of({"discretise": [method]}).discretise[0]
    return _core.discretise(_image(image), _mask(mask), settings.model_dump_json())


def texture(
    levels: ArrayLike, family: str, *, mask: ArrayLike | None = None, **parameters: Any
) -> dict[str, float]:
    """Return the features of one family on grey levels.

    Parameters
    ----------
    levels
        Whole numbers (z, y, x), 0 outside the region, at most 65,535.
    family
        ``ih``, ``glcm``, ``glrlm``, ``glszm``, ``gldzm``, ``ngtdm`` or ``ngldm``.
    mask
        Morphological mask, from whose edge distance zones measure; the levels' own region if
        left out.
    parameters
        As in settings: ``aggregations``, ``distances``, ``alpha``, ``only``, ...

    Returns
    -------
    dict
        Feature, aggregation and parameters, joined as in a column's name, to value.

    Examples
    --------
    >>> import ferromics as fm
    >>> image, mask, _ = fm.phantom()
    >>> levels = fm.discretise(image, mask, "none")
    >>> fm.texture(levels, "glcm", aggregations=["3d_merged"], only=["joint_maximum"])
    {'joint_maximum_3d_merged': 0.50853889943074}
    """
    settings = _family(family, parameters)
    rows = _core.texture(_levels(levels), settings, None if mask is None else _mask(mask))
    return {"_".join(filter(None, parts)): value for *parts, value in rows}


def texture_matrix(
    levels: ArrayLike,
    family: str,
    *,
    offset: Offset | None = None,
    z: int | None = None,
    mask: ArrayLike | None = None,
    **parameters: Any,
) -> NDArray[np.float64]:
    """Return a family's texture matrix as its non-zero elements.

    Parameters
    ----------
    levels
        Whole numbers (z, y, x), 0 outside the region, at most 65,535.
    family
        ``glcm``, ``glrlm``, ``glszm``, ``gldzm``, ``ngtdm`` or ``ngldm``.
    offset
        A direction (dz, dy, dx) for ``glcm`` and ``glrlm``; all directions merged if left out.
    z
        Number of a slice, for its matrix in 2D; the volume's matrix in 3D if left out.
    mask
        Morphological mask for ``gldzm``; the levels' own region if left out.
    parameters
        As in settings: ``distances`` (the first one), ``alpha``, ``linkage``, ...

    Returns
    -------
    numpy.ndarray
        Shape (k, 3): rows ``i, j, n`` in order of grey level ``i``, then ``j`` (grey level, run
        length, zone size, distance or dependence), with count ``n``; for ``ngtdm`` rows
        ``i, s_i, n_i``.

    Examples
    --------
    >>> import ferromics as fm
    >>> image, mask, _ = fm.phantom()
    >>> fm.texture_matrix(fm.discretise(image, mask, "none"), "glszm")
    array([[ 1., 50.,  1.],
           [ 3.,  1.,  1.],
           [ 4.,  2.,  1.],
           [ 4., 14.,  1.],
           [ 6.,  7.,  1.]])
    """
    settings = _family(family, parameters)
    region = None if mask is None else _mask(mask)
    return _core.texture_matrix(_levels(levels), settings, region, offset, z)


def glcm(levels: ArrayLike, offset: Offset, *, symmetric: bool = True) -> NDArray[np.uint64]:
    """Return the co-occurrence counts along one offset (IBSI LFYI).

    Parameters
    ----------
    levels
        Whole numbers (z, y, x), 0 outside the region, at most 4,096 for this dense matrix.
    offset
        The vector (dz, dy, dx) between the voxels of a pair.
    symmetric
        Count each pair in both orders.

    Returns
    -------
    numpy.ndarray
        Shape (n, n), n the highest level; row ``i - 1``, column ``j - 1``.

    Examples
    --------
    >>> import ferromics as fm
    >>> fm.glcm([[[1, 2, 2, 1]]], (0, 0, 1))
    array([[0, 2],
           [2, 2]], dtype=uint64)
    """
    return _core.glcm(_levels(levels), offset, symmetric=symmetric)


def mesh(mask: ArrayLike, spacing: Spacing) -> tuple[NDArray[np.float64], NDArray[np.uint32]]:
    """Return the closed surface of a mask by marching cubes at 0.5 (IBSI WRJH).

    Parameters
    ----------
    mask
        Array (z, y, x), zero outside the region.
    spacing
        Spacing in mm (z, y, x).

    Returns
    -------
    vertices, faces
        Positions (n, 3) as (z, y, x) in mm, voxel (0, 0, 0) centred at the origin; faces (m, 3)
        as vertex numbers.

    Examples
    --------
    >>> import ferromics as fm
    >>> vertices, faces = fm.mesh([[[1]]], (1.0, 1.0, 1.0))
    >>> len(vertices), len(faces)
    (6, 8)
    """
    return _core.mesh(_mask(mask), io.checked_spacing(spacing))


def distance_map(
    mask: ArrayLike, *, norm: Norm = "manhattan", in_plane: bool = False
) -> NDArray[np.uint16]:
    """Return each voxel's distance to the edge of the mask, 1 at the edge, 0 outside (IBSI VMDZ).

    Parameters
    ----------
    mask
        Array (z, y, x), zero outside the region.
    norm
        Norm of the distance in voxels; Euclidean distances are rounded.
    in_plane
        Measure within each slice.

    Examples
    --------
    >>> import ferromics as fm
    >>> fm.distance_map([[[1, 1, 1, 0]]], in_plane=False)
    array([[[1, 1, 1, 0]]], dtype=uint16)
    """
    return _core.distance_map(_mask(mask), json.dumps(norm), in_plane)


def autocorrelation(image: ArrayLike, mask: ArrayLike, spacing: Spacing) -> tuple[float, float]:
    """Return Moran's I and Geary's C of the region (IBSI N365, NPT7), without sampling.

    Parameters
    ----------
    image, mask
        Arrays (z, y, x) of one shape; `mask` is zero outside the region.
    spacing
        Spacing in mm (z, y, x).

    Examples
    --------
    >>> import ferromics as fm
    >>> morans_i, gearys_c = fm.autocorrelation(*fm.phantom())
    >>> round(morans_i, 4), round(gearys_c, 3)
    (0.0397, 0.974)
    """
    return _core.spatial_autocorrelation(_image(image), _mask(mask), io.checked_spacing(spacing))


def intensity_peaks(image: ArrayLike, mask: ArrayLike, spacing: Spacing) -> tuple[float, float]:
    """Return the local and the global intensity peak (IBSI VJGA, 0F91).

    Parameters
    ----------
    image, mask
        Arrays (z, y, x) of one shape; `mask` is zero outside the region. The image around the
        region counts; NaN there is missing.
    spacing
        Spacing in mm (z, y, x).

    Examples
    --------
    >>> import ferromics as fm
    >>> local, overall = fm.intensity_peaks(*fm.phantom())
    >>> round(local, 2), round(overall, 2)
    (2.6, 3.1)
    """
    return _core.intensity_peaks(_image(image), _mask(mask), io.checked_spacing(spacing))


def _image(values: ArrayLike) -> NDArray[Any]:
    array = np.asarray(values)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _mask(values: ArrayLike) -> NDArray[np.bool_]:
    return np.asarray(values).astype(np.bool_, copy=False)


def _levels(values: ArrayLike) -> NDArray[np.uint8] | NDArray[np.uint16]:
    array = np.asarray(values)
    if array.dtype == np.uint8:  # as they are
        return array
    levels = array.astype(np.uint16, copy=False)
    if levels is not array and not np.array_equal(levels, array):
        msg = "levels must be whole numbers from 0 (outside the region) to 65535"
        raise InputError(msg)
    return levels


def _family(family: str, parameters: dict[str, Any]) -> str:
    settings = Settings.of({"features": [{"type": family, **parameters}]})
    return settings.features[0].model_dump_json()
