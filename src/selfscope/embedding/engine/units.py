"""Features as the engine reads them: chunk by chunk, centred, in units of their own spread, never all in float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from selfscope.embedding.check import refuse_unusable
from selfscope.embedding.engine.workers import Workers
from selfscope.embedding.half import float32_copy

FARTHEST = 1e6
"""In medians of the distance from the centre; beyond it float32 would lose the neighbours of all other points."""
SAMPLE = 1000
ROWS = 512
"""Rows that are read at a time."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A centre and a unit that any features `(N, D)` of finite numbers fit in float32 with."""

    metric: str
    centre: np.ndarray
    """`(D,)` float64: medians, so that a few far points do not move it."""
    unit: float
    """Median distance from the centre, in units of the features."""

    @classmethod
    def of(cls, features: np.ndarray, metric: str, rng: np.random.Generator, rows: int = SAMPLE) -> Frame:
        """From up to `rows` rows. Those that hold NaN or infinity, or have no direction, are refused by `projected`."""
        sample = read_rows(features, np.sort(rng.permutation(len(features))[:rows]), metric)
        sample = sample[np.isfinite(sample).all(axis=1)]
        if not len(sample):
            refuse_unusable(features, metric)
        centre = _medians(sample)
        distances = _lengths(sample - centre)
        return cls(metric, centre, float(np.median(distances)) or float(distances.max()) or 1.0)

    @classmethod
    def none(cls, dimensions: int) -> Frame:
        """For rows that are in a frame already."""
        return cls("euclidean", np.zeros(dimensions), 1.0)

    def rows(self, features: np.ndarray, which: slice | np.ndarray) -> np.ndarray:
        """`(n, D)` float32, those beyond `FARTHEST` pulled in; NaN where a row cannot be used."""
        rows = read_rows(features, which, self.metric)
        with np.errstate(over="ignore", invalid="ignore"):
            centred = rows - self.centre.astype(rows.dtype)
            centred *= rows.dtype.type(1 / self.unit)
            squares = np.einsum("nd,nd->n", centred, centred)
            for i in np.flatnonzero(~(squares < FARTHEST**2)):  # far away, or not a number
                row = (rows[i].astype(np.float64) - self.centre) / self.unit
                centred[i] = row * (FARTHEST / _lengths(row[None])[0])
        return centred.astype(np.float32, copy=False)

    def projected(self, features: np.ndarray, axes: np.ndarray | None, workers: Workers) -> np.ndarray:
        """All rows on `axes` (D, d), or on their own: `(N, d)` float32. Rows that cannot be used are refused."""
        n = len(features)
        result = np.empty((n, features.shape[1] if axes is None else axes.shape[1]), np.float32)

        def convert(first: int, last: int) -> None:
            rows = self.rows(features, slice(first, last))
            result[first:last] = rows if axes is None else rows @ axes

        workers.each(convert, n, ROWS)
        if not np.isfinite(result).all():
            refuse_unusable(features, self.metric)
        return result


def read_rows(features: np.ndarray, which: slice | np.ndarray, metric: str) -> np.ndarray:
    """Rows in float32, or in float64 where they came so; of length 1 under cosine, NaN where they have no direction."""
    rows = np.asarray(features[which])
    rows = float32_copy(rows) if rows.dtype in (np.float16, np.float32) else rows.astype(np.float64)
    if metric == "cosine":
        with np.errstate(invalid="ignore"):
            rows /= np.abs(rows).max(axis=1, keepdims=True)
            rows /= np.sqrt(np.einsum("nd,nd->n", rows, rows))[:, None]
    return rows


def _medians(rows: np.ndarray) -> np.ndarray:
    """Of each column, float64; sorting what lies together in memory takes half of numpy's time."""
    ordered = np.sort(np.ascontiguousarray(rows.T), axis=1)  # (D, n)
    middle = ordered[:, [(len(rows) - 1) // 2, len(rows) // 2]]
    return middle.mean(axis=1, dtype=np.float64)


def _lengths(rows: np.ndarray) -> np.ndarray:
    """Norms of rows (n, D) whose squares may be too large for their own type."""
    largest = np.abs(rows).max() or 1.0
    return np.sqrt((np.square(rows / largest)).sum(axis=1)) * largest
