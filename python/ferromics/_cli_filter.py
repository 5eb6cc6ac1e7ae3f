"""The command ``ferromics filter``: response maps of an image, as files that lie over it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ferromics._console import (
    DONE,
    SOME_FAILED,
    UNUSABLE,
    SettingsOption,
    progress,
    tell,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

HELP = """\
Write the response maps of an image's filters, on its own grid.

The settings name the filters. With filters.yaml as

    filters: [{type: log, sigma: [1, 2]}]

ferromics filter ct.nii.gz -s filters.yaml -o maps/

writes maps/ct_log-sigma1mm.nii.gz and maps/ct_log-sigma2mm.nii.gz, each with a provenance file.
One map may also go to a file:

ferromics filter ct.nii.gz -s filters.yaml --only log-sigma2mm -o log.nii.gz
"""


def filter_image(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="Image file.")],
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            help="Image file (.nii.gz, .nii, .nrrd, .mha), or a folder for several maps: FOLDER/",
        ),
    ],
    settings: SettingsOption = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="MAP", help="Make this map only; may be repeated.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Number of threads.")] = None,
) -> int:
    """Write the response maps of an image's filters, on its own grid."""
    from ferromics.errors import RadiomicsError
    from ferromics.response import map_names, response_maps

    names = _chosen(map_names(settings), only or ())
    targets = _targets(names, output, Path(image))
    failed = 0
    with progress("reading and preparing the image") as say:
        maps = response_maps(image, settings, threads=threads)
        for warning in maps.warnings:
            tell(f"warning: {warning}")
        for k, (name, path) in enumerate(targets.items(), 1):
            say(f"map {k} of {len(targets)}: {name}")
            try:
                made = maps[name]
            except RadiomicsError as error:
                failed += 1
                tell(f"failed: {error}")
                continue
            for warning in made.warnings[len(maps.warnings) :]:
                tell(f"warning: {warning}")
            path.parent.mkdir(exist_ok=True)
            made.save(path)
            del made
    return DONE if not failed else SOME_FAILED if failed < len(targets) else UNUSABLE


def _chosen(names: Sequence[str], only: Sequence[str]) -> list[str]:
    """The maps to make, in the order of the settings."""
    from ferromics._settings_errors import describe_unknown
    from ferromics.errors import InputError

    for name in only:
        if name not in names:
            msg = describe_unknown(f"map {name!r} (--only)", name, names)
            raise InputError(msg)
    return [name for name in names if not only or name in only]


def _targets(names: list[str], output: str, image: Path) -> dict[str, Path]:
    """Where each map goes; refuses what could not be written, before anything is computed."""
    from ferromics import io
    from ferromics._images import SUFFIXES, check_path
    from ferromics.errors import InputError

    if output == "-":
        msg = "a response map is an image and does not go to stdout; -o takes a file or a folder"
        raise InputError(msg)
    folder = Path(output)
    if not (folder.is_dir() or output.endswith(("/", os.sep))):
        return {_one(names, folder): _other_than(image, folder)}
    if not folder.is_dir():
        if folder.exists():
            msg = f"cannot write to {output}: it is a file, not a folder"
            raise InputError(msg)
        if not folder.parent.is_dir():
            msg = f"cannot make the folder {folder}: no folder {folder.parent}"
            raise FileNotFoundError(msg)
    stem = io.stem(image)
    targets = {name: folder / f"{stem}_{name}{SUFFIXES[0]}" for name in names}
    for path in targets.values():
        if folder.is_dir():
            check_path(path)
    return targets


def _one(names: list[str], path: Path) -> str:
    """The only map, as a file takes one."""
    from ferromics._images import check_path
    from ferromics.errors import InputError

    if len(names) > 1:
        msg = (
            f"the settings make {len(names)} maps and {path} is one file: give a folder (-o "
            f"{path.parent / 'maps'}/) or choose one with --only: {', '.join(names)}"
        )
        raise InputError(msg)
    check_path(path)
    return names[0]


def _other_than(image: Path, path: Path) -> Path:
    from ferromics.errors import InputError

    if path.exists() and image.exists() and path.samefile(image):
        msg = f"{path} is the image itself; write the map to another file"
        raise InputError(msg)
    return path
