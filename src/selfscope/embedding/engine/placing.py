"""Further points on a finished map: each goes where its own divergence is least, and the map stays as it is.

A new point i has p(j | i) over its nearest mapped points j, and q(j | i) = qᵢⱼ / Zᵢ with Zᵢ = Σⱼ qᵢⱼ over the whole
map; it descends KL(p ‖ q) = Σⱼ p log(p / q). New points neither attract nor repel each other, so that each lands in the
same place whoever comes with it. The idea of a fixed reference is openTSNE's (Poličar, Stražar & Zupan 2019).
"""

from __future__ import annotations

import numpy as np

from selfscope.embedding.engine.affinities import conditional_probabilities
from selfscope.embedding.engine.compiled import compiled
from selfscope.embedding.engine.field import convolved, extent
from selfscope.embedding.engine.neighbours import nearest_to_others
from selfscope.embedding.engine.reduction import unreduced
from selfscope.embedding.engine.units import Frame
from selfscope.embedding.engine.window import WIDTH, slopes, splines, spread
from selfscope.embedding.engine.workers import Workers, one_blas_thread

EXACT_UP_TO = 2000
"""With more mapped points, on a line or plane, their potential is read off a grid."""
STEP = 0.25
"""Of that grid: forces within 0.3 %."""
MARGIN = 4.0
"""How far beyond the map a new point may go, where a grid must end."""
DAMPING = 0.5
ITERATIONS = 100


def place(
    new: np.ndarray, features: np.ndarray, coords: np.ndarray, *, perplexity: float, metric: str, seed: int
) -> np.ndarray:
    """`(M, c)` float32 for new features (M, D) among features (N, D) mapped to coords (N, c); N is 2 or more."""
    k = max(min(round(3 * perplexity), len(features)), 1)
    with one_blas_thread(), Workers() as workers:
        points = unreduced(features, seed, workers, metric=metric)
        frame = Frame.of(features, metric, np.random.default_rng(seed))
        indices, squares = nearest_to_others(frame.projected(new, None, workers), points, k, workers)
        del points
        pulls = conditional_probabilities(squares, min(perplexity, max(k / 3, 1.0)), workers)
        mapped = np.zeros((len(coords), max(coords.shape[1], 2)), np.float32)
        mapped[:, : coords.shape[1]] = coords
        placed = settled(mapped, indices, pulls, flat=coords.shape[1] == 1, workers=workers)
    return np.ascontiguousarray(placed[:, : coords.shape[1]])


def settled(mapped: np.ndarray, indices: np.ndarray, pulls: np.ndarray, *, flat: bool, workers: Workers) -> np.ndarray:
    """Starts at the median of the neighbours and takes `ITERATIONS` steps, each at most 1 long."""
    placed = np.median(mapped[indices], axis=1).astype(np.float32)  # (M, c)
    if mapped.shape[1] == 2 and len(mapped) > EXACT_UP_TO:
        field = potential_of(mapped)

        def move(first: int, last: int) -> None:
            settle_on_grid(mapped, indices, pulls, *field, placed, flat, first, last)
    else:
        axes = np.ascontiguousarray(mapped.T)

        def move(first: int, last: int) -> None:
            settle_by_pairs(axes, indices, pulls, placed, flat, first, last)

    workers.each(move, len(placed), 64)
    return placed


def potential_of(mapped: np.ndarray) -> tuple[np.ndarray, np.float32, np.float32, np.float32]:
    """φ(y) = Σⱼ 1 / (1 + |y - yⱼ|²) on a grid's nodes, where the grid begins, and its nodes a unit."""
    (left, bottom), (right, top) = extent(mapped)
    origin = (np.float32(left - MARGIN), np.float32(bottom - MARGIN))
    sides = (right - left + 2 * MARGIN, top - bottom + 2 * MARGIN)
    charges = np.zeros([int(side / STEP) + WIDTH + 1 for side in sides], np.float32)
    spread(mapped, *origin, np.float32(1 / STEP), charges, 0, len(mapped))
    potential = np.ascontiguousarray(convolved(charges, STEP)[:, : charges.shape[1]])
    return (potential, *origin, np.float32(1 / STEP))


@compiled
def settle_on_grid(mapped, indices, pulls, grid, origin_x, origin_y, scale, placed, flat, first, last):
    most_x, most_y = grid.shape[0] - WIDTH - 0.5, grid.shape[1] - WIDTH - 0.5
    for i in range(first, last):
        x, y = float(placed[i, 0]), float(placed[i, 1])
        for _ in range(ITERATIONS):
            u, v = (x - origin_x) * scale, (y - origin_y) * scale
            u, v = min(max(u, 0.0), most_x), min(max(v, 0.0), most_y)
            row, column = int(u), int(v)
            t, s = np.float32(u - row), np.float32(v - column)
            across, along, d_across, d_along = splines(t), splines(s), slopes(t), slopes(s)
            total, slope_x, slope_y = 0.0, 0.0, 0.0
            for a in range(WIDTH):
                for b in range(WIDTH):
                    node = grid[row + a, column + b]
                    total += across[a] * along[b] * node
                    slope_x += d_across[a] * along[b] * node
                    slope_y += across[a] * d_along[b] * node
            factor = -0.5 * scale / max(total, 1e-12)
            x, y = stepped(mapped, indices[i], pulls[i], x, y, factor * slope_x, 0.0 if flat else factor * slope_y)
        placed[i, 0], placed[i, 1] = x, y


@compiled
def stepped(mapped, near, pulls, x, y, push_x, push_y):
    """One step along attraction and `push`, in units of the attraction's stiffness: a damped mean shift."""
    pull_x, pull_y, stiffness = 0.0, 0.0, 1e-12
    for e in range(len(near)):
        dx, dy = x - mapped[near[e], 0], y - mapped[near[e], 1]
        w = pulls[e] / (1 + dx * dx + dy * dy)
        pull_x, pull_y, stiffness = pull_x + w * dx, pull_y + w * dy, stiffness + w
    dx, dy = DAMPING * (push_x - pull_x) / stiffness, DAMPING * (push_y - pull_y) / stiffness
    shrink = 1 / max(1.0, np.sqrt(dx * dx + dy * dy))
    return x + shrink * dx, y + shrink * dy


@compiled
def settle_by_pairs(axes, indices, pulls, placed, flat, first, last):
    dimensions, n = axes.shape
    where, push, pull = np.zeros(3), np.zeros(3), np.zeros(3)
    for i in range(first, last):
        where[:dimensions] = placed[i]
        for _ in range(ITERATIONS):
            total, stiffness = 1e-12, 1e-12
            push[:], pull[:] = 0.0, 0.0
            for j in range(n):
                square = 0.0
                for axis in range(dimensions):
                    square += (where[axis] - axes[axis, j]) ** 2
                q = 1 / (1 + square)
                total += q
                for axis in range(dimensions):
                    push[axis] += q * q * (where[axis] - axes[axis, j])
            for e in range(indices.shape[1]):
                j, square = indices[i, e], 0.0
                for axis in range(dimensions):
                    square += (where[axis] - axes[axis, j]) ** 2
                w = pulls[i, e] / (1 + square)
                stiffness += w
                for axis in range(dimensions):
                    pull[axis] += w * (where[axis] - axes[axis, j])
            step = DAMPING / stiffness * (push / total - pull)
            if flat:
                step[1] = 0.0
            where += step / max(1.0, np.sqrt((step * step).sum()))
        placed[i] = where[:dimensions]
