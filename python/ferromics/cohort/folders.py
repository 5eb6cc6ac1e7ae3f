"""A folder of images and masks: which are which, and which belong together, by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ferromics import io
from ferromics.cohort import columns
from ferromics.cohort.cases import Case, Cohort, Mask
from ferromics.cohort.patterns import IMAGE_SUFFIXES, Fields, Found, examples, fields_of, find
from ferromics.errors import InputError
from ferromics.regions import Labels

DEFAULT_PATTERN: Final = "{case}/{modality}"

MASK_WORDS: Final = (
    "mask masks seg segs segm segmentation segmentations dseg label labels labelstr labelsts "
    "labelmap roi rois contour contours delineation annotation annotations"
).split()
"""Words of a file's name that make it a mask, where no pattern of the masks is given."""

MASK_STARTS: Final = ("gtv", "ctv", "ptv", "itv")
"""What also makes a mask of a file, as the start of a word: radiotherapy's target volumes."""

IMAGE_WORDS: Final = ("image", "img", "scan", "volume")
"""Last words of an image's name that its mask's need not have: ``ct_image`` and ``ct_mask``."""

_SEPARATORS: Final = re.compile(r"[-_. ]+")
_IMAGE_END: Final = re.compile(rf"(?<=.)[-_. ]+(?:{'|'.join(IMAGE_WORDS)})$", re.IGNORECASE)
_SHOWN: Final = 3


@dataclass(frozen=True)
class Part:
    """A mask of an image: its file, its region's name, what goes through with it, its label.

    ``telling`` is what else may tell it from the image's other masks.
    """

    path: Path
    roi: str
    carried: Fields
    label: Labels = None
    telling: Fields = field(default_factory=dict)


@dataclass
class Group:
    """An image with its masks, on the way to a case."""

    image: Path
    case: str
    parts: list[Part] = field(default_factory=list)


def says_mask(text: str) -> bool:
    """Whether one of a name's words is a mask's.

    Examples
    --------
    >>> from ferromics.cohort.folders import says_mask
    >>> [says_mask(t) for t in ("ct_mask", "GTVp", "roi2", "seg-liver", "ct", "masked", "t1")]
    [True, True, True, True, False, False, False]
    """
    words = (word.casefold().rstrip("0123456789") for word in _SEPARATORS.split(text))
    return any(word in MASK_WORDS or word.startswith(MASK_STARTS) for word in words)


def find_by_pattern(
    folder: Path,
    pattern: str | None = None,
    mask_pattern: str | None = None,
    *,
    modality: str | None = None,
    label: Labels = None,
    mask_threshold: float | None = None,
) -> Cohort:
    """Find cases by patterns; parameters as of :func:`ferromics.cohort.find.find_cases`."""
    shown = pattern or DEFAULT_PATTERN
    fields = _checked_fields(shown, mask_pattern, modality)
    found = find(folder, shown)
    if not found:
        raise InputError(nothing(folder, f"no file is named as {described(shown)}"))
    if mask_pattern is None:
        images, masks = _split(found, modality)
        groups, lonely = _paired(images, masks)
        sought = f"no file that {described(shown)} finds has a mask's word ({', '.join(_words())})"
    else:
        masks = find(folder, mask_pattern)
        taken = {mask.path for mask in masks}
        rest = [file for file in found if file.path not in taken]
        images, others = _split(rest, modality)
        groups, lonely = _joined(images, masks, fields, mask_pattern)
        lonely = [*lonely, *others]
        sought = f"no file is named as {described(mask_pattern)}"
    if modality is not None:
        # Only now, so that the masks of other images are known to be theirs.
        groups = _of_modality(groups, images, modality, folder)
    carried = [f for f in fields if f not in ("case", "roi")]
    made = cohort(folder, groups, lonely, carried, label, mask_threshold)
    if not made.cases:
        what = f"no mask of an image: {sought}" if images else "no image"
        if masks and images:
            telling = _saying(masks[0]) if mask_pattern is None else ["roi"]
            both = [f for f in masks[0].fields if f in images[0].fields and f not in telling]
            what = f"no image and mask that share {' and '.join(both)}"
        raise InputError(nothing(folder, what, [f.path for f in (*images[:2], *masks[:2])]))
    return made


def _of_modality(
    groups: Sequence[Group], images: Sequence[Found], modality: str, folder: Path
) -> list[Group]:
    wanted = {image.path for image in images if _is_of(image, modality)}
    if images and not wanted:
        names = ", ".join(dict.fromkeys(image.fields["modality"] for image in images))
        msg = f"{folder} has no image of modality {modality!r}; there are {names}"
        raise InputError(msg)
    return [group for group in groups if group.image in wanted]


def described(pattern: str) -> str:
    """A pattern, and which formats it takes where it does not say so."""
    last = pattern.rpartition("/")[2]
    open_end = last.endswith((".*", "}", "*")) or "." not in last
    return f"{pattern!r}" + (f" with {', '.join(IMAGE_SUFFIXES)}" if open_end else "")


def nothing(folder: Path, what: str, seen: Iterable[Path] = ()) -> str:
    """Message for a folder without a case: what was looked for, and what is there."""
    names = [_relative(path, folder) for path in seen][:_SHOWN] or examples(folder, _SHOWN)
    there = f"there are {', '.join(names)}" if names else "it holds no files"
    return (
        f"{folder}: {what}; {there}. Say how the files are named with --pattern and --mask-pattern"
        " (pattern=, mask_pattern=), as '{case}/ct.nii.gz' and '{case}/{roi}_mask.nii.gz'"
    )


def cohort(
    folder: Path,
    groups: Sequence[Group],
    lonely: Sequence[Found],
    carried: Sequence[str],
    label: Labels,
    mask_threshold: float | None,
) -> Cohort:
    """The cases of images that have masks, and notes on what is left over."""
    cases = []
    for group in groups:
        if not group.parts:
            continue
        masks = tuple(
            Mask(
                source=str(part.path),
                roi=roi,
                label=label if part.label is None else part.label,
                threshold=mask_threshold,
                carried={name: part.carried.get(name) for name in carried},
            )
            for part, roi in zip(group.parts, _distinct(group.parts), strict=True)
        )
        cases.append(Case(str(group.image), masks, group.case))
    without = [group.image for group in groups if not group.parts]
    notes = (
        *_note("image", "has no mask", "have no mask", without, folder),
        *_note("mask", "has no image", "have no image", [f.path for f in lonely], folder),
    )
    return Cohort(tuple(cases), dict.fromkeys(carried, "text"), folder, str(folder), notes)


def _checked_fields(pattern: str, mask_pattern: str | None, modality: str | None) -> list[str]:
    fields = list(fields_of(pattern))
    if "case" not in fields:
        msg = f"pattern {pattern!r} does not say where a case's name stands; put {{case}} there"
        raise InputError(msg)
    if modality is not None and "modality" not in fields:
        msg = f"modality= (--modality) needs {{modality}} in the pattern, which is {pattern!r}"
        raise InputError(msg)
    if mask_pattern is not None:
        own = fields_of(mask_pattern)
        if set(own) - {"roi"} and not set(own) & set(fields) - {"roi"}:
            msg = (
                f"pattern {pattern!r} and mask pattern {mask_pattern!r} share no field, such as "
                "{case}, that tells which belong together"
            )
            raise InputError(msg)
        fields = [*fields, *(f for f in own if f not in fields)]
    columns.check_names((f for f in fields if f not in ("case", "roi")), "the pattern")
    return fields


def _split(found: Sequence[Found], modality: str | None) -> tuple[list[Found], list[Found]]:
    """Images and masks among files; of the modality that is asked for there are images only."""

    def asked(file: Found) -> bool:
        return modality is not None and _is_of(file, modality)

    images = [f for f in found if asked(f) or not _saying(f)]
    # Where the case is the whole name, P1_gtv is a mask if there is a P1.
    stems = _by_name(images)
    masks = [f for f in found if not asked(f) and (_saying(f) or _rest_of_name(f, stems))]
    taken = {mask.path for mask in masks}
    return [f for f in images if f.path not in taken], masks


def _is_of(image: Found, modality: str) -> bool:
    return image.fields["modality"].casefold() == modality.casefold()


def _saying(file: Found) -> list[str]:
    """The fields by which a file is a mask; a case's name does not count."""
    return [name for name, text in file.fields.items() if name != "case" and says_mask(text)]


def _by_name(images: Iterable[Found]) -> dict[tuple[Path, str], Found]:
    """Images by folder and by how their masks' names may begin."""
    out: dict[tuple[Path, str], Found] = {}
    for image in images:
        for name in _beginnings(io.stem(image.path)):
            out.setdefault((image.path.parent, name), image)
    return out


def _beginnings(image: str) -> tuple[str, ...]:
    """An image's name, and the same without a last word that says that it is an image."""
    return tuple(dict.fromkeys((image, _IMAGE_END.sub("", image))))


def _rest_of_name(mask: Found, stems: Mapping[tuple[Path, str], Found]) -> tuple[Found, str] | None:
    """The image with whose name the mask's begins, the longest such, and how it goes on."""
    stem = io.stem(mask.path)
    for cut in reversed(list(_SEPARATORS.finditer(stem))):
        image = stems.get((mask.path.parent, stem[: cut.start()]))
        if image is not None and says_mask(stem[cut.end() :]):
            return image, stem[cut.end() :]
    return None


def _paired(images: Sequence[Found], masks: Sequence[Found]) -> tuple[list[Group], list[Found]]:
    """Masks to the image that their name begins with, else to all that share the other fields."""
    groups = {image.path: Group(image.path, image.fields["case"]) for image in images}
    stems = _by_name(images)
    shared: dict[tuple[tuple[str, str], ...], list[Found]] = {}
    indexed: set[tuple[str, ...]] = set()
    lonely = []
    for mask in masks:
        named = _rest_of_name(mask, stems)
        if named is not None:
            groups[named[0].path].parts.append(_part(mask, named[1], named[0]))
            continue
        saying = _saying(mask)
        keys = tuple(sorted(mask.fields.keys() - set(saying)))
        if keys not in indexed:
            indexed.add(keys)
            for image in images:
                shared.setdefault(_key(image, keys), []).append(image)
        candidates = shared.get(_key(mask, keys), [])
        roi = mask.fields[saying[-1]] if saying else io.stem(mask.path)
        own = [i for i in candidates if any(_within(i.fields[s], mask.fields[s]) for s in saying)]
        for image in own or candidates:
            groups[image.path].parts.append(_part(mask, roi, image))
        if not candidates:
            lonely.append(mask)
    return list(groups.values()), lonely


def _joined(
    images: Sequence[Found], masks: Sequence[Found], fields: Sequence[str], mask_pattern: str
) -> tuple[list[Group], list[Found]]:
    """Masks to the images with the same text in the fields that both patterns have."""
    own = set(fields_of(mask_pattern))
    keys = tuple(f for f in fields if f in own and f != "roi" and images and f in images[0].fields)
    by_key: dict[tuple[tuple[str, str], ...], list[Found]] = {}
    for mask in masks:
        by_key.setdefault(_key(mask, keys), []).append(mask)
    groups, used = [], set()
    plain = _literal_name(mask_pattern)
    for image in images:
        group = Group(image.path, image.fields["case"])
        for mask in by_key.get(_key(image, keys), []):
            roi = mask.fields.get("roi") or plain or io.stem(mask.path)
            group.parts.append(_part(mask, roi, image))
        used.add(_key(image, keys))
        groups.append(group)
    return groups, [mask for mask in masks if _key(mask, keys) not in used]


def _key(file: Found, keys: Iterable[str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, file.fields[name]) for name in keys)


def _part(mask: Found, roi: str, image: Found) -> Part:
    return Part(mask.path, roi, {**mask.fields, **image.fields})


def _within(image: str, mask: str) -> bool:
    """Whether a mask's name begins or ends with an image's."""
    for name in _beginnings(image):
        rest = mask.removeprefix(name) if mask.startswith(name) else mask.removesuffix(name)
        if rest != mask and (_SEPARATORS.match(rest) or _SEPARATORS.search(rest[-1:])):
            return True
    return False


def _literal_name(mask_pattern: str) -> str:
    """A region's name from the words that a pattern of masks always has, if it has no more."""
    for part in reversed(mask_pattern.split("/")):
        if "*" in part or "?" in part:
            return ""
        text = re.sub(r"\{[^{}]*\}", "", part)
        suffix = next((x for x in IMAGE_SUFFIXES if text.lower().endswith(x)), "")
        name = _SEPARATORS.sub("_", text[: len(text) - len(suffix)]).strip("_")
        if name:
            return name
    return ""


def _distinct(parts: Sequence[Part]) -> list[str]:
    """Names of a case's regions: as they are, with their fields, or with their files' names."""
    plain = [part.roi for part in parts]
    fields = [{**part.telling, **part.carried} for part in parts]
    names = dict.fromkeys(name for each in fields for name in each if name != "roi")
    telling = [name for name in names if len({each.get(name) for each in fields}) > 1]
    with_fields = [
        "-".join(filter(None, (part.roi, *(each.get(name) for name in telling))))
        for part, each in zip(parts, fields, strict=True)
    ]
    with_stems = [io.stem(part.path) for part in parts]
    numbered = [f"{part.roi}-{k}" for k, part in enumerate(parts, 1)]
    choices = (plain, with_fields, with_stems, numbered)
    return next(names for names in choices if len(set(names)) == len(names))


def _note(what: str, one: str, many: str, paths: Sequence[Path], folder: Path) -> Iterable[str]:
    if paths:
        names = ", ".join(_relative(path, folder) for path in paths[:_SHOWN])
        more = ", ..." if len(paths) > _SHOWN else ""
        told = f"{what} {one} and is" if len(paths) == 1 else f"{what}s {many} and are"
        yield f"{len(paths)} {told} not used: {names}{more}"


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _words() -> list[str]:
    return [*MASK_WORDS[:3], "segmentation", "label", "roi", *MASK_STARTS[:2], "..."]
