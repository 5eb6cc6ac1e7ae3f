"""Write docs/features.md, names.md and conformance.md from the installed package (`make docs`)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import ferromics as fm
from ferromics import compliance, ibsi_data, report, suite
from ferromics import names as other

HERE = Path(__file__).parent
HEAD = "<!-- Written by `make docs`; do not edit. -->\n\n"


def features() -> str:
    """Return the catalogue as a page: every feature with the text above its function."""
    rows = fm.catalogue()
    codes = dict(fm.aggregations())
    lines = [HEAD, "# Features\n\n"]
    own = sum(row["family"] == "diag" for row in rows)
    lines.append(f"{len(rows) - own} features of IBSI 1, in the order of its manual, and {own} ")
    lines.append(COLUMNS)
    family = ""
    for row in rows:
        if row["family"] != family:
            family = row["family"]
            code = f", {row['family_ibsi']}" if row["family_ibsi"] else ""
            lines.append(f"\n## {row['family_title']} (`{family}`{code})\n\n")
            if row["aggregations"]:
                names = ", ".join(f"`{a}` ({codes[a]})" for a in row["aggregations"])
                lines.append(f"Aggregations: {names}. {MEANS}\n")
        unit = row["unit"] or "none"
        code = row["ibsi"] or "no code"
        lines.append(f"\n### {row['title']}\n\n`{row['name']}` · {code} · unit: {unit}\n\n")
        lines.append(f"{row['doc'].strip()}\n")
    return "".join(lines)


MEANS = (
    "$N_g$ is the number of bins of a fixed bin number, else the highest level of the region, and "
    "the same for all slices. A mean over slices or directions leaves out those without any count, "
    "and those where the feature is undefined."
)

COLUMNS = (
    "diagnostic features of the processing stages.\n\n"
    "A column of the wide table is named image, family, feature, discretisation, aggregation, "
    "then every parameter that differs from its default: "
    "`original_glcm_joint_entropy_fbn32_3d_merged`.\n"
)


def names() -> str:
    """Return the page of what other tools call each feature."""
    lines = [HEAD, "# Names elsewhere\n\n", NAMES]
    family = ""
    for row in other.rows():
        if row.family != family:
            family = row.family
            lines.append(
                f"\n## `{family}`\n\n| feature | tag, MIRP | PyRadiomics | pictologics |\n"
            )
            lines.append("|---|---|---|---|\n")
        cells = (row.feature, row.tag, row.pyradiomics, row.pictologics)
        lines.append(f"| {' | '.join(f'`{c}`' if c else '' for c in cells)} |\n")
    lines.append("\n## Aggregations\n\n| aggregation | tag ends in | MIRP |\n|---|---|---|\n")
    tags = {v: k for k, v in other.TAG_AGGREGATIONS.items()}
    mirp = {v: k for k, v in other.MIRP_AGGREGATIONS.items()}
    lines += [f"| `{a}` | `{tags[a]}` | `{mirp[a]}` |\n" for a, _ in fm.aggregations()]
    lines.append("\n## What PyRadiomics has otherwise\n\n| PyRadiomics | |\n|---|---|\n")
    notes = {k: note for k, (_, note) in other.PYRADIOMICS_CONVERTED.items()}
    differing = {**notes, **other.PYRADIOMICS_WITHOUT}
    lines += [f"| `{name}` | {why} |\n" for name, why in differing.items()]
    lines.append("\n## Diagnostic features\n\n| `diag` | tag |\n|---|---|\n")
    lines += [f"| `{name}` | `{tag}` |\n" for tag, name in other.diagnostic_tags().items()]
    return "".join(lines)


NAMES = (
    "What IBSI's compliance spreadsheet (tags) and other tools call the features. The tags of "
    "texture features end in the aggregation (`cm_joint_entr_3D_comb`). MIRP has the same tags, "
    "then distance, aggregation and discretisation (`cm_joint_entr_d1_3d_v_mrg_fbs_w25.0`). "
    "PyRadiomics writes the image type before them (`original_glcm_JointEntropy`); its textures "
    "are `3d_averaged` or `3d`, with `force2D` `2.5d_direction_merged` or `2.5d`. Those of "
    "pictologics are `3d_merged` or `3d`. Names stand in one row only if they stand for the same "
    "quantity.\n"
)


def conformance(data: Path) -> str:
    """Return the page of what matches of IBSI 1 and 2, on the images of `data`."""
    lines = [HEAD, "# Conformance with IBSI\n\n", RULE]
    for configuration in compliance.configurations():
        outcome = suite.run(configuration, data)
        lines.append(f"\n## {outcome.title} (`{outcome.settings}`)\n\n")
        lines.append("| family | matched | partial | missed |\n|---|---|---|---|\n")
        steps = {"diag": suite.count(outcome.diagnostics)} if outcome.diagnostics else {}
        families = {family: outcome.counts(family) for family in outcome.families}
        for family, counts in {**families, "all": outcome.counts(), **steps}.items():
            cells = " | ".join(str(counts[v]) for v in ("match", "partial", "miss"))
            lines.append(f"| {family} | {cells} |\n")
    return "".join([*lines, *response_maps(data), *filtered_images(data)])


def response_maps(data: Path) -> Iterator[str]:
    """Yield the table of IBSI 2, phase 1."""
    outcomes = [suite.run_map(test.test, data) for test in compliance.map_tests()]
    counts = suite.count(outcomes)
    yield f"\n## {report.MAPS}\n\n{report.RULE_MAPS} {counts['match']} of {len(outcomes)} "
    yield f"match, {counts['miss']} miss; {counts['no reference']} have no valid reference map. "
    yield f"{BLOCKS}\n\n"
    yield "| test | phantom | filter | boundary | largest difference | % of range | |\n"
    yield "|---|---|---|---|---|---|---|\n"
    for outcome in outcomes:
        test = outcome.test
        largest = "-" if outcome.difference is None else f"{outcome.difference:.2g}"
        cells = (test.test, test.phantom, suite.filter_words(test.filter), test.filter["boundary"])
        judged = (largest, report.percent(outcome.percent), report.HEADINGS[outcome.verdict])
        yield f"| {' | '.join(map(str, (*cells, *judged)))} |\n"


def filtered_images(data: Path) -> Iterator[str]:
    """Yield the table of IBSI 2, phase 2."""
    outcomes = suite.run_filtered(compliance.filter_tests(), data)
    counts = suite.count(row for outcome in outcomes for row in outcome.rows)
    yield f"\n## {report.FILTERED}\n\n{report.RULE_FILTERED} {counts['match']} match, "
    yield f"{counts['miss']} miss; {counts['no reference']} has no reference. The tests ending in "
    yield "A are `ibsi2:A`, slice by slice; those ending in B `ibsi2:B`, in 3D at 1 mm.\n\n"
    yield "| test | filter | matched | missed |\n|---|---|---|---|\n"
    for outcome in outcomes:
        name, found = outcome.configuration, outcome.counts()
        yield f"| {name} | {suite.filter_of(name)} | {found['match']} | {found['miss']} |\n"


BLOCKS = (
    "Filters are written as in settings: lengths in mm, supports and distances of energies in "
    "voxels, angles in degrees."
)

RULE = (
    "For IBSI 1, the reference values, tolerances and the rule are IBSI's: the difference between "
    "reference and result, cut off at the third significant digit of the reference (at whole "
    "numbers where it is 0), must not exceed the tolerance. `diag` are the diagnostic features of "
    "image and region after each processing step. `ferromics ibsi` runs all of this on your "
    "machine.\n"
)


def main() -> None:
    """Write the pages; the last one needs IBSI's images."""
    (HERE / "features.md").write_text(features(), encoding="utf-8")
    (HERE / "names.md").write_text(names(), encoding="utf-8")
    data = ibsi_data.find(beside=HERE.parent.parent / "shared" / "ibsi" / "data")
    if data is None:
        sys.exit(f"docs/conformance.md left as it is: {ibsi_data.HOW_TO_GET_IT}")
    (HERE / "conformance.md").write_text(conformance(data), encoding="utf-8")


if __name__ == "__main__":
    main()
