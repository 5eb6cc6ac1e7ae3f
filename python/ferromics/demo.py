"""The demonstration: files made by a seeded generator, features extracted from them as users do.

Nothing here is patient data. The volume looks like a chest CT: soft tissue, fat, two lungs, a
spine, a textured tumour (label 1), a lymph node (label 2) and a piece of muscle (label 3).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

import ferromics as fm
from ferromics import table
from ferromics.compliance import compare, write_phantom
from ferromics.io import write_nifti

if TYPE_CHECKING:
    from rich.console import Console

SEED: Final = 20_200_501
SHAPE: Final = (48, 128, 160)
SPACING: Final = (3.0, 1.5, 1.5)
LABELS: Final = {"1": "tumour", "2": "lymph node", "3": "muscle"}
SHOWN: Final = (
    ("morph", "volume_mesh", ""),
    ("morph", "surface_area_mesh", ""),
    ("morph", "sphericity", ""),
    ("morph", "maximum_3d_diameter", ""),
    ("stat", "mean_intensity", ""),
    ("stat", "intensity_variance", ""),
    ("stat", "intensity_skewness", ""),
    ("ih", "discretised_intensity_entropy", ""),
    ("glcm", "joint_entropy", "3d_merged"),
    ("glcm", "contrast", "3d_merged"),
    ("glrlm", "normalised_run_length_non_uniformity", "3d_merged"),
    ("glszm", "zone_percentage", "3d"),
    ("gldzm", "zone_distance_entropy", "3d"),
    ("ngtdm", "coarseness", "3d"),
    ("ngldm", "dependence_count_entropy", "3d"),
)


def make_ct(seed: int = SEED) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """A CT-like volume in HU and its label image, both (z, y, x), spacing :data:`SPACING` mm.

    Examples
    --------
    >>> from ferromics.demo import make_ct
    >>> image, labels = make_ct()
    >>> image.shape, sorted(set(labels.ravel().tolist()))
    ((48, 128, 160), [0, 1, 2, 3])
    """
    rng = np.random.default_rng(seed)
    z, y, x = _millimetres()

    def ball(centre: tuple[float, float, float], radii: tuple[float, float, float]) -> Any:
        parts = zip((z, y, x), centre, radii, strict=True)
        return np.sqrt(sum(((axis - c) / r) ** 2 for axis, c, r in parts))

    image = np.full(SHAPE, -1000.0)
    image[ball((0, 0, 0), (1e6, 85, 110)) < 1] = -100  # fat
    image[ball((0, 0, 0), (1e6, 75, 98)) < 1] = 50  # soft tissue
    for side in (-1, 1):
        image[ball((0, -8, side * 48), (95, 48, 36)) < 1] = -830  # lungs
    image[ball((0, 52, 0), (1e6, 15, 17)) < 1] = 350  # spine
    # A tumour with an uneven rim, a texture of its own and a darker middle.
    distance = ball((6, -10, 44), (24, 21, 23)) + 0.16 * _smooth_noise(rng, 7.0)
    tumour = distance < 1
    texture = 38.0 * _smooth_noise(rng, 2.5) + 22.0 * _smooth_noise(rng, 6.0)
    image[tumour] = (62 - 45 * np.exp(-((distance / 0.55) ** 2)) + texture)[tumour]
    node = ball((-18, 4, 4), (9, 8, 10)) + 0.08 * _smooth_noise(rng, 4.0) < 1
    image[node] = (75 + 14 * _smooth_noise(rng, 3.0))[node]
    muscle = ball((0, 62, 55), (12, 7, 12)) < 1
    image += rng.normal(0, 9, SHAPE)
    labels = np.zeros(SHAPE, np.uint8)
    for value, region in enumerate((tumour, node, muscle), 1):
        labels[region] = value
    return np.clip(np.rint(image), -1024, 3071).astype(np.int16), labels


def write_files(folder: Path) -> dict[str, Path]:
    """Write the volume and IBSI's digital phantom with their masks as NIfTI; paths by name."""
    folder.mkdir(parents=True, exist_ok=True)
    image, labels = make_ct()
    paths = {"ct": folder / "ct.nii.gz", "labels": folder / "labels.nii.gz"}
    write_nifti(paths["ct"], image, SPACING)
    write_nifti(paths["labels"], labels, SPACING)
    paths["phantom"], paths["phantom_mask"] = write_phantom(folder)
    return paths


def run(folder: Path) -> None:
    """Write the files, extract from them, and print what came out."""
    from rich.console import Console

    console = Console(width=None if Console().is_terminal else 120, highlight=False)
    paths = write_files(folder)
    output = folder / "features.csv"
    results = fm.extract(paths["ct"], paths["labels"], label="all")
    if not isinstance(results, fm.Results):
        msg = "label='all' gives results by region"
        raise TypeError(msg)
    table.write(results.values(), output, "wide")
    _print_values(console, results)
    phantom = fm.extract(paths["phantom"], paths["phantom_mask"], "ibsi:phantom")
    judged = [row for row in compare(phantom, "digital_phantom") if row.verdict != "no reference"]
    matched = sum(row.verdict == "match" for row in judged)
    console.print(
        f"digital phantom: {matched} of {len(judged)} reference values matched", style="bold"
    )
    for row in judged:
        if row.verdict != "match":
            r = row.reference
            console.print(
                f"  {row.verdict}: {r.family} {r.feature} {r.aggregation}: {row.value}, "
                f"reference {r.value} (tolerance {r.tolerance})"
            )
    console.print("\nThe same by hand:")
    for command in (
        f"ferromics extract {paths['ct']} {paths['labels']} --label all -o {output}",
        f"ferromics extract {paths['phantom']} {paths['phantom_mask']} --settings ibsi:phantom "
        "--format long",
    ):
        console.print(f"  {command}", style="cyan", soft_wrap=True)


def _print_values(console: Console, results: fm.Results) -> None:
    from rich.table import Table

    one = next(iter(results.values()))
    out = Table(title=f"{len(one)} features of each region of a synthetic CT; some of them:")
    for heading in ("feature", "IBSI", "unit"):
        out.add_column(heading)
    for name in results:
        out.add_column(f"{LABELS.get(name, name)} ({name})", justify="right")
    titles = {(row["family"], row["name"]): row["title"] for row in fm.catalogue()}
    for column in one.columns:
        name, _, family, feature, ibsi, aggregation, *_, unit = column
        if (family, feature, aggregation) in SHOWN:
            values = [f"{result[name]:.5g}" for result in results.values()]
            out.add_row(f"{family}: {titles[family, feature]}", ibsi, unit, *values)
    console.print(out)


def _millimetres() -> list[NDArray[np.float64]]:
    """Places of the voxels from the centre of the volume, mm, ready to broadcast."""
    axes = [(np.arange(n) - (n - 1) / 2) * s for n, s in zip(SHAPE, SPACING, strict=True)]
    return list(np.meshgrid(*axes, indexing="ij", sparse=True))


def _smooth_noise(rng: np.random.Generator, sigma_mm: float) -> NDArray[np.float64]:
    """Gaussian-filtered white noise with mean 0 and standard deviation 1."""
    spectrum = np.fft.rfftn(rng.standard_normal(SHAPE))
    for axis, (n, s) in enumerate(zip(SHAPE, SPACING, strict=True)):
        steps = np.fft.rfftfreq(n, s) if axis == 2 else np.fft.fftfreq(n, s)
        falloff = np.exp(-2 * (np.pi * sigma_mm * steps) ** 2)
        spectrum *= falloff.reshape([-1 if a == axis else 1 for a in range(3)])
    noise = np.fft.irfftn(spectrum, SHAPE, axes=(0, 1, 2))
    return np.asarray((noise - noise.mean()) / noise.std())
