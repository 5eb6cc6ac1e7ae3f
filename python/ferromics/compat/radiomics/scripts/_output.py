"""What the command line prints or appends to a file: text, CSV or JSON."""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import math
import os
import sys
from pathlib import Path
from typing import Any, TextIO

import numpy as np


def write(results: list[dict[str, Any]], chosen: argparse.Namespace, start: Path) -> None:
    """Write the cases; `start` is what relative paths start from."""
    others = {name for case in results[1:] for name in case} - set(results[0])
    columns = [*results[0], *sorted(others)]
    for case in results:
        if chosen.skip_nans:
            for name in [name for name, value in case.items() if _is_nan(value)]:
                del case[name]
        for name in ("Image", "Mask"):
            case[name] = _path(case[name], chosen, start)
    with contextlib.ExitStack() as stack:
        out: TextIO = sys.stdout
        if chosen.out is not None:
            file = Path(chosen.out).open("a", newline="", encoding="utf-8")  # noqa: SIM115
            out = stack.enter_context(file)
        if chosen.format == "json":
            json.dump(results, out, cls=_Encoder, indent=2)
        elif chosen.format == "csv":
            writer = csv.DictWriter(out, columns, lineterminator="\n", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(results)
        else:
            for number, case in enumerate(results, start=1):
                out.writelines(f"Case-{number}_{name}: {value}\n" for name, value in case.items())


def _is_nan(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        value = value.item() if value.ndim == 0 else None
    return isinstance(value, float) and math.isnan(value)


def _path(path: str, chosen: argparse.Namespace, start: Path) -> str:
    if chosen.format_path == "basename":
        path = os.path.basename(path)  # noqa: PTH119 - texts, as they were given
    elif chosen.format_path == "relative":
        path = os.path.relpath(path, start)
    else:
        path = os.path.abspath(path)  # noqa: PTH100
    return path.replace(os.path.sep, "/") if chosen.unix_path else path


class _Encoder(json.JSONEncoder):
    """Writes numpy's numbers and arrays as JSON's."""

    def default(self, o: Any) -> Any:
        return o.tolist() if isinstance(o, np.ndarray | np.generic) else super().default(o)
