"""What the commands share: exit statuses, messages on stderr, a sign of life during long work."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Annotated, Any

import typer

DONE, SOME_FAILED, UNUSABLE, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 130, 141
SHOW_PROGRESS_AFTER_S = 1.0


SettingsOption = Annotated[
    str | None,
    typer.Option("--settings", "-s", help="Settings file (YAML, JSON) or preset, as ibsi:A."),
]


class Listing(str, Enum):
    """Forms of a list for people or programs."""

    table = "table"
    csv = "csv"
    json = "json"


def tell(message: str) -> None:
    """One line on stderr."""
    sys.stderr.write(f"ferromics: {' '.join(message.split())}\n")


@contextlib.contextmanager
def progress(what: str) -> Iterator[Callable[[str], None]]:
    """A spinner on stderr, if that is a terminal and the work takes long.

    What it hands out changes the words beside the spinner.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    shown: list[Any] = []
    words = [what]

    def say(text: str) -> None:
        words[0] = text
        for status in shown:
            status.update(text)

    def show() -> None:
        from rich.console import Console

        status = Console(stderr=True).status(words[0])
        status.start()
        shown.append(status)

    timer = threading.Timer(SHOW_PROGRESS_AFTER_S, show)
    timer.daemon = True
    timer.start()
    try:
        yield say
    finally:
        timer.cancel()
        timer.join()
        for status in shown:
            status.stop()
