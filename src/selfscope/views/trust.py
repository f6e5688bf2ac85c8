"""What stands on a map about the map itself: its numbers, a reference for them, and sentences where it misleads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from selfscope.embedding.graph import Neighbours
from selfscope.embedding.quality import MapQuality, map_qualities

FEW = 50
LOW_OVERLAP = 0.25
LOW_TRUST = 0.8
CHANCE = 3.0
ALIKE = "all features are equal: nothing on this map means anything"


@dataclass(frozen=True)
class Trust:
    """How far to believe a map: numbers of the whole, columns a point, sentences of doubt."""

    quality: Mapping[str, float] = field(default_factory=dict)
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()


def trust(
    features: np.ndarray,
    maps: Sequence[np.ndarray],
    *,
    metric: str,
    neighbours: Neighbours | None = None,
    queries: int | None = None,
    method: str = "",
) -> Trust:
    """Of the first of `maps` (N, 1..3); others are the same map under other seeds.

    `pca_…` are the same numbers for the plane of the first two principal components. The divergence of principal
    components, here and where they are the map, is taken at their best scale. Columns: `trust`, `continuity`, `recall`,
    NaN at points that were not asked; `norm`, `density`, and with several maps `stability`.
    """
    from selfscope.embedding.stability import seed_overlap

    n = len(features)
    columns = feature_columns(features, neighbours)
    if n < 3:
        return Trust({}, columns, doubts({}, n))
    plane = None if neighbours is None or neighbours.leading is None or method == "PCA" else neighbours.leading[:, :2]
    judged = [maps[0]] if plane is None else [maps[0], plane]
    free = [0] if method == "PCA" else [1]
    measured = map_qualities(features, judged, metric=metric, neighbours=neighbours, queries=queries, free_scale=free)
    quality = _numbers(measured[0])
    if plane is not None:
        quality |= {f"pca_{name}": value for name, value in _numbers(measured[1]).items() if name in _MEASURES}
    columns |= measured[0].columns
    if len(maps) > 1:
        columns["stability"] = seed_overlap(maps, measured[0].k).astype(np.float32)
        quality |= {"seed_overlap": float(columns["stability"].mean()), "seeds": len(maps)}
    alike = neighbours is not None and not neighbours.distances.any()
    return Trust(quality, columns, (ALIKE,) if alike else doubts(quality, n))


_MEASURES = ("trustworthiness", "continuity", "knn_recall", "kl_divergence")


def feature_columns(features: np.ndarray, neighbours: Neighbours | None) -> dict[str, np.ndarray]:
    """`norm`, the length of each feature vector, and `density`, which needs a graph; both `(N,)` float32."""
    from selfscope.embedding.density import density

    columns = {"norm": row_norms(features)}
    if neighbours is not None:
        columns["density"] = density(neighbours)
    return columns


def row_norms(features: np.ndarray) -> np.ndarray:
    """`(N,)` float32, a few hundred rows at a time, so that features may stay on disk."""
    from selfscope.embedding.half import float32_copy  # compiles, or loads what was compiled

    norms = np.empty(len(features), np.float32)
    for first in range(0, len(features), 512):
        rows = np.asarray(features[first : first + 512])
        rows = float32_copy(rows) if rows.dtype in (np.float16, np.float32) else rows.astype(np.float64)
        squares = np.einsum("nd,nd->n", rows, rows)
        if not (squares.min() > 1e-30 and squares.max() < 1e30):  # zero, or beyond what their type can square
            squares = np.einsum("nd,nd->n", rows, rows, dtype=np.float64)
        norms[first : first + 512] = np.sqrt(squares)
    return norms


def doubts(quality: Mapping[str, float], n: int) -> tuple[str, ...]:
    """Sentences that belong on the picture where a map should not be believed.

    The rules: fewer than 50 points; k-NN recall below three times chance, or no better than the principal plane's;
    trustworthiness below 0.8; an overlap of the seeds' neighbourhoods below 0.25.
    """
    said = []
    if n < FEW:
        said.append(f"only {n} point{'s' if n != 1 else ''}: too few to tell groups from chance")
    recall, k = quality.get("knn_recall"), quality.get("k", 10)
    if recall is not None and n >= FEW:
        chance, pca = k / (n - 1), quality.get("pca_knn_recall")
        if recall < CHANCE * chance:
            said.append(
                f"do not believe this map: it keeps {recall:.1%} of the {k:g} nearest neighbours, chance {chance:.1%}"
            )
        elif pca is not None and recall <= pca:
            said.append(
                f"this map is no better than two principal components: it keeps {recall:.0%} of the {k:g} nearest "
                f"neighbours, they {pca:.0%}"
            )
        if round(quality.get("trustworthiness", 1.0), 2) < LOW_TRUST:  # as it is printed
            said.append(
                f"many neighbours on this map are strangers: trustworthiness {quality['trustworthiness']:.2f}, "
                f"below {LOW_TRUST}"
            )
    overlap = quality.get("seed_overlap")
    if overlap is not None and overlap < LOW_OVERLAP:
        said.append(
            f"another seed gives another map: {quality['seeds']:g} seeds share {overlap:.0%} of the {k:g} nearest"
        )
    return tuple(said)


def _numbers(quality: MapQuality) -> dict[str, float]:
    numbers: dict[str, Any] = {name: getattr(quality, name) for name in _MEASURES}
    kept = {name: float(value) for name, value in numbers.items() if value is not None}
    return {**kept, "k": quality.k, "queries": len(quality.queries), **quality.details}
