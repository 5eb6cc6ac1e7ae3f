"""The bench's images: smoothed noise in a centred sphere, as many voxels as asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np

# Edge of the box and voxels of the sphere inside, by nominal size.
BOXES = {10_000: 33, 100_000: 63, 1_000_000: 131, 4_000_000: 203}


def smoothed(noise: np.ndarray, sigma: float) -> np.ndarray:
    """Return `noise` after a Gaussian filter of `sigma` voxels, mirrored at the edges."""
    reach = int(4 * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    for axis in range(3):
        pad = [(reach, reach) if a == axis else (0, 0) for a in range(3)]
        padded = np.moveaxis(np.pad(noise, pad, mode="symmetric"), axis, 0)
        n = noise.shape[axis]
        noise = np.moveaxis(sum(w * padded[k : k + n] for k, w in enumerate(kernel)), 0, axis)
    return np.ascontiguousarray(noise)


def sphere(voxels: int, bins: int = 32) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return image (float64), mask (bool) and grey levels (0 outside), all (z, y, x)."""
    edge = BOXES[voxels]
    image = smoothed(np.random.default_rng(0).normal(size=(edge,) * 3), 2.0)
    centre = (edge - 1) / 2
    z, y, x = np.ogrid[(slice(edge),) * 3]
    squared = (z - centre) ** 2 + (y - centre) ** 2 + (x - centre) ** 2
    mask = squared <= (3 * voxels / (4 * np.pi)) ** (2 / 3)
    low, high = image[mask].min(), image[mask].max()
    levels = np.minimum(np.floor(bins * (image - low) / (high - low)) + 1, bins)
    kind = np.uint8 if bins < 256 else np.uint16
    return image, mask, np.where(mask, levels, 0).astype(kind)


def save(
    folder: Path,
    image: np.ndarray,
    mask: np.ndarray,
    levels: np.ndarray,
    spacing: tuple[float, ...] = (1.0, 1.0, 1.0),
) -> None:
    """Write the arrays to `folder`, where tools look for them; `spacing` in mm, (z, y, x)."""
    arrays = {"image": image, "mask": mask, "levels": levels, "spacing": np.array(spacing)}
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
