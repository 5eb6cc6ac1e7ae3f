"""Makes the table of README.md, and pages with plots, from what `python -m bench --json` wrote.

`python -m bench.page` (`make bench-page`) takes the file that README.md names between its markers;
`--json` names another. The standard library is all it needs.
"""

from __future__ import annotations

import argparse
import html
import json
import re
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench import plots, targets
from bench.plots import TITLES, digits, duration, label, limit
from bench.targets import BUSY, GAIN, GROWTH, INFLATING, READ, free, medians

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
MARKED = re.compile(r"(<!-- bench: (\S+) -->\n).*?(<!-- /bench -->)", re.S)
FAMILIES_OF = "1000000"  # voxels, in README.md


def shown(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows for which the cores were free."""
    return [row for row in document["rows"] if free(document, row["threads"])]


def statuses(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the targets as the file has them; a file from before it had them is judged now."""
    if "targets" in document:
        found: list[dict[str, Any]] = document["targets"]
        return found
    return targets.judged(document)


def cells(status: dict[str, Any]) -> list[str]:
    """Return one target: work, threads, against what, what was found, the target, its status."""
    voxels = f", {status['voxels']:,} voxels" if status["voxels"] else ""
    bound = "at least" if status["at_least"] else "at most"
    return [
        f"{status['work']}{voxels}", str(status["threads"]), status["against"],
        label(status["found"], status["unit"]),
        f"{bound} {limit(status['limit'], status['unit'])}", status["status"],
    ]  # fmt: skip


def verdicts(document: dict[str, Any]) -> Iterable[str]:
    """Yield each target as a line of text."""
    for status in statuses(document):
        work, _, against, found, target, met = cells(status)
        yield f"  {met:<8} {work:<38} {against:<28} {found:>18}   {target}"


def lines(row: dict[str, Any]) -> Iterable[str]:
    """Yield a row as text, a line a tool."""
    yield f"\n{row['work']}: {row['title']}, {row['threads']} thread(s)"
    for tool, peaks in row.get("peak_kib", {}).items():
        yield f"  {tool:<30}{statistics.median(peaks) / 1024:>9.0f} MiB"
    for tool, gains in row.get("gain", {}).items():
        spread = f"{min(gains):.2f} to {max(gains):.2f}, n = {len(gains)}"
        yield f"  {tool:<30}{statistics.median(gains):>9.2f}x  ({spread})"
    for name, found in row.get("figures", {}).items():
        value = label(statistics.median(found), row["unit"])
        spread = f"  ({label(min(found), row['unit'])} to {label(max(found), row['unit'])})"
        yield f"  {name:<30}{value:>18}{spread if len(found) > 1 else ''}"
    for name, used in row.get("processor_s", {}).items():
        took = statistics.median(used) if isinstance(used, list) else used
        yield f"  {name:<30}{label(took, 's'):>18} of processor time"
    for name, size in row.get("bytes", {}).items():
        yield f"  {name:<30}{size / 1e6:>12.1f} MB"
    for name, added in row.get("added_bytes", {}).items():
        yield f"  {name:<30}{added / plots.MIB:>12.1f} MiB added at the peak"
    if "bytes_a_voxel" in row:
        yield f"  {row['bytes_a_voxel']:.1f} bytes a voxel of the box"
    ours = medians(row["seconds"])["ferromics"] if "seconds" in row else 1.0
    for tool, times in row.get("seconds", {}).items():
        middle = statistics.median(times)
        spread = f"{1e3 * min(times):.1f} to {1e3 * max(times):.1f}"
        text = f"  {tool:<30}{1e3 * middle:>9.1f} ms  ({spread}, n = {len(times)})"
        yield text if tool == "ferromics" else f"{text}  {middle / ours:.1f}x"
    for tool, check in row["checked"].items():
        wrong = f", {len(check['wrong'])} DIFFER" if check["wrong"] else ""
        why = "; ".join(f"{n}: {reason}" for reason, n in check.get("why", {}).items())
        left_out = f", left out {why}" if why else ""
        yield f"  values compared with {tool}: {check['values']}{wrong}{left_out}"
        yield from (f"    {w}" for w in check["wrong"][:5])
    for tool, why in row["left_out"].items():
        yield f"  {tool} left out: {why}"


def told(document: dict[str, Any]) -> str:
    """Return one line on tools and machine."""
    tools = ", ".join(f"{TITLES.get(n, n)} {v}" for n, v in document["versions"].items())
    load = f"{document['load'][0]:.1f}" if document["load"] else "unknown"
    build, cores = document["build"], document["cores"]
    return (
        f"{tools}; commit {document['commit']}, {build['profile']} build for {build['target']}; "
        f"{document['cpu']}, {cores} cores, load {load} at the start; {document['date']}"
    )


def work_row(row: dict[str, Any], peers: list[str]) -> list[str]:
    """Return a work's cells of README.md's table."""
    named = row["title"].startswith(row["work"])
    found = [row["title"] if named else f"{row['work']}: {row['title']}", str(row["threads"])]
    if "peak_kib" in row:
        mib = {t: statistics.median(p) / 1024 for t, p in row["peak_kib"].items()}
        tools = ("ferromics", *peers)
        return found + [f"{mib[t]:.0f} MiB" if t in mib else "" for t in tools]
    middle = medians(row["seconds"])
    ours = middle["ferromics"]
    theirs = (
        f"{duration(middle[p])} ({digits(middle[p] / ours)}x)" if p in middle else "" for p in peers
    )
    return [*found, duration(ours), *theirs]


def remarks(document: dict[str, Any]) -> Iterable[str]:
    """Yield what README.md says below its table, a sentence each."""
    by_family = document["families"].get("1", {}).get(FAMILIES_OF, {})
    middles = {family: medians(seconds) for family, seconds in by_family.items()}
    ratios = [
        f"{family} {digits(m['pictologics'] / m['ferromics'])}x"
        for family, m in middles.items()
        if "pictologics" in m
    ]
    if ratios:
        voxels = int(FAMILIES_OF)
        yield f"Families of {voxels:,} voxels, pictologics' time over ours: {', '.join(ratios)}."
    for row in shown(document):
        if row["work"] == READ:
            ratio = targets.inflating(row)
            if ratio is None:
                continue
            yield f"Reading `.nii.gz` takes {ratio:.2f} of the time that inflating it alone takes."
        if row["work"] == GROWTH:
            yield f"Texture adds {row['bytes_a_voxel']:.1f} bytes a voxel of the region's box."
    for status in statuses(document):
        if status["work"] == GAIN:
            share = f"{status['found']:.2f} of what a pure computation gains"
            yield f"Texture of {status['voxels']:,} voxels gains from two threads {share}."
    found = [status["status"] == "met" for status in statuses(document)]
    yield f"Targets met: {sum(found)} of {len(found)}."


def markdown(document: dict[str, Any]) -> str:
    """Return the table of README.md."""
    peers = [p for p in TITLES if p in document["versions"]]
    heads = ["work", "threads", "ferromics", *(TITLES[p] for p in peers)]
    out = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for row in shown(document):
        if "figures" not in row and row["work"] not in (READ, GAIN, GROWTH, INFLATING, BUSY):
            out.append(f"| {' | '.join(work_row(row, peers))} |")
    busy = sorted({r["threads"] for r in document["rows"] if not free(document, r["threads"])})
    note = "".join(
        f" Rows of {n} threads are left out: no probe found {n} free cores." for n in busy
    )
    below = f"Medians of interleaved repetitions. {told(document)}.{note}"
    return "\n".join([*out, "", " ".join(remarks(document)), "", below, ""])


def named() -> Path:
    """Return the JSON file that README.md names."""
    match = MARKED.search(README.read_text(encoding="utf-8"))
    if match is None:
        raise SystemExit(f"{README} has no <!-- bench: FILE --> ... <!-- /bench -->")
    return ROOT / match[2]


def with_table(text: str, path: Path, document: dict[str, Any]) -> str:
    """Return the README's text with the table of `document`, which `path` holds."""
    place = path.resolve().relative_to(ROOT).as_posix()
    plot = f"![Times of the works, one thread](bench/results/{path.stem}.svg)\n"
    inside = f"<!-- bench: {place} -->\n{markdown(document)}\n{plot}"
    return MARKED.sub(lambda match: inside + match[3], text)


def target_table(document: dict[str, Any]) -> str:
    """Return every target with what was found, as HTML."""
    heads = ("work", "threads", "against", "found", "target", "status")
    out = ["<table><tr>" + "".join(f"<th>{head}</th>" for head in heads) + "</tr>"]
    for status in statuses(document):
        tag = "" if status["status"] == "met" else ' class="missed"'
        found = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells(status))
        out.append(f"<tr{tag}>{found}</tr>")
    return "\n".join([*out, "</table>"])


def level_table(levels: dict[str, Any]) -> str:
    """Return times and memory by number of levels, as HTML."""
    names = list(levels["seconds"])
    out = ["<table><tr><th>levels</th>" + "".join(f"<th>{n}</th>" for n in names) + "</tr>"]
    for bins in levels["seconds"][names[0]]:
        found = (
            f"{duration(statistics.median(levels['seconds'][n][bins]['ferromics']))}, "
            f"{levels['peak_bytes'][n][bins] / plots.MIB:.1f} MiB"
            for n in names
        )
        out.append(f"<tr><td>{int(bins):,}</td>{''.join(f'<td>{f}</td>' for f in found)}</tr>")
    return "\n".join([*out, "</table>"])


def compared(document: dict[str, Any]) -> str:
    """Return how many values were compared, by tool, as a sentence."""
    counts: dict[str, list[int]] = {}
    for tool, check in targets.checks(document):
        count = counts.setdefault(tool, [0, 0])
        count[0] += check["values"]
        count[1] += len(check["wrong"])
    told = (f"{TITLES.get(t, t)} {n:,} ({wrong} differ)" for t, (n, wrong) in counts.items())
    return f"Values compared before timing: {', '.join(told)}."


def page(document: dict[str, Any]) -> str:
    """Return the page with all plots."""
    parts = [
        "<!doctype html><meta charset=utf-8><title>ferromics: benchmark</title>",
        "<style>body{font:15px sans-serif;max-width:1120px;margin:2em auto;color:#222}"
        "td,th{padding:2px 14px 2px 0;text-align:left}.missed{color:#b00020}</style>",
        f"<h1>Benchmark</h1><p>{html.escape(told(document))}.</p>",
        "<p>Rows of several threads are shown where a probe found as many free cores.</p>",
        "<p>Medians of interleaved repetitions; bench/README.md says what each work is.</p>",
        f"<p>{html.escape(compared(document))}</p>",
        "<h2>Works, one thread (logarithmic)</h2>", plots.work_plot(document),
        "<h2>Ratios, one thread (logarithmic)</h2>",
        "<p>Time of the peer over ours; families at 10⁶ voxels; a mark is the target.</p>",
        plots.ratio_plot(document),
        "<h2>Targets</h2><p>Red: not met.</p>", target_table(document),
    ]  # fmt: skip
    for heading, plot in (
        ("Peak memory", plots.memory_plot(document)),
        ("Memory against voxels of the box; dashed: the target", plots.growth_plot(document)),
    ):
        parts += [f"<h2>{heading}</h2>", plot] if plot else []
    if document.get("levels"):
        levels = document["levels"]
        parts += [
            f"<h2>Grey levels, {levels['voxels']:,} voxels, one thread: time</h2>",
            plots.level_plot(levels),
            "<h2>Grey levels: memory added at the peak</h2>", plots.level_memory_plot(levels),
            level_table(levels),
        ]  # fmt: skip
    for threads, by_size in document["families"].items():
        if free(document, int(threads)):
            parts += [f"<h2>Families: time against voxels, threads: {threads}</h2>"]
            parts += [plots.family_plot(by_size)]
    return "\n".join(parts) + "\n"


def main() -> None:
    """Write README.md's table, and the page and the plot beside the JSON file."""
    parser = argparse.ArgumentParser(prog="python -m bench.page", description=__doc__)
    parser.add_argument("--json", type=Path, help="by default the file that README.md names")
    path = parser.parse_args().json or named()
    document = json.loads(path.read_text(encoding="utf-8"))
    path.with_suffix(".html").write_text(page(document), encoding="utf-8")
    path.with_suffix(".svg").write_text(plots.work_plot(document), encoding="utf-8")
    readme = README.read_text(encoding="utf-8")
    README.write_text(with_table(readme, path, document), encoding="utf-8")


if __name__ == "__main__":
    main()
