"""Neighbourhoods in feature space against those on a map, one query point after another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from selfscope.embedding.engine.compiled import compiled
from selfscope.embedding.engine.selection import STRIP, Shortlist, below
from selfscope.embedding.engine.units import Frame
from selfscope.embedding.engine.workers import Workers

FRAMING = 256
"""Rows that tell centre and unit, which no distance depends on but in its last digits."""
BLOCK = 1024
"""Rows of features that are converted at a time."""
ROWS = 16
"""Queries that a worker takes at a time."""
HELD = 32_000_000
"""Numbers that are kept converted: an eighth of a gigabyte."""
AT_ONCE = 64_000_000
"""Distances that are held at a time: a quarter of a gigabyte."""


@dataclass(frozen=True, eq=False)
class Framed:
    """Features in a frame that float32 can measure in; few of them are converted once and held, many block by block."""

    features: np.ndarray
    frame: Frame
    held: np.ndarray | None
    workers: Workers

    @classmethod
    def of(cls, features: np.ndarray, metric: str, seed: int, workers: Workers) -> Framed:
        frame = Frame.of(features, metric, np.random.default_rng(seed), rows=FRAMING)
        if features.size > HELD:
            return cls(features, frame, None, workers)
        held = np.empty(features.shape, np.float32)

        def convert(first: int, last: int) -> None:
            held[first:last] = frame.rows(features, slice(first, last))

        workers.each(convert, len(features), BLOCK)
        return cls(features, frame, held, workers)

    def rows(self, which: slice | np.ndarray) -> np.ndarray:
        return self.frame.rows(self.features, which) if self.held is None else self.held[which]

    def squares(self, queries: np.ndarray) -> np.ndarray:
        """Squared distances `(Q, N)` float32 in the frame's units, infinite from each query to itself."""
        squares = self.squares_of(self.rows(queries))
        squares[np.arange(len(queries)), queries] = np.inf
        return squares

    def squares_of(self, asked: np.ndarray) -> np.ndarray:
        """Of any rows `(Q, D)` in this frame to all that it holds, `(Q, N)`."""
        own = np.einsum("qd,qd->q", asked, asked)[:, None]
        asked = -2 * asked
        squares = np.empty((len(asked), len(self.features)), np.float32)

        def fill(first: int, last: int) -> None:
            rows = self.rows(slice(first, last))
            part = squares[:, first:last]
            np.matmul(asked, rows.T, out=part)
            part += np.einsum("nd,nd->n", rows, rows)
            part += own

        with threadpool_limits(1, user_api="blas"):  # the workers are the threads: BLAS's own spin while they wait
            self.workers.each(fill, len(self.features), BLOCK)
        return squares


def chunks_of(queries: np.ndarray, n: int) -> list[np.ndarray]:
    """Queries in parts whose distances to all n points fit in `AT_ONCE`."""
    return np.array_split(queries, max(1, -(-len(queries) * n // AT_ONCE)))


def padded_axes(coords: np.ndarray) -> np.ndarray:
    """Coords `(N, 1..3)` as `(3, N)` float32 about their centre; axes that the map lacks are zero."""
    axes = np.zeros((3, len(coords)), np.float32)
    axes[: coords.shape[1]] = (coords - coords.mean(axis=0, dtype=np.float64)).T
    return axes


def nearest(squares: np.ndarray, k: int, workers: Workers) -> tuple[np.ndarray, np.ndarray]:
    """The k < N smallest of each row of `squares` (Q, N), in order: where they stand `(Q, k)` int64, and what they are.

    Equal ones come in the order of their places.
    """
    n = squares.shape[1]
    places, names = np.empty((len(squares), k), np.int64), np.arange(max(n, ROWS), dtype=np.uint32)

    def rows(first: int, last: int) -> None:
        shortlist = Shortlist(last - first, k)
        shortlist.offer(squares[first:last], names[: last - first], names[:n])
        places[first:last] = np.sort(shortlist.best(last - first), axis=1)

    workers.each(rows, len(squares), ROWS)
    values = np.take_along_axis(squares, places, axis=1)
    order = np.argsort(values, axis=1, kind="stable")
    return np.take_along_axis(places, order, axis=1), np.take_along_axis(values, order, axis=1)


def compare(
    squares: np.ndarray, true: np.ndarray, coords: np.ndarray, queries: np.ndarray, workers: Workers
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What each query's k neighbours on the map are in feature space, where all are at `squares` (Q, N).

    `true` (Q, k) are the k nearest there. Queries may be further points, whose `coords` come after those of the N.
    Per query: how far in all the map's neighbours rank beyond k in feature space, how far the true ones rank beyond k
    on the map, and how many are both.
    """
    strangers, lost, shared = (np.zeros(len(queries), np.int64) for _ in range(3))
    parts = (squares, padded_axes(coords), queries.astype(np.int64), np.ascontiguousarray(true))
    workers.each(lambda first, last: compare_rows(*parts, strangers, lost, shared, first, last), len(queries), ROWS)
    return strangers, lost, shared


@compiled
def compare_rows(squares, axes, queries, true, strangers, lost, shared, first, last):
    k, n = true.shape[1], squares.shape[1]
    on_map, drawn, measure = np.empty(k, np.int64), np.empty(n, np.float32), np.empty(k, np.float32)
    for row in range(first, last):
        own = queries[row]
        for j in range(n):
            x, y, z = axes[0, j] - axes[0, own], axes[1, j] - axes[1, own], axes[2, j] - axes[2, own]
            drawn[j] = x * x + y * y + z * z
        if own < n:
            drawn[own] = np.inf
        smallest(drawn, on_map, measure)
        strangers[row] = beyond(squares[row], on_map)
        lost[row] = beyond(drawn, true[row])
        for a in range(k):
            for b in range(k):
                shared[row] += true[row, a] == on_map[b]


@compiled
def smallest(values, places, measure):
    """Writes where the k smallest of `values` (N,) stand, in order; equal ones as they come."""
    k, n, count = len(places), len(values), 0
    for start in range(0, n, STRIP):
        stop = min(start + STRIP, n)
        if count == k and below(values[start:stop], measure[k - 1]) == 0:
            continue
        for j in range(start, stop):
            value = values[j]
            if count == k and not value < measure[k - 1]:
                continue
            place = min(count, k - 1)
            while place > 0 and value < measure[place - 1]:
                measure[place], places[place] = measure[place - 1], places[place - 1]
                place -= 1
            measure[place], places[place] = value, j
            count = min(count + 1, k)


@compiled
def beyond(values, places):
    """Sum over `places` (k,) of how far their rank among `values` (N,) lies beyond k; rank 1 is the smallest."""
    k, total = len(places), 0
    for a in range(k):
        total += max(below(values, values[places[a]]) + 1 - k, 0)
    return total
