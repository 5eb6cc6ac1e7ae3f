"""Plots of a bench's JSON document. An SVG is text: no library is needed.

Each function that ends in `_plot` returns a picture; the others return elements of one.
"""

from __future__ import annotations

import html
import math
import re
import statistics
from collections.abc import Iterable
from typing import Any

from bench.targets import GAIN, READ, TARGETS, medians

TITLES = {"pictologics": "pictologics", "pyradiomics": "PyRadiomics", "nyxus": "Nyxus"}
COLOURS = {
    "ferromics": "#b3541e", "pictologics": "#31688e", "pyradiomics": "#5c8a3a", "nyxus": "#8a5a9e",
}  # fmt: skip
LIGHT, DARK = "#dddddd", "#222222"
SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
MIB = 2**20


def digits(value: float) -> str:
    """Return a number with two or three digits."""
    return f"{value:#.2g}".removesuffix(".") if value < 9.95 else f"{value:,.0f}"


def duration(seconds: float) -> str:
    """Return a time in ms or s."""
    return f"{digits(1e3 * seconds)} ms" if seconds < 1 else f"{seconds:.2g} s"


def label(value: float, unit: str) -> str:
    """Return a value with its unit."""
    if unit == "s":
        return duration(value)
    if unit == "bytes a voxel":
        return f"{value:.1f} {unit}"
    return f"{digits(value)}x" if unit == "x" else f"{digits(value)} {unit}"


def limit(value: float, unit: str) -> str:
    """Return a round value, as of a target or on an axis, with its unit."""
    short = re.sub(r"(\.\d*?)0+(?!\d)", r"\1", label(value, unit))
    return re.sub(r"\.(?!\d)", "", short)


def text(x: float, y: float, words: str, size: int = 12, **style: str) -> str:
    """Return a text element."""
    extra = "".join(f' {k.replace("_", "-")}="{v}"' for k, v in style.items())
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}"{extra}>{html.escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, colour: str = LIGHT, width: int = 1) -> str:
    """Return a line element."""
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"/>'


def rectangle(x: float, y: float, width: float, height: float, colour: str) -> str:
    """Return a filled rectangle."""
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect {place} fill="{colour}"/>'


def svg(width: float, height: float, elements: Iterable[str]) -> str:
    """Return a picture."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" font-family="sans-serif" fill="{DARK}">\n'
        + "\n".join([rectangle(0, 0, width, height, "white"), *elements])
        + "\n</svg>\n"
    )


def legend(x: float, y: float, tools: Iterable[str]) -> list[str]:
    """Return names beside their colours."""
    out = []
    for k, tool in enumerate(tools):
        left = x + 120 * k
        out.append(rectangle(left, y - 10, 12, 12, COLOURS[tool]))
        out.append(text(left + 18, y, TITLES.get(tool, tool)))
    return out


def bars(
    rows: list[tuple[str, dict[str, float]]],
    unit: str,
    *,
    log: bool,
    marks: dict[tuple[str, str], float] | None = None,
) -> str:
    """Return horizontal bars: a group a row, a bar a tool; `marks` are limits by row and tool."""
    if not rows:  # a run of a few works
        return svg(1, 1, [])
    marks = marks or {}
    values = [v for _, group in rows for v in group.values()] + [*marks.values()]
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
        out += [text(x(tick), bottom + 10, limit(tick, unit), 11, text_anchor="middle")]
    for name, group in rows:
        middle = y + bar * len(group) / 2 + 4
        out.append(text(left - 10, middle, name, text_anchor="end"))
        for tool, value in group.items():
            out.append(rectangle(left, y, max(1.0, x(value) - left), bar - 2, COLOURS[tool]))
            told, end = label(value, unit), x(value)
            if tool != "ferromics" and "ferromics" in group:
                told += f"  ({digits(value / group['ferromics'])}x)"
            mark = marks.get((name, tool))
            if mark is not None:
                out.append(line(x(mark), y - 2, x(mark), y + bar, DARK, 2))
                end = max(end, x(mark))
                told += f"  of {limit(mark, unit)}"
            out.append(text(end + 5, y + bar - 4, told, 11))
            y += bar
        y += gap
    return svg(left + width + 130, bottom + 22, out)


def panel(
    title: str,
    series: dict[str, list[tuple[float, float]]],
    unit: str,
    place: tuple[float, float],
    most: float | None = None,
) -> list[str]:
    """Return lines by tool, both axes logarithmic; `most` is a grey line, so much for each x."""
    left, top = place
    width, height = 190.0, 150.0
    across = [n for points in series.values() for n, _ in points]
    up = [v for points in series.values() for _, v in points]
    if most is not None:
        up += [most * n for n in across]
    low, high = math.floor(math.log10(min(up))), math.ceil(math.log10(max(up)))
    high = max(high, low + 1)
    first, last = math.log10(min(across)), math.log10(max(across))
    last = max(last, first + 1)

    def x(n: float) -> float:
        return left + width * (math.log10(n) - first) / (last - first)

    def y(value: float) -> float:
        return top + height * (high - math.log10(value)) / (high - low)

    def curve(points: list[tuple[float, float]], colour: str, dashes: str = "") -> str:
        path = " ".join(f"{x(n):.1f},{y(v):.1f}" for n, v in points)
        style = f'stroke="{colour}" stroke-width="2"{dashes}'
        return f'<polyline points="{path}" fill="none" {style}/>'

    out = [text(left, top - 8, title, 13, font_weight="bold")]
    for k in range(low, high + 1):
        out.append(line(left, y(10.0**k), left + width, y(10.0**k)))
        out.append(text(left - 6, y(10.0**k) + 4, limit(10.0**k, unit), 10, text_anchor="end"))
    for k in range(math.ceil(first), math.floor(last) + 1):
        out.append(line(x(10.0**k), top, x(10.0**k), top + height))
        name = "10" + str(k).translate(SUPERSCRIPT)
        out.append(text(x(10.0**k), top + height + 15, name, 10, text_anchor="middle"))
    if most is not None:
        ends = [(n, most * n) for n in (min(across), max(across))]
        out.append(curve(ends, "#888888", ' stroke-dasharray="5 4"'))
    for tool, points in series.items():
        out.append(curve(points, COLOURS[tool]))
        out += [
            f'<circle cx="{x(n):.1f}" cy="{y(v):.1f}" r="3" fill="{COLOURS[tool]}"/>'
            for n, v in points
        ]
    return out


def panels(found: Iterable[tuple[Any, ...]]) -> str:
    """Return panels, four a line; each as :func:`panel` takes it, without the place."""
    listed = list(found)
    used = [t for t in COLOURS if any(t in series for _, series, *_ in listed)]
    out = legend(60, 24, used)
    for k, (title, series, unit, *most) in enumerate(listed):
        out += panel(title, series, unit, (60 + 260 * (k % 4), 70 + 210 * (k // 4)), *most)
    return svg(60 + 260 * min(4, max(2, len(listed))), 60 + 210 * math.ceil(len(listed) / 4), out)


def curves(by_number: dict[str, dict[str, list[float]]]) -> dict[str, list[tuple[float, float]]]:
    """Return points by tool, of seconds by number and tool."""
    series: dict[str, list[tuple[float, float]]] = {}
    for number, times in by_number.items():
        for tool, middle in medians(times).items():
            series.setdefault(tool, []).append((int(number), middle))
    return series


def family_plot(by_size: dict[str, Any]) -> str:
    """Return each family's time against voxels."""
    families = list(next(iter(by_size.values())))
    return panels((f, curves({n: t[f] for n, t in by_size.items()}), "s") for f in families)


def level_plot(levels: dict[str, Any]) -> str:
    """Return each texture family's time against grey levels."""
    return panels((f, curves(by_bins), "s") for f, by_bins in levels["seconds"].items())


def level_memory_plot(levels: dict[str, Any]) -> str:
    """Return what each texture family adds at its peak against grey levels."""

    def points(by_bins: dict[str, int]) -> dict[str, list[tuple[float, float]]]:
        # Nothing added is no point of a logarithmic axis.
        return {"ferromics": [(int(b), max(n, 4096) / MIB) for b, n in by_bins.items()]}

    return panels((f, points(by_bins), "MiB") for f, by_bins in levels["peak_bytes"].items())


def coloured(values: dict[str, float]) -> dict[str, float]:
    """Return the tools that plots show, in their order."""
    return {tool: values[tool] for tool in COLOURS if tool in values}


def work_plot(document: dict[str, Any]) -> str:
    """Return the works' times at one thread."""
    rows = [
        r
        for r in document["rows"]
        if "seconds" in r and r["threads"] == 1 and r["work"] not in (READ, GAIN)
    ]
    groups = [(r["work"], coloured(medians(r["seconds"]))) for r in rows]
    return bars(groups, "s", log=True)


def ratio_plot(document: dict[str, Any], voxels: int = 10**6) -> str:
    """Return how many times ours each peer takes, at one thread; a mark is a target."""
    timed = {r["work"]: r["seconds"] for r in document["rows"]
             if "seconds" in r and r["threads"] == 1 and r["work"] != READ}  # fmt: skip
    timed |= document["families"].get("1", {}).get(str(voxels), {})
    rows = []
    for name, seconds in timed.items():
        middle = medians(seconds)
        ratios = {t: middle[t] / middle["ferromics"] for t in TITLES if t in middle}
        if ratios:
            rows.append((name, ratios))
    marks = {(t.work, t.against): t.limit for t in TARGETS if t.unit == "x" and t.at_least}
    shown = {(name, tool) for name, ratios in rows for tool in ratios}
    return bars(rows, "x", log=True, marks={k: m for k, m in marks.items() if k in shown})


def memory_plot(document: dict[str, Any]) -> str | None:
    """Return the peak memory of W1, if it was weighed."""
    rows = [r for r in document["rows"] if "peak_kib" in r]
    if not rows:
        return None
    peaks = {t: statistics.median(p) / 1024 for t, p in rows[0]["peak_kib"].items()}
    return bars([("W1, fresh process", coloured(peaks))], "MiB", log=False)


def growth_plot(document: dict[str, Any]) -> str | None:
    """Return what texture adds against voxels of the box, if it was weighed."""
    rows = [r for r in document["rows"] if "bytes_a_voxel" in r]
    if not rows:
        return None
    peaks, boxes = rows[0]["peak_bytes"], rows[0]["boxes"]
    points = {"ferromics": [(boxes[n], peak / MIB) for n, peak in peaks.items()]}
    most = next(t.limit for t in TARGETS if t.work == rows[0]["work"])
    return panels([("added by texture", points, "MiB", most / MIB)])
