"""The k smallest, and ranks beyond k, against sorting."""

from __future__ import annotations

import numpy as np
import pytest

from selfscope.embedding.engine.workers import Workers
from selfscope.embedding.ranks import compare, nearest


@pytest.mark.parametrize(("n", "k"), [(5, 4), (33, 1), (33, 32), (700, 90), (4000, 7)])
@pytest.mark.parametrize("ties", [False, True])
def test_the_nearest_are_those_of_a_stable_sort(n: int, k: int, ties: bool) -> None:
    rng = np.random.default_rng(n + k)
    squares = rng.random((40, n), dtype=np.float32)
    squares = np.round(squares * n / 3) if ties else squares
    squares[np.arange(40), rng.integers(0, n, 40)] = np.inf  # a query itself
    with Workers() as workers:
        places, values = nearest(squares, k, workers)
    np.testing.assert_array_equal(values, np.sort(squares, axis=1)[:, :k])
    np.testing.assert_array_equal(np.take_along_axis(squares, places, axis=1), values)
    assert all(len(set(row)) == k for row in places.tolist())
    if not ties:
        np.testing.assert_array_equal(places, np.argsort(squares, axis=1, kind="stable")[:, :k])


def test_ranks_beyond_k_are_counted_one_by_one() -> None:
    rng = np.random.default_rng(0)
    n, k, queries = 300, 7, np.array([0, 17, 299])
    squares, coords = rng.random((3, n), dtype=np.float32), rng.normal(size=(n, 2))
    squares[np.arange(3), queries] = np.inf
    true = np.argsort(squares, axis=1)[:, :k]
    with Workers() as workers:
        strangers, lost, shared = compare(squares, true, coords, queries, workers)
    for row, own in enumerate(queries):
        drawn = ((coords - coords[own]) ** 2).sum(axis=1)
        drawn[own] = np.inf
        rank, rank_drawn = (np.argsort(np.argsort(values)) + 1 for values in (squares[row], drawn))
        near = np.flatnonzero(rank_drawn <= k)
        assert strangers[row] == np.maximum(rank[near] - k, 0).sum()
        assert lost[row] == np.maximum(rank_drawn[true[row]] - k, 0).sum()
        assert shared[row] == len(set(near) & set(true[row]))
