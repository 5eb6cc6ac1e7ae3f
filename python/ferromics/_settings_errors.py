"""Settings errors in the user's words: path in the file, what was given, what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any, Final, NoReturn, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from ferromics._later import Later

# The names that `type` may have stand in pydantic's paths but not in the file.
TAGS: Final = frozenset(
    (
        "morph loc stat ih ivh glcm glrlm glszm gldzm ngtdm ngldm diag none fbs fbn "
        "zscore range percentile "
        "mean log laws gabor wavelet simoncelli shannon riesz square square_root logarithm "
        "exponential gradient lbp_2d lbp_3d"
    ).split()
)

# Keys, not in a list, whose value is told apart by its `type`.
TAGGED: Final = ("discretise", "normalise")


def refuse(given: object, allowed: str, names: Sequence[str] = ()) -> NoReturn:
    """Refuse a value from inside a validator; of ``names`` the nearest is proposed."""
    kind: Final = "refused"
    raise PydanticCustomError(
        kind, kind, {"given": given, "allowed": allowed, "names": list(names)}
    )


def describe_unknown(what: str, given: str, known: Sequence[str]) -> str:
    """``what`` is not known; the nearest of ``known`` and all of them."""
    near = [k for k in known if k.lower() == given.lower()]
    near = near or difflib.get_close_matches(given.lower(), known, n=1, cutoff=0.6)
    hint = f", did you mean {near[0]!r}?" if near else "."
    return f"{what} is not known{hint} Allowed: {', '.join(known)}"


def describe(error: ValidationError, model: type[BaseModel]) -> str:
    """All problems of a validation error, one clause each, in one line."""
    errors = error.errors(include_url=False)
    # A list with a refused entry is also called too short: only the entry is worth a word.
    told = [
        e
        for e in errors
        if e["type"] != "too_short"
        or not any(o is not e and o["loc"][: len(e["loc"])] == e["loc"] for o in errors)
    ]
    return "; ".join(_describe_one(e, model) for e in told)


def _path(loc: tuple[int | str, ...]) -> str:
    text = ""
    for k, part in enumerate(loc):
        if isinstance(part, int):
            text += f"[{part}]"
        elif part in TAGS and k > 0 and (isinstance(loc[k - 1], int) or loc[k - 1] in TAGGED):
            continue
        else:
            text += f".{part}" if text else part
    return text


def _known_keys(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """Keys of the stage that ``loc`` leads to."""
    current: list[type[BaseModel]] = [model]
    for part in loc:
        if isinstance(part, int):
            continue
        fields = [m.model_fields.get(_field_name(m, part)) for m in current]
        types = [t for f in fields if f is not None for t in (f.annotation, *f.metadata)]
        found = [m for t in types for m in _models_in(t)]
        tagged = [m for m in current if "type" in m.model_fields and part in TAGS]
        if found:
            current = found
        elif tagged:
            current = [m for m in tagged if m.model_fields["type"].default == part]
    keys: dict[str, None] = {}
    for m in current:
        for name, field in m.model_fields.items():
            keys[field.alias or name] = None
    return list(keys)


def _field_name(model: type[BaseModel], key: str) -> str:
    return next((n for n, f in model.model_fields.items() if f.alias == key), key)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, Later):
        annotation = annotation.type()
    parts = get_args(annotation)
    if parts:  # asked first: in Python 3.10 `tuple[int]` passes for a class
        return [m for part in parts for m in _models_in(part)]
    return (
        [annotation] if isinstance(annotation, type) and issubclass(annotation, BaseModel) else []
    )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _describe_one(error: ErrorDetails, model: type[BaseModel]) -> str:
    loc, kind, context = error["loc"], error["type"], error.get("ctx", {})
    given = error.get("input")
    path = _path(loc) or "settings"
    if kind == "extra_forbidden":
        return describe_unknown(path, str(loc[-1]), _known_keys(model, loc[:-1]))
    if kind == "missing":
        return f"{path} is missing"
    if kind == "union_tag_invalid":
        names = [t.strip("'") for t in context["expected_tags"].split(", ")]
        return f"{path}: " + describe_unknown(repr(context["tag"]), str(context["tag"]), names)
    if kind == "union_tag_not_found":
        return f"{path}: {_short(given)} needs a `type`"
    if kind == "literal_error":
        names = [t.strip("'") for t in context["expected"].replace(" or ", ", ").split(", ")]
        return f"{path}: " + describe_unknown(repr(given), str(given), names)
    if kind == "refused":
        if context["names"]:
            return f"{path}: " + describe_unknown(
                repr(context["given"]), str(context["given"]), context["names"]
            )
        return f"{path}: {_short(context['given'])} is not allowed; {context['allowed']}"
    if kind == "frozen_instance":
        return "settings cannot be changed; make new ones with model_copy(update={...})"
    return f"{path}: {_short(given)} is not allowed; {_allowed(kind, context, error['msg'])}"


def _allowed(kind: str, context: dict[str, Any], message: str) -> str:
    comparisons = {
        "greater_than": ("gt", "it must be above {}"),
        "greater_than_equal": ("ge", "it must be at least {}"),
        "less_than": ("lt", "it must be below {}"),
        "less_than_equal": ("le", "it must be at most {}"),
    }
    if kind in comparisons:
        key, text = comparisons[kind]
        return text.format(f"{context[key]:g}")
    if kind == "too_short":
        return f"at least {context['min_length']} entry is needed"
    if kind.startswith("int"):
        return "a whole number is needed"
    if kind == "finite_number":
        return "a finite number is needed"
    if kind.startswith("float"):
        return "a number is needed"
    if kind.startswith("bool"):
        return "true or false is needed"
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return "keys with values are needed"
    if kind == "tuple_type":
        return "a list is needed"
    if kind == "value_error":
        return str(context["error"])
    return message[:1].lower() + message[1:]
