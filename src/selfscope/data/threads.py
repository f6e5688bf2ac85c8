"""Work in threads of this process, with results in order: for what spends its time outside Python's lock."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
AHEAD = 2
"""Pieces of work a thread that are begun before their results are asked for."""


def in_threads(
    call: Callable[[T], R], items: Iterable[T], threads: int, prepare: Callable[[], object] = lambda: None
) -> Iterator[R]:
    """`call(item)` of each, in order; each thread begins with `prepare()`. At most `AHEAD` a thread wait in memory.

    What a call raises is raised here, after the calls that have begun are over. Warnings are silent meanwhile: reading
    a picture silences Pillow's, and threads that do so and undo it in turn would otherwise leave them silent.
    """
    waiting: deque[Future[R]] = deque()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pool = ThreadPoolExecutor(threads, "selfscope", initializer=prepare)
        try:
            for item in items:
                waiting.append(pool.submit(call, item))
                if len(waiting) >= AHEAD * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
