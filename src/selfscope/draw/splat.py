"""Many markers at once: anti-aliased, with exact transparency, and no class always on top."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from selfscope.draw.canvas import Canvas
from selfscope.draw.stamps import PHASES, stamps

_AT_ONCE = 100_000
"""Markers that are worked on at a time: each may take a kilobyte or more."""


@dataclass(frozen=True)
class Look:
    """What all markers of one drawing share."""

    diameter: float = 6.0
    """Pixels across a disc; the other shapes have its area."""
    alpha: float = 1.0
    halo: float = 0.0
    """Width of a white edge, which keeps markers apart."""


def splat(
    canvas: Canvas,
    points: np.ndarray,
    colours: np.ndarray,
    shapes: np.ndarray | None = None,
    *,
    look: Look | None = None,
    seed: int | None = 0,
) -> None:
    """Draws markers onto a canvas.

    `points` (N, 2) are x, y; `colours` (N, 3) uint8; `shapes` (N,) indices into `stamps.KINDS`, discs by default.
    Markers cover each other in a random order drawn from `seed`, in their own order where it is None; a pixel's colour
    is what painting them one after another gives.
    """
    keep = np.isfinite(points).all(axis=1)
    points, colours = np.asarray(points, dtype=np.float64)[keep], np.asarray(colours)[keep]
    shapes = np.zeros(len(points), np.intp) if shapes is None else np.asarray(shapes)[keep]
    rank = np.arange(len(points)) if seed is None else np.random.default_rng(seed).permutation(len(points))
    for first in range(0, len(points), _AT_ONCE):
        chosen = np.flatnonzero((rank >= first) & (rank < first + _AT_ONCE))
        _layer(canvas, points[chosen], colours[chosen], shapes[chosen], rank[chosen] - first, look or Look())


def _layer(
    canvas: Canvas,
    points: np.ndarray,
    colours: np.ndarray,
    shapes: np.ndarray,
    rank: np.ndarray,
    look: Look,
) -> None:
    """Markers that are sorted together, the topmost having the highest `rank` (N,)."""
    parts = [
        _entries(
            canvas, points, np.flatnonzero(shapes == shape), stamps(int(shape), float(look.diameter), float(look.halo))
        )
        for shape in np.unique(shapes)
    ]
    pixel, owner, ink, opacity = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.argsort(pixel.astype(np.int64) * len(points) + (len(points) - 1 - rank[owner]))  # topmost first
    pixel, owner, ink, opacity = pixel[order], owner[order], ink[order], opacity[order]
    _paint(canvas, pixel, colours[owner], ink / opacity, np.minimum(opacity * look.alpha, 0.9999))


def _paint(canvas: Canvas, pixel: np.ndarray, colour: np.ndarray, tint: np.ndarray, opacity: np.ndarray) -> None:
    """Lays entries, sorted by pixel and topmost first, over the canvas; `tint` is the share of colour against white."""
    through = np.cumsum(np.log1p(-opacity))
    above = through - np.log1p(-opacity)
    starts = np.flatnonzero(np.diff(pixel, prepend=-1))
    above -= np.repeat(above[starts], np.diff(starts, append=len(pixel)))
    weight = opacity * np.exp(above)
    touched = pixel[starts]
    rest = 1 - np.add.reduceat(weight, starts)
    ground = canvas.pixels.reshape(-1, 3)
    for channel in range(3):
        shade = 255 + (colour[:, channel] - 255.0) * tint
        total = np.add.reduceat(weight * shade, starts) + rest * ground[touched, channel]
        ground[touched, channel] = np.rint(np.clip(total, 0, 255))


def _entries(
    canvas: Canvas, points: np.ndarray, chosen: np.ndarray, covers: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """One row for each pixel that each chosen marker touches: pixel, marker, cover of its ink, cover with its halo."""
    ink, full = covers  # (phases, k, k)
    half = ink.shape[1] // 2
    x, y = points[chosen].T
    column, row = np.floor(x), np.floor(y)
    phase = np.floor((y - row) * PHASES).astype(int) * PHASES + np.floor((x - column) * PHASES).astype(int)
    offset = np.arange(-half, half + 1)
    rows = np.clip(row, -1e6, 1e6).astype(np.int32)[:, None] + offset
    columns = np.clip(column, -1e6, 1e6).astype(np.int32)[:, None] + offset
    valid = ((rows >= 0) & (rows < canvas.height))[:, :, None] & ((columns >= 0) & (columns < canvas.width))[:, None]
    marker, i, j = np.nonzero(valid & (full > 0)[phase])
    pixel = rows[marker, i] * canvas.width + columns[marker, j]
    return pixel, chosen[marker], ink[phase[marker], i, j], full[phase[marker], i, j]
