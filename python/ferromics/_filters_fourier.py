"""Filters by Fourier transform on arrays: Gabor, isotropic wavelets, Riesz transforms (IBSI 2).

Arrays are (z, y, x), spacing is in mm in the same order; a response has the image's shape. Inputs
stay untouched; they must not be written to during a call.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ferromics import _core
from ferromics.errors import InputError

Boundary = Literal["zero", "nearest", "periodic", "mirror"]
Part = Literal["modulus", "real", "imaginary"]
Pooling = Literal["mean", "max", "min", "sum"]
Base = Literal["log", "gaussian", "simoncelli", "shannon"]

BOUNDARIES: Final = ("zero", "nearest", "periodic", "mirror")
PARTS: Final = ("modulus", "real", "imaginary")
POOLINGS: Final = ("mean", "max", "min", "sum")
BASES: Final = ("log", "gaussian", "simoncelli", "shannon")


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
    boundary: Boundary | float = "mirror",
    threads: int | None = None,
) -> NDArray[np.float64]:
    """Return the response to a 2D Gabor filter, a wave under a Gaussian (IBSI Q88H).

    The kernel is ``exp(-(x'^2 + gamma^2 y'^2) / (2 sigma^2) + 2j pi x' / wavelength)`` with
    ``x' = k1 cos(theta) + k2 sin(theta)``, ``y' = -k1 sin(theta) + k2 cos(theta)`` in mm, where
    `k1` is along x and `k2` along y. It is not normalised, and is cut off at the box around the
    ellipse of 5 standard deviations.

    Parameters
    ----------
    image
        Array (z, y, x) of finite values.
    spacing
        Spacing in mm (z, y, x).
    sigma
        Standard deviation of the Gaussian along x', in mm.
    wavelength
        Length of the wave (lambda), in mm.
    gamma
        Aspect: the standard deviation along y' is ``sigma / gamma``.
    theta
        Orientation in radians.
    theta_step
        Step in radians to further orientations, all around; it has to divide a full turn.
    part
        What is taken of the complex response: ``modulus``, ``real`` or ``imaginary``.
    orthogonal
        Filter the planes (x, y), (x, z) and (y, z) instead of (x, y) alone; the axis that comes
        first is then that of `k1`.
    pooling
        How responses of several orientations and planes become one: ``mean``, ``max``, ``min`` or
        ``sum``.
    boundary
        What lies beyond the edge: ``zero``, ``nearest``, ``periodic``, ``mirror`` (the outermost
        voxel twice), or a number for a constant.
    threads
        Most threads; the result does not depend on it.

    Returns
    -------
    numpy.ndarray
        Response map (z, y, x).

    Raises
    ------
    InputError
        If a length is not positive, `theta_step` divides no turn, or the image is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import ferromics as fm
    >>> from ferromics.filters import gabor
    >>> stripes = np.tile([1.0, 1.0, 0.0, 0.0], (1, 32, 8))
    >>> along_x = gabor(stripes, (1, 1, 1), sigma=3, wavelength=4)
    >>> along_y = gabor(stripes, (1, 1, 1), sigma=3, wavelength=4, theta=np.pi / 2)
    >>> bool(along_x[0, 16, 16] > 100 * along_y[0, 16, 16])
    True
    """
    settings = {
        "sigma": sigma,
        "wavelength": wavelength,
        "gamma": gamma,
        "theta": theta,
        "theta_step": theta_step,
        "part": _choice("part", part, PARTS),
        "orthogonal": bool(orthogonal),
        "pooling": _choice("pooling", pooling, POOLINGS),
        "boundary": _boundary(boundary),
    }
    return _core.gabor(_image(image), spacing, _json(settings), threads)


def simoncelli(
    image: ArrayLike,
    level: int = 1,
    *,
    boundary: Boundary | float = "periodic",
    in_plane: bool = False,
    threads: int | None = None,
) -> NDArray[np.float64]:
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
    boundary
        ``periodic`` takes the image as it is. Any other rule (``zero``, ``nearest``, ``mirror``, a
        number) pads it by ``16 * 2 ** (level - 1)`` voxels beyond each edge, but by no more than a
        quarter of the axis or 16 voxels, whichever is more.
    in_plane
        Filter slice by slice (2D).
    threads
        Most threads; the result does not depend on it.

    Returns
    -------
    numpy.ndarray
        Response map (z, y, x).

    Raises
    ------
    InputError
        If the level is below 1 or too deep for the image, or the image is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import ferromics as fm
    >>> from ferromics.filters import simoncelli
    >>> impulse = np.zeros((33, 33, 33))
    >>> impulse[16, 16, 16] = 1
    >>> response = simoncelli(impulse, level=2)
    >>> bool(abs(response.sum()) < 1e-12), response.argmax() == impulse.argmax()
    (True, np.True_)
    """
    return _wavelet(image, "simoncelli", level, boundary, threads, in_plane=in_plane)


def shannon(
    image: ArrayLike,
    level: int = 1,
    *,
    boundary: Boundary | float = "periodic",
    in_plane: bool = False,
    threads: int | None = None,
) -> NDArray[np.float64]:
    """Return the B map of the Shannon wavelet, which is isotropic.

    Its transfer function is 1 for ``m / 2 < nu <= m`` and 0 elsewhere, ``m = 2 ** (1 - level)``;
    all else is as for :func:`simoncelli`.

    Parameters
    ----------
    image
        Array (z, y, x) of finite values.
    level
        Level from 1, the finest; ``2 ** (level + 1)`` has to be below the voxels of the longest
        axis.
    boundary
        As for :func:`simoncelli`.
    in_plane
        Filter slice by slice (2D).
    threads
        Most threads; the result does not depend on it.

    Returns
    -------
    numpy.ndarray
        Response map (z, y, x).

    Raises
    ------
    InputError
        If the level is below 1 or too deep for the image, or the image is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import ferromics as fm
    >>> from ferromics.filters import shannon
    >>> wave = np.cos(2 * np.pi * np.arange(31) * 10 / 31)
    >>> image = np.broadcast_to(wave, (31, 31, 31))
    >>> np.allclose(shannon(image, level=1), image), np.allclose(shannon(image, level=2), 0)
    (True, True)
    """
    return _wavelet(image, "shannon", level, boundary, threads, in_plane=in_plane)


def riesz(
    image: ArrayLike,
    spacing: Sequence[float],
    order: tuple[int, int, int],
    *,
    base: Base = "log",
    sigma: float | None = None,
    truncate: float = 4.0,
    level: int = 1,
    sigma_tensor: float | None = None,
    boundary: Boundary | float | None = None,
    in_plane: bool = False,
    threads: int | None = None,
) -> NDArray[np.float64]:
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
        The filter whose response is transformed: ``log`` (Laplacian of Gaussian), ``gaussian`` (of
        sum 1), ``simoncelli`` or ``shannon``.
    sigma
        Standard deviation in mm; needed for, and only for, ``log`` and ``gaussian``.
    truncate
        Standard deviations after which these kernels are cut off: at
        ``floor(truncate * sigma / spacing + 0.5)`` voxels.
    level
        Level of a wavelet, see :func:`simoncelli`.
    sigma_tensor
        Steer the transform: its axes are then, voxel by voxel, those of the structure tensor, whose
        Gaussian window has this standard deviation in mm. Axis 1 is the direction in which the
        image varies most, axis 2 the next, each pointing where the transform of order 1 along it is
        not negative. Memory is some fourteen times that of the image in float64.
    boundary
        What lies beyond the edge, see :func:`gabor`; by default ``mirror`` for ``log`` and
        ``gaussian``, ``periodic`` for wavelets. ``periodic`` takes the image as it is. Any other
        rule pads it beyond each edge: by 16 voxels more than the kernel reaches, or as for
        :func:`simoncelli`.
    in_plane
        Filter slice by slice (2D); `l3` is then 0.
    threads
        Most threads; the result does not depend on it.

    Returns
    -------
    numpy.ndarray
        Response map (z, y, x).

    Raises
    ------
    InputError
        If the order, a length or the level is outside its limits, or the image is not finite.

    Examples
    --------
    The transform of order 1 along x of a wave along x is the wave a quarter of its length off:

    >>> import numpy as np
    >>> import ferromics as fm
    >>> from ferromics.filters import riesz, shannon
    >>> phase = np.broadcast_to(2 * np.pi * np.arange(31) * 10 / 31, (31, 31, 31))
    >>> response = riesz(np.cos(phase), (1, 1, 1), (1, 0, 0), base="shannon")
    >>> np.allclose(response, np.sin(phase))
    True
    """
    name = _choice("base", base, BASES)
    kind: dict[str, Any]
    if name in ("simoncelli", "shannon"):
        if sigma is not None:
            msg = f"sigma is {sigma!r}; a base of {name!r} takes none, it has a level"
            raise InputError(msg)
        kind = {"wavelet": {"wavelet": name, "level": _whole("level", level)}}
    else:
        if sigma is None:
            msg = f"sigma is None; a base of {name!r} needs it, in mm"
            raise InputError(msg)
        long = "laplacian_of_gaussian" if name == "log" else name
        kind = {long: {"sigma": sigma, "truncate": truncate}}
    if len(order) != 3:
        msg = f"order is {order!r}; three whole numbers (along x, y, z) are needed"
        raise InputError(msg)
    if boundary is None:
        boundary = "periodic" if "wavelet" in kind else "mirror"
    settings = {
        "base": kind,
        "order": [_whole("order", n) for n in order],
        "sigma_tensor": sigma_tensor,
        "boundary": _boundary(boundary),
        "in_plane": bool(in_plane),
    }
    return _core.riesz(_image(image), spacing, _json(settings), threads)


def _wavelet(
    image: ArrayLike,
    kind: str,
    level: int,
    boundary: Boundary | float,
    threads: int | None,
    *,
    in_plane: bool,
) -> NDArray[np.float64]:
    return _core.nonseparable_wavelet(
        _image(image),
        json.dumps(kind),
        _whole("level", level),
        json.dumps(_boundary(boundary)),
        in_plane=bool(in_plane),
        threads=threads,
    )


def _image(values: ArrayLike) -> NDArray[Any]:
    array = np.asarray(values)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _choice(name: str, value: str, allowed: Sequence[str]) -> str:
    if value not in allowed:
        msg = f"{name} is {value!r}; it is one of {', '.join(allowed)}"
        raise InputError(msg)
    return value


def _boundary(value: str | float) -> str | dict[str, float]:
    if isinstance(value, str):
        if value not in BOUNDARIES:
            msg = f"boundary is {value!r}; it is one of {', '.join(BOUNDARIES)}, or a number"
            raise InputError(msg)
        return value
    if isinstance(value, bool) or not math.isfinite(value):
        msg = f"boundary is {value!r}; a constant is a finite number"
        raise InputError(msg)
    return {"constant": float(value)}


def _whole(name: str, value: int) -> int:
    """Return a whole number that the core can hold; it knows the limits."""
    if isinstance(value, bool) or value != int(value) or not 0 <= value < 2**32:
        msg = f"{name} is {value!r}; whole numbers from 0 are needed"
        raise InputError(msg)
    return int(value)


def _json(settings: dict[str, Any]) -> str:
    """Return the settings as JSON, which has no infinite numbers."""

    def plain(name: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {k: plain(k, v) for k, v in value.items()}
        if isinstance(value, str | bool | list) or value is None:
            return value
        if not math.isfinite(value):
            msg = f"{name} is {value!r}; a finite number is needed"
            raise InputError(msg)
        return value if isinstance(value, int) else float(value)

    # Levels and orders are whole numbers, checked before; lists are kept as they are.
    return json.dumps({k: plain(k, v) for k, v in settings.items()})
