"""YAML 1.2, which parameter files are read as: `yes` is a text and `1e-3` a number.

PyYAML reads YAML 1.1; what differs is how plain words become values, and that is set here.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from ferromics.compat.radiomics._errors import CoreError


class _Loader(yaml.SafeLoader):
    """A safe loader with YAML 1.2's plain values, which refuses a key given twice."""

    yaml_implicit_resolvers: Any = {}  # noqa: RUF012 - the loader's own table


_PLAIN = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?[0-9][0-9_]*|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    "float": (
        r"""[-+]?(?:[0-9][0-9_]*)?\.[0-9_]+(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*\.(?:[eE][-+]?[0-9]+)?
        |[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)""",
        "-+0123456789.",
    ),
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "merge": (r"<<", "<"),
}
for _kind, (_pattern, _starts) in _PLAIN.items():
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_kind}", re.compile(f"^(?:{_pattern})$", re.VERBOSE), list(_starts)
    )


def _int(loader: _Loader, node: yaml.ScalarNode) -> int:
    text = loader.construct_scalar(node).replace("_", "")
    bases = {"0o": 8, "0x": 16}
    return int(text, bases.get(text[:2], 10))


def _float(loader: _Loader, node: yaml.ScalarNode) -> float:
    text = loader.construct_scalar(node).replace("_", "").lower()
    return float(text.replace(".inf", "inf").replace(".nan", "nan"))


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in keys:
            msg = f"key {key!r} stands twice in one mapping{key_node.start_mark}"
            raise yaml.constructor.ConstructorError(None, None, msg, None)
        keys.add(key)
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:int", _int)
_Loader.add_constructor("tag:yaml.org,2002:float", _float)
_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def load_yaml(text: str, name: str) -> Any:
    """Return the one document of a text; `name` is what messages call it."""
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        msg = f"{name} is not YAML: {' '.join(str(error).split())}"
        raise CoreError(msg) from None
