"""Transforms of each intensity."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ferromics import _core
from ferromics.filters._arguments import Map, volume


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


def _transform(
    image: ArrayLike, kind: str, largest: float | None, dtype: DTypeLike, threads: int | None
) -> Map:
    return _core.filter_transform(volume(image, dtype), json.dumps(kind), largest, threads)
