"""The divergence against the slow sum over all pairs, and what sampling it costs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq

from selfscope.embedding import neighbours
from selfscope.embedding.quality import map_qualities, map_quality


def slow_divergence(features: np.ndarray, coords: np.ndarray, perplexity: float, k: int) -> float:
    """Σ p log(p / q) over all pairs, with bandwidths by bisection."""
    n = len(features)
    far = ((features[:, None] - features[None]) ** 2).sum(2)
    p = np.zeros((n, n))
    for i in range(n):
        near = [j for j in np.argsort(far[i], kind="stable") if j != i][:k]
        squares = far[i, near] - far[i, near].min()

        def row(log_beta: float, squares: np.ndarray = squares) -> np.ndarray:
            weights = np.exp(-np.exp(log_beta) * squares)
            return weights / weights.sum()

        def excess(log_beta: float) -> float:
            shares = row(log_beta)
            return float(-(shares * np.log(np.maximum(shares, 1e-300))).sum() - np.log(perplexity))

        p[i, near] = row(brentq(excess, -20, 20))
    p = (p + p.T) / (2 * n)
    q = 1 / (1 + ((coords[:, None] - coords[None]) ** 2).sum(2))
    np.fill_diagonal(q, 0)
    q /= q.sum()
    there = p > 0
    return float((p[there] * np.log(p[there] / q[there])).sum())


@pytest.mark.parametrize(("n", "dimensions"), [(130, 2), (130, 1), (130, 3), (40, 2)])
def test_agrees_with_the_sum_over_all_pairs(n: int, dimensions: int) -> None:
    rng = np.random.default_rng(n)
    features, coords = rng.normal(size=(n, 5)), 4 * rng.normal(size=(n, dimensions))
    quality = map_quality(features, coords)
    assert quality is not None
    expected = slow_divergence(features, coords, min(30.0, (n - 1) / 3), min(90, n - 1))
    assert quality.kl_divergence == pytest.approx(expected, rel=1e-4)
    assert quality.details == {}


def clouds(n: int = 3000, d: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Features in six clouds, and a map that keeps the clouds and some of what is in them."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 6, n)
    features = 3 * rng.normal(size=(6, d))[labels] + rng.normal(size=(n, d))
    return features, 30 * rng.normal(size=(6, 2))[labels] + 6 * features[:, :2]


def test_a_sample_is_within_its_error_of_the_whole() -> None:
    features, coords = clouds()
    graph = replace(neighbours(features, 90), exact=False)
    whole = map_quality(features, coords, queries=3000)
    assert whole is not None
    assert whole.kl_divergence is not None
    off = []
    for seed in range(5):
        sampled = map_quality(features, coords, queries=300, seed=seed, neighbours=graph)
        assert sampled is not None
        assert sampled.kl_divergence is not None
        off.append((sampled.kl_divergence - whole.kl_divergence) / sampled.details["kl_error"])
    assert np.abs(off).max() < 3.5
    assert sampled.details["kl_error"] < 0.05 * whole.kl_divergence


def test_an_exact_graph_gives_the_divergence_without_error() -> None:
    features, coords = clouds()
    exact = neighbours(features, 90, exact=True)
    given = map_quality(features, coords, queries=50, neighbours=exact)
    whole = map_quality(features, coords, queries=3000)
    assert given is not None
    assert whole is not None
    assert given.details == {}
    assert given.kl_divergence == pytest.approx(whole.kl_divergence, rel=1e-4)


def test_a_graph_with_too_few_neighbours_gives_none() -> None:
    features, coords = clouds()
    quality = map_quality(features, coords, neighbours=neighbours(features, 20))
    assert quality is not None
    assert quality.kl_divergence is None


def test_a_free_scale_is_the_best_one() -> None:
    features, coords = clouds(400)
    free, *fixed = (
        quality.kl_divergence
        for quality in map_qualities(
            features, [coords, *(coords * s for s in np.geomspace(1e-3, 30, 40))], free_scale=[0]
        )
    )
    assert free == pytest.approx(min(fixed), rel=5e-3)
    assert free <= min(fixed) + 1e-3


@pytest.mark.slow
def test_many_rows_of_the_normaliser_are_sampled_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    features, coords = clouds(5000)
    graph = neighbours(features, 90)
    exact = map_quality(features, coords, neighbours=graph)
    monkeypatch.setattr("selfscope.embedding.divergence.EXACT_PAIRS", 1000)
    sampled = map_quality(features, coords, neighbours=graph)
    assert exact is not None
    assert sampled is not None
    assert sampled.details["kl_rows"] == 2500
    assert "kl_rows" not in exact.details
    assert sampled.kl_divergence == pytest.approx(exact.kl_divergence, abs=0.03)


def test_a_lonely_point_of_many_is_counted() -> None:
    """A neighbour far beyond the others has a share that is next to nothing: its quotient stays a number."""
    rng = np.random.default_rng(0)
    features = np.exp(4 * rng.normal(size=(80, 1))) * np.ones((1, 8)) + 1e-4 * rng.normal(size=(80, 8))
    coords = rng.normal(size=(80, 2))
    quality = map_quality(features, coords)
    assert quality is not None
    assert quality.kl_divergence == pytest.approx(slow_divergence(features, coords, 79 / 3, 79), rel=1e-3)
