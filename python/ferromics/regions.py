"""From mask arguments to named regions: labels, thresholds, names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ferromics import io
from ferromics._images import NOTHING, Loaded, load_image
from ferromics.errors import InputError
from ferromics.stages import BiasCorrection

Labels: TypeAlias = "int | Sequence[int] | str | None"
Masks: TypeAlias = "io.Source | Sequence[io.Source] | Mapping[str, io.Source]"


@dataclass(frozen=True)
class Region:
    """One region of a case: where its mask comes from and which voxels of it count.

    ``values`` is the mask file's array, oriented, in the image's shape; ``label`` is the value that
    marks the region, ``threshold`` the least value that does.
    """

    name: str
    values: NDArray[Any]
    label: float | None
    threshold: float | None
    source: dict[str, Any]
    warnings: tuple[str, ...]

    def select(self) -> NDArray[np.bool_]:
        """The region's voxels."""
        if self.threshold is not None:
            return np.asarray(self.values >= self.threshold)
        if self.values.dtype.kind == "b":
            return self.values
        return np.asarray(self.values == self.label)

    def without_voxels(self) -> Region:
        """All but the mask's voxels."""
        return replace(self, values=NOTHING)


@dataclass(frozen=True)
class Wanted:
    """A mask and what of it is wanted.

    ``name`` is the name of its region, or ``None`` for the mask's own; ``label`` and ``threshold``
    are as in ``extract``. ``among`` says that the mask is one of several, so that a label alone
    does not name a region.
    """

    source: io.Source
    name: str | None = None
    label: Labels = None
    threshold: float | None = None
    among: bool = False

    @property
    def several(self) -> bool:
        """Whether it may hold several regions."""
        return not (self.label is None or _is_whole(self.label))


@dataclass(frozen=True)
class Opened:
    """An image that is read, oriented, its slices along axis 0; masks are laid over it."""

    ready: Loaded
    name: str
    source: dict[str, str]
    geometry: dict[str, Any]
    warnings: tuple[str, ...]

    @property
    def image(self) -> NDArray[Any]:
        """The image's voxels."""
        return self.ready.array

    @property
    def spacing(self) -> tuple[float, float, float]:
        """In mm, in the order of the axes."""
        return self.ready.spacing

    def mask(self, wanted: Wanted) -> io.Scan:
        """Read a mask, oriented like the image and checked to lie on its grid."""
        name = wanted.name if wanted.among else None
        return _on_grid(wanted.source, name, self.ready.stored, self.ready.oriented)

    def regions(self, wanted: Wanted, mask: io.Scan | None = None) -> list[Region]:
        """Name the regions of a mask, which is read if it is not given."""
        asked = _asked_labels(wanted.label)
        if wanted.threshold is not None:
            _check_threshold(wanted.threshold, wanted.label)
        part = self.mask(wanted) if mask is None else mask
        values = np.moveaxis(part.array, self.ready.axis, 0)
        if wanted.threshold is None:
            values = _as_set(values)
        return [
            Region(
                name=_region_name(wanted, part.name, found, asked),
                values=values,
                label=found,
                threshold=wanted.threshold,
                source=_source(part, found, wanted.threshold),
                warnings=part.warnings,
            )
            for found in _labels(values, part.label, asked, wanted.threshold)
        ]

    def without_voxels(self) -> Opened:
        """All but the image's voxels."""
        return replace(self, ready=self.ready.without_voxels())


def open_image(
    image: io.Source,
    *,
    spacing: tuple[float, ...] | None = None,
    slice_axis: str = "auto",
    bias_correction: BiasCorrection | None = None,
) -> Opened:
    """Read an image that masks will be laid over; parameters as in ``extract``."""
    ready = load_image(image, spacing, slice_axis, bias_correction)
    return Opened(
        ready=ready,
        name=ready.stored.name,
        source=ready.stored.source,
        geometry=io.describe(ready.oriented, ready.axis),
        warnings=ready.stored.warnings,
    )


def wanted_masks(mask: Masks, label: Labels, threshold: float | None) -> list[Wanted]:
    """What ``extract`` is asked for, mask by mask."""
    among = isinstance(mask, Mapping | list | tuple)
    return [Wanted(source, name, label, threshold, among) for name, source in _named_masks(mask)]


def all_regions(opened: Opened, wanted: Sequence[Wanted]) -> list[Region]:
    """The regions of all masks; no two have one name."""
    regions = [region for one in wanted for region in opened.regions(one)]
    _refuse_twins(regions)
    return regions


def labels_taken(mask: io.Scan, label: Labels, threshold: float | None) -> list[int | None]:
    """Labels of the regions that a mask makes, ``[None]`` where a threshold decides; or an error.

    ``label`` and ``threshold`` are those of :func:`ferromics.extract`.
    """
    asked = _asked_labels(label)
    if threshold is not None:
        _check_threshold(threshold, label)
    return _labels(mask.array, mask.label, asked, threshold)


def _named_masks(mask: Masks) -> Iterator[tuple[str | None, io.Source]]:
    if isinstance(mask, Mapping):
        for name, source in mask.items():
            if not isinstance(name, str) or not name:
                msg = f"a region's name must be text, got {name!r}"
                raise InputError(msg)
            yield name, source
    elif isinstance(mask, list | tuple):
        for k, source in enumerate(mask, 1):
            is_path = isinstance(source, str) or hasattr(source, "__fspath__")
            yield None if is_path else f"region{k}", source
    else:
        yield None, mask
    if isinstance(mask, list | tuple | Mapping) and not mask:
        msg = "no mask was given"
        raise InputError(msg)


def _on_grid(source: io.Source, name: str | None, stored: io.Scan, image: io.Scan) -> io.Scan:
    """The mask, oriented like the image and checked to lie on its grid."""
    part = io.read(source, "mask")
    if name:
        part = replace(part, label=f"{part.label} ({name})")
    if part.array.dtype.kind != "b":
        part = replace(part, array=io.native(part.array, part.label))
    if part.grid is None:  # a bare array is in the order in which the image is stored
        if part.array.shape != stored.array.shape:
            msg = (
                f"mask and image differ in shape: {part.label} {part.array.shape}, {stored.label} "
                f"{stored.array.shape} (z, y, x)"
            )
            raise InputError(msg)
        return io.orient(replace(part, grid=stored.grid, spacing=stored.spacing))
    if image.grid is None:
        msg = (
            f"{part.label} knows where it lies, the image array does not; give both as arrays, or "
            "both as files or SimpleITK images"
        )
        raise InputError(msg)
    part = io.orient(part)
    io.check_same_grid(image, part)
    return part


def _asked_labels(label: Labels) -> int | list[int] | str | None:
    if label is None or (isinstance(label, str) and label == "all"):
        return label
    if _is_whole(label):
        labels = [int(label)]  # type: ignore[arg-type]
    elif isinstance(label, list | tuple | set | range | np.ndarray) and all(map(_is_whole, label)):
        labels = list(dict.fromkeys(int(v) for v in label))
    else:
        labels = []
    if not labels or 0 in labels:
        msg = f"label must be a whole number other than 0, a list of them, or 'all', got {label!r}"
        raise InputError(msg)
    return labels[0] if _is_whole(label) else labels


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _check_threshold(threshold: float, label: Labels) -> None:
    if label is not None:
        msg = "label= and mask_threshold= exclude each other: a threshold leaves one region"
        raise InputError(msg)
    if not (np.isfinite(threshold) and threshold > 0):
        msg = f"mask_threshold must be above 0, got {threshold!r}"
        raise InputError(msg)


def _as_set(values: NDArray[Any]) -> NDArray[Any]:
    """A mask of zeros and ones in single bytes as boolean, without a copy; others as they are."""
    bytes_ = values.dtype.kind in "iu" and values.itemsize == 1 and values.size > 0
    alone = bytes_ and values.max() == 1 and (values.dtype.kind == "u" or values.min() >= 0)
    return values.view(np.bool_) if alone else values


def _labels(
    values: NDArray[Any], what: str, asked: int | list[int] | str | None, threshold: float | None
) -> list[int | None]:
    """Labels of the regions to take from a mask; ``[None]`` where a threshold decides."""
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        msg = f"{what} holds NaN or infinite values; set them to 0"
        raise InputError(msg)
    if threshold is not None:
        highest = values.max()
        if highest < threshold:
            msg = (
                f"{what} is empty: no value reaches mask_threshold {threshold:g} (the highest is "
                f"{highest:g})"
            )
            raise InputError(msg)
        return [None]
    if values.dtype.kind == "f":
        _refuse_fractions(values, what)
    many = values.dtype.kind != "b"
    if many and isinstance(asked, int) and (values == asked).any():  # no need to know the others
        return [asked]
    present = _present(values)
    if not present:
        msg = f"{what} is empty: no voxel is set"
        raise InputError(msg)
    if asked == "all":
        return list(present)
    if asked is None:
        if len(present) > 1:
            msg = (
                f"{what} has {len(present)} labels ({_listed(present)}); say which with label= "
                "(--label): a number, a list, or 'all'"
            )
            raise InputError(msg)
        return list(present)
    wanted = asked if isinstance(asked, list) else [int(asked)]
    missing = [v for v in wanted if v not in present]
    if missing:
        msg = f"{what} has no label {_listed(missing)}; it has {_listed(present)}"
        raise InputError(msg)
    return list(wanted)


def _refuse_fractions(values: NDArray[Any], what: str) -> None:
    whole = values == np.rint(values)
    if not whole.all():
        msg = (
            f"{what} holds fractions (for example {values[~whole].flat[0]:g}); say from which "
            "value on a voxel belongs to the region, as mask_threshold=0.5 (--mask-threshold 0.5)"
        )
        raise InputError(msg)


def _present(values: NDArray[Any]) -> list[int]:
    """The labels of a mask, in order; quick where there is but one."""
    if values.dtype.kind == "b":
        return [1] if values.any() else []
    low, high = values.min(), values.max()
    if low >= 0:
        if high == 0:
            return []
        if high == 1 or np.count_nonzero(values) == np.count_nonzero(values == high):
            return [int(high)]
    return [int(v) for v in np.unique(values[values != 0])]


def _listed(labels: list[int]) -> str:
    shown = ", ".join(map(str, labels[:20]))
    return shown if len(labels) <= 20 else f"{shown}, ... {len(labels)} in all"


def _region_name(
    wanted: Wanted, mask: str, label: int | None, asked: int | list[int] | str | None
) -> str:
    """Region's name: its own or the mask's, the label where labels were asked for, or both."""
    name = wanted.name or mask
    if asked is None:
        return name
    named = wanted.among or wanted.name is not None
    if isinstance(asked, int):
        return name if named else str(label)
    return f"{name}-{label}" if named else str(label)


def _source(part: io.Scan, label: int | None, threshold: float | None) -> dict[str, Any]:
    out: dict[str, Any] = dict(part.source)
    if threshold is not None:
        out["mask_threshold"] = threshold
    elif label is not None:
        out["label"] = label
    return out


def _refuse_twins(regions: list[Region]) -> None:
    names = [r.name for r in regions]
    twins = sorted({n for n in names if names.count(n) > 1})
    if twins:
        msg = f"two regions are named {twins[0]!r}; name the masks: {{name: mask}}, or name=path"
        raise InputError(msg)
