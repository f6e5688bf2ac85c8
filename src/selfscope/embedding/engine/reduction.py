"""Fewer dimensions to search neighbours in: as many principal axes as the neighbourhoods need, measured on a sample."""

from __future__ import annotations

import logging
import math
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from selfscope.embedding.check import refuse_unusable
from selfscope.embedding.engine.units import Frame
from selfscope.embedding.engine.workers import Workers

log = logging.getLogger(__name__)

TELLING = 0.91
"""Share of the nearest neighbours in all dimensions that are so on the axes which distances are measured on.

What the other axes add is mostly noise: it brings hubs, which are near to all and which no map can place, and so
costs a map more neighbours than it is worth.
"""
KEPT = 0.95
"""Share of the nearest neighbours that must be among the candidates, before these are ranked by exact distances."""
LADDER = (32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
SAMPLE, QUERIES = 3000, 256
"""Rows that stand for all, and those of them whose neighbours are compared."""


@dataclass(frozen=True, eq=False)
class Points:
    """N points as the search needs them, float32, in units of their median distance from the centre."""

    full: np.ndarray
    """`(N, D)`, centred: all dimensions, or the axes that tell neighbours from others."""
    leading: np.ndarray
    """`(N, d)`: principal coordinates, the widest first; `full` itself turned when d = D."""
    squares: np.ndarray
    """`(N,)`: |full|². With it, |q|² + |c|² - 2 q·c counts what lies outside the leading axes as if it were at right
    angles for every two points, which for many dimensions it nearly is: far better than to leave it out."""
    unit: float = 1.0
    """What a distance of 1 is in units of the features."""

    def __len__(self) -> int:
        return len(self.full)

    def __getitem__(self, order: np.ndarray) -> Points:
        return Points(self.full[order], self.leading[order], self.squares[order], self.unit)


def reduce(
    features: np.ndarray, k: int, candidates: int, seed: int, workers: Workers, *, metric: str = "euclidean"
) -> Points:
    """From features `(N, D)`: so many axes that of k neighbours 95 % are among the `candidates` nearest."""
    rng = np.random.default_rng(seed)
    frame = Frame.of(features, metric, rng)
    chosen = rng.permutation(len(features))[:SAMPLE]
    sample = frame.rows(features, chosen)
    if not np.isfinite(sample).all():
        refuse_unusable(features, metric)
    thinned = len(chosen) / len(features)  # a sample has so many fewer neighbours as near
    few = [min(max(math.ceil(number * thinned), 8), len(chosen) // 4) for number in (k, candidates)]
    telling = fewest_axes(sample, principal_axes(sample, rng), few[0], few[0], TELLING)
    full = frame.projected(features, telling, workers)  # (N, D')
    if telling is None:
        blocks = principal_axes(sample, rng)
    else:
        sample = sample @ telling
        blocks = iter([np.eye(full.shape[1], dtype=np.float32)])
    squares = np.einsum("nd,nd->n", full, full)
    wide = max(few[1], math.ceil(1.5 * few[0]))
    axes = fewest_axes(sample, blocks, few[0], wide, KEPT)  # (D', d)
    return Points(full, turned(full if axes is None else projected(full, axes, workers)), squares, frame.unit)


def unreduced(features: np.ndarray, seed: int, workers: Workers, *, metric: str) -> Points:
    """All dimensions, for neighbours that must be exact."""
    frame = Frame.of(features, metric, np.random.default_rng(seed))
    full = frame.projected(features, None, workers)
    return Points(full, turned(full), np.einsum("nd,nd->n", full, full), frame.unit)


def fewest_axes(
    sample: np.ndarray, blocks: Iterator[np.ndarray], k: int, candidates: int, enough: float
) -> np.ndarray | None:
    """`(D, d)` float32, by which `enough` of k neighbours are among the `candidates` nearest; None: half of D is not.

    `blocks` are axes (D, any), the widest first, each block longer than the one before. With as many candidates as
    neighbours, distances are those on the axes alone; with more, full norms help to find.
    """
    if k < 1:
        return None
    queries, squares = sample[:QUERIES], np.einsum("nd,nd->n", sample, sample)
    wanted = nearest(queries, sample, squares, k)

    def kept(axes: np.ndarray) -> float:
        leading = sample @ axes
        norms = squares if candidates > k else np.einsum("nd,nd->n", leading, leading)
        return share(wanted, nearest(leading[:QUERIES], leading, norms, candidates))

    for axes in blocks:
        steps = [d for d in LADDER if d <= min(axes.shape[1], len(axes) // 2)]
        if not steps or kept(axes[:, : steps[-1]]) < enough:
            continue
        first = bisect_left(steps, enough, hi=len(steps) - 1, key=lambda d: kept(axes[:, :d]))
        log.info("of %d axes %d keep %.2f of the neighbours", len(axes), steps[first], enough)
        return np.ascontiguousarray(axes[:, : steps[first]])
    return None


def projected(points: np.ndarray, axes: np.ndarray, workers: Workers) -> np.ndarray:
    result = np.empty((len(points), axes.shape[1]), np.float32)
    workers.each(lambda first, last: np.matmul(points[first:last], axes, out=result[first:last]), len(points), 2048)
    return result


def nearest(queries: np.ndarray, points: np.ndarray, squares: np.ndarray, k: int) -> np.ndarray:
    """`(Q, k)`: the nearest of the points to the first Q of them, unordered; `squares` (N,) are their squared norms."""
    distances = squares - 2 * queries @ points.T  # (Q, N)
    np.fill_diagonal(distances, np.inf)
    return np.argpartition(distances, k - 1, axis=1)[:, :k]


def share(wanted: np.ndarray, found: np.ndarray) -> float:
    """Mean share of the rows of `wanted` that is in the same row of `found`."""
    both = np.sort(np.concatenate([wanted, found], axis=1), axis=1)
    return float((both[:, 1:] == both[:, :-1]).sum() / wanted.size)


def principal_axes(sample: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Leading axes `(D, d)`, first few, then more: by randomised subspace iteration (Halko et al. 2011), or all."""
    dimensions = sample.shape[1]
    centred = sample - sample.mean(axis=0)
    for d in (128, 512):
        if 2 * d <= dimensions:
            basis = rng.standard_normal((dimensions, d + 16), dtype=np.float32)
            for _ in range(2):
                basis = np.linalg.qr(centred.T @ (centred @ basis))[0]
            yield basis @ _eigenvectors(centred @ basis)[:, :d]
    if dimensions <= LADDER[-1]:
        yield _eigenvectors(centred)


def turned(leading: np.ndarray) -> np.ndarray:
    """The same points on their own principal axes, widest first; each axis points where its largest loading is."""
    axes = _eigenvectors(leading - leading.mean(axis=0))
    axes *= np.where(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] < 0, -1, 1)
    return leading @ axes.astype(np.float32)


def _eigenvectors(centred: np.ndarray) -> np.ndarray:
    """Of the covariance of (N, d), in columns, the largest first."""
    return np.linalg.eigh((centred.T @ centred).astype(np.float64))[1][:, ::-1].astype(np.float32)
