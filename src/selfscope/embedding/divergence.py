"""The Kullback-Leibler divergence of a map, the same for every map of the same features.

Affinities are always those of perplexity 30 over the 90 nearest, whatever perplexity the map was made with, and from
true neighbours, not from the graph that the map was made with: divergences compare only on identical affinities. The
normaliser is the sum over all pairs, not a grid's or a tree's.

With p(j | i) of true neighbours and w = 1 / (1 + |y - y'|²),

    KL = mean over i, j ~ p(. | i) of [log p(j | i) + log(1 + p(i | j) / p(j | i)) + log(1 / w)] - log 2N + log Σ w.

The first three terms are means over sampled points i. What the sample costs in chance is taken back by the map's own
graph, in which nearly the same means are told of far more points (control variates).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from selfscope.embedding.engine.affinities import conditional_probabilities
from selfscope.embedding.engine.compiled import compiled
from selfscope.embedding.engine.symmetry import Affinities, transposed
from selfscope.embedding.engine.workers import Workers
from selfscope.embedding.graph import Neighbours
from selfscope.embedding.ranks import padded_axes

PERPLEXITY, NEIGHBOURS = 30.0, 90
EXACT_PAIRS = 2_500_000_000
"""Up to so many pairs the normaliser is summed over all; beyond, over as many: those of randomly chosen points."""
KERNEL_ROWS = 2500
"""Those of so many points are enough where the other terms are sampled too: their share of the error is a hundredth."""
CONTROL_ROWS = 100_000
USUAL = 3.7
"""β of most rows, to begin with: half as many steps lead on from here."""
DRAWS = 3
"""Neighbours of each sampled point whose affinities are told by the graph."""
PAIRS = 48
"""Pairs whose affinities are told by true neighbours, to take back what the graph gets wrong."""
SCALE_ROWS = 100
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
        perplexity = max(min(PERPLEXITY, (n - 1) / 3), 1.0)
        shares = conditional_probabilities(scaled, perplexity, workers, guess=USUAL)
        return cls(points.astype(np.int64), indices.astype(np.int64), shares)

    @classmethod
    def of_graph(cls, graph: Neighbours, points: np.ndarray, workers: Workers) -> Pulls:
        k = min(NEIGHBOURS, len(graph) - 1)
        squares = np.square(graph.distances[points, :k], dtype=np.float64)
        return cls.of(points, graph.indices[points, :k], squares, n=len(graph), workers=workers)

    def __getitem__(self, rows: slice | np.ndarray) -> Pulls:
        return Pulls(self.points[rows], self.indices[rows], self.shares[rows])

    def entropies(self) -> np.ndarray:
        """Σⱼ p log p of each, `(Q,)`: minus log 30 but for duplicates."""
        return (self.shares * np.log(np.maximum(self.shares, 1e-30))).sum(axis=1, dtype=np.float64)

    def back(self, places: np.ndarray) -> np.ndarray:
        """What draws each to one other point: p(`places[q]` | `points[q]`), `(Q,)` float64."""
        return np.where(self.indices == places[:, None], self.shares, 0).sum(axis=1, dtype=np.float64)

    def lengths(self, axes: np.ndarray, workers: Workers) -> np.ndarray:
        """Σⱼ p log(1 + |yᵢ - yⱼ|²) of each on the map `axes` (3, N), `(Q,)`."""
        sums = np.empty(len(self.points), np.float32)

        def add(first: int, last: int) -> None:
            squares = np.empty(self.indices[first:last].shape, np.float32)
            squares_between(self.points[first:last], self.indices[first:last], axes, squares)
            np.log1p(squares, out=squares)
            np.einsum("qk,qk->q", squares, self.shares[first:last], out=sums[first:last])

        workers.each(add, len(sums), 1024)
        return sums


@dataclass(frozen=True)
class Mean:
    """A mean, and the variance that sampling gives it."""

    value: float
    variance: float = 0.0

    @classmethod
    def of(cls, sample: np.ndarray, population: float = math.inf) -> Mean:
        """Of `sample` (Q,), taken without replacement."""
        left_out = 1 - len(sample) / population
        return cls(float(sample.mean(dtype=np.float64)), float(sample.var(dtype=np.float64)) / len(sample) * left_out)

    def __add__(self, other: Mean) -> Mean:
        return Mean(self.value + other.value, self.variance + other.variance)

    def log(self) -> Mean:
        return Mean(math.log(self.value), self.variance / self.value**2)


@dataclass(frozen=True, eq=False)
class Control:
    """What the map's own graph tells of the sample, and of many more points."""

    sample: Pulls
    many: Pulls
    mutual: Mean
    """By how much the graph is wrong about mutual affinities."""


@dataclass(frozen=True, eq=False)
class Divergence:
    """KL(P ‖ Q) in nats of maps of one set of N features."""

    n: int
    sample: Pulls
    """Of true neighbours: of all N points, or of a random sample."""
    mutual: np.ndarray
    """`(Q,)`: log(1 + p(i | j) / p(j | i)) of every sampled i, its mean over j."""
    control: Control | None
    """None where all points are in the sample."""
    workers: Workers

    def __call__(self, coords: np.ndarray) -> Mean:
        """Of coords `(N, 1..3)` as they are: the scale of a map counts."""
        axes = padded_axes(coords)
        parts = self.sample.entropies() + self.mutual + self.sample.lengths(axes, self.workers)
        kernel = self._kernel(axes, self.kernel_rows).log() + Mean(-math.log(2))
        if self.control is None:
            return Mean.of(parts, self.n) + kernel
        own, many = (part.lengths(axes, self.workers) for part in (self.control.sample, self.control.many))
        return Mean.of(parts - own, self.n) + Mean.of(many, self.n) + self.control.mutual + kernel

    def at_best_scale(self, coords: np.ndarray) -> Mean:
        """The divergence at the scale that lowers it most, for maps such as PCA whose own scale means nothing."""
        from scipy.optimize import minimize_scalar

        axes = padded_axes(coords)
        spread = float(np.abs(axes).max())
        if spread == 0:
            return self(coords)
        axes /= np.float32(spread)
        few, rows = self.sample[_rows(len(self.sample.points), SCALE_ROWS)], _rows(self.n, SCALE_ROWS)
        squares = np.empty(few.indices.shape, np.float32)
        squares_between(few.points, few.indices, axes, squares)
        sums = np.empty(len(rows))

        def rough(log_scale: float) -> float:
            scale = np.float32(math.exp(log_scale))
            kernel_sums(axes * scale, rows, sums, 0, len(rows))
            lengths = np.vdot(few.shares, np.log1p(squares * (scale * scale)))
            return float(lengths) / len(few.points) + math.log(max(sums.mean(), 1e-300))

        best = minimize_scalar(rough, bounds=(-3.0, 8.0), method="bounded", options={"xatol": 0.1}).x
        return self(axes.T * math.exp(best))

    @property
    def kernel_rows(self) -> int:
        """How many points' distances to all others are summed: those of all N where nothing else is sampled.

        Beyond 50,000 points these are sampled there too.
        """
        if self.control is not None:
            return min(self.n, KERNEL_ROWS)
        return self.n if self.n**2 <= EXACT_PAIRS else max(KERNEL_ROWS, EXACT_PAIRS // self.n)

    def _kernel(self, axes: np.ndarray, count: int) -> Mean:
        """Σⱼ w over the other points, its mean over i."""
        rows = _rows(self.n, count)
        sums = np.empty(len(rows))
        self.workers.each(lambda first, last: kernel_sums(axes, rows, sums, first, last), len(rows), 64)
        return Mean.of(np.maximum(sums, 1e-300), self.n)


def pulls_by_rank(sample: Pulls, graph: Neighbours, points: np.ndarray) -> Pulls:
    """Of the graph's neighbours of `points`, each with the share that its rank usually has in the sample."""
    usual = sample.shares.mean(axis=0)
    return Pulls(points, graph.indices[points, : len(usual)], np.broadcast_to(usual, (len(points), len(usual))))


def sampled_divergence(
    sample: Pulls, graph: Neighbours, true: Callable[[np.ndarray], Pulls], *, seed: int, workers: Workers
) -> Divergence:
    """From the true neighbours of a sample and the graph of all; `true` finds those of a few points more.

    Mutual affinities are told by `DRAWS` neighbours of each point of the sample, drawn with p(j | i), and by what pulls
    these back in the graph; for `PAIRS` of them by true neighbours as well.
    """
    n, count = len(graph), len(sample.points)
    rng = np.random.default_rng(seed)
    drawn = (np.arange(DRAWS) + rng.random((count, DRAWS))) / DRAWS * 0.999999  # one in each part of the distribution
    places = (np.cumsum(sample.shares, axis=1)[:, None, :] < drawn[:, :, None]).sum(axis=2)
    places = np.minimum(places, sample.shares.shape[1] - 1)  # (Q, DRAWS)
    shares = np.maximum(np.take_along_axis(sample.shares, places, axis=1), 1e-30)
    others = np.take_along_axis(sample.indices, places, axis=1)
    back = Pulls.of_graph(graph, others.ravel(), workers).back(np.repeat(sample.points, DRAWS))
    mutual = np.log1p(back.reshape(count, DRAWS) / shares)
    rows = rng.permutation(count)[:PAIRS]
    pairs = rows, rng.integers(0, DRAWS, len(rows))
    wrong = np.log1p(true(others[pairs]).back(sample.points[rows]) / shares[pairs]) - mutual[pairs]
    own, many = (pulls_by_rank(sample, graph, points) for points in (sample.points, _rows(n, CONTROL_ROWS)))
    return Divergence(n, sample, mutual.mean(axis=1), Control(own, many, Mean.of(wrong)), workers)


def whole_divergence(whole: Pulls, workers: Workers) -> Divergence:
    """From the neighbours of all N points: nothing is sampled, but beyond 50,000 points the normaliser."""
    n = len(whole.points)
    mutual, k = np.empty(n), whole.indices.shape[1]
    own = Affinities(np.arange(0, n * k + 1, k), whole.indices.astype(np.uint32).ravel(), whole.shares.ravel())
    theirs = transposed(own)
    own = transposed(theirs)  # in order
    rows = (own.starts, own.columns, own.values, theirs.starts, theirs.columns, theirs.values)
    workers.each(lambda first, last: mutual_rows(*rows, mutual, first, last), n, 256)
    return Divergence(n, whole, mutual, None, workers)


def _rows(n: int, count: int) -> np.ndarray:
    if count >= n:
        return np.arange(n)
    return np.sort(np.random.default_rng(0).choice(n, count, replace=False))


@compiled
def squares_between(points, indices, axes, squares):
    """|yᵢ - yⱼ|² of every point and its neighbours `indices` (Q, k)."""
    for a in range(len(points)):
        i = points[a]
        for e in range(indices.shape[1]):
            j = indices[a, e]
            x, y, z = axes[0, j] - axes[0, i], axes[1, j] - axes[1, i], axes[2, j] - axes[2, i]
            squares[a, e] = x * x + y * y + z * z


@compiled
def mutual_rows(starts_a, columns_a, values_a, starts_b, columns_b, values_b, sums, first, last):
    """Σⱼ p log(1 + p' / p) of the rows of two sparse matrices in order, p of the first and p' of the second."""
    for i in range(first, last):
        total, b = 0.0, starts_b[i]
        for a in range(starts_a[i], starts_a[i + 1]):
            while b < starts_b[i + 1] and columns_b[b] < columns_a[a]:
                b += 1
            if b < starts_b[i + 1] and columns_b[b] == columns_a[a] and values_a[a] > 0:
                p, back = np.float64(values_a[a]), np.float64(values_b[b])
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
