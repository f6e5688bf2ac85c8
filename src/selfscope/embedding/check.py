"""What features must be before anything is computed from them."""

from __future__ import annotations

import math
import operator
import os
from typing import Any, NoReturn

import numpy as np

from selfscope.errors import RecordError

METRICS = ("euclidean", "cosine")


def checked_features(features: Any, metric: str) -> np.ndarray:
    """`(N, D)` float64 ready for Euclidean distances: rows of length 1 when the metric is cosine.

    Squared Euclidean distance of such rows is 2 (1 - cos). Rows that are not finite are refused by number, and so
    are rows of zeros under cosine, which have no direction.
    """
    given = feature_array(features, metric)
    array = given.astype(np.float64)
    if not np.isfinite(array).all():
        refuse_unusable(given, metric)
    if metric == "cosine":
        norms = np.linalg.norm(array, axis=1, keepdims=True)
        if not norms.all():
            refuse_unusable(given, metric)
        array = array / norms
    return array


def feature_array(features: Any, metric: str) -> np.ndarray:
    """`(N, D)` as it was given, memory-mapped or not, when type, shape and metric can be worked with.

    Tensors are detached and brought to the processor; bfloat16 becomes float32.
    """
    if metric not in METRICS:
        raise RecordError(f"metric: expected one of {', '.join(METRICS)}, got {metric!r}")
    if isinstance(features, (str, os.PathLike)):
        raise RecordError(f"features: expected numbers (N, D), got a path: np.load({str(features)!r}, mmap_mode='r')")
    if hasattr(features, "detach"):
        from selfscope.draw.picture import to_numpy

        features = to_numpy(features)
    try:
        array = np.asanyarray(features)
    except ValueError as error:
        raise RecordError(f"features: expected numbers (N, D), rows of one length: {error}") from error
    if array.ndim != 2 or 0 in array.shape or array.dtype.kind not in "fiu":
        raise RecordError(f"features: expected numbers (N, D) with N and D at least 1, got {array.dtype} {array.shape}")
    return array


def all_alike(array: np.ndarray) -> bool:
    """Whether all rows `(N, D)` are the first one again."""
    return all((array[first : first + 4096] == array[0]).all() for first in range(0, len(array), 4096))


def refuse_unusable(features: np.ndarray, metric: str) -> NoReturn:
    """Finds the rows of `features` (N, D) that cannot be measured, of which there are some, and says what they are.

    Features that are mapped from a file go by its name.
    """
    name = str(getattr(features, "filename", None) or "features")
    chunks = [slice(first, first + 4096) for first in range(0, len(features), 4096)]
    bad = np.concatenate([~np.isfinite(features[c]).all(axis=1) for c in chunks])
    _refuse_rows(bad, "hold NaN or infinity", name, "leave them out")
    if metric == "cosine":
        empty = np.concatenate([~np.any(features[c], axis=1) for c in chunks])
        _refuse_rows(empty, "are all zero and have no direction", name, "use metric='euclidean'")
    raise RecordError(f"{name}: too large for distances in {metric} metric: divide them by a common number")


def _refuse_rows(bad: Any, what: str, name: str, advice: str) -> None:
    rows = np.flatnonzero(bad)
    if len(rows):
        named = ", ".join(map(str, rows[:5])) + (", …" if len(rows) > 5 else "")
        raise RecordError(f"{name}: {len(rows)} of {len(bad)} rows {what} (rows {named}): {advice}")


def check_whole(name: str, value: Any, least: int) -> None:
    """Refuses what is no whole number, and what is less than `least`."""
    try:
        number = operator.index(value)
    except TypeError:
        raise RecordError(f"{name}: expected a whole number, got {value!r}") from None
    if number < least:
        raise RecordError(f"{name}: expected at least {least}, got {value}")


def check_positive(name: str, value: Any, what: str = "a number") -> None:
    """Refuses what is no finite number above 0."""
    try:
        positive = 0 < value < math.inf
    except TypeError:
        positive = False
    if not positive:
        raise RecordError(f"{name}: expected {what} above 0, got {value!r}")
