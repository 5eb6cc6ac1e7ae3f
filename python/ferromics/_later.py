"""Types that models of settings read only when there is something for them to read."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_plain_validator_function


@dataclass(frozen=True)
class Later:
    """A list's type that is imported and built with the first entry given, or for the JSON Schema.

    As the annotation of a field, ``Annotated[Any, Later(...)]``; the field takes ``None`` and an
    empty list without it.
    """

    module: str
    name: str

    def type(self) -> Any:
        """The type."""
        return getattr(import_module(self.module), self.name)

    @functools.cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.type())

    def _read(self, value: object) -> object:
        # A validation error raised here goes on, its places after that of the field.
        nothing = value is None or (isinstance(value, list | tuple) and not value)
        return () if nothing else self._adapter.validate_python(value)

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Anything, which is read when it is there."""
        return no_info_plain_validator_function(self._read)

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The type's own schema, without short forms of the whole list."""
        return handler(self._adapter.core_schema)
