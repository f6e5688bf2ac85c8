"""One symmetric set of affinities out of every point's own: pᵢⱼ = (p(j | i) + p(i | j)) / 2N, as sparse rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from selfscope.embedding.engine.compiled import compiled
from selfscope.embedding.engine.workers import Workers


@dataclass(frozen=True, eq=False)
class Affinities:
    """A sparse symmetric matrix (N, N) that sums to 1: row i holds `columns[starts[i] : starts[i + 1]]`, in order."""

    starts: np.ndarray
    """`(N + 1,)` int64."""
    columns: np.ndarray
    """`(E,)` uint32: with signed indices the compiled gathers would test for negative ones."""
    values: np.ndarray
    """`(E,)` float32."""

    def __len__(self) -> int:
        return len(self.starts) - 1


def joint_probabilities(indices: np.ndarray, conditional: np.ndarray, workers: Workers) -> Affinities:
    """From neighbours `(N, k)` uint32 and p(j | i) `(N, k)` float32.

    Transposing sparse rows sorts them, so that two transpositions give both p(i | j) and p(j | i) in order; then
    each pair of rows is merged.
    """
    n, k = indices.shape
    own = Affinities(np.arange(0, n * k + 1, k), indices.ravel(), conditional.ravel())
    theirs = transposed(own)
    own = transposed(theirs)
    lengths = np.zeros(n + 1, np.int64)
    rows = (own.starts, own.columns, own.values, theirs.starts, theirs.columns, theirs.values)
    workers.each(lambda first, last: merged_lengths(*rows[:2], *rows[3:5], lengths, first, last), n, 1024)
    starts = np.cumsum(lengths)
    columns, values = np.empty(starts[-1], np.uint32), np.empty(starts[-1], np.float32)
    workers.each(lambda first, last: merge(*rows, starts, columns, values, 0.5 / n, first, last), n, 1024)
    return Affinities(starts, columns, values)


def transposed(rows: Affinities) -> Affinities:
    n = len(rows)
    starts = np.zeros(n + 1, np.int64)
    np.cumsum(np.bincount(rows.columns, minlength=n), out=starts[1:])
    columns, values = np.empty_like(rows.columns), np.empty_like(rows.values)
    scatter(rows.starts, rows.columns, rows.values, starts[:-1].copy(), columns, values)
    return Affinities(starts, columns, values)


@compiled
def scatter(starts, columns, values, places, new_columns, new_values):
    for i in range(len(starts) - 1):
        for e in range(starts[i], starts[i + 1]):
            j = columns[e]
            place = places[j]
            new_columns[place] = i
            new_values[place] = values[e]
            places[j] = place + 1


@compiled
def merged_lengths(starts_a, columns_a, starts_b, columns_b, lengths, first, last):
    """lengths[i + 1]: how many different columns row i has in a and b together."""
    for i in range(first, last):
        a, b, count = starts_a[i], starts_b[i], 0
        while a < starts_a[i + 1] and b < starts_b[i + 1]:
            left, right = columns_a[a], columns_b[b]
            a += left <= right
            b += right <= left
            count += 1
        lengths[i + 1] = count + starts_a[i + 1] - a + starts_b[i + 1] - b


@compiled
def merge(starts_a, columns_a, values_a, starts_b, columns_b, values_b, starts, columns, values, factor, first, last):
    """Row by row the sum of a and b, times `factor`."""
    for i in range(first, last):
        a, b = starts_a[i], starts_b[i]
        for e in range(starts[i], starts[i + 1]):
            from_a = a < starts_a[i + 1] and (b == starts_b[i + 1] or columns_a[a] <= columns_b[b])
            from_b = b < starts_b[i + 1] and (a == starts_a[i + 1] or columns_b[b] <= columns_a[a])
            total = 0.0
            if from_a:
                columns[e] = columns_a[a]
                total += values_a[a]
            if from_b:
                columns[e] = columns_b[b]
                total += values_b[b]
            a += from_a
            b += from_b
            values[e] = total * factor
