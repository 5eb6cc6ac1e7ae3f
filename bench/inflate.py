"""Inflating files and nothing else, by what is installed; and whether it lets other threads run."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any


def _sized(data: bytes) -> bytes:
    """Inflate with isal into a buffer of the size that the file's end tells, as ours does."""
    from isal import igzip_lib

    inflater = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    found: bytes = inflater.decompress(data, int.from_bytes(data[-4:], "little") + 1)
    return found


def _isal(data: bytes) -> bytes:
    from isal import igzip

    found: bytes = igzip.decompress(data)
    return found


CALLS: dict[str, Callable[[bytes], bytes]] = {"isal": _isal, "isal, buffer of its size": _sized}


def names() -> list[str]:
    """Return the ways that there are here."""
    try:
        import isal  # noqa: F401
    except ImportError:
        return []
    return list(CALLS)


def one(name: str, path: str) -> int:
    """Read a file and inflate it."""
    return len(CALLS[name](Path(path).read_bytes()))


def seconds(name: str, paths: list[str], mapped: Callable[..., Iterable[Any]]) -> float:
    """Time inflating all files by the `map` of a pool."""
    start = time.perf_counter()
    for _ in mapped(partial(one, name), paths):
        pass
    return time.perf_counter() - start


def releases_lock(name: str, path: Path, longer: int = 8) -> bool:
    """Return whether another thread of Python runs while one inflates.

    A loop in another thread would stand still for the whole of a long call (`longer` times the
    file's data) that keeps the lock; it is looked at three times, since others use the machine too.
    """
    data = gzip.compress(gzip.decompress(path.read_bytes()) * longer, 1)
    return any(_longest_gap(partial(CALLS[name], data)) < 0.5 for _ in range(3))


def _longest_gap(call: Callable[[], object]) -> float:
    """Return for what share of a call another thread stood still at a time."""
    gaps = [0.0]
    done = threading.Event()

    def spin() -> None:
        last = time.perf_counter()
        while not done.is_set():
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    other = threading.Thread(target=spin)
    other.start()
    time.sleep(0.02)
    start, gaps[:] = time.perf_counter(), [0.0]
    call()
    took = time.perf_counter() - start
    done.set()
    other.join()
    return max(gaps) / took
