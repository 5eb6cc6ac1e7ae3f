"""Types of the compiled core; ``rust/py`` holds the code."""

from collections.abc import Sequence
from typing import Any, TypeAlias, TypedDict, final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "InputError",
    "Plan",
    "RadiomicsError",
    "SettingsError",
    "aggregations",
    "build_info",
    "catalogue",
    "default_settings",
    "phantom",
]

_Column: TypeAlias = tuple[str, str, str, str, str, str, str, str, str]

class _CatalogueRow(TypedDict):
    family: str
    family_title: str
    family_ibsi: str
    name: str
    title: str
    ibsi: str
    unit: str
    powers: tuple[int, int, int]
    formula: str
    doc: str
    aggregations: list[str]
    discretised: bool

class RadiomicsError(Exception): ...
class InputError(RadiomicsError, ValueError): ...
class SettingsError(RadiomicsError, ValueError): ...

@final
class Plan:
    def __new__(cls, settings_json: str) -> Plan: ...
    @property
    def columns(self) -> list[_Column]: ...
    def run(
        self,
        image: NDArray[Any],
        mask: NDArray[np.bool_],
        spacing: Sequence[float],
        threads: int | None = None,
    ) -> tuple[NDArray[np.float64], list[str], tuple[int, int]]: ...

def catalogue() -> list[_CatalogueRow]: ...
def aggregations() -> list[tuple[str, str]]: ...
def build_info() -> dict[str, Any]: ...
def default_settings() -> str: ...
def phantom() -> tuple[NDArray[np.int16], NDArray[np.bool_], list[float]]: ...
