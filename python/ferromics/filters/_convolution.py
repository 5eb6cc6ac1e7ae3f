"""Filters by convolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ferromics import _core
from ferromics.filters._arguments import (
    Boundary,
    Dimension,
    Map,
    Pooling,
    boundary_json,
    dimension_json,
    pooling_json,
    three_lengths,
    volume,
    whole,
)


def mean(
    image: ArrayLike,
    support: int,
    *,
    dimension: Dimension = 3,
    boundary: Boundary = "mirror",
    dtype: DTypeLike = np.float64,
    threads: int | None = None,
) -> Map:
    """Return the mean over a box of voxels around each voxel (IBSI S60F).

    Parameters
    ----------
    image
        Array (z, y, x).
    support
        Voxels along each edge of the box, an odd number.
    dimension, boundary, dtype, threads
        See :mod:`ferromics.filters`.

    Raises
    ------
    InputError
        If `support` is even or not positive.

    Examples
    --------
    >>> import ferromics as fm
    >>> fm.filters.mean([[[0, 0, 9, 0, 0]]], 3, dimension=2)
    array([[[0., 3., 3., 3., 0.]]])
    """
    array = volume(image, dtype)
    odd = whole("support", support, least=1)
    return _core.filter_mean(
        array, odd, dimension_json(dimension), boundary_json(boundary), threads
    )


def log(
    image: ArrayLike,
    spacing: Sequence[float],
    sigma: float,
    *,
    truncate: float = 4.0,
    dimension: Dimension = 3,
    boundary: Boundary = "mirror",
    dtype: DTypeLike = np.float64,
    threads: int | None = None,
) -> Map:
    """Return the Laplacian of Gaussian response (IBSI L6PA).

    The kernel is sampled from the formula; it ends ``floor(truncate * sigma / spacing + 0.5)``
    voxels from its centre along each axis. With equal spacings it is IBSI's, whose unit of length
    is the voxel; else that unit is the geometric mean of the spacings, so that the filter has the
    same strength in all directions of space. PyRadiomics' is ``(sigma / spacing) ** 2`` times as
    strong.

    Parameters
    ----------
    image
        Array (z, y, x).
    spacing
        Spacing in mm (z, y, x).
    sigma
        Standard deviation of the Gaussian in mm, at least half a voxel along each filtered axis.
    truncate
        Where the kernel ends, in `sigma`.
    dimension, boundary, dtype, threads
        See :mod:`ferromics.filters`.

    Raises
    ------
    InputError
        If `sigma` is below half a voxel (a sampled kernel would not be a Laplacian any more).

    Examples
    --------
    >>> import numpy as np
    >>> import ferromics as fm
    >>> blob = np.zeros((9, 9, 9))
    >>> blob[4, 4, 4] = 100
    >>> response = fm.filters.log(blob, spacing=(2, 2, 2), sigma=3)
    >>> response.shape, round(float(response.min()), 3)
    ((9, 9, 9), -2.508)
    """
    array = volume(image, dtype)
    place, edge = dimension_json(dimension), boundary_json(boundary)
    return _core.filter_log(array, three_lengths(spacing), sigma, truncate, place, edge, threads)


def laws(
    image: ArrayLike,
    kernels: str,
    *,
    energy: int | None = None,
    pooling: Pooling | None = None,
    boundary: Boundary = "mirror",
    dtype: DTypeLike = np.float64,
    threads: int | None = None,
) -> Map:
    """Return the response to Laws' kernels, or its texture energy (IBSI JTXT).

    Parameters
    ----------
    image
        Array (z, y, x).
    kernels
        Names of two kernels, along x and y, which filter slices, or of three, along x, y and z:
        ``"L5E5"``, ``"L5E5S5"``. Known are L3, E3, S3, L5, E5, S5, W5, R5, all normalised.
    energy
        ``None`` for the response; else the distance in voxels up to which the absolute response
        (pooled, if asked for) is averaged along each filtered axis. IBSI uses 7.
    pooling, boundary, dtype, threads
        See :mod:`ferromics.filters`.

    Raises
    ------
    InputError
        If a kernel is not known.

    Examples
    --------
    >>> import ferromics as fm
    >>> step = [[[0, 0, 0, 1, 1, 1]]]
    >>> fm.filters.laws(step, "E3L3").round(3)
    array([[[ 0.   ,  0.   , -1.155, -1.155,  0.   ,  0.   ]]])
    >>> fm.filters.laws(step, "E3L3", pooling="max", energy=1).round(3)
    array([[[0.   , 0.385, 0.77 , 0.77 , 0.385, 0.   ]]])
    """
    array = volume(image, dtype)
    distance = None if energy is None else whole("energy", energy, least=0)
    return _core.filter_laws(
        array, kernels, distance, pooling_json(pooling), boundary_json(boundary), threads
    )


@overload
def wavelet(  # type: ignore[overload-overlap]  # a str is a sequence of str
    image: ArrayLike,
    wavelet: str,
    sub_band: str,
    *,
    level: int = ...,
    pooling: Pooling | None = ...,
    boundary: Boundary = ...,
    dtype: DTypeLike = ...,
    threads: int | None = ...,
) -> Map: ...
@overload
def wavelet(
    image: ArrayLike,
    wavelet: str,
    sub_band: Sequence[str] | None = ...,
    *,
    dimension: Dimension = ...,
    level: int = ...,
    pooling: Pooling | None = ...,
    boundary: Boundary = ...,
    dtype: DTypeLike = ...,
    threads: int | None = ...,
) -> dict[str, Map]: ...
def wavelet(
    image: ArrayLike,
    wavelet: str,
    sub_band: str | Sequence[str] | None = None,
    *,
    dimension: Dimension = 3,
    level: int = 1,
    pooling: Pooling | None = None,
    boundary: Boundary = "mirror",
    dtype: DTypeLike = np.float64,
    threads: int | None = None,
) -> Map | dict[str, Map]:
    """Return sub-bands of an undecimated separable wavelet transform (IBSI 25BO).

    Level `level` filters what the level before left, low-pass along all axes, with filters whose
    weights are ``2 ** (level - 1)`` voxels apart. All sub-bands asked for in one call share work.
    With ``boundary="periodic"`` maps are those of PyWavelets' ``swtn``, whose keys name z first.

    Parameters
    ----------
    image
        Array (z, y, x).
    wavelet
        One of :func:`wavelets`: ``"haar"``, ``"db2"``, ``"coif1"``, ``"bior2.2"``, ...
    sub_band
        L (low-pass) or H (high-pass) for x, y and z, as in ``"LLH"``, or for x and y of each slice,
        as in ``"LH"``; several of them; or ``None`` for all of `dimension`.
    dimension
        3 for ``LLL`` to ``HHH``, 2 for ``LL`` to ``HH``, where `sub_band` names none.
    level
        From 1 to the deepest whose filters' weights still fit the shortest filtered axis.
    pooling, boundary, dtype, threads
        See :mod:`ferromics.filters`.

    Returns
    -------
    array or dict
        The map if one sub-band is named; else maps by sub-band.

    Raises
    ------
    InputError
        If the wavelet is not known (the nearest name is told) or the level too deep.

    Examples
    --------
    >>> import ferromics as fm
    >>> step = [[[0, 0, 0, 1, 1, 1]]]
    >>> fm.filters.wavelet(step, "haar", "HL").round(3)
    array([[[ 0.,  0., -1.,  0.,  0.,  0.]]])
    >>> list(fm.filters.wavelet(step, "haar", dimension=2))
    ['LL', 'LH', 'HL', 'HH']
    >>> fm.filters.wavelet(step, "cof1", "HL")
    Traceback (most recent call last):
    ferromics.InputError: wavelet 'cof1' is not known, did you mean 'coif1'? ...
    """
    bands = [sub_band] if isinstance(sub_band, str) else sub_band
    found = _core.filter_wavelet(
        volume(image, dtype),
        wavelet,
        None if bands is None else list(bands),
        dimension_json(dimension),
        whole("level", level, least=1),
        pooling_json(pooling),
        boundary_json(boundary),
        threads,
    )
    return found[0][1] if isinstance(sub_band, str) else dict(found)


def wavelets() -> list[str]:
    """Return the names of all wavelets.

    Examples
    --------
    >>> import ferromics as fm
    >>> len(fm.filters.wavelets())
    106
    """
    return _core.wavelet_names()


def gradient(
    image: ArrayLike,
    spacing: Sequence[float],
    *,
    dimension: Dimension = 3,
    boundary: Boundary = "mirror",
    dtype: DTypeLike = np.float64,
    threads: int | None = None,
) -> Map:
    """Return the magnitude of the gradient, by central differences, in intensity per mm.

    Parameters
    ----------
    image
        Array (z, y, x).
    spacing
        Spacing in mm (z, y, x).
    dimension, boundary, dtype, threads
        See :mod:`ferromics.filters`.

    Examples
    --------
    >>> import ferromics as fm
    >>> fm.filters.gradient([[[0, 1, 4, 9]]], (1, 1, 0.5))
    array([[[1., 4., 8., 5.]]])
    """
    array = volume(image, dtype)
    place, edge = dimension_json(dimension), boundary_json(boundary)
    return _core.filter_gradient(array, three_lengths(spacing), place, edge, threads)
