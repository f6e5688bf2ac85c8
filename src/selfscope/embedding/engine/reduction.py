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
FEW = 600
"""Points in more dimensions than these span but N - 1, which their inner products tell quickly."""
WIDE = LADDER[-1]
"""Dimensions beyond which points stay as they lie: their covariance would take longer to take apart than all else."""
SAMPLE, QUERIES = 3000, 256
"""Rows that stand for all, and those of them whose neighbours are compared."""


@dataclass(frozen=True, eq=False)
class Points:
    """N points as the search needs them, float32, in units of their median distance from the centre."""

    full: np.ndarray
    """`(N, D)`, centred: all dimensions, or the axes that tell neighbours from others."""
    leading: np.ndarray
    """`(N, d)`: principal coordinates, the widest first; `full` itself turned when d = D, or as it is beyond `WIDE`."""
    plane: np.ndarray
    """`(N, 1..3)`: the widest principal coordinates."""
    squares: np.ndarray
    """`(N,)`: |full|². With it, |q|² + |c|² - 2 q·c counts what lies outside the leading axes as if it were at right
    angles for every two points, which for many dimensions it nearly is: far better than to leave it out."""
    unit: float = 1.0
    """What a distance of 1 is in units of the features."""

    def __len__(self) -> int:
        return len(self.full)

    def __getitem__(self, order: np.ndarray) -> Points:
        return Points(self.full[order], self.leading[order], self.plane[order], self.squares[order], self.unit)

    @classmethod
    def of(
        cls, full: np.ndarray, leading: np.ndarray, unit: float, rng: np.random.Generator, workers: Workers
    ) -> Points:
        wide = leading.shape[1] > WIDE
        leading = leading if wide else turned(leading)
        plane = widest(leading, rng, workers) if wide else leading[:, :3]
        return cls(full, leading, plane, np.einsum("nd,nd->n", full, full), unit)


def reduce(
    features: np.ndarray, k: int, candidates: int, seed: int, workers: Workers, *, metric: str = "euclidean"
) -> Points:
    """From features `(N, D)`: so many axes that of k neighbours 95 % are among the `candidates` nearest."""
    rng = np.random.default_rng(seed)
    frame = Frame.of(features, metric, rng)
    unit = frame.unit
    if len(features) <= min(FEW, features.shape[1] - 1):
        features, frame = spanned(frame.projected(features, None, workers)), Frame.none(len(features))
    chosen = rng.permutation(len(features))[:SAMPLE]
    sample = frame.rows(features, chosen)
    if not np.isfinite(sample).all():
        refuse_unusable(features, metric)
    thinned = len(chosen) / len(features)  # a sample has so many fewer neighbours as near
    few = [min(max(math.ceil(number * thinned), 8), len(chosen) // 4) for number in (k, candidates)]
    telling = fewest_axes(sample, principal_axes(sample, rng, workers), few[0], few[0], TELLING, workers)
    full = frame.projected(features, telling, workers)  # (N, D')
    if telling is None:
        blocks = principal_axes(sample, rng, workers)
    else:
        sample = sample @ telling
        blocks = iter([np.eye(full.shape[1], dtype=np.float32)])
    wide = max(few[1], math.ceil(1.5 * few[0]))
    axes = fewest_axes(sample, blocks, few[0], wide, KEPT, workers)  # (D', d)
    return Points.of(full, full if axes is None else product(full, axes, workers), unit, rng, workers)


def unreduced(features: np.ndarray, seed: int, workers: Workers, *, metric: str) -> Points:
    """All dimensions, for neighbours that must be exact."""
    rng = np.random.default_rng(seed)
    frame = Frame.of(features, metric, rng)
    full = frame.projected(features, None, workers)
    return Points.of(full, full, frame.unit, rng, workers)


def fewest_axes(
    sample: np.ndarray, blocks: Iterator[np.ndarray], k: int, candidates: int, enough: float, workers: Workers
) -> np.ndarray | None:
    """`(D, d)` float32, by which `enough` of k neighbours are among the `candidates` nearest; None: half of D is not.

    `blocks` are axes (D, any), the widest first, each block longer than the one before. With as many candidates as
    neighbours, distances are those on the axes alone; with more, full norms help to find.
    """
    if k < 1:
        return None
    squares = np.einsum("nd,nd->n", sample, sample)
    wanted = nearest(sample, squares, k, workers)

    def kept(leading: np.ndarray) -> float:
        norms = squares if candidates > k else np.einsum("nd,nd->n", leading, leading)
        return share(wanted, nearest(leading, norms, candidates, workers))

    for axes in blocks:
        steps = [d for d in LADDER if d <= min(axes.shape[1], len(axes) // 2)]
        if not steps:
            continue
        leading = product(sample, axes[:, : steps[-1]], workers)  # (S, d)
        if kept(leading) < enough:
            continue
        first = bisect_left(steps, enough, hi=len(steps) - 1, key=lambda d: kept(leading[:, :d]))
        log.info("of %d axes %d keep %.2f of the neighbours", len(axes), steps[first], enough)
        return np.ascontiguousarray(axes[:, : steps[first]])
    return None


def product(left: np.ndarray, right: np.ndarray, workers: Workers) -> np.ndarray:
    """left @ right, a few rows at a time."""
    result = np.empty((len(left), right.shape[1]), np.float32)
    workers.each(lambda first, last: np.matmul(left[first:last], right, out=result[first:last]), len(left), 512)
    return result


def nearest(points: np.ndarray, squares: np.ndarray, k: int, workers: Workers) -> np.ndarray:
    """`(Q, k)`: of all points the nearest to the first Q, unordered; `squares` (N,) are their squared norms."""
    queries = points[:QUERIES]
    found = np.empty((len(queries), k), np.int64)

    def find(first: int, last: int) -> None:
        distances = squares - 2 * queries[first:last] @ points.T  # (q, N)
        distances[np.arange(last - first), np.arange(first, last)] = np.inf
        found[first:last] = np.argpartition(distances, k - 1, axis=1)[:, :k]

    workers.each(find, len(queries), 64)
    return found


def share(wanted: np.ndarray, found: np.ndarray) -> float:
    """Mean share of the rows of `wanted` that is in the same row of `found`."""
    both = np.sort(np.concatenate([wanted, found], axis=1), axis=1)
    return float((both[:, 1:] == both[:, :-1]).sum() / wanted.size)


def principal_axes(sample: np.ndarray, rng: np.random.Generator, workers: Workers) -> Iterator[np.ndarray]:
    """Leading axes `(D, d)`, first few, then more: by one round of subspace iteration (Halko et al. 2011), or all."""
    dimensions = sample.shape[1]
    centred = sample - sample.mean(axis=0)
    factors = [centred.T, centred] if dimensions > len(sample) else [product(centred.T, centred, workers)]

    def spread(
        basis: np.ndarray,
    ) -> np.ndarray:  # by the covariance (D, D), whose factors are kept if these are smaller
        for factor in reversed(factors):
            basis = product(factor, basis, workers)
        return basis

    for d in (128, 512):
        if 2 * d <= dimensions:
            basis = rng.standard_normal((dimensions, d + 16), dtype=np.float32)
            basis = np.linalg.qr(spread(basis))[0]
            yield product(basis, _eigenvectors(basis.T @ spread(basis))[:, :d], workers)
    if dimensions <= LADDER[-1]:
        yield _eigenvectors(spread(np.eye(dimensions, dtype=np.float32)))


def spanned(rows: np.ndarray) -> np.ndarray:
    """`(N, N)` float32 with the same distances as rows (N, D) in float32, by the eigenvectors of inner products."""
    centred = rows - rows.mean(axis=0)
    values, vectors = np.linalg.eigh((centred @ centred.T).astype(np.float64))
    return (vectors * np.sqrt(np.maximum(values, 0))).astype(np.float32)


def widest(points: np.ndarray, rng: np.random.Generator, workers: Workers) -> np.ndarray:
    """Principal coordinates `(N, 3)` of points in many dimensions, by the axes of a sample."""
    axes = next(principal_axes(points[:SAMPLE], rng, workers))
    return product(points, np.ascontiguousarray(axes[:, :3]), workers)


def turned(leading: np.ndarray) -> np.ndarray:
    """The same points on their own principal axes, widest first; each axis points where its largest loading is."""
    centred = leading - leading.mean(axis=0)
    axes = _eigenvectors(centred.T @ centred)
    axes *= np.where(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] < 0, -1, 1)
    return leading @ axes.astype(np.float32)


def _eigenvectors(covariance: np.ndarray) -> np.ndarray:
    """In columns, the largest first."""
    return np.linalg.eigh(covariance.astype(np.float64))[1][:, ::-1].astype(np.float32)
