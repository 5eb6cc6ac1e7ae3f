"""Filters by Fourier transform: Gabor, isotropic wavelets, Riesz transforms."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ferromics import _core
from ferromics.errors import InputError
from ferromics.filters._arguments import (
    POOLINGS,
    Boundary,
    Dimension,
    Map,
    Pooling,
    boundary_json,
    boundary_value,
    dimension_json,
    dimension_number,
    number,
    one_of,
    three_lengths,
    volume,
    whole,
)

Part: TypeAlias = Literal["modulus", "real", "imaginary"]
Base: TypeAlias = Literal["log", "gaussian", "simoncelli", "shannon"]

PARTS: Final = ("modulus", "real", "imaginary")
BASES: Final = ("log", "gaussian", "simoncelli", "shannon")
TRUNCATE: Final = 4.0


def gabor(
    image: ArrayLike,
    spacing: Sequence[float],
    sigma: float,
    wavelength: float,
    *,
    gamma: float = 1.0,
    theta: float = 0.0,
    theta_step: float | None = None,
    part: Part = "modulus",
    orthogonal: bool = False,
    pooling: Pooling = "mean",
    boundary: Boundary = "mirror",
    dtype: DTypeLike = np.float64,
    threads: int | None = None,
) -> Map:
    """Return the response to a 2D Gabor filter, a wave under a Gaussian (IBSI Q88H).

    The kernel is ``exp(-(x'^2 + gamma^2 y'^2) / (2 sigma^2) + 2j pi x' / wavelength)`` with
    ``x' = k1 cos(theta) + k2 sin(theta)``, ``y' = -k1 sin(theta) + k2 cos(theta)`` in mm, where
    `k1` is along x and `k2` along y. It is not normalised, and is cut off at the box around the
    ellipse of 7 standard deviations. One narrower than a voxel is sampled as it is.

    Parameters
    ----------
    image
        Array (z, y, x) of finite values.
    spacing
        Spacing in mm (z, y, x).
    sigma
        Standard deviation of the Gaussian along x', in mm. The kernel may reach 4096 voxels.
    wavelength
        Length of the wave (lambda), in mm.
    gamma
        Aspect: the standard deviation along y' is ``sigma / gamma``.
    theta
        Orientation in degrees (scikit-image's ``gabor`` takes radians).
    theta_step
        Step in degrees to further orientations, all around; it has to divide 360, into at most
        3600 steps.
    part
        What is taken of the complex response: ``"modulus"``, ``"real"`` or ``"imaginary"``.
    orthogonal
        Filter the planes (x, y), (x, z) and (y, z) instead of (x, y) alone; the axis that comes
        first is then that of `k1`.
    pooling
        How responses of several orientations and planes become one: ``"mean"``, ``"max"``,
        ``"min"`` or ``"sum"``.
    boundary, dtype, threads
        See :mod:`ferromics.filters`.

    Raises
    ------
    InputError
        If a length is not positive, `theta_step` does not divide 360, or the image is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import ferromics as fm
    >>> stripes = np.tile([1.0, 1.0, 0.0, 0.0], (1, 32, 8))
    >>> along_x = fm.filters.gabor(stripes, (1, 1, 1), sigma=3, wavelength=4)
    >>> along_y = fm.filters.gabor(stripes, (1, 1, 1), sigma=3, wavelength=4, theta=90)
    >>> bool(along_x[0, 16, 16] > 100 * along_y[0, 16, 16])
    True
    """
    settings = {
        "sigma": number("sigma", sigma),
        "wavelength": number("wavelength", wavelength),
        "gamma": number("gamma", gamma),
        "theta": number("theta", theta),
        "theta_step": None if theta_step is None else number("theta_step", theta_step),
        "part": one_of("part", part, PARTS),
        "orthogonal": bool(orthogonal),
        "pooling": one_of("pooling", pooling, POOLINGS),
        "boundary": boundary_value(boundary),
    }
    array = volume(image, dtype)
    return _core.filter_gabor(array, three_lengths(spacing), json.dumps(settings), threads)


def simoncelli(
    image: ArrayLike,
    level: int = 1,
    *,
    dimension: Dimension = 3,
    boundary: Boundary = "periodic",
    dtype: DTypeLike = np.float64,
    threads: int | None = None,
) -> Map:
    """Return the B map of the Simoncelli wavelet, which is isotropic (IBSI PRT7).

    Its transfer function is ``cos(pi / 2 * log2(2 nu / m))`` for ``m / 4 < nu <= m`` and 0
    elsewhere, ``m = 2 ** (1 - level)``, where `nu` is the length of the frequency, and 1 the
    highest frequency of each axis. So spacing has no bearing on it: resample to equal spacing
    first. The frequency grid has both ends, ``linspace(-1, 1, n)``, as for IBSI's reference maps.

    Parameters
    ----------
    image
        Array (z, y, x) of finite values.
    level
        Level from 1, the finest; ``2 ** (level + 1)`` has to be below the voxels of the longest
        axis.
    dimension
        3 for the volume, 2 for each slice by itself. An axis of one voxel has only the frequency 0:
        the volume of one slice is filtered like a slice.
    boundary
        ``"periodic"`` takes the image as it is. Any other rule pads it by ``16 * 2 ** (level - 1)``
        voxels beyond each edge, but by no more than a quarter of the axis or 16 voxels, whichever
        is more. Beside image and map, a volume takes the memory of one such image, padded along y
        and x: at most 3.2 times that of the image, for axes of 128 voxels or more.
    dtype, threads
        See :mod:`ferromics.filters`.

    Raises
    ------
    InputError
        If the level is below 1 or too deep for the image, or the image is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import ferromics as fm
    >>> impulse = np.zeros((33, 33, 33))
    >>> impulse[16, 16, 16] = 1
    >>> response = fm.filters.simoncelli(impulse, level=2)
    >>> bool(abs(response.sum()) < 1e-12), response.argmax() == impulse.argmax()
    (True, np.True_)
    """
    return _isotropic("simoncelli", image, level, dimension, boundary, dtype, threads)


def shannon(
    image: ArrayLike,
    level: int = 1,
    *,
    dimension: Dimension = 3,
    boundary: Boundary = "periodic",
    dtype: DTypeLike = np.float64,
    threads: int | None = None,
) -> Map:
    """Return the B map of the Shannon wavelet, which is isotropic.

    Its transfer function is 1 for ``m / 2 < nu <= m`` and 0 elsewhere, ``m = 2 ** (1 - level)``.

    Parameters
    ----------
    image, level, dimension, boundary, dtype, threads
        As for :func:`simoncelli`.

    Examples
    --------
    >>> import numpy as np
    >>> import ferromics as fm
    >>> wave = np.cos(2 * np.pi * np.arange(31) * 10 / 31) * np.ones((31, 31, 31))
    >>> np.allclose(fm.filters.shannon(wave, level=1), wave)
    True
    >>> np.allclose(fm.filters.shannon(wave, level=2), 0)
    True
    """
    return _isotropic("shannon", image, level, dimension, boundary, dtype, threads)


def _isotropic(
    kind: str,
    image: ArrayLike,
    level: int,
    dimension: Dimension,
    boundary: Boundary,
    dtype: DTypeLike,
    threads: int | None,
) -> Map:
    array, depth = volume(image, dtype), whole("level", level, least=1)
    place, edge = dimension_json(dimension), boundary_json(boundary)
    return _core.filter_isotropic(array, json.dumps(kind), depth, place, edge, threads)


def riesz(
    image: ArrayLike,
    spacing: Sequence[float],
    order: Sequence[int],
    *,
    base: Base = "log",
    sigma: float | None = None,
    truncate: float = TRUNCATE,
    level: int = 1,
    sigma_tensor: float | None = None,
    dimension: Dimension = 3,
    boundary: Boundary | None = None,
    dtype: DTypeLike = np.float64,
    threads: int | None = None,
) -> Map:
    """Return the Riesz transform of a filtered image (IBSI AYRS).

    The transform of order ``(l1, l2, l3)`` along x, y and z, with total `L`, multiplies the
    spectrum of the response by
    ``(-1j)**L * sqrt(L! / (l1! l2! l3!)) * nu1**l1 * nu2**l2 * nu3**l3 / |nu|**L``, with the
    frequency `nu` in mm.

    Parameters
    ----------
    image
        Array (z, y, x) of finite values.
    spacing
        Spacing in mm (z, y, x).
    order
        Order along x, y and z, as IBSI writes it; 1 to 16 in all.
    base
        The filter whose response is transformed: ``"log"`` (Laplacian of Gaussian), ``"gaussian"``
        (of sum 1), ``"simoncelli"`` or ``"shannon"``.
    sigma
        Standard deviation in mm; needed for, and only for, ``"log"``, where it is at least half a
        voxel along each filtered axis, and ``"gaussian"``.
    truncate
        Standard deviations after which these kernels are cut off: at
        ``floor(truncate * sigma / spacing + 0.5)`` voxels.
    level
        Level of a wavelet, see :func:`simoncelli`.
    sigma_tensor
        Steer the transform: its axes are then, voxel by voxel, those of the structure tensor, whose
        Gaussian window has this standard deviation in mm. Axis 1 is the direction in which the
        image varies most, axis 2 the next, each pointing where the transform of order 1 along it is
        not negative. Beside the image, this takes the memory of some fourteen images.
    dimension
        3 for the volume, 2 for each slice by itself; `l3` is then 0.
    boundary
        See :mod:`ferromics.filters`; by default ``"mirror"`` for ``"log"`` and ``"gaussian"``,
        ``"periodic"`` for wavelets. ``"periodic"`` takes the image as it is. Any other rule pads it
        beyond each edge: by 16 voxels more than the kernel reaches, or as for :func:`simoncelli`;
        the memory told there grows with the square of the padding.
    dtype, threads
        See :mod:`ferromics.filters`.

    Raises
    ------
    InputError
        If the order, a length or the level is outside its limits, or the image is not finite.

    Examples
    --------
    The transform of order 1 along x of a wave along x is the wave a quarter of its length off:

    >>> import numpy as np
    >>> import ferromics as fm
    >>> phase = 2 * np.pi * np.arange(31) * 10 / 31 * np.ones((31, 31, 31))
    >>> response = fm.filters.riesz(np.cos(phase), (1, 1, 1), (1, 0, 0), base="shannon")
    >>> np.allclose(response, np.sin(phase))
    True
    """
    kind = _base(one_of("base", base, BASES), sigma, truncate, level)
    given: object = order
    orders = list(given) if isinstance(given, Iterable) else []
    if len(orders) != 3:
        msg = f"order is {order!r}; three whole numbers (along x, y, z) are needed"
        raise InputError(msg)
    if boundary is None:
        boundary = "periodic" if "wavelet" in kind else "mirror"
    settings = {
        "base": kind,
        "order": [whole("order", n, least=0) for n in orders],
        "sigma_tensor": None if sigma_tensor is None else number("sigma_tensor", sigma_tensor),
        "boundary": boundary_value(boundary),
        "dimension": dimension_number(dimension),
    }
    array = volume(image, dtype)
    return _core.filter_riesz(array, three_lengths(spacing), json.dumps(settings), threads)


def _base(base: str, sigma: float | None, truncate: float, level: int) -> dict[str, Any]:
    """Return the filter to transform; arguments of the other kind of filter are refused."""
    cut, depth = number("truncate", truncate), whole("level", level, least=1)
    if base in ("simoncelli", "shannon"):
        for name, given, default in (("sigma", sigma, None), ("truncate", cut, TRUNCATE)):
            if given != default:
                msg = f"{name} is {given!r}; a base of {base!r} takes none, it has a level"
                raise InputError(msg)
        return {"wavelet": {"wavelet": base, "level": depth}}
    if depth != 1:
        msg = f"level is {level!r}; a base of {base!r} takes none, it has a sigma"
        raise InputError(msg)
    if sigma is None:
        msg = f"sigma is None; a base of {base!r} needs it, in mm"
        raise InputError(msg)
    long = "laplacian_of_gaussian" if base == "log" else base
    return {long: {"sigma": number("sigma", sigma), "truncate": cut}}
