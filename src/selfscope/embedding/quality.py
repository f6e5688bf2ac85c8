"""How far a map can be believed: neighbours that it invents, neighbours that it loses.

Query points are sampled, but each is ranked against all N points: sampling both sides flatters (see the metrics page).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from selfscope.embedding.check import checked_features

CHUNK = 256


@dataclass(frozen=True, eq=False)
class MapQuality:
    """Means over the queries in 0..1, 1 is best, and the same per query point."""

    k: int
    trustworthiness: float
    """Venna & Kaski 2001: 1 when no neighbour on the map is a stranger in feature space."""
    continuity: float
    """Kaski et al. 2003: 1 when no neighbour in feature space is far away on the map."""
    knn_recall: float
    """Share of the k nearest in feature space that are among the k nearest on the map."""
    queries: np.ndarray
    """`(Q,)` indices of the points that were asked."""
    per_query: dict[str, np.ndarray]
    """`trust`, `continuity`, `recall`: `(Q,)` values whose means are the numbers above."""


def map_quality(
    features: Any, coords: np.ndarray, *, metric: str = "euclidean", k: int = 10, queries: int = 2000, seed: int = 0
) -> MapQuality | None:
    """Compares neighbourhoods in `features` (N, D) and on the map `coords` (N, 1..3).

    k is lowered to below N / 2, where the measures are defined; None when fewer than three points leave no k.
    """
    high, low = checked_features(features, metric), checked_features(coords, "euclidean")
    n = len(high)
    k = min(k, (n - 1) // 2)
    if k < 1:
        return None
    rng = np.random.default_rng(seed)
    chosen = np.arange(n) if n <= queries else np.sort(rng.choice(n, queries, replace=False))
    parts = [_chunk_quality(high, low, chunk, k) for chunk in np.array_split(chosen, -(-len(chosen) // CHUNK))]
    trust, continuity, recall = (np.concatenate(part) for part in zip(*parts, strict=True))
    means = (float(trust.mean()), float(continuity.mean()), float(recall.mean()))
    return MapQuality(k, *means, chosen, {"trust": trust, "continuity": continuity, "recall": recall})


def _chunk_quality(
    high: np.ndarray, low: np.ndarray, queries: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    far, near = _distances(high, queries), _distances(low, queries)  # (Q, N) each
    in_features, on_map = _nearest(far, k), _nearest(near, k)  # (Q, k)
    n = len(high)
    scale = 2 / (k * (2 * n - 3 * k - 1))
    trust = 1 - scale * _excess(far, on_map, k)
    continuity = 1 - scale * _excess(near, in_features, k)
    shared = (in_features[:, :, None] == on_map[:, None, :]).any(axis=2)
    return trust, continuity, shared.mean(axis=1)


def _distances(points: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Squared distances (Q, N), infinite from each query to itself."""
    squares = np.einsum("nd,nd->n", points, points)
    distances = squares[queries, None] - 2 * points[queries] @ points.T + squares
    distances[np.arange(len(queries)), queries] = np.inf
    return distances


def _nearest(distances: np.ndarray, k: int) -> np.ndarray:
    return np.argpartition(distances, k - 1, axis=1)[:, :k]


def _excess(distances: np.ndarray, neighbours: np.ndarray, k: int) -> np.ndarray:
    """Sum over the neighbours of how far their rank in `distances` lies beyond k; rank 1 is the nearest."""
    own = np.take_along_axis(distances, neighbours, axis=1)  # (Q, k)
    ranks = np.stack([(distances < own[:, j : j + 1]).sum(axis=1) + 1 for j in range(own.shape[1])], axis=1)
    return np.maximum(ranks - k, 0).sum(axis=1)
