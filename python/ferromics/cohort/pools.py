"""Where cases are computed: threads, processes of our own, the caller's executor."""

from __future__ import annotations

import os
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from dataclasses import dataclass, replace
from typing import Any

from ferromics.cohort.cases import Case
from ferromics.cohort.work import (
    Failure,
    Outcome,
    RegionOutcome,
    extract_case,
    name_of,
    roi_of,
    wanted_of,
)
from ferromics.errors import RadiomicsError
from ferromics.settings import Settings


@dataclass
class Task:
    """A case on its way."""

    index: int
    case: Case
    settings: Settings
    bytes: int = 0
    alone: bool = False
    limit: int | None = None
    threads: int = 1

    @property
    def how(self) -> dict[str, Any]:
        """Further arguments of :func:`extract_case`."""
        return {"threads": self.threads, "index": self.index, "limit": self.limit}

    def failed(self, failure: Failure) -> Outcome:
        """What is said of it where nothing came back."""
        regions = (
            RegionOutcome(roi_of(wanted), row, None, failure, 0.0)
            for row, mask in enumerate(self.case.masks)
            for wanted in wanted_of(mask)
        )
        return Outcome(self.index, name_of(self.case), tuple(regions), {})


class Pool:
    """Where cases are computed: an executor, here of threads of this process."""

    bounded = True
    """Whether cases share this machine's memory and cores."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._executor = self._made()

    def _made(self) -> Executor:
        return ThreadPoolExecutor(self._jobs, thread_name_prefix="ferromics-case")

    def submit(self, task: Task) -> Future[Outcome]:
        """Hand over a case."""
        return self._executor.submit(extract_case, task.case, task.settings, **task.how)

    def lost_by(self, error: BaseException) -> bool:
        """Whether an error means that all cases under way were lost with a worker."""
        return isinstance(error, BrokenExecutor)

    def renew(self) -> None:
        """Have working workers again."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._executor = self._made()

    def close(self) -> None:
        """Drop cases that have not begun, wait for the others."""
        self._executor.shutdown(wait=True, cancel_futures=True)


class Processes(Pool):
    """Processes of our own; those that die are replaced."""

    def _made(self) -> Executor:
        import multiprocessing

        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._jobs, context, initializer=_begin_worker)


class Given(Pool):
    """The caller's executor, which stays open."""

    bounded = False

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._futures: set[Future[Outcome]] = set()

    def submit(self, task: Task) -> Future[Outcome]:
        """Hand over a case, its files by their whole paths."""
        try:
            future = super().submit(replace(task, case=_absolute(task.case)))
        except BrokenExecutor as error:
            msg = "the executor takes no more cases: one of its workers died"
            raise RadiomicsError(msg) from error
        except RuntimeError as error:  # closed
            msg = f"the executor takes no more cases: {error}"
            raise RadiomicsError(msg) from error
        self._futures.add(future)
        future.add_done_callback(self._futures.discard)
        return future

    def renew(self) -> None:
        """Leave it as it is: it is not ours."""

    def close(self) -> None:
        """Drop cases that have not begun."""
        for future in tuple(self._futures):
            future.cancel()


def _absolute(case: Case) -> Case:
    """The same case for a process whose working folder may be another."""

    def whole(source: Any) -> Any:
        return os.path.abspath(source) if isinstance(source, str | os.PathLike) else source  # noqa: PTH100

    masks = tuple(replace(mask, source=whole(mask.source)) for mask in case.masks)
    return replace(case, image=whole(case.image), masks=masks)


def _begin_worker() -> None:
    """In a worker process: leave Ctrl-C to the parent, and do not outlive it."""
    import multiprocessing
    import signal
    import threading

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:

        def follow() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=follow, daemon=True).start()
