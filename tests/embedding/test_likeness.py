"""CKA and neighbours, against slow obvious versions and known answers."""

from __future__ import annotations

import numpy as np
import pytest

from selfscope.embedding.likeness import chance_jaccard, jaccard, linear_cka, nearest_items
from selfscope.errors import RecordError


def gaussian(n: int, d: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def slow_cka(x: np.ndarray, y: np.ndarray) -> float:
    """Song's estimator as it is written, with N x N matrices."""

    def hsic(a: np.ndarray, b: np.ndarray) -> float:
        n, one = len(a), np.ones(len(a))
        k, m = a @ a.T, b @ b.T
        np.fill_diagonal(k, 0)
        np.fill_diagonal(m, 0)
        terms = np.trace(k @ m) + (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2))
        return (terms - 2 / (n - 2) * one @ k @ m @ one) / (n * (n - 3))

    return hsic(x, y) / np.sqrt(hsic(x, x) * hsic(y, y))


@pytest.mark.parametrize(("n", "d", "e"), [(4, 2, 3), (30, 7, 5), (60, 200, 3)])
def test_cka_is_songs_estimate(n: int, d: int, e: int) -> None:
    x = gaussian(n, d, 0) + 5
    y = np.tanh(x[:, :1] * gaussian(1, e, 1)) + 0.3 * gaussian(n, e, 2)
    assert linear_cka(x, y) == pytest.approx(slow_cka(x, y), rel=1e-8)


def test_cka_of_independent_wide_features_is_about_zero_where_the_biased_one_is_not() -> None:
    x, y = gaussian(500, 768, 0), gaussian(500, 768, 1)
    k, m = (v @ v.T for v in (x - x.mean(0), y - y.mean(0)))
    biased = (k * m).sum() / np.sqrt((k * k).sum() * (m * m).sum())
    assert biased == pytest.approx(0.61, abs=0.02)
    assert abs(linear_cka(x, y)) < 0.01


def test_cka_knows_no_turn_scale_or_shift() -> None:
    x = gaussian(200, 16, 0)
    turn, _ = np.linalg.qr(gaussian(16, 16, 1))
    assert linear_cka(x, 3 * x @ turn + 7) == pytest.approx(1, abs=1e-9)


def test_cka_of_a_constant_is_no_number_and_of_three_items_refused() -> None:
    assert np.isnan(linear_cka(np.ones((9, 3)), gaussian(9, 3, 0)))
    with pytest.raises(RecordError, match="at least 4 items, got 3"):
        linear_cka(gaussian(3, 2, 0), gaussian(3, 2, 1))
    with pytest.raises(RecordError, match="same items, got 9 and 8"):
        linear_cka(gaussian(9, 2, 0), gaussian(8, 2, 1))


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_nearest_items_are_those_of_a_full_sort(metric: str) -> None:
    x = gaussian(700, 5, 3)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True) if metric == "cosine" else x
    distances = np.linalg.norm(unit[:, None] - unit[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert np.array_equal(nearest_items(x, 6, metric), np.argsort(distances, axis=1, kind="stable")[:, :6])


def test_jaccard_counts_shared_neighbours() -> None:
    first, second = np.array([[1, 2, 3], [4, 5, 6]]), np.array([[3, 2, 9], [6, 5, 4]])
    assert jaccard(first, second).tolist() == [2 / 4, 1.0]


def test_unrelated_spaces_share_neighbours_by_chance_alone() -> None:
    n, k = 400, 20
    first, second = (nearest_items(gaussian(n, 10, seed), k, "euclidean") for seed in (0, 1))
    assert jaccard(first, second).mean() == pytest.approx(chance_jaccard(n, k), rel=0.25)
    assert chance_jaccard(5, 10) == 1.0  # everyone is everyone's neighbour


def test_the_same_space_keeps_every_neighbour() -> None:
    x = gaussian(50, 4, 0)
    assert (jaccard(nearest_items(x, 5), nearest_items(2 * x, 5)) == 1).all()


def test_features_far_from_the_origin_are_as_alike_as_near_it() -> None:
    a, b = gaussian(60, 5, 0), gaussian(60, 7, 1)
    b[:, :5] += a
    assert linear_cka(a + 1e6, b - 1e6) == pytest.approx(linear_cka(a, b), abs=1e-6)
