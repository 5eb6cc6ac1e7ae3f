"""HTML pages of reports: elements, and the page around them; no script, no network.

Text is escaped where it becomes HTML, in :func:`tag`: whatever is not :class:`Html` yet.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from importlib import resources


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(name: str, *children: str, **attributes: str) -> Html:
    """An element; children and attributes that are not :class:`Html` are escaped.

    Examples
    --------
    >>> from ferromics._html import tag
    >>> tag("td", "a < b", class_="n")
    '<td class="n">a &lt; b</td>'
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(value)}"'
        for key, value in attributes.items()
    )
    return Html(f"<{name}{given}>{join(children)}</{name}>")


def join(parts: Iterable[str]) -> Html:
    """Parts one after the other, escaped where they are not :class:`Html`."""
    return Html("".join(p if isinstance(p, Html) else html.escape(p) for p in parts))


def breakable(name: str) -> Html:
    """A long name that may break after its underscores."""
    return Html(html.escape(name).replace("_", "_<wbr>"))


def page(title: str, *body: str, styles: Iterable[str] = ()) -> str:
    """A whole page in the style that reports share, and in style sheets of the package besides."""
    sheets = (
        (resources.files("ferromics") / name).read_text("utf-8") for name in ("report.css", *styles)
    )
    head = tag(
        "head",
        Html('<meta charset="utf-8">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html('<meta name="color-scheme" content="light dark">'),
        tag("title", title),
        tag("style", Html("\n".join(sheets))),
    )
    return f'<!DOCTYPE html>\n<html lang="en">\n{head}\n{tag("body", *body)}\n</html>\n'
