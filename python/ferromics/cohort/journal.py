"""What is done of a cohort, case by case, in a file that is only ever appended to.

One line of JSON a case, written at once when the case is done: a run that is killed at any moment
loses the cases under way and no other. A line that was cut off, by a kill or a full disk, is taken
away when the journal is opened again. The values of a region are its doubles in base64: exact.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ferromics.cohort.cases import Case
from ferromics.cohort.work import Outcome, RegionOutcome, files_of, stamp_of
from ferromics.errors import InputError, RadiomicsError

if TYPE_CHECKING:
    from typing_extensions import Self

FORMAT: Final = 1
_SYNC_EVERY_S: Final = 5.0


@dataclass(frozen=True)
class Entry:
    """A line: what came out of a case, ready for a table.

    Attributes
    ----------
    stamps
        Size and time of change of each file, by path.
    hashes
        SHA-256 of each file that was read whole, by path.
    regions
        One dict a region: ``roi, row, error, lasting, warnings, mask, label, threshold, geometry,
        grid, voxels, seconds`` and, if there are, ``values``.
    """

    stamps: dict[str, list[int]]
    hashes: dict[str, str]
    regions: list[dict[str, Any]]

    @property
    def lasting(self) -> bool:
        """Whether it would come out the same again from the same files."""
        return all(region["lasting"] for region in self.regions)


def key_of(case: Case, settings_hash: str, version: str) -> str:
    """What tells one piece of work from another: files, regions, settings, version.

    The case's name is not part of it, nor is what a table carries along.
    """
    masks = [
        [os.fspath(m.source), m.roi, _plain_label(m.label), m.threshold]  # type: ignore[arg-type]
        for m in case.masks
    ]
    told = [FORMAT, version, settings_hash, os.fspath(case.image), masks]  # type: ignore[arg-type]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]


def _plain_label(label: Any) -> Any:
    return label if label is None or isinstance(label, str | int) else [int(v) for v in label]


def unchanged(entry: Entry, case: Case) -> bool:
    """Whether the files of a case are those of its entry: size and time, else their contents."""
    for path in files_of(case):
        now, then = stamp_of(path), entry.stamps.get(path)
        if now is None or then is None:
            if now is not None or then is not None:
                return False
        elif list(now) != then:
            known = entry.hashes.get(path)
            if known is None or now[0] != then[0] or file_hash(Path(path)) != known:
                return False
    return True


def file_hash(path: Path) -> str:
    """SHA-256 of a file, as provenance has it."""
    from ferromics.io import sha256

    return sha256(path)


class Journal:
    """An open journal; one run at a time may append to it.

    Parameters
    ----------
    path
        The file; made where it is not there.
    others
        Journals of other runs over the same cases that are read too, as those of shards.
    """

    def __init__(self, path: Path, others: tuple[Path, ...] = ()) -> None:
        self.path = path
        # Where the entries are: which file, from which byte, how many bytes.
        self._known: dict[str, tuple[int, int, int]] = {}
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
        self._handle = os.open(path, flags, 0o666)
        self._files: list[IO[bytes]] = []
        self._synced = time.monotonic()
        try:
            _lock(self._handle, path)
            for other in (path, *others):
                # Without a buffer, which would not see what is appended.
                self._files.append(other.open("rb", buffering=0))
            for k, other in enumerate(others, 1):
                self._index(k, other)
            self._end = self._index(0, path)
            os.truncate(self._handle, self._end)
            if self._end == 0:
                self._append({"journal": FORMAT})
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def __contains__(self, key: str) -> bool:
        """Whether it has an entry of a piece of work."""
        return key in self._known

    def __len__(self) -> int:
        """Number of pieces of work with an entry."""
        return len(self._known)

    def __getitem__(self, key: str) -> Entry:
        """The last entry of a piece of work."""
        which, offset, length = self._known[key]
        file = self._files[which]
        file.seek(offset)
        line = json.loads(file.read(length))
        return Entry(line["stamps"], line["hashes"], line["regions"])

    def add(self, key: str, outcome: Outcome) -> None:
        """Append what came out of a case.

        Raises
        ------
        OSError
            If it cannot be written; the journal is then as it was before.
        """
        offset = self._end
        hashes: dict[str, str] = {}
        regions = [_region(region, hashes) for region in outcome.regions]
        line = {"key": key, "stamps": outcome.stamps, "hashes": hashes, "regions": regions}
        self._append(line)
        self._known[key] = (0, offset, self._end - offset)
        if time.monotonic() - self._synced > _SYNC_EVERY_S:  # against a loss of power
            os.fsync(self._handle)
            self._synced = time.monotonic()

    def close(self) -> None:
        """Let other runs have it."""
        for file in self._files:
            file.close()
        os.close(self._handle)

    def _append(self, line: dict[str, Any]) -> None:
        data = (json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n").encode()
        try:
            written = 0
            while written < len(data):
                os.lseek(self._handle, self._end + written, os.SEEK_SET)
                written += os.write(self._handle, data[written:])
        except OSError:
            os.truncate(self._handle, self._end)
            raise
        self._end += len(data)

    def _index(self, which: int, path: Path) -> int:
        """Note where the entries are; gives where the last whole line ends."""
        end = 0
        with path.open("rb") as file:
            for line in file:
                entry = _parsed(line)
                if end == 0:
                    _check_first(entry, line, path)
                if entry is None:
                    break
                if "key" in entry:
                    self._known[entry["key"]] = (which, end, len(line))
                end += len(line)
        return end


def _parsed(line: bytes) -> dict[str, Any] | None:
    """What a line says; ``None`` for one that was cut off."""
    if not line.endswith(b"\n"):
        return None
    try:
        said = json.loads(line)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def _check_first(entry: dict[str, Any] | None, line: bytes, path: Path) -> None:
    """Refuse a file that is not a journal, so that no byte of it is lost."""
    opening = b'{"journal":'
    if not (line.startswith(opening) or opening.startswith(line)):
        msg = f"{path} is no journal of ferromics; name another output, or move it away"
        raise InputError(msg)
    if entry is not None and entry.get("journal") != FORMAT:
        msg = f"{path} was written by another version of ferromics; --overwrite starts anew"
        raise InputError(msg)


def values_of(region: dict[str, Any]) -> NDArray[np.float64]:
    """The values of a region of an entry."""
    return np.frombuffer(base64.b64decode(region["values"]), "<f8")


def _region(region: RegionOutcome, hashes: dict[str, str]) -> dict[str, Any]:
    """A region as the journal has it; the hashes of its files are noted in ``hashes``."""
    out: dict[str, Any] = {
        "roi": region.roi,
        "row": region.row,
        "seconds": round(region.seconds, 6),
        "lasting": region.failure is None or region.failure.lasting,
    }
    if region.failure is not None:
        return {**out, "error": region.failure.message}
    result = region.result
    if result is None:
        msg = "a region has neither values nor a failure"
        raise RadiomicsError(msg)
    told = result.provenance
    for source in (told["image"], told["mask"]):
        hashes[source["path"]] = source["sha256"]
    keys = ("geometry", "grid", "voxels", "normalisation")
    values = np.ascontiguousarray(result.values_array, "<f8")
    return {
        **out,
        "warnings": list(result.warnings),
        "image": told["image"],
        "mask": told["mask"],
        **{key: told[key] for key in keys if key in told},
        "values": base64.b64encode(values.tobytes()).decode("ascii"),
    }


def shards_of(path: Path) -> Iterator[Path]:
    """The journals of the shards of a run, beside its own."""
    stem = path.name.removesuffix(".journal")
    yield from sorted(path.parent.glob(f"{_literal(stem)}.*-of-*.journal"))


def _literal(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def _lock(handle: int, path: Path) -> None:
    """Refuse a journal that another run has open."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        msg = f"another run is writing to {path}; wait for it, or name another output"
        raise InputError(msg) from None
    except OSError:
        return  # a file system without locks
