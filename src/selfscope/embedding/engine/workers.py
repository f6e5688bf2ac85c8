"""A few threads that share out chunks of compiled work; what they compute does not depend on how many they are."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import cache
from types import TracebackType

from threadpoolctl import ThreadpoolController

Job = Callable[[int, int], object]


class Workers:
    """`each` runs `job(first, last)` on every chunk of 0..n; chunks are cut by `size`, never by the number of threads.

    The calling thread always works too, so with one thread nothing is handed over.
    """

    def __init__(self, threads: int | None = None) -> None:
        self.threads = available_threads() if threads is None else threads
        self._pool = ThreadPoolExecutor(max(self.threads - 1, 1), thread_name_prefix="selfscope-tsne")

    def begin(self, job: Job, n: int, size: int) -> Pending:
        """Starts on the other threads; `finish()` on the result joins in and returns when all is done."""
        chunks = deque((first, min(first + size, n)) for first in range(0, n, size))
        helpers = min(self.threads - 1, len(chunks))
        return Pending(job, chunks, [self._pool.submit(_work, job, chunks) for _ in range(helpers)])

    def each(self, job: Job, n: int, size: int) -> None:
        self.begin(job, n, size).finish()

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


class Pending:
    """Work that has begun and has not been waited for."""

    def __init__(self, job: Job, chunks: deque[tuple[int, int]], helpers: list[Future[None]]) -> None:
        self._job, self._chunks, self._helpers = job, chunks, helpers

    def finish(self) -> None:
        """Raises what a chunk raised, after the chunks that had begun have ended."""
        try:
            _work(self._job, self._chunks)
        finally:
            self._chunks.clear()
            failures = [helper.exception() for helper in self._helpers if not helper.cancel()]
        for failure in failures:
            if failure is not None:
                raise failure


def available_threads() -> int:
    """The processors this process may use, or fewer if OMP_NUM_THREADS says so."""
    affinity = getattr(os, "sched_getaffinity", None)
    processors = len(affinity(0)) if affinity else os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(processors, int(asked))) if asked.isdigit() and int(asked) else processors


def one_blas_thread() -> AbstractContextManager[object]:
    """While workers are the threads: BLAS's own would spin while they wait."""
    return _libraries().limit(limits=1, user_api="blas")


@cache
def _libraries() -> ThreadpoolController:
    """Numpy's BLAS among them: to look through all that the process has loaded takes as long as a hundred points."""
    return ThreadpoolController()


def _work(job: Job, chunks: deque[tuple[int, int]]) -> None:
    while True:
        try:
            first, last = chunks.popleft()
        except IndexError:
            return
        job(first, last)
