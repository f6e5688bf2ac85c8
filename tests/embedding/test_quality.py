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
        trustworthiness(features, coords, n_neighbors=k, metric=metric), abs=1e-6
    )
    if metric == "euclidean":  # continuity is trustworthiness with the two spaces exchanged
        assert quality.continuity == pytest.approx(trustworthiness(coords, features, n_neighbors=k), abs=1e-6)


def test_sampled_queries_are_ranked_against_all() -> None:
    features, coords = data(400)
    full, sampled = (map_quality(features, coords, queries=q) for q in (400, 100))
    assert full is not None
    assert sampled is not None
    assert len(sampled.queries) == 100
    for name, values in sampled.columns.items():
        asked = np.flatnonzero(~np.isnan(values))
        np.testing.assert_array_equal(asked, sampled.queries)
        np.testing.assert_allclose(values[asked], full.columns[name][asked])


def test_a_faithful_map_is_perfect() -> None:
    coords = data()[1]
    quality = map_quality(coords, coords * 3 + 1)
    assert quality is not None
    assert (quality.trustworthiness, quality.continuity, quality.knn_recall) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    "dtype", [np.float32, np.int64, *(pytest.param(t, marks=pytest.mark.slow) for t in (np.float16, np.float64))]
)
@pytest.mark.parametrize("chunk", [300, 10**9])
def test_any_number_type_far_from_the_origin_in_any_chunks(
    dtype: type, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("selfscope.embedding.ranks.AT_ONCE", chunk)
    monkeypatch.setattr("selfscope.embedding.ranks.HELD", chunk)
    features = (np.random.default_rng(3).normal(size=(150, 6)) * 40 + 900).astype(dtype)
    coords = data(150)[1]
    quality = map_quality(features, coords)
    assert quality is not None
    expected = trustworthiness(features.astype(np.float64), coords, n_neighbors=10)
    assert quality.trustworthiness == pytest.approx(expected, abs=2e-4)  # whole and half numbers have ties


def test_recall_counts_shared_neighbours() -> None:
    features, coords = data(70)
    quality = map_quality(features, coords)
    assert quality is not None
    near, drawn = (((a[:, None] - a[None]) ** 2).sum(2) + np.diag(np.full(70, np.inf)) for a in (features, coords))
    for i in range(70):
        both = set(np.argsort(near[i])[:10]) & set(np.argsort(drawn[i])[:10])
        assert quality.columns["recall"][i] == pytest.approx(len(both) / 10)


def test_what_cannot_be_measured_is_refused() -> None:
    features, coords = data(30)
    with pytest.raises(RecordError, match=r"coords \(30, 1..3\) for 30 features, got \(29, 2\)"):
        map_quality(features, coords[:29])
    features[7, 2] = np.nan
    with pytest.raises(RecordError, match="rows 7"):
        map_quality(features, coords)
    with pytest.raises(RecordError, match="at least one query"):
        map_quality(coords, coords, queries=0)


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
