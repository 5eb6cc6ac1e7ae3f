"""Local binary patterns."""

from __future__ import annotations

import json
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ferromics import _core
from ferromics.filters._arguments import Boundary, Map, boundary_json, one_of, volume, whole


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
    kind = json.dumps(one_of("code", code, known))
    array, points = volume(image, dtype), whole("samples", samples, least=1)
    return _core.filter_lbp_2d(array, radius, points, kind, boundary_json(boundary), threads)


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
    return _core.filter_lbp_3d(volume(image, dtype), radius, boundary_json(boundary), threads)
