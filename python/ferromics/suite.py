"""IBSI's compliance suite: every configuration run and judged, ours or another tool's values.

An :class:`Outcome` is one configuration with all its judgements; :mod:`ferromics.report` shows
them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ferromics import compliance, ibsi_data
from ferromics._layouts import named_configuration
from ferromics.compliance import Judgement
from ferromics.errors import InputError

PHANTOM: Final = "digital_phantom"
DIAGNOSTICS: Final = "diag"
VERDICTS: Final = ("match", "partial", "miss", "absent", "no reference")
"""What can become of a reference value, in the order of tables."""


@dataclass(frozen=True)
class Outcome:
    """One configuration: what became of each of its reference values.

    Attributes
    ----------
    configuration
        One of :func:`ferromics.compliance.configurations`.
    rows, diagnostics
        Judgements of the features and of the image and region after each processing step, in the
        order of the manual. ``diagnostics`` is empty where there are none.
    settings, settings_hash
        Preset that was run and its hash; empty for another tool's values.
    notes
        What the reader should know, one line each.
    """

    configuration: str
    rows: tuple[Judgement, ...]
    diagnostics: tuple[Judgement, ...] = ()
    settings: str = ""
    settings_hash: str = ""
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The configuration's name for people."""
        return title(self.configuration)

    @property
    def families(self) -> tuple[str, ...]:
        """Families with reference values, in the order of the manual."""
        return tuple(dict.fromkeys(row.reference.family for row in self.rows))

    def counts(self, family: str | None = None) -> dict[str, int]:
        """Number of features by verdict, all of :data:`VERDICTS`; of one family or of all."""
        return count(r for r in self.rows if family in (None, r.reference.family))

    def found(self, *verdicts: str) -> list[Judgement]:
        """The features with one of the verdicts."""
        return [row for row in self.rows if row.verdict in verdicts]

    @property
    def diagnosed(self) -> bool:
        """Whether there is any diagnostic value to judge."""
        return any(row.verdict != "absent" for row in self.diagnostics)

    @property
    def unmatched_diagnostics(self) -> list[Judgement]:
        """Diagnostics that are there and do not match: where a miss comes from."""
        return [row for row in self.diagnostics if row.verdict in ("partial", "miss")]

    @property
    def missed(self) -> bool:
        """Whether any value misses its reference, a feature's or a diagnostic's."""
        return any(row.verdict == "miss" for row in (*self.rows, *self.diagnostics))


def count(rows: Iterable[Judgement]) -> dict[str, int]:
    """Number of judgements by verdict, all of :data:`VERDICTS`."""
    counts = Counter(row.verdict for row in rows)
    return {verdict: counts[verdict] for verdict in VERDICTS}


def title(configuration: str) -> str:
    """A configuration's name for people."""
    return "Digital phantom" if configuration == PHANTOM else f"Configuration {configuration}"


def preset(configuration: str) -> str:
    """Name of the settings that answer a configuration."""
    return "ibsi:phantom" if configuration == PHANTOM else f"ibsi:{configuration}"


def needs_data(configuration: str) -> bool:
    """Whether a configuration needs images that the package does not carry."""
    return configuration != PHANTOM


def chosen(names: Iterable[str]) -> tuple[str, ...]:
    """Configurations by the names that people type, in the order of the manual; none means all.

    Examples
    --------
    >>> from ferromics.suite import chosen
    >>> chosen(["ibsi:B", "phantom"])
    ('digital_phantom', 'B')
    """
    known = compliance.configurations()
    wanted = set()
    for name in names:
        found = named_configuration(name)
        if found is None:
            msg = f"no configuration {name!r}; there are phantom, {', '.join(known[1:])}"
            raise InputError(msg)
        wanted.add(found)
    return tuple(c for c in known if c in wanted or not wanted)


def run(configuration: str, folder: Path | None = None) -> Outcome:
    """Run one configuration with ferromics and judge it.

    Parameters
    ----------
    configuration
        One of :func:`ferromics.compliance.configurations`.
    folder
        Folder with IBSI's data sets (:func:`ferromics.ibsi_data.find`); the digital phantom needs
        none.

    Examples
    --------
    >>> from ferromics import suite
    >>> suite.run("digital_phantom").counts()["match"]
    482
    """
    import ferromics as fm

    settings = fm.Settings.preset(preset(configuration))
    known = {"settings": preset(configuration), "settings_hash": settings.hash}
    if not needs_data(configuration):
        image, mask, spacing = fm.phantom()
        result = fm.extract(image, mask, settings, spacing=tuple(spacing))
        return judged(configuration, result, **known)
    if folder is None:
        msg = f"configuration {configuration} needs IBSI's CT phantom: {ibsi_data.HOW_TO_GET_IT}"
        raise InputError(msg)
    changed = ibsi_data.differing(folder, ibsi_data.CT_PHANTOM)
    notes = tuple(f"{path} is not as IBSI published it (its SHA-256 differs)" for path in changed)
    result = fm.extract(*ibsi_data.ct_phantom(folder), _with_diagnostics(settings))
    return judged(configuration, result, **known, notes=notes)


def judged(configuration: str, result: Any, **known: Any) -> Outcome:
    """Judge a result, or the records of any tool's long table, as one configuration."""
    return Outcome(
        configuration,
        tuple(compliance.compare(result, configuration)),
        tuple(compliance.compare_diagnostics(result, configuration)),
        **known,
    )


def judged_values(records: Mapping[str, list[dict[str, Any]]]) -> list[Outcome]:
    """Judge another tool's values, by configuration, in the order of the manual.

    Raises
    ------
    InputError
        If not one value answers a reference value.
    """
    outcomes = [judged(c, records[c]) for c in compliance.configurations() if c in records]
    answered = (row for o in outcomes for row in (*o.rows, *o.diagnostics))
    if all(row.verdict in ("absent", "no reference") for row in answered):
        msg = "not one value answers a reference value of IBSI 1"
        raise InputError(msg)
    return outcomes


def _with_diagnostics(settings: Any) -> Any:
    values = settings.model_dump(by_alias=True)
    return type(settings).of({**values, "features": [*values["features"], DIAGNOSTICS]})
