from __future__ import annotations

import random
import threading
import time
import warnings

import numpy as np
import pytest

from selfscope.data.seeds import global_seeds
from selfscope.data.threads import AHEAD, in_threads


def test_results_come_in_order_whatever_takes_long() -> None:
    def slow(i: int) -> int:
        time.sleep(0.02 if i % 3 == 0 else 0)
        return i * i

    assert list(in_threads(slow, range(20), 4)) == [i * i for i in range(20)]


def test_no_more_is_begun_than_may_wait() -> None:
    begun: list[int] = []
    results = in_threads(lambda i: begun.append(i), range(1000), 2)
    next(results)
    time.sleep(0.05)
    assert len(begun) <= 2 * AHEAD
    results.close()
    assert len(begun) <= 2 * AHEAD
    assert not [t for t in threading.enumerate() if t.name.startswith("selfscope")]


def test_what_a_call_raises_is_raised_here_and_ends_the_threads() -> None:
    def call(i: int) -> int:
        if i == 5:
            raise ValueError("five")
        return i

    results = in_threads(call, range(100), 3)
    with pytest.raises(ValueError, match="five"):
        list(results)
    assert not [t for t in threading.enumerate() if t.name.startswith("selfscope")]


def test_warnings_are_as_before_when_threads_silence_theirs() -> None:
    def call(i: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            time.sleep(0.001 * (i % 4))
            warnings.warn("unseen", stacklevel=1)

    before = list(warnings.filters)
    list(in_threads(call, range(40), 4))
    assert warnings.filters == before


def test_threads_do_not_draw_from_each_others_seeds() -> None:
    def draw(seed: int) -> list[float]:
        with global_seeds(np.random.default_rng(seed)):
            time.sleep(0.002)
            return [random.random(), float(np.random.rand())]  # noqa: NPY002 - as foreign transforms do

    assert list(in_threads(draw, range(12), 4)) == [draw(seed) for seed in range(12)]
