"""Files by a pattern such as ``{case}/{modality}.nii.gz``: what stands where the fields are."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from ferromics.errors import InputError

IMAGE_SUFFIXES: Final = (".nii.gz", ".nii", ".nrrd", ".mha", ".mhd")
"""Formats of images that are looked for where a pattern does not say one."""

Fields: TypeAlias = "dict[str, str]"

_TOKEN: Final = re.compile(r"\{([^{}]*)\}|(\*)|(\?)|([^{}*?]+)|([{}])")
_NOT_LITERAL: Final = re.compile(r"[{*?]")
_ANY_IMAGE: Final = "(?i:" + "|".join(map(re.escape, IMAGE_SUFFIXES)) + ")"


@dataclass(frozen=True)
class Found:
    """A file, and the text that each field of the pattern stands for in its path."""

    path: Path
    fields: Fields


def find(folder: Path, pattern: str) -> list[Found]:
    """Files that a pattern finds, in natural order (``P2`` before ``P10``).

    Parameters
    ----------
    folder
        Where the pattern starts.
    pattern
        Parts of a path with ``/`` between. A field in braces stands for any text within one part,
        the same wherever it comes again; ``*`` and ``?`` for any text and any sign; a part ``**``
        for any number of folders. A last part without a suffix finds images of any format.

    Raises
    ------
    InputError
        If the pattern cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from ferromics.cohort import patterns
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("P10_ct.nii.gz", "P2_ct.nii.gz"):
    ...     (folder / name).touch()
    >>> [f.fields for f in patterns.find(folder, "{case}_{modality}")]
    [{'case': 'P2', 'modality': 'ct'}, {'case': 'P10', 'modality': 'ct'}]
    """
    fields_of(pattern)
    parts = pattern.split("/")
    if pattern.startswith("/"):
        folder, parts = Path("/"), parts[1:]
    parts = [part for part in parts if part not in ("", ".")]
    found = {f.path: f for f in _walk(folder, parts, {})} if parts else {}
    return sorted(found.values(), key=lambda f: natural(str(f.path)))


def fields_of(pattern: str) -> tuple[str, ...]:
    """Names of a pattern's fields, each once."""
    names: dict[str, None] = {}
    for name, _, _, _, brace in _TOKEN.findall(pattern):
        if brace:
            msg = f"pattern {pattern!r} has a brace without its other one"
            raise InputError(msg)
        if name:
            names[name] = None
    wrong = [n for n in names if not n.isidentifier()]
    if wrong or "{}" in pattern:
        msg = (
            f"pattern {pattern!r}: a field's name is letters, digits and underscores, as "
            f"{{case}}; got {{{''.join(wrong[:1])}}}"
        )
        raise InputError(msg)
    return tuple(names)


def natural(text: str) -> tuple[tuple[str | int, ...], ...]:
    """Key of an order in which numbers within a text count as numbers.

    Examples
    --------
    >>> from ferromics.cohort.patterns import natural
    >>> sorted(["P10", "P2", "P1b", "Q1"], key=natural)
    ['P1b', 'P2', 'P10', 'Q1']
    """
    parts = re.split(r"(\d+)", text)  # digits are at the odd places
    return tuple(int(part) if k % 2 else part for k, part in enumerate(parts)), (text,)


def examples(folder: Path, most: int = 3) -> list[str]:
    """Some files of a folder, images first, to show what there is."""
    images: list[str] = []
    others: list[str] = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted((f for f in folders if not f.startswith(".")), key=natural)
        for name in sorted((f for f in files if not f.startswith(".")), key=natural):
            kind = images if name.lower().endswith(IMAGE_SUFFIXES) else others
            if len(kind) < most:
                kind.append((Path(place) / name).relative_to(folder).as_posix())
        if len(images) >= most:
            break
    return [*images, *others][:most]


def _walk(folder: Path, parts: list[str], known: Fields) -> Iterator[Found]:
    part, rest = parts[0], parts[1:]
    if part == "**":
        if rest:
            yield from _walk(folder, rest, known)
        for entry in _entries(folder, folders=True):
            if not entry.is_symlink():  # a link may lead back up
                yield from _walk(Path(entry.path), parts, known)
        return
    if rest and not _NOT_LITERAL.search(part):
        inner = folder.parent if part == ".." else folder / part
        if inner.is_dir():
            yield from _walk(inner, rest, known)
        return
    matcher = _matcher(part, tuple(sorted(known.items())), last=not rest)
    for entry in _entries(folder, folders=bool(rest)):
        match = matcher.fullmatch(entry.name)
        if match is None or (entry.name.startswith(".") and not part.startswith(".")):
            continue
        fields = {**known, **match.groupdict()}
        if rest:
            yield from _walk(Path(entry.path), rest, fields)
        else:
            yield Found(Path(entry.path), fields)


def _entries(folder: Path, *, folders: bool) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if entry.is_dir() == folders]
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []


@functools.lru_cache(maxsize=1024)
def _matcher(part: str, known: tuple[tuple[str, str], ...], *, last: bool) -> re.Pattern[str]:
    """Pattern of one part of a path, where some fields' texts are known."""
    texts: Mapping[str, str] = dict(known)
    open_end = last and part.endswith(".*")
    tokens = _TOKEN.findall(part[:-2] if open_end else part)
    seen: set[str] = set()
    out = ""
    for name, star, mark, literal, _ in tokens:
        if name in texts:
            out += re.escape(texts[name])
        elif name in seen:
            out += f"(?P={name})"
        elif name:
            out += f"(?P<{name}>.+)"
            seen.add(name)
        else:
            out += re.escape(literal) if literal else ".*" if star else "." if mark else ""
    has_suffix = bool(tokens) and "." in tokens[-1][3]
    return re.compile(out + _ANY_IMAGE if open_end or (last and not has_suffix) else out)
