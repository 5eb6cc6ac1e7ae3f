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


class Layout(str, Enum):
    """Layouts of a table of values."""

    wide = "wide"
    long = "long"


def parse_labels(text: str) -> Any:
    """What ``--label`` names: a number, several, or all."""
    from ferromics.cohort.case_tables import parse_label
    from ferromics.errors import InputError

    try:
        return parse_label(text)
    except ValueError:
        msg = f"--label must be a number, numbers with commas between, or all; got {text!r}"
        raise InputError(msg) from None


def tell(message: str) -> None:
    """One line on stderr."""
    sys.stderr.write(f"ferromics: {' '.join(message.split())}\n")


class _Asked:
    """Words that rich asks for each time it draws."""

    def __init__(self, words: Callable[[], str]) -> None:
        self._words = words

    def __rich__(self) -> str:
        return self._words()


@contextlib.contextmanager
def progress(what: str) -> Iterator[Callable[[str | Callable[[], str]], None]]:
    """A spinner on stderr, if that is a terminal and the work takes long.

    What it hands out changes the words beside the spinner; a function is asked for them again and
    again.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    shown: list[Any] = []
    words: list[Any] = [what]

    def say(text: str | Callable[[], str]) -> None:
        words[0] = text if isinstance(text, str) else _Asked(text)
        for status in shown:
            status.update(words[0])

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
