"""Parameter files: what may be in them, read as YAML 1.2 or JSON, and checked.

PyRadiomics checks them with pykwalify; its errors are kept: ``SchemaError`` for unknown keys and
values of a wrong type or range, ``CoreError`` for files that cannot be read, ``ValueError`` and
``TypeError`` for names that are not known (wavelets, interpolators, norms, features, image types).
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from ferromics._settings_errors import describe_unknown
from ferromics.compat.radiomics import _names
from ferromics.compat.radiomics._errors import CoreError, SchemaError
from ferromics.compat.radiomics._yaml import load_yaml

INTERPOLATORS: Final = (
    "sitkNearestNeighbor",
    "sitkLinear",
    "sitkBSpline",
    "sitkGaussian",
    "sitkLabelGaussian",
    "sitkHammingWindowedSinc",
    "sitkCosineWindowedSinc",
    "sitkWelchWindowedSinc",
    "sitkLanczosWindowedSinc",
    "sitkBlackmanWindowedSinc",
)
NORMS: Final = ("euclidean", "manhattan", "infinity", "no_weighting")


class Kind(NamedTuple):
    """What values a setting takes: a type, a least value (`above` excludes it), a greatest."""

    type: str
    least: float | None = None
    most: float | None = None
    above: float | None = None
    words: tuple[str, ...] = ()
    many: bool = False
    known: Callable[[Any], None] | None = None


def _wavelet(value: Any) -> None:
    from ferromics.filters import wavelets

    if not isinstance(value, str):
        msg = f"wavelet is {value!r}; it must be the name of a wavelet"
        raise TypeError(msg)
    if value not in wavelets():
        raise ValueError(describe_unknown(f"wavelet {value!r}", value, wavelets()))


def _interpolator(value: Any) -> None:
    if value is None:
        return
    if isinstance(value, str):
        if value not in INTERPOLATORS:
            raise ValueError(describe_unknown(f"interpolator {value!r}", value, INTERPOLATORS))
    elif isinstance(value, int):
        if not 1 <= value <= 10:
            msg = f"interpolator is {value}; as a number it must be from 1 to 10"
            raise ValueError(msg)
    else:
        msg = f"interpolator is {value!r}; it must be a name or a number"
        raise TypeError(msg)


def weighting_norm(value: Any) -> None:
    """Raise if the value is no norm that PyRadiomics weights matrices by."""
    if value is None:
        return
    if not isinstance(value, str):
        msg = f"weightingNorm is {value!r}; it must be a name or empty"
        raise TypeError(msg)
    if value not in NORMS:
        raise ValueError(describe_unknown(f"weightingNorm {value!r}", value, NORMS))


SETTINGS: Final[dict[str, Kind]] = {
    "minimumROIDimensions": Kind("int", 1, 3),
    "minimumROISize": Kind("int", above=0),
    "geometryTolerance": Kind("float", above=0),
    "correctMask": Kind("bool"),
    "additionalInfo": Kind("bool"),
    "label": Kind("int", above=0),
    "label_channel": Kind("int", 0),
    "binWidth": Kind("float", above=0),
    "binCount": Kind("int", above=0),
    "normalize": Kind("bool"),
    "normalizeScale": Kind("float", above=0),
    "removeOutliers": Kind("float", above=0),
    "resampledPixelSpacing": Kind("float", 0, many=True),
    "interpolator": Kind("any", known=_interpolator),
    "padDistance": Kind("int", 0),
    "distances": Kind("int", above=0, many=True),
    "force2D": Kind("bool"),
    "force2Ddimension": Kind("int", 0, 2),
    "resegmentRange": Kind("float", many=True),
    "resegmentMode": Kind("str", words=("absolute", "relative", "sigma")),
    "resegmentShape": Kind("bool"),
    "preCrop": Kind("bool"),
    "sigma": Kind("float", above=0, many=True),
    "start_level": Kind("int", 0),
    "level": Kind("int", above=0),
    "wavelet": Kind("str", known=_wavelet),
    "gradientUseSpacing": Kind("bool"),
    "lbp2DRadius": Kind("float", above=0),
    "lbp2DSamples": Kind("int", 1),
    "lbp2DMethod": Kind("str", words=("default", "ror", "uniform", "var")),
    "lbp3DLevels": Kind("int", 1),
    "lbp3DIcosphereRadius": Kind("float", above=0),
    "lbp3DIcosphereSubdivision": Kind("int", 0),
    "voxelArrayShift": Kind("int"),
    "symmetricalGLCM": Kind("bool"),
    "weightingNorm": Kind("any", known=weighting_norm),
    "gldm_a": Kind("int", 0),
}
"""Settings of a parameter file, of ``setting`` and of each image type."""

VOXEL_SETTINGS: Final[dict[str, Kind]] = {
    "kernelRadius": Kind("int", above=0),
    "maskedKernel": Kind("bool"),
    "initValue": Kind("float"),
    "voxelBatch": Kind("int", above=0),
}
"""Settings of ``voxelSetting``."""

PARTS: Final = ("setting", "voxelSetting", "featureClass", "imageType")
"""Keys of a parameter file."""


def read(path: str | os.PathLike[str]) -> Any:
    """Read a parameter file, by its ending YAML or JSON."""
    source = Path(path)
    ending = source.suffix
    if ending not in (".yaml", ".yml", ".json"):
        msg = f"{source}: a parameter file must end in .yaml, .yml or .json"
        raise CoreError(msg)
    text = source.read_text(encoding="utf-8")
    found = json.loads(text) if ending == ".json" else load_yaml(text, str(source))
    if found is None:
        msg = f"{source} is empty"
        raise CoreError(msg)
    return found


def check(parameters: Any, image_types: list[str]) -> dict[str, Any]:
    """Return checked parameters; numbers written as texts become numbers.

    Raises
    ------
    SchemaError
        All that is wrong with keys, types and ranges, one line each.
    ValueError, TypeError
        For names that are not known.
    """
    wrong: list[str] = []
    found = _mapping("", parameters, PARTS, wrong)
    out: dict[str, Any] = {}
    for part, kinds in (("setting", SETTINGS), ("voxelSetting", VOXEL_SETTINGS)):
        if part in found:
            out[part] = _settings(part, found[part], kinds, wrong)
    if "featureClass" in found:
        out["featureClass"] = _mapping("featureClass", found["featureClass"], None, wrong)
        _feature_classes(out["featureClass"])
    if "imageType" in found:
        types = _mapping("imageType", found["imageType"], None, wrong)
        for name in types:
            if name not in image_types:
                raise ValueError(describe_unknown(f"image type {name!r}", str(name), image_types))
        out["imageType"] = {
            name: _settings(f"imageType/{name}", value, SETTINGS, wrong)
            for name, value in types.items()
        }
    if wrong:
        raise SchemaError("\n - ".join(["these parameters cannot be used:", *wrong]))
    return out


def from_text(name: str, text: str) -> Any:
    """Return the value of a setting that is written as a text, as on a command line.

    Raises
    ------
    ValueError, TypeError
        If the text is no such value.
    """
    kind = SETTINGS[name]
    parts = text.split(",") if kind.many else [text]
    values: list[Any] = [_parsed(part, kind.type) for part in parts]
    wrong: list[str] = []
    found = _setting(name, values if kind.many else values[0], kind, wrong)
    if wrong:
        raise ValueError("; ".join(wrong))
    return found


def _parsed(text: str, kind: str) -> Any:
    if kind == "bool":
        return text == "1" or text.lower() == "true"
    return {"int": int, "float": float}.get(kind, str)(text)


def _mapping(
    place: str, value: Any, known: tuple[str, ...] | None, wrong: list[str]
) -> dict[Any, Any]:
    if not isinstance(value, Mapping):
        wrong.append(f"/{place}: {value!r} is not a mapping" + (" ({})" if value is None else ""))
        return {}
    for key in value:
        if known is not None and key not in known:
            wrong.append(f"/{place}: {describe_unknown(f'key {key!r}', str(key), known)}")
    return dict(value)


def _settings(
    place: str, value: Any, kinds: Mapping[str, Kind], wrong: list[str]
) -> dict[str, Any]:
    found = _mapping(place, value, tuple(kinds), wrong)
    return {
        key: _setting(f"/{place}/{key}", given, kinds[key], wrong)
        for key, given in found.items()
        if key in kinds
    }


def _setting(place: str, value: Any, kind: Kind, wrong: list[str]) -> Any:
    if kind.known is not None:
        kind.known(value)
        return value
    if value is None:
        return None
    if not kind.many:
        wrong.extend(f"{place}: {why}" for why in _problems(value, kind))
        return _converted(value, kind)
    if not isinstance(value, list):
        wrong.append(f"{place}: {value!r} is not a list")
        return value
    for index, item in enumerate(value):
        wrong.extend(f"{place}/{index}: {why}" for why in _problems(item, kind))
    return [_converted(item, kind) for item in value]


def _problems(value: Any, kind: Kind) -> Iterator[str]:
    """Say what is wrong with one value; an empty one is allowed."""
    if value is None:
        return
    if kind.words and value not in kind.words:
        yield describe_unknown(f"value {value!r}", str(value), kind.words)
        return
    if not _is(value, kind.type):
        yield f"{value!r} is not of type {kind.type}"
        return
    if kind.type not in ("int", "float"):
        return
    number = float(value)
    if kind.above is not None and not number > kind.above:
        yield f"{value!r} is not greater than {kind.above:g}"
    if kind.least is not None and not number >= kind.least:
        yield f"{value!r} is less than {kind.least:g}"
    if kind.most is not None and not number <= kind.most:
        yield f"{value!r} is greater than {kind.most:g}"


def _is(value: Any, kind: str) -> bool:
    if kind == "bool":
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if kind == "int":
        return isinstance(value, int)
    if kind == "str":
        return isinstance(value, str)
    return isinstance(_converted(value, Kind("float")), int | float)


def _converted(value: Any, kind: Kind) -> Any:
    """Return the number that a text stands for, where a number is wanted."""
    if kind.type == "float" and isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            return value
        return int(number) if math.isfinite(number) and value.strip().isdigit() else number
    return value


def _feature_classes(enabled: Mapping[Any, Any]) -> None:
    for name, chosen in enabled.items():
        if name not in _names.CLASSES:
            msg = describe_unknown(f"feature class {name!r}", str(name), list(_names.CLASSES))
            raise ValueError(msg)
        if chosen is None:
            continue
        if not isinstance(chosen, list):
            msg = f"feature class {name}: {chosen!r} is not a list of features"
            raise TypeError(msg)
        known = list(_names.features(name))
        for feature in chosen:
            if feature not in known:
                what = f"feature {feature!r} of class {name}"
                raise ValueError(describe_unknown(what, str(feature), known))
