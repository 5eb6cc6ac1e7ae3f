"""Instructions of each Rust kernel, counted by callgrind and compared with the committed counts.

`python -m bench.counts` (`make bench-check`) fails where one grew by more than 5 %. Times on a
machine that others use differ by more than that from run to run; counts differ by less than 0.1 %.
Valgrind knows no AVX-512, so that the loops counted are those of AVX2.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PATH = ROOT / "bench" / "results" / "instructions.json"
LIMIT = 1.05
BUILT_BY = re.compile("CARGO_PROFILE_|RUSTFLAGS$")  # what builds kernels in another way
CALLGRIND = [
    "valgrind", "--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*::measured*",
    "--callgrind-out-file=/dev/null",
]  # fmt: skip


def compare(old: dict[str, int], new: dict[str, int], chosen: list[str]) -> tuple[list[str], bool]:
    """Return a line a kernel, and whether all is well.

    `chosen` are the kernels that were counted; with none, all that there are. Then a kernel that
    stands in one of the two alone is not well either: the file is of another version.
    """
    lines, well = [], True
    for name in chosen or sorted({*old, *new}, key=[*new, *old].index):
        before, now = old.get(name), new.get(name)
        if before is None or now is None:
            what = "is new" if before is None else "is in the file only"
            lines.append(f"{name:<18}{what}; --update writes the file anew")
            well = False
            continue
        grew = now > LIMIT * before
        verdict = f"  grew by more than {LIMIT - 1:.0%}" if grew else ""
        lines.append(f"{name:<18}{before:>15,}{now:>15,}{now / before - 1:>+9.2%}{verdict}")
        well = well and not grew
    return lines, well


def build() -> Path:
    """Build the kernels as the package is built and return the program."""
    command = ["cargo", "bench", "--locked", "--package", "ferromics", "--bench", "kernels"]
    command += ["--no-run", "--message-format", "json"]
    built = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if built.returncode:
        sys.exit(2)
    messages = [json.loads(line) for line in built.stdout.splitlines()]
    return Path(next(m["executable"] for m in messages if m.get("executable")))


def count(program: Path, name: str) -> tuple[int, str]:
    """Return the instructions of one run of a kernel, and the instruction sets that it found."""
    command = [*CALLGRIND, str(program), "--count", name]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode or not found or found[1] == "0":
        sys.exit(f"{name} could not be counted:\n{run.stderr}")
    return int(found[1]), run.stdout.strip()


def said(*command: str) -> str:
    """Return what a program prints about itself."""
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


def main() -> None:
    """Count, compare with the committed counts or write them."""
    parser = argparse.ArgumentParser(prog="python -m bench.counts", description=__doc__)
    parser.add_argument("names", nargs="*", help="kernels to count; all where none is named")
    parser.add_argument("--update", action="store_true", help="write the counts of all kernels")
    options = parser.parse_args()
    if options.update and options.names:
        parser.error("--update writes all kernels: leave the names out")
    if shutil.which("valgrind") is None:
        sys.exit("bench-check needs valgrind; on Debian or Ubuntu: apt install valgrind")
    if not options.update and not PATH.exists():
        sys.exit(f"{PATH.relative_to(ROOT)} is missing; --update writes it")
    program = build()
    known = said(str(program), "--names").split()
    if unknown := [name for name in options.names if name not in known]:
        sys.exit(f"no kernel is called {', '.join(unknown)}; there are {', '.join(known)}")
    counted, sets = {}, ""
    for name in options.names or known:
        counted[name], sets = count(program, name)
        print(f"{name:<18}{counted[name]:>15,}", file=sys.stderr, flush=True)
    about: dict[str, Any] = {
        "commit": said("git", "describe", "--always", "--dirty"),
        "rustc": said("rustc", "--version"),
        "profile": " ".join(sorted(f"{k}={v}" for k, v in os.environ.items() if BUILT_BY.match(k)))
        or "as in Cargo.toml",
        "valgrind": said("valgrind", "--version"),
        "instruction_sets": sets,
    }
    if options.update:
        text = json.dumps({**about, "counts": counted}, indent=1)
        PATH.write_text(text + "\n", encoding="utf-8")
        return
    document = json.loads(PATH.read_text(encoding="utf-8"))
    for key in ("rustc", "profile", "valgrind", "instruction_sets"):
        if document[key] != about[key]:
            print(f"note: {key} was {document[key]} and is {about[key]}; counts differ by that too")
    lines, well = compare(document["counts"], counted, options.names)
    print(f"counts of {document['commit']} and now\n" + "\n".join(lines))
    if not well:
        sys.exit(1)


if __name__ == "__main__":
    main()
