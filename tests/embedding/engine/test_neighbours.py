from __future__ import annotations

import numpy as np
import pytest

from selfscope.embedding.engine import neighbours
from selfscope.embedding.engine.neighbours import nearest_neighbours
from selfscope.embedding.engine.reduction import Points, reduce
from selfscope.embedding.engine.search import search
from selfscope.embedding.engine.workers import Workers


def brute_force(features: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    squares = ((features[:, None].astype(float) - features[None]) ** 2).sum(axis=2)
    np.fill_diagonal(squares, np.inf)
    nearest = np.argsort(squares, axis=1, kind="stable")[:, :k]
    return nearest, np.take_along_axis(squares, nearest, axis=1)


@pytest.mark.parametrize(
    ("n", "k"), [(2, 1), (4, 3), (130, 20), (600, 90), pytest.param(600, 599, marks=pytest.mark.slow)]
)
def test_all_pairs_agree_with_brute_force(features: np.ndarray, workers: Workers, n: int, k: int) -> None:
    points = reduce(features[:n], k, k + k // 2, 0, workers)
    indices, squares = nearest_neighbours(points, k, k + k // 2, 0, workers)
    _, wanted = brute_force(points.full, k)
    np.testing.assert_allclose(squares, wanted, rtol=1e-5, atol=1e-6)
    own = ((points.full[indices].astype(float) - points.full[:, None]) ** 2).sum(axis=2)
    np.testing.assert_allclose(squares, own, rtol=1e-5, atol=1e-6)
    assert (indices != np.arange(n)[:, None]).all()
    assert all(len(set(row)) == k for row in indices.tolist())


@pytest.mark.slow
def test_near_cells_find_nearly_all(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "ALL_PAIRS", 1000)
    rng = np.random.default_rng(1)
    features = rng.normal(size=(4000, 6)) @ rng.normal(size=(6, 200)) + 0.1 * rng.normal(size=(4000, 200))
    points = reduce(features, 30, 45, 0, workers)
    assert points.leading.shape[1] < 100
    indices, _ = nearest_neighbours(points, 30, 45, 0, workers)
    asked = np.arange(0, 4000, 40)
    squares = ((features[asked, None] - features[None]) ** 2).sum(axis=2)
    wanted = np.argsort(squares, axis=1)[:, 1:31]
    found = np.mean([len(np.intersect1d(a, b)) for a, b in zip(wanted, indices[asked], strict=True)]) / 30
    assert found > 0.93


@pytest.mark.parametrize("kind", ["one lump", "all equal", "heavy tails"])
def test_cells_of_awkward_points(workers: Workers, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(neighbours, "ALL_PAIRS", 100)
    rng = np.random.default_rng(2)
    features = {
        "one lump": np.where(np.arange(900)[:, None] % 3 > 0, 1.0, rng.normal(size=(900, 8))),
        "all equal": np.ones((900, 8)),
        "heavy tails": rng.standard_cauchy((900, 8)) ** 3,
    }[kind]
    indices, squares = nearest_neighbours(reduce(features, 40, 60, 0, workers), 40, 60, 0, workers)
    assert np.isfinite(squares).all()
    assert (indices != np.arange(900)[:, None]).all()
    assert all(len(set(row)) == 40 for row in indices.tolist())
    if kind == "one lump":
        assert (squares[np.arange(900) % 3 > 0] == 0).all()


def test_a_far_point_does_not_blind_the_others(features: np.ndarray, workers: Workers) -> None:
    far = features.copy()
    far[7] = 1e30
    found = [nearest_neighbours(reduce(f, 20, 30, 0, workers), 20, 30, 0, workers)[0] for f in (features, far)]
    others = np.arange(600) != 7
    same = [len(np.intersect1d(a, b)) for a, b in zip(*(f[others] for f in found), strict=True)]
    assert np.mean(same) > 19


def test_few_axes_are_chosen_where_few_matter(workers: Workers) -> None:
    rng = np.random.default_rng(3)
    flat = rng.normal(size=(2000, 5)) @ rng.normal(size=(5, 300))
    assert reduce(flat, 30, 45, 0, workers).leading.shape == (2000, 32)
    assert reduce(rng.normal(size=(2000, 300)), 30, 45, 0, workers).leading.shape[1] > 128


def test_reduction_keeps_distances(features: np.ndarray, workers: Workers) -> None:
    """With all axes kept, turning the points changes no distance."""
    wide = np.tile(features, (1, 2)) + np.random.default_rng(0).normal(size=(600, 80)) * 20
    points = reduce(wide, 90, 91, 0, workers)
    ratio = brute_force(points.full, 5)[1] / brute_force(wide, 5)[1]
    np.testing.assert_allclose(ratio, ratio.mean(), rtol=1e-3)
    np.testing.assert_allclose(points.squares, (points.full**2).sum(axis=1), rtol=1e-5)
    assert isinstance(points[np.arange(3)], Points)


@pytest.mark.parametrize(("n", "exact"), [(40, False), (40, True), (700, True)])
def test_points_in_very_many_dimensions(n: int, exact: bool) -> None:
    """More than can be turned: a few are told by their inner products, more stay as they lie."""
    rng = np.random.default_rng(n)
    along = rng.normal(size=n)
    features = (rng.normal(size=(n, 1500)) + np.outer(along, rng.normal(size=1500))).astype(np.float32)
    graph = search(features, 12, "euclidean", 0, exact=exact)
    distances = np.sqrt(((features[:20, None] - features[None]) ** 2).sum(axis=2, dtype=np.float64))
    np.testing.assert_allclose(graph.distances[:20], np.sort(distances, axis=1)[:, 1:13], rtol=1e-4)
    assert graph.leading is not None
    assert graph.leading.shape == (n, 3)
    assert abs(np.corrcoef(graph.leading[:, 0], along)[0, 1]) > 0.99
