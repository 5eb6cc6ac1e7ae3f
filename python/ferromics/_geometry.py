"""Where the voxels of an array lie, and the turns between an image's orders of axes.

Places and directions are in LPS, lengths in mm; spacing and axes are in the order of the array's
axes (z, y, x).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Grid:
    """Where the voxels of an array lie.

    ``shape`` and ``spacing`` (mm) in array order; row ``a`` of ``axes`` is the unit vector of array
    axis ``a`` in LPS; ``origin`` is the place of voxel (0, 0, 0) in LPS, mm.
    """

    shape: tuple[int, ...]
    spacing: NDArray[np.float64]
    axes: NDArray[np.float64]
    origin: NDArray[np.float64]

    def corners(self) -> NDArray[np.float64]:
        """Places of the eight corner voxels."""
        index = np.array(list(itertools.product(*((0, n - 1) for n in self.shape))))
        return np.asarray(self.origin + (index * self.spacing) @ self.axes)

    def rearranged(self, turn: Turn) -> Grid:
        """The grid of the turned array."""
        order, flip = turn.order, turn.flip
        shape = tuple(self.shape[a] for a in order)
        spacing, axes = self.spacing[list(order)], self.axes[list(order)]
        sign = np.where(flip, -1.0, 1.0)
        steps = np.where(flip, np.array(shape) - 1, 0) * spacing
        return Grid(shape, spacing, axes * sign[:, None], self.origin + steps @ axes)

    def recentred(self, shape: Sequence[int], spacing: Sequence[float]) -> Grid:
        """The grid of another shape and spacing around the same centre (IBSI 3WE3)."""
        new, lengths = tuple(shape), np.asarray(spacing, np.float64)
        if new == self.shape and np.array_equal(lengths, self.spacing):
            return self
        extent = (np.array(self.shape) - 1) * self.spacing - (np.array(new) - 1) * lengths
        return Grid(new, lengths, self.axes, self.origin + extent / 2 @ self.axes)

    def __str__(self) -> str:
        """One line for messages."""
        return (
            f"{_joined(self.shape)} voxels of {_joined(self.spacing)} mm (z, y, x), first voxel at "
            f"({', '.join(_short(v) for v in self.origin)}) mm, axes "
            f"{[[round(float(v), 4) + 0.0 for v in row] for row in self.axes]} (LPS)"
        )


@dataclass(frozen=True)
class Turn:
    """A new order of an array's axes, and which axes of the result are then reversed."""

    order: tuple[int, ...]
    flip: tuple[bool, ...]

    def of(self, array: NDArray[Any]) -> NDArray[Any]:
        """The turned array, a view."""
        steps = tuple(slice(None, None, -1 if f else 1) for f in self.flip)
        return array.transpose(self.order)[steps]

    def to_front(self, axis: int) -> Turn:
        """The turn that also brings one axis of the result to the front."""
        order = [axis, *(a for a in range(len(self.order)) if a != axis)]
        return Turn(tuple(self.order[a] for a in order), tuple(self.flip[a] for a in order))

    def back(self) -> Turn:
        """The turn that undoes this one."""
        order = [self.order.index(a) for a in range(len(self.order))]
        return Turn(tuple(order), tuple(self.flip[a] for a in order))


AS_STORED = Turn((0, 1, 2), (False, False, False))


def nearest_lps(axes: NDArray[np.float64]) -> Turn:
    """Turn of an array with these axes that comes nearest to (S, P, L)."""

    def rank(order: tuple[int, ...]) -> tuple[float, ...]:
        # At 45 degrees two orders are as near; the directions that they give decide then, which
        # do not depend on how the image is stored. Digits are those that files keep.
        turned = axes[list(order)]
        near = np.array([turned[k, 2 - k] for k in range(3)])
        directions = turned * np.where(near < 0, -1, 1)[:, None]
        return (round(float(np.abs(near).sum()), 4), *np.round(directions.ravel(), 4).tolist())

    order = max(itertools.permutations(range(3)), key=rank)
    return Turn(order, tuple(bool(axes[a, 2 - k] < 0) for k, a in enumerate(order)))


def _short(value: float) -> str:
    return f"{float(value):.6g}"


def _joined(values: Any) -> str:
    return " x ".join(_short(v) for v in values)
