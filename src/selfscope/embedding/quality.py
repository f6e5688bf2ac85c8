"""How far a map can be believed: neighbours that it invents, neighbours that it loses, and what it costs in nats.

All are measured at sampled query points, whose true neighbours are found among all N and ranked against all N:
sampling both sides flatters, and so does the approximate graph that a map is made from (see docs/metrics.md).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from selfscope.embedding.check import feature_array, refuse_unusable
from selfscope.embedding.graph import Neighbours
from selfscope.errors import RecordError

if TYPE_CHECKING:
    from selfscope.embedding.divergence import Divergence, Mean

QUERIES = 256
ALL_UP_TO, ALL_WITHOUT_GRAPH = 500, 1000
"""With so few points every one is asked: a sample would cost as much, for what its divergence takes to be made good.

That takes a graph; without one the divergence is told by all points, or not at all.
"""


@dataclass(frozen=True, eq=False)
class MapQuality:
    """Means over the points that were asked, in 0..1 with 1 the best, and the same for each point."""

    k: int
    trustworthiness: float
    """Venna & Kaski 2001: 1 when no neighbour on the map is a stranger in feature space."""
    continuity: float
    """Kaski et al. 2003: 1 when no neighbour in feature space is far away on the map."""
    knn_recall: float
    """Share of the k nearest in feature space that are among the k nearest on the map."""
    queries: np.ndarray
    """`(Q,)` indices of the points that were asked for trustworthiness and continuity."""
    columns: Mapping[str, np.ndarray]
    """`trust`, `continuity`, `recall`: `(N,)` float32 a point, NaN where it was not asked."""
    kl_divergence: float | None = None
    """Nats, on affinities of perplexity 30; see `embedding.divergence`. None where N > 1,000 and no graph was given."""
    details: Mapping[str, float] = field(default_factory=dict)
    """`kl_error`: one standard error, where the divergence was sampled; `kl_rows`: points whose row of the normaliser
    was summed, where not all were.
    """


def map_quality(
    features: Any,
    coords: np.ndarray,
    *,
    metric: str = "euclidean",
    k: int = 10,
    queries: int | None = None,
    seed: int = 0,
    neighbours: Neighbours | None = None,
) -> MapQuality | None:
    """Compares neighbourhoods in `features` (N, D) and on the map `coords` (N, 1..3).

    k is lowered to below N / 2, where the measures are defined; None when fewer than three points leave no k. By
    default 256 points are asked, all of them up to N = 500, or 1,000 without `neighbours`. Beyond, the divergence is
    measured too where the graph is given that the map was made from, of 90 neighbours or more.
    """
    measured = map_qualities(features, [coords], metric=metric, k=k, queries=queries, seed=seed, neighbours=neighbours)
    return measured[0] if measured else None


def map_qualities(
    features: Any,
    maps: Sequence[np.ndarray],
    *,
    metric: str = "euclidean",
    k: int = 10,
    queries: int | None = None,
    seed: int = 0,
    neighbours: Neighbours | None = None,
    free_scale: Sequence[int] = (),
) -> list[MapQuality]:
    """As `map_quality` for several maps at once, which share the distances in feature space; empty when N < 3.

    `free_scale` names the maps whose divergence is taken at their best scale, by place in `maps`.
    """
    from selfscope.embedding.engine.workers import Workers

    array = feature_array(features, metric)
    maps = [_checked_map(coords, len(array)) for coords in maps]
    n, k = len(array), min(k, (len(array) - 1) // 2)
    if k < 1:
        return []
    with Workers(1 if n <= ALL_UP_TO else None) as workers:
        asked = _queries(n, queries, seed, ALL_WITHOUT_GRAPH if neighbours is None else ALL_UP_TO)
        ruler = Ruler(array, metric, k, asked, seed, workers)
        shares = ruler.shares(maps)
        divergence = ruler.divergence(neighbours)
        found = []
        for place, coords in enumerate(maps):
            columns = {name: _column(n, ruler.queries, values) for name, values in shares[place].items()}
            trust, continuity, recall = (float(values.mean()) for values in shares[place].values())
            kl: float | None = None
            details: dict[str, float] = {}
            if divergence is not None:
                mean = divergence.at_best_scale(coords) if place in free_scale else divergence(coords)
                kl, details = mean.value, _details(divergence, mean)
            found.append(MapQuality(k, trust, continuity, recall, ruler.queries, columns, kl, details))
    return found


def _checked_map(coords: Any, n: int) -> np.ndarray:
    array = np.asarray(coords)
    if array.ndim != 2 or array.shape[1] not in (1, 2, 3) or len(array) != n:
        raise RecordError(f"quality: expected coords ({n}, 1..3) for {n} features, got {array.shape}")
    if not np.isfinite(array).all():
        refuse_unusable(array, "euclidean")
    return array


def _queries(n: int, asked: int | None, seed: int, all_up_to: int) -> np.ndarray:
    count = (n if n <= all_up_to else QUERIES) if asked is None else asked
    if count < 1:
        raise RecordError(f"quality: expected at least one query, got {asked}")
    return np.arange(n) if n <= count else np.sort(np.random.default_rng(seed).choice(n, count, replace=False))


@dataclass
class Ruler:
    """Distances from the queries to all points, and what maps are held against."""

    features: np.ndarray
    metric: str
    k: int
    queries: np.ndarray
    seed: int
    workers: Any

    def __post_init__(self) -> None:
        from selfscope.embedding.ranks import Framed

        self._framed = Framed.of(self.features, self.metric, self.seed, self.workers)
        self._wide = min(90, len(self.features) - 1)
        """True neighbours that are kept, for the divergence."""

    def shares(self, maps: Sequence[np.ndarray]) -> list[dict[str, np.ndarray]]:
        """For every map `trust`, `continuity` and `recall` of each query, `(Q,)`."""
        from selfscope.embedding.ranks import chunks_of, compare, nearest

        n, k = len(self.features), self.k
        worst = k * (2 * n - 3 * k - 1) / 2
        parts: list[list[np.ndarray]] = [[] for _ in maps]
        true = []
        for chunk in chunks_of(self.queries, n):
            squares = self._squares(chunk)
            true.append(nearest(squares, self._wide, self.workers))
            for place, coords in enumerate(maps):
                strangers, lost, shared = compare(squares, true[-1][0][:, :k], coords, chunk, self.workers)
                parts[place].append(np.stack([1 - strangers / worst, 1 - lost / worst, shared / k]))
        self._true = np.concatenate([places for places, _ in true]), np.concatenate([values for _, values in true])
        names = ("trust", "continuity", "recall")
        return [dict(zip(names, np.concatenate(part, axis=1), strict=True)) for part in parts]

    def divergence(self, graph: Neighbours | None) -> Divergence | None:
        """After `shares`, which finds the true neighbours. None where a graph would be needed and is not there."""
        from selfscope.embedding.divergence import Pulls, sampled_divergence, whole_divergence
        from selfscope.embedding.ranks import nearest

        n, everyone = len(self.features), np.arange(len(self.features))
        if graph is not None and graph.k < self._wide:
            graph = None
        if len(self.queries) == n:
            return whole_divergence(Pulls.of(everyone, *self._true, n=n, workers=self.workers), self.workers)
        if graph is not None and graph.exact:
            return whole_divergence(Pulls.of_graph(graph, everyone, self.workers), self.workers)
        if graph is None:
            return None

        def true(points: np.ndarray) -> Pulls:
            near = nearest(self._squares(points), self._wide, self.workers)
            return Pulls.of(points, *near, n=n, workers=self.workers)

        sample = Pulls.of(self.queries, *self._true, n=n, workers=self.workers)
        return sampled_divergence(sample, graph, true, seed=self.seed, workers=self.workers)

    def _squares(self, queries: np.ndarray) -> np.ndarray:
        squares = self._framed.squares(queries)
        if np.isnan(squares).any():
            refuse_unusable(self.features, self.metric)
        return squares


def _column(n: int, asked: np.ndarray, values: np.ndarray) -> np.ndarray:
    column = np.full(n, np.nan, np.float32)
    column[asked] = values
    return column


def _details(divergence: Divergence, mean: Mean) -> dict[str, float]:
    details: dict[str, float] = {}
    if mean.variance:
        details["kl_error"] = math.sqrt(mean.variance)
    if divergence.kernel_rows < divergence.n:
        details["kl_rows"] = divergence.kernel_rows
    return details
