"""Errors of settings, and of images. Where pykwalify is installed those of settings are its too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ferromics.errors import InputError, SettingsError

if TYPE_CHECKING:

    class _SchemaBase(RuntimeError): ...

    class _CoreBase(RuntimeError): ...

else:
    try:
        from pykwalify.errors import CoreError as _CoreBase
        from pykwalify.errors import SchemaError as _SchemaBase
    except ImportError:
        _SchemaBase = _CoreBase = RuntimeError  # what pykwalify's errors derive from


class _Told(SettingsError):
    """An error that is its message, whatever else it derives from."""

    def __init__(self, message: str) -> None:
        Exception.__init__(self, message)
        self.msg = message

    def __str__(self) -> str:
        return str(self.args[0])


class SchemaError(_Told, _SchemaBase):
    """Parameters that are not known, or values of a wrong type or range."""


class CoreError(_Told, _CoreBase):
    """A parameter file that cannot be read."""


class ImageError(InputError, RuntimeError):
    """Image and mask that cannot be used together; PyRadiomics has SimpleITK's RuntimeError."""
