"""Markers of points, by matplotlib's letters."""

from __future__ import annotations

import numpy as np

from selfscope.draw.canvas import Canvas
from selfscope.draw.colour import Colour
from selfscope.errors import UsageError, nearest

_STAR: list[tuple[float, float]] = [(90 + 36 * i, 1.0 if i % 2 == 0 else 0.4) for i in range(10)]
_POLYGONS: dict[str, list[tuple[float, float]]] = {
    "s": [(45 + 90 * i, np.sqrt(2)) for i in range(4)],
    "D": [(90 * i, np.sqrt(2)) for i in range(4)],
    "^": [(90 + 120 * i, 1.0) for i in range(3)],
    "v": [(270 + 120 * i, 1.0) for i in range(3)],
    "<": [(180 + 120 * i, 1.0) for i in range(3)],
    ">": [(120 * i, 1.0) for i in range(3)],
    "p": [(90 + 72 * i, 1.0) for i in range(5)],
    "h": [(90 + 60 * i, 1.0) for i in range(6)],
    "*": _STAR,
}
"""Corners as angle in degrees and distance in radii."""
_CROSSES = {"+": (0, 90), "x": (45, 135), "|": (90,), "_": (0,)}
_DISCS = {"o": 1.0, ".": 0.5, ",": 0.2}


def draw_marker(canvas: Canvas, marker: str, x: float, y: float, diameter: float, colour: Colour) -> None:
    """One marker, centred at x, y."""
    radius = diameter / 2
    if marker in _DISCS:
        canvas.disc(x, y, max(0.5, radius * _DISCS[marker]), colour)
    elif marker in _POLYGONS:
        angle, distance = np.array(_POLYGONS[marker]).T
        canvas.polygon(np.array((x, y)) + _around(angle, radius * distance), colour)
    elif marker in _CROSSES:
        reach = _around(np.array(_CROSSES[marker]), np.full(len(_CROSSES[marker]), radius))
        canvas.segments((x, y) - reach, (x, y) + reach, colour, max(1.0, diameter / 6))
    else:
        known = [*_DISCS, *_POLYGONS, *_CROSSES]
        raise UsageError(f"expected a marker of {' '.join(known)}, got {marker!r}.{nearest(marker, known)}")


def _around(degrees: np.ndarray, distance: np.ndarray) -> np.ndarray:
    angle = np.deg2rad(degrees)
    return np.stack([distance * np.cos(angle), -distance * np.sin(angle)], axis=1)  # y runs down
