"""The filters of settings: frozen pydantic models with the core's names and defaults.

A filter block names its ``type``, the parameters of the function of that name in
:mod:`ferromics.filters`, and the rules for its response maps (:class:`Filter`). Lengths are in mm,
angles in degrees. Where a parameter is a list, each entry makes a map of its own::

    filters:
      - {type: log, sigma: [1, 2, 3]}
      - {type: wavelet, wavelet: coif1, features: [stat, glcm], discretise: fbn16}
"""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Final, Literal, TypeAlias, get_args

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from ferromics._settings_errors import refuse
from ferromics.families import FamilyList
from ferromics.stages import (
    DiscretiseList,
    Positive,
    Real,
    Resegment,
    Short,
    Stage,
    listed,
    number,
)

Boundary: TypeAlias = Annotated[
    Literal["mirror", "nearest", "periodic", "zero"] | Real, BeforeValidator(lambda v: _edge(v))
]
Dimension: TypeAlias = Annotated[Literal[2, 3], BeforeValidator(number)]
Pooling: TypeAlias = Literal["max", "min", "mean", "sum"]
Level: TypeAlias = Annotated[int, Field(ge=1, le=2**31), BeforeValidator(number)]
Levels: TypeAlias = Annotated[
    tuple[Level, ...],
    Field(min_length=1),
    BeforeValidator(listed),
    Short(({"type": "integer", "minimum": 1},)),
]
Whole: TypeAlias = Annotated[int, Field(ge=0, le=2**31), BeforeValidator(number)]
Names: TypeAlias = Annotated[
    tuple[str, ...], Field(min_length=1), BeforeValidator(listed), Short(({"type": "string"},))
]
RADIUS: Final = 100.0
TRUNCATE: Final = 4.0


def _edge(value: object) -> object:
    """Take numbers, also as text, for constants; other text for the names."""
    names = ("mirror", "nearest", "periodic", "zero")
    plain = number(value)
    if isinstance(plain, str) and plain not in names:
        refuse(value, "it is one of these, or a number", names)
    if isinstance(plain, float) and not math.isfinite(plain):
        refuse(value, "a constant is a finite number")
    return plain


class Filter(Stage):
    """Base of the filters: the rules for response maps.

    Attributes
    ----------
    name
        What the map is called in tables; by default the filter and what differs from its defaults.
    precision
        Working precision of the filter.
    resegment
        Re-segmentation by the map's own intensities, on top of the image's.
    discretise
        Discretisations of the map; ``None`` for those of the settings.
    features
        Families to compute on the map; ``None`` for those of the settings but for ``morph`` and
        ``diag``.
    """

    type: str = ""
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._+-]+$")] | None = None
    precision: Literal["double", "single"] = "double"
    resegment: Resegment = Resegment()
    discretise: DiscretiseList | None = None
    features: FamilyList | None = None


class _Placed(Filter):
    """Filters of the volume or of slices.

    Attributes
    ----------
    dimension
        3 for the volume, 2 for each slice by itself.
    boundary
        How the image goes on beyond its edge: ``mirror``, ``nearest``, ``periodic``, ``zero``, or a
        number.
    """

    dimension: Dimension = 3
    boundary: Boundary = "mirror"


class Mean(_Placed):
    """Mean (:func:`ferromics.filters.mean`).

    Attributes
    ----------
    support
        Voxels along each edge of the box, an odd number.
    """

    type: Literal["mean"] = "mean"
    support: Annotated[int, Field(ge=1, le=131_073), BeforeValidator(number)]

    @field_validator("support")
    @classmethod
    def _has_a_centre(cls, value: int) -> int:
        if value % 2 == 0:
            refuse(value, "it must be odd, so that it has a central voxel")
        return value


class Log(_Placed):
    """Laplacian of Gaussian (:func:`ferromics.filters.log`).

    Attributes
    ----------
    sigma
        Standard deviations of the Gaussian in mm.
    truncate
        Where the kernel ends, in ``sigma``.
    """

    type: Literal["log"] = "log"
    sigma: Annotated[
        tuple[Positive, ...],
        Field(min_length=1),
        BeforeValidator(listed),
        Short(({"type": "number", "exclusiveMinimum": 0},)),
    ]
    truncate: Positive = TRUNCATE


class Laws(Filter):
    """Laws' kernels (:func:`ferromics.filters.laws`).

    Attributes
    ----------
    kernels
        Names of two kernels (x, y) or three (x, y, z): ``L5E5S5``.
    energy
        Distance in voxels of the energy map; ``None`` for the response map.
    pooling
        How the responses of all rotations become one; ``None`` for no rotations.
    boundary
        As for the mean.
    """

    type: Literal["laws"] = "laws"
    kernels: Annotated[Names, AfterValidator(lambda v: _kernels(v))]
    energy: Annotated[Whole, Field(le=65_536)] | None = None
    pooling: Pooling | None = None
    boundary: Boundary = "mirror"


def _kernels(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not re.fullmatch("([LES][35]|[WR]5){2,3}", name.strip().upper()):
            refuse(name, "two (x, y) or three (x, y, z) of L3 E3 S3 L5 E5 S5 W5 R5 are needed")
    return names


class Gabor(Filter):
    """Gabor (:func:`ferromics.filters.gabor`).

    Attributes
    ----------
    sigma, wavelength
        Standard deviation of the Gaussian along the wave, and the wave's length, in mm.
    gamma
        Aspect: the standard deviation across the wave is ``sigma / gamma``.
    theta, theta_step
        Orientation, and the step to further orientations all around, in degrees.
    part
        What is taken of the complex response.
    orthogonal
        Filter all three kinds of planes instead of slices alone.
    pooling
        How orientations and planes become one map.
    boundary
        As for the mean.
    """

    type: Literal["gabor"] = "gabor"
    sigma: Positive
    wavelength: Positive
    gamma: Positive = 1.0
    theta: Real = 0.0
    theta_step: Positive | None = None
    part: Literal["modulus", "real", "imaginary"] = "modulus"
    orthogonal: bool = False
    pooling: Pooling = "mean"
    boundary: Boundary = "mirror"

    @field_validator("theta_step")
    @classmethod
    def _divides_a_turn(cls, value: float | None) -> float | None:
        if value is not None and (value < 0.1 or abs(360 / value - round(360 / value)) > 1e-9):
            refuse(value, "it has to divide 360 degrees into at most 3600 steps")
        return value


class Wavelet(_Placed):
    """Undecimated separable wavelet (:func:`ferromics.filters.wavelet`).

    Attributes
    ----------
    wavelet
        Its name: ``haar``, ``db2``, ``coif1``, ``bior2.2``, ...
    sub_bands
        ``all``, or names with L or H for x, y and, in a volume, z: ``[LLH, HHH]``.
    level
        Levels, from 1.
    dimension
        Of ``all`` sub-bands; named ones tell it by their letters.
    pooling
        How the responses of all rotations become one; ``None`` for no rotations.
    """

    type: Literal["wavelet"] = "wavelet"
    wavelet: str
    sub_bands: Annotated[Literal["all"] | tuple[str, ...], BeforeValidator(lambda v: _bands(v))] = (
        "all"
    )
    level: Levels = (1,)
    pooling: Pooling | None = None

    @field_validator("sub_bands")
    @classmethod
    def _of_slices(cls, value: Any, info: ValidationInfo) -> Any:
        if info.data.get("dimension") == 2 and value != "all":
            for name in value:
                if len(name) == 3:
                    refuse(name, "slices (dimension 2) have sub-bands of two letters")
        return value

    @field_validator("wavelet")
    @classmethod
    def _known(cls, value: str) -> str:
        from ferromics._core import wavelet_names

        if value.strip().lower() not in (names := wavelet_names()):
            refuse(value, "no wavelet has this name", names)
        return value


def _bands(value: object) -> object:
    """Take ``all``, one name or several."""
    names = listed(value)
    if value == "all" or not isinstance(names, list | tuple):
        return value
    for name in names or [names]:
        if not re.fullmatch("[LH]{2,3}", str(name).upper()):
            refuse(name, "L or H for x, y and, in a volume, z is needed, as in LLH; or all")
    return names


class _Isotropic(Filter):
    """Isotropic wavelets.

    Attributes
    ----------
    level
        Levels, from 1.
    dimension, boundary
        As for the mean; ``periodic`` by default.
    """

    level: Levels = (1,)
    dimension: Dimension = 3
    boundary: Boundary = "periodic"


class Simoncelli(_Isotropic):
    """Simoncelli wavelet (:func:`ferromics.filters.simoncelli`)."""

    type: Literal["simoncelli"] = "simoncelli"


class Shannon(_Isotropic):
    """Shannon wavelet (:func:`ferromics.filters.shannon`)."""

    type: Literal["shannon"] = "shannon"


class Riesz(Filter):
    """Riesz transform (:func:`ferromics.filters.riesz`).

    Attributes
    ----------
    order
        Order along x, y and z.
    base
        The filter whose response is transformed.
    sigma, truncate
        Of ``log`` and ``gaussian``: standard deviation in mm, and where the kernel ends in it.
    level
        Of wavelets.
    sigma_tensor
        Standard deviation in mm of the structure tensor's window; ``None`` for no steering.
    dimension
        As for the mean.
    boundary
        As for the mean; ``None`` for ``mirror``, and ``periodic`` of wavelets.
    """

    type: Literal["riesz"] = "riesz"
    order: tuple[Whole, Whole, Whole]
    base: Literal["log", "gaussian", "simoncelli", "shannon"] = "log"
    sigma: Annotated[Positive | None, Field(validate_default=True)] = None
    truncate: Positive = TRUNCATE
    level: Level = 1
    sigma_tensor: Positive | None = None
    dimension: Dimension = 3
    boundary: Boundary | None = None

    @field_validator("order")
    @classmethod
    def _some_order(cls, value: tuple[int, int, int]) -> tuple[int, int, int]:
        if not 1 <= sum(value) <= 16:
            refuse(list(value), "orders along x, y and z add up to 1 to 16")
        return value

    @field_validator("sigma")
    @classmethod
    def _of_kernels(cls, value: float | None, info: ValidationInfo) -> float | None:
        base = info.data.get("base")
        if base in ("log", "gaussian") and value is None:
            refuse(value, f"a base of {base!r} needs a standard deviation in mm")
        if base in ("simoncelli", "shannon") and value is not None:
            refuse(value, f"a base of {base!r} takes a level, no sigma")
        return value

    @field_validator("truncate")
    @classmethod
    def _cuts_a_kernel(cls, value: float, info: ValidationInfo) -> float:
        if info.data.get("base") in ("simoncelli", "shannon") and value != TRUNCATE:
            refuse(value, "a wavelet as base has no kernel to cut off")
        return value

    @field_validator("level")
    @classmethod
    def _of_wavelets(cls, value: int, info: ValidationInfo) -> int:
        if info.data.get("base") in ("log", "gaussian") and value != 1:
            refuse(value, "only a wavelet as base has levels")
        return value

    @field_validator("dimension")
    @classmethod
    def _in_plane(cls, value: int, info: ValidationInfo) -> int:
        if value == 2 and info.data.get("order", (0, 0, 0))[2]:
            refuse(value, "slices by themselves have no order along z")
        return value


class _Point(Filter):
    """Transforms of each intensity by itself.

    Attributes
    ----------
    largest
        The largest absolute intensity, which keeps its size; ``None`` for that of the whole image.
    """

    largest: Positive | None = None


class Square(_Point):
    """Square (:func:`ferromics.filters.square`)."""

    type: Literal["square"] = "square"


class SquareRoot(_Point):
    """Square root (:func:`ferromics.filters.square_root`)."""

    type: Literal["square_root"] = "square_root"


class Logarithm(_Point):
    """Logarithm (:func:`ferromics.filters.logarithm`)."""

    type: Literal["logarithm"] = "logarithm"


class Exponential(_Point):
    """Exponential (:func:`ferromics.filters.exponential`)."""

    type: Literal["exponential"] = "exponential"


class Gradient(_Placed):
    """Gradient magnitude (:func:`ferromics.filters.gradient`)."""

    type: Literal["gradient"] = "gradient"


class Lbp2d(Filter):
    """Local binary patterns of slices (:func:`ferromics.filters.lbp_2d`).

    Attributes
    ----------
    radius, samples
        Radius of the circle in voxels, and points on it.
    code
        How a pattern becomes a number.
    boundary
        As for the mean.
    """

    type: Literal["lbp_2d"] = "lbp_2d"
    radius: Annotated[float, Field(ge=1, le=RADIUS), BeforeValidator(number)] = 1.0
    samples: Annotated[int, Field(ge=3, le=24), BeforeValidator(number)] = 8
    code: Literal["uniform", "rotation_minimum", "pattern"] = "uniform"
    boundary: Boundary = "mirror"


class Lbp3d(Filter):
    """Local binary patterns of the volume (:func:`ferromics.filters.lbp_3d`).

    Attributes
    ----------
    radius
        Radius of the sphere in voxels.
    boundary
        As for the mean.
    """

    type: Literal["lbp_3d"] = "lbp_3d"
    radius: Annotated[float, Field(ge=1, le=RADIUS), BeforeValidator(number)] = 1.0
    boundary: Boundary = "mirror"


AnyFilter: TypeAlias = Annotated[
    Mean
    | Log
    | Laws
    | Gabor
    | Wavelet
    | Simoncelli
    | Shannon
    | Riesz
    | Square
    | SquareRoot
    | Logarithm
    | Exponential
    | Gradient
    | Lbp2d
    | Lbp3d,
    Field(discriminator="type"),
]

FILTERS: Final[tuple[type[Filter], ...]] = get_args(get_args(AnyFilter)[0])


def filter_from_text(value: Any) -> Any:
    """Read ``gradient`` as ``{type: gradient}``."""
    return {"type": value} if isinstance(value, str) else value


FilterList: TypeAlias = Annotated[
    tuple[
        Annotated[
            AnyFilter,
            BeforeValidator(filter_from_text),
            Short(({"enum": [f.model_fields["type"].default for f in FILTERS]},)),
        ],
        ...,
    ],
    BeforeValidator(listed),
]
