"""Between points and grid: cubic B-splines spread the charges, and read the slope of the potential."""

from __future__ import annotations

import numpy as np

from selfscope.embedding.engine.compiled import compiled

WIDTH = 4
"""Grid nodes on each axis that a point touches."""


def window_transform(k: np.ndarray) -> np.ndarray:
    """The spline's Fourier transform at k radians a grid step: sinc⁴."""
    return np.sinc(k / (2 * np.pi)) ** WIDTH


@compiled
def splines(t):
    """Weights of the four nodes for a point t in 0..1 past the second of them."""
    s = np.float32(1) - t
    sixth, two_thirds, half = np.float32(1 / 6), np.float32(2 / 3), np.float32(0.5)
    return (
        s * s * s * sixth,
        two_thirds - t * t * (np.float32(1) - half * t),
        two_thirds - s * s * (np.float32(1) - half * s),
        t * t * t * sixth,
    )


@compiled
def slopes(t):
    """Derivatives of `splines` in t."""
    s = np.float32(1) - t
    half, three_halves, two = np.float32(0.5), np.float32(1.5), np.float32(2)
    return (-half * s * s, t * (three_halves * t - two), s * (two - three_halves * s), half * t * t)


@compiled
def spread(coords, origin_x, origin_y, scale, grid, first, last):
    """Adds a charge of 1 at each of the points coords[first:last]; the grid's corner node lies at the origin."""
    for i in range(first, last):
        u, v = (coords[i, 0] - origin_x) * scale, (coords[i, 1] - origin_y) * scale
        row, column = np.uint32(u), np.uint32(v)
        across, along = splines(u - np.float32(row)), splines(v - np.float32(column))
        for a in range(WIDTH):
            for b in range(WIDTH):
                grid[row + np.uint32(a), column + np.uint32(b)] += across[a] * along[b]


@compiled
def gather_slopes(coords, origin_x, origin_y, scale, grid, own, factor, slopes_out, first, last):
    """factor · ∇φ at the points, φ being what the splines make of the grid's nodes, less each point's share `own`."""
    factor = np.float32(factor) * np.float32(scale)
    bins = np.float32(own.shape[0])
    for i in range(first, last):
        u, v = (coords[i, 0] - origin_x) * scale, (coords[i, 1] - origin_y) * scale
        row, column = np.uint32(u), np.uint32(v)
        t, s = u - np.float32(row), v - np.float32(column)
        across, along, d_across, d_along = splines(t), splines(s), slopes(t), slopes(s)
        i_bin, j_bin = np.uint32(t * bins), np.uint32(s * bins)
        x, y = -own[i_bin, j_bin], -own[j_bin, i_bin]
        for a in range(WIDTH):
            value, slope = np.float32(0), np.float32(0)
            for b in range(WIDTH):
                node = grid[row + np.uint32(a), column + np.uint32(b)]
                value += along[b] * node
                slope += d_along[b] * node
            x += d_across[a] * value
            y += across[a] * slope
        slopes_out[i, 0], slopes_out[i, 1] = factor * x, factor * y


@compiled
def spread_in_space(coords, origin_x, origin_y, origin_z, scale, grid, first, last):
    for i in range(first, last):
        u, v, w = (
            (coords[i, 0] - origin_x) * scale,
            (coords[i, 1] - origin_y) * scale,
            (coords[i, 2] - origin_z) * scale,
        )
        layer, row, column = np.uint32(u), np.uint32(v), np.uint32(w)
        deep, across = splines(u - np.float32(layer)), splines(v - np.float32(row))
        along = splines(w - np.float32(column))
        for a in range(WIDTH):
            for b in range(WIDTH):
                share = deep[a] * across[b]
                for c in range(WIDTH):
                    grid[layer + np.uint32(a), row + np.uint32(b), column + np.uint32(c)] += share * along[c]


@compiled
def gather_slopes_in_space(coords, origin_x, origin_y, origin_z, scale, grid, own, factor, slopes_out, first, last):
    """As `gather_slopes`, with one axis more."""
    factor = np.float32(factor) * np.float32(scale)
    bins = np.float32(own.shape[0])
    for i in range(first, last):
        u, v, w = (
            (coords[i, 0] - origin_x) * scale,
            (coords[i, 1] - origin_y) * scale,
            (coords[i, 2] - origin_z) * scale,
        )
        layer, row, column = np.uint32(u), np.uint32(v), np.uint32(w)
        r, s, t = u - np.float32(layer), v - np.float32(row), w - np.float32(column)
        deep, across, along = splines(r), splines(s), splines(t)
        d_deep, d_across, d_along = slopes(r), slopes(s), slopes(t)
        h, i_bin, j_bin = np.uint32(r * bins), np.uint32(s * bins), np.uint32(t * bins)
        x, y, z = -own[h, i_bin, j_bin], -own[i_bin, h, j_bin], -own[j_bin, h, i_bin]
        for a in range(WIDTH):
            for b in range(WIDTH):
                value, slope = np.float32(0), np.float32(0)
                for c in range(WIDTH):
                    node = grid[layer + np.uint32(a), row + np.uint32(b), column + np.uint32(c)]
                    value += along[c] * node
                    slope += d_along[c] * node
                x += d_deep[a] * across[b] * value
                y += deep[a] * d_across[b] * value
                z += deep[a] * across[b] * slope
        slopes_out[i, 0], slopes_out[i, 1], slopes_out[i, 2] = factor * x, factor * y, factor * z
