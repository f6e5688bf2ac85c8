"""The Kullback-Leibler divergence of a map, the same for every map of the same features.

Affinities are always those of perplexity 30 over the 90 nearest, whatever perplexity the map was made with, and from
true neighbours, not from the graph that the map was made with: divergences compare only on identical affinities. The
normaliser is the sum over all pairs, not a grid's or a tree's.

With p(j | i) of true neighbours and w = 1 / (1 + |y - y'|²),

    KL = mean over i, j ~ p(. | i) of [log p(j | i) + log(1 + p(i | j) / p(j | i)) + log(1 / w)] - log 2N + log Σ w.

The first and third term are means over sampled points i, the second over pairs. What the third costs in chance is taken
back by the map's own graph, where the same mean is taken over many more points (a control variate).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from selfscope.embedding.engine.affinities import conditional_probabilities
from selfscope.embedding.engine.compiled import compiled
from selfscope.embedding.engine.workers import Workers
from selfscope.embedding.graph import Neighbours
from selfscope.embedding.ranks import padded_axes

PERPLEXITY, NEIGHBOURS = 30.0, 90
EXACT_PAIRS = 2_500_000_000
"""Up to so many pairs the normaliser is summed over all; beyond, over as many: those of randomly chosen points."""
CONTROL_ROWS = 4000
SCALE_ROWS = 200
"""Rows from which the best scale of a reference is told."""


@dataclass(frozen=True, eq=False)
class Pulls:
    """What draws some points to their neighbours: p(j | i) of perplexity 30."""

    points: np.ndarray
    """`(Q,)` int64: who is drawn."""
    indices: np.ndarray
    """`(Q, k)` int64: to whom."""
    shares: np.ndarray
    """`(Q, k)` float32; rows sum to 1."""

    @classmethod
    def of(cls, points: np.ndarray, indices: np.ndarray, squares: np.ndarray, *, n: int, workers: Workers) -> Pulls:
        """From squared distances `(Q, k)` in any unit, nearest first, of min(90, n - 1) neighbours."""
        unit = float(np.median(squares[:, -1])) or float(squares.max()) or 1.0
        scaled = np.ascontiguousarray(squares / unit, np.float32)
        shares = conditional_probabilities(scaled, max(min(PERPLEXITY, (n - 1) / 3), 1.0), workers)
        return cls(points.astype(np.int64), indices.astype(np.int64), shares)

    @classmethod
    def of_graph(cls, graph: Neighbours, points: np.ndarray, workers: Workers) -> Pulls:
        k = min(NEIGHBOURS, len(graph) - 1)
        squares = np.square(graph.distances[points, :k], dtype=np.float64)
        return cls.of(points, graph.indices[points, :k], squares, n=len(graph), workers=workers)

    def entropies(self) -> np.ndarray:
        """Σⱼ p log p of each, `(Q,)`: minus log 30 but for duplicates."""
        return (self.shares * np.log(np.maximum(self.shares, 1e-30))).sum(axis=1, dtype=np.float64)

    def lengths(self, axes: np.ndarray, workers: Workers) -> np.ndarray:
        """Σⱼ p log(1 + |yᵢ - yⱼ|²) of each on the map `axes` (3, N), `(Q,)`."""
        sums = np.empty(len(self.points))
        parts = (self.points, self.indices, self.shares, axes, sums)
        workers.each(lambda first, last: lengths_of(*parts, first, last), len(sums), 256)
        return sums


@dataclass(frozen=True, eq=False)
class Divergence:
    """KL(P ‖ Q) in nats of maps of one set of N features."""

    n: int
    sample: Pulls
    """Of true neighbours: of all N points, or of a random sample."""
    control: tuple[Pulls, Pulls] | None
    """Of the graph: the sample's points, and as many as there is time for. None where all points are in the sample."""
    mutual: np.ndarray
    """`(P,)` or `(N,)`: log(1 + p(i | j) / p(j | i)) of sampled pairs, or its mean over j for every i."""
    workers: Workers

    def __call__(self, coords: np.ndarray) -> float:
        """Of coords `(N, 1..3)` as they are: the scale of a map counts."""
        axes = padded_axes(coords)
        lengths = self.sample.lengths(axes, self.workers)
        pull = float(lengths.mean())
        if self.control is not None:
            own, all_of_them = (part.lengths(axes, self.workers) for part in self.control)
            pull += float(all_of_them.mean() - own.mean())
        kernel = self._kernel_mean(axes, _rows(self.n, self.kernel_rows))
        return self._constant + pull + math.log(kernel * self.n)

    def error(self, coords: np.ndarray) -> float:
        """One standard error of the sampling; 0 where nothing is sampled but the normaliser."""
        if self.control is None:
            return 0.0
        axes = padded_axes(coords)
        own, many = (part.lengths(axes, self.workers) for part in self.control)
        parts = [self.sample.lengths(axes, self.workers) - own, self.mutual]
        parts += [many] if len(many) < self.n else []
        return math.sqrt(sum(float(part.var()) / len(part) for part in parts))

    def at_best_scale(self, coords: np.ndarray) -> float:
        """The divergence at the scale that lowers it most, for maps such as PCA whose own scale means nothing."""
        from scipy.optimize import minimize_scalar

        axes = padded_axes(coords)
        spread = float(np.abs(axes).max())
        if spread == 0:
            return self(coords)
        axes /= np.float32(spread)
        rows = _rows(self.n, SCALE_ROWS)

        def rough(log_scale: float) -> float:
            scaled = axes * np.float32(math.exp(log_scale))
            pull = float(self.sample.lengths(scaled, self.workers).mean())
            return pull + math.log(self._kernel_mean(scaled, rows))

        best = minimize_scalar(rough, bounds=(-3.0, 8.0), method="bounded", options={"xatol": 0.1}).x
        return self(axes.T * math.exp(best))

    @property
    def kernel_rows(self) -> int:
        """How many points' distances to all others are summed: those of all N up to 50,000."""
        return self.n if self.n**2 <= EXACT_PAIRS else max(2500, EXACT_PAIRS // self.n)

    @property
    def _constant(self) -> float:
        return float(self.sample.entropies().mean() + self.mutual.mean()) - math.log(2 * self.n)

    def _kernel_mean(self, axes: np.ndarray, rows: np.ndarray) -> float:
        sums = np.empty(len(rows))
        self.workers.each(lambda first, last: kernel_sums(axes, rows, sums, first, last), len(rows), 64)
        return max(float(sums.mean()), 1e-300)


def control_of(graph: Neighbours, sample: np.ndarray, workers: Workers) -> tuple[Pulls, Pulls]:
    n = len(graph)
    many = np.arange(n) if n <= CONTROL_ROWS else np.random.default_rng(1).choice(n, CONTROL_ROWS, replace=False)
    return Pulls.of_graph(graph, sample, workers), Pulls.of_graph(graph, many, workers)


def partners(sample: Pulls, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """`count` rows of the sample, and for each the place of one neighbour, drawn with probability p(j | i)."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(sample.points))[:count]
    reached = np.cumsum(sample.shares[rows], axis=1) < rng.random((len(rows), 1)) * 0.999999
    return rows, np.minimum(reached.sum(axis=1), sample.shares.shape[1] - 1)


def mutual_of_pairs(sample: Pulls, rows: np.ndarray, places: np.ndarray, other: Pulls) -> np.ndarray:
    """log(1 + p(i | j) / p(j | i)) of each pair, where `other` holds the pulls of every j, in order."""
    there = np.where(other.indices == sample.points[rows][:, None], other.shares, 0).sum(axis=1)
    return np.log1p(there.astype(np.float64) / np.maximum(sample.shares[rows, places], 1e-30))


def mutual_of_all(whole: Pulls, workers: Workers) -> np.ndarray:
    """The same, its mean over j ~ p(. | i), of every one of N points `(N,)`."""
    sums = np.empty(len(whole.points))
    workers.each(lambda first, last: mutual_rows(whole.indices, whole.shares, sums, first, last), len(sums), 256)
    return sums


def _rows(n: int, count: int) -> np.ndarray:
    if count >= n:
        return np.arange(n)
    return np.sort(np.random.default_rng(0).choice(n, count, replace=False))


@compiled
def lengths_of(points, indices, shares, axes, sums, first, last):
    for a in range(first, last):
        i, total = points[a], 0.0
        for e in range(indices.shape[1]):
            j = indices[a, e]
            x, y, z = axes[0, j] - axes[0, i], axes[1, j] - axes[1, i], axes[2, j] - axes[2, i]
            total += shares[a, e] * np.log1p(x * x + y * y + z * z)
        sums[a] = total


@compiled
def mutual_rows(indices, shares, sums, first, last):
    for i in range(first, last):
        total = 0.0
        for e in range(indices.shape[1]):
            j, p, back = indices[i, e], np.float64(shares[i, e]), 0.0
            for f in range(indices.shape[1]):
                if indices[j, f] == i:
                    back = np.float64(shares[j, f])
            if p > 0:
                total += p * np.log1p(back / p)  # in float64: the quotient of a tiny p is beyond float32
        sums[i] = total


@compiled
def kernel_sums(axes, rows, sums, first, last):
    """Σⱼ 1 / (1 + |yᵢ - yⱼ|²), j ≠ i, for every i of `rows`."""
    n = axes.shape[1]
    for a in range(first, last):
        i, total = rows[a], np.float32(0)
        for j in range(n):
            x, y, z = axes[0, j] - axes[0, i], axes[1, j] - axes[1, i], axes[2, j] - axes[2, i]
            total += np.float32(1) / (np.float32(1) + x * x + y * y + z * z)
        sums[a] = total - np.float32(1)
