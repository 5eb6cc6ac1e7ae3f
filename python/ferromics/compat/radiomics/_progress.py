"""Progress of the core's maps, told to PyRadiomics' reporters."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any, Final

from ferromics import _core

EVERY_S: Final = 0.1


@contextlib.contextmanager
def voxels_told(bar: Any) -> Iterator[_core.MapProgress]:
    """Hand out what counts voxels; while the block runs, `bar` is updated by those that are new.

    The core works in the caller's thread, where it heeds Ctrl-C; `bar.update` is called in another.
    """
    progress, ended = _core.MapProgress(), threading.Event()

    def tell() -> None:
        told, last = 0, False
        while not last:
            last = ended.wait(EVERY_S)
            done = progress.done
            if done > told:
                bar.update(done - told)
            told = done

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield progress
    finally:
        ended.set()
        teller.join()
