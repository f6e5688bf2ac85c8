"""Who is next to whom on a map, and how much of it another map keeps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from selfscope.errors import RecordError


def map_neighbours(coords: np.ndarray, k: int) -> np.ndarray:
    """`(N, k)` indices of the nearest on the map `(N, 1..3)`, nearest first, never the point itself; k is below N."""
    from scipy.spatial import cKDTree

    n = len(coords)
    if not 1 <= k < n:
        raise RecordError(f"map_neighbours: expected k from 1 to {n - 1}, got {k}")
    _, found = cKDTree(coords).query(coords, k + 1)
    other = found != np.arange(n)[:, None]
    other[other.all(axis=1), -1] = False  # more than k duplicates: the point is not among them
    return found[other].reshape(n, k)


def shared_neighbours(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Share `(N,)` of the k neighbours of each point in `first` (N, k) that `second` (N, k) holds as well."""
    return np.array([(first == second[:, [j]]).any(axis=1) for j in range(second.shape[1])]).mean(axis=0)


def seed_overlap(maps: Sequence[np.ndarray], k: int = 10) -> np.ndarray:
    """How much of each point's k neighbours on one map is found on another, `(N,)`, the mean over all pairs of maps.

    1: every seed tells the same story about the point; k / (N - 1) is chance. Turning, mirroring and scaling a map
    changes nothing. k is lowered to below N / 2.
    """
    if len(maps) < 2:
        raise RecordError(f"seed_overlap: expected at least two maps, got {len(maps)}")
    k = min(k, (len(maps[0]) - 1) // 2)
    if k < 1:
        return np.full(len(maps[0]), np.nan)
    found = [map_neighbours(coords, k) for coords in maps]
    return np.mean([shared_neighbours(a, b) for a, b in combinations(found, 2)], axis=0)
