"""Prints what calls add at their peak: `python -m bench.weigh FOLDER BINS FAMILY...`.

The families are bench.tools' on the arrays of FOLDER, and `extraction`: all texture families from
the image, 32 bins included. Linux alone says what it needs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

import ferromics as fm
from bench.tools import TEXTURE, Ours

PROCESS = Path("/proc/self")


def kib(field: str) -> int:
    """Return a figure of /proc/self/status."""
    status = (PROCESS / "status").read_text(encoding="utf-8")
    return int(status.split(f"{field}:")[1].split()[0])


def added(call: Callable[[], object]) -> int:
    """Return the bytes held at the peak of a call beside those held before."""
    (PROCESS / "clear_refs").write_text("5", encoding="ascii")  # the peak is what is held now
    before = kib("VmHWM")
    call()
    return 1024 * (kib("VmHWM") - before)


def extraction(folder: Path) -> Callable[[], object]:
    """Return the extraction of all texture families from the arrays of a folder."""
    image, mask = (np.load(folder / f"{name}.npy") for name in ("image", "mask"))
    settings = fm.Settings(discretise=["fbn32"], features=TEXTURE)
    small = (slice(None, 16),) * 3  # imports
    fm.extract(image[small], mask[small] | True, settings, spacing=(1, 1, 1), threads=1)
    return lambda: fm.extract(image, mask, settings, spacing=(1, 1, 1), threads=1)


def main() -> None:
    """Print the bytes by family as JSON."""
    folder, bins, families = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    if families == ["extraction"]:
        calls = {"extraction": extraction(folder)}
    else:
        ours = Ours(1)
        ours.load(folder, bins)
        calls = {family: ours.calls[family] for family in families}
    print(json.dumps({family: added(call) for family, call in calls.items()}))


if __name__ == "__main__":
    main()
