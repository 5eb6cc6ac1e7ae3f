"""What is done of a cohort, case by case, in a file that is only ever appended to.

One line of JSON a case, written at once when the case is done: a run that is killed at any moment
loses the cases under way and no other. A line that was cut off, by a kill or a full disk, is taken
away when the journal is opened again. The values of a region are its doubles in base64: exact.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import os
import re
import time
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ferromics import io
from ferromics.cohort.cases import Case, Cohort
from ferromics.cohort.work import Outcome, RegionOutcome, stamp_of
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


def key_of(case: Case, cohort: Cohort, settings_hash: str, version: str) -> str:
    """What tells one piece of work from another: files, regions, settings, version.

    The case's name is not part of it, nor is what a table carries along, nor the folder that the
    cohort lies in.
    """
    masks = [
        [cohort.shown(m.source), m.roi, _plain_label(m.label), m.threshold] for m in case.masks
    ]
    told = [FORMAT, version, settings_hash, cohort.shown(case.image), masks]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]


def _plain_label(label: Any) -> Any:
    return label if label is None or isinstance(label, str | int) else [int(v) for v in label]


def changes(entry: Entry, case: Case, cohort: Cohort) -> dict[str, list[int]] | None:
    """What has changed of a case's files: new stamps of those that were only touched.

    ``None`` if the contents of one are not those of the entry. A file is taken for unchanged by
    size and time; where only the time differs, by its contents.
    """
    touched: dict[str, list[int]] = {}
    for path in case.files:
        name = cohort.shown(path)
        now, then = stamp_of(path), entry.stamps.get(name)
        if now == then:
            continue
        if now is None or then is None or now[::2] != then[::2]:
            return None
        if io.sha256(Path(path)) != entry.hashes.get(name):
            return None
        touched[name] = now
    return touched


class Journal:
    """An open journal; one run at a time may append to it.

    Parameters
    ----------
    path
        The file; made where it is not there.
    others
        Journals of other runs over the same cases that are read too, as those of shards.
    anew
        Drop what is in the file.

    Attributes
    ----------
    damaged
        Number of lines that could not be read, and were left out.
    """

    def __init__(self, path: Path, others: tuple[Path, ...] = (), *, anew: bool = False) -> None:
        self.path, self.damaged = path, 0
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
            _check_first(path, any_version=anew)
            times: dict[str, float] = {}
            for k, other in enumerate(others, 1):
                self._index(k, other, times)
            self._end = 0 if anew else self._index(0, path, times)
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

    def add(self, key: str, outcome: Outcome, cohort: Cohort) -> None:
        """Append what came out of a case.

        Raises
        ------
        OSError
            If it cannot be written; the journal is then as it was before.
        """
        hashes: dict[str, str] = {}
        regions = [_region(region, hashes) for region in outcome.regions]
        self._add(
            key,
            Entry(
                {cohort.shown(path): stamp for path, stamp in outcome.stamps.items()},
                {cohort.shown(path): digest for path, digest in hashes.items()},
                regions,
            ),
        )

    def touch(self, key: str, stamps: dict[str, list[int]]) -> None:
        """Note new stamps of files whose contents are the same."""
        entry = self[key]
        self._add(key, replace(entry, stamps={**entry.stamps, **stamps}))

    def _add(self, key: str, entry: Entry) -> None:
        offset = self._end
        self._append({"key": key, "at": round(time.time(), 3), **vars(entry)})
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
        data = (json.dumps(line, separators=(",", ":")) + "\n").encode("ascii")
        try:
            written = 0
            while written < len(data):
                os.lseek(self._handle, self._end + written, os.SEEK_SET)
                written += os.write(self._handle, data[written:])
        except OSError:
            os.truncate(self._handle, self._end)
            raise
        self._end += len(data)

    def _index(self, which: int, path: Path, times: dict[str, float]) -> int:
        """Note where the latest entries are; gives where the last whole line ends."""
        end = 0
        with path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                entry = _parsed(line)
                if entry is None:
                    self.damaged += 1
                elif "key" in entry and entry["at"] >= times.get(entry["key"], 0):
                    self._known[entry["key"]] = (which, end, len(line))
                    times[entry["key"]] = entry["at"]
                end += len(line)
        return end


def _parsed(line: bytes) -> dict[str, Any] | None:
    """What a line says; ``None`` for one that is damaged."""
    try:
        said = json.loads(line)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def _check_first(path: Path, *, any_version: bool) -> None:
    """Refuse a file that is not a journal, so that no byte of it is lost."""
    opening = b'{"journal":'
    with path.open("rb") as file:
        line = file.readline(200)
    if not (line.startswith(opening) or opening.startswith(line)):
        msg = f"{path} is no journal of ferromics; name another output, or move it away"
        raise InputError(msg)
    said = _parsed(line)
    if said is not None and said["journal"] != FORMAT and not any_version:
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


def relatives(path: Path) -> list[Path]:
    """The journals of the same cohort beside one: of the whole, and of its shards."""
    whole = re.sub(r"\.\d+-of-\d+\.journal$", ".journal", path.name)
    shards = path.parent.glob(f"{literal(whole.removesuffix('.journal'))}.*-of-*.journal")
    found = [path.with_name(whole), *sorted(shards)]
    return [other for other in found if other != path and other.is_file()]


def literal(name: str) -> str:
    """A name as a pattern that finds only itself."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


_LOCKED_BYTE: Final = 1 << 40  # Windows keeps others from reading what is locked


def _lock(handle: int, path: Path) -> None:
    """Refuse a journal that another run has open."""
    try:
        if os.name == "nt":
            import msvcrt

            os.lseek(handle, _LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK):
            return  # a file system without locks
        msg = f"another run is writing to {path}; wait for it, or name another output"
        raise InputError(msg) from None
