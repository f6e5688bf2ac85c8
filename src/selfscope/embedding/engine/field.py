"""Repulsion through a grid: every point is a charge, the kernel makes a potential of them, its slope is the force.

With q = 1 / (1 + r²) the repulsive part of t-SNE's gradient, Σⱼ qᵢⱼ² (yᵢ - yⱼ), is -½ ∇φ(yᵢ), where φ(y) = Σⱼ q(y, yⱼ);
and its normaliser is Z = Σᵢ φ(yᵢ) - N. So one charge a point and two transforms are enough, where interpolation of the
force itself (Linderman et al. 2019, FIt-SNE) takes three or four charges and twice as many transforms.
"""

from __future__ import annotations

import math

import numpy as np
import scipy.fft

from selfscope.embedding.engine.compiled import compiled
from selfscope.embedding.engine.influence import effect_on_itself, influence
from selfscope.embedding.engine.window import (
    WIDTH,
    gather_slopes,
    gather_slopes_in_space,
    spread,
    spread_in_space,
)
from selfscope.embedding.engine.workers import Workers

SMALLEST = {2: 96, 3: 48}
"""Nodes on an axis of the padded grid, at least, by dimensions: below, a transform costs little more than the call."""
SIZES = (96, 108, 120, 140, 160, 192)
LARGEST = 128
"""Nodes on an axis in space, before padding: a larger map gets wider steps, for the sake of memory and time."""
FINEST = 0.125
"""A small map gets a finer grid, but not finer than this: float32 must tell neighbouring nodes apart."""
SHARES = 4
"""Grids that are charged side by side and then added: a fixed number, so that threads do not change the sum."""


class Field:
    """Repulsion between N points on a plane or in space in O(N + A log A), A being the map's area in grid steps.

    `step` is the largest distance between nodes; the unit is the kernel's own width. Relative error of the force on the
    plane (root mean square over finished maps of 2,000 and 10,000 points): 0.2 at step 1, 0.06 to 0.1 at 0.7, 0.015 to
    0.035 at 0.5, below 0.01 at 0.35, 0.002 at 0.25. Z is within half a percent at 0.7. In space, where a map is over a
    hundred wide, a grid has at most 128 nodes a side and its step widens: 0.15 at step 1, and Z within a permille.
    """

    def __init__(self, step: float, workers: Workers) -> None:
        self.step = step
        self._workers = workers

    def __call__(self, coords: np.ndarray, repulsion: np.ndarray) -> float:
        """Writes Σⱼ qᵢⱼ² (yᵢ - yⱼ) for coords `(N, 2 or 3)` float32 into `repulsion`, returns Z = Σᵢⱼ qᵢⱼ, i ≠ j."""
        n, dimensions = coords.shape
        low, high = extent(coords) if dimensions == 2 else (coords.min(axis=0), coords.max(axis=0))
        sides = [float(b) - float(a) for a, b in zip(low, high, strict=True)]
        step = grid_step(max(sides), self.step, dimensions)
        place = (*(np.float32(a) for a in low), np.float32(1 / step))
        charges = self._charges(coords, place, tuple(int(side / step) + WIDTH + 1 for side in sides))
        potential = convolved(charges, step, workers=self._workers.threads if dimensions == 3 else 1)
        own_slope, own_potential = effect_on_itself(step, dimensions)
        gather = (coords, *place, potential, own_slope, np.float32(-0.5), repulsion)
        kernel = gather_slopes if dimensions == 2 else gather_slopes_in_space
        self._workers.each(lambda first, last: kernel(*gather, first, last), n, 2048)
        return max(energy(charges, potential) - n * own_potential, 1e-12)

    def _charges(self, coords: np.ndarray, place: tuple, shape: tuple[int, ...]) -> np.ndarray:
        n = len(coords)
        shares = SHARES if n > 8192 else 1
        size = -(-n // shares)
        grids = np.zeros((shares, *shape), np.float32)
        kernel = spread if len(shape) == 2 else spread_in_space
        self._workers.each(lambda first, last: kernel(coords, *place, grids[first // size], first, last), n, size)
        return grids.sum(axis=0) if shares > 1 else grids[0]


def grid_step(span: float, largest: float, dimensions: int = 2) -> float:
    """The step for a map `span` wide: the largest, or what spends the smallest grid on it, in quarter octaves."""
    fitting = span / (SMALLEST[dimensions] // 2 - WIDTH - 1)
    if fitting >= largest:
        least = span / (LARGEST - WIDTH - 1)
        return largest if dimensions == 2 or least <= largest else largest * _quarter_octave(least / largest)
    return min(max(_quarter_octave(max(fitting, 1e-9)), FINEST), largest)


def _quarter_octave(least: float) -> float:
    """Few different steps, so that few influence functions are made."""
    return 2 ** (math.ceil(4 * math.log2(least)) / 4)


def padded(nodes: int, dimensions: int = 2) -> int:
    """Twice the nodes or more, so that the transform's periods do not touch; few different sizes, all quick ones."""
    smallest = SMALLEST[dimensions]
    power = 2 ** int(math.log2(max(2 * nodes / smallest, 1.0)))
    return next(size for size in (power * size * smallest // SIZES[0] for size in SIZES) if size >= 2 * nodes)


def convolved(charges: np.ndarray, step: float, workers: int = 1) -> np.ndarray:
    """The potential of charges (G, …, H) as `(G, …, H + padding)` float32; what is mere padding is not transformed."""
    sides = tuple(padded(nodes, charges.ndim) for nodes in charges.shape)
    waves = scipy.fft.rfft(charges, sides[-1], axis=-1, workers=workers)
    for axis in reversed(range(charges.ndim - 1)):
        waves = scipy.fft.fft(waves, sides[axis], axis=axis, overwrite_x=True, workers=workers)
    waves *= influence(sides, step)
    for axis in range(charges.ndim - 1):
        waves = scipy.fft.ifft(waves, axis=axis, overwrite_x=True, workers=workers)
        waves = waves[(slice(None),) * axis + (slice(charges.shape[axis]),)]
    return scipy.fft.irfft(waves, sides[-1], axis=-1, workers=workers)


def energy(charges: np.ndarray, potential: np.ndarray) -> float:
    """Σ charge · potential over the nodes, which is the sum of the potential over the points."""
    rows = charges.reshape(-1, charges.shape[-1])
    return sum_of_products(rows, potential.reshape(-1, potential.shape[-1]))


@compiled
def extent(coords):
    """The lowest and the highest coordinate on each axis of a plane."""
    left = right = coords[0, 0]
    bottom = top = coords[0, 1]
    for i in range(len(coords)):
        left, right = min(left, coords[i, 0]), max(right, coords[i, 0])
        bottom, top = min(bottom, coords[i, 1]), max(top, coords[i, 1])
    return (float(left), float(bottom)), (float(right), float(top))


@compiled
def sum_of_products(charges, potential):
    """Over the columns that `charges` has."""
    total = 0.0
    for row in range(charges.shape[0]):
        for column in range(charges.shape[1]):
            total += charges[row, column] * potential[row, column]
    return total
