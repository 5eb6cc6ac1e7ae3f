"""Settings of a whole extraction: reading, writing, presets, hash.

Names and defaults are those of ``rust/core/src/settings.rs``, which a test proves; only the stage
``image`` and ``bias_correction`` are Python's own. Lists take the short forms people type::

    discretise: fbn32
    features: [morph, stat, {type: glcm, aggregations: all}]
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias

from pydantic import BaseModel, Field, field_validator

from ferromics._files import write_atomically
from ferromics._later import Later
from ferromics._settings_errors import describe_unknown, refuse
from ferromics.errors import SettingsError
from ferromics.families import FamilyList, default_families
from ferromics.stages import (
    SPACINGS,
    BiasCorrection,
    DiscretiseList,
    Fbn,
    Fbs,
    Image,
    Normalise,
    Resample,
    Resegment,
    Short,
    Stage,
)

if TYPE_CHECKING:
    from typing_extensions import Self

    from ferromics.filter_settings import AnyFilter

    Filters = tuple[AnyFilter, ...]
else:  # filters' models take as long to build as all others: this module 61 ms with, 29 ms without
    Filters = Annotated[
        Any,
        Later("ferromics.filter_settings", "FilterList"),
        Short(({"type": ["string", "null"]}, {"type": "object", "required": ["type"]})),
    ]

SCHEMA: Final = 1


class Settings(Stage):
    """Settings of a whole extraction.

    Attributes
    ----------
    image
        How the image's axes are read (:class:`Image`).
    bias_correction
        N4 bias field correction of MR images (:class:`BiasCorrection`); ``True`` for its defaults.
    normalise
        Intensity normalisation (:class:`ZScore`, :class:`Range`, :class:`Percentile`), or text such
        as ``"zscore"``.
    resample
        Resampling of image and mask (:class:`Resample`); a number or a list stands for its spacing.
    resegment
        Re-segmentation of the intensity mask (:class:`Resegment`).
    discretise
        Discretisations for the intensity histogram and the texture families: :class:`Fbn`,
        :class:`Fbs`, :class:`NoDiscretise`, or text such as ``"fbn32"``.
    original
        Compute features on the image itself; ``False`` for the filters' response maps alone.
    filters
        Filters (:mod:`ferromics.filter_settings`), whose response maps have features too: their
        models, dicts or, where no parameter is needed, names.
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
    bias_correction: Annotated[
        BiasCorrection | None, Short(({"enum": [True, False, "n4", "none"]},))
    ] = None
    normalise: Normalise = None
    resample: Annotated[Resample, SPACINGS] = Resample()
    resegment: Resegment = Resegment()
    discretise: DiscretiseList = (Fbn(bins=32),)
    original: bool = True
    filters: Filters = ()
    features: FamilyList = default_families()

    @field_validator("schema_", mode="before")
    @classmethod
    def _readable(cls, value: object) -> object:
        if value != SCHEMA:
            refuse(value, f"this version of ferromics reads schema {SCHEMA}")
        return value

    @field_validator("bias_correction", mode="before")
    @classmethod
    def _by_defaults(cls, value: object) -> object:
        return (
            {True: {}, False: None, "n4": {}, "none": None}.get(value, value)
            if isinstance(value, bool | str)
            else value
        )

    @field_validator("resample", mode="before")
    @classmethod
    def _by_spacing(cls, value: object) -> object:
        if value is None:
            return {}
        if isinstance(value, bool):
            return value
        is_spacing = isinstance(value, int | float | str | list | tuple) or hasattr(value, "tolist")
        return {"spacing": value} if is_spacing else value

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
            # A bare word that is no file was meant as a preset.
            bare = isinstance(settings, str) and re.fullmatch(r"\w+(:\w+)?", settings)
            if bare and not Path(settings).exists():
                return cls.preset(str(settings))
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
        return self._json

    @functools.cached_property  # every result's provenance has it, as it has the hash
    def _json(self) -> str:
        return self.model_dump_json(by_alias=True, indent=2) + "\n"

    def to_yaml(self) -> str:
        """All settings as YAML text."""
        import yaml

        values = self.model_dump(mode="json", by_alias=True)
        return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100)

    def core_json(self) -> str:
        """The part of the settings that the core reads, as JSON."""
        return self._core_json

    @functools.cached_property
    def _core_json(self) -> str:
        return self.model_dump_json(by_alias=True, exclude={"image", "bias_correction"})

    def model_copy(self, **changes: Any) -> Self:
        """Copy the settings, as pydantic does, without what was derived from the old ones."""
        copy = super().model_copy(**changes)
        for derived in ("_json", "_core_json", "hash"):
            copy.__dict__.pop(derived, None)
        return copy

    @staticmethod
    def json_schema() -> dict[str, Any]:
        """JSON Schema of a settings file, for editors and other programs."""
        schema = Settings.model_json_schema(by_alias=True)
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}

    @functools.cached_property
    def hash(self) -> str:
        """SHA-256 of the schema number and of what differs from the defaults.

        Does not depend on the order of keys or the file's format, nor on options that are off.

        Examples
        --------
        >>> from ferromics import Settings
        >>> full = Settings(discretise=[{"width": 25, "type": "fbs", "minimum": None}])
        >>> full.hash == Settings(discretise="fbs25").hash
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
        for k, filter_ in enumerate(self.filters):
            if _noted_on(filter_, self.discretise):
                yield (
                    f"filters[{k}] ({filter_.type}): fixed bin size on a response map, whose "
                    "intensities have no calibrated unit; IBSI recommends a fixed bin number for "
                    "these (discretise: fbn32 in the filter's block)"
                )


AnySettings: TypeAlias = Settings | Mapping[str, Any] | str | Path | None
"""What settings may be given as."""


def _noted_on(filter_: AnyFilter, discretise: tuple[Any, ...]) -> bool:
    """Whether a map without a calibrated unit gets bins of a fixed size."""
    binned = filter_.discretise or discretise
    # The mean's is the image's; patterns are whole numbers.
    calibrated = filter_.type in ("mean", "lbp_2d", "lbp_3d")
    return not calibrated and any(isinstance(d, Fbs) for d in binned)


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
