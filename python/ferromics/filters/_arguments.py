"""Checks of the arguments that filters share; the core knows the limits that the image sets."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ferromics._settings_errors import describe_unknown
from ferromics.errors import InputError

Map: TypeAlias = NDArray[Any]
"""A response map (z, y, x), float64 or float32."""

Boundary: TypeAlias = Literal["mirror", "nearest", "periodic", "zero"] | float
Pooling: TypeAlias = Literal["max", "min", "mean", "sum"]
Dimension: TypeAlias = Literal[2, 3]

DTYPES: Final = (np.dtype(np.float64), np.dtype(np.float32))
BOUNDARIES: Final = ("mirror", "nearest", "periodic", "zero")
POOLINGS: Final = ("max", "min", "mean", "sum")


def volume(values: ArrayLike, dtype: DTypeLike) -> NDArray[Any]:
    """Return the image in the precision to work in."""
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


def three_lengths(spacing: Sequence[float]) -> list[float]:
    """Return the spacing (z, y, x)."""
    if np.shape(spacing) != (3,):
        msg = f"spacing is {spacing!r}; give three lengths in mm (z, y, x)"
        raise InputError(msg)
    return [float(length) for length in spacing]


def dimension_number(dimension: int) -> int:
    """Return 2 or 3."""
    if isinstance(dimension, bool) or dimension not in (2, 3):
        msg = f"dimension is {dimension!r}; it must be 2 (slices) or 3 (volume)"
        raise InputError(msg)
    return int(dimension)


def dimension_json(dimension: int) -> str:
    """Return the dimension as the core reads it."""
    return json.dumps(dimension_number(dimension))


def boundary_value(boundary: str | float) -> str | float:
    """Return the boundary as settings have it."""
    if isinstance(boundary, str):
        return one_of("boundary", boundary, BOUNDARIES)
    return number("boundary", boundary)


def boundary_json(boundary: str | float) -> str:
    """Return the boundary as the core reads it."""
    return json.dumps(boundary_value(boundary))


def pooling_json(pooling: str | None) -> str | None:
    """Return the pooling as the core reads it."""
    return None if pooling is None else json.dumps(one_of("pooling", pooling, POOLINGS))


def one_of(name: str, given: str, known: Sequence[str]) -> str:
    """Return one of the known words."""
    if given not in known:
        raise InputError(describe_unknown(f"{name} {given!r}", str(given), known))
    return given


def number(name: str, given: object) -> float:
    """Return a finite number, which JSON can hold."""
    if isinstance(given, int | float | np.number) and not isinstance(given, bool):
        value = float(given)
        if math.isfinite(value):
            return value
    msg = f"{name} is {given!r}; it must be a finite number"
    raise InputError(msg)


def whole(name: str, given: object, *, least: int) -> int:
    """Return a whole number that the core can hold."""
    most = 2**32 - 1
    if isinstance(given, int | np.integer) and not isinstance(given, bool) and given >= least:
        if given <= most:
            return int(given)
        msg = f"{name} is {given!r}; it must be at most {most}"
        raise InputError(msg)
    msg = f"{name} is {given!r}; it must be a whole number from {least} on"
    raise InputError(msg)
