"""Cases one after the other, or in processes that stay; what the peers' programs share."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any


class Workers:
    """So many processes that apply a function to cases; with one, this process does it.

    `begin` runs first in each process. `method` is how processes start.
    """

    def __init__(
        self, processes: int, one: Callable[[Any], Any], method: str, begin: Callable[[], None]
    ) -> None:
        self.one, self.pool = one, None
        if processes > 1:
            context = multiprocessing.get_context(method)
            self.pool = ProcessPoolExecutor(processes, context, begin)

    def of(self, cases: list[Any]) -> list[Any]:
        """Return what comes out of each case, in their order."""
        if self.pool is None:
            return [self.one(case) for case in cases]
        return list(self.pool.map(self.one, cases))

    def close(self) -> None:
        """End the processes."""
        if self.pool is not None:
            self.pool.shutdown()


class Kept:
    """The workers of the last request, which serve the next one like it."""

    def __init__(self, made: Callable[[dict[str, Any]], Workers]) -> None:
        self.made, self.told, self.workers = made, None, None

    def of(self, cohort: dict[str, Any]) -> Workers:
        """Return workers for a cohort."""
        told = {key: cohort[key] for key in ("case", "workers")}
        if self.workers is None or told != self.told:
            self.close()
            self.told, self.workers = told, self.made(cohort)
        return self.workers

    def close(self) -> None:
        """End the processes, if there are any."""
        if self.workers is not None:
            self.workers.close()
