"""What a charge on the grid does to every other node: t-SNE's kernel 1 / (1 + r²), corrected for grid and splines."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.fft import dctn
from scipy.special import k0

from selfscope.embedding.engine.window import WIDTH, slopes, splines, window_transform

BINS = 64
"""Places on each axis of a grid square for which a charge's effect on itself is kept."""


@lru_cache(maxsize=64)
def influence(rows: int, columns: int, step: float) -> np.ndarray:
    """`(rows, columns // 2 + 1)` float32: multiply the rfft2 of charges on a (rows, columns) grid with it.

    The influence function of Hockney & Eastwood (Computer Simulation Using Particles, 1988, chapter 8): among all
    functions on the grid the one whose forces, averaged over where points lie between nodes, differ least from the
    true ones. A wave k on the grid also stands for its aliases k + 2πm. By symmetry only 0 <= k <= π is computed,
    where of the aliases just those towards -2π matter: what others add is below 1e-4 of the whole at step 1, and
    less at any finer one. Both numbers must be even.
    """
    kx = np.linspace(0, np.pi, rows // 2 + 1)[:, None]
    ky = np.linspace(0, np.pi, columns // 2 + 1)[None, :]
    kernel = lattice_transform(rows, columns, step)  # of all aliases together
    weight, strength, wanted = (np.zeros_like(kernel) for _ in range(3))
    for x in (kx - 2 * np.pi, kx):
        for y in (ky - 2 * np.pi, ky):
            square = x**2 + y**2  # (rows // 2 + 1, columns // 2 + 1)
            window = (window_transform(x) * window_transform(y)) ** 2
            if x is kx and y is ky:
                alias = kernel  # what the other three have left of it
            else:
                alias = kernel_transform(square, step)
                kernel = kernel - alias
            weight, strength = weight + window, strength + square * window
            wanted = wanted + square * window * alias
    strength[0, 0] = 1.0
    quarter = wanted / (weight * strength)
    quarter[0, 0] = kernel[0, 0]
    return np.concatenate([quarter, quarter[-2:0:-1]]).astype(np.float32)


@lru_cache(maxsize=32)
def effect_on_itself(step: float) -> tuple[np.ndarray, float]:
    """What a charge does to its own point through the grid, which no pair of points does and is to be taken off.

    Returns the slope of its potential across the rows `(BINS, BINS)` float32 in units of the grid, by where in a grid
    square it lies (along the columns it is the transpose), and the mean of the potential, which should be 1.
    """
    size = 64
    green = np.fft.irfft2(influence(size, size, step))
    a, c = (nodes.ravel() for nodes in np.indices((WIDTH, WIDTH)))
    between = green[np.abs(a - c)[:, None], np.abs(a - c)[None, :]]  # (16, 16): pairs of rows, pairs of columns
    places = (np.arange(BINS, dtype=np.float32) + np.float32(0.5)) / np.float32(BINS)
    weights = np.stack([splines(t) for t in places])  # (BINS, 4)
    both = weights[:, a] * weights[:, c]  # (BINS, 16)
    changing = np.stack([slopes(t) for t in places])[:, a] * weights[:, c]
    return (changing @ between @ both.T).astype(np.float32), float((both @ between @ both.T).mean())


def kernel_transform(square: np.ndarray, step: float) -> np.ndarray:
    """The plane's Fourier transform of 1 / (1 + r²), 2π K₀(|k|), for waves of |k|² = `square` in radians a step."""
    return 2 * np.pi / step**2 * k0(np.sqrt(square) / step)


def lattice_transform(rows: int, columns: int, step: float) -> np.ndarray:
    """The discrete transform of 1 / (1 + r²) at the offsets between nodes, `(rows // 2 + 1, columns // 2 + 1)`."""
    x = np.arange(rows // 2 + 1)[:, None] * step
    y = np.arange(columns // 2 + 1)[None, :] * step
    return dctn(1 / (1 + x**2 + y**2), type=1)
