"""The k nearest neighbours of every point: candidates from matrix products, ranked by exact distances."""

from __future__ import annotations

from collections.abc import Iterator
from threading import local

import numpy as np

from selfscope.embedding.engine.cells import Cells, probes_needed
from selfscope.embedding.engine.compiled import compiled
from selfscope.embedding.engine.reduction import Points
from selfscope.embedding.engine.selection import Shortlist
from selfscope.embedding.engine.workers import Workers

QUERIES = 128
"""Rows of one product; with COLUMNS, a block of distances stays in a processor's own cache."""
COLUMNS = 1024
ALL_PAIRS = 16_000
"""Up to so many points all pairs are compared; beyond, those in near cells."""


def nearest_neighbours(
    points: Points, k: int, candidates: int, seed: int, workers: Workers, *, exact: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Indices `(N, k)` uint32 and squared distances `(N, k)` float32 in all dimensions, nearest first.

    Never the point itself; duplicates are at distance 0 of each other. k must be below N. `candidates` >= k are
    looked at for every point: those nearest by the leading axes. `exact` compares all pairs, however many.
    """
    wide = min(candidates + 1, len(points))  # a point is its own first candidate
    products = as_products(points.leading, points.squares)
    if all_pairs_pay(len(points)) or exact:
        shortlists = all_pairs(*products, wide, workers)
    else:
        cells = Cells.of(points.leading, seed, workers)
        shortlists = near_cells(*products, cells, probes_needed(cells, products, k, wide, seed), wide, workers)
    return ranked(points.full, shortlists, k, workers)


def all_pairs_pay(n: int) -> bool:
    return n <= ALL_PAIRS


def as_products(points: np.ndarray, squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows [-2 q, 1] and [c, |c|²] `(N, d + 1)`: their inner product is the squared distance less |q|².

    `squares` (N,) may count more dimensions than `points` (N, d) have.
    """
    n, d = points.shape
    queries, targets = np.empty((n, d + 1), np.float32), np.empty((n, d + 1), np.float32)
    np.multiply(points, -2, out=queries[:, :d])
    queries[:, d] = 1
    targets[:, :d], targets[:, d] = points, squares
    return queries, targets


def all_pairs(queries: np.ndarray, targets: np.ndarray, k: int, workers: Workers) -> np.ndarray:
    """`(Q, k)` uint32: for each query the k nearest of all N targets, itself among them if it is one, unordered."""
    n = len(targets)
    found, names = np.empty((len(queries), k), np.uint32), np.arange(max(n, QUERIES), dtype=np.uint32)
    last_tile = (n - 1) // COLUMNS * COLUMNS
    own = local()

    def search(first: int, last: int) -> None:
        if not hasattr(own, "shortlist"):
            own.shortlist, own.block = Shortlist(QUERIES, k), np.empty(QUERIES * COLUMNS, np.float32)
        own.shortlist.clear()
        for start in own_first(min(first // COLUMNS * COLUMNS, last_tile), n):
            tile = targets[start : start + COLUMNS]
            block = own.block[: (last - first) * len(tile)].reshape(last - first, len(tile))
            np.matmul(queries[first:last], tile.T, out=block)
            own.shortlist.offer(block, names[: last - first], names[start : start + len(tile)])
        found[first:last] = own.shortlist.best(last - first)

    workers.each(search, len(queries), QUERIES)
    return found


def own_first(own: int, n: int) -> Iterator[int]:
    """Where tiles start, with the queries' own first: points that lie near each other were given near numbers."""
    yield own
    yield from (start for start in range(0, n, COLUMNS) if start != own)


def near_cells(
    queries: np.ndarray, targets: np.ndarray, cells: Cells, probes: int, k: int, workers: Workers
) -> np.ndarray:
    """`(N, k)` uint32: the k nearest of the points in the `probes` cells nearest to each point, unordered."""
    found = np.empty((len(queries), k), np.uint32)
    targets = targets[cells.members]  # in the order of the cells
    longest = max(cells.longest, 1)
    own = local()

    def search(cell: int, _: int) -> None:
        if not hasattr(own, "shortlist"):
            own.shortlist, own.block = Shortlist(longest, k), np.empty(longest**2, np.float32)
        own.shortlist.clear()
        asking = cells[cell]  # (q,)
        rows = queries[asking]
        for other, lines in cells.visits(rows, probes, cell):
            start, stop = cells.starts[other], cells.starts[other + 1]
            block = own.block[: len(lines) * (stop - start)].reshape(len(lines), stop - start)
            np.matmul(rows[lines], targets[start:stop].T, out=block)
            own.shortlist.offer(block, lines, cells.members[start:stop])
        found[asking] = own.shortlist.best(len(asking))

    workers.each(search, len(cells), 1)
    return found


def nearest_to_others(queries: np.ndarray, points: Points, k: int, workers: Workers) -> tuple[np.ndarray, np.ndarray]:
    """For queries `(Q, D)`, which are none of the points but in their frame: the k nearest points, exactly."""
    asking = as_products(queries, np.einsum("nd,nd->n", queries, queries))[0]
    targets = as_products(points.full, points.squares)[1]
    shortlists = all_pairs(asking, targets, min(k + k // 2 + 8, len(points)), workers)
    return ranked(points.full, shortlists, k, workers, asking=queries)


def ranked(
    points: np.ndarray, shortlists: np.ndarray, k: int, workers: Workers, *, asking: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """From `shortlists` (Q, K) the k nearest by differences in all dimensions, in order.

    They are those of the points (N, D) themselves, which are not their own neighbours, or of others (Q, D) `asking`.
    """
    n, queries = len(shortlists), points if asking is None else asking
    indices, squares = np.zeros((n, k), np.uint32), np.full((n, k), np.inf, np.float32)
    arrays = (queries, points, shortlists, indices, squares, asking is None)
    workers.each(lambda first, last: rank(*arrays, first, last), n, 128)
    return indices, squares


@compiled
def rank(queries, points, shortlists, indices, squares, itself, first, last):
    """Insertion into a sorted list of k; equal distances keep the order of the points' numbers."""
    k, dimensions = indices.shape[1], points.shape[1]
    for i in range(first, last):
        count = 0
        for place in range(shortlists.shape[1]):
            j = shortlists[i, place]
            if (itself and j == i) or (place > 0 and j == shortlists[i, 0]):
                continue
            square = np.float32(0)
            for d in range(dimensions):
                difference = queries[i, d] - points[j, d]
                square += difference * difference
            if count == k and (square, j) >= (squares[i, k - 1], indices[i, k - 1]):
                continue
            place = min(count, k - 1)
            while place > 0 and (square, j) < (squares[i, place - 1], indices[i, place - 1]):
                squares[i, place], indices[i, place] = squares[i, place - 1], indices[i, place - 1]
                place -= 1
            squares[i, place], indices[i, place] = square, j
            count = min(count + 1, k)
