"""Clusters of feature space by HDBSCAN (Campello et al. 2013), never of the map, whose gaps may be its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from selfscope.embedding.check import checked_features
from selfscope.errors import RecordError

AXES = 15
AT_MOST = 50_000
NOISE = -1


@dataclass(frozen=True, eq=False)
class Clusters:
    """Groups of points that lie denser than what is between them."""

    labels: np.ndarray
    """`(N,)` int64: 0 is the largest cluster; -1 is noise, in none."""
    exemplars: np.ndarray
    """`(C,)` int64: of each cluster, the point nearest to the others of it."""
    settings: dict[str, Any]
    """`axes`, `min_cluster_size`, `min_samples`, `clustered`: points that HDBSCAN saw."""

    @property
    def noise(self) -> float:
        """Share of the points that are in no cluster."""
        return float((self.labels == NOISE).mean())


def clusters(
    features: Any, *, metric: str = "euclidean", min_cluster_size: int | None = None, seed: int = 0
) -> Clusters:
    """HDBSCAN on the first 15 principal components of features `(N, D)`: distances in more tell too little apart.

    A cluster has at least 5 points, or N / 200. Beyond 50,000 points a seeded sample of so many is clustered, and every
    other point goes with the nearest of these.
    """
    array = checked_features(features, metric)
    smallest = max(5, len(array) // 200) if min_cluster_size is None else min_cluster_size
    if smallest < 2:
        raise RecordError(f"clusters: expected min_cluster_size of at least 2, got {smallest}")
    plane = _axes(array, seed)  # (N, 15)
    chosen = np.arange(len(plane))
    if len(plane) > AT_MOST:
        chosen = np.sort(np.random.default_rng(seed).choice(len(plane), AT_MOST, replace=False))
    density = min(10, smallest)
    found = _hdbscan(plane[chosen], smallest, density)
    labels = _by_size(found if len(chosen) == len(plane) else _nearest_label(plane, chosen, found))
    settings = {"axes": plane.shape[1], "min_cluster_size": smallest, "min_samples": density, "clustered": len(chosen)}
    return Clusters(labels, exemplars(plane, labels), settings)


def exemplars(points: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Of each label from 0 on, the point `(C,)` nearest to the median of its points; ties by number."""
    found = []
    for label in range(int(labels.max(initial=-1)) + 1):
        members = np.flatnonzero(labels == label)
        away = points[members] - np.median(points[members], axis=0)
        found.append(members[np.einsum("nd,nd->n", away, away).argmin()])
    return np.array(found, np.int64)


def _axes(array: np.ndarray, seed: int) -> np.ndarray:
    """Principal components by the covariance of at most 20,000 rows."""
    rows = array if len(array) <= 20_000 else array[np.random.default_rng(seed).choice(len(array), 20_000, False)]
    centre = rows.mean(axis=0)
    if array.shape[1] <= AXES:
        return array - centre
    values = rows - centre
    _, vectors = np.linalg.eigh(values.T @ values)
    axes = vectors[:, ::-1][:, :AXES]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(AXES)])
    return (array - centre) @ axes


def _hdbscan(points: np.ndarray, smallest: int, density: int) -> np.ndarray:
    if len(points) < 2 * smallest or not np.ptp(points, axis=0).any():
        return np.full(len(points), NOISE)  # too few for two groups, or all in one place
    from sklearn.cluster import HDBSCAN

    return HDBSCAN(min_cluster_size=smallest, min_samples=density, copy=True).fit_predict(points)


def _nearest_label(points: np.ndarray, known: np.ndarray, labels: np.ndarray) -> np.ndarray:
    from scipy.spatial import cKDTree

    return labels[cKDTree(points[known]).query(points)[1]]


def _by_size(labels: np.ndarray) -> np.ndarray:
    """The same groups, numbered by size."""
    names, counts = np.unique(labels[labels >= 0], return_counts=True)
    order = names[np.lexsort((names, -counts))]
    renamed = np.full(len(labels), NOISE, np.int64)
    for new, old in enumerate(order.tolist()):
        renamed[labels == old] = new
    return renamed
