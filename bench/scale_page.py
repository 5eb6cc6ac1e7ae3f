"""Makes the tables of docs/scale.md from what `python -m bench.cohort --json` wrote.

`python -m bench.scale_page` takes the file that docs/scale.md names between its markers; `--json`
names another. The standard library is all it needs.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
from pathlib import Path
from typing import Any

from bench import page
from bench.plots import digits, duration
from bench.targets import INFLATING, PATIENTS, SCALE, STEPS, WARM

PATH = page.ROOT / "docs" / "scale.md"
MARKED = re.compile(r"(<!-- bench: (\S+) -->\n).*?(<!-- /bench -->)", re.S)
STUDIES = 10**6
ON_DISK = {"journal": "journal", "CSV": "CSV", "Parquet": "Parquet", "long Parquet": "long Parquet"}


def size(count: float) -> str:
    """Return bytes as MB or GB."""
    return f"{digits(count / 1e9)} GB" if count >= 1e9 else f"{digits(count / 1e6)} MB"


def time(seconds: float) -> str:
    """Return a time with a unit that suits it."""
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{digits(seconds / length)} {unit}"
    return duration(seconds)


def sizes(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of cohorts, the smallest first."""
    rows = [row for row in document["rows"] if row["work"] == SCALE]
    return sorted(rows, key=lambda row: int(row["cases"]))


def markdown(document: dict[str, Any]) -> str:
    """Return the tables: what was measured, and what it makes at a million studies."""
    rows = sizes(document)
    last = rows[-1]
    times = STUDIES / last["cases"]
    head = ["", *(f"{row['cases']:,} rows" for row in rows), f"{STUDIES:,} rows, extrapolated"]
    out = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]

    def line(name: str, found: list[float], shown: Any, million: float) -> None:
        out.append(f"| {' | '.join([name, *map(shown, found), shown(million)])} |")

    for step in STEPS:
        found = [float(row["processor_s"][step]) for row in rows]
        line(step, found, time, found[-1] * times)
    for name, shown in ON_DISK.items():
        found = [row["bytes"][name] for row in rows]
        line(f"size of the {shown}", found, size, found[-1] * times)
    kept = {"memory held once it knows what is done": [float(r["held_bytes"]) for r in rows]}
    for step in STEPS:
        if step.startswith("write") and "journal" not in step:
            kept[f"memory added to {step}"] = [float(r["added_bytes"][step]) for r in rows]
    for name, held in kept.items():
        a_row = (held[-1] - held[0]) / max(1, last["cases"] - rows[0]["cases"])
        line(name, held, size, held[0] + a_row * STUDIES)
    out += ["", f"{page.told(document)}. A row has {last['values']} values, its region one line."]
    by_work = {row["work"]: row for row in document["rows"]}
    if WARM in by_work and INFLATING in by_work:
        used = by_work[INFLATING]["processor_s"]["ferromics"]
        seconds, files = statistics.median(used) / PATIENTS, by_work[WARM]["bytes_a_case"]
        out += [
            "",
            f"Computing took {time(seconds)} of processor time a study ({PATIENTS} CT patients, "
            f"PyRadiomics' set without filters): {time(seconds * STUDIES)} of one core for "
            f"{STUDIES:,}. Their files are {size(files)} a study: {size(files * STUDIES)}.",
        ]
    return "\n".join([*out, ""])


def named() -> Path:
    """Return the JSON file that docs/scale.md names."""
    match = MARKED.search(PATH.read_text(encoding="utf-8"))
    if match is None:
        raise SystemExit(f"{PATH} has no <!-- bench: FILE --> ... <!-- /bench -->")
    return page.ROOT / match[2]


def with_tables(text: str, path: Path, document: dict[str, Any]) -> str:
    """Return the page's text with the tables of `document`, which `path` holds."""
    place = path.resolve().relative_to(page.ROOT).as_posix()
    inside = f"<!-- bench: {place} -->\n{markdown(document)}"
    return MARKED.sub(lambda match: inside + match[3], text)


def main() -> None:
    """Write the tables of docs/scale.md."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale_page", description=__doc__)
    parser.add_argument("--json", type=Path, help="by default the file that docs/scale.md names")
    path = parser.parse_args().json or named()
    document = json.loads(path.read_text(encoding="utf-8"))
    text = PATH.read_text(encoding="utf-8")
    PATH.write_text(with_tables(text, path, document), encoding="utf-8")


if __name__ == "__main__":
    main()
