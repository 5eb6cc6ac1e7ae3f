"""Many cases: in threads, in processes, or on any executor; within cores and memory.

Cases are independent, so each has one thread and as many run as there are cores. The core and the
inflating of files release Python's lock, so one process does; a case whose memory does not fit
beside others runs alone, on all cores.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    wait,
)
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeAlias

from ferromics import _core
from ferromics.cohort import memory as sizes
from ferromics.cohort.cases import Case, Cohort, Mask
from ferromics.cohort.pools import Given, Pool, Processes, Task
from ferromics.cohort.work import Failure, Outcome, RegionOutcome, failure_of
from ferromics.errors import InputError, RadiomicsError
from ferromics.settings import AnySettings, Settings

AnyCase: TypeAlias = "Case | Mapping[str, Any] | Sequence[Any]"
"""A case, a dict with the fields ``image``, ``mask`` and so on, or a pair of image and mask."""

Workers: TypeAlias = Literal["threads", "processes"]

AHEAD: Final = 256
"""Cases that an executor is handed before the first is done."""

DIED: Final = "the worker process died while it was computing this case"


def extract_many(
    cases: Iterable[AnyCase] | Cohort,
    settings: AnySettings = None,
    *,
    jobs: int | None = None,
    threads: int | None = None,
    executor: Executor | None = None,
    workers: Workers = "threads",
    memory: int | str | None = None,
    on_error: Literal["record", "raise"] = "record",
    stop: Callable[[], bool] | None = None,
) -> Generator[Outcome, None, None]:
    """Compute many cases; yields what came out of each as it finishes.

    Parameters
    ----------
    cases
        :class:`Case` objects, dicts with their fields and those of one :class:`Mask` (``image``,
        ``mask``, ``label``, ``roi``, ...), pairs of image and mask, or a :class:`Cohort`. Taken one
        after the other as there is room for them: a generator of any length is good.
    settings
        As for :func:`ferromics.extract`; a case's own come first.
    jobs
        Cases at a time; by default, and at most, as many as threads. With an executor, cases that
        are handed to it before the first is done (by default 256).
    threads
        Threads of all cases together; by default ``FERROMICS_NUM_THREADS``, else the cores.
    executor
        Any :class:`concurrent.futures.Executor`, as that of a dask client
        (``client.get_executor()``); it decides where and how many cases run, each on one thread.
    workers
        ``"threads"`` of this process, or ``"processes"``, which outlive a crash of one of them.
    memory
        Bytes, or text such as ``"8G"``, that all cases at a time may take, by default four fifths
        of what is free. A case waits for room; one that may take more than half runs alone; one
        whose region is too large for all of it fails and says how much it needs. Left to the
        executor where there is one.
    on_error
        ``"record"``: what stops a region is in its outcome; ``"raise"``: it stops the iteration.
    stop
        Asked before each case; once it is true no further case begins, and those under way are
        still yielded.

    Yields
    ------
    Outcome
        ``index`` tells which case it is: the order is that of finishing.

    Raises
    ------
    SettingsError
        If the run's settings are not allowed.
    RadiomicsError
        If the executor can take no more cases.

    Examples
    --------
    >>> import ferromics as fm
    >>> image, mask, spacing = fm.phantom()
    >>> cases = [fm.Case(image, (fm.Mask(mask, roi="all"),), f"case{k}", spacing=spacing)
    ...          for k in range(3)]
    >>> sorted(outcome.case for outcome in fm.extract_many(cases))
    ['case0', 'case1', 'case2']
    """
    cores = _at_least_one("threads", threads, int(_core.build_info()["threads"]))
    jobs = _at_least_one("jobs", jobs, cores if executor is None else AHEAD)
    if executor is None:
        jobs = min(jobs, cores)
    limit = sizes.available() if memory is None else _bytes(memory)
    pool: Pool
    if executor is not None:
        pool = Given(executor)
    elif workers == "processes":
        pool = Processes(jobs)
    elif workers == "threads":
        pool = Pool(jobs)
    else:
        msg = f"workers must be 'threads' or 'processes', got {workers!r}"
        raise InputError(msg)
    chosen = Chosen(settings)
    listed = cases.cases if isinstance(cases, Cohort) else cases
    processes = jobs if executor is None and workers == "processes" else 1
    run = _Run(enumerate(listed), chosen, pool, jobs, cores, limit, processes, stop or _never)
    return _raising(run) if on_error == "raise" else run.outcomes()


def as_case(given: AnyCase) -> Case:
    """A case from whatever names it.

    Raises
    ------
    InputError
        If it is none of what :func:`extract_many` takes.
    """
    if isinstance(given, Case):
        return given
    if isinstance(given, Mapping):
        return _from_mapping(given)
    if isinstance(given, list | tuple) and len(given) == 2:
        image, masks = given
        listed = masks if isinstance(masks, list | tuple) else (masks,)
        return Case(image, tuple(m if isinstance(m, Mask) else Mask(m) for m in listed))
    msg = f"a case must be a Case, a dict or a pair of image and mask, got {type(given).__name__}"
    raise InputError(msg)


_OF_CASE: Final = {"image": "image", "case": "name", "settings": "settings", "spacing": "spacing"}
_OF_MASK: Final = {
    "mask": "source",
    "roi": "roi",
    "label": "label",
    "mask_threshold": "threshold",
}


def _from_mapping(given: Mapping[str, Any]) -> Case:
    known = {**_OF_CASE, **_OF_MASK}
    unknown = [key for key in given if key not in known]
    lacking = [key for key in ("image", "mask") if key not in given]
    if unknown or lacking:
        what = f"has no {lacking[0]!r}" if lacking else f"has an unknown field {unknown[0]!r}"
        msg = f"a case given as a dict {what}; its fields are {', '.join(known)}"
        raise InputError(msg)
    mask = Mask(**{_OF_MASK[k]: v for k, v in given.items() if k in _OF_MASK})
    return Case(masks=(mask,), **{_OF_CASE[k]: v for k, v in given.items() if k in _OF_CASE})


class Chosen:
    """The settings of each case; each name, file or dict is read once."""

    def __init__(self, settings: AnySettings) -> None:
        self._run = Settings.of(settings)
        self._known: dict[str, Settings] = {}

    def of(self, case: Case) -> Settings:
        """The case's own, or the run's."""
        given = case.settings
        if given is None:
            return self._run
        if not isinstance(given, str | os.PathLike):
            return Settings.of(given)
        key = os.fspath(given)
        if key not in self._known:
            self._known[key] = Settings.of(given)
        return self._known[key]


@dataclass
class _Run:
    """Hands cases to a pool as there is room, and takes what comes back.

    ``queue`` holds cases that are next; ``alone`` those that were under way when a worker died:
    one of them may have been the cause, so each runs by itself.
    """

    source: Iterator[tuple[int, AnyCase]]
    chosen: Chosen
    pool: Pool
    jobs: int
    cores: int
    limit: int
    processes: int
    stop: Callable[[], bool]
    queue: deque[Task] = field(default_factory=deque)
    alone: deque[Task] = field(default_factory=deque)
    pending: dict[Future[Outcome], Task] = field(default_factory=dict)
    refused: list[Outcome] = field(default_factory=list)
    itk: bool = False
    exhausted: bool = False

    def outcomes(self) -> Generator[Outcome, None, None]:
        """Run until all are done, or until told to stop."""
        try:
            while True:
                self._fill()
                yield from self._refused()
                if not self.pending:
                    break
                done = wait(self.pending, return_when=FIRST_COMPLETED).done
                finished = [(self.pending.pop(future), future) for future in done]
                ready = self._taken(finished)
                try:
                    self._fill()  # before the consumer has its turn: no core waits for it
                finally:
                    yield from ready
                    yield from self._refused()
        finally:
            self.pool.close()

    def _taken(self, finished: list[tuple[Task, Future[Outcome]]]) -> list[Outcome]:
        """The outcomes of cases that came back; a worker's death leaves some to be done again."""
        ready: list[Outcome] = []
        lost: list[Task] = []
        for task, future in finished:
            error = CancelledError() if future.cancelled() else future.exception()
            if error is None:
                ready.append(future.result())
            elif self.pool.lost_by(error):
                lost.append(task)
            else:
                ready.append(task.failed(failure_of(error)))
        if lost:
            lost.extend(self.pending.values())
            if len(lost) == 1:
                ready.append(lost.pop().failed(Failure(DIED, lasting=False)))
            self._again(lost)
        return ready

    def _again(self, lost: list[Task]) -> None:
        """Have cases whose workers are gone computed by new ones, each by itself."""
        self.pending.clear()
        self.pool.renew()
        self.alone.extend(sorted(lost, key=lambda task: task.index))

    def _refused(self) -> Iterator[Outcome]:
        """What was not worth handing over."""
        while self.refused:
            yield self.refused.pop(0)

    def _fill(self) -> None:
        """Hand over what there is room for; a few more than run, so that none waits for us."""
        if self.stop():
            self.queue.clear()
            self.alone.clear()
            self.exhausted = True
            for future in [future for future in self.pending if future.cancel()]:
                del self.pending[future]
            return
        if self.alone:
            if not self.pending:
                self._submit(self.alone.popleft())
            return
        window = 2 * self.jobs if self.pool.bounded else self.jobs
        while len(self.pending) < window and not self.alone:
            self._fetch(window)
            if not self.queue or not self._fits(self.queue[0]):
                return
            self._submit(self.queue.popleft())

    def _fetch(self, window: int) -> None:
        while not self.exhausted and len(self.queue) < window:
            found = next(self.source, None)
            if found is None:
                self.exhausted = True
                return
            index, given = found
            try:
                case = as_case(given)
                task = Task(index, replace(case, settings=None), self.chosen.of(case))
            except (RadiomicsError, OSError, TypeError) as error:
                self.refused.append(_refusal(index, given, failure_of(error)))
                continue
            if self.pool.bounded:
                _read_ahead(case)
                self.itk |= sizes.needs_itk(case, task.settings)
                task.bytes = sizes.estimate(case, task.settings, self.limit // (8 * self.jobs))
                task.alone = self._base + 2 * task.bytes > self.limit
                # The estimate takes the region for as large as the image: only where that is too
                # much is the region itself looked at.
                task.limit = self.limit if self._base + task.bytes > self.limit else None
            self.queue.append(task)

    @property
    def _base(self) -> int:
        """Bytes that are taken whatever is computed."""
        return self.processes * (sizes.PROCESS + self.itk * sizes.ITK)

    def _fits(self, task: Task) -> bool:
        under_way = self.pending.values()
        if not under_way:
            return True
        if task.alone or any(t.alone for t in under_way):
            return False
        taken = self._base + sum(t.bytes for t in under_way)
        return not self.pool.bounded or taken + task.bytes <= self.limit

    def _submit(self, task: Task) -> None:
        """Cores that no other case will need are this one's."""
        if self.pool.bounded:
            left = len(self.pending) + len(self.queue) + 1 if self.exhausted else self.jobs
            at_a_time = 1 if task.alone else min(self.jobs, left)
            task.threads = max(1, self.cores // at_a_time)
        try:
            self.pending[self.pool.submit(task)] = task
        except BrokenExecutor:  # since it was last looked at
            self._again([task, *self.pending.values()])


def _never() -> bool:
    return False


def _refusal(index: int, given: AnyCase, failure: Failure) -> Outcome:
    """What is said of a case that cannot be handed over."""
    if isinstance(given, Case):
        return Task(index, given, Settings()).failed(failure)
    region = RegionOutcome("", 0, None, failure, 0.0)
    return Outcome(index, f"case {index}", (region,), {})


def _raising(run: _Run) -> Generator[Outcome, None, None]:
    outcomes = run.outcomes()
    with contextlib.closing(outcomes):
        for outcome in outcomes:
            for roi, failure in outcome.failures.items():
                msg = f"case {outcome.case}, region {roi}: {failure.message}"
                raise RadiomicsError(msg)
            yield outcome


def _read_ahead(case: Case) -> None:
    """Ask the system to fetch a case's files while earlier cases are computed."""
    if not hasattr(os, "posix_fadvise"):
        return
    for path in case.files:
        with contextlib.suppress(OSError):
            handle = os.open(path, os.O_RDONLY)
            try:
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_WILLNEED)
            finally:
                os.close(handle)


def _at_least_one(what: str, given: int | None, otherwise: int) -> int:
    if given is None:
        return otherwise
    if isinstance(given, bool) or given < 1:
        msg = f"{what} must be a whole number from 1 on, got {given!r}"
        raise InputError(msg)
    return given


def _bytes(memory: int | str) -> int:
    if isinstance(memory, str):
        return sizes.parse_size(memory)
    if isinstance(memory, bool) or memory < 1:
        msg = f"memory must be a number of bytes or text such as '8G', got {memory!r}"
        raise InputError(msg)
    return memory
