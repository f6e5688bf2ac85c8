"""Points by the hundred thousand: each pixel shows one of its points' colours, as strongly as there are many."""

from __future__ import annotations

import numpy as np

from selfscope.draw.canvas import Canvas

DENSE = 100_000
"""From so many points on a map is shaded instead of drawn point by point."""
_FAINT = 0.30
"""Opacity of a pixel with one point."""


def shaded(
    points: np.ndarray, colours: np.ndarray, size: tuple[int, int], *, pale: np.ndarray | None = None, seed: int = 0
) -> np.ndarray:
    """A picture of `size` (height, width) on white of points `(N, 2)` x, y with colours `(N, 3)` uint8.

    A pixel's colour is that of one of its points, drawn with `seed`, so that only colours of the key appear, and mixed
    regions look mixed; `pale` points show where there are no others. Its opacity grows with the rank of its count
    among all counts, from 0.3 for one point to 1: sparse and crowded places both keep their structure.
    """
    height, width = size
    x, y = np.floor(points[:, 0]).astype(np.int64), np.floor(points[:, 1]).astype(np.int64)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    order = np.random.default_rng(seed).permutation(len(points))
    order = order[inside[order]]
    if pale is not None:
        order = order[np.argsort(~pale[order], kind="stable")]  # the last one wins
    pixel = y[order] * width + x[order]
    counts = np.bincount(pixel, minlength=height * width)
    owner = np.zeros(height * width, np.int64)
    owner[pixel] = order
    canvas = Canvas.blank(height, width)
    filled = np.flatnonzero(counts)
    if len(filled):
        opacity = _levels(counts[filled])[:, None]
        flat = canvas.pixels.reshape(-1, 3)
        flat[filled] = np.rint(255 + (colours[owner[filled]] - 255.0) * opacity)
    return canvas.pixels


def _levels(counts: np.ndarray) -> np.ndarray:
    """Opacities by the rank of the counts: equal counts are equally strong, and one point is faintest."""
    values, position = np.unique(counts, return_inverse=True)
    if len(values) == 1:
        return np.full(len(counts), _FAINT if values[0] == 1 else 1.0)
    below = np.cumsum(np.bincount(position)) - np.bincount(position)[0]
    rank = below / below[-1]
    even = np.log(values / values[0]) / np.log(values[-1] / values[0])
    return (_FAINT + (1 - _FAINT) * (rank + even) / 2)[position]
