from __future__ import annotations

import numpy as np
import pytest
from sklearn.manifold import trustworthiness
from sklearn.neighbors import KNeighborsClassifier

from selfscope.embedding.knn import knn_accuracy
from selfscope.embedding.pca import principal_components
from selfscope.embedding.quality import map_quality
from selfscope.errors import RecordError


def data(n: int = 90, d: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, d)), rng.normal(size=(n, 2))


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("n", [5, 90, 601])
def test_agrees_with_scikit_learn(n: int, metric: str) -> None:
    features, coords = data(n)
    quality = map_quality(features, coords, metric=metric)
    k = min(10, (n - 1) // 2)
    assert quality is not None
    assert quality.k == k
    assert quality.trustworthiness == pytest.approx(
        trustworthiness(features, coords, n_neighbors=k, metric=metric), abs=1e-9
    )
    if metric == "euclidean":  # continuity is trustworthiness with the two spaces exchanged
        assert quality.continuity == pytest.approx(trustworthiness(coords, features, n_neighbors=k), abs=1e-9)


def test_sampled_queries_are_ranked_against_all() -> None:
    features, coords = data(400)
    full, sampled = (map_quality(features, coords, queries=q) for q in (400, 100))
    assert full is not None
    assert sampled is not None
    for name, values in sampled.per_query.items():
        np.testing.assert_allclose(values, full.per_query[name][sampled.queries])


def test_a_faithful_map_is_perfect() -> None:
    coords = data()[1]
    quality = map_quality(coords, coords * 3 + 1)
    assert quality is not None
    assert (quality.trustworthiness, quality.continuity, quality.knn_recall) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize("n", [1, 2])
def test_too_few_points_have_no_quality(n: int) -> None:
    assert map_quality(np.ones((n, 3)), np.ones((n, 2))) is None


def test_knn_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 4, 300)
    features = rng.normal(size=(300, 8)) + 0.9 * np.eye(8)[labels]
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    peer = KNeighborsClassifier(20, weights=lambda d: np.exp((1 - d**2 / 2) / 0.07)).fit(unit[:200], labels[:200])
    ours = knn_accuracy(features[:200], labels[:200], features[200:], labels[200:], k=20)
    assert ours == pytest.approx(peer.score(unit[200:], labels[200:]))
    assert 0.3 < ours < 1


def test_knn_refuses_labels_that_do_not_fit() -> None:
    with pytest.raises(RecordError, match="3 and 2 labels for 4 and 2 features"):
        knn_accuracy(np.ones((4, 2)), [0, 1, 2], np.ones((2, 2)), [0, 1])


@pytest.mark.parametrize("shape", [(50, 6), (6, 50), (3, 1), (1, 4)])
def test_components_agree_with_svd(shape: tuple[int, int]) -> None:
    features = np.random.default_rng(2).normal(size=shape)
    scores = principal_components(features, 2)
    u, s, _ = np.linalg.svd(features - features.mean(axis=0), full_matrices=False)
    expected = np.zeros((shape[0], 2))
    kept = (s[:2] > 1e-9).sum()
    expected[:, :kept] = (u * s)[:, :kept]
    np.testing.assert_allclose(np.abs(scores), np.abs(expected), atol=1e-8)
