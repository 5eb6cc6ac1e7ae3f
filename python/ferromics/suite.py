"""IBSI's compliance suite: every configuration run and judged, ours or another tool's values.

An :class:`Outcome` is one configuration of IBSI 1, or one test of IBSI 2, phase 2, with all its
judgements; a :class:`MapOutcome` is one response map of phase 1. :mod:`ferromics.report` shows
them.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ferromics import compliance, ibsi_data
from ferromics._layouts import named_configuration
from ferromics.compliance import Judgement, MapTest
from ferromics.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

PHANTOM: Final = "digital_phantom"
DIAGNOSTICS: Final = "diag"
VERDICTS: Final = ("match", "partial", "miss", "absent", "no reference")
"""What can become of a reference value, in the order of tables."""


@dataclass(frozen=True)
class Outcome:
    """One configuration, or one test of phase 2: what became of each of its reference values.

    Attributes
    ----------
    configuration
        One of :func:`ferromics.compliance.configurations` or
        :func:`ferromics.compliance.filter_tests`.
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
    def filtered(self) -> bool:
        """Whether it is a test of IBSI 2, phase 2."""
        return self.configuration in compliance.filter_tests()

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
        """Whether any value misses its reference, a feature's or a diagnostic's.

        A value that ferromics itself should have computed and has not is a miss too.
        """
        bad = ("miss", "absent") if self.settings else ("miss",)
        return any(row.verdict in bad for row in (*self.rows, *self.diagnostics))


@dataclass(frozen=True)
class MapOutcome:
    """One test of IBSI 2, phase 1: how far the response map is from the reference map.

    Attributes
    ----------
    test
        What was run.
    difference, range
        The largest difference of a voxel and the range of the reference map; ``None`` where there
        is no reference map.
    verdict
        ``"match"``, ``"miss"`` or ``"no reference"``.
    notes
        What the reader should know, one line each.
    """

    test: MapTest
    difference: float | None = None
    range: float | None = None
    verdict: str = "no reference"
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The test's name for people."""
        return title(self.test.test)

    @property
    def percent(self) -> float | None:
        """The largest difference in percent of the map's range; up to 1 is allowed."""
        if self.difference is None or not self.range:
            return None
        return 100 * self.difference / self.range

    @property
    def missed(self) -> bool:
        """Whether a voxel differs by more than is allowed."""
        return self.verdict == "miss"


def count(rows: Iterable[Judgement | MapOutcome]) -> dict[str, int]:
    """Number of judgements by verdict, all of :data:`VERDICTS`."""
    counts = Counter(row.verdict for row in rows)
    return {verdict: counts[verdict] for verdict in VERDICTS}


def title(name: str) -> str:
    """The name for people of a configuration or of a test of IBSI 2."""
    if name == PHANTOM:
        return "Digital phantom"
    return f"{'Configuration' if name in compliance.configurations() else 'Test'} {name}"


def preset(configuration: str) -> str:
    """Name of the settings that answer a configuration of IBSI 1 or a test of phase 2."""
    if configuration in compliance.filter_tests():
        return f"ibsi2:{configuration[-1]}"
    return "ibsi:phantom" if configuration == PHANTOM else f"ibsi:{configuration}"


def filter_words(block: Mapping[str, Any]) -> str:
    """A block of filter settings for people, without its boundary condition.

    Examples
    --------
    >>> from ferromics.suite import filter_words
    >>> filter_words({"type": "laws", "kernels": "L5E5", "energy": 7, "boundary": "zero"})
    'laws, kernels L5E5, energy 7'
    """
    words = [str(block["type"])]
    for key, value in block.items():
        if key in ("type", "name", "boundary") or value is None:
            continue
        parts = value if isinstance(value, list | tuple) else (value,)
        shown = " ".join(f"{p:g}" if isinstance(p, float) else str(p) for p in parts)
        name = key.replace("_", " ")
        words.append(name if value is True else f"{name} {shown}")
    if "wavelet" in block:
        words = [word for word in words if word != "wavelet"]
    return ", ".join(words)


@functools.cache
def _filters() -> dict[str, dict[str, Any]]:
    """The filter block of each test of phase 2 that has one."""
    from ferromics.settings import Settings

    blocks = (
        block.model_dump(mode="json", by_alias=True, exclude_unset=True)
        for name in dict.fromkeys(map(preset, compliance.filter_tests()))
        for block in Settings.preset(name).filters
    )
    return {block["name"]: block for block in blocks}


def filter_of(test: str) -> str:
    """The filter of a test of phase 2 in words."""
    block = _filters().get(test)
    return "none" if block is None else filter_words(block)


def needs(name: str) -> tuple[str, ...]:
    """Data sets that a configuration or a test needs and the package does not carry."""
    if name == PHANTOM:
        return ()
    if any(name == test.test for test in compliance.map_tests()):
        return (ibsi_data.DIGITAL_PHANTOMS, ibsi_data.RESPONSE_MAPS)
    return (ibsi_data.CT_PHANTOM,)


def lacking(name: str, folder: Path | None) -> str | None:
    """The data set that a configuration or a test needs and the folder lacks, if it lacks one."""
    for data_set in needs(name):
        if folder is None or not ibsi_data.holds(folder, data_set):
            return data_set
        without = any(name == test.test for test in compliance.map_tests() if not test.has_map)
        one = data_set == ibsi_data.RESPONSE_MAPS and not without
        if one and not ibsi_data.response_map(folder, name).is_file():
            return data_set
    return None


def listed(names: Iterable[str]) -> str:
    """Configurations and tests in a few words.

    Examples
    --------
    >>> from ferromics.suite import chosen, listed
    >>> listed(["A", "B"]), listed(["3.a.1"]), listed(["E", *chosen(["ibsi2:2"])])
    ('configurations A, B', 'test 3.a.1', 'configuration E, IBSI 2 phase 2')
    """
    left = list(names)
    parts = []
    for what, whole, known in (
        ("configuration", "", compliance.configurations()),
        ("test", "IBSI 2 phase 1", tuple(test.test for test in compliance.map_tests())),
        ("test", "IBSI 2 phase 2", compliance.filter_tests()),
    ):
        found = [name for name in left if name in known]
        if whole and len(found) == len(known):
            parts.append(whole)
        elif found:
            parts.append(f"{what}{'s' if found[1:] else ''} {', '.join(found)}")
    return ", ".join(parts)


def groups() -> dict[str, tuple[str, ...]]:
    """Names that stand for several configurations or tests."""
    filtered = compliance.filter_tests()
    maps = tuple(test.test for test in compliance.map_tests())
    return {
        "ibsi1": compliance.configurations(),
        "ibsi2": (*maps, *filtered),
        "ibsi2:1": maps,
        "ibsi2:2": filtered,
        "ibsi2:a": filtered[::2],
        "ibsi2:b": filtered[1::2],
    }


def chosen(names: Iterable[str]) -> tuple[str, ...]:
    """Configurations and tests by the names that people type, in IBSI's order; none means all.

    Examples
    --------
    >>> from ferromics.suite import chosen
    >>> chosen(["3.a.1", "ibsi:B", "phantom"])
    ('digital_phantom', 'B', '3.a.1')
    >>> len(chosen(["ibsi2:1"])), len(chosen(["ibsi2:A"])), len(chosen([]))
    (36, 9, 60)
    """
    known = groups()
    everything = (*known["ibsi1"], *known["ibsi2"])
    wanted: set[str] = set()
    for name in names:
        found = named_configuration(name)
        if name in everything:  # 2.a and 2.A are two tests
            wanted.add(name)
        elif found is not None:
            wanted.add(found)
        elif name.strip().casefold() in known:
            wanted.update(known[name.strip().casefold()])
        else:
            msg = (
                f"no configuration {name!r}; there are phantom, {', '.join(known['ibsi1'][1:])}; "
                "for IBSI 2 ibsi2:1, ibsi2:2, ibsi2:A, ibsi2:B, or a test such as 3.a.1 or 2.A"
            )
            raise InputError(msg)
    without = {test.test for test in compliance.map_tests() if not test.has_map}
    if wanted and wanted <= without:
        msg = (
            f"there is no reference map to judge {', '.join(sorted(wanted))} by: IBSI's teams "
            "found no consensus"
        )
        raise InputError(msg)
    return tuple(name for name in everything if name in wanted or not wanted)


def run(configuration: str, folder: Path | None = None) -> Outcome:
    """Run one configuration of IBSI 1 with ferromics and judge it.

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
    if not needs(configuration):
        image, mask, spacing = fm.phantom()
        result = fm.extract(image, mask, settings, spacing=tuple(spacing))
        return judged(configuration, result, **known)
    folder = _present(configuration, folder)
    result = fm.extract(*ibsi_data.ct_phantom(folder), _with_diagnostics(settings))
    return judged(configuration, result, **known, notes=_notes(folder, ibsi_data.CT_PHANTOM))


def run_filtered(tests: Iterable[str], folder: Path | None) -> list[Outcome]:
    """Run tests of IBSI 2, phase 2, and judge them; those of one preset share the work.

    Parameters
    ----------
    tests
        Of :func:`ferromics.compliance.filter_tests`.
    folder
        Folder with IBSI's data sets.
    """
    import ferromics as fm

    by_preset: dict[str, list[str]] = {}
    for test in tests:
        by_preset.setdefault(preset(test), []).append(test)
    outcomes = []
    for name, wanted in by_preset.items():
        folder = _present(wanted[0], folder)
        settings = fm.Settings.preset(name)
        result = fm.extract(*ibsi_data.ct_phantom(folder), settings)
        known = {"settings": name, "settings_hash": settings.hash}
        notes = _notes(folder, ibsi_data.CT_PHANTOM)
        outcomes += [judged(test, result, **known, notes=notes) for test in wanted]
    return outcomes


def run_map(name: str, folder: Path | None) -> MapOutcome:
    """Run one test of IBSI 2, phase 1: filter the phantom, compare with the reference map.

    Parameters
    ----------
    name
        A test of :func:`ferromics.compliance.map_tests`, as ``"3.a.1"``. Without a reference map
        nothing is run.
    folder
        Folder with IBSI's data sets.
    """
    from ferromics import io

    test = next(t for t in compliance.map_tests() if t.test == name)
    if not test.has_map:
        return MapOutcome(test)
    folder = _present(name, folder)
    phantom = ibsi_data.digital_phantom(folder, test.phantom)
    wanted = ibsi_data.response_map(folder, name)
    notes = (
        *_notes(folder, ibsi_data.DIGITAL_PHANTOMS, phantom),
        *_notes(folder, ibsi_data.RESPONSE_MAPS, wanted),
    )
    image, reference = io.read(phantom), io.read(wanted)
    response = respond(test.filter, image.array, image.spacing or (1.0, 1.0, 1.0))
    return MapOutcome(test, *compliance.judge_map(response, reference.array), notes=notes)


def respond(block: Mapping[str, Any], image: ArrayLike, spacing: tuple[float, ...]) -> NDArray[Any]:
    """The response of an image to the filter of one block of settings; arrays (z, y, x)."""
    import ferromics as fm

    (response,) = fm.response_maps(image, {"filters": [block]}, spacing=spacing).values()
    return response.array


def judged(configuration: str, result: Any, **known: Any) -> Outcome:
    """Judge a result, or the records of any tool's long table, as one configuration or test."""
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
    known = (*compliance.configurations(), *compliance.filter_tests())
    outcomes = [judged(c, records[c]) for c in known if c in records]
    answered = (row for o in outcomes for row in (*o.rows, *o.diagnostics))
    if all(row.verdict in ("absent", "no reference") for row in answered):
        msg = "not one value answers a reference value of IBSI"
        raise InputError(msg)
    return outcomes


def _present(name: str, folder: Path | None) -> Path:
    """The folder, if it has what a configuration or a test needs."""
    absent = lacking(name, folder)
    if absent is None and folder is not None:
        return folder
    data_set = absent or needs(name)[0]
    msg = (
        f"{title(name).lower()} needs the {ibsi_data.data_set(data_set).title}: "
        f"{ibsi_data.how_to_get(data_set)}"
    )
    raise InputError(msg)


def _notes(folder: Path, data_set: str, only: Path | None = None) -> tuple[str, ...]:
    changed = ibsi_data.differing(folder, data_set, only)
    return tuple(f"{path} is not as IBSI published it (its SHA-256 differs)" for path in changed)


def _with_diagnostics(settings: Any) -> Any:
    values = settings.model_dump(by_alias=True)
    return type(settings).of({**values, "features": [*values["features"], DIAGNOSTICS]})
