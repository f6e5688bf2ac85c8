"""Marker shapes as paths, for output that stays sharp at any size; the same shapes as `draw.stamps`."""

from __future__ import annotations

import numpy as np

CURVE = 0.5522847498
"""How far a Bézier's handles reach for a quarter of a circle of radius 1."""
Corners = list[tuple[float, float]]


def discs(kind: str) -> tuple[float, ...]:
    """Radii of the circles that a round shape is made of, the hole last; none for shapes with corners."""
    return {"disc": (1.0,), "ring": (1.15, 0.58)}.get(kind, ())


def corners(kind: str) -> Corners:
    """Corners x, y (y down) of a shape with the area of a disc of radius 1."""
    if kind == "square":
        return [(-0.886, -0.886), (0.886, -0.886), (0.886, 0.886), (-0.886, 0.886)]
    if kind == "diamond":
        return [(0, -1.253), (1.253, 0), (0, 1.253), (-1.253, 0)]
    if kind in ("triangle", "down"):
        sign = 1 if kind == "triangle" else -1
        turns = np.deg2rad([-90, 30, 150])
        return [(float(1.556 * np.cos(t)), float(sign * 1.556 * np.sin(t))) for t in turns]
    arms = [(0.36, 1.35), (0.36, 0.36), (1.35, 0.36)]
    plus = [*arms, *((x, -y) for x, y in reversed(arms))]
    plus += [(-x, y) for x, y in reversed(plus)]
    if kind == "plus":
        return plus
    if kind == "cross":
        return [((x + y) * 0.7071, (x - y) * 0.7071) for x, y in plus]
    raise KeyError(kind)
