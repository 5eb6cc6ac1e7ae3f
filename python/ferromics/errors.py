"""The exceptions of ferromics, made by the core.

``RadiomicsError`` is the base. ``InputError`` (also a ``ValueError``) is for images, masks and
arguments, ``SettingsError`` (also a ``ValueError``) for settings. Missing files are
``FileNotFoundError``.
"""

from ferromics._core import InputError, RadiomicsError, SettingsError

__all__ = ["InputError", "RadiomicsError", "SettingsError"]
