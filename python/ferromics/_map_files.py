"""Where maps go that a command makes: to one file, or to a folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def map_targets(
    names: list[str],
    output: str,
    inputs: Sequence[Path],
    option: str = "--only",
    suffix: str = ".nii.gz",
) -> dict[str, Path]:
    """Where each map goes; refuses what could not be written, before anything is computed.

    ``output`` is a file for one map, or a folder, where maps are named after the first of
    ``inputs``, which are not to be overwritten, and end in ``suffix``; ``option`` is what chooses
    maps.
    """
    from ferromics import io
    from ferromics._images import check_path
    from ferromics.errors import InputError

    if output == "-":
        msg = "a map is an image and does not go to stdout; -o takes a file or a folder"
        raise InputError(msg)
    folder = Path(output)
    if not (folder.is_dir() or output.endswith(("/", os.sep))):
        return {_one(names, folder, option): _other_than(inputs, folder)}
    if not folder.is_dir():
        if folder.exists():
            msg = f"cannot write to {output}: it is a file, not a folder"
            raise InputError(msg)
        if not folder.parent.is_dir():
            msg = f"cannot make the folder {folder}: no folder {folder.parent}"
            raise FileNotFoundError(msg)
    stem = io.stem(inputs[0])
    targets = {name: folder / f"{stem}_{name}{suffix}" for name in names}
    for path in targets.values():
        if folder.is_dir():
            check_path(path)
    return targets


def _one(names: list[str], path: Path, option: str) -> str:
    """The only map, as a file takes one."""
    from ferromics._images import check_path
    from ferromics.errors import InputError

    if len(names) > 1:
        msg = (
            f"there are {len(names)} maps to make and {path} is one file: give a folder (-o "
            f"{path.parent / 'maps'}/) or choose one with {option}: {', '.join(names)}"
        )
        raise InputError(msg)
    check_path(path)
    return names[0]


def _other_than(inputs: Sequence[Path], path: Path) -> Path:
    from ferromics.errors import InputError

    for given, what in zip(inputs, ("image", "mask"), strict=False):
        if path.exists() and given.exists() and path.samefile(given):
            msg = f"{path} is the {what} itself; write the map to another file"
            raise InputError(msg)
    return path
