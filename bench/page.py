"""Makes the table of README.md, and pages with plots, from what `python -m bench --json` wrote.

`python -m bench.page` (`make bench-page`) takes the file that README.md names between its markers;
`--json` names another. The standard library is all it needs.
"""

from __future__ import annotations

import argparse
import html
import json
import math
import re
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
MARKED = re.compile(r"(<!-- bench: (\S+) -->\n).*?(<!-- /bench -->)", re.S)
TITLES = {"pictologics": "pictologics", "pyradiomics": "PyRadiomics"}
COLOURS = {"ferromics": "#b3541e", "pictologics": "#31688e", "pyradiomics": "#5c8a3a"}
LIGHT = "#dddddd"
# How many times as long as ours pictologics is to take, from so many voxels on.
FAMILY_TARGETS = {
    "glcm": (3, 10**6), "glrlm": (3, 10**6), "glszm": (3, 10**6), "gldzm": (5, 10**6),
    "loc": (5, 10**6), "ngtdm": (5, 10**6), "ngldm": (5, 10**6), "stat": (3, 10**6),
    "ih": (3, 10**6), "morph": (3, 10**6), "autocorrelation": (3, 10**5), "texture": (4, 10**6),
}  # fmt: skip


def medians(row: dict[str, Any]) -> dict[str, float]:
    """Return the median by tool."""
    return {tool: statistics.median(times) for tool, times in row["seconds"].items()}


def digits(value: float) -> str:
    """Return a number with two or three digits."""
    return f"{value:.2g}" if value < 10 else f"{value:,.0f}"


def duration(seconds: float) -> str:
    """Return a time in ms or s."""
    return f"{digits(1e3 * seconds)} ms" if seconds < 1 else f"{seconds:.2g} s"


def targets(row: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    """Return a row's targets: against what, what was found, the target, whether it is met."""
    found = []
    if "peak_kib" in row:
        for tool, most in row["at_most_mib"].items():
            mib = statistics.median(row["peak_kib"][tool]) / 1024
            found.append((tool, f"{mib:.0f} MiB", f"at most {most} MiB", mib <= most))
        return found
    by_tool = medians(row)
    ours = by_tool["ferromics"]
    if row.get("at_most_s"):
        most = row["at_most_s"]
        found.append(("ferromics", duration(ours), f"at most {duration(most)}", ours <= most))
    if row.get("over_one"):
        ratio = by_tool["ferromics, all aggregations"] / ours
        target = f"at most {row['over_one']}x"
        found.append(("all aggregations", f"{ratio:.1f}x", target, ratio <= row["over_one"]))
    for tool, least in row.get("at_least", {}).items():
        if tool in by_tool:
            ratio = by_tool[tool] / ours
            found.append((tool, f"{digits(ratio)}x", f"{least}x", ratio >= least))
    return found


def free(document: dict[str, Any], threads: int) -> bool:
    """Return whether a probe gained 0.8 a core before and after: else the rows say little."""
    gains = document.get("probe", {}).get(str(threads), [0.0])
    return threads == 1 or min(gains) >= 0.8 * threads


def shown(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows for which the cores were free."""
    return [row for row in document["rows"] if free(document, row["threads"])]


def lines(row: dict[str, Any]) -> Iterable[str]:
    """Yield a row as text, a line a tool."""
    yield f"\n{row['work']}: {row['title']}, {row['threads']} thread(s)"
    for tool, peaks in row.get("peak_kib", {}).items():
        yield f"  {tool:<30}{statistics.median(peaks) / 1024:>9.0f} MiB"
    ours = medians(row)["ferromics"] if "seconds" in row else 1.0
    for tool, times in row.get("seconds", {}).items():
        middle = statistics.median(times)
        spread = f"{1e3 * min(times):.1f} to {1e3 * max(times):.1f}"
        text = f"  {tool:<30}{1e3 * middle:>9.1f} ms  ({spread}, n = {len(times)})"
        yield text if tool == "ferromics" else f"{text}  {middle / ours:.1f}x"
    for tool, check in row["checked"].items():
        wrong = f", {len(check['wrong'])} DIFFER" if check["wrong"] else ""
        yield f"  values compared with {tool}: {check['values']}{wrong}"
        yield from (f"    {w}" for w in check["wrong"][:5])
    for tool, why in row["left_out"].items():
        yield f"  {tool} left out: {why}"
    for subject, value, target, met in targets(row):
        yield f"  {'met   ' if met else 'MISSED'} {subject}: {value}, target {target}"


def told(document: dict[str, Any]) -> str:
    """Return one line on tools and machine."""
    tools = ", ".join(f"{TITLES.get(n, n)} {v}" for n, v in document["versions"].items())
    load = f"{document['load'][0]:.1f}" if document["load"] else "unknown"
    build, cores = document["build"], document["cores"]
    return (
        f"{tools}; commit {document['commit']}, {build['profile']} build for {build['target']}; "
        f"{document['cpu']}, {cores} cores, load {load} at the start; {document['date']}"
    )


def markdown(document: dict[str, Any]) -> str:
    """Return the table of README.md."""
    peers = [p for p in TITLES if p in document["versions"]]
    heads = ["work", "threads", "ferromics", *(TITLES[p] for p in peers)]
    out = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for row in shown(document):
        title = (
            row["title"]
            if row["title"].startswith(row["work"])
            else f"{row['work']}: {row['title']}"
        )
        cells = [title, str(row["threads"])]
        if "peak_kib" in row:
            mib = {t: statistics.median(p) / 1024 for t, p in row["peak_kib"].items()}
            cells.append(f"{mib['ferromics']:.0f} MiB")
            cells += [f"{mib[p]:.0f} MiB" if p in mib else "" for p in peers]
        else:
            by_tool = medians(row)
            ours = by_tool["ferromics"]
            cells.append(duration(ours))
            cells += [
                f"{duration(by_tool[p])} ({digits(by_tool[p] / ours)}x)" if p in by_tool else ""
                for p in peers
            ]
        out.append(f"| {' | '.join(cells)} |")
    busy = sorted({r["threads"] for r in document["rows"] if not free(document, r["threads"])})
    note = "".join(
        f" Rows of {n} threads are left out: no probe found {n} free cores." for n in busy
    )
    return "\n".join([*out, "", f"Medians of interleaved repetitions. {told(document)}.{note}", ""])


def named() -> Path:
    """Return the JSON file that README.md names."""
    match = MARKED.search(README.read_text(encoding="utf-8"))
    if match is None:
        raise SystemExit(f"{README} has no <!-- bench: FILE --> ... <!-- /bench -->")
    return ROOT / match[2]


def with_table(text: str, path: Path, document: dict[str, Any]) -> str:
    """Return the README's text with the table of `document`, which `path` holds."""
    place = path.resolve().relative_to(ROOT).as_posix()
    plot = f"![Times of the works](bench/results/{path.stem}.svg)\n"
    inside = f"<!-- bench: {place} -->\n{markdown(document)}\n{plot}"
    return MARKED.sub(lambda match: inside + match[3], text)


# Plots: an SVG is text; each function returns the elements of one panel.


def text(x: float, y: float, words: str, size: int = 12, **style: str) -> str:
    """Return a text element."""
    extra = "".join(f' {k.replace("_", "-")}="{v}"' for k, v in style.items())
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}"{extra}>{html.escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, colour: str = LIGHT) -> str:
    """Return a line element."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def svg(width: float, height: float, elements: Iterable[str]) -> str:
    """Return a picture."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" font-family="sans-serif" fill="#222">\n'
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="white"/>\n'
        + "\n".join(elements)
        + "\n</svg>\n"
    )


def legend(x: float, y: float, tools: Iterable[str]) -> list[str]:
    """Return names beside their colours."""
    out = []
    for k, tool in enumerate(tools):
        left = x + 120 * k
        colour = COLOURS[tool]
        out.append(f'<rect x="{left}" y="{y - 10}" width="12" height="12" fill="{colour}"/>')
        out.append(text(left + 18, y, TITLES.get(tool, tool)))
    return out


def bars(rows: list[tuple[str, dict[str, float]]], unit: str, *, log: bool) -> str:
    """Return horizontal bars: a group a row, a bar a tool."""
    values = [v for _, group in rows for v in group.values()]
    low = 10 ** math.floor(math.log10(min(values))) if log else 0.0
    high, left, width, bar, gap = max(values), 210, 470, 15, 14

    def x(value: float) -> float:
        share = math.log(value / low) / math.log(high / low) if log else value / high
        return left + width * share

    ticks = [t for k in range(-9, 9) if low <= (t := 10.0**k) <= high] if log else []
    tools = [t for t in COLOURS if any(t in group for _, group in rows)]
    out, y = legend(left, 24, tools), 44.0
    bottom = y + sum(bar * len(group) + gap for _, group in rows)
    for tick in ticks:
        out += [line(x(tick), y - 6, x(tick), bottom - 6)]
        out += [text(x(tick), bottom + 10, label(tick, unit), 11, text_anchor="middle")]
    for name, group in rows:
        middle = y + bar * len(group) / 2 + 4
        out.append(text(left - 10, middle, name, text_anchor="end"))
        for tool, value in group.items():
            out.append(
                f'<rect x="{left}" y="{y:.1f}" width="{max(1.0, x(value) - left):.1f}" '
                f'height="{bar - 2}" fill="{COLOURS[tool]}"/>'
            )
            told = label(value, unit)
            if tool != "ferromics" and "ferromics" in group:
                told += f"  ({digits(value / group['ferromics'])}x)"
            out.append(text(x(value) + 5, y + bar - 4, told, 11))
            y += bar
        y += gap
    return svg(left + width + 130, bottom + 22, out)


def label(value: float, unit: str) -> str:
    """Return a value with its unit."""
    return duration(value) if unit == "s" else f"{digits(value)} {unit}"


def curves(family: str, by_size: dict[str, Any], place: tuple[float, float]) -> list[str]:
    """Return one panel: time against voxels, both logarithmic."""
    left, top = place
    width, height = 190.0, 150.0
    points = {
        tool: [
            (int(n), statistics.median(times[family][tool]))
            for n, times in by_size.items()
            if tool in times.get(family, {})
        ]
        for tool in ("ferromics", "pictologics")
    }
    times = [t for found in points.values() for _, t in found]
    sizes = [n for found in points.values() for n, _ in found]
    low, high = (math.floor(math.log10(min(times))), math.ceil(math.log10(max(times))))
    first, last = math.log10(min(sizes)), max(math.log10(max(sizes)), math.log10(min(sizes)) + 1)

    def x(n: float) -> float:
        return left + width * (math.log10(n) - first) / (last - first)

    def y(t: float) -> float:
        return top + height * (high - math.log10(t)) / (high - low)

    out = [text(left, top - 8, family, 13, font_weight="bold")]
    for k in range(low, high + 1):
        out.append(line(left, y(10.0**k), left + width, y(10.0**k)))
        out.append(text(left - 6, y(10.0**k) + 4, label(10.0**k, "s"), 10, text_anchor="end"))
    for k in range(math.ceil(first), math.floor(last) + 1):
        out.append(line(x(10.0**k), top, x(10.0**k), top + height))
        name = {4: "10⁴", 5: "10⁵", 6: "10⁶"}.get(k, f"1e{k}")
        out.append(text(x(10.0**k), top + height + 15, name, 10, text_anchor="middle"))
    for tool, found in points.items():
        path = " ".join(f"{x(n):.1f},{y(t):.1f}" for n, t in found)
        colour = COLOURS[tool]
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [
            f'<circle cx="{x(n):.1f}" cy="{y(t):.1f}" r="3" fill="{colour}"/>' for n, t in found
        ]
    return out


def family_plot(by_size: dict[str, Any]) -> str:
    """Return all families' panels."""
    names = list(next(iter(by_size.values())))
    out = legend(60, 24, ["ferromics", "pictologics"])
    for k, family in enumerate(names):
        out += curves(family, by_size, (60 + 260 * (k % 4), 70 + 210 * (k // 4)))
    return svg(60 + 260 * 4, 60 + 210 * math.ceil(len(names) / 4), out)


def work_plot(document: dict[str, Any]) -> str:
    """Return the works' times at one thread."""
    rows = [r for r in document["rows"] if "seconds" in r and r["threads"] == 1]
    groups = [(r["work"], {t: m for t, m in medians(r).items() if t in COLOURS}) for r in rows]
    return bars(groups, "s", log=True)


def memory_plot(document: dict[str, Any]) -> str | None:
    """Return the peak memory of W1, if it was weighed."""
    rows = [r for r in document["rows"] if "peak_kib" in r]
    if not rows:
        return None
    peaks = {t: statistics.median(p) / 1024 for t, p in rows[0]["peak_kib"].items() if t in COLOURS}
    return bars([("W1, fresh process", peaks)], "MiB", log=False)


def family_targets(document: dict[str, Any]) -> Iterable[tuple[str, str, str, str, str, bool]]:
    """Yield the targets of families: name, threads, against what, what was found, target, met."""
    for threads, by_size in document["families"].items():
        if not free(document, int(threads)):
            continue
        for voxels, families in by_size.items():
            for family, times in families.items():
                least, start = FAMILY_TARGETS.get(family, (0, 0))
                if "pictologics" not in times or not least or int(voxels) < start:
                    continue
                ratio = statistics.median(times["pictologics"])
                ratio /= statistics.median(times["ferromics"])
                name, found = f"{family}, {int(voxels):,} voxels", f"{digits(ratio)}x"
                yield name, threads, "pictologics", found, f"{least}x", ratio >= least


def target_table(document: dict[str, Any]) -> str:
    """Return every target with what was found, as HTML."""
    works = [
        (row["work"], str(row["threads"]), *target)
        for row in shown(document)
        for target in targets(row)
    ]
    out = [
        "<table><tr><th>work</th><th>threads</th><th>against</th><th>found</th><th>target</th></tr>"
    ]
    for *cells, met in [*works, *family_targets(document)]:
        tag = "" if met else ' class="missed"'
        told = "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells)
        out.append(f"<tr{tag}>{told}</tr>")
    return "\n".join([*out, "</table>"])


def page(document: dict[str, Any]) -> str:
    """Return the page with all plots."""
    parts = [
        "<!doctype html><meta charset=utf-8><title>ferromics: benchmark</title>",
        "<style>body{font:15px sans-serif;max-width:1120px;margin:2em auto;color:#222}"
        "td,th{padding:2px 14px 2px 0;text-align:left}.missed{color:#b00020}</style>",
        f"<h1>Benchmark</h1><p>{html.escape(told(document))}.</p>",
        "<p>Rows of several threads are shown where a probe found as many free cores.</p>",
        "<p>Medians of interleaved repetitions; bench/README.md says what each work is.</p>",
        "<h2>Works, one thread (logarithmic)</h2>", work_plot(document),
        "<h2>Targets</h2><p>Red: missed.</p>", target_table(document),
    ]  # fmt: skip
    memory = memory_plot(document)
    if memory:
        parts += ["<h2>Peak memory</h2>", memory]
    for threads, by_size in document["families"].items():
        if not free(document, int(threads)):
            continue
        parts += [f"<h2>Families: time against voxels, threads: {threads}</h2>"]
        parts += [family_plot(by_size)]
    return "\n".join(parts) + "\n"


def main() -> None:
    """Write README.md's table, and the page and the plot beside the JSON file."""
    parser = argparse.ArgumentParser(prog="python -m bench.page", description=__doc__)
    parser.add_argument("--json", type=Path, help="by default the file that README.md names")
    path = parser.parse_args().json or named()
    document = json.loads(path.read_text(encoding="utf-8"))
    path.with_suffix(".html").write_text(page(document), encoding="utf-8")
    path.with_suffix(".svg").write_text(work_plot(document), encoding="utf-8")
    readme = README.read_text(encoding="utf-8")
    README.write_text(with_table(readme, path, document), encoding="utf-8")


if __name__ == "__main__":
    main()
