"""Trust of placed points against scikit-learn, one placed point at a time."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from selfscope.embedding.placed import placed_quality
from selfscope.errors import RecordError


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_each_point_is_judged_as_if_it_alone_were_there(metric: str) -> None:
    rng = np.random.default_rng(0)
    features, coords, k = rng.normal(size=(80, 6)), rng.normal(size=(80, 2)), 7
    new, placed = rng.normal(size=(5, 6)), rng.normal(size=(5, 2))
    found = placed_quality(new, features, coords, placed, metric=metric, k=k)
    unit = (lambda x: x / np.linalg.norm(x, axis=1, keepdims=True)) if metric == "cosine" else (lambda x: x)
    for i in range(5):
        near, drawn = (((a - b) ** 2).sum(axis=1) for a, b in ((unit(features), unit(new)[i]), (coords, placed[i])))
        ranks, on_map = (np.argsort(np.argsort(values)) + 1 for values in (near, drawn))
        worst = k * (2 * 81 - 3 * k - 1) / 2
        assert found.columns["trust"][i] == pytest.approx(1 - (ranks[on_map <= k] - k).clip(0).sum() / worst)
        assert found.columns["continuity"][i] == pytest.approx(1 - (on_map[ranks <= k] - k).clip(0).sum() / worst)
        assert found.columns["recall"][i] == pytest.approx(((ranks <= k) & (on_map <= k)).sum() / k)
    assert found.trustworthiness == pytest.approx(found.columns["trust"].mean())


def test_the_measure_is_scikit_learns() -> None:
    """All points but one are the map; the mean over which one it is, is what scikit-learn gives for all."""
    rng = np.random.default_rng(1)
    features, coords = rng.normal(size=(40, 4)), rng.normal(size=(40, 2))
    left = [np.arange(40) != i for i in range(40)]
    parts = [
        placed_quality(features[~rest], features[rest], coords[rest], coords[~rest], metric="euclidean", k=5)
        for rest in left
    ]
    expected = trustworthiness(features, coords, n_neighbors=5)
    assert np.mean([part.trustworthiness for part in parts]) == pytest.approx(expected, abs=1e-6)


def test_what_cannot_be_measured_is_refused() -> None:
    rng = np.random.default_rng(0)
    new = rng.normal(size=(3, 4))
    new[1, 2] = np.nan
    with pytest.raises(RecordError, match="1 of 3 rows hold NaN"):
        placed_quality(new, rng.normal(size=(9, 4)), rng.normal(size=(9, 2)), np.zeros((3, 2)), metric="euclidean")
