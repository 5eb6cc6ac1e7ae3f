"""One case from files to values: what runs in a thread, a process or on a cluster's node."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ferromics import io
from ferromics.cohort import memory
from ferromics.cohort.cases import Case, Mask
from ferromics.errors import InputError, RadiomicsError
from ferromics.extractor import Result, Work
from ferromics.regions import Opened, Region, Wanted, open_image
from ferromics.settings import AnySettings, Settings


@dataclass(frozen=True)
class Failure:
    """Why a region has no values.

    Attributes
    ----------
    message
        One line in the user's words.
    lasting
        Whether the same files and settings fail again; a lack of memory may not.
    trace
        Where it happened, if nobody foresaw it; for a report of the fault.
    """

    message: str
    lasting: bool
    trace: str = ""


@dataclass(frozen=True)
class RegionOutcome:
    """One region's result, or why there is none.

    Attributes
    ----------
    roi
        The region's name.
    row
        Position of its mask in ``case.masks``.
    result
        The values, if it could be computed.
    failure
        What stopped it, otherwise.
    seconds
        Time it took; that of a case's first region includes reading the image.
    """

    roi: str
    row: int
    result: Result | None
    failure: Failure | None
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """What came out of a case.

    Attributes
    ----------
    index
        Position of the case in the cohort.
    case
        Its name.
    regions
        Its regions in the order of masks and labels; at least one for each mask.
    stamps
        What :func:`stamp_of` told of each file before it was read, by path.
    """

    index: int
    case: str
    regions: tuple[RegionOutcome, ...]
    stamps: dict[str, list[int]]

    @property
    def seconds(self) -> float:
        """Time it took, reading included."""
        return sum(region.seconds for region in self.regions)

    @property
    def failures(self) -> dict[str, Failure]:
        """What stopped the regions that have no values, by region."""
        return {r.roi: r.failure for r in self.regions if r.failure is not None}


class TooLarge(RadiomicsError):
    """A region takes more memory than there is leave for."""


def extract_case(
    case: Case,
    settings: AnySettings = None,
    *,
    threads: int | None = 1,
    index: int = 0,
    limit: int | None = None,
) -> Outcome:
    """Compute all regions of one case; what goes wrong is recorded, region by region.

    It can be pickled, as can what it takes (arrays and paths) and gives: for executors, joblib and
    clusters. Many cases on one machine are better given to :func:`extract_many`.

    Parameters
    ----------
    case
        Image and masks.
    settings
        As for :func:`ferromics.extract`; the case's own come first.
    threads
        Number of threads; as many cases as cores with one thread each are the quickest.
    index
        Position of the case in the cohort, for the outcome.
    limit
        Bytes of memory that it may take: a region that needs more fails, and says how much.

    Returns
    -------
    Outcome
        With one entry a region, in the order of masks and labels.

    Examples
    --------
    >>> import ferromics as fm
    >>> image, mask, spacing = fm.phantom()
    >>> case = fm.Case(image, (fm.Mask(mask, roi="all"),), name="phantom", spacing=spacing)
    >>> outcome = fm.extract_case(case)
    >>> outcome.regions[0].roi, round(outcome.regions[0].result["original_morph_volume_mesh"], 1)
    ('all', 556.3)
    """
    if not case.masks:
        msg = "a case needs at least one mask"
        raise InputError(msg)
    chosen = Settings.of(settings if case.settings is None else case.settings)
    stamps = {path: stamp for path in case.files if (stamp := stamp_of(path)) is not None}
    name = name_of(case)
    regions = sorted(_regions(case, name, chosen, threads, limit), key=lambda region: region.row)
    return Outcome(index, name, tuple(regions), stamps)


def _regions(
    case: Case,
    name: str,
    settings: Settings,
    threads: int | None,
    limit: int | None,
) -> Iterator[RegionOutcome]:
    began = time.perf_counter()

    def outcome(row: int, roi: str, what: Result | BaseException) -> RegionOutcome:
        nonlocal began
        before, began = began, time.perf_counter()
        result = what if isinstance(what, Result) else None
        failure = None if isinstance(what, Result) else failure_of(what)
        return RegionOutcome(roi, row, result, failure, began - before)

    masks = list(_by_source(case.masks))
    try:
        opened = open_image(
            case.image,
            spacing=case.spacing,
            slice_axis=settings.image.slice_axis,
            bias_correction=settings.bias_correction,
        )
        several = len(masks) > 1 or masks[0][1].several
        work = Work(settings, opened, name, several=several, threads=threads)
    except BaseException as error:
        for row, wanted in masks:
            yield outcome(row, roi_of(wanted), error)
        return
    seen: set[str] = set()
    read: io.Scan | None = None
    before: io.Source | None = None
    for row, wanted in masks:
        try:
            if before is None or not _same(wanted.source, before):
                read, before = None, None
                read, before = opened.mask(wanted), wanted.source
            regions = opened.regions(wanted, read)
        except BaseException as error:
            yield outcome(row, roi_of(wanted), error)
            continue
        while regions:
            region = regions.pop(0)
            try:
                _refuse_twin(region.name, seen)
                if limit is not None:
                    _refuse_too_large(opened, region, settings, limit)
                cut = work.cut(region)
                if not several:  # the core has what it needs
                    read = None
                    work.opened = opened = opened.without_voxels()
                    region = region.without_voxels()
                result: Result | BaseException = work.run(region, cut)
            except BaseException as error:
                result = error
            yield outcome(row, region.name, result)


def failure_of(error: BaseException) -> Failure:
    """What is kept of an exception; those that end the program go on."""
    if isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit):
        raise error
    if isinstance(error, RadiomicsError):
        lasting = not isinstance(error, TooLarge)
        return Failure(" ".join(str(error).split()), lasting=lasting)
    if isinstance(error, MemoryError):
        return Failure("out of memory", lasting=False)
    if isinstance(error, OSError):
        named = error.filename is not None and error.strerror
        message = f"{error.filename}: {error.strerror}" if named else str(error)
        return Failure(" ".join(message.split()), lasting=False)
    trace = "".join(traceback.format_exception(error))
    text = " ".join(str(error).split()) or "no message"
    if isinstance(error, TypeError):  # of an argument, as a rule
        return Failure(text, lasting=False, trace=trace)
    return Failure(f"unforeseen {type(error).__name__}: {text}", lasting=False, trace=trace)


def name_of(case: Case) -> str:
    """The case's name: its own or the image file's."""
    if case.name is not None:
        return case.name
    return _stem(case.image) or "image"


def roi_of(wanted: Wanted) -> str:
    """What to call the region of a mask that could not be read."""
    if wanted.name is not None:
        return wanted.name
    if wanted.label is not None and not wanted.several:
        return str(wanted.label)
    return _stem(wanted.source) or "mask"


def stamp_of(path: str) -> list[int] | None:
    """Size in bytes and time of change in nanoseconds, of an image's parts one after the other.

    ``None`` where there is no such file.
    """
    try:
        found = [part.stat() for part in io.parts(Path(path))]
    except OSError:
        return None
    return [number for part in found for number in (part.st_size, part.st_mtime_ns)]


def _stem(source: io.Source) -> str:
    """A file's name without its endings; nothing for what is no file."""
    return io.stem(Path(source)) if isinstance(source, str | os.PathLike) else ""


def _same(one: io.Source, other: io.Source) -> bool:
    """Whether two masks are one file, or one object."""
    files = isinstance(one, str | os.PathLike) and isinstance(other, str | os.PathLike)
    return one is other or (files and Path(one) == Path(other))  # type: ignore[arg-type]


def wanted_of(mask: Mask) -> list[Wanted]:
    """What is wanted of a mask; of a list of labels each by itself, so that one may be missing."""
    whole = Wanted(mask.source, mask.roi, mask.label, mask.threshold)
    labels = mask.label
    if labels is None or isinstance(labels, str | int) or not len(labels):
        return [whole]
    names = {label: None if mask.roi is None else f"{mask.roi}-{label}" for label in labels}
    return [replace(whole, name=name, label=label) for label, name in names.items()]


def _by_source(masks: Sequence[Mask]) -> Iterator[tuple[int, Wanted]]:
    """What is wanted, with the mask's position; masks of one file come one after the other."""
    left = list(enumerate(masks))
    while left:
        first = left[0][1].source
        for row, mask in left:
            if _same(mask.source, first):
                yield from ((row, wanted) for wanted in wanted_of(mask))
        left = [(row, mask) for row, mask in left if not _same(mask.source, first)]


def _refuse_twin(name: str, seen: set[str]) -> None:
    if name in seen:
        msg = f"two regions of the case are named {name!r}; give names in the column roi"
        raise RadiomicsError(msg)
    seen.add(name)


def _refuse_too_large(opened: Opened, region: Region, settings: Settings, limit: int) -> None:
    mask = region.select()
    shape = []
    for axis in range(3):
        inside = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        shape.append(int(inside[-1] - inside[0] + 1) if inside.size else 0)
    held = memory.PROCESS + opened.image.nbytes + 2 * mask.nbytes
    need = held + memory.of_box(shape, opened.spacing, settings)
    if need > limit:
        msg = (
            f"region {region.name} ({' x '.join(map(str, shape))} voxels) takes about "
            f"{memory.shown(need)} of memory, and {memory.shown(limit)} may be used: allow more "
            "(--memory), or resample to a larger spacing"
        )
        raise TooLarge(msg)
