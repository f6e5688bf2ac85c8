"""Repulsion exactly, from all pairs: for few points."""

from __future__ import annotations

import numpy as np

from selfscope.embedding.engine.compiled import compiled
from selfscope.embedding.engine.workers import Workers


class Pairs:
    """Repulsion between N points in O(N²) time and O(N) memory."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    def __call__(self, coords: np.ndarray, repulsion: np.ndarray) -> float:
        """Writes Σⱼ qᵢⱼ² (yᵢ - yⱼ) for coords `(N, 2 or 3)` into `repulsion`, and returns Z = Σᵢⱼ qᵢⱼ, i ≠ j."""
        n, dimensions = coords.shape
        kernel = repel_in_plane if dimensions == 2 else repel_in_space
        axes, sums = np.ascontiguousarray(coords.T), np.empty(n, np.float32)
        self._workers.each(lambda first, last: kernel(axes, repulsion, sums, first, last), n, 256)
        return max(float(sums.sum(dtype=np.float64)) - n, 1e-12)


@compiled
def repel_in_plane(axes, repulsion, sums, first, last):
    n = axes.shape[1]
    for i in range(first, last):
        total, fx, fy = np.float32(0), np.float32(0), np.float32(0)
        xi, yi = axes[0, i], axes[1, i]
        for j in range(n):
            dx, dy = xi - axes[0, j], yi - axes[1, j]
            q = np.float32(1) / (np.float32(1) + dx * dx + dy * dy)
            total += q
            fx += q * q * dx
            fy += q * q * dy
        sums[i], repulsion[i, 0], repulsion[i, 1] = total, fx, fy


@compiled
def repel_in_space(axes, repulsion, sums, first, last):
    n = axes.shape[1]
    for i in range(first, last):
        total, fx, fy, fz = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        xi, yi, zi = axes[0, i], axes[1, i], axes[2, i]
        for j in range(n):
            dx, dy, dz = xi - axes[0, j], yi - axes[1, j], zi - axes[2, j]
            q = np.float32(1) / (np.float32(1) + dx * dx + dy * dy + dz * dz)
            total += q
            fx += q * q * dx
            fy += q * q * dy
            fz += q * q * dz
        sums[i], repulsion[i, 0], repulsion[i, 1], repulsion[i, 2] = total, fx, fy, fz
