"""PyRadiomics' Python surface over ferromics' core: the same names, settings, columns and values.

>>> from ferromics.compat import radiomics
>>> radiomics.getImageTypes()
['Exponential', 'Gradient', 'LBP2D', 'LBP3D', 'LoG', 'Logarithm', ...]

``docs/migration.md`` says what is equal and what is not. Images are SimpleITK images (x, y, z),
arrays are (z, y, x), spacing is in mm.
"""

from __future__ import annotations

import importlib
import logging
import os
import shutil
import tempfile
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

from ferromics._core import build_info

__all__ = [
    "deprecated",
    "getFeatureClasses",
    "getImageTypes",
    "getProgressReporter",
    "getTestCase",
    "handler",
    "logger",
    "progressReporter",
    "setVerbosity",
]

__version__: Final = f"3.1.1+ferromics.{build_info()['version']}"
"""The version of PyRadiomics whose behaviour this is, and ours."""

progressReporter: Callable[..., Any] | None = None
"""A class like ``tqdm.tqdm``, to be set by the user: shows progress while the verbosity is INFO."""

logger: Final = logging.getLogger("radiomics")
handler: Final[logging.Handler] = logging.StreamHandler()
"""Prints messages to stderr, from the level that :func:`setVerbosity` sets."""

testCases: Final = (
    "brain1",
    "brain2",
    "breast1",
    "lung1",
    "lung2",
    "test_wavelet_64x64x64",
    "test_wavelet_37x37x37",
)
TEST_CASES_URL: Final = "https://github.com/Radiomics/pyradiomics/releases/download/v1.0/"

_CLASSES: Final = {
    "firstorder": "RadiomicsFirstOrder",
    "glcm": "RadiomicsGLCM",
    "gldm": "RadiomicsGLDM",
    "glrlm": "RadiomicsGLRLM",
    "glszm": "RadiomicsGLSZM",
    "ngtdm": "RadiomicsNGTDM",
    "shape": "RadiomicsShape",
    "shape2D": "RadiomicsShape2D",
}
_MODULES: Final = (
    *_CLASSES,
    "base",
    "featureextractor",
    "generalinfo",
    "imageoperations",
    "scripts",
)

_Function = TypeVar("_Function", bound=Callable[..., Any])


def deprecated(func: _Function) -> _Function:
    """Mark a feature as one that is computed only if it is named."""
    func._is_deprecated = True  # type: ignore[attr-defined]
    return func


def setVerbosity(level: int) -> None:
    """Set the level from which messages are printed: 10 (debug) to 50 (critical), 60 for none."""
    handler.setLevel(min(max(level, logging.DEBUG), 60))
    if handler.level < logger.level:
        logger.setLevel(handler.level)


def getFeatureClasses() -> dict[str, type[Any]]:
    """Return the feature classes by name."""
    return {name: getattr(_module(name), title) for name, title in _CLASSES.items()}


def getImageTypes() -> list[str]:
    """Return the names of the image types: of each ``get<Name>Image`` of `imageoperations`."""
    return [
        name[3:-5]
        for name in dir(_module("imageoperations"))
        if name.startswith("get") and name.endswith("Image")
    ]


def getProgressReporter(*args: Any, **kwargs: Any) -> Any:
    """Return what shows progress: of class :data:`progressReporter` at verbosity INFO or DEBUG."""
    if progressReporter is not None and logging.NOTSET < handler.level <= logging.INFO:
        return progressReporter(*args, **kwargs)
    return _Silent(*args, **kwargs)


class _Silent:
    """A progress reporter that shows nothing."""

    def __init__(
        self, iterable: Iterable[Any] | None = None, desc: str = "", total: float | None = None
    ) -> None:
        self.iterable, self.desc, self.total = iterable, desc, total

    def __iter__(self) -> Iterator[Any]:
        return iter(self.iterable or ())

    def __enter__(self) -> _Silent:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, n: float = 1) -> None:
        """Take note of `n` steps done."""


def getTestCase(
    testCase: str, dataDirectory: str | os.PathLike[str] | None = None
) -> tuple[str, str]:
    """Return image and mask file of one of PyRadiomics' test cases, downloaded where missing.

    Parameters
    ----------
    testCase
        One of :data:`testCases`; with ``_2D`` added, the label is one of a single slice.
    dataDirectory
        Where the files are or shall be; else ``pyradiomics/data`` in the folder of temporary files.

    Raises
    ------
    ValueError
        If the case is not known or cannot be downloaded.
    """
    name, flat = testCase.lower(), ""
    if name.endswith("_2d"):
        name, flat = name[:-3], "_2D"
    if name not in testCases:
        msg = f"test case {testCase!r} is not known; there are {', '.join(testCases)}"
        raise ValueError(msg)
    folder = Path(dataDirectory or Path(tempfile.gettempdir()) / "pyradiomics" / "data")
    image, mask = (
        _fetched(folder / file) for file in (f"{name}_image.nrrd", f"{name}_label{flat}.nrrd")
    )
    return image, mask


def _fetched(target: Path) -> str:
    if not target.exists():
        logger.info("Test case file %s is not here, downloading...", target.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.part")
        try:
            url = TEST_CASES_URL + target.name
            with urllib.request.urlopen(url) as source, part.open("wb") as out:
                shutil.copyfileobj(source, out)
        except OSError as error:
            part.unlink(missing_ok=True)
            msg = f"{TEST_CASES_URL}{target.name} cannot be downloaded: {error}"
            raise ValueError(msg) from error
        part.replace(target)
    return str(target)


def _module(name: str) -> Any:
    return importlib.import_module(f"{__name__}.{name}")


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return _module(name)
    msg = f"module 'radiomics' has no attribute {name!r}"
    raise AttributeError(msg)


def _set_up_logging() -> None:
    """Log from INFO on, print from WARNING on, whatever levels other loggers have."""
    if handler in logger.handlers:
        return
    logger.setLevel(logging.INFO)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(handler)
    setVerbosity(logging.WARNING)


_set_up_logging()
