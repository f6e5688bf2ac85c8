from __future__ import annotations

import numpy as np
import pytest

from selfscope.embedding.tsne import TSNE
from selfscope.errors import RecordError


def blobs(n: int = 120, classes: int = 3, dimensions: int = 12, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    centres = rng.normal(0, 8, (classes, dimensions))
    return centres[labels] + rng.normal(size=(n, dimensions)), labels


def test_blobs_stay_together() -> None:
    features, labels = blobs()
    coords = TSNE(n_iter=400)(features)
    assert coords.shape == (120, 2)
    assert coords.dtype == np.float32
    distances = np.linalg.norm(coords[:, None] - coords[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (labels[distances.argmin(axis=1)] == labels).all()


@pytest.mark.parametrize("init", ["pca", "random"])
def test_a_seed_gives_the_same_bytes(init: str) -> None:
    features, _ = blobs()
    first, second = (TSNE(n_iter=250, init=init, seed=3)(features) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    assert first.tobytes() != TSNE(n_iter=250, init=init, seed=4)(features).tobytes()


@pytest.mark.parametrize("components", [1, 2, 3])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 7])
def test_few_points_and_every_dimension(n: int, components: int) -> None:
    coords = TSNE(n_components=components, n_iter=250)(blobs(n)[0])
    assert coords.shape == (n, components)
    assert np.isfinite(coords).all()


def test_constant_features_and_duplicates_are_finite() -> None:
    assert np.isfinite(TSNE(n_iter=250)(np.ones((30, 4)))).all()
    assert np.isfinite(TSNE(n_iter=250)(np.repeat(blobs(10)[0], 4, axis=0))).all()


def test_one_dimension_is_enough() -> None:
    assert np.isfinite(TSNE(n_iter=250)(np.arange(20.0)[:, None])).all()


def test_cosine_ignores_length() -> None:
    features, _ = blobs()
    scaled = features * np.exp2(np.random.default_rng(0).integers(-2, 3, (len(features), 1)))
    one, other = (TSNE(n_iter=250, metric="cosine")(f) for f in (features, scaled))
    assert one.tobytes() == other.tobytes()


def test_progress_counts_to_the_end() -> None:
    seen: list[tuple[int, int]] = []
    TSNE(n_iter=300)(blobs()[0], progress=lambda i, n: seen.append((i, n)))
    assert seen[-1] == (300, 300)
    assert [i for i, _ in seen] == sorted(i for i, _ in seen)


@pytest.mark.parametrize(
    ("n", "asked", "given"), [(1000, 30.0, 30.0), (31, 30.0, 10.0), (4, 30.0, 1.0), (2, 30.0, 1.0), (1000, 5.0, 5.0)]
)
def test_perplexity_fits_the_number_of_points(n: int, asked: float, given: float) -> None:
    assert TSNE(perplexity=asked).effective_perplexity(n) == pytest.approx(given)


@pytest.mark.parametrize(
    ("features", "words"),
    [
        (np.array([[1.0, np.nan], [0, 0], [np.inf, 0]]), r"2 of 3 rows hold NaN or infinity \(rows 0, 2\)"),
        (np.ones(4), r"\(N, D\)"),
        (np.ones((0, 4)), "at least 1"),
        (np.array([["a", "b"]]), "expected numbers"),
    ],
)
def test_bad_features_are_refused(features: np.ndarray, words: str) -> None:
    with pytest.raises(RecordError, match=words):
        TSNE()(features)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_components": 4}, "1, 2 or 3"),
        ({"n_iter": 0}, "at least 1"),
        ({"init": "spectral"}, "'pca' or 'random'"),
        ({"perplexity": 0}, "above 0"),
        ({"learning_rate": "fast"}, "'auto' or a number"),
        ({"learning_rate": -1.0}, "'auto' or a number"),
        ({"perplexity": float("nan")}, "above 0"),
    ],
)
def test_bad_options_are_refused(options: dict, words: str) -> None:
    with pytest.raises(RecordError, match=words):
        TSNE(**options)


def test_a_zero_row_has_no_direction() -> None:
    with pytest.raises(RecordError, match="no direction"):
        TSNE(metric="cosine")(np.array([[0.0, 0.0], [1.0, 0.0]]))
