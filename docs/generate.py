"""Write docs/features.md and docs/conformance.md from the installed package (`make docs`)."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path

import ferromics as fm
from ferromics import compliance

HERE = Path(__file__).parent
HEAD = "<!-- Written by `make docs`; do not edit. -->\n\n"


def features() -> str:
    """Return the catalogue as a page: every feature with the text above its function."""
    rows = fm.catalogue()
    codes = dict(fm.aggregations())
    lines = [HEAD, "# Features\n\n"]
    lines += [f"{len(rows)} features of IBSI 1, in the order of its manual. ", COLUMNS, "\n"]
    family = ""
    for row in rows:
        if row["family"] != family:
            family = row["family"]
            lines.append(f"\n## {row['family_title']} (`{family}`, {row['family_ibsi']})\n\n")
            if row["aggregations"]:
                names = ", ".join(f"`{a}` ({codes[a]})" for a in row["aggregations"])
                lines.append(f"Aggregations: {names}.\n")
        unit = row["unit"] or "none"
        lines.append(f"\n### {row['title']}\n\n`{row['name']}` · {row['ibsi']} · unit: {unit}\n\n")
        lines.append(f"{row['doc'].strip()}\n")
    return "".join(lines)


COLUMNS = (
    "A column of the wide table is named image, family, feature, discretisation, aggregation, "
    "then every parameter that differs from its default: "
    "`original_glcm_joint_entropy_fbn32_3d_merged`.\n"
)


def conformance() -> str:
    """Return the page of matches by configuration and family."""
    lines = [HEAD, "# Conformance with IBSI 1\n\n", RULE, "\n"]
    for configuration, rows in compliance.run_all():
        lines.append(f"\n## {compliance.TITLES[configuration]}\n\n")
        lines.append("| family | matched | partial | missed |\n|---|---|---|---|\n")
        families = list(dict.fromkeys(row.family for row in rows))
        for family in [*families, "all"]:
            verdicts = Counter(r.verdict for r in rows if family in (r.family, "all"))
            counts = " | ".join(str(verdicts[v]) for v in ("match", "partial", "miss"))
            lines.append(f"| {family} | {counts} |\n")
    return "".join(lines)


RULE = (
    "The reference values, tolerances and the rule are IBSI's: the difference between reference "
    "and result, cut off at the third significant digit of the reference, must not exceed the "
    "tolerance.\n"
)


def main() -> None:
    """Write both pages; the second one needs the reference images."""
    (HERE / "features.md").write_text(features(), encoding="utf-8")
    try:
        page = conformance()
    except FileNotFoundError as error:
        sys.exit(f"docs/conformance.md left as it is: {error}")
    (HERE / "conformance.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    os.chdir(HERE.parent)
    main()
