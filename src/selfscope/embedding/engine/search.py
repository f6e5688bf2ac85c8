"""From features to a graph of neighbours: axes, order, candidates, distances."""

from __future__ import annotations

import math

import numpy as np

from selfscope.embedding.engine.curve import along_curve
from selfscope.embedding.engine.neighbours import all_pairs_pay, nearest_neighbours
from selfscope.embedding.engine.reduction import Points, reduce, unreduced
from selfscope.embedding.engine.workers import Workers, one_blas_thread
from selfscope.embedding.graph import METHOD, Neighbours

CANDIDATES = 1.5
"""Candidates a neighbour."""


def search(
    features: np.ndarray, k: int, metric: str, seed: int, *, exact: bool = False, threads: int | None = None
) -> Neighbours:
    """The k < N nearest of every row; see `selfscope.embedding.graph.neighbours`."""
    candidates = math.ceil(CANDIDATES * k)
    with one_blas_thread(), Workers(threads) as workers:
        if exact:
            points = unreduced(features, seed, workers, metric=metric)
        else:
            points = reduce(features, k, candidates, seed, workers, metric=metric)
        n, d = points.full.shape
        order = along_curve(points.plane)
        points = points[order]  # near points get near numbers, which the search is quicker with
        found, squares = nearest_neighbours(points, k, candidates, seed, workers, exact=exact)
    kind = np.float32 if 1e-30 < points.unit < 1e30 else np.float64
    indices, distances = np.empty_like(found), np.empty(squares.shape, kind)
    indices[order] = order.astype(np.uint32)[found]
    distances[order] = np.sqrt(squares) * kind(points.unit)
    leading = np.empty((n, points.plane.shape[1]), np.float32)
    leading[order] = points.plane
    everything = d == features.shape[1] and (exact or (all_pairs_pay(n) and points.leading.shape[1] == d))
    return Neighbours(indices, distances, everything, metric, _words(points, features.shape[1], exact), leading)


def _words(points: Points, dimensions: int, exact: bool) -> str:
    pairs = "all pairs" if exact or all_pairs_pay(len(points)) else "near cells"
    axes = f"{points.leading.shape[1]} of {dimensions} axes, distances on {points.full.shape[1]}"
    return f"{METHOD}: {pairs} by {axes}"
