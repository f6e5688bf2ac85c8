"""Who is next to whom in feature space: found once, kept, and given to as many maps as one likes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from selfscope.embedding.check import feature_array
from selfscope.errors import RecordError

METHOD = "selfscope-2"
"""Changes whenever the same features would get another graph: part of a cache's key."""


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The k nearest neighbours of N points, nearest first, never a point itself."""

    indices: np.ndarray
    """`(N, k)` whole numbers below N."""
    distances: np.ndarray
    """`(N, k)` float32 (or float64) in units of the features; under cosine between rows of length 1: √(2 - 2 cos)."""
    exact: bool = False
    """Every pair was compared in all dimensions."""
    metric: str = "euclidean"
    method: str = "given"
    """How they were found, in words; begins with `METHOD` when by `neighbours`."""
    leading: np.ndarray | None = None
    """`(N, 1..3)` principal coordinates, from which a map can start; None: taken from the features."""

    def __post_init__(self) -> None:
        shape, kinds = self.indices.shape, (self.indices.dtype.kind, self.distances.dtype.kind)
        if len(shape) != 2 or self.distances.shape != shape or kinds[0] not in "iu" or kinds[1] != "f":
            given = [f"{part.dtype} {part.shape}" for part in (self.indices, self.distances)]
            raise RecordError(f"neighbours: expected indices and distances, both (N, k), got {' and '.join(given)}")
        if self.leading is not None and (self.leading.ndim != 2 or len(self.leading) != len(self)):
            raise RecordError(f"neighbours: expected leading coordinates ({len(self)}, 1..3), got {self.leading.shape}")

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def k(self) -> int:
        return self.indices.shape[1]

    def nearest(self, k: int) -> Neighbours:
        """The first k of them."""
        if k > self.k:
            raise RecordError(f"neighbours: {k} are needed, and the graph holds {self.k}: make it with k={k}")
        return replace(self, indices=self.indices[:, :k], distances=self.distances[:, :k])

    def checked(self, n: int, metric: str) -> Neighbours:
        """Itself, for a graph from outside that is found to be one of n points."""
        if len(self) != n:
            raise RecordError(f"neighbours: a graph of {len(self)} points was given with {n} features")
        if self.metric != metric:
            raise RecordError(f"neighbours: found by {self.metric} distance, and the map asks for {metric}")
        if not np.isfinite(self.distances).all() or (np.diff(self.distances, axis=1, prepend=0) < 0).any():
            raise RecordError("neighbours: expected distances of at least 0, the nearest first in every row")
        if self.k and not 0 <= self.indices.min() <= self.indices.max() < n:
            raise RecordError(f"neighbours: expected indices from 0 to {n - 1}")
        selves = np.flatnonzero((self.indices == np.arange(n)[:, None]).any(axis=1))
        if len(selves):
            raise RecordError(f"neighbours: {len(selves)} points are their own neighbours, the first is {selves[0]}")
        return self


def neighbours(
    features: Any, k: int, metric: str = "euclidean", seed: int = 0, *, exact: bool = False, threads: int | None = None
) -> Neighbours:
    """The k nearest of every row of features `(N, D)`; k is lowered to N - 1.

    The same input gives the same bytes on any number of threads. Unless `exact`, they are sought as a map needs them:
    on so many principal axes as tell neighbours from others, and beyond 16,000 points in near cells only, so that
    time grows little faster than N. `exact` compares all pairs in all dimensions, which takes N² · D.
    """
    array = feature_array(features, metric)
    if k < 1:
        raise RecordError(f"neighbours: expected k of at least 1, got {k}")
    from selfscope.embedding.engine.search import search  # compiles, or loads what was compiled

    return search(array, min(k, len(array) - 1), metric, seed, exact=exact, threads=threads)
