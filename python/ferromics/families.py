"""The feature families of settings: frozen pydantic models with the core's names and defaults."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeAlias, get_args

from pydantic import BeforeValidator, Field, field_validator

from ferromics._settings_errors import refuse
from ferromics.stages import MAX_LEVELS, Discretise, Fbn, Percent, Short, Stage, listed, number

# As in the core; a test holds them together.
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
Distance: TypeAlias = Annotated[int, Field(ge=1, le=MAX_DISTANCE), BeforeValidator(number)]
Distances: TypeAlias = Annotated[
    tuple[Distance, ...],
    Field(min_length=1),
    BeforeValidator(listed),
    Short(({"type": "integer", "minimum": 1, "maximum": MAX_DISTANCE},)),
]


class Family(Stage):
    """Base of the feature families.

    Attributes
    ----------
    only
        Names of the features to report; ``None`` for all.
    """

    type: str = ""
    only: Annotated[tuple[str, ...] | None, Short(({"type": "string"},))] = None

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
        tuple[Percent, ...],
        Field(min_length=1),
        BeforeValidator(listed),
        Short(({"type": "number", "minimum": 0, "maximum": 100},)),
    ] = (10.0, 90.0)


class _Directional(Family):
    """Families whose matrices have directions."""

    aggregations: Annotated[
        tuple[Directional, ...],
        Field(min_length=1),
        Short(({"enum": ["all", *get_args(Directional)]},)),
    ] = ("3d_merged",)

    @field_validator("aggregations", mode="before")
    @classmethod
    def _all_aggregations(cls, value: object) -> object:
        return get_args(Directional) if value == "all" else listed(value)


class _Plain(Family):
    """Families whose matrices have no directions."""

    aggregations: Annotated[
        tuple[Plain, ...], Field(min_length=1), Short(({"enum": ["all", *get_args(Plain)]},))
    ] = ("3d",)

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
    alpha: Annotated[int, Field(ge=0, le=MAX_LEVELS), BeforeValidator(number)] = 0
    norm: Norm = "chebyshev"
    weighting: Weighting = "none"
    weighting_norm: Norm = "euclidean"


class Diag(Family):
    """Diagnostic features: image and region after each processing stage (IBSI manual, chapter 5).

    Not among the defaults: ask for them with ``features: [diag, ...]``.
    """

    type: Literal["diag"] = "diag"


NAMES: Final = "morph loc stat ih ivh glcm glrlm glszm gldzm ngtdm ngldm diag".split()

AnyFamily: TypeAlias = Annotated[
    Morph | Loc | Stat | Ih | Ivh | Glcm | Glrlm | Glszm | Gldzm | Ngtdm | Ngldm | Diag,
    Field(discriminator="type"),
]


def default_families() -> tuple[AnyFamily, ...]:
    """Every family of IBSI 1 with its defaults, in IBSI's order."""
    # fmt: off
    return (
        Morph(), Loc(), Stat(), Ih(), Ivh(), Glcm(), Glrlm(), Glszm(), Gldzm(), Ngtdm(), Ngldm(),
    )
    # fmt: on


def family_from_text(value: object) -> object:
    """Read ``glcm`` as ``{type: glcm}``."""
    return {"type": value} if isinstance(value, str) else value


def _all_families(value: object) -> object:
    return default_families() if value == "all" else listed(value)


FamilyList: TypeAlias = Annotated[
    tuple[Annotated[AnyFamily, BeforeValidator(family_from_text), Short(({"enum": NAMES},))], ...],
    Field(min_length=1),
    BeforeValidator(_all_families),
    Short(({"enum": ["all", *NAMES]}, {"type": "object", "required": ["type"]})),
]
