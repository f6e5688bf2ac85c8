from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from selfscope.embedding.tsne import TSNE
from selfscope.embedding.watch import Snapshot
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


def test_watching_changes_nothing_and_shows_the_map() -> None:
    features, seen = blobs()[0], []
    alone = TSNE(n_iter=130)(features)
    watched = TSNE(n_iter=130)(features, watch=seen.append, every=40)
    assert [snapshot.iteration for snapshot in seen] == [40, 80, 120, 130]
    assert watched.tobytes() == alone.tobytes() == seen[-1].coords.tobytes()
    assert seen[0].coords.tobytes() != seen[1].coords.tobytes()
    p, q = affinities(features), 1 / (1 + squares(alone.astype(float)))
    np.fill_diagonal(q, 0)
    held = p > 0
    assert seen[-1].divergence == pytest.approx((p[held] * np.log(p[held] / (q / q.sum())[held])).sum(), rel=0.02)


def test_who_watches_may_end_it() -> None:
    features, seen = blobs()[0], []

    def watch(snapshot: Snapshot) -> bool:
        seen.append(snapshot)
        return snapshot.iteration == 60

    coords = TSNE(n_iter=5000)(features, watch=watch, every=20)
    assert [snapshot.iteration for snapshot in seen] == [20, 40, 60]
    assert coords.tobytes() == seen[-1].coords.tobytes()
    with pytest.raises(RecordError, match="expected True to stop or None to go on, got 3"):
        TSNE(n_iter=60)(features, watch=lambda snapshot: 3)
    with pytest.raises(RecordError, match="every: expected at least 1, got 0"):
        TSNE()(features, every=0)


def squares(points: np.ndarray) -> np.ndarray:
    return ((points[:, None] - points[None]) ** 2).sum(axis=2)


def affinities(features: np.ndarray, perplexity: float = 30.0) -> np.ndarray:
    """The definition: Gaussians over the 3 · perplexity nearest, each with the perplexity, symmetrised."""
    apart, joint = squares(features), np.zeros((len(features),) * 2)
    np.fill_diagonal(apart, np.inf)
    for i, row in enumerate(apart):
        near = np.argsort(row)[: int(3 * perplexity)]
        low, high = -20.0, 20.0
        for _ in range(60):
            weights = np.exp(-np.exp((low + high) / 2) * (row[near] - row[near[0]]))
            weights /= weights.sum()
            wide = -(weights * np.log(np.maximum(weights, 1e-300))).sum() > np.log(perplexity)
            low, high = ((low + high) / 2, high) if wide else (low, (low + high) / 2)
        joint[i, near] = weights
    return (joint + joint.T) / (2 * len(features))


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
        ([[1.0, 2.0], [3.0]], "rows of one length"),
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


OPTIONS = [
    ({"seed": -1}, "seed: expected at least 0, got -1"),
    ({"seed": 1.5}, "seed: expected a whole number, got 1.5"),
    ({"n_iter": 2.5}, "n_iter: expected a whole number, got 2.5"),
    ({"n_components": 2.0}, "n_components: expected a whole number, got 2.0"),
    ({"n_components": 4}, "n_components: expected 1, 2 or 3, got 4"),
    ({"perplexity": "30"}, "perplexity: expected a number above 0, got '30'"),
    ({"learning_rate": None}, "learning_rate: expected 'auto' or a number above 0, got None"),
]


@pytest.mark.parametrize(("options", "sentence"), OPTIONS, ids=[str(o) for o, _ in OPTIONS])
def test_options_of_other_kinds_are_one_sentence(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RecordError, match=f"^{re.escape(sentence)}$"):
        TSNE(**options)


def test_a_path_and_a_watch_that_is_none_are_refused() -> None:
    with pytest.raises(RecordError, match=r"got a path: np.load\('F.npy', mmap_mode='r'\)"):
        TSNE()("F.npy")
    with pytest.raises(RecordError, match="watch: expected a function of a Snapshot, got 3"):
        TSNE()(blobs()[0], watch=3)  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_tensors_are_taken_as_arrays(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.tensor(blobs()[0], dtype=getattr(torch, dtype), requires_grad=True)
    given = TSNE(n_iter=50)(tensor)
    assert given.tobytes() == TSNE(n_iter=50)(tensor.detach().float().numpy()).tobytes()
