"""What a charge on the grid does to every other node: t-SNE's kernel 1 / (1 + r²), corrected for grid and splines."""

from __future__ import annotations

from functools import lru_cache, reduce
from itertools import product
from math import prod

import numpy as np
from scipy.fft import dctn
from scipy.special import k0

from selfscope.embedding.engine.window import WIDTH, slopes, splines, window_transform

BINS = {2: 64, 3: 24}
"""Places on each axis of a grid cell, by its dimensions, for which a charge's effect on itself is kept."""


@lru_cache(maxsize=64)
def influence(shape: tuple[int, ...], step: float) -> np.ndarray:
    """`(…, shape[-1] // 2 + 1)` float32: multiply the rfft of charges on a grid of that shape, 2-D or 3-D, with it.

    The influence function of Hockney & Eastwood (Computer Simulation Using Particles, 1988, chapter 8): among all
    functions on the grid the one whose forces, averaged over where points lie between nodes, differ least from the
    true ones. A wave k on the grid also stands for its aliases k + 2πm. By symmetry only 0 <= k <= π is computed,
    where of the aliases just those towards -2π matter: what others add is below 1e-4 of the whole at step 1, and
    less at any finer one. All sides must be even.
    """
    axes = np.meshgrid(*(np.linspace(0, np.pi, side // 2 + 1) for side in shape), indexing="ij", sparse=True)
    kernel = lattice_transform(shape, step)  # of all aliases together
    weight, strength, wanted = (np.zeros_like(kernel) for _ in range(3))
    shifts = product((-2 * np.pi, 0.0), repeat=len(shape))  # the wave itself comes last
    for shift in shifts:
        waves = [axis + by for axis, by in zip(axes, shift, strict=True)]
        square = reduce(np.add, (wave**2 for wave in waves))
        window = prod(window_transform(wave) for wave in waves) ** 2
        if any(shift):
            alias = kernel_transform(square, step, len(shape))
            kernel = kernel - alias
        else:
            alias = kernel  # what the others have left of it
        weight, strength = weight + window, strength + square * window
        wanted = wanted + square * window * alias
    origin = (0,) * len(shape)
    strength[origin] = 1.0
    part = wanted / (weight * strength)
    part[origin] = kernel[origin]
    for axis in range(len(shape) - 1):
        inner = [slice(None)] * len(shape)
        inner[axis] = slice(-2, 0, -1)
        part = np.concatenate([part, part[tuple(inner)]], axis=axis)
    return part.astype(np.float32)


@lru_cache(maxsize=32)
def effect_on_itself(step: float, dimensions: int = 2) -> tuple[np.ndarray, float]:
    """What a charge does to its own point through the grid, which no pair of points does and is to be taken off.

    Returns the slope of its potential along the first axis in units of the grid, `(bins,) * dimensions` float32, by
    where in a grid cell it lies (along another axis, that axis comes first), and the mean of the potential, which
    should be 1.
    """
    bins = BINS[dimensions]
    green = np.fft.irfftn(influence((64, 64) if dimensions == 2 else (32, 32, 32), step))
    a, c = (nodes.ravel() for nodes in np.indices((WIDTH, WIDTH)))
    apart = np.abs(a - c)
    between = green[np.ix_(*[apart] * dimensions)]  # (16, …): pairs of nodes on each axis
    places = (np.arange(bins, dtype=np.float32) + np.float32(0.5)) / np.float32(bins)
    weights = np.stack([splines(t) for t in places])  # (bins, 4)
    both = weights[:, a] * weights[:, c]  # (bins, 16)
    changing = np.stack([slopes(t) for t in places])[:, a] * weights[:, c]
    slope, potential = between, between
    for axis in range(dimensions):
        slope = np.moveaxis(np.tensordot(changing if axis == 0 else both, slope, (1, axis)), 0, axis)
        potential = np.moveaxis(np.tensordot(both, potential, (1, axis)), 0, axis)
    return np.ascontiguousarray(slope, np.float32), float(potential.mean())


def kernel_transform(square: np.ndarray, step: float, dimensions: int) -> np.ndarray:
    """The Fourier transform of 1 / (1 + r²) for waves of |k|² = `square` in radians a step.

    On the plane 2π K₀(|k|), in space 2π² exp(-|k|) / |k|.
    """
    k = np.sqrt(square) / step
    return 2 * np.pi / step**2 * k0(k) if dimensions == 2 else 2 * np.pi**2 / step**3 * np.exp(-k) / k


def lattice_transform(shape: tuple[int, ...], step: float) -> np.ndarray:
    """The discrete transform of 1 / (1 + r²) at the offsets between nodes, half of each of its sides and one more."""
    axes = np.meshgrid(*(np.arange(side // 2 + 1) * step for side in shape), indexing="ij", sparse=True)
    return dctn(1 / (1 + sum(axis**2 for axis in axes)), type=1)
