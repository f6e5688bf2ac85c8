"""What a map says of itself: numbers, columns, and the sentences where it misleads."""

from __future__ import annotations

import numpy as np
import pytest

import selfscope as ss
from selfscope.embedding import neighbours
from selfscope.errors import RecordError, UsageError
from selfscope.views.embed import pca
from selfscope.views.trust import ALIKE, doubts, row_norms

GOOD = {"knn_recall": 0.4, "k": 10, "pca_knn_recall": 0.1, "trustworthiness": 0.95, "seed_overlap": 0.5, "seeds": 3}


def clouds(n: int = 300, d: int = 20) -> np.ndarray:
    rng = np.random.default_rng(0)
    return 4 * rng.normal(size=(5, d))[rng.integers(0, 5, n)] + rng.normal(size=(n, d))


def test_a_good_map_raises_no_doubt() -> None:
    assert doubts(GOOD, 1000) == ()
    assert doubts({**GOOD, "trustworthiness": 0.7961}, 1000) == ()  # 0.80 stands below the map


def test_equal_features_make_no_map() -> None:
    assert ss.tsne(np.ones((60, 4))).settings["doubts"] == (ALIKE,)


@pytest.mark.parametrize(
    ("changes", "n", "words"),
    [
        ({}, 49, "only 49 points: too few"),
        ({}, 1, "only 1 point: too few"),
        ({"knn_recall": 0.03}, 300, "do not believe this map: it keeps 3.0% of the 10 nearest neighbours, chance 3.3%"),
        ({"pca_knn_recall": 0.41}, 300, "no better than two principal components: it keeps 40% of the 10 nearest"),
        ({"trustworthiness": 0.79}, 300, "trustworthiness 0.79, below 0.8"),
        ({"seed_overlap": 0.2}, 300, "3 seeds share 20% of the 10 nearest"),
    ],
)
def test_each_rule_has_its_sentence(changes: dict[str, float], n: int, words: str) -> None:
    (said,) = doubts({**GOOD, **changes}, n)
    assert words in said


def test_noise_is_not_to_be_believed_and_clouds_are() -> None:
    noise = np.random.default_rng(1).normal(size=(600, 200))
    assert any("strangers" in sentence for sentence in ss.tsne(noise, n_iter=150).settings["doubts"])
    assert ss.tsne(clouds(), n_iter=150).settings["doubts"] == ()


def test_a_map_carries_its_numbers_its_reference_and_its_columns() -> None:
    features = clouds()
    record = ss.tsne(features, seeds=2, n_iter=150)
    names = ("trustworthiness", "continuity", "knn_recall", "kl_divergence")
    assert set(record.quality) == {*names, *(f"pca_{name}" for name in names), "k", "queries", "seed_overlap", "seeds"}
    assert record.quality["knn_recall"] > record.quality["pca_knn_recall"]
    assert record.quality["kl_divergence"] < record.quality["pca_kl_divergence"]
    assert list(record.columns) == ["norm", "density", "trust", "continuity", "recall", "stability"]
    assert record.quality["trustworthiness"] == pytest.approx(record.columns["trust"].mean(), abs=1e-6)
    assert record.quality["seed_overlap"] == pytest.approx(record.columns["stability"].mean())
    np.testing.assert_allclose(record.columns["norm"], np.linalg.norm(features, axis=1), rtol=1e-6)


def test_the_first_of_several_seeds_is_the_map_of_one() -> None:
    features = clouds(120)
    one, three = (ss.tsne(features, seeds=s, seed=4, n_iter=100) for s in (1, 3))
    np.testing.assert_array_equal(one.coords, three.coords)
    assert "stability" not in one.columns
    with pytest.raises(UsageError, match="at least one seed"):
        ss.tsne(features, seeds=0)


def test_principal_components_agree_with_their_own_reference() -> None:
    features = clouds(200)
    plane, other = pca(features), ss.tsne(features, n_iter=100)
    assert not any(name.startswith("pca_") for name in plane.quality)
    for name in ("trustworthiness", "continuity", "knn_recall", "kl_divergence"):
        assert plane.quality[name] == pytest.approx(other.quality[f"pca_{name}"], abs=0.01)


def test_a_graph_that_was_kept_gives_the_same_map() -> None:
    features = clouds(200)
    graph = neighbours(features, 90)
    np.testing.assert_array_equal(
        ss.tsne(features, n_iter=80, neighbours=graph).coords, ss.tsne(features, n_iter=80).coords
    )
    with pytest.raises(RecordError, match="a graph of 200 points"):
        ss.tsne(features[:150], neighbours=graph)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_few_points_have_what_can_be_known(n: int) -> None:
    record = ss.tsne(clouds(n), seeds=2)
    assert len(record.columns["norm"]) == n
    assert ("trustworthiness" in record.quality) == (n >= 3)
    assert "too few" in record.settings["doubts"][0]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int32])
def test_norms_do_not_overflow(dtype: type) -> None:
    features = np.full((5000, 64), 300).astype(dtype)
    np.testing.assert_allclose(row_norms(features), 2400, rtol=1e-6)
