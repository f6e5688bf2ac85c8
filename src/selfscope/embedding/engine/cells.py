"""Cells of a few hundred neighbouring points, so that each point need be compared with those in near cells only."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from selfscope.embedding.engine.workers import Workers

log = logging.getLogger(__name__)

KEPT = 0.97
"""Share of the true nearest that must lie in the cells that are visited, on a sample of queries."""
MOST_POINTS = 16_000
"""Points that one query is compared with, at most: keeps the search O(N) for any number of points."""
ROUNDS = 5
"""Of Lloyd's algorithm; the search is right with any centres, and hardly faster with better ones."""
SAMPLED = 200


@dataclass(frozen=True, eq=False)
class Cells:
    """A partition of N points: cell c holds `members[starts[c] : starts[c + 1]]`."""

    members: np.ndarray
    """`(N,)` uint32."""
    starts: np.ndarray
    """`(C + 1,)` int64."""
    centres: np.ndarray
    """`(C, d + 1)` float32: rows [c, |c|²], to be multiplied with queries [-2 q, 1]."""

    @classmethod
    def of(cls, points: np.ndarray, seed: int, workers: Workers) -> Cells:
        """By k-means on a sample of `points` (N, d), which need not run until nothing changes.

        No cell holds less than an eighth of `cell_size`, nor more than three times as much.
        """
        n, rng = len(points), np.random.default_rng(seed)
        size = cell_size(n)
        sample = points[rng.permutation(n)[: 64 * (n // size)]]
        centres = sample[: n // size]
        for _ in range(ROUNDS):
            centres = _means(sample, _nearest_centre(sample, centres, workers), centres)
        counts = np.bincount(_nearest_centre(points, centres, workers), minlength=len(centres))
        centres = centres[counts >= size / 8]
        members, starts = _split(_nearest_centre(points, centres, workers), len(centres), 3 * size)
        means = np.stack([points[members[a:b]].mean(axis=0) for a, b in pairwise(starts)])
        products = np.concatenate([means, np.einsum("cd,cd->c", means, means)[:, None]], axis=1)
        return cls(members, starts, products)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, cell: int) -> np.ndarray:
        return self.members[self.starts[cell] : self.starts[cell + 1]]

    @property
    def longest(self) -> int:
        return int(np.diff(self.starts).max())

    def order(self, queries: np.ndarray, probes: int) -> np.ndarray:
        """`(q, probes)`: for queries [-2 q, 1] (q, d + 1) the nearest cells, unordered."""
        distances = queries @ self.centres.T
        if probes >= len(self):
            return np.broadcast_to(np.arange(len(self)), distances.shape)
        return np.argpartition(distances, probes - 1, axis=1)[:, :probes]

    def visits(self, queries: np.ndarray, probes: int, own: int) -> Iterator[tuple[int, np.ndarray]]:
        """Each cell that any of the queries is to be compared with, and the numbers of those queries, uint32.

        First comes the cell that is nearest to the cell `own`, and so on: what is found early bounds all the rest.
        """
        chosen = self.order(queries, probes).ravel()
        lines = np.repeat(np.arange(len(queries), dtype=np.uint32), len(chosen) // len(queries))
        by_cell = np.argsort(chosen, kind="stable")
        chosen, lines = chosen[by_cell], lines[by_cell]
        edges = np.flatnonzero(np.diff(chosen, prepend=-1, append=-1))
        visited = chosen[edges[:-1]]
        away = ((self.centres[visited, :-1] - self.centres[own, :-1]) ** 2).sum(axis=1)
        for turn in np.argsort(away, kind="stable"):
            yield int(visited[turn]), lines[edges[turn] : edges[turn + 1]]


def probes_needed(cells: Cells, products: tuple[np.ndarray, np.ndarray], k: int, wide: int, seed: int) -> int:
    """How many cells to visit so that `KEPT` of the k nearest are met, or as many as hold `MOST_POINTS`.

    However few that are, they hold `wide` points and more.
    """
    queries, targets = products
    n = len(queries)
    asked = np.sort(np.random.default_rng(seed).permutation(n)[:SAMPLED])
    wanted = np.argpartition(queries[asked] @ targets.T, k, axis=1)[:, : k + 1]  # (Q, k + 1), the query among them
    cell_of = np.empty(n, np.int64)
    cell_of[cells.members] = np.repeat(np.arange(len(cells)), np.diff(cells.starts))
    distances = queries[asked] @ cells.centres.T  # (Q, C)
    rank_of = np.argsort(np.argsort(distances, axis=1), axis=1)
    ranks = np.sort(np.take_along_axis(rank_of, cell_of[wanted], axis=1).ravel())
    needed = int(ranks[int(KEPT * (len(ranks) - 1))]) + 1
    affordable = max(1, MOST_POINTS * len(cells) // n)
    holding = int(np.searchsorted(np.cumsum(np.sort(np.diff(cells.starts))), wide)) + 1
    probes = min(max(min(needed, affordable), holding), len(cells))
    met = np.searchsorted(ranks, probes) / len(ranks)
    log.info("each point is compared with %d of %d cells, where %.3f of its neighbours are", probes, len(cells), met)
    return probes


def cell_size(n: int) -> int:
    """Large enough for matrix products to be quick, small enough that few visited points lie far away."""
    return max(128, min(2 * math.isqrt(n), 512))


def _nearest_centre(points: np.ndarray, centres: np.ndarray, workers: Workers) -> np.ndarray:
    nearest = np.empty(len(points), np.int64)
    squares, doubled = np.einsum("cd,cd->c", centres, centres), 2 * centres.T

    def assign(first: int, last: int) -> None:
        nearest[first:last] = (squares - points[first:last] @ doubled).argmin(axis=1)

    workers.each(assign, len(points), 1024)
    return nearest


def _means(points: np.ndarray, nearest: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The mean of each centre's points; a centre without points stays where it is."""
    order = np.argsort(nearest, kind="stable")
    counts = np.bincount(nearest, minlength=len(centres))
    held = np.flatnonzero(counts)
    sums = np.add.reduceat(points[order], (np.cumsum(counts) - counts)[held], axis=0)
    moved = centres.copy()
    moved[held] = sums / counts[held, None]
    return moved


def _split(nearest: np.ndarray, centres: int, longest: int) -> tuple[np.ndarray, np.ndarray]:
    """Members in order of their centres, and where cells start; a cell longer than `longest` is cut in pieces."""
    members = np.argsort(nearest, kind="stable").astype(np.uint32)
    ends = np.cumsum(np.bincount(nearest, minlength=centres))
    starts = [0]
    for end in ends:
        length = end - starts[-1]
        pieces = -(-length // longest)
        starts += [end - length * left // pieces for left in range(pieces - 1, -1, -1)]
    return members, np.array(starts, np.int64)
