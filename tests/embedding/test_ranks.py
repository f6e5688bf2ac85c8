"""The k smallest, and ranks beyond k, against sorting."""

from __future__ import annotations

import numpy as np
import pytest

from selfscope.embedding.engine.workers import Workers
from selfscope.embedding.ranks import Framed, compare, nearest


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


@pytest.mark.parametrize("n", [3, 256, 700])
def test_all_pairs_measured_once_are_those_of_every_query(n: int) -> None:
    features = np.random.default_rng(n).normal(size=(n, 24)) * 3 + 5
    with Workers() as workers:
        framed = Framed.of(features, "euclidean", 0, workers)
        squares = framed.squares(np.arange(n))
        np.testing.assert_allclose(squares, np.stack([framed.squares(np.array([i]))[0] for i in range(n)]), atol=2e-5)
    np.testing.assert_allclose(squares, squares.T, rtol=1e-6)
    expected = ((features[:, None] - features[None]) ** 2).sum(axis=2) / framed.frame.unit**2
    np.fill_diagonal(expected, np.inf)
    np.testing.assert_allclose(squares, expected, rtol=1e-5, atol=2e-5)


def test_minus_zero_is_zero_and_too_few_finite_distances_end_with_infinite_ones() -> None:
    squares = np.array([[3, -0.0, 0.0, 5, 1, 2], [np.inf, np.inf, np.inf, 5, np.inf, np.inf]], np.float32)
    with Workers() as workers:
        places, _ = nearest(squares, 3, workers)
    np.testing.assert_array_equal(places, [[1, 2, 4], [3, 0, 1]])


def test_duplicates_that_rounding_puts_below_zero_come_in_the_order_of_their_places() -> None:
    squares = np.array([[3.0, -1e-7, 0.0, np.inf, -3e-7, 2.0, 1e-9]], np.float32)
    with Workers() as workers:
        places, values = nearest(squares, 5, workers)
    np.testing.assert_array_equal(places, [[1, 2, 4, 6, 5]])
    np.testing.assert_array_equal(values, np.array([[0, 0, 0, 1e-9, 2]], np.float32))
