"""The command ``ferromics map``: features of each voxel's neighbourhood, as images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ferromics._console import DONE, SettingsOption, progress, tell
from ferromics._map_files import map_targets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ferromics.maps import FeatureMap

HELP = """\
Write maps of features: at each voxel of a region, the features of its neighbourhood.

ferromics map ct.nii.gz gtv.nii.gz --feature glcm_contrast -o contrast.nrrd

A feature is named by its column, by family and feature where the settings have it once
(glcm_contrast), or by its family for all of them (glcm). Several maps go to a folder, as NRRD:

ferromics map ct.nii.gz gtv.nii.gz --feature glcm --feature ngtdm_coarseness --radius 2 -o maps/

Grey levels are those of the whole region. Without a mask, the whole image is mapped.
"""


def map_features(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="Image file.")],
    feature: Annotated[
        list[str],
        typer.Option(metavar="NAME", help="Column, family_feature or family; may be repeated."),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            help="Image file (.nii.gz, .nii, .nrrd, .mha), or a folder for several maps: FOLDER/",
        ),
    ],
    mask: Annotated[
        str | None, typer.Argument(metavar="[MASK]", help="Mask or label file of the region.")
    ] = None,
    settings: SettingsOption = None,
    radius: Annotated[
        str,
        typer.Option(
            metavar="N|Z,Y,X",
            help="Radius of the neighbourhood in voxels, or one for each axis (slices first).",
        ),
    ] = "1",
    label: Annotated[int | None, typer.Option(help="Label of the region, a number.")] = None,
    mask_threshold: Annotated[
        float | None, typer.Option(help="Least mask value inside the region, for fractions.")
    ] = None,
    outside: Annotated[float, typer.Option(help="Value outside the region.")] = float("nan"),
    threads: Annotated[int | None, typer.Option(min=1, help="Number of threads.")] = None,
) -> int:
    """Write maps of features: at each voxel of a region, the features of its neighbourhood."""
    from ferromics.maps import feature_maps, map_columns

    names = map_columns(settings, feature)
    inputs = [Path(path) for path in (image, mask) if path is not None]
    targets = map_targets(names, output, inputs, "--feature", ".nrrd")
    with progress("reading image and mask") as say:

        def watch(done: Callable[[], float]) -> None:
            what = f"{len(names)} maps" if len(names) > 1 else f"the map of {names[0]}"
            say(lambda: f"making {what}: {done():.0%}")

        maps = feature_maps(
            image,
            mask,
            names,
            settings,
            radius=_radius(radius),
            label=label,
            mask_threshold=mask_threshold,
            outside=outside,
            threads=threads,
            watch=watch,
        )
        told: set[str] = set()
        for name in maps:
            path = targets[name]
            path.parent.mkdir(exist_ok=True)
            made = maps[name]
            made.save(path)
            for warning in (*made.warnings, *_read_otherwise(path, made)):
                if warning not in told:
                    tell(f"warning: {warning}")
                told.add(warning)
    return DONE


def _read_otherwise(path: Path, made: FeatureMap) -> Iterator[str]:
    """A warning where a common reader makes a number of NaN."""
    import numpy as np

    nifti = path.name.lower().endswith((".nii", ".nii.gz"))
    if nifti and bool(np.isnan(made.array).any()):
        yield (
            f"{path.name}: ITK (SimpleITK, 3D Slicer) reads NaN in a NIfTI file as 0, but not in "
            ".nrrd or .mha; --outside sets what lies outside the region"
        )


def _radius(text: str) -> int | list[int]:
    from ferromics.errors import InputError

    try:
        lengths = [int(part) for part in text.split(",")]
    except ValueError:
        msg = f"--radius must be a whole number of voxels, or three with commas; got {text!r}"
        raise InputError(msg) from None
    return lengths[0] if len(lengths) == 1 else lengths
