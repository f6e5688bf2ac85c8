"""How good is a map? Written apart from the engines: exact neighbours, exact affinities, exact normaliser."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

CHUNK = 500


@dataclass(frozen=True, eq=False)
class Yardstick:
    """Perplexity-30 affinities of features (N, D) over 90 exact neighbours, symmetrised; calling it measures a map."""

    neighbours: np.ndarray
    """`(N, 90)`, nearest first."""
    rows: np.ndarray
    columns: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray, perplexity: float = 30.0, k: int = 90) -> Yardstick:
        n = len(features)
        neighbours, squares = _neighbours(features - features.mean(axis=0), k)
        own = _calibrated(squares, perplexity).ravel() / (2 * n)
        rows, columns = np.repeat(np.arange(n), k), neighbours.ravel()
        pairs, where = np.unique(np.concatenate([rows * n + columns, columns * n + rows]), return_inverse=True)
        values = np.bincount(where, np.concatenate([own, own]))
        return cls(neighbours, pairs // n, pairs % n, values)

    def __call__(self, coords: np.ndarray) -> tuple[float, float]:
        """KL divergence, and the share of the 10 nearest in feature space among the 10 nearest on the map."""
        coords = coords.astype(np.float64)
        squares = ((coords[self.rows] - coords[self.columns]) ** 2).sum(axis=1)
        divergence = (self.values * (np.log(self.values) + np.log1p(squares))).sum() + np.log(_normaliser(coords))
        on_map, _ = _neighbours(coords, 10)
        recall = (on_map[:, :, None] == self.neighbours[:, None, :10]).any(axis=2).mean()
        return float(divergence), float(recall)


def _neighbours(points: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    n, squares = len(points), np.einsum("nd,nd->n", points, points)
    indices, distances = np.empty((n, k), np.int64), np.empty((n, k))
    for first in range(0, n, CHUNK):
        some = np.arange(first, min(first + CHUNK, n))
        rough = squares - 2 * points[some] @ points.T  # (q, N)
        rough[np.arange(len(some)), some] = np.inf
        near = np.argpartition(rough, k, axis=1)[:, :k] if k < n - 1 else np.argsort(rough, axis=1)[:, :k]
        exact = ((points[some, None].astype(np.float64) - points[near]) ** 2).sum(axis=2)
        order = np.argsort(exact, axis=1)
        indices[some] = np.take_along_axis(near, order, axis=1)
        distances[some] = np.take_along_axis(exact, order, axis=1)
    return indices, distances


def _calibrated(squares: np.ndarray, perplexity: float) -> np.ndarray:
    """Rows of Gaussians with the perplexity, by 60 bisections of log β."""
    squares = squares - squares[:, :1]
    unit = squares.mean(axis=1)
    low, high = np.full(len(squares), -20.0), np.full(len(squares), 20.0)
    for _ in range(60):
        middle = (low + high) / 2
        weights = np.exp(-np.exp(middle)[:, None] * squares / unit[:, None])
        weights /= weights.sum(axis=1, keepdims=True)
        entropy = -(weights * np.log(np.maximum(weights, 1e-300))).sum(axis=1)
        wide = entropy > np.log(perplexity)
        low, high = np.where(wide, middle, low), np.where(wide, high, middle)
    return weights


@numba.njit(parallel=True, fastmath=True, cache=True)
def _normaliser(coords: np.ndarray) -> float:
    total = 0.0
    for i in numba.prange(len(coords)):
        row = 0.0
        for j in range(len(coords)):
            x, y = coords[j, 0] - coords[i, 0], coords[j, 1] - coords[i, 1]
            row += 1 / (1 + x * x + y * y)
        total += row - 1
    return total
