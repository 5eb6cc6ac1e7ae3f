"""Settings: what values they take, in parameter files (YAML 1.2 or JSON) and as arguments.

PyRadiomics checks parameter files with pykwalify; its errors are kept: ``SchemaError`` for unknown
keys and values of a wrong type or range, ``CoreError`` for files that cannot be read,
``ValueError`` or ``TypeError`` for names that are not known (wavelets, interpolators, norms,
features, image types). Arguments are not checked by PyRadiomics, but here, by the same table and
errors.
"""

from __future__ import annotations

import difflib
import functools
import json
import logging
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from ferromics._settings_errors import describe_unknown
from ferromics.compat.radiomics import _names
from ferromics.compat.radiomics._errors import CoreError, SchemaError
from ferromics.compat.radiomics._yaml import load_yaml

logger = logging.getLogger("radiomics")

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
    """What values a setting takes: a type, a least value (`above` excludes it), a greatest.

    `finite` excludes infinity; `many` is a list, of at least `fewest`; `known` judges what these
    words cannot say.
    """

    type: str
    least: float | None = None
    most: float | None = None
    above: float | None = None
    finite: bool = False
    words: tuple[str, ...] = ()
    many: bool = False
    fewest: int = 0
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


def _weighting_norm(value: Any) -> None:
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
    "weightingNorm": Kind("any", known=_weighting_norm),
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


@functools.cache
def _numbers_of_interpolators() -> frozenset[int]:
    """Return SimpleITK's own, such as ``SimpleITK.sitkBSpline``, which scripts hand over."""
    import SimpleITK as sitk

    ends = re.compile(r"sitk(BSpline\w*|\w*(Neighbor|Linear|Gaussian|Sinc))")
    return frozenset(number for name, number in vars(sitk).items() if ends.fullmatch(name))


def _interpolator_argument(value: Any) -> None:
    if not isinstance(value, int) or value not in _numbers_of_interpolators():
        _interpolator(value)


def _bin_count(value: Any) -> None:
    """Raise unless the value is a count, or what else ``numpy.histogram`` takes for `bins`."""
    estimators = ("auto", "fd", "doane", "scott", "stone", "rice", "sturges", "sqrt")
    if isinstance(value, list) or (isinstance(value, str) and value in estimators):
        return
    told = ", ".join(_problems(value, Kind("int", above=0)))
    if told:
        msg = f"binCount: {told}"
        raise SchemaError(msg)


def _number(value: Any) -> None:
    try:
        infinite = math.isinf(float(value))
    except (TypeError, ValueError):
        msg = f"initValue: {value!r} is not a number"
        raise SchemaError(msg) from None
    if infinite:
        msg = f"initValue: {value!r} is not finite"
        raise SchemaError(msg)


ARGUMENTS: Final[dict[str, Kind]] = {
    **SETTINGS,
    **VOXEL_SETTINGS,
    "voxelBased": Kind("bool"),
    "minimumROIDimensions": Kind("float"),
    "minimumROISize": Kind("float"),
    "geometryTolerance": Kind("float", 0),
    "label": Kind("whole number", above=0),
    "label_channel": Kind("whole number", 0),
    "binWidth": Kind("float", above=0, finite=True),
    "binCount": Kind("any", known=_bin_count),
    "normalizeScale": Kind("float"),
    "removeOutliers": Kind("float", 0),
    "padDistance": Kind("float", 0),
    "interpolator": Kind("any", known=_interpolator_argument),
    "distances": Kind("whole number", above=0, many=True, fewest=1),
    "voxelArrayShift": Kind("float"),
    "initValue": Kind("any", known=_number),
    "voxelBatch": Kind("int"),
}
"""Settings as arguments. Where they are wider than in a file, PyRadiomics works with the value."""

OPTIONAL: Final = frozenset(
    "minimumROISize geometryTolerance label_channel binCount removeOutliers resampledPixelSpacing "
    "interpolator resegmentRange weightingNorm initValue".split()
)
"""Arguments, apart from those that are true or false, that may be None."""

PARTS: Final = ("setting", "voxelSetting", "featureClass", "imageType")
"""Keys of a parameter file."""


def read(path: str | os.PathLike[str]) -> Any:
    """Read a parameter file, by its ending YAML or JSON."""
    source = Path(path)
    ending = source.suffix
    if ending not in (".yaml", ".yml", ".json"):
        msg = f"{source}: a parameter file must end in .yaml, .yml or .json"
        raise CoreError(msg)
    try:
        text = source.read_text(encoding="utf-8")
        found = json.loads(text) if ending == ".json" else load_yaml(text, str(source))
    except UnicodeDecodeError as error:
        msg = f"{source} is no text in UTF-8: {error}"
        raise CoreError(msg) from None
    except json.JSONDecodeError as error:
        msg = f"{source} is not JSON: {error.msg}"
        raise json.JSONDecodeError(msg, error.doc, error.pos) from None
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


def check_arguments(settings: Mapping[str, Any]) -> None:
    """Raise if arguments are no settings that can be worked with; warn of likely misspellings.

    Numbers may be numpy's, whole numbers floats, lists any sequence. A name that is no setting is
    ignored, as PyRadiomics ignores it; once, the log names the setting it is nearly.

    Raises
    ------
    SchemaError
        All that is wrong with types and ranges, in one line.
    ValueError, TypeError
        For names of wavelets, interpolators and norms that are not known.
    """
    wrong: list[str] = []
    for name, value in settings.items():
        kind = ARGUMENTS.get(name)
        if kind is None:
            _tell_unknown(name)
        elif value is not None:
            plain = _plain(value, kind.type)
            _setting(name, plain, kind, wrong)
            if kind.many and isinstance(plain, list) and None in plain:
                wrong.append(f"{name}: None is no number")
        elif not (name in OPTIONAL or kind.type == "bool" or _is_of_no_use(name, settings)):
            wrong.append(f"{name}: a value is needed, not None")
    if wrong:
        raise SchemaError("; ".join(wrong))


def _is_of_no_use(name: str, settings: Mapping[str, Any]) -> bool:
    return name == "binWidth" and settings.get("binCount") is not None


@functools.cache  # so that it is told once
def _tell_unknown(name: str) -> None:
    lower = {known.lower(): known for known in ARGUMENTS}
    for near in difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.8):
        told = "There is no setting %r, so it is ignored; did you mean %r?"
        logger.warning(told, name, lower[near])


def _plain(value: Any, kind: str) -> Any:
    """Return an argument as a file would have it."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple | range):
        return [_plain(item, kind) for item in value]
    if kind == "bool" and isinstance(value, int):
        return bool(value)
    return int(value) if kind != "bool" and isinstance(value, bool) else value


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
        key: _setting(f"/{place}/{key}", _converted(given, kinds[key]), kinds[key], wrong)
        for key, given in found.items()
        if key in kinds
    }


def _setting(place: str, value: Any, kind: Kind, wrong: list[str]) -> Any:
    if kind.known is not None:
        kind.known(value)
        return value
    if not kind.many:
        wrong.extend(f"{place}: {why}" for why in _problems(value, kind))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            wrong.extend(f"{place}/{index}: {why}" for why in _problems(item, kind))
        if len(value) < kind.fewest:
            wrong.append(f"{place}: {value!r} is empty")
    elif value is not None:
        wrong.append(f"{place}: {value!r} is not a list")
    return value


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
    if kind.type not in ("int", "whole number", "float"):
        return
    number = float(value)
    if kind.finite and not math.isfinite(number):
        yield f"{value!r} is not finite"
        return
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
    return isinstance(value, int | float) and (kind != "whole number" or value == value // 1)


def _converted(value: Any, kind: Kind) -> Any:
    """Return the number, or list of numbers, that a text in a file stands for."""
    if kind.many and isinstance(value, list):
        return [_converted(item, kind._replace(many=False)) for item in value]
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
