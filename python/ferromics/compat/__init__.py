"""Drop-in layers for scripts written for other tools.

>>> from ferromics.compat import radiomics
>>> extractor = radiomics.featureextractor.RadiomicsFeatureExtractor(binWidth=20)
>>> extractor.settings["binWidth"]
20
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import Any

__all__ = ["install", "radiomics"]

_ALIAS, _OURS = "radiomics", f"{__name__}.radiomics"


def install(*, replace: bool = False) -> bool:
    """Let ``import radiomics`` of existing code resolve to :mod:`ferromics.compat.radiomics`.

    Parameters
    ----------
    replace
        Take over even where PyRadiomics is installed or imported already. Modules that were
        imported from it before keep it.

    Returns
    -------
    bool
        Whether ``import radiomics`` is ours from now on. Where PyRadiomics is installed and
        `replace` is false it stays PyRadiomics, with a warning that says so.
    """
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return True
    if not replace and (_ALIAS in sys.modules or importlib.util.find_spec(_ALIAS) is not None):
        msg = (
            "PyRadiomics is installed, and `import radiomics` stays PyRadiomics; "
            "pass replace=True to take over, or import ferromics.compat.radiomics by its name"
        )
        warnings.warn(msg, RuntimeWarning, stacklevel=2)
        return False
    for name in [name for name in sys.modules if name == _ALIAS or name.startswith(f"{_ALIAS}.")]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Finder())
    return True


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds ``radiomics`` and ``radiomics.NAME`` as the modules of the same name here."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != _ALIAS and not fullname.startswith(f"{_ALIAS}."):
            return None
        try:
            known = importlib.util.find_spec(_OURS + fullname[len(_ALIAS) :]) is not None
        except ModuleNotFoundError:
            known = False
        return importlib.machinery.ModuleSpec(fullname, self) if known else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = importlib.import_module(_OURS + spec.name[len(_ALIAS) :])
        # The import system is about to write the alias's names into the module: keep its own.
        self._own = {k: getattr(module, k, None) for k in ("__spec__", "__loader__", "__package__")}
        return module

    def exec_module(self, module: ModuleType) -> None:
        for name, value in self._own.items():
            setattr(module, name, value)


def __getattr__(name: str) -> Any:
    if name == "radiomics":
        return importlib.import_module(_OURS)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
