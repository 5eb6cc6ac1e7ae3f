"""The report's pictures as HTML: a card a region, those to look at first."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Final

from ferromics._html import Html, join, tag
from ferromics.cohort.report import OUTLYING_SHARE, CohortReport
from ferromics.cohort.report_slices import Outline, Picture, View
from ferromics.cohort.report_table import Row

PICTURES: Final = "Regions on their images"
CARRIED: Final = 4
"""Columns that are carried through and shown on a card."""


def pictures_section(report: CohortReport, pictures: Mapping[int, Picture], choice: str) -> Html:
    """Cards in groups: failed, standing out, the others."""
    share = report.share()
    groups: dict[str, list[Row]] = {"Failed": [], "Standing out": [], "The others": []}
    for row in report.table.rows:
        if row.number in pictures:
            out = share[row.number] >= OUTLYING_SHARE
            key = "Failed" if not row.done else "Standing out" if out else "The others"
            groups[key].append(row)
    groups["Standing out"].sort(key=lambda row: -share[row.number])
    if not pictures:
        return tag("p", choice)
    about = (
        f"{choice} The slice of the region's largest area, with its outline; the patient's left is "
        "on the right. Where the picture is a part of the slice, the whole one is below it. Grey "
        "levels run over the settings' range of intensities, else from a little below the "
        "1st to a little above the 99th percentile of what is shown."
    )
    parts: list[Html] = [
        tag("p", about, class_="quiet"),
        Html('<input type="checkbox" id="outlines" checked class="screen">'),
        tag("label", "Outlines", for_="outlines", class_="screen"),
    ]
    several = sum(map(bool, groups.values())) > 1
    for heading, rows in groups.items():
        if rows:
            cards = (_card(row, pictures[row.number], share[row.number]) for row in rows)
            title = (tag("h3", f"{heading}: {len(rows):,}"),) if several else ()
            parts += [*title, tag("div", *cards, class_="cards")]
    return join(parts)


def _card(row: Row, picture: Picture, share: float) -> Html:
    flagged = not row.done or share >= OUTLYING_SHARE
    lines = [tag("strong", row.name)]
    if not row.done:
        lines.append(tag("span", row.error or "failed", class_="missed clamp", title=row.error))
    if share >= OUTLYING_SHARE:
        lines.append(tag("span", f"{share:.0%} of its features outlying", class_="missed"))
    lines += [tag("span", f"{note}", class_="partial") for note in picture.notes]
    lines += [tag("span", line, class_="quiet") for line in picture.facts]
    if row.warnings:
        n = len(row.warnings)
        text = "1 warning" if n == 1 else f"{n} warnings"
        lines.append(tag("span", text, class_="partial", title="\n".join(row.warnings)))
    if row.carried:
        told = [f"{name} {value}" for name, value in row.carried.items()]
        lines.append(tag("span", "; ".join(told[:CARRIED]), class_="quiet"))
    caption: list[Html] = [tag("div", *lines, class_="lines")]
    if picture.whole:
        caption.insert(0, _image(picture.whole, (), "whole"))
    shown = (
        _image(picture.close, picture.letters, "close")
        if picture.close
        else tag("div", tag("span", picture.missing), class_="close nothing")
    )
    return tag(
        "figure",
        shown,
        tag("figcaption", *caption),
        class_="flagged" if flagged else "plain",
        id=f"r{row.number}",
    )


def _image(view: View, letters: Sequence[str], kind: str) -> Html:
    """An image with outline, letters and frame, in millimetres."""
    width, height = view.size_mm
    across, down = width / view.size[0], height / view.size[1]
    data = base64.b64encode(view.jpeg).decode("ascii")
    parts = [
        f'<image href="data:image/jpeg;base64,{data}" width="{width:.6g}" height="{height:.6g}" '
        'preserveAspectRatio="none"/>',
        _outline(view.outline, across, down),
    ]
    if view.inner:
        x, y, w, h = view.inner
        parts.append(
            f'<rect class="inner" x="{x * across:.4g}" y="{y * down:.4g}" '
            f'width="{w * across:.4g}" height="{h * down:.4g}"/>'
        )
    svg = Html(
        f'<svg viewBox="0 0 {width:.6g} {height:.6g}" preserveAspectRatio="xMidYMid meet">'
        f"{''.join(parts)}</svg>"
    )
    sides = ("left", "right", "top", "bottom")
    words = (tag("i", text, class_=side) for side, text in zip(sides, letters, strict=False))
    return tag("div", svg, *words, class_=kind)


def _outline(outline: Outline, across: float, down: float) -> str:
    if not outline.path:
        return ""
    scale = f"scale({across * outline.step:.6g} {down * outline.step:.6g})"
    # Twice, dark below bright: strokes that do not scale are not to be had with <use>.
    path = f'd="{outline.path}"/>'
    return f'<g class="edge" transform="{scale}"><path {path}<path class="over" {path}</g>'
