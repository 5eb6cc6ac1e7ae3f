"""Local binary patterns as PyRadiomics has them: on circles as scikit-image, on spheres its own.

Ties decide what a pattern is, so the points of a circle stand where scikit-image puts them (rounded
to 1e-5 voxels) and are interpolated by sums in the same order.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

METHODS: Final = ("default", "ror", "uniform", "var")
POLE: Final = math.sqrt(3) - 2
"""Pole of the cubic B-spline's prefilter; its 32nd power is below the rounding of a double."""
MEMORY: Final = 32
CHUNK: Final = 1 << 16
"""Voxels whose spheres are held at a time."""

Floats = NDArray[np.float64]


def circle(image: NDArray[Any], radius: float, points: int, method: str) -> Floats:
    """Return the patterns of a slice (y, x); beyond its edge it is 0.

    `method` is ``uniform`` (number of ones if they stand together, else `points` + 1), ``default``
    (the ones as bits), ``ror`` (the least of these over all rotations), or ``var`` (variance of the
    points, NaN where it is 0).
    """
    if method not in METHODS:
        msg = f"lbp2DMethod {method!r} is not known; there are {', '.join(METHODS)}"
        raise ValueError(msg)
    values = np.asarray(image, dtype=np.float64)
    angles = 2 * np.pi * np.arange(points) / points
    places = np.round(np.stack([-radius * np.sin(angles), radius * np.cos(angles)], axis=1), 5)
    samples = _samples(values, places)
    if method == "var":
        total, squares = np.zeros(values.shape), np.zeros(values.shape)
        for sample in samples:
            total += sample
            squares += sample * sample
        variance = (squares - total * total / points) / points
        return np.where(variance == 0, np.nan, variance)
    bits = np.stack([sample - values >= 0 for sample in samples])
    if method == "uniform":
        changes = np.count_nonzero(bits[1:] != bits[:-1], axis=0)
        return np.where(changes <= 2, np.count_nonzero(bits, axis=0), points + 1).astype(float)
    if points > 63:
        msg = f"lbp2DSamples is {points}; with lbp2DMethod {method} it must be at most 63"
        raise ValueError(msg)
    rotations = range(points if method == "ror" else 1)
    weights = np.left_shift(np.uint64(1), np.arange(points, dtype=np.uint64))
    codes = (np.tensordot(np.roll(weights, k), bits.astype(np.uint64), 1) for k in rotations)
    least = next(codes)
    for code in codes:
        np.minimum(least, code, out=least)
    return least.astype(np.float64)


def _samples(values: Floats, places: NDArray[Any]) -> list[Floats]:
    """Return the image bilinearly interpolated at each place relative to each pixel."""
    reach = math.ceil(np.abs(places).max()) + 1
    padded = np.pad(values, reach)
    out = []
    for row, column in places:
        r = (np.arange(values.shape[0]) + row)[:, np.newaxis]
        c = (np.arange(values.shape[1]) + column)[np.newaxis]
        r0, r1, c0, c1 = np.floor(r), np.ceil(r), np.floor(c), np.ceil(c)
        dr, dc = r - r0, c - c0
        i0, i1, j0, j1 = (edge.astype(np.intp) + reach for edge in (r0, r1, c0, c1))
        top = (1 - dc) * padded[i0, j0] + dc * padded[i0, j1]
        bottom = (1 - dc) * padded[i1, j0] + dc * padded[i1, j1]
        out.append((1 - dr) * top + dr * bottom)
    return out


def sphere(
    image: NDArray[Any], region: NDArray[np.bool_], *, levels: int, radius: float, subdivision: int
) -> tuple[list[Floats], Floats]:
    """Return, for each voxel of the region, the norm of each degree, and the excess kurtosis.

    The image (z, y, x) is interpolated by cubic B-splines at the vertices of a sphere, in voxels,
    rounded to its own type, and 0 outside. A vertex is a one if it is not darker than the centre.
    Of the ones, the part of degree n of their expansion in spherical harmonics has a norm over the
    vertices. (PyRadiomics exchanges the polar angle and the azimuth; that is kept.)
    """
    vertices = icosphere(subdivision, radius)
    kernels = [_kernel(degree, vertices, radius) for degree in range(levels)]
    samples = _on_sphere(image, region, vertices)
    centres = image[region]
    norms = [np.empty(len(centres)) for _ in kernels]
    kurtosis = np.empty(len(centres))
    for first in range(0, len(centres), CHUNK):
        part = slice(first, first + CHUNK)
        found = samples[:, part].T
        bits = (found >= centres[part, np.newaxis]).astype(np.float64)
        for norm, kernel in zip(norms, kernels, strict=True):
            norm[part] = np.linalg.norm(bits @ kernel, axis=1)
        kurtosis[part] = _excess_kurtosis(found.astype(np.float64))
    return norms, kurtosis


def icosphere(subdivision: int, radius: float) -> Floats:
    """Return the vertices of an icosahedron whose triangles are split in four `subdivision` times.

    Shape (n, 3); all are `radius` from the centre.
    """
    t = (1 + math.sqrt(5)) / 2
    flat = np.array([(a, b * t, 0) for b in (1, -1) for a in (-1, 1)])
    corners = np.concatenate([np.roll(flat, turn, axis=1) for turn in range(3)])
    corners /= math.sqrt(1 + t * t)
    points = [tuple(corner * radius) for corner in corners]
    side = 2 / math.sqrt(1 + t * t) * 1.001
    near = np.linalg.norm(corners[:, np.newaxis] - corners, axis=2) <= side
    faces = [
        (a, b, c)
        for a, b, c in itertools.combinations(range(len(points)), 3)
        if near[a, b] and near[b, c] and near[a, c]
    ]
    for _ in range(subdivision):
        middles: dict[tuple[int, int], int] = {}
        split = []
        for a, b, c in faces:
            ab, bc, ca = (
                _middle(points, middles, *edge, radius) for edge in ((a, b), (b, c), (c, a))
            )
            split += [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
        faces = split
    return np.array(points)


def _middle(
    points: list[Any], middles: dict[tuple[int, int], int], a: int, b: int, radius: float
) -> int:
    """Return the index of the vertex above the middle of an edge; adds it where it is missing."""
    edge = (min(a, b), max(a, b))
    if edge not in middles:
        middle = (np.array(points[a]) + np.array(points[b])) / 2
        middles[edge] = len(points)
        points.append(tuple(middle * (radius / np.linalg.norm(middle))))
    return middles[edge]


def _kernel(degree: int, vertices: Floats, radius: float) -> Floats:
    """Return the sum over orders m of ``Y_m(u) Y_m(v)`` for vertices u and v; it is real."""
    azimuth = np.arccos(np.clip(vertices[:, 2] / radius, -1, 1))
    cosine = np.cos(np.arctan2(vertices[:, 1], vertices[:, 0]))
    out = np.zeros((len(vertices), len(vertices)))
    for order in range(degree + 1):
        size = math.factorial(degree - order) / math.factorial(degree + order)
        legendre = _legendre(degree, order, cosine)
        y = math.sqrt((2 * degree + 1) / (4 * math.pi) * size) * legendre
        wave = y * np.exp(1j * order * azimuth)
        out += (1 if order == 0 else 2) * np.outer(wave, wave).real
    return out


def _legendre(degree: int, order: int, x: Floats) -> Floats:
    """Return the associated Legendre function, Condon-Shortley phase included."""
    odd = math.prod(range(1, 2 * order, 2))
    before: Floats = np.zeros_like(x)
    here: Floats = (-1) ** order * odd * np.sqrt(1 - x * x) ** order
    for n in range(order + 1, degree + 1):
        before, here = here, ((2 * n - 1) * x * here - (n + order - 1) * before) / (n - order)
    return here


def _on_sphere(image: NDArray[Any], region: NDArray[np.bool_], vertices: Floats) -> NDArray[Any]:
    """Return the image around each voxel of the region: (vertices, voxels), in the image's type."""
    reach = math.ceil(np.abs(vertices).max()) + 2
    inner, outer = [], []
    for axis, size in enumerate(image.shape):
        others = tuple(other for other in range(3) if other != axis)
        filled = np.flatnonzero(region.any(axis=others))
        first, last = int(filled[0]), int(filled[-1]) + 1
        inner.append((first, last))
        outer.append((max(first - reach - MEMORY, 0), min(last + reach + MEMORY, size)))
    box = tuple(slice(*ends) for ends in inner)
    coefficients = image[tuple(slice(*ends) for ends in outer)].astype(np.float64)
    for axis in range(3):
        coefficients = _prefiltered(coefficients, axis)
    for axis, size in enumerate(coefficients.shape):
        width = [(0, 0)] * 3
        width[axis] = (reach, reach)
        coefficients = np.pad(coefficients, width, "reflect" if size > 1 else "edge")
    inside = region[box]
    out = np.empty((len(vertices), np.count_nonzero(inside)), image.dtype)
    for row, vertex in zip(out, vertices, strict=True):
        part, valid = coefficients, np.ones(inside.shape, dtype=bool)
        for axis, step in enumerate(vertex):
            origin = inner[axis][0] - outer[axis][0] + reach
            part = _shifted(part, axis, origin, inside.shape[axis], step)
            places = np.arange(*inner[axis]) + step
            seen = (places >= 0) & (places <= image.shape[axis] - 1)
            valid &= seen.reshape([-1 if other == axis else 1 for other in range(3)])
        row[:] = _rounded(np.where(valid, part, 0.0)[inside], image.dtype)
    return out


def _prefiltered(values: Floats, axis: int) -> Floats:
    """Return the coefficients of the cubic B-spline through the values, mirrored at the ends."""
    c = np.moveaxis(values, axis, 0).copy()
    n = len(c)
    if n == 1:
        return values
    c *= 6
    powers = POLE ** np.arange(2 * n - 2)
    mirrored = np.concatenate([c, c[-2:0:-1]])
    c[0] = np.tensordot(powers, mirrored, 1) / (1 - POLE ** (2 * n - 2))
    for k in range(1, n):
        c[k] += POLE * c[k - 1]
    c[-1] = POLE / (POLE * POLE - 1) * (POLE * c[-2] + c[-1])
    for k in range(n - 2, -1, -1):
        c[k] = POLE * (c[k + 1] - c[k])
    return np.moveaxis(c, 0, axis)


def _shifted(values: Floats, axis: int, origin: int, size: int, step: float) -> Floats:
    """Return the spline at `size` places from `origin` on, each moved by `step`, along one axis."""
    start = math.floor(step)
    t = step - start
    weights = (
        (1 - t) ** 3 / 6,
        (4 - 6 * t * t + 3 * t**3) / 6,
        (1 + 3 * t + 3 * t * t - 3 * t**3) / 6,
        t**3 / 6,
    )
    index = [slice(None)] * 3
    total = np.zeros(())
    for k, weight in enumerate(weights):
        first = origin + start + k - 1
        index[axis] = slice(first, first + size)
        total = total + weight * values[tuple(index)]
    return total


def _rounded(values: Floats, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the values in a type; whole numbers with halves away from 0, kept in its range."""
    if dtype.kind == "f":
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    whole = np.trunc(values + np.copysign(0.5, values))
    return np.clip(whole, limits.min, limits.max).astype(dtype)


def _excess_kurtosis(rows: Floats) -> Floats:
    """Return each row's fourth central moment over its squared variance, less 3; NaN if flat."""
    mean = rows.mean(axis=1, keepdims=True)
    squares = (rows - mean) ** 2
    variance = squares.mean(axis=1)
    flat = variance <= (np.finfo(np.float64).resolution * mean[:, 0]) ** 2
    out: Floats = (squares**2).mean(axis=1) / np.where(flat, np.nan, variance) ** 2 - 3
    return out
