"""Repulsion exactly, from all pairs: for few points, and for three dimensions."""

from __future__ import annotations

import numpy as np

from selfscope.embedding.engine.compiled import compiled
from selfscope.embedding.engine.workers import Workers


class Pairs:
    """Repulsion between N points in O(N²) time and O(N) memory."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    def __call__(self, coords: np.ndarray, repulsion: np.ndarray) -> float:
        """Writes Σⱼ qᵢⱼ² (yᵢ - yⱼ) for coords `(2 or 3, N)` into `repulsion`, and returns Z = Σᵢⱼ qᵢⱼ, i ≠ j."""
        n = coords.shape[1]
        kernel = repel_in_plane if len(coords) == 2 else repel_in_space
        sums = np.empty(n, np.float32)
        self._workers.each(lambda first, last: kernel(coords, repulsion, sums, first, last), n, 256)
        return max(float(sums.sum(dtype=np.float64)) - n, 1e-12)


@compiled
def repel_in_plane(coords, repulsion, sums, first, last):
    n = coords.shape[1]
    for i in range(first, last):
        total, fx, fy = np.float32(0), np.float32(0), np.float32(0)
        xi, yi = coords[0, i], coords[1, i]
        for j in range(n):
            dx, dy = xi - coords[0, j], yi - coords[1, j]
            q = np.float32(1) / (np.float32(1) + dx * dx + dy * dy)
            total += q
            fx += q * q * dx
            fy += q * q * dy
        sums[i], repulsion[0, i], repulsion[1, i] = total, fx, fy


@compiled
def repel_in_space(coords, repulsion, sums, first, last):
    n = coords.shape[1]
    for i in range(first, last):
        total, fx, fy, fz = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        xi, yi, zi = coords[0, i], coords[1, i], coords[2, i]
        for j in range(n):
            dx, dy, dz = xi - coords[0, j], yi - coords[1, j], zi - coords[2, j]
            q = np.float32(1) / (np.float32(1) + dx * dx + dy * dy + dz * dz)
            total += q
            fx += q * q * dx
            fy += q * q * dy
            fz += q * q * dz
        sums[i], repulsion[0, i], repulsion[1, i], repulsion[2, i] = total, fx, fy, fz
