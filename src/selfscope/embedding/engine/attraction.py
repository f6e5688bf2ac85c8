"""Attraction along the affinities, exactly, and the divergence that the whole descent lowers."""

from __future__ import annotations

import math

import numpy as np

from selfscope.embedding.engine.compiled import compiled
from selfscope.embedding.engine.symmetry import Affinities
from selfscope.embedding.engine.workers import Pending, Workers

ROWS = 512


def begin_attraction(affinities: Affinities, coords: np.ndarray, attraction: np.ndarray, workers: Workers) -> Pending:
    """Starts to write Σⱼ pᵢⱼ qᵢⱼ (yᵢ - yⱼ) for coords `(2 or 3, N)` float32 into `attraction`."""
    kernel = attract_in_plane if len(coords) == 2 else attract_in_space
    edges = (affinities.starts, affinities.columns, affinities.values)
    n = len(affinities)
    return workers.begin(lambda first, last: kernel(*edges, coords, attraction, first, last), n, ROWS)


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
def attract_in_plane(starts, columns, values, coords, attraction, first, last):
    for i in range(first, last):
        fx, fy = np.float32(0), np.float32(0)
        xi, yi = coords[0, i], coords[1, i]
        for e in range(starts[i], starts[i + 1]):
            j = columns[e]
            dx, dy = xi - coords[0, j], yi - coords[1, j]
            pull = values[e] / (np.float32(1) + dx * dx + dy * dy)
            fx += pull * dx
            fy += pull * dy
        attraction[0, i], attraction[1, i] = fx, fy


@compiled
def attract_in_space(starts, columns, values, coords, attraction, first, last):
    for i in range(first, last):
        fx, fy, fz = np.float32(0), np.float32(0), np.float32(0)
        xi, yi, zi = coords[0, i], coords[1, i], coords[2, i]
        for e in range(starts[i], starts[i + 1]):
            j = columns[e]
            dx, dy, dz = xi - coords[0, j], yi - coords[1, j], zi - coords[2, j]
            pull = values[e] / (np.float32(1) + dx * dx + dy * dy + dz * dz)
            fx += pull * dx
            fy += pull * dy
            fz += pull * dz
        attraction[0, i], attraction[1, i], attraction[2, i] = fx, fy, fz


@compiled
def stretched(starts, columns, values, coords, first, last):
    """Σ p (log p - log q) over the rows; what is left to add is log Z."""
    total = 0.0
    for i in range(first, last):
        for e in range(starts[i], starts[i + 1]):
            j, p = columns[e], values[e]
            square = 0.0
            for axis in range(coords.shape[0]):
                difference = coords[axis, i] - coords[axis, j]
                square += difference * difference
            if p > 0:
                total += p * (math.log(p) + math.log1p(square))
    return total
