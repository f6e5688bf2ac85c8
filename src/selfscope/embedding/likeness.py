"""How alike two feature spaces are on the same items: by all pairs at once (CKA), and item by item (neighbours)."""

from __future__ import annotations

from typing import Any

import numpy as np

from selfscope.embedding.check import checked_features
from selfscope.errors import RecordError


def linear_cka(a: Any, b: Any) -> float:
    """Linear CKA of features `(N, D)` and `(N, E)` of the same items with the unbiased HSIC (Song 2012, Nguyen 2021).

    1: the same up to turning and scaling, 0: independent, where chance puts it a little to either side. The usual,
    biased estimate reads 0.6 for independent features as wide as there are items. Needs N of at least 4; NaN where
    either side is constant. Takes N · D · E: no N x N matrix is made.
    """
    first, second = _pair(a, b, "euclidean")
    if len(first) < 4:
        raise RecordError(f"CKA: expected at least 4 items, got {len(first)}")
    cross, own, other = _hsic(first, second), _hsic(first, first), _hsic(second, second)
    return float(cross / np.sqrt(own * other)) if own > 0 and other > 0 else float("nan")


def jaccard(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """`(N,)`: intersection over union of two sets of k item numbers a row, `(N, k)` each, none twice in a row.

    Of nearest neighbours in two spaces: 1 for the same ones; unrelated spaces give about `chance_jaccard`.
    """
    k = first.shape[1]
    both = np.sort(np.concatenate([first, second], axis=1), axis=1)
    shared = (both[:, 1:] == both[:, :-1]).sum(axis=1)
    return shared / (2 * k - shared)


def chance_jaccard(n: int, k: int) -> float:
    """What two unrelated orders of n items give on average, to first order."""
    k = min(k, n - 1)
    shared = k * k / (n - 1)
    return shared / (2 * k - shared)


def nearest_items(features: Any, k: int = 10, metric: str = "cosine") -> np.ndarray:
    """`(N, k)` int64: exact nearest items, nearest first, never the item itself; ties go to the lower number."""
    array = checked_features(features, metric)
    n = len(array)
    if n < 2 or k < 1:
        raise RecordError(f"neighbours: expected at least 2 items and k of at least 1, got {n} and {k}")
    k, squares = min(k, n - 1), np.einsum("nd,nd->n", array, array)
    found = np.empty((n, k), np.int64)
    for start in range(0, n, 512):
        rows = np.arange(start, min(start + 512, n))
        distances = squares - 2 * array[rows] @ array.T  # (Q, N), short of a constant a row
        distances[np.arange(len(rows)), rows] = np.inf
        reach = np.partition(distances, k - 1, axis=1)[:, k - 1]
        for row, within in zip(rows, distances <= reach[:, None], strict=True):
            candidates = np.flatnonzero(within)
            found[row] = candidates[np.argsort(distances[row - start, candidates], kind="stable")[:k]]
    return found


def _pair(a: Any, b: Any, metric: str) -> tuple[np.ndarray, np.ndarray]:
    first, second = checked_features(a, metric), checked_features(b, metric)
    if len(first) != len(second):
        raise RecordError(f"CKA: expected features of the same items, got {len(first)} and {len(second)}")
    return first - first.mean(axis=0), second - second.mean(axis=0)


def _hsic(x: np.ndarray, y: np.ndarray) -> float:
    """n (n - 3) times Song's estimate for K = x xᵀ, L = y yᵀ with empty diagonals; x and y are centred."""
    n = len(x)
    own_x, own_y = np.einsum("nd,nd->n", x, x), np.einsum("nd,nd->n", y, y)
    rows_x, rows_y = x @ x.sum(axis=0) - own_x, y @ y.sum(axis=0) - own_y  # K 1, L 1
    trace = ((x.T @ y) ** 2).sum() - own_x @ own_y
    return trace + rows_x.sum() * rows_y.sum() / ((n - 1) * (n - 2)) - 2 * rows_x @ rows_y / (n - 2)
