"""The k smallest of many distances that arrive block by block, without ever holding them all."""

from __future__ import annotations

import numpy as np

from selfscope.embedding.engine.compiled import compiled

STRIP = 32
"""Distances that are looked at together: most strips hold nothing near enough and are passed over at once."""


class Shortlist:
    """For each of Q queries the k nearest candidates so far, and some room to gather more before sorting out."""

    def __init__(self, queries: int, k: int) -> None:
        self.k = k
        room = 3 * k + STRIP
        self._indices = np.empty((queries, room), np.uint32)
        self._distances = np.empty((queries, room), np.float32)
        self._held = np.empty(queries, np.int64)
        self._bounds = np.empty(queries, np.float32)
        self.clear()

    def clear(self) -> None:
        self._held[:] = 0
        self._bounds[:] = np.inf

    def offer(self, distances: np.ndarray, queries: np.ndarray, candidates: np.ndarray) -> None:
        """`distances` (q, m) float32 from the rows `queries` (q,) uint32 to the points `candidates` (m,) uint32."""
        state = (self._indices, self._distances, self._held, self._bounds)
        keep_smaller(distances, queries, candidates, *state, self.k)

    def best(self, queries: int) -> np.ndarray:
        """`(q, k)` uint32 for the first q queries, unordered. One that was offered fewer than k repeats its first."""
        settle(self._indices, self._distances, self._held, queries, self.k)
        return self._indices[:queries, : self.k]


@compiled
def keep_smaller(block, rows, candidates, indices, distances, held, bounds, k):
    """Appends what lies below a row's bound; when a row is full, sorts out its k smallest and lowers the bound."""
    columns, room = block.shape[1], indices.shape[1]
    for line in range(len(rows)):
        row = rows[line]
        count, bound = held[row], bounds[row]
        for start in range(0, columns, STRIP):
            stop = min(start + STRIP, columns)
            if below(block[line, start:stop], bound) == 0:
                continue
            if count + STRIP > room:
                count, bound = tighten(indices[row], distances[row], count, k)
            for column in range(start, stop):
                if block[line, column] < bound:
                    indices[row, count] = candidates[column]
                    distances[row, count] = block[line, column]
                    count += 1
        held[row], bounds[row] = count, bound


@compiled
def below(values, bound):
    """How many; with a small counter the loop runs in vector registers."""
    count = np.uint32(0)
    for i in range(np.uint32(len(values))):
        count = np.uint32(count + np.uint32(values[i] < bound))
    return np.int64(count)


@compiled
def tighten(indices, distances, count, k):
    """Drops most of what is not among the k smallest, in place; returns what is left, and a bound of the k smallest.

    A bound that k to 5/4 k of the distances lie below is found by bisection, which takes few and quick passes. Ties
    may leave no such bound: then the k smallest are sorted out.
    """
    low, high = distances[0], distances[0]
    for i in range(count):
        low, high = min(low, distances[i]), max(high, distances[i])
    for _ in range(25):
        middle = low + (high - low) * np.float32(0.5)
        left = below(distances[:count], middle)
        if left < k:
            low = middle
        elif left > k + k // 4:
            high = middle
        else:
            kept = 0
            for i in range(count):
                indices[kept], distances[kept] = indices[i], distances[i]
                kept += distances[i] < middle
            return kept, middle
    return k, smallest_first(indices, distances, count, k)


@compiled
def settle(indices, distances, held, queries, k):
    for row in range(queries):
        if held[row] > k:
            smallest_first(indices[row], distances[row], held[row], k)
        for place in range(held[row], k):
            indices[row, place] = indices[row, 0]


@compiled
def smallest_first(indices, distances, count, k):
    """Moves the k smallest of the first `count` to the front (Hoare's quickselect) and returns the largest of them."""
    low, high = 0, count - 1
    while low < high:
        pivot = distances[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while distances[i] < pivot:
                i += 1
            while distances[j] > pivot:
                j -= 1
            if i <= j:
                distances[i], distances[j] = distances[j], distances[i]
                indices[i], indices[j] = indices[j], indices[i]
                i += 1
                j -= 1
        if k - 1 <= j:
            high = j
        elif k - 1 >= i:
            low = i
        else:
            break
    largest = distances[0]
    for i in range(1, k):
        largest = max(largest, distances[i])
    return largest
