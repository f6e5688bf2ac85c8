from __future__ import annotations

import numpy as np
import pytest

from selfscope.embedding.engine.workers import Workers, available_threads


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize(("n", "size"), [(0, 3), (1, 3), (10, 3), (9, 3)])
def test_every_item_is_worked_on_once(threads: int, n: int, size: int) -> None:
    done = np.zeros(n, int)

    def job(first: int, last: int) -> None:
        assert last - first <= size
        done[first:last] += 1

    with Workers(threads) as workers:
        workers.each(job, n, size)
    assert (done == 1).all()


@pytest.mark.parametrize("threads", [1, 3])
def test_a_failure_reaches_the_caller(threads: int) -> None:
    def job(first: int, last: int) -> None:
        if first == 4:
            raise ValueError("chunk 4")

    with Workers(threads) as workers, pytest.raises(ValueError, match="chunk 4"):
        workers.each(job, 10, 1)


@pytest.mark.parametrize(("asked", "most"), [("1", 1), ("", 10**6), ("many", 10**6), ("0", 10**6)])
def test_openmp_setting_is_heeded(monkeypatch: pytest.MonkeyPatch, asked: str, most: int) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert 1 <= available_threads() <= most
