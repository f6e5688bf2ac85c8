"""The graph of neighbours that maps and measures share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import selfscope.embedding
from selfscope.embedding import TSNE, Neighbours, neighbours
from selfscope.errors import RecordError


def points(n: int = 300, d: int = 20, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 4, (6, d))[np.arange(n) % 6] + rng.normal(size=(n, d))


def obvious(features: np.ndarray, k: int, metric: str) -> np.ndarray:
    """Distances to the k nearest, by all differences in float64."""
    points = features.astype(np.float64)
    if metric == "cosine":
        points = points / np.linalg.norm(points, axis=1, keepdims=True)
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    return np.sort(distances, axis=1)[:, :k]


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize(("n", "d", "k"), [(2, 3, 1), (300, 20, 10), (300, 200, 45), (90, 1, 89)])
def test_exact_neighbours_are_those_of_all_differences(metric: str, n: int, d: int, k: int) -> None:
    features = points(n, d) + 5
    graph = neighbours(features, k, metric, exact=True)
    wanted = obvious(features, k, metric)
    np.testing.assert_allclose(graph.distances, wanted, rtol=2e-4, atol=2e-3 * wanted.mean())
    assert graph.exact
    own = graph.indices.astype(int)
    assert (own != np.arange(n)[:, None]).all()
    assert all(len(set(row)) == k for row in own.tolist())


def test_few_dimensions_are_exact_without_asking() -> None:
    few = neighbours(points(), 10)
    assert few.exact
    np.testing.assert_array_equal(few.indices, neighbours(points(), 10, exact=True).indices)
    many = neighbours(points(2000, 6) @ np.random.default_rng(0).normal(size=(6, 400)), 10)
    assert not many.exact
    assert "of 400 axes" in many.method


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.int32])
def test_types_are_read_as_they_are(kind: type, tmp_path: Path) -> None:
    features = np.round(points() * 8)
    np.save(tmp_path / "f.npy", features.astype(kind))
    wanted = neighbours(features, 12)
    mapped = neighbours(np.load(tmp_path / "f.npy", mmap_mode="r"), 12)
    np.testing.assert_allclose(mapped.distances, wanted.distances, rtol=1e-4)


@pytest.mark.parametrize("init", ["pca", "random"])
def test_a_map_of_a_kept_graph_is_the_same_map(init: str) -> None:
    features, engine = points(), TSNE(perplexity=8, n_iter=120, init=init)
    graph = neighbours(features, engine.neighbours_needed(len(features)))
    unread = np.full(features.shape, np.nan)
    assert engine(features).tobytes() == engine(unread, neighbours=graph).tobytes()


def test_a_graph_of_another_library_will_do() -> None:
    from sklearn.neighbors import NearestNeighbors

    features, engine = points(), TSNE(perplexity=8, n_iter=250)
    distances, indices = NearestNeighbors(n_neighbors=30).fit(features).kneighbors()
    theirs = Neighbours(indices, distances)
    ours = neighbours(features, 24)
    by_them, by_us = engine(features, neighbours=theirs), engine(features, neighbours=ours)
    for coords in (by_them, by_us):  # classes stay apart
        apart = np.linalg.norm(coords[:, None] - coords[None], axis=2)
        np.fill_diagonal(apart, np.inf)
        assert (apart.argmin(axis=1) % 6 == np.arange(300) % 6).all()


def test_a_large_graph_serves_small_perplexities() -> None:
    graph = neighbours(points(), 60)
    assert graph.nearest(9).k == 9
    np.testing.assert_array_equal(graph.nearest(9).indices, graph.indices[:, :9])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"indices": np.zeros((5, 3), np.uint32)}, r"both \(N, k\)"),
        ({"indices": np.zeros((300, 24))}, "both"),
        ({"indices": np.full((300, 24), 300)}, "from 0 to 299"),
        ({"indices": np.full((300, 24), 7)}, "1 points are their own neighbours, the first is 7"),
        ({"distances": np.full((300, 24), np.nan, np.float32)}, "nearest first"),
        ({"distances": np.linspace(1, 0, 7200, dtype=np.float32).reshape(300, 24)}, "nearest first"),
        ({"metric": "cosine"}, "found by cosine distance, and the map asks for euclidean"),
        ({"leading": np.zeros(300, np.float32)}, "leading coordinates"),
    ],
)
def test_a_graph_that_is_none_is_refused(change: dict, words: str) -> None:
    features, engine = points(), TSNE(perplexity=8)
    with pytest.raises(RecordError, match=words):
        engine(features, neighbours=replace(neighbours(features, 24), **change))


def test_too_small_a_graph_is_refused() -> None:
    features, engine = points(), TSNE(perplexity=8)
    with pytest.raises(RecordError, match="24 are needed, and the graph holds 20: make it with k=24"):
        engine(features, neighbours=neighbours(features, 20))
    with pytest.raises(RecordError, match="a graph of 300 points was given with 250 features"):
        engine(features[:250], neighbours=neighbours(features, 24))
    with pytest.raises(RecordError, match="k of at least 1"):
        neighbours(features, 0)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("n", [10, 9000])
def test_rows_that_cannot_be_measured_are_named(n: int, metric: str) -> None:
    features = np.ones((n, 3), np.float32) + np.arange(n)[:, None] % 7
    features[5, 1], features[n - 2] = np.nan, np.inf
    with pytest.raises(RecordError, match=rf"2 of {n} rows hold NaN or infinity \(rows 5, {n - 2}\)"):
        neighbours(features, 3, metric)
    features[5], features[n - 2] = 0, 1
    if metric == "cosine":
        with pytest.raises(RecordError, match=rf"1 of {n} rows are all zero.*\(rows 5\)"):
            neighbours(features, 3, metric)
    with pytest.raises(RecordError, match="NaN or infinity"):
        neighbours(np.full((n, 3), np.nan), 3, metric)


def test_one_point_has_no_neighbours() -> None:
    assert neighbours(np.ones((1, 4)), 5).indices.shape == (1, 0)


def test_names_are_imported_when_used() -> None:
    assert set(selfscope.embedding.__all__) <= set(vars(selfscope.embedding)) | {"TSNE", "Neighbours", "neighbours"}
    with pytest.raises(AttributeError, match="no attribute 'neighbors'"):
        selfscope.embedding.neighbors  # noqa: B018


@pytest.mark.parametrize("power", [-120, 30, 400])
def test_units_mean_nothing_to_a_map(power: int) -> None:
    features, engine = points(), TSNE(perplexity=8, n_iter=60)
    features[3] += 1e12
    graph = neighbours(features, 24)
    distances = graph.distances.astype(np.float64)  # NumPy 1 would keep float32, which ends at 2^128
    one, other = (replace(graph, distances=distances * np.exp2(p)) for p in (0.0, float(power)))
    assert engine(features, neighbours=one).tobytes() == engine(features, neighbours=other).tobytes()
