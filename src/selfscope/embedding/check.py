"""What features must be before anything is computed from them."""

from __future__ import annotations

from typing import Any

import numpy as np

from selfscope.errors import RecordError

METRICS = ("euclidean", "cosine")


def checked_features(features: Any, metric: str) -> np.ndarray:
    """`(N, D)` float64 ready for Euclidean distances: rows of length 1 when the metric is cosine.

    Squared Euclidean distance of such rows is 2 (1 - cos). Rows that are not finite are refused by number, and so
    are rows of zeros under cosine, which have no direction.
    """
    if metric not in METRICS:
        raise RecordError(f"metric: expected one of {', '.join(METRICS)}, got {metric!r}")
    array = np.asarray(features)
    if array.ndim != 2 or 0 in array.shape or array.dtype.kind not in "fiu":
        raise RecordError(f"features: expected numbers (N, D) with N and D at least 1, got {array.dtype} {array.shape}")
    array = array.astype(np.float64)
    _refuse_rows(~np.isfinite(array).all(axis=1), "hold NaN or infinity")
    if metric == "cosine":
        norms = np.linalg.norm(array, axis=1, keepdims=True)
        _refuse_rows(norms[:, 0] == 0, "are all zero and have no direction: use metric='euclidean'")
        array = array / norms
    return array


def _refuse_rows(bad: np.ndarray, what: str) -> None:
    rows = np.flatnonzero(bad)
    if len(rows):
        named = ", ".join(map(str, rows[:5])) + (", …" if len(rows) > 5 else "")
        raise RecordError(f"features: {len(rows)} of {len(bad)} rows {what} (rows {named})")
