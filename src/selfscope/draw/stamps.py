"""What markers look like: each shape's cover of pixels, at every position within a pixel."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from selfscope.draw.colour import SHAPES

KINDS = (*SHAPES, "left", "right", "pentagon", "hexagon", "star", "bar", "dash")
"""Every shape there is; classes use the first ones, `colour.SHAPES`."""
PHASES = 4
"""Positions are kept to a quarter of a pixel on each axis."""
_FINE = 8
_INNER = {"triangle": (3, 0.778), "pentagon": (5, 0.930), "hexagon": (6, 0.952), "star": (5, 0.517)}
"""Sides, and the radius of the inscribed circle that gives the area of a disc of radius 1."""
_TURNED = {"down": ("triangle", 2), "left": ("triangle", 3), "right": ("triangle", 1), "dash": ("bar", 1)}
"""Shapes that are others after so many quarter turns."""


@lru_cache(maxsize=64)
def stamps(kind: int, diameter: float, halo: float) -> tuple[np.ndarray, np.ndarray]:
    """Cover of a marker's ink, and with its halo, `(PHASES ** 2, k, k)`: its centre lies in the middle pixel.

    All kinds have about the area of a disc of `diameter` pixels.
    """
    radius = diameter / 2
    half = int(np.ceil(1.7 * radius + halo)) + 1
    fine = (np.arange((2 * half + 1) * _FINE) + 0.5) / _FINE - half
    centre = (np.arange(PHASES) + 0.5) / PHASES
    away = fine[None, :] - centre[:, None]  # (phases, fine pixels)
    y, x = away[:, None, :, None], away[None, :, None, :]  # (phase y, phase x, rows, columns)

    def cover(reach: float) -> np.ndarray:
        within = np.broadcast_to(inside(KINDS[kind], x, y, radius, reach), (PHASES, PHASES, len(fine), len(fine)))
        size = 2 * half + 1
        return within.reshape(PHASES**2, size, _FINE, size, _FINE).mean(axis=(2, 4))

    return cover(0.0), cover(halo)


def inside(kind: str, x: Any, y: Any, radius: float, reach: float = 0.0) -> Any:
    """Where a marker of the area of a disc of `radius`, widened by `reach` all round, lies; y runs down."""
    kind, turns = _TURNED.get(kind, (kind, 0))
    for _ in range(turns):
        x, y = y, -x
    if kind == "disc":
        return x**2 + y**2 < (radius + reach) ** 2
    if kind == "ring":
        distance = np.hypot(x, y)
        return (distance < 1.15 * radius + reach) & (distance > 0.58 * radius - reach)
    if kind == "square":
        return np.maximum(abs(x), abs(y)) < 0.886 * radius + reach
    if kind == "diamond":
        return abs(x) + abs(y) < 1.253 * radius + 1.41 * reach
    if kind in _INNER:
        return _polygon(kind, x, y, radius, reach)
    if kind == "bar":
        return (abs(x) < 0.5 * radius + reach) & (abs(y) < 1.57 * radius + reach)
    if kind == "cross":
        x, y = (x + y) * 0.7071, (x - y) * 0.7071
    long, thin = 1.35 * radius + reach, 0.36 * radius + reach
    return ((abs(x) < long) & (abs(y) < thin)) | ((abs(y) < long) & (abs(x) < thin))


def _polygon(kind: str, x: Any, y: Any, radius: float, reach: float) -> Any:
    """Regular, with a corner at the top; a star is what lies behind all sides of an upturned pentagon but one."""
    sides, inner = _INNER[kind]
    y = -y if kind == "star" else y
    turn = np.pi / 2 + (2 * np.arange(sides) + 1) * np.pi / sides
    behind = sum((x * np.cos(t) - y * np.sin(t) < inner * radius + reach).astype(np.int8) for t in turn)
    return behind >= (sides - 1 if kind == "star" else sides)
