"""Image filters on numpy arrays (IBSI 2), and the transforms that PyRadiomics made common.

Arrays are (z, y, x), spacing is in mm in the same order; a response map has the image's shape.
Where a filter is named by axis (Laws' kernels, sub-bands of wavelets), the first name is for x, as
in the IBSI manual. Filters work on double precision numbers, or on single precision with
``dtype=numpy.float32``. Inputs stay untouched; they must not be written to during a call.

Arguments that most filters share:

dimension
    3 for the volume, 2 for each slice by itself. An image of one slice is an image like any other:
    a filter of the volume finds beyond it what `boundary` says.
boundary
    How the image goes on beyond its edge: ``"mirror"`` (the outermost voxel twice), ``"nearest"``,
    ``"periodic"``, ``"zero"``, or a number, the constant that stands there. Kernels may be larger
    than the image.
pooling
    ``None`` for the filter as it stands; ``"max"``, ``"min"``, ``"mean"`` or ``"sum"`` of its
    responses over all rotations by right angles (24 in 3D, 4 in 2D), which makes it invariant to
    them.
threads
    Number of threads; ``None`` for ``FERROMICS_NUM_THREADS``, else all cores. Values do not depend
    on it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ferromics import _core
from ferromics._filters_fourier import gabor, riesz, shannon, simoncelli
from ferromics._settings_errors import describe_unknown
from ferromics.errors import InputError

Map: TypeAlias = NDArray[Any]
"""A response map (z, y, x), float64 or float32."""

Boundary: TypeAlias = Literal["mirror", "nearest", "periodic", "zero"] | float
Pooling: TypeAlias = Literal["max", "min", "mean", "sum"]
Dimension: TypeAlias = Literal[2, 3]

__all__ = [
    "exponential",
    "gabor",
    "gradient",
    "laws",
    "lbp_2d",
    "lbp_3d",
    "log",
    "logarithm",
    "mean",
    "riesz",
    "shannon",
    "simoncelli",
    "square",
    "square_root",
    "wavelet",
    "wavelets",
]


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
    array = _image(image, dtype)
    odd = _whole("support", support, least=1)
    return _core.filter_mean(array, odd, _dimension(dimension), _boundary(boundary), threads)


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
    array = _image(image, dtype)
    place, edge = _dimension(dimension), _boundary(boundary)
    return _core.filter_log(array, _spacing(spacing), sigma, truncate, place, edge, threads)


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
    array = _image(image, dtype)
    distance = None if energy is None else _whole("energy", energy, least=0)
    return _core.filter_laws(
        array, kernels, distance, _pooling(pooling), _boundary(boundary), threads
    )


@overload
def wavelet(  # type: ignore[overload-overlap]  # a str is a sequence of str
    image: ArrayLike,
    name: str,
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
    name: str,
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
    name: str,
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
    name
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
        _image(image, dtype),
        name,
        None if bands is None else list(bands),
        _dimension(dimension),
        _whole("level", level, least=1),
        _pooling(pooling),
        _boundary(boundary),
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


def square(
    image: ArrayLike,
    *,
    largest: float | None = None,
    dtype: DTypeLike = np.float64,
    threads: int | None = None,
) -> Map:
    """Return ``x ** 2 / m``; `m` is the largest absolute intensity, which keeps its size.

    No value is negative. PyRadiomics' Square is the same (its documentation, not its code, keeps
    the sign).

    Parameters
    ----------
    image
        Array (z, y, x).
    largest
        `m`; ``None`` for that of the image. Give it to transform several images alike.
    dtype, threads
        See :mod:`ferromics.filters`.

    Examples
    --------
    >>> import ferromics as fm
    >>> fm.filters.square([[[-4, 0, 2, 8]]])
    array([[[2. , 0. , 0.5, 8. ]]])
    """
    return _transform(image, "square", largest, dtype, threads)


def square_root(
    image: ArrayLike,
    *,
    largest: float | None = None,
    dtype: DTypeLike = np.float64,
    threads: int | None = None,
) -> Map:
    """Return ``sign(x) * sqrt(m * abs(x))``; `m` is the largest absolute intensity.

    As PyRadiomics' SquareRoot.

    Parameters
    ----------
    image, largest, dtype, threads
        As in :func:`square`.

    Examples
    --------
    >>> import ferromics as fm
    >>> fm.filters.square_root([[[-4, 0, 1, 16]]])
    array([[[-8.,  0.,  4., 16.]]])
    """
    return _transform(image, "square_root", largest, dtype, threads)


def logarithm(
    image: ArrayLike,
    *,
    largest: float | None = None,
    dtype: DTypeLike = np.float64,
    threads: int | None = None,
) -> Map:
    """Return ``sign(x) * log(abs(x) + 1) * m / log(m + 1)``; `m` is the largest absolute intensity.

    As PyRadiomics' Logarithm; an image of zeros stays zeros.

    Parameters
    ----------
    image, largest, dtype, threads
        As in :func:`square`.

    Examples
    --------
    >>> import ferromics as fm
    >>> fm.filters.logarithm([[[-1, 0, 3]]])
    array([[[-1.5,  0. ,  3. ]]])
    """
    return _transform(image, "logarithm", largest, dtype, threads)


def exponential(
    image: ArrayLike,
    *,
    largest: float | None = None,
    dtype: DTypeLike = np.float64,
    threads: int | None = None,
) -> Map:
    """Return ``exp(x * log(m) / m)``; `m` is the largest absolute intensity.

    As PyRadiomics' Exponential: it maps 0 to 1 and `m` to `m`, and so falls with `x` where `m` is
    below 1. An image of zeros becomes ones.

    Parameters
    ----------
    image, largest, dtype, threads
        As in :func:`square`.

    Examples
    --------
    >>> import ferromics as fm
    >>> fm.filters.exponential([[[-4, 0, 2, 4]]]).round(2)
    array([[[0.25, 1.  , 2.  , 4.  ]]])
    """
    return _transform(image, "exponential", largest, dtype, threads)


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
    array = _image(image, dtype)
    place, edge = _dimension(dimension), _boundary(boundary)
    return _core.filter_gradient(array, _spacing(spacing), place, edge, threads)


def lbp_2d(
    image: ArrayLike,
    *,
    radius: float = 1.0,
    samples: int = 8,
    code: Literal["uniform", "rotation_minimum", "pattern"] = "uniform",
    boundary: Boundary = "mirror",
    dtype: DTypeLike = np.float64,
    threads: int | None = None,
) -> Map:
    """Return local binary patterns of each slice.

    Points on a circle around a voxel, interpolated linearly, count as 1 if they are not darker than
    the voxel. They stand as in scikit-image's ``local_binary_pattern``, whose values these are
    inside the image but for ties by rounding (``"rotation_minimum"`` is its ``"ror"``,
    ``"pattern"`` its ``"default"``).

    Parameters
    ----------
    image
        Array (z, y, x).
    radius
        Radius of the circle in voxels, from 1 to 100.
    samples
        Number of points, from 3 to 24.
    code
        ``"uniform"``: the number of ones if they stand together, else the number of points plus 1;
        ``"pattern"``: the ones as bits of a number, the first point lowest;
        ``"rotation_minimum"``: the lowest of these over all shifts around the circle.
    boundary, dtype, threads
        See :mod:`ferromics.filters`.

    Examples
    --------
    >>> import ferromics as fm
    >>> fm.filters.lbp_2d([[[5, 5, 5], [1, 9, 1], [1, 1, 1]]])[0, 1]
    array([8., 0., 8.])
    """
    known = ("uniform", "rotation_minimum", "pattern")
    kind = json.dumps(_one_of("code", code, known))
    array, points = _image(image, dtype), _whole("samples", samples, least=1)
    return _core.filter_lbp_2d(array, radius, points, kind, _boundary(boundary), threads)


def lbp_3d(
    image: ArrayLike,
    *,
    radius: float = 1.0,
    boundary: Boundary = "mirror",
    dtype: DTypeLike = np.float64,
    threads: int | None = None,
) -> Map:
    """Return local binary patterns of the volume: 0 to 26, or 27 for a pattern in pieces.

    Points at `radius` voxels in the directions of a voxel's 26 neighbours, interpolated linearly,
    count as 1 if they are not darker than the voxel. The value is the number of ones if both the
    ones and the zeros stand together (steps from a direction to the next change one coordinate by
    1), else 27. The map turns with the image under rotations by right angles.

    This is not PyRadiomics' LBP3D, which projects the pattern on spherical harmonics.

    Parameters
    ----------
    image
        Array (z, y, x).
    radius
        Distance of the points in voxels, from 1 to 100.
    boundary, dtype, threads
        See :mod:`ferromics.filters`.

    Examples
    --------
    >>> import numpy as np
    >>> import ferromics as fm
    >>> ramp = np.arange(5.0) * np.ones((5, 5, 5))
    >>> fm.filters.lbp_3d(ramp)[2, 2]
    array([26., 17., 17., 17., 17.])
    """
    return _core.filter_lbp_3d(_image(image, dtype), radius, _boundary(boundary), threads)


DTYPES: Final = (np.dtype(np.float64), np.dtype(np.float32))
BOUNDARIES: Final = ("mirror", "nearest", "periodic", "zero")
POOLINGS: Final = ("max", "min", "mean", "sum")


def _image(values: ArrayLike, dtype: DTypeLike) -> NDArray[Any]:
    """Array of the precision to work in."""
    kind = np.dtype(dtype)
    if kind not in DTYPES:
        msg = f"dtype is {kind}; it must be float64 or float32"
        raise InputError(msg)
    array = np.asarray(values)
    if array.ndim != 3 or array.dtype.kind not in "biuf":
        msg = (
            "image must be a 3D array (z, y, x) of integers or floats, "
            f"got {array.ndim}D of type {array.dtype}"
        )
        raise InputError(msg)
    return array.astype(kind, copy=False)


def _spacing(spacing: Sequence[float]) -> list[float]:
    lengths = [float(length) for length in spacing]
    if len(lengths) != 3:
        msg = f"spacing is {lengths}; give three lengths in mm (z, y, x)"
        raise InputError(msg)
    return lengths


def _dimension(dimension: int) -> str:
    if dimension not in (2, 3):
        msg = f"dimension is {dimension!r}; it must be 2 (slices) or 3 (volume)"
        raise InputError(msg)
    return f'"{dimension}d"'


def _boundary(boundary: str | float) -> str:
    if not isinstance(boundary, str):
        value = float(boundary)
        if not np.isfinite(value):
            msg = f"boundary is {value}; a constant must be finite"
            raise InputError(msg)
        return json.dumps({"constant": value})
    return json.dumps(_one_of("boundary", boundary, BOUNDARIES))


def _pooling(pooling: str | None) -> str | None:
    return None if pooling is None else json.dumps(_one_of("pooling", pooling, POOLINGS))


def _one_of(name: str, given: str, known: Sequence[str]) -> str:
    if given not in known:
        raise InputError(describe_unknown(f"{name} {given!r}", str(given), known))
    return given


def _whole(name: str, given: object, *, least: int) -> int:
    if isinstance(given, int | np.integer) and not isinstance(given, bool) and given >= least:
        return int(given)
    msg = f"{name} is {given!r}; it must be a whole number from {least} on"
    raise InputError(msg)


def _transform(
    image: ArrayLike, kind: str, largest: float | None, dtype: DTypeLike, threads: int | None
) -> Map:
    return _core.filter_transform(_image(image, dtype), json.dumps(kind), largest, threads)
