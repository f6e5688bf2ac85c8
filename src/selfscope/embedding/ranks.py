"""Neighbourhoods in feature space against those on a map, one query point after another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from selfscope.embedding.engine.compiled import compiled
from selfscope.embedding.engine.selection import STRIP, Shortlist, below
from selfscope.embedding.engine.units import Frame
from selfscope.embedding.engine.workers import Workers, one_blas_thread

FRAMING = 64
"""Rows that tell centre and unit, which no distance depends on but in its last digits."""
BLOCK = 1024
"""Rows of features that are converted at a time."""
ROWS = 32
"""Queries that a worker takes at a time."""
HELD = 32_000_000
"""Numbers that are kept converted: an eighth of a gigabyte."""
AT_ONCE = 64_000_000
"""Distances that are held at a time: a quarter of a gigabyte."""
TILE = 256
"""Points whose distances to as many others are one product, where all are asked."""
INFINITY = 0x7F800000
"""The bits of the largest single number."""
AT_A_GLANCE = 3000
"""Up to so many distances a bound of the nearest is sought among all at once; of more, as they come."""


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
        if self.held is not None and len(queries) == len(self.features):
            squares = self._mutual(self.held)
        else:
            squares = self.squares_of(self.rows(queries))
        squares[np.arange(len(queries)), queries] = np.inf
        return squares

    def _mutual(self, rows: np.ndarray) -> np.ndarray:
        """From each of rows `(N, D)` to each, `(N, N)`, every pair measured once."""
        n = len(rows)
        norms = np.einsum("nd,nd->n", rows, rows)
        squares = np.empty((n, n), np.float32)
        corners = [(a, b) for a in range(0, n, TILE) for b in range(0, a + 1, TILE)]

        def fill(first: int, last: int) -> None:
            for a, b in corners[first:last]:
                these, those = slice(a, a + TILE), slice(b, b + TILE)
                part = rows[these] @ rows[those].T  # of a matrix and its own transpose BLAS computes one half
                part *= -2
                part += norms[those]
                part += norms[these, None]
                squares[these, those] = part
                squares[those, these] = part.T

        with one_blas_thread():
            self.workers.each(fill, len(corners), 1)
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

        with one_blas_thread():
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

    Equal ones come in the order of their places; below zero, where rounding may put duplicates, all are equal.
    """
    n = squares.shape[1]
    if n <= AT_A_GLANCE:
        return _nearest_of_few(squares, k, workers)
    places, names = np.empty((len(squares), k), np.int64), np.arange(max(n, ROWS), dtype=np.uint32)

    def rows(first: int, last: int) -> None:
        shortlist = Shortlist(last - first, k)
        shortlist.offer(squares[first:last], names[: last - first], names[:n])
        places[first:last] = np.sort(shortlist.best(last - first), axis=1)

    workers.each(rows, len(squares), ROWS)
    values = np.take_along_axis(squares, places, axis=1)
    order = np.argsort(values, axis=1, kind="stable")
    return np.take_along_axis(places, order, axis=1), np.take_along_axis(values, order, axis=1)


def _nearest_of_few(squares: np.ndarray, k: int, workers: Workers) -> tuple[np.ndarray, np.ndarray]:
    keys = np.empty((len(squares), k + k // 8 + 1), np.uint64)

    def rows(first: int, last: int) -> None:
        smallest_keys(squares, keys, k, first, last)
        keys[first:last].sort(axis=1)

    workers.each(rows, len(squares), 4 * ROWS)
    words = np.ascontiguousarray(keys[:, :k])
    return (words & np.uint64(0xFFFFFFFF)).astype(np.int64), (words >> np.uint64(32)).astype(np.uint32).view(np.float32)


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
        strangers[row] = beyond(squares[row], on_map, true[row])
        lost[row] = beyond(drawn, true[row], on_map)
        for a in range(k):
            shared[row] += holds(on_map, true[row, a])


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
def beyond(values, places, smallest):
    """Sum over `places` (k,) of how far their rank among `values` (N,) lies beyond k; rank 1 is the smallest.

    `smallest` (k,) are those whose rank is not beyond k.
    """
    k, total = len(places), 0
    for a in range(k):
        if not holds(smallest, places[a]):
            total += max(below(values, values[places[a]]) + 1 - k, 0)
    return total


@compiled
def holds(places, place):
    found = False
    for a in range(len(places)):
        found |= places[a] == place
    return found


@compiled
def smallest_keys(squares, keys, k, first, last):
    """Writes into `keys` (Q, more than k) the k smallest of each row, and some that follow, in no order.

    A key is a distance, whose bits sort as a whole number if it is not below zero, and behind it the place; the rest
    of a row is filled with the largest number. A bound that k to 9/8 k of the distances lie below is found by
    bisection of the bits. Where ties leave none, the first of those at the bound are taken.
    """
    n, room = squares.shape[1], keys.shape[1]
    values, bits = np.empty(n, np.float32), np.empty(2, np.uint32)
    words, bounds = values.view(np.uint32), bits.view(np.float32)
    for row in range(first, last):
        for j in range(n):
            square = squares[row, j]
            values[j] = square if square > 0 else np.float32(0)  # also of -0, whose bits are the largest
        bits[0], bits[1] = 0, INFINITY + 1
        left = n
        while bits[1] - bits[0] > 1:
            middle = np.uint32((bits[0] + bits[1]) // 2)
            count = below(values, middle.view(np.float32))
            if count < k:
                bits[0] = middle
            else:
                bits[1], left = middle, count
                if left < room:
                    break
        low, high = bounds[0], bounds[1]
        filled = 0
        if left >= room:  # only those at `low` itself are below `high`
            for j in range(n):
                if values[j] < low:
                    keys[row, filled] = np.uint64(np.uint64(words[j]) << np.uint64(32)) | np.uint64(j)
                    filled += 1
        else:
            low = np.float32(0)
        for j in range(n):
            if low <= values[j] and (values[j] < high or bits[1] > INFINITY) and filled < room:
                keys[row, filled] = np.uint64(np.uint64(words[j]) << np.uint64(32)) | np.uint64(j)
                filled += 1
        keys[row, filled:] = np.uint64(0xFFFFFFFFFFFFFFFF)
