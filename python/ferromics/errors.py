"""The exceptions of ferromics, made by the core.

``RadiomicsError`` is the base. ``InputError`` (also a ``ValueError``) is for images, masks and
arguments, ``SettingsError`` (also a ``ValueError``) for settings. Missing files are
``FileNotFoundError``. ``DownloadError`` is for what a network does.
"""

from ferromics._core import InputError, RadiomicsError, SettingsError

__all__ = ["DownloadError", "InputError", "RadiomicsError", "SettingsError"]


class DownloadError(RadiomicsError):
    """Data could not be downloaded; nothing that is wrong or incomplete was kept."""
