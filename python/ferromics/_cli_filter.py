"""The command ``ferromics filter``: response maps of an image, as files that lie over it."""

from __future__ import annotations

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
from ferromics._map_files import map_targets

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
    targets = map_targets(names, output, [Path(image)])
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
