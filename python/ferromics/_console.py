"""What the commands share: exit statuses, messages on stderr, a sign of life during long work."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from enum import Enum
from typing import Any

DONE, SOME_FAILED, UNUSABLE, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 130, 141
SHOW_PROGRESS_AFTER_S = 1.0


class Listing(str, Enum):
    """Forms of a list for people or programs."""

    table = "table"
    csv = "csv"
    json = "json"


def tell(message: str) -> None:
    """One line on stderr."""
    sys.stderr.write(f"ferromics: {' '.join(message.split())}\n")


@contextlib.contextmanager
def progress(what: str) -> Iterator[None]:
    """A spinner on stderr, if that is a terminal and the work takes long."""
    if not sys.stderr.isatty():
        yield
        return
    shown: list[Any] = []

    def show() -> None:
        from rich.console import Console

        status = Console(stderr=True).status(what)
        status.start()
        shown.append(status)

    timer = threading.Timer(SHOW_PROGRESS_AFTER_S, show)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        for status in shown:
            status.stop()
