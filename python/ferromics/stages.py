"""The stages of settings: frozen pydantic models with the names and defaults of the core's.

:class:`ferromics.settings.Settings` joins them. Unknown keys are refused; messages name the path
in the file, what was given, and what is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from ferromics._settings_errors import describe, refuse
from ferromics.errors import SettingsError

# Limits as in the core; a test holds them together.
MAX_LEVELS: Final = 65_535
MAX_DISTANCE: Final = 20

Directional: TypeAlias = Literal[
    "2d_averaged",
    "2d_slice_merged",
    "2.5d_direction_merged",
    "2.5d_merged",
    "3d_averaged",
    "3d_merged",
]
Plain: TypeAlias = Literal["2d", "2.5d", "3d"]
Norm: TypeAlias = Literal["chebyshev", "manhattan", "euclidean"]
Weighting: TypeAlias = Literal["none", "inverse", "exponential"]


def _number(value: object) -> object:
    """Numpy scalars as Python numbers; no booleans."""
    if isinstance(value, bool):
        msg = "a number is needed"
        raise ValueError(msg)
    return value.item() if hasattr(value, "item") else value


def listed(value: object) -> object:
    """One entry instead of a list of one."""
    return [value] if isinstance(value, str | int | float | Mapping | BaseModel) else value


Bins: TypeAlias = Annotated[int, BeforeValidator(_number), Field(ge=2, le=MAX_LEVELS)]
Distance: TypeAlias = Annotated[int, BeforeValidator(_number), Field(ge=1, le=MAX_DISTANCE)]
Real: TypeAlias = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Positive: TypeAlias = Annotated[Real, Field(gt=0)]
Distances: TypeAlias = Annotated[tuple[Distance, ...], BeforeValidator(listed), Field(min_length=1)]


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

    slice_axis: Literal["auto", "z", "y", "x"] = "auto"

    @field_validator("slice_axis", mode="before")
    @classmethod
    def _by_number(cls, value: object) -> object:
        return "zyx"[value] if type(value) is int and 0 <= value <= 2 else value


class Resegment(Stage):
    """Re-segmentation of the intensity mask (IBSI IF9H).

    Attributes
    ----------
    range
        Closed range of intensities to keep; ``None`` for a limit that is absent.
    outlier_sigma
        Keep ``mean ± outlier_sigma * standard deviation``.
    """

    range: tuple[Real | None, Real | None] = (None, None)
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


Discretise: TypeAlias = Annotated[
    Annotated[NoDiscretise | Fbs | Fbn, Field(discriminator="type")],
    BeforeValidator(_discretise_from_text),
]


class Family(Stage):
    """Base of the feature families.

    Attributes
    ----------
    only
        Names of the features to report; ``None`` for all.
    """

    type: str = ""
    only: tuple[str, ...] | None = None

    @field_validator("only", mode="before")
    @classmethod
    def _one_name(cls, value: object) -> object:
        return listed(value)

    @field_validator("only")
    @classmethod
    def _known(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is not None:
            family = cls.model_fields["type"].default
            if family == "ivh":  # its names depend on the percentages: the core knows them
                return value
            names = [row["name"] for row in _catalogue() if row["family"] == family]
            if not value:
                refuse([], "name at least one feature, or leave `only` out for all")
            for name in value:
                if name not in names:
                    refuse(name, f"it is no feature of {family}", names)
        return value


def _catalogue() -> list[Any]:
    from ferromics._core import catalogue

    return list(catalogue())


class Morph(Family):
    """Morphology (IBSI HCUG)."""

    type: Literal["morph"] = "morph"


class Loc(Family):
    """Local intensity (IBSI 9ST6)."""

    type: Literal["loc"] = "loc"


class Stat(Family):
    """Intensity-based statistics (IBSI UHIW)."""

    type: Literal["stat"] = "stat"


class Ih(Family):
    """Intensity histogram (IBSI ZVCW)."""

    type: Literal["ih"] = "ih"


class Ivh(Family):
    """Intensity-volume histogram (IBSI P88C).

    Attributes
    ----------
    discretise
        The histogram's own discretisation: ``none`` for discrete calibrated units, ``fbs`` for
        continuous calibrated ones, ``fbn`` for arbitrary ones.
    percentages
        Percentages x of the features V_x and I_x; the differences use the first and the last.
    """

    type: Literal["ivh"] = "ivh"
    discretise: Discretise = Fbn(bins=1000)
    percentages: Annotated[
        tuple[Annotated[Real, Field(ge=0, le=100)], ...],
        BeforeValidator(listed),
        Field(min_length=1),
    ] = (10.0, 90.0)


class _Directional(Family):
    """Families whose matrices have directions."""

    aggregations: Annotated[tuple[Directional, ...], Field(min_length=1)] = ("3d_merged",)

    @field_validator("aggregations", mode="before")
    @classmethod
    def _all_aggregations(cls, value: object) -> object:
        return get_args(Directional) if value == "all" else listed(value)


class _Plain(Family):
    """Families whose matrices have no directions."""

    aggregations: Annotated[tuple[Plain, ...], Field(min_length=1)] = ("3d",)

    @field_validator("aggregations", mode="before")
    @classmethod
    def _all_aggregations(cls, value: object) -> object:
        return get_args(Plain) if value == "all" else listed(value)


class Glcm(_Directional):
    """Grey level co-occurrence (IBSI LFYI).

    Attributes
    ----------
    aggregations
        Of the six with directions; ``all`` for all.
    distances
        Distances in voxels, 1 to 20, each reported on its own.
    norm
        Norm that picks the direction vectors at a distance.
    symmetric
        Count each pair in both orders.
    weighting, weighting_norm
        Weight of a direction when matrices are merged, and the norm of the length in it.
    """

    type: Literal["glcm"] = "glcm"
    distances: Distances = (1,)
    norm: Norm = "chebyshev"
    symmetric: bool = True
    weighting: Weighting = "none"
    weighting_norm: Norm = "euclidean"


class Glrlm(_Directional):
    """Grey level run length (IBSI TP0I); parameters as in :class:`Glcm`."""

    type: Literal["glrlm"] = "glrlm"
    weighting: Weighting = "none"
    weighting_norm: Norm = "euclidean"


class Glszm(_Plain):
    """Grey level size zone (IBSI 9SAK).

    Attributes
    ----------
    aggregations
        Of ``2d``, ``2.5d``, ``3d``; ``all`` for all.
    linkage, linkage_distance
        Voxels of one level are linked up to this distance in voxels (1 to 20), by this norm.
    """

    type: Literal["glszm"] = "glszm"
    linkage: Norm = "chebyshev"
    linkage_distance: Distance = 1


class Gldzm(_Plain):
    """Grey level distance zone (IBSI VMDZ); linkage as in :class:`Glszm`.

    Attributes
    ----------
    distance_norm
        Norm of the distance to the region's edge.
    """

    type: Literal["gldzm"] = "gldzm"
    linkage: Norm = "chebyshev"
    linkage_distance: Distance = 1
    distance_norm: Norm = "manhattan"


class Ngtdm(_Plain):
    """Neighbourhood grey tone difference (IBSI IPET).

    Attributes
    ----------
    distances
        Radii of the neighbourhood in voxels, 1 to 20, each reported on its own.
    norm
        Norm of the neighbourhood.
    weighting, weighting_norm
        Weight of a neighbour, and the norm of the length in it.
    """

    type: Literal["ngtdm"] = "ngtdm"
    distances: Distances = (1,)
    norm: Norm = "chebyshev"
    weighting: Weighting = "none"
    weighting_norm: Norm = "euclidean"


class Ngldm(_Plain):
    """Neighbouring grey level dependence (IBSI REK0); neighbourhood as in :class:`Ngtdm`.

    Attributes
    ----------
    alpha
        Coarseness: levels that differ by at most this much are dependent.
    """

    type: Literal["ngldm"] = "ngldm"
    distances: Distances = (1,)
    alpha: Annotated[int, BeforeValidator(_number), Field(ge=0, le=MAX_LEVELS)] = 0
    norm: Norm = "chebyshev"
    weighting: Weighting = "none"
    weighting_norm: Norm = "euclidean"


AnyFamily: TypeAlias = Annotated[
    Morph | Loc | Stat | Ih | Ivh | Glcm | Glrlm | Glszm | Gldzm | Ngtdm | Ngldm,
    Field(discriminator="type"),
]


def default_families() -> tuple[AnyFamily, ...]:
    """Every family with its defaults, in IBSI's order."""
    # fmt: off
    return (
        Morph(), Loc(), Stat(), Ih(), Ivh(), Glcm(), Glrlm(), Glszm(), Gldzm(), Ngtdm(), Ngldm(),
    )
    # fmt: on


def family_from_text(value: object) -> object:
    """Read ``glcm`` as ``{type: glcm}``."""
    return {"type": value} if isinstance(value, str) else value
