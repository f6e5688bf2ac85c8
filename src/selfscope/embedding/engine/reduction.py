"""Fewer dimensions to search neighbours in: as many principal axes as the neighbourhoods need, measured on a sample."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from selfscope.embedding.engine.workers import Workers

log = logging.getLogger(__name__)

KEPT = 0.95
"""Share of true neighbours that must be among the candidates before an exact ranking in all dimensions."""
LADDER = (32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
SAMPLE, QUERIES = 3000, 256
FARTHEST = 1e6
"""In medians of the distance from the centre; beyond it float32 would lose the neighbours of all other points."""


@dataclass(frozen=True, eq=False)
class Points:
    """N points as the search needs them, float32, in units of their median distance from the centre."""

    full: np.ndarray
    """`(N, D)`, centred."""
    leading: np.ndarray
    """`(N, d)`: principal coordinates, the widest first; `full` itself turned when d = D."""
    squares: np.ndarray
    """`(N,)`: |full|². With it, |q|² + |c|² - 2 q·c counts what lies outside the leading axes as if it were at right
    angles for every two points, which for many dimensions it nearly is: far better than to leave it out."""

    def __len__(self) -> int:
        return len(self.full)

    def __getitem__(self, order: np.ndarray) -> Points:
        return Points(self.full[order], self.leading[order], self.squares[order])


def reduce(features: np.ndarray, k: int, candidates: int, seed: int, workers: Workers) -> Points:
    """From features `(N, D)`: so many axes that of k neighbours 95 % are among the `candidates` nearest."""
    rng = np.random.default_rng(seed)
    full = standard_units(features, rng, workers)
    squares = np.einsum("nd,nd->n", full, full)
    sample = full[rng.permutation(len(full))[:SAMPLE]]
    thinned = len(sample) / len(full)  # a sample has so many fewer neighbours as near
    few = [min(max(math.ceil(number * thinned), 8), len(sample) // 4) for number in (k, candidates)]
    axes = chosen_axes(sample, few[0], max(few[1], math.ceil(1.5 * few[0])), rng)  # (D, d)
    leading = np.empty((len(full), axes.shape[1]), np.float32)
    workers.each(lambda first, last: np.matmul(full[first:last], axes, out=leading[first:last]), len(full), 2048)
    return Points(full, turned(leading), squares)


def standard_units(features: np.ndarray, rng: np.random.Generator, workers: Workers) -> np.ndarray:
    """`(N, D)` float32 about a median centre, in median distances from it; rows beyond `FARTHEST` are pulled in."""
    sample = features[rng.permutation(len(features))[:1000]].astype(np.float64)
    centre = np.median(sample, axis=0)
    distances = np.sqrt(((sample - centre) ** 2).sum(axis=1))
    unit = float(np.median(distances)) or float(distances.max()) or 1.0
    full = np.empty(features.shape, np.float32)

    def convert(first: int, last: int) -> None:
        rows = (features[first:last].astype(np.float64) - centre) / unit
        norms = np.sqrt(np.einsum("nd,nd->n", rows, rows))[:, None]
        full[first:last] = rows * np.minimum(1.0, FARTHEST / np.maximum(norms, 1.0))

    workers.each(convert, len(features), 512)
    return full


def chosen_axes(sample: np.ndarray, k: int, candidates: int, rng: np.random.Generator) -> np.ndarray:
    """`(D, d)` float32, the fewest of the ladder that keep the neighbourhoods; all D where half of them do not."""
    if k < 1:
        return np.eye(sample.shape[1], dtype=np.float32)
    queries = sample[:QUERIES]
    wanted = nearest(queries, sample, sample, k)
    for axes in principal_axes(sample, rng):
        for d in [step for step in LADDER if step <= min(axes.shape[1], len(axes) // 2)]:
            leading = sample @ axes[:, :d]
            kept = share(wanted, nearest(leading[:QUERIES], leading, sample, candidates))
            if kept >= KEPT:
                log.info("neighbours are searched on %d of %d axes, which keep %.3f of them", d, len(axes), kept)
                return np.ascontiguousarray(axes[:, :d])
    return np.eye(sample.shape[1], dtype=np.float32)


def nearest(queries: np.ndarray, leading: np.ndarray, full: np.ndarray, k: int) -> np.ndarray:
    """`(Q, k)`: the nearest of the points to the first Q of them, unordered, by leading axes and full norms."""
    distances = np.einsum("nd,nd->n", full, full) - 2 * queries @ leading.T  # (Q, N)
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
            for _ in range(3):
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
