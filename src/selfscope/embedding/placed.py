"""How far to trust where new points were placed on a map that was there before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from selfscope.embedding.check import feature_array, refuse_unusable


@dataclass(frozen=True, eq=False)
class PlacedQuality:
    """Means over the placed points, in 0..1 with 1 the best, and the same for each."""

    k: int
    trustworthiness: float
    """1 when no mapped neighbour of a placed point on the map is a stranger in feature space."""
    continuity: float
    """1 when no mapped neighbour in feature space is far away on the map."""
    knn_recall: float
    """Share of the k nearest mapped points in feature space that are the k nearest on the map."""
    columns: dict[str, np.ndarray]
    """`trust`, `continuity`, `recall`: `(M,)` float32."""


def placed_quality(
    new: Any, features: Any, coords: np.ndarray, placed: np.ndarray, *, metric: str, k: int = 10, seed: int = 0
) -> PlacedQuality:
    """Of new features `(M, D)` at `placed` (M, c) among features `(N, D)` mapped to `coords` (N, c).

    As `map_quality`, but neighbours are mapped points only, and every placed point is asked. k is lowered to below
    half of N.
    """
    from selfscope.embedding.engine.workers import Workers
    from selfscope.embedding.ranks import Framed, chunks_of, compare, nearest

    asked, known = feature_array(new, metric), feature_array(features, metric)
    n, k = len(known), max(min(k, (len(known) - 1) // 2), 1)
    together = np.concatenate([coords, placed])
    worst = k * (2 * (n + 1) - 3 * k - 1) / 2
    parts = []
    with Workers() as workers:
        framed = Framed.of(known, metric, seed, workers)
        for chunk in chunks_of(np.arange(len(asked)), n):
            squares = framed.squares_of(framed.frame.rows(asked, chunk))
            if not np.isfinite(squares).all():
                refuse_unusable(asked, metric)
            true, _ = nearest(squares, k, workers)
            strangers, lost, shared = compare(squares, true, together, n + chunk, workers)
            parts.append(np.stack([1 - strangers / worst, 1 - lost / worst, shared / k]))
    shares = np.concatenate(parts, axis=1).astype(np.float32)
    trust, continuity, recall = (float(values.mean(dtype=np.float64)) for values in shares)
    return PlacedQuality(
        k, trust, continuity, recall, dict(zip(("trust", "continuity", "recall"), shares, strict=True))
    )
