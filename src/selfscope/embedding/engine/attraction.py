"""Attraction along the affinities, exactly, and the divergence that the whole descent lowers."""

from __future__ import annotations

import math

import numpy as np

from selfscope.embedding.engine.compiled import compiled
from selfscope.embedding.engine.symmetry import Affinities
from selfscope.embedding.engine.workers import Pending, Workers

ROWS = 512


def begin_attraction(affinities: Affinities, coords: np.ndarray, attraction: np.ndarray, workers: Workers) -> Pending:
    """Starts to write Σⱼ pᵢⱼ qᵢⱼ (yᵢ - yⱼ) for coords `(N, 2 or 3)` float32 into `attraction`."""
    edges = (affinities.starts, affinities.columns, affinities.values)
    n = len(affinities)
    if coords.shape[1] == 3:
        return workers.begin(lambda first, last: attract_in_space(*edges, coords, attraction, first, last), n, ROWS)
    words = coords.view(np.uint64)[:, 0]
    return workers.begin(lambda first, last: attract_in_plane(*edges, coords, words, attraction, first, last), n, ROWS)


def divergence(affinities: Affinities, coords: np.ndarray, normaliser: float, workers: Workers) -> float:
    """Kullback-Leibler divergence of q / Z from p, in nats, over the pairs that have an affinity."""
    n = len(affinities)
    parts = np.zeros(-(-n // ROWS))
    edges = (affinities.starts, affinities.columns, affinities.values)

    def add(first: int, last: int) -> None:
        parts[first // ROWS] = stretched(*edges, coords, first, last)

    workers.each(add, n, ROWS)
    return float(parts.sum()) + math.log(normaliser) * float(affinities.values.sum(dtype=np.float64))


@compiled
def attract_in_plane(starts, columns, values, coords, words, attraction, first, last):
    """`words` (N,) uint64 is `coords` again, a point a word: one load where two gathers would take thrice the time.

    Unsigned loop bounds and indices spare the test for negative ones, which would keep vector registers empty.
    """
    for i in range(first, last):
        fx, fy = np.float32(0), np.float32(0)
        xi, yi = coords[i, 0], coords[i, 1]
        for e in range(np.uint64(starts[i]), np.uint64(starts[i + 1])):
            word = words[columns[e]]
            dx = xi - np.uint32(word & np.uint64(0xFFFFFFFF)).view(np.float32)
            dy = yi - np.uint32(word >> np.uint64(32)).view(np.float32)
            pull = values[e] / (np.float32(1) + dx * dx + dy * dy)
            fx += pull * dx
            fy += pull * dy
        attraction[i, 0], attraction[i, 1] = fx, fy


@compiled
def attract_in_space(starts, columns, values, coords, attraction, first, last):
    for i in range(first, last):
        fx, fy, fz = np.float32(0), np.float32(0), np.float32(0)
        xi, yi, zi = coords[i, 0], coords[i, 1], coords[i, 2]
        for e in range(np.uint64(starts[i]), np.uint64(starts[i + 1])):
            j = columns[e]
            dx, dy, dz = xi - coords[j, 0], yi - coords[j, 1], zi - coords[j, 2]
            pull = values[e] / (np.float32(1) + dx * dx + dy * dy + dz * dz)
            fx += pull * dx
            fy += pull * dy
            fz += pull * dz
        attraction[i, 0], attraction[i, 1], attraction[i, 2] = fx, fy, fz


@compiled
def stretched(starts, columns, values, coords, first, last):
    """Σ p (log p - log q) over the rows; what is left to add is log Z."""
    total = 0.0
    for i in range(first, last):
        for e in range(starts[i], starts[i + 1]):
            j, p = columns[e], values[e]
            square = 0.0
            for axis in range(coords.shape[1]):
                difference = coords[i, axis] - coords[j, axis]
                square += difference * difference
            if p > 0:
                total += p * (math.log(p) + math.log1p(square))
    return total
