"""Clusters of feature space by HDBSCAN (Campello et al. 2013), never of the map, whose gaps may be its own.

Distances tell little apart in many dimensions, where most points are in nobody's neighbourhood. So HDBSCAN looks at
what the graph of neighbours says: two points are as alike as their nearest are shared (Jarvis & Patrick 1973), and the
leading eigenvectors of that likeness, rows scaled to length 1 (Ng, Jordan & Weiss 2002), are its coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from selfscope.embedding.check import all_alike, check_whole, feature_array
from selfscope.embedding.graph import Neighbours, neighbours

if TYPE_CHECKING:
    from scipy.sparse import csr_array

SHARED = 15
"""Nearest neighbours that two points can share."""
AXES = 15
WALK = 8
"""Power of the eigenvalues by which eigenvectors count: what parts a group within itself counts for little."""
BLUR = 0.04
"""Spread of noise on the axes: HDBSCAN knows no scale, and would part what is all but in one place."""
SMALLEST, DENSITY = 10, 5
MOST = 0.6
FEW = 500
"""Up to so many points all eigenvectors are computed."""
AT_MOST = 20_000
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
    """HDBSCAN on the leading axes of the neighbours that features `(N, D)` share.

    A cluster has at least 10 points, or N / 200. Beyond 20,000 points a seeded sample of so many is clustered, and
    every other point goes with the nearest of these.
    """
    array = feature_array(features, metric)
    smallest = max(SMALLEST, len(array) // 200) if min_cluster_size is None else min_cluster_size
    check_whole("min_cluster_size", smallest, 2)
    chosen = np.arange(len(array))
    if len(array) > AT_MOST:
        chosen = np.sort(np.random.default_rng(seed).choice(len(array), AT_MOST, replace=False))
    density = min(DENSITY, smallest)
    settings = {"axes": AXES, "shared": SHARED, "min_cluster_size": smallest, "min_samples": density}
    settings["clustered"] = len(chosen)
    if len(chosen) < 2 * smallest or all_alike(array):  # too few for two groups, or all in one place
        return Clusters(np.full(len(array), NOISE), np.array([], np.int64), settings)
    axes = shared_axes(neighbours(array[chosen], SHARED, metric, seed), seed)
    found = _by_size(_hdbscan(axes + BLUR * np.random.default_rng(seed).standard_normal(axes.shape), smallest, density))
    labels = found if len(chosen) == len(array) else _nearest_label(array, chosen, found, metric, seed)
    return Clusters(labels, chosen[exemplars(axes, found)], settings)


def shared_axes(graph: Neighbours, seed: int = 0) -> np.ndarray:
    """`(N, 15)` float64, rows of length 1: points that share neighbours, and neighbours' neighbours, lie together."""
    alike = _alike(graph)
    total = np.sqrt(np.maximum(np.asarray(alike.sum(axis=1)).ravel(), 1e-12))
    alike.data /= np.repeat(total, np.diff(alike.indptr)) * total[alike.indices]
    n, count = len(graph), min(AXES, len(graph) - 1)
    if n <= FEW:
        values, vectors = np.linalg.eigh(alike.toarray())
    else:
        from scipy.sparse.linalg import eigsh

        start = np.random.default_rng(seed).standard_normal(n)
        values, vectors = eigsh(alike, k=count, which="LA", v0=start, ncv=4 * AXES, tol=1e-2, maxiter=100 * n)
    axes = vectors[:, -count:] * np.maximum(values[-count:], 0) ** WALK
    return axes / np.maximum(np.linalg.norm(axes, axis=1, keepdims=True), 1e-12)


def _alike(graph: Neighbours) -> csr_array:
    """Between every two neighbours the share of nearest neighbours that both have, `(N, N)` symmetric."""
    from scipy.sparse import csr_array

    n, k = len(graph), min(SHARED, graph.k)
    starts = np.arange(0, n * k + 1, k)
    near = csr_array((np.ones(n * k), graph.indices[:, :k].astype(np.int32).ravel(), starts), shape=(n, n))
    either = (near + near.T).sign()
    return ((near @ near.T).multiply(either) / k).tocsr()


def exemplars(points: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Of each label from 0 on, the point `(C,)` nearest to the median of its points; ties by number."""
    found = []
    for label in range(int(labels.max(initial=-1)) + 1):
        members = np.flatnonzero(labels == label)
        away = points[members] - np.median(points[members], axis=0)
        found.append(members[np.einsum("nd,nd->n", away, away).argmin()])
    return np.array(found, np.int64)


def _hdbscan(points: np.ndarray, smallest: int, density: int) -> np.ndarray:
    """By excess of mass; where that takes the tree's first branch, which holds most points, by its leaves."""
    from sklearn.cluster import HDBSCAN

    options: dict[str, Any] = {"min_cluster_size": smallest, "min_samples": density, "copy": True}
    found = HDBSCAN(**options).fit_predict(points)
    if np.bincount(found[found >= 0], minlength=1).max() > MOST * len(points):
        found = HDBSCAN(cluster_selection_method="leaf", **options).fit_predict(points)
    return found


def _nearest_label(array: np.ndarray, chosen: np.ndarray, found: np.ndarray, metric: str, seed: int) -> np.ndarray:
    """Labels `(N,)`: of the chosen points as found, of every other that of the nearest chosen one by the graph of all.

    A point with no chosen one among its 90 nearest is in no cluster.
    """
    known = np.full(len(array), NOISE)
    known[chosen] = found
    is_chosen = np.zeros(len(array), bool)
    is_chosen[chosen] = True
    near = neighbours(array, 90, metric, seed).indices
    first = is_chosen[near].argmax(axis=1)
    labels = np.where(is_chosen[near].any(axis=1), known[near[np.arange(len(near)), first]], NOISE)
    return np.where(is_chosen, known, labels)


def _by_size(labels: np.ndarray) -> np.ndarray:
    """The same groups, numbered by size."""
    names, counts = np.unique(labels[labels >= 0], return_counts=True)
    order = names[np.lexsort((names, -counts))]
    renamed = np.full(len(labels), NOISE, np.int64)
    for new, old in enumerate(order.tolist()):
        renamed[labels == old] = new
    return renamed
