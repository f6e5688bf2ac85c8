"""What a feature space looks like by itself: how many directions it uses, how evenly, and whether it has collapsed."""

from __future__ import annotations

from typing import Any

import numpy as np

from selfscope.embedding.check import checked_features
from selfscope.errors import RecordError

FIT = (5, 100)
PAIRS = 2_000_000


def rankme(features: Any) -> float:
    """RankMe (Garrido et al. 2023) of features `(N, D)`: exp of the entropy of their singular values' shares.

    Uncentred. It grows with N, so values compare at one N only; there is no threshold that holds for all models.
    """
    return _rankme(np.linalg.svd(checked_features(features, "euclidean"), compute_uv=False))


def alpha_req(features: Any, fit: tuple[int, int] = FIT) -> float:
    """alpha-ReQ (Agrawal et al. 2022): how fast the eigenvalues of the centred covariance fall, λ_j ~ j^-alpha.

    A straight line through log λ_j over log j for j in `fit` (first and last, from 1), which moves the number: say it.
    Best near 1. NaN where fewer than 3 eigenvalues of that range are above rounding.
    """
    array = checked_features(features, "euclidean")
    return _alpha(np.linalg.svd(array - array.mean(axis=0), compute_uv=False) ** 2, fit)


def uniformity(features: Any, *, seed: int = 0) -> float:
    """log E exp(-2 |x - y|²) on the unit sphere (Wang & Isola 2020): 0 is collapsed, lower is more even.

    Over all pairs, or over two million seeded ones where there are more.
    """
    unit = checked_features(features, "cosine")
    n = len(unit)
    if n < 2:
        raise RecordError("uniformity: expected at least 2 items, got 1")
    if n * (n - 1) // 2 <= PAIRS:
        first, second = np.triu_indices(n, 1)
    else:
        rng = np.random.default_rng(seed)
        first = rng.integers(0, n, PAIRS)
        second = (first + rng.integers(1, n, PAIRS)) % n  # never the item itself
    total = 0.0
    for start in range(0, len(first), 65_536):
        pairs = slice(start, start + 65_536)
        total += np.exp(-4 + 4 * np.einsum("nd,nd->n", unit[first[pairs]], unit[second[pairs]])).sum()
    return float(np.log(total / len(first)))


def feature_std(features: Any) -> float:
    """Mean spread of the dimensions of unit-length features, times √D (Chen & He 2021): 0 collapsed, 1 isotropic."""
    unit = checked_features(features, "cosine")
    return float(unit.std(axis=0).mean() * np.sqrt(unit.shape[1]))


def _rankme(singular: np.ndarray) -> float:
    total = singular.sum()
    if total == 0:
        raise RecordError("RankMe: every feature is zero")
    shares = singular / total + 1e-7
    return float(np.exp(-(shares * np.log(shares)).sum()))


def _alpha(eigenvalues: np.ndarray, fit: tuple[int, int]) -> float:
    first, last = fit
    if not 1 <= first < last:
        raise RecordError(f"alpha-ReQ: expected a range 1 <= first < last to fit, got {fit}")
    rank = int((eigenvalues > eigenvalues[:1].sum() * 1e-10).sum())
    j = np.arange(first, min(last, rank) + 1)
    if len(j) < 3:
        return float("nan")
    return float(-np.polyfit(np.log(j), np.log(eigenvalues[j - 1]), 1)[0])
