"""What to compute: frozen pydantic models, one a stage.

Names and defaults are those of ``rust/core/src/settings.rs``, which a test proves; only
:class:`Image` is Python's own. Unknown keys are refused, messages name the path in the file, what
was given, and what is allowed. Lists take the short forms people type::

    discretise: fbn32
    features: [morph, stat, {type: glcm, aggregations: all}]
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)

from ferromics._files import write_atomically
from ferromics._settings_errors import describe, describe_unknown, refuse
from ferromics.errors import SettingsError

SCHEMA: Final = 1
MAX_LEVELS: Final = 65_535

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


def _listed(value: object) -> object:
    """One entry instead of a list of one."""
    return [value] if isinstance(value, str | int | float | Mapping | BaseModel) else value


Count: TypeAlias = Annotated[int, BeforeValidator(_number), Field(ge=1, le=MAX_LEVELS)]
Real: TypeAlias = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Positive: TypeAlias = Annotated[Real, Field(gt=0)]
Distances: TypeAlias = Annotated[
    tuple[Count, ...], BeforeValidator(_listed), Field(min_length=1)
]


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
    def _in_order(cls, value: tuple[float | None, float | None]) -> tuple[float | None, float | None]:
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
        Number of bins.
    """

    type: Literal["fbn"] = "fbn"
    bins: Count


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
        return _listed(value)

    @field_validator("only")
    @classmethod
    def _known(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is not None:
            family = cls.model_fields["type"].default
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
        BeforeValidator(_listed),
        Field(min_length=1),
    ] = (10.0, 90.0)


class _Directional(Family):
    """Families whose matrices have directions."""

    aggregations: Annotated[tuple[Directional, ...], Field(min_length=1)] = ("3d_merged",)

    @field_validator("aggregations", mode="before")
    @classmethod
    def _all_aggregations(cls, value: object) -> object:
        return get_args(Directional) if value == "all" else _listed(value)


class _Plain(Family):
    """Families whose matrices have no directions."""

    aggregations: Annotated[tuple[Plain, ...], Field(min_length=1)] = ("3d",)

    @field_validator("aggregations", mode="before")
    @classmethod
    def _all_aggregations(cls, value: object) -> object:
        return get_args(Plain) if value == "all" else _listed(value)


class Glcm(_Directional):
    """Grey level co-occurrence (IBSI LFYI).

    Attributes
    ----------
    aggregations
        Of the six with directions; ``all`` for all.
    distances
        Distances in voxels, each reported on its own.
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
        Voxels of one level are linked up to this distance in voxels, by this norm.
    """

    type: Literal["glszm"] = "glszm"
    linkage: Norm = "chebyshev"
    linkage_distance: Count = 1


class Gldzm(_Plain):
    """Grey level distance zone (IBSI VMDZ); linkage as in :class:`Glszm`.

    Attributes
    ----------
    distance_norm
        Norm of the distance to the region's edge.
    """

    type: Literal["gldzm"] = "gldzm"
    linkage: Norm = "chebyshev"
    linkage_distance: Count = 1
    distance_norm: Norm = "manhattan"


class Ngtdm(_Plain):
    """Neighbourhood grey tone difference (IBSI IPET).

    Attributes
    ----------
    distances
        Radii of the neighbourhood in voxels, each reported on its own.
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
FAMILIES: Final[tuple[type[Family], ...]] = get_args(get_args(AnyFamily)[0])


def _family_from_text(value: object) -> object:
    """Read ``glcm`` as ``{type: glcm}``."""
    return {"type": value} if isinstance(value, str) else value


class Settings(Stage):
    """Settings of a whole extraction.

    Attributes
    ----------
    image
        How the image's axes are read (:class:`Image`).
    resegment
        Re-segmentation of the intensity mask (:class:`Resegment`).
    discretise
        Discretisations for the intensity histogram and the texture families: :class:`Fbn`,
        :class:`Fbs`, :class:`NoDiscretise`, or text such as ``"fbn32"``.
    features
        Feature families to compute: their models, dicts or names; ``"all"`` for all.

    Raises
    ------
    SettingsError
        With one line for each problem: path, what was given, what is allowed.

    Examples
    --------
    >>> from ferromics import Settings
    >>> s = Settings(discretise=["fbs25"], resegment={"range": (-500, 400)}, features=["glcm"])
    >>> s.discretise[0].width
    25.0
    >>> Settings(features=["gclm"])
    Traceback (most recent call last):
    ferromics.SettingsError: features[0]: 'gclm' is not known, did you mean 'glcm'? Allowed: ...
    """

    schema_: Literal[1] = Field(default=SCHEMA, alias="schema")
    image: Image = Image()
    resegment: Resegment = Resegment()
    discretise: Annotated[
        tuple[Discretise, ...], BeforeValidator(_listed), Field(min_length=1)
    ] = (Fbn(bins=32),)
    features: Annotated[
        tuple[Annotated[AnyFamily, BeforeValidator(_family_from_text)], ...],
        Field(min_length=1),
    ] = tuple(family() for family in FAMILIES)


    @field_validator("schema_", mode="before")
    @classmethod
    def _readable(cls, value: object) -> object:
        if value != SCHEMA:
            refuse(value, f"this version of ferromics reads schema {SCHEMA}")
        return value

    @field_validator("features", mode="before")
    @classmethod
    def _all_families(cls, value: object) -> object:
        return tuple(family() for family in FAMILIES) if value == "all" else _listed(value)

    @classmethod
    def of(cls, settings: Settings | Mapping[str, Any] | str | Path | None) -> Settings:
        """Settings from whatever names them.

        Parameters
        ----------
        settings
            A ``Settings`` object, a dict, the name of a preset (``"ibsi:A"``), the path of a
            YAML or JSON file, or ``None`` for the defaults.
        """
        if settings is None:
            return cls()
        if isinstance(settings, cls):
            return settings
        if isinstance(settings, Mapping):
            return _from_mapping(settings)
        if isinstance(settings, str) and settings in presets():
            return cls.preset(settings)
        if isinstance(settings, str | Path):
            if isinstance(settings, str) and re.fullmatch(r"[A-Za-z0-9]+(:\w+)?", settings) and not (
                Path(settings).exists()
            ):
                return cls.preset(settings)
            return cls.load(settings)
        msg = f"settings must be a Settings object, dict, path or preset, not {type(settings)}"
        raise TypeError(msg)

    @classmethod
    def load(cls, path: str | Path) -> Settings:
        """Settings from a YAML or JSON file.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        SettingsError
            If it is not YAML or JSON, or holds something that is not allowed.
        """
        path = Path(path)
        if path.is_dir():
            msg = f"{path} is a folder; name a settings file (.yaml or .json)"
            raise SettingsError(msg)
        try:
            text = path.read_text("utf-8")
        except FileNotFoundError:
            msg = f"no settings file {path}; presets are {', '.join(presets())}"
            raise FileNotFoundError(msg) from None
        except UnicodeDecodeError:
            msg = f"{path}: this is not a text file"
            raise SettingsError(msg) from None
        return _from_text(text, str(path))

    @classmethod
    def preset(cls, name: str) -> Settings:
        """Settings that ship with ferromics, as ``"ibsi:phantom"``; see :func:`presets`."""
        known = presets()
        if name not in known:
            msg = describe_unknown(f"preset {name!r}", name, list(known))
            raise SettingsError(msg)
        file = resources.files("ferromics") / "presets" / _preset_file(name)
        return _from_text(file.read_text("utf-8"), name)

    def save(self, path: str | Path) -> None:
        """Write all settings to a file, JSON if its name ends in ``.json``, else YAML."""
        path = Path(path)
        text = self.to_json() if path.suffix.lower() == ".json" else self.to_yaml()
        write_atomically(path, text.encode())

    def to_json(self) -> str:
        """All settings as JSON text."""
        return self.model_dump_json(by_alias=True, indent=2) + "\n"

    def to_yaml(self) -> str:
        """All settings as YAML text."""
        import yaml

        values = self.model_dump(mode="json", by_alias=True)
        return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100)

    def core_json(self) -> str:
        """The part of the settings that the core reads, as JSON."""
        return self.model_dump_json(by_alias=True, exclude={"image"})

    @staticmethod
    def json_schema() -> dict[str, Any]:
        """JSON Schema of a settings file, for editors and other programs.

        It describes the full form; the short forms (``features: [glcm]``) are not in it.
        """
        schema = Settings.model_json_schema(by_alias=True)
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}

    @property
    def hash(self) -> str:
        """SHA-256 of the schema number and of what differs from the defaults.

        Does not depend on the order of keys or the file's format, nor on options that are off.

        Examples
        --------
        >>> from ferromics import Settings
        >>> Settings(discretise="fbs25").hash == Settings(discretise=[{"width": 25, "type": "fbs"}]).hash
        True
        """
        differing = {"schema": SCHEMA, **_differing(self)}
        text = json.dumps(differing, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def notes(self) -> Iterator[str]:
        """What a careful reader would remark on these settings, one line each."""
        if self.resegment.range[0] is None:
            for k, d in enumerate(self.discretise):
                if isinstance(d, Fbs) and d.minimum is None:
                    yield (
                        f"discretise[{k}]: fixed bin size without a lower re-segmentation limit or "
                        "a minimum: bins start at each region's lowest intensity, so values are "
                        "not comparable between regions (IBSI recommends against it)"
                    )


def _differing(stage: BaseModel) -> dict[str, Any]:
    """What differs from the defaults, ready for canonical JSON."""
    out: dict[str, Any] = {}
    for name, field in type(stage).model_fields.items():
        value = getattr(stage, name)
        if name == "type":
            out[name] = value
        elif field.is_required() or value != field.default:
            out[field.alias or name] = _plain(value)
    return out


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return _differing(value)
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return value + 0.0 if isinstance(value, float) else value  # -0.0 is 0.0


def presets() -> tuple[str, ...]:
    """Names of the settings that ship with ferromics."""
    files = (resources.files("ferromics") / "presets").iterdir()
    stems = (f.name.removesuffix(".yaml") for f in files if f.name.endswith(".yaml"))
    return tuple(sorted(stem.replace("_", ":", 1) for stem in stems))


def _preset_file(name: str) -> str:
    return name.replace(":", "_", 1) + ".yaml"


def _from_mapping(values: Mapping[Any, Any]) -> Settings:
    for key in values:
        if not isinstance(key, str):
            msg = describe_unknown(f"key {key!r}", str(key), list(_keys(Settings)))
            raise SettingsError(msg)
    return Settings(**values)


def _keys(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield field.alias or name


def _from_text(text: str, source: str) -> Settings:
    """Settings from YAML or JSON text (JSON is read by the YAML parser too)."""
    values = _parse(text, source)
    if values is None:
        values = {}
    if not isinstance(values, dict):
        msg = f"{source}: settings must be keys with values ({', '.join(_keys(Settings))})"
        raise SettingsError(msg)
    try:
        return _from_mapping(values)
    except SettingsError as error:
        msg = f"{source}: {error}"
        raise SettingsError(msg) from None


def _parse(text: str, source: str) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """YAML that refuses a key given twice."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
            seen: set[str] = set()
            for key, _ in node.value:
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key.value!r} is given twice", key.start_mark
                    )
                seen.add(key.value)
            return super().construct_mapping(node, deep)

    try:
        return yaml.load(text, Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        kind = "JSON" if source.endswith(".json") else "YAML"
        msg = f"{source}{where}: this is not readable as {kind}: {error.problem}"
        raise SettingsError(msg) from None
    except yaml.YAMLError as error:
        msg = f"{source}: this is not readable as YAML: {' '.join(str(error).split())}"
        raise SettingsError(msg) from None
