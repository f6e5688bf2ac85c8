"""Many markers at once: anti-aliased, with exact transparency, and no class always on top."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from selfscope.draw.canvas import Canvas
from selfscope.draw.colour import SHAPES

_PHASES = 4
"""Positions are kept to a quarter of a pixel on each axis."""
_FINE = 8


def splat(
    canvas: Canvas,
    points: np.ndarray,
    colours: np.ndarray,
    shapes: np.ndarray | None = None,
    *,
    diameter: float = 6.0,
    alpha: float = 1.0,
    halo: float = 0.0,
    seed: int | None = 0,
) -> None:
    """Draws markers onto a canvas.

    `points` (N, 2) are x, y; `colours` (N, 3) uint8; `shapes` (N,) indices into `colour.SHAPES`, discs by default.
    All shapes have the area of a disc of `diameter` pixels. `halo` is the width of a white edge, which keeps markers
    apart. Markers cover each other in a random order drawn from `seed`, in their own order where it is None; a pixel's
    colour is what painting them one after another gives.
    """
    keep = np.isfinite(points).all(axis=1)
    points, colours = np.asarray(points, dtype=np.float64)[keep], np.asarray(colours)[keep]
    shapes = np.zeros(len(points), np.intp) if shapes is None else np.asarray(shapes)[keep]
    rank = np.arange(len(points)) if seed is None else np.random.default_rng(seed).permutation(len(points))
    parts = [
        _entries(
            canvas, points, np.flatnonzero(shapes == shape), rank, _stamps(int(shape), float(diameter), float(halo))
        )
        for shape in np.unique(shapes)
    ]
    if not parts:
        return
    pixel, owner, ink, opacity = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.argsort(pixel.astype(np.int64) * len(points) + (len(points) - 1 - rank[owner]))  # topmost first
    pixel, owner, ink, opacity = pixel[order], owner[order], ink[order], opacity[order]
    _paint(canvas, pixel, colours[owner], ink / opacity, np.minimum(opacity * alpha, 0.9999))


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
    canvas: Canvas, points: np.ndarray, chosen: np.ndarray, rank: np.ndarray, stamps: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """One row for each pixel that each chosen marker touches: pixel, marker, cover of its ink, cover with its halo."""
    ink, full = stamps  # (phases, k, k)
    half = ink.shape[1] // 2
    x, y = points[chosen].T
    column, row = np.floor(x), np.floor(y)
    phase = np.floor((y - row) * _PHASES).astype(int) * _PHASES + np.floor((x - column) * _PHASES).astype(int)
    offset = np.arange(-half, half + 1)
    rows = np.clip(row, -1e6, 1e6).astype(np.int32)[:, None] + offset
    columns = np.clip(column, -1e6, 1e6).astype(np.int32)[:, None] + offset
    valid = ((rows >= 0) & (rows < canvas.height))[:, :, None] & ((columns >= 0) & (columns < canvas.width))[:, None]
    marker, i, j = np.nonzero(valid & (full > 0)[phase])
    pixel = rows[marker, i] * canvas.width + columns[marker, j]
    return pixel, chosen[marker], ink[phase[marker], i, j], full[phase[marker], i, j]


@lru_cache(maxsize=64)
def _stamps(shape: int, diameter: float, halo: float) -> tuple[np.ndarray, np.ndarray]:
    """Cover of a marker's ink, and with its halo, `(phases, k, k)` for every position of its centre within a pixel."""
    radius = diameter / 2
    half = int(np.ceil(1.6 * radius + halo)) + 1
    fine = (np.arange((2 * half + 1) * _FINE) + 0.5) / _FINE - half
    centre = (np.arange(_PHASES) + 0.5) / _PHASES
    away = fine[None, :] - centre[:, None]  # (phases, fine pixels)
    y, x = away[:, None, :, None], away[None, :, None, :]  # (phase y, phase x, rows, columns)

    def cover(reach: float) -> np.ndarray:
        inside = _inside(SHAPES[shape], x, y, radius, reach)
        inside = np.broadcast_to(inside, (_PHASES, _PHASES, len(fine), len(fine)))
        size = 2 * half + 1
        return inside.reshape(_PHASES**2, size, _FINE, size, _FINE).mean(axis=(2, 4))

    return cover(0.0), cover(halo)


def _inside(shape: str, x: Any, y: Any, radius: float, reach: float) -> Any:
    """Where a marker of the area of a disc of `radius`, widened by `reach`, lies."""
    if shape == "disc":
        return x**2 + y**2 < (radius + reach) ** 2
    if shape == "ring":
        distance = np.hypot(x, y)
        return (distance < 1.15 * radius + reach) & (distance > 0.58 * radius - reach)
    if shape == "square":
        return np.maximum(abs(x), abs(y)) < 0.886 * radius + reach
    if shape == "diamond":
        return abs(x) + abs(y) < 1.253 * radius + 1.41 * reach
    if shape in ("triangle", "down"):
        up = y if shape == "triangle" else -y
        inner = 0.78 * radius + reach  # of the inscribed circle
        return (up < inner) & (abs(x) * 0.866 - up * 0.5 < inner)
    if shape == "cross":
        x, y = (x + y) * 0.7071, (x - y) * 0.7071
    long, thin = 1.35 * radius + reach, 0.36 * radius + reach
    return ((abs(x) < long) & (abs(y) < thin)) | ((abs(y) < long) & (abs(x) < thin))
