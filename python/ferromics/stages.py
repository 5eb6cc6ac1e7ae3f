"""The image processing stages of settings: frozen pydantic models, the core's names and defaults.

:class:`ferromics.settings.Settings` joins them. Unknown keys are refused; messages name the path
in the file, what was given, and what is allowed.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationError,
    field_validator,
)
from pydantic_core import CoreSchema

from ferromics._settings_errors import describe, refuse
from ferromics.errors import SettingsError

# As in the core; a test holds them together.
MAX_LEVELS: Final = 65_535


def number(value: object) -> object:
    """Numpy scalars and ``1e9``, which YAML takes for text, as Python numbers; no booleans."""
    if isinstance(value, bool):
        msg = "a number is needed"
        raise ValueError(msg)
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            as_float = float(value)
            return int(as_float) if as_float.is_integer() else as_float
    return value.item() if hasattr(value, "item") else value


def listed(value: object) -> object:
    """One entry instead of a list of one."""
    return [value] if isinstance(value, str | int | float | Mapping | BaseModel) else value


@dataclass(frozen=True, eq=False)  # hashed by identity: dicts have no hash
class Short:
    """Short forms that a value may have in a file, for the JSON Schema."""

    forms: tuple[dict[str, Any], ...]

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The full form's schema or a short one's."""
        return {"anyOf": [handler(core_schema), *self.forms]}


# A limit inside its validator is in the JSON Schema too; outside it is not.
Bins: TypeAlias = Annotated[int, Field(ge=2, le=MAX_LEVELS), BeforeValidator(number)]
Real: TypeAlias = Annotated[float, Field(allow_inf_nan=False), BeforeValidator(number)]
Positive: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False), BeforeValidator(number)]
Percent: TypeAlias = Annotated[
    float, Field(ge=0, le=100, allow_inf_nan=False), BeforeValidator(number)
]


Limits: TypeAlias = tuple[float | None, float | None]


class Stage(BaseModel):
    """Base of all stages: frozen, no unknown keys, errors as :class:`SettingsError`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    if not TYPE_CHECKING:  # type checkers see the fields

        def __init__(self, **data: Any) -> None:
            try:
                super().__init__(**data)
            except ValidationError as error:
                raise SettingsError(describe(error, type(self))) from None

        # Nested models are then validated in place, so that an error knows its whole path.
        __init__.__pydantic_base_init__ = True


class Image(Stage):
    """How the image's axes are read.

    Attributes
    ----------
    slice_axis
        The axis along which slices lie (2D and 2.5D features). ``auto``: the axis of clearly
        largest spacing, else the one nearest superior-inferior; the first axis of a bare array.
        ``z``, ``y``, ``x`` (or 0, 1, 2): this axis of the array, for images with geometry the one
        nearest superior-inferior, anterior-posterior, left-right.
    """

    slice_axis: Annotated[Literal["auto", "z", "y", "x"], Short(({"enum": [0, 1, 2]},))] = "auto"

    @field_validator("slice_axis", mode="before")
    @classmethod
    def _by_number(cls, value: object) -> object:
        return "zyx"[value] if type(value) is int and 0 <= value <= 2 else value


class BiasCorrection(Stage):
    """N4 bias field correction, for MR images; SimpleITK runs it on the whole image, oriented.

    Attributes
    ----------
    foreground
        Voxels that the field is fitted to: ``otsu`` for those above Otsu's threshold, ``positive``
        for all above 0.
    shrink
        The field is fitted to an image that is this many times smaller along each axis.
    iterations
        Largest number of iterations at each level of resolution, coarsest first.
    convergence
        A level ends when the field changes by less than this.
    """

    foreground: Literal["otsu", "positive"] = "otsu"
    shrink: Annotated[int, Field(ge=1, le=16), BeforeValidator(number)] = 4
    iterations: Annotated[
        tuple[Annotated[int, Field(ge=1, le=1000), BeforeValidator(number)], ...],
        Field(min_length=1, max_length=8),
        BeforeValidator(listed),
        Short(({"type": "integer"},)),
    ] = (50, 50, 50, 50)
    convergence: Positive = 0.001


Over: TypeAlias = Literal["image", "mask"]
Ends: TypeAlias = tuple[Real, Real]


class _Normalise(Stage):
    """Base of the normalisations.

    Attributes
    ----------
    over
        Voxels on which the parameters are found: all finite ones of the ``image``, or those of the
        ``mask`` as it was given.
    """

    type: str = ""
    over: Over = "image"


class ZScore(_Normalise):
    """``scale * (x - mean) / standard deviation``; the deviation is the biased one of IBSI.

    Attributes
    ----------
    scale
        What one standard deviation becomes.
    clip
        Set intensities further than this many standard deviations from the mean to that limit.
    """

    type: Literal["zscore"] = "zscore"
    scale: Positive = 1.0
    clip: Positive | None = None


class Range(_Normalise):
    """Map one range of intensities to another.

    Attributes
    ----------
    from_
        ``from`` in a file: two intensities; ``None`` for the lowest or the highest.
    to
        What they become.
    clip
        Set what lies outside ``to`` to its nearer end.
    """

    type: Literal["range"] = "range"
    from_: tuple[Real | None, Real | None] = Field(default=(None, None), alias="from")
    to: Ends = (0.0, 1.0)
    clip: bool = True

    @field_validator("from_")
    @classmethod
    def _in_order(cls, value: Limits) -> Limits:
        low, high = value
        if low is not None and high is not None and low >= high:
            refuse(list(value), RISING)
        return value


class Percentile(_Normalise):
    """Map the range between two percentiles to another.

    Attributes
    ----------
    percentiles
        Lower and upper percentile, from 0 to 100.
    to
        What they become.
    clip
        Set what lies outside ``to`` to its nearer end.
    """

    type: Literal["percentile"] = "percentile"
    percentiles: tuple[Percent, Percent] = (1.0, 99.0)
    to: Ends = (0.0, 1.0)
    clip: bool = True

    @field_validator("percentiles")
    @classmethod
    def _in_order(cls, value: Ends) -> Ends:
        if value[0] >= value[1]:
            refuse(list(value), RISING)
        return value


RISING: Final = "the lower one comes first"


def _normalise_from_text(value: object) -> object:
    """Read ``zscore`` as ``{type: zscore}``, ``none`` as nothing."""
    if value == "none":
        return None
    return {"type": value} if isinstance(value, str) else value


Normalise: TypeAlias = Annotated[
    Annotated[ZScore | Range | Percentile, Field(discriminator="type")] | None,
    BeforeValidator(_normalise_from_text),
    Short(({"enum": ["zscore", "range", "percentile", "none"]},)),
]

# Other words of the field for the methods.
SYNONYMS: Final = {
    "nearest_neighbour": "nearest",
    "bilinear": "linear",
    "trilinear": "linear",
    "spline": "cubic",
    "bspline": "cubic",
    "cubic_spline": "cubic",
    "tricubic_spline": "cubic",
}


def _method_from_text(value: object) -> object:
    """Read the field's other words for a method."""
    return SYNONYMS.get(value, value) if isinstance(value, str) else value


Method: TypeAlias = Annotated[
    Literal["nearest", "linear", "cubic", "lanczos"],
    BeforeValidator(_method_from_text),
    Short(({"enum": list(SYNONYMS)},)),
]


LENGTH: Final[dict[str, Any]] = {"type": "number", "exclusiveMinimum": 0}
SPACINGS: Final = Short(
    (LENGTH, {"type": "array", "items": LENGTH, "minItems": 2, "maxItems": 2}, {"type": "null"})
)


class Resample(Stage):
    """Resampling of image and mask to another spacing (IBSI VTM2).

    The new grid has the centre of the old one (3WE3), and as many voxels as cover it (026Q); beyond
    the edge the image goes on with its outermost voxels.

    Attributes
    ----------
    spacing
        New spacing in mm: one number for all axes; two for in-plane only (y, x), slices stay as
        they are; or three (z, y, x), z across slices, ``None`` for an axis that stays as it is.
    method
        Interpolation of the image: ``nearest``, ``linear``, ``cubic`` (B-spline) or ``lanczos``
        (three lobes).
    mask_method
        Interpolation of the mask.
    mask_threshold
        Share of a voxel from which on it belongs to the region (E8H9).
    round
        Round intensities to whole numbers after interpolation (68QD).
    anti_alias
        Low-pass filter (Gaussian) along axes that are down-sampled; its response, between 0 and 1,
        at the highest frequency that the new grid can hold. ``None`` for no filter.
    max_voxels
        Voxels of the new grid that may be made for one region, its surroundings included.
    """

    spacing: Annotated[tuple[Positive | None, Positive | None, Positive | None], SPACINGS] = (
        None,
        None,
        None,
    )
    method: Method = "linear"
    mask_method: Method = "linear"
    mask_threshold: Annotated[float, Field(gt=0, le=1), BeforeValidator(number)] = 0.5
    round: bool = False
    anti_alias: Annotated[float, Field(gt=0, lt=1), BeforeValidator(number)] | None = None
    max_voxels: Annotated[int, Field(ge=1, le=2**53), BeforeValidator(number)] = 100_000_000

    @field_validator("spacing", mode="before")
    @classmethod
    def _for_each_axis(cls, value: object) -> object:
        if value is None:
            return (None, None, None)
        if hasattr(value, "tolist"):  # numpy scalars and arrays
            value = value.tolist()
        if isinstance(value, int | float | str):
            length = number(value)
            if not isinstance(length, int | float) or not 0 < length < float("inf"):
                refuse(value, "a positive length in mm is needed, or a list of them")
            return (length,) * 3
        if isinstance(value, list | tuple):
            if len(value) == 2:
                return (None, *value)
            if len(value) != 3:
                refuse(list(value), "give one spacing, two (y, x) or three (z, y, x)")
        return value


class Resegment(Stage):
    """Re-segmentation of the intensity mask (IBSI IF9H).

    Attributes
    ----------
    range
        Closed range of intensities to keep; ``None`` for a limit that is absent.
    outlier_sigma
        Keep ``mean ± outlier_sigma * standard deviation``.
    """

    range: Annotated[tuple[Real | None, Real | None], Short(({"type": "null"},))] = (None, None)
    outlier_sigma: Positive | None = None

    @field_validator("range", mode="before")
    @classmethod
    def _infinite_is_absent(cls, value: object) -> object:
        if value is None:
            return (None, None)
        if isinstance(value, list | tuple):
            ends = (float("-inf"), float("inf"))
            return tuple(
                None if k < 2 and isinstance(v, float) and v == ends[k] else v
                for k, v in enumerate(value)
            )
        return value

    @field_validator("range")
    @classmethod
    def _in_order(cls, value: Limits) -> Limits:
        low, high = value
        if low is not None and high is not None and low > high:
            refuse(list(value), "the lower limit must not exceed the upper one")
        return value


class NoDiscretise(Stage):
    """Intensities are grey levels as they are."""

    type: Literal["none"] = "none"


class Fbs(Stage):
    """Fixed bin size (IBSI Q3RU).

    Attributes
    ----------
    width
        Bin width in intensity units.
    minimum
        Start of the first bin; ``None`` for the lower re-segmentation limit, else the region's
        lowest intensity.
    """

    type: Literal["fbs"] = "fbs"
    width: Positive
    minimum: Real | None = None


class Fbn(Stage):
    """Fixed bin number (IBSI K15C).

    Attributes
    ----------
    bins
        Number of bins, 2 to 65,535.
    """

    type: Literal["fbn"] = "fbn"
    bins: Bins


def _discretise_from_text(value: object) -> object:
    """Read ``fbn32``, ``fbs25``, ``none``."""
    if value is None:
        return {"type": "none"}
    if isinstance(value, str):
        if value.lower() == "none":
            return {"type": "none"}
        found = re.fullmatch(r"(fbn|fbs)\s*([0-9.eE+-]+)", value.strip(), re.IGNORECASE)
        if not found:
            refuse(value, "write fbn<bins>, fbs<width> or none, as in fbn32")
        kind = found[1].lower()
        return {"type": kind, "bins" if kind == "fbn" else "width": found[2]}
    return value


# As text: fbn32, FBS 2.5, none.
DISCRETISE_TEXT: Final[dict[str, Any]] = {
    "type": ["string", "null"],
    "pattern": r"^\s*([Ff][Bb][NnSs]\s*[0-9.eE+-]+|[Nn][Oo][Nn][Ee])\s*$",
}
Discretise: TypeAlias = Annotated[
    Annotated[NoDiscretise | Fbs | Fbn, Field(discriminator="type")],
    BeforeValidator(_discretise_from_text),
    Short((DISCRETISE_TEXT,)),
]
DiscretiseList: TypeAlias = Annotated[
    tuple[Discretise, ...],
    Field(min_length=1),
    BeforeValidator(listed),
    Short((DISCRETISE_TEXT, {"type": "object", "required": ["type"]})),
]
