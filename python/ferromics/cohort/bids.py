"""Cases of a data set in the layout of BIDS: masks of derivatives, and the images they are of.

After the specification's "Imaging data types" and "Common data types and metadata" (derivatives)
and "BIDS URI" (common principles). Masks are ``*_mask`` (binary) and ``*_dseg`` (a label image).
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ferromics.cohort.cases import Cohort
from ferromics.cohort.folders import Group, Part, cohort
from ferromics.cohort.patterns import Found, examples, natural
from ferromics.errors import InputError
from ferromics.regions import Labels

DESCRIPTION: Final = "dataset_description.json"
MASKS: Final = ("mask", "dseg")
NO_IMAGES: Final = (*MASKS, "probseg")
"""Suffixes of files that are no images; probabilities are no masks either."""

NOT_OF_THE_SCAN: Final = ("desc", "label", "res", "seg", "space")
"""Entities of a derivative that its source need not have; ``space`` and ``res`` are asked apart."""


@dataclass(frozen=True)
class Scan:
    """A NIfTI file by its name: entities and suffix; the root of its data set."""

    path: Path
    root: Path
    entities: dict[str, str]
    suffix: str

    @property
    def case(self) -> str:
        """``sub-01`` or ``sub-01_ses-2``."""
        parts = [f"{k}-{self.entities[k]}" for k in ("sub", "ses") if k in self.entities]
        return "_".join(parts)

    @property
    def space(self) -> str:
        """Where it lies; empty for the image's own space."""
        space = self.entities.get("space", "")
        return "" if space == "orig" else space


def is_bids(folder: Path) -> bool:
    """Whether a folder says that it is a data set of BIDS."""
    return (folder / DESCRIPTION).is_file()


def find_in_bids(
    folder: Path,
    *,
    modality: str | None = None,
    label: Labels = None,
    mask_threshold: float | None = None,
) -> Cohort:
    """Find cases in a data set; parameters as of :func:`ferromics.cohort.find.find_cases`.

    The label is for ``*_dseg`` files (by default all), since ``*_mask`` files are binary.
    """
    for read in (_sidecars, _links):
        read.cache_clear()
    roots = _roots(folder)
    scans = [scan for root in roots for scan in _scans(root)]
    everything = [scan for scan in scans if scan.suffix not in NO_IMAGES]
    images = [s for s in everything if modality in (None, s.suffix) or _same(s.suffix, modality)]
    masks = [scan for scan in scans if scan.suffix in MASKS]
    _refuse_none(folder, roots, everything, images, masks, modality)
    groups = {image.path: Group(image.path, image.case) for image in images}
    by_case: dict[str, list[Scan]] = {}
    for image in images:
        by_case.setdefault(image.case, []).append(image)
    telling = _telling(by_case)
    lonely = []
    whole: Labels = None if mask_threshold is not None else "all" if label is None else label
    for mask in masks:
        matched = _images_of(mask, by_case.get(mask.case, []), roots)
        for image in matched:
            part = Part(
                mask.path,
                _region(mask),
                _carried(image, telling),
                whole if mask.suffix == "dseg" else None,
                telling=_extra(mask, image),
            )
            groups[image.path].parts.append(part)
        if not matched:
            lonely.append(Found(mask.path, {}))
    names = dict.fromkeys(name for image in images for name in _carried(image, telling))
    ordered = sorted(groups.values(), key=lambda g: (natural(g.case), natural(str(g.image))))
    made = cohort(folder, ordered, lonely, list(names), None, mask_threshold)
    if not made.cases:
        shown = ", ".join(m.path.name for m in masks[:3])
        msg = (
            f"{folder}: none of {len(masks)} masks ({shown}) belongs to an image of the same "
            "subject, session and space; name it in the mask's .json as Sources, or give a table"
        )
        raise InputError(msg)
    return made


def _roots(folder: Path) -> list[Path]:
    """The data set, the derivatives in it, and the one that it is a derivative of."""
    inner = folder / "derivatives"
    nested = [p for p in inner.iterdir() if p.is_dir()] if inner.is_dir() else []
    outer = folder.absolute().parent
    raw = [outer.parent] if outer.name == "derivatives" and is_bids(outer.parent) else []
    linked = [p for p in _links(folder).values() if p.is_dir()]
    roots = [folder.absolute(), *sorted(nested), *raw, *linked]
    return list(dict.fromkeys(Path(os.path.normpath(root.absolute())) for root in roots))


def _scans(root: Path) -> Iterator[Scan]:
    subjects = (p for p in root.iterdir() if p.name.startswith("sub-") and p.is_dir())
    for subject in sorted(subjects, key=lambda p: natural(p.name)):
        for place, folders, files in os.walk(subject):
            folders.sort(key=natural)
            for name in sorted(files, key=natural):
                if name.endswith((".nii.gz", ".nii")) and not name.startswith("."):
                    scan = _scan(Path(place) / name, root)
                    if scan is not None:
                        yield scan


def _scan(path: Path, root: Path) -> Scan | None:
    """A file by its name, if the name is one of BIDS."""
    entities, suffix = _entities(path.name)
    stem = path.name.removesuffix(".gz").removesuffix(".nii")
    known = "sub" in entities and suffix and "." not in stem  # .dscalar.nii and such are no volumes
    return Scan(path, root, entities, suffix) if known else None


def _entities(name: str) -> tuple[dict[str, str], str]:
    *parts, suffix = name.partition(".")[0].split("_")
    pairs = (part.partition("-") for part in parts)
    return {key: value for key, dash, value in pairs if dash}, "" if "-" in suffix else suffix


def _images_of(mask: Scan, images: Sequence[Scan], roots: Sequence[Path]) -> list[Scan]:
    """The images of a case that a mask is of: those that its metadata name, or by their names."""
    told = _metadata(mask)
    here = {image.path: image for image in images}
    direct, raw, reference = (
        [p for p in _named(told.get(key), mask, roots) if _entities(p.name)[1] not in NO_IMAGES]
        for key in ("Sources", "RawSources", "SpatialReference")
    )
    # A mask may have been brought to another space than its sources'.
    made_of = [here[p] for p in direct if p in here]
    made_of = [image for image in made_of if not mask.space or image.space == mask.space]
    found = made_of or [here[p] for p in reference if p in here]
    if found:
        return found
    # A source that is not here or elsewhere, as the raw image of a processed one, tells which kind.
    kinds = [_entities(path.name) for path in (*direct, *raw)]
    return _by_names(mask, [i for i in images if not kinds or any(_is_kin(i, k) for k in kinds)])


def _is_kin(image: Scan, kind: tuple[dict[str, str], str]) -> bool:
    entities, suffix = kind
    return image.suffix == suffix and _agree(image.entities, entities)


def _agree(one: dict[str, str], other: dict[str, str]) -> bool:
    """Whether the entities that both have are the same, but for those of the processing."""
    both = (one.keys() & other.keys()) - set(NOT_OF_THE_SCAN)
    return all(_plain(one[key]) == _plain(other[key]) for key in both)


def _plain(value: str) -> str:
    """An index without leading zeros, with which programs make free: ``run-01`` is ``run-1``."""
    return value.lstrip("0") or "0" if value.isdecimal() else value


def _by_names(mask: Scan, images: Sequence[Scan]) -> list[Scan]:
    found = [i for i in images if i.space == mask.space and _agree(i.entities, mask.entities)]
    preferences: tuple[Callable[[Scan], bool], ...] = (
        lambda i: i.path.parent == mask.path.parent,
        lambda i: i.path.parent.name == mask.path.parent.name,  # anat, pet, ...
        lambda i: "res" in mask.entities and i.entities.get("res") == mask.entities["res"],
    )
    for prefers in preferences:
        found = [image for image in found if prefers(image)] or found
    return found


def _metadata(scan: Scan) -> dict[str, Any]:
    """What the .json files beside and above a file say of it; the nearest counts."""
    out: dict[str, Any] = {}
    place = scan.path.parent
    folders = [place, *(p for p in place.parents if p.is_relative_to(scan.root))]
    for folder in reversed(folders):
        for path, entities, suffix in _sidecars(folder):
            if suffix == scan.suffix and entities.items() <= scan.entities.items():
                out.update(_json(path))
    return out


@functools.lru_cache(maxsize=256)
def _sidecars(folder: Path) -> tuple[tuple[Path, dict[str, str], str], ...]:
    """The .json files of a folder, those with fewer entities first."""
    paths = [p for p in folder.glob("*.json") if p.name != DESCRIPTION]
    found = [(path, *_entities(path.name)) for path in paths]
    return tuple(sorted(found, key=lambda f: len(f[1])))


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        msg = f"{path} is not readable as JSON: {error}"
        raise InputError(msg) from None
    return found if isinstance(found, dict) else {}


def _named(value: Any, mask: Scan, roots: Sequence[Path]) -> list[Path]:
    """Files that metadata name, as BIDS URIs or as paths from a data set's root."""
    if isinstance(value, dict):
        value = value.get("VolumeReference")
    texts = [value] if isinstance(value, str) else value or ()
    volumes = [t for t in texts if isinstance(t, str) and t.endswith((".nii.gz", ".nii"))]
    return list(dict.fromkeys(_resolved(text, mask, roots) for text in volumes))


def _resolved(text: str, mask: Scan, roots: Sequence[Path]) -> Path:
    start, at = mask.root, text
    if text.startswith("bids:"):
        name, _, at = text.removeprefix("bids:").partition(":")
        start = _links(mask.root).get(name, mask.root) if name else mask.root
    choices = [Path(os.path.normpath(root / at.lstrip("/"))) for root in (start, *roots)]
    return next((path for path in choices if os.path.lexists(path)), choices[0])


@functools.lru_cache(maxsize=256)
def _links(root: Path) -> dict[str, Path]:
    """Data sets that a data set's description links, by name."""
    if not is_bids(root):
        return {}
    links = _json(root / DESCRIPTION).get("DatasetLinks") or {}
    paths = {n: t.removeprefix("file://") for n, t in links.items() if isinstance(t, str)}
    return {n: (root / t).absolute() for n, t in paths.items() if ":" not in t}


def _region(mask: Scan) -> str:
    named = (mask.entities.get(key) for key in ("label", "seg", "atlas", "desc"))
    return next(filter(None, named), mask.suffix)


def _extra(mask: Scan, image: Scan) -> dict[str, str]:
    """What tells masks of one image apart, should their regions have one name."""
    return {k: v for k, v in mask.entities.items() if image.entities.get(k) != v}


def _carried(image: Scan, telling: Iterable[str]) -> dict[str, str]:
    out = {"modality": image.suffix, "subject": image.entities["sub"]}
    if "ses" in image.entities:
        out["session"] = image.entities["ses"]
    return {**out, **{k: image.entities[k] for k in telling if k in image.entities}}


def _telling(by_case: dict[str, list[Scan]]) -> list[str]:
    """Entities by which images of one case and modality differ, as ``run``."""
    out: dict[str, None] = {}
    for images in by_case.values():
        for suffix in {image.suffix for image in images}:
            same = [image.entities for image in images if image.suffix == suffix]
            for key in dict.fromkeys(k for entities in same for k in entities):
                if len({entities.get(key) for entities in same}) > 1:
                    out[key] = None
    return list(out)


def _same(suffix: str, modality: str | None) -> bool:
    return modality is not None and suffix.casefold() == modality.casefold()


def _refuse_none(
    folder: Path,
    roots: Sequence[Path],
    everything: Sequence[Scan],
    images: Sequence[Scan],
    masks: Sequence[Scan],
    modality: str | None,
) -> None:
    if everything and not images:
        names = ", ".join(dict.fromkeys(image.suffix for image in everything))
        msg = f"{folder} has no image of modality {modality!r}; there are {names}"
    elif not images or not masks:
        what = "*_mask.nii.gz or *_dseg.nii.gz" if images else "sub-*/**/*.nii.gz of an image"
        there = examples(folder)
        seen = f"there are {', '.join(there)}" if there else "it holds no files"
        also = f", with {len(roots) - 1} more that belong to it," if roots[1:] else ""
        msg = f"{folder} is a BIDS data set{also} without {what}; {seen}"
    else:
        return
    raise InputError(msg)
