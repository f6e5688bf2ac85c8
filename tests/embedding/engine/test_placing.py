"""New points on a finished map, against the objective in float64 and a brute search of it."""

from __future__ import annotations

import numpy as np
import pytest

from selfscope.embedding.engine import placing
from selfscope.embedding.engine.placing import potential_of, settled
from selfscope.embedding.engine.workers import Workers
from selfscope.embedding.tsne import TSNE
from selfscope.errors import RecordError


def groups(n: int, seed: int, classes: int = 8, dimensions: int = 24) -> tuple[np.ndarray, np.ndarray]:
    centres = np.random.default_rng(99).normal(0, 2, (classes, dimensions))
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    return centres[labels] + rng.normal(size=(n, dimensions)) * (0.2 + np.arange(dimensions) % 5 / 5), labels


def objective(where: np.ndarray, mapped: np.ndarray, near: np.ndarray, p: np.ndarray) -> float:
    """The part of KL(p ‖ q) that depends on where the point is."""
    square = ((where - mapped.astype(float)) ** 2).sum(axis=1)
    return float((p * np.log1p(square[near])).sum() + np.log((1 / (1 + square)).sum()))


def reference(n: int, axes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A map of n points, and for 40 others their neighbours on it, with weights."""
    rng = np.random.default_rng(n)
    mapped = (rng.normal(0, 12, (9, axes))[rng.integers(0, 9, n)] + rng.normal(0, 2, (n, axes))).astype(np.float32)
    centres = mapped[rng.integers(0, n, 40)]
    near = ((centres[:, None] - mapped) ** 2).sum(axis=2).argsort(axis=1)[:, :60:4].astype(np.uint32)
    pulls = rng.random(near.shape).astype(np.float32)
    return mapped, near, pulls / pulls.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(("n", "axes"), [(500, 2), (500, 3), (3000, 2), (3000, 3)])
def test_points_rest_where_their_divergence_is_least(workers: Workers, n: int, axes: int) -> None:
    mapped, near, pulls = reference(n, axes)
    placed = settled(mapped, near, pulls, flat=False, workers=workers)
    for i in range(0, 40, 5):
        at_rest = objective(placed[i], mapped, near[i], pulls[i])
        for radius in (0.1, 0.5, 2.0):
            around = placed[i] + radius * np.concatenate([np.eye(axes), -np.eye(axes)])
            assert min(objective(other, mapped, near[i], pulls[i]) for other in around) > at_rest - 1e-4


def test_grid_and_pairs_agree(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    mapped, near, pulls = reference(3000, 2)
    by_grid = settled(mapped, near, pulls, flat=False, workers=workers)
    monkeypatch.setattr(placing, "EXACT_UP_TO", 5000)
    by_pairs = settled(mapped, near, pulls, flat=False, workers=workers)
    np.testing.assert_allclose(by_grid, by_pairs, atol=0.05)


def test_the_grid_holds_the_potential() -> None:
    mapped, _, _ = reference(2500, 2)
    grid, x, y, scale = potential_of(mapped)
    row, column = 40, 70  # a node lies one step past its index, in the middle of its spline
    node = np.array([x + (row - 1) / scale, y + (column - 1) / scale])
    exact = (1 / (1 + ((mapped.astype(float) - node) ** 2).sum(axis=1))).sum()
    assert grid[row - 1 : row + 2, column - 1 : column + 2].mean() == pytest.approx(exact, rel=0.02)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("components", [1, 2, 3])
def test_held_out_points_land_among_their_own(metric: str, components: int) -> None:
    features, labels = groups(700, 0)
    new, truth = groups(150, 1)
    engine = TSNE(n_components=components, perplexity=15, n_iter=250, metric=metric)
    coords = engine(features)
    placed = engine.transform(new, features, coords)
    assert placed.shape == (150, components)
    assert placed.dtype == np.float32
    nearest = ((placed[:, None] - coords[None]) ** 2).sum(axis=2).argmin(axis=1)
    assert (labels[nearest] == truth).mean() > (0.85 if components == 1 else 0.95)


@pytest.mark.slow
def test_a_large_map_takes_new_points_as_its_own() -> None:
    """Of the 10 nearest in feature space, new points keep as many on the map as the mapped points do."""
    features, _ = groups(2600, 0)
    new, _ = groups(200, 1)
    engine = TSNE(n_iter=250)
    coords = engine(features)
    placed = engine.transform(new, features, coords)

    def recall(asked: np.ndarray, at: np.ndarray, skip: int) -> float:
        high = ((asked[:, None] - features[None]) ** 2).sum(axis=2).argsort(axis=1)[:, skip : skip + 10]
        low = ((at[:, None] - coords[None]) ** 2).sum(axis=2).argsort(axis=1)[:, skip : skip + 10]
        return float(np.mean([len(np.intersect1d(a, b)) for a, b in zip(high, low, strict=True)])) / 10

    assert recall(new, placed, 0) > 0.7 * recall(features[:200], coords[:200], 1)
    again = engine.transform(features[:50], features, coords)
    away = np.linalg.norm(again - coords[:50], axis=1)
    assert np.median(away) < 0.05 * np.ptp(coords, axis=0).max()


@pytest.mark.parametrize("n", [300, 2300])
def test_company_changes_nothing(n: int) -> None:
    features, _ = groups(n, 0)
    new, _ = groups(70, 1)
    engine = TSNE(perplexity=10, n_iter=60)
    coords = engine(features)
    together = engine.transform(new, features, coords)
    for part in (slice(0, 70), slice(3, 4), slice(60, 70)):
        np.testing.assert_allclose(engine.transform(new[part], features, coords), together[part], atol=1e-3)
    assert together.tobytes() == engine.transform(new, features, coords).tobytes()


def test_far_and_odd_points_are_placed() -> None:
    features, _ = groups(2300, 0)
    engine = TSNE(perplexity=10, n_iter=60)
    coords = engine(features)
    placed = engine.transform(np.stack([features[0] * 1e9, features[0], np.zeros(24)]), features, coords)
    assert np.isfinite(placed).all()
    assert (np.abs(placed) <= np.abs(coords).max() + 2 * placing.MARGIN).all()
    few = TSNE(n_iter=60)(features[:4])
    assert np.isfinite(TSNE().transform(features[4:9], features[:4], few)).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"new": np.ones((2, 5))}, "5 dimensions, those of the map 24"),
        ({"new": np.full((2, 24), np.nan)}, "2 of 2 rows hold NaN"),
        ({"coords": np.zeros((9, 2))}, r"finite coords \(40, 2\) of the map, got \(9, 2\)"),
        ({"coords": np.full((40, 2), np.nan)}, "finite coords"),
        ({"perplexity": 0}, "above 0"),
        ({"features": np.ones((3, 24)), "coords": np.zeros((3, 2))}, "a map of 3 points"),
    ],
)
def test_what_cannot_be_placed_is_refused(change: dict, words: str) -> None:
    features, _ = groups(40, 0)
    given = {"new": features[:2], "features": features, "coords": np.zeros((40, 2)), **change}
    with pytest.raises(RecordError, match=words):
        TSNE().transform(**given)
