"""A few points so far off that a picture that reached to them would show little of all the others.

The picture then reaches to the others. The few are arrows at its border, in their colours, and the caption counts them
and tells how far they lie.
"""

from __future__ import annotations

import numpy as np

from selfscope.draw.scene import Line, Scene

ENOUGH = 40
"""With fewer points than these each is worth its room."""
FEW, MOST = 3, 20
"""Strays are at most one point in 40 up to `FEW`, and one in 500 up to `MOST`: more are a group."""
BEYOND = 0.5
"""How far off they lie, in spans of the others along the same axis."""
GAIN = 1.3
"""How much larger all others must become without them."""


def strays(coords: np.ndarray) -> np.ndarray:
    """Which of coords `(N, c)` lie far off, `(N,)` bool: none, or few. Those that are not finite are not among them."""
    found = np.zeros(len(coords), bool)
    finite = np.flatnonzero(np.isfinite(coords).all(axis=1))
    if len(finite) < ENOUGH:
        return found
    values = coords[finite].astype(np.float64)
    few = max(min(len(values) // ENOUGH, FEW), min(len(values) // 500, MOST))
    ordered = np.partition(values, (few, len(values) - 1 - few), axis=0)
    low, high = ordered[few], ordered[-1 - few]
    room = BEYOND * (high - low)
    far = ((values < low - room) | (values > high + room)).any(axis=1)
    if 0 < far.sum() <= few and _span(values) >= GAIN * _span(values[~far]):
        found[finite[far]] = True
    return found


def extent(coords: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest finite coordinates; an axis without extent, and an empty map, get some room."""
    finite = coords[np.isfinite(coords).all(axis=1)]
    if not len(finite):
        return np.zeros(2), np.ones(2)
    low, high = finite.min(axis=0), finite.max(axis=0)
    span = high - low
    room = np.where(span > 1e-9 * max(float(np.abs(finite).max()), 1e-300), 0, span.max() / 2 or 0.5)
    return low - room, high + room


def stray_words(*maps: np.ndarray) -> str:
    """How many points of coords `(N, c)` are strays, in the worst of several maps, and how far off; empty for none."""
    counts, far = [0], 0.0
    for coords in maps:
        found = strays(coords)
        if found.any():
            values = coords.astype(np.float64)
            low, high = extent(values[~found])
            outside = np.maximum(low - values[found], values[found] - high).max()
            counts, far = [*counts, int(found.sum())], max(far, float(outside / (high - low).max()))
    count = max(counts)
    if not count:
        return ""
    points = "1 point lies" if count == 1 else f"{'up to ' if len(maps) > 1 else ''}{count} points lie"
    return f"{points} far off, {'' if count == 1 else 'up to '}{far:.1f} map widths outside: arrows at the border"


def add_arrow(scene: Scene, point: np.ndarray, colour: np.ndarray, size: float, margin: float) -> None:
    """Where the border is nearest to a point x, y outside the scene, pointing at it; at the border for one inside."""
    red, green, blue = (int(v) for v in colour)
    room = np.array((scene.width, scene.height), np.float64)
    tip = np.clip(point, margin, room - margin)
    way = point - tip
    if not way.any():
        side = int(np.argmin((*point, *(room - point))))  # left, top, right, bottom
        way = np.where(np.arange(2) == side % 2, -1.0 if side < 2 else 1.0, 0.0)
    ahead = way / np.hypot(*way)
    aside = np.array((-ahead[1], ahead[0]))
    back = tip - size * 0.45 * ahead
    shaft = np.stack([tip - size * ahead, tip])
    head = np.stack([back + size * 0.35 * aside, tip, back - size * 0.35 * aside])
    stroke = max(1.5, size / 7)
    scene.items += [Line(path, (255, 255, 255), stroke + 3, 0.85) for path in (shaft, head)]
    scene.items += [Line(path, (red, green, blue), stroke) for path in (shaft, head)]


def _span(values: np.ndarray) -> float:
    return float(np.ptp(values, axis=0).max())
