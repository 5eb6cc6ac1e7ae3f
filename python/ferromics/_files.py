"""Atomic writes: a temporary file in the same folder, flushed to disk, then renamed."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ferromics.errors import InputError


def check_target(path: Path) -> None:
    """Refuse a path at which no file can be written, before anything is computed."""
    if path.is_dir():
        msg = f"cannot write {path}: it is a folder"
        raise InputError(msg)
    if not path.parent.is_dir():
        msg = f"cannot write {path}: no folder {path.parent}"
        raise FileNotFoundError(msg)


def write_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``, which at no time holds half of it.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(data)


@contextlib.contextmanager
def replacing(path: Path, suffix: str = ".tmp") -> Iterator[Path]:
    """A temporary file, whose name ends in ``suffix``, that becomes ``path`` if all goes well.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.
    """
    path = path.resolve() if path.is_symlink() else path
    with beside(path, suffix) as temporary:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)


@contextlib.contextmanager
def beside(path: Path, suffix: str) -> Iterator[Path]:
    """A temporary file in the folder of ``path``, gone at the end unless it was moved."""
    folder = path.parent
    if not folder.is_dir():
        msg = f"cannot write {path}: no folder {folder}"
        raise FileNotFoundError(msg)
    handle, name = tempfile.mkstemp(dir=folder, prefix=f".{path.name}.", suffix=suffix)
    os.close(handle)
    try:
        yield Path(name)
    finally:
        with contextlib.suppress(OSError):
            Path(name).unlink()


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
