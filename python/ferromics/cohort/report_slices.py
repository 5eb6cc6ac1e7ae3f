"""Pictures for the report: of each region the slice of its largest area, with its outline.

Slices lie as radiologists look at them: of an axial one, the patient's left is on the right and
the front on top. A picture shows the region's surroundings, and the whole slice in small.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ferromics import io
from ferromics._images import Loaded, load_image, to_sitk
from ferromics.cohort.report_table import Row, Table
from ferromics.errors import InputError, RadiomicsError
from ferromics.regions import Region

CLOSE_PIXELS: Final = 288
WHOLE_PIXELS: Final = 144
"""Longest sides of the two images of a picture."""

MARGIN: Final = 0.6
"""Room on each side of a region, as a share of its longer side."""

LEAST_MARGIN_MM: Final = 15.0
NEARLY_ALL: Final = 0.8
"""Surroundings that fill more than this share of the slice are the slice itself."""

LONGEST_OUTLINE: Final = 16_000
"""Characters; a longer outline is drawn more coarsely."""

WIDER: Final = 0.1
"""A window of percentiles is so much wider at each end, so that few voxels are plain white."""

QUALITY: Final = 72
LETTERS: Final = (("R", "L", "A", "P"), ("R", "L", "S", "I"), ("A", "P", "S", "I"))
"""What is left, right, above and below in slices along z, y and x."""


class Outline(NamedTuple):
    """The edges of a region as an SVG path in steps of ``step`` voxels."""

    path: str
    step: int


@dataclass(frozen=True)
class View:
    """One image: JPEG data, its size in voxels and in mm, and the region's outline on it.

    ``inner`` is the part (x, y, width, height in voxels) that is shown enlarged beside it.
    """

    jpeg: bytes
    size: tuple[int, int]
    size_mm: tuple[float, float]
    outline: Outline
    inner: tuple[int, int, int, int] | None = None


@dataclass(frozen=True)
class Picture:
    """What is shown of a region.

    ``close`` is the region with its surroundings, ``whole`` the slice, where it is more;
    ``missing`` says why there is no image; ``letters`` tell what is left, right, above, below;
    ``notes`` is what is odd about image or mask.
    """

    close: View | None = None
    whole: View | None = None
    missing: str = ""
    letters: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def default_jobs() -> int:
    """How many images are read at a time: each is in memory as a whole."""
    return min(4, os.cpu_count() or 1)


def pictures(table: Table, rows: Sequence[Row], jobs: int) -> Iterator[dict[int, Picture]]:
    """Pictures by the rows' numbers, image by image as they get ready; each image is read once."""
    images: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        images.setdefault((row.image, row.slice_axis), []).append(row)
    pool = ThreadPoolExecutor(jobs)
    try:
        futures = [pool.submit(of_image, table, group) for group in images.values()]
        for future in as_completed(futures):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def of_image(table: Table, rows: Sequence[Row]) -> dict[int, Picture]:
    """Pictures of the regions of one image, by the rows' numbers."""
    first = rows[0]
    if not first.image:
        return {row.number: Picture(missing="The table names no image file.") for row in rows}
    try:
        axis = first.slice_axis or _asked_axis(table, first)
        loaded = load_image(table.file(first.image), slice_axis=axis)
    except FileNotFoundError:
        return {row.number: Picture(missing=f"No such file: {row.image}") for row in rows}
    except (RadiomicsError, OSError, MemoryError) as error:
        why = f"Not readable: {str(error) or 'out of memory'}"
        return {row.number: Picture(missing=why) for row in rows}
    return {row.number: _picture(table, row, loaded) for row in rows}


def _asked_axis(table: Table, row: Row) -> str:
    asked = (table.settings(row).get("image") or {}).get("slice_axis", "auto")
    return asked if asked in ("auto", "z", "y", "x") else "auto"


def _picture(table: Table, row: Row, loaded: Loaded) -> Picture:
    notes = []
    if _changed(row.image_sha256, loaded.stored):
        notes.append("the image file has changed since")
    try:
        mask, more = _mask(table, row, loaded)
        notes += more
    except FileNotFoundError:
        mask = None
        notes.append(f"no such mask file: {row.mask}")
    except (RadiomicsError, OSError, MemoryError, RuntimeError) as error:
        mask = None
        notes.append(f"mask not readable: {str(error) or 'out of memory'}")
    slices = len(loaded.array)
    if mask is None:
        where, marked = slices // 2, np.zeros(loaded.array.shape[1:], bool)
    else:
        areas = np.count_nonzero(mask, axis=(1, 2))
        where = int(areas.argmax())
        marked = mask[where]
    plane, spacing = np.asarray(loaded.array[where]), loaded.spacing[1:]
    if loaded.axis != 0:  # the rows run to superior, which is up
        plane, marked = plane[::-1], marked[::-1]
    whole, close, window = _views(plane, marked, spacing, _range(table, row))
    facts = [f"slice {where + 1} of {slices}, window {window[0]:.4g} to {window[1]:.4g}"]
    if mask is not None:
        area = int(np.count_nonzero(marked)) * math.prod(spacing)
        facts.append(f"{np.count_nonzero(mask):,} voxels, {area:,.4g} mm² in this slice")
    return Picture(
        close=close or whole,
        whole=whole if close else None,
        letters=LETTERS[loaded.axis] if loaded.oriented.dimensions == 3 else (),
        facts=tuple(facts),
        notes=tuple(notes),
    )


def _changed(sha256: str, scan: io.Scan) -> bool:
    return bool(sha256) and scan.source.get("sha256", sha256) != sha256


def _mask(
    table: Table, row: Row, loaded: Loaded
) -> tuple[NDArray[np.bool_] | None, tuple[str, ...]]:
    """The region's voxels in the image's array, ``None`` where there are none; what is odd."""
    if not row.mask:
        return None, ("the table names no mask file",)
    part = io.read(table.file(row.mask), "mask")
    notes = ["the mask file has changed since"] if _changed(row.mask_sha256, part) else []
    part = io.orient(replace(part, array=io.native(part.array, part.label)))
    try:
        io.check_same_grid(loaded.oriented, part)
    except InputError:
        notes.append("the mask lies on another grid; it is drawn where it lies")
        part = _resampled(part, loaded.oriented)
    values = np.moveaxis(part.array, loaded.axis, 0)
    region = Region(row.roi, values, row.label, row.threshold, {}, ())
    if row.threshold is None and row.label is None:
        selected = np.asarray(values != 0)
    else:
        selected = region.select()
    if not selected.any() and row.label is not None and (values != 0).any():
        notes.append(f"label {row.label} is not there: all labels of the mask are outlined")
        selected = np.asarray(values != 0)
    if not selected.any():
        notes.append("no voxel of the image is in the mask")
        return None, tuple(notes)
    return selected, tuple(notes)


def _resampled(mask: io.Scan, image: io.Scan) -> io.Scan:
    """A mask on the grid of an image."""
    import SimpleITK as sitk

    if mask.grid is None or image.grid is None:
        msg = "it does not say where it lies"
        raise InputError(msg)
    reference = to_sitk(np.broadcast_to(np.uint8(0), image.array.shape), image.grid)
    given = to_sitk(np.ascontiguousarray(mask.array), mask.grid)
    found = sitk.Resample(given, reference, sitk.Transform(), sitk.sitkNearestNeighbor, 0.0)
    return replace(image, array=sitk.GetArrayFromImage(found), label=mask.label)


def _range(table: Table, row: Row) -> tuple[float | None, float | None]:
    """The settings' range of intensities, where it is one of the image as it is stored."""
    settings = table.settings(row)
    if settings.get("normalise") or settings.get("bias_correction"):
        return None, None
    low, high = (settings.get("resegment") or {}).get("range") or (None, None)
    return low, high


def _views(
    plane: NDArray[Any],
    marked: NDArray[np.bool_],
    spacing: Sequence[float],
    limits: tuple[float | None, float | None],
) -> tuple[View, View | None, tuple[float, float]]:
    """The whole slice, the region's surroundings where they are less, and the window."""
    box = surroundings(marked, spacing)
    rows, columns = box
    share = (rows.stop - rows.start) * (columns.stop - columns.start) / plane.size
    if share > NEARLY_ALL:
        window = _window(plane, limits)
        return _view(plane, marked, spacing, window, CLOSE_PIXELS), None, window
    window = _window(plane[box], limits)
    close = _view(plane[box], marked[box], spacing, window, CLOSE_PIXELS)
    inner = (
        columns.start,
        rows.start,
        columns.stop - columns.start,
        rows.stop - rows.start,
    )
    whole = _view(plane, marked, spacing, _window(plane, limits), WHOLE_PIXELS)
    return replace(whole, inner=inner), close, window


def surroundings(marked: NDArray[np.bool_], spacing: Sequence[float]) -> tuple[slice, slice]:
    """The square around a region, or what of it the slice holds; all of it without a region."""
    sides = []
    for axis in (0, 1):
        places = np.flatnonzero(marked.any(axis=1 - axis))
        if not places.size:
            return slice(0, marked.shape[0]), slice(0, marked.shape[1])
        sides.append((int(places[0]), int(places[-1]) + 1))
    longest = max((b - a) * s for (a, b), s in zip(sides, spacing, strict=True))
    side = longest + 2 * max(MARGIN * longest, LEAST_MARGIN_MM)
    out = []
    for (a, b), s, n in zip(sides, spacing, marked.shape, strict=True):
        length = min(n, math.ceil(side / s))
        start = min(max(0, (a + b - length) // 2), n - length)
        out.append(slice(start, start + length))
    return out[0], out[1]


def _window(plane: NDArray[Any], limits: tuple[float | None, float | None]) -> tuple[float, float]:
    """Intensities that become black and white."""
    finite = plane[np.isfinite(plane)]
    low, high = np.percentile(finite, (1, 99)) if finite.size else (0.0, 1.0)
    room = WIDER * (high - low)
    found = float(low - room), float(high + room)
    low, high = (w if v is None else v for v, w in zip(limits, found, strict=True))
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _view(
    plane: NDArray[Any],
    marked: NDArray[np.bool_],
    spacing: Sequence[float],
    window: tuple[float, float],
    pixels: int,
) -> View:
    from PIL import Image

    low, high = window
    grey = (plane.astype(np.float32) - low) * (255 / (high - low))
    grey = np.clip(np.nan_to_num(grey, nan=0), 0, 255).astype(np.uint8)
    image = Image.fromarray(grey)
    image.thumbnail((pixels, pixels), Image.Resampling.BOX)
    data = BytesIO()
    image.save(data, "JPEG", quality=QUALITY, optimize=True)
    height, width = plane.shape
    return View(
        jpeg=data.getvalue(),
        size=(width, height),
        size_mm=(width * spacing[1], height * spacing[0]),
        outline=outline(marked, max(1, math.ceil(max(plane.shape) / (2 * pixels)))),
    )


def outline(marked: NDArray[np.bool_], step: int = 1) -> Outline:
    """Edges of a region's voxels, in steps of so many voxels or of more where it is ragged.

    Examples
    --------
    >>> import numpy as np
    >>> from ferromics.cohort.report_slices import outline
    >>> outline(np.array([[False, False, False], [False, True, True]])).path
    'M1 1h2M1 2h2M1 1v1M3 1v1'
    """
    while True:
        coarse = _coarsened(marked, step)
        across = _edges(coarse, "M{1} {0}h{2}")
        down = _edges(coarse.T, "M{0} {1}v{2}")
        path = across + down
        if len(path) <= LONGEST_OUTLINE:
            return Outline(path, step)
        step *= 2


def _coarsened(marked: NDArray[np.bool_], step: int) -> NDArray[np.bool_]:
    """Blocks of voxels that hold any of the region."""
    if step == 1:
        return marked
    more = [(0, -n % step) for n in marked.shape]
    padded = np.pad(marked, more)
    rows, columns = (n // step for n in padded.shape)
    return np.asarray(padded.reshape(rows, step, columns, step).any(axis=(1, 3)))


def _edges(marked: NDArray[np.bool_], form: str) -> str:
    """Runs of edges between rows: row, start and length in a form."""
    padded = np.pad(marked, ((1, 1), (0, 0)))
    edges = np.pad(padded[1:] != padded[:-1], ((0, 0), (1, 1))).astype(np.int8)
    turns = np.diff(edges, axis=1)
    starts, ends = np.argwhere(turns == 1), np.argwhere(turns == -1)
    lengths = ends[:, 1] - starts[:, 1]
    return "".join(
        form.format(row, start, length)
        for (row, start), length in zip(starts.tolist(), lengths.tolist(), strict=True)
    )
