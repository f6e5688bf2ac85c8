"""The map itself: points, or their density, and pictures beside some of them, in a frame without axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from selfscope.draw.canvas import RULE, SOFT
from selfscope.draw.colour import Colour
from selfscope.draw.density import DENSE, shaded
from selfscope.draw.glyphs import line_height
from selfscope.draw.map_inks import Inks
from selfscope.draw.scene import Line, Marks, Photo, Scene
from selfscope.draw.splat import Look
from selfscope.draw.strays import add_arrow, extent, strays
from selfscope.draw.thumbnails import Room, fitted, place

_FINE = 2
"""Pixels a unit in shaded maps."""


@dataclass(frozen=True)
class Style:
    """What a caller may choose; None: as the number of points asks."""

    point_size: float | None = None
    """Diameter in pixels."""
    alpha: float | None = None
    thumbnails: Mapping[int, np.ndarray] = field(default_factory=dict)
    """Pictures `(H, W, 3)` by the number of their point."""
    extent: tuple[np.ndarray, np.ndarray] | None = None
    """Lowest and highest coordinates that a panel shows, so that panels side by side can be compared."""


def map_scene(coords: np.ndarray, inks: Inks, width: int, size: int, style: Style) -> Scene:
    """The framed map, `width` pixels wide; its height follows the data but for strays, within limits."""
    coords = np.asarray(coords, dtype=np.float64)
    if coords.shape[1] == 1:
        flat = np.stack([coords[:, 0], np.zeros(len(coords))], axis=1)
        spread = np.random.default_rng(0).uniform(-1, 1, len(coords))
        return map_panel(flat, inks, (max(60, width // 6), width), style, spread=spread)
    if coords.shape[1] == 2:
        low, high = extent(coords[~strays(coords)])
        ratio = float(np.clip((high - low)[1] / (high - low)[0], 0.55, 0.9)) if len(coords) > 1 else 0.4
        return map_panel(coords, inks, (round(width * ratio), width), style)
    return _four_views(coords, inks, width, size, style)


def _four_views(coords: np.ndarray, inks: Inks, width: int, size: int, style: Style) -> Scene:
    """Projections along each axis, and an oblique view, each named; pictures only on the last."""
    turn, tilt = np.deg2rad(35), np.deg2rad(25)
    across = np.array((np.cos(turn), np.sin(turn), 0))
    up = np.array((-np.sin(tilt) * np.sin(turn), np.sin(tilt) * np.cos(turn), np.cos(tilt)))
    axes = np.eye(3)
    views = [
        ("1, 2", axes[0], axes[1]),
        ("1, 3", axes[0], axes[2]),
        ("3, 2", axes[2], axes[1]),
        ("oblique", across, up),
    ]
    side, far = (width - size) // 2, strays(coords)
    tall = round(side * 0.75)
    scene = Scene(2 * (tall + line_height(size)) + size, width)
    for i, (name, x, y) in enumerate(views):
        left, top = i % 2 * (side + size), i // 2 * (tall + line_height(size) + size)
        scene.text(left, top, name if name == "oblique" else f"dimensions {name}", size, SOFT)
        flat = np.stack([coords @ x, coords @ y], axis=1)
        shown = replace(style, extent=extent(flat[~far]), thumbnails=style.thumbnails if name == "oblique" else {})
        scene.paste(map_panel(flat, inks, (tall, side), shown), left, top + line_height(size))
    return scene


def map_panel(
    coords: np.ndarray, inks: Inks, size: tuple[int, int], style: Style, *, spread: np.ndarray | None = None
) -> Scene:
    """One framed projection of `size` (height, width); `spread` (N,) in ±1 moves points over the whole height.

    Points outside are arrows at the border.
    """
    height, width = size
    scene = Scene(height, width)
    finite = np.isfinite(coords).all(axis=1)
    diameter = style.point_size or float(
        np.clip(0.52 * np.sqrt(width * height / max(1, finite.sum())), 2.2, max(5, width / 110))
    )
    side = round(width / 16) if style.thumbnails else 0
    low, high = style.extent or extent(coords[~strays(coords)])
    points = _placed(coords, size, diameter + width * 0.02 + side * 0.7, spread, (low, high))
    outside = finite & ((points < diameter / 2) | (points > np.array((width, height)) - diameter / 2)).any(axis=1)
    finite &= ~outside
    pale = np.zeros(len(points), bool) if inks.pale is None else inks.pale
    if finite.sum() >= DENSE and style.point_size is None:
        pixels = shaded(
            points[finite] * _FINE, inks.colours[finite], (height * _FINE, width * _FINE), pale=pale[finite]
        )
        scene.items.append(Photo((0, 0, width, height), pixels))
    else:
        alpha = _opacity(points[finite], diameter) if style.alpha is None else style.alpha
        for layer, strength in ((pale & finite, 0.7), (~pale & finite, 1.0)):
            look = Look(diameter, alpha * strength, 0.75 if diameter >= 6 else 0.0)
            _add_marks(scene, points, inks, np.flatnonzero(layer), look)
    for i in np.flatnonzero(outside):
        add_arrow(scene, points[i], inks.colours[i], max(10.0, width / 60), margin=max(4, diameter / 2))
    points = np.clip(points, 0, (width, height))
    _add_thumbnails(scene, points, inks, style.thumbnails, side)
    scene.box((0, 0, width, height), RULE, 1)
    return scene


def _add_marks(scene: Scene, points: np.ndarray, inks: Inks, chosen: np.ndarray, look: Look) -> None:
    """Points in a random order, so that no class lies on top of all others."""
    if len(chosen):
        order = chosen[np.random.default_rng(0).permutation(len(chosen)).argsort()]
        box = (0, 0, scene.width, scene.height)
        scene.items.append(Marks(points[order], inks.colours[order], inks.shapes[order], look, box))


def _add_thumbnails(
    scene: Scene, points: np.ndarray, inks: Inks, pictures: Mapping[int, np.ndarray], side: int
) -> None:
    """Pictures framed in their point's colour, a line from each to its point; what finds no room is left out."""
    chosen = [i for i in pictures if np.isfinite(points[i]).all()]
    if not chosen:
        return
    finite = points[np.isfinite(points).all(axis=1)]
    corners = place(points[chosen], side, Room(scene.width, scene.height, finite))
    border = max(2, side // 32)
    boxes = {}
    for i, corner in zip(chosen, corners, strict=True):
        if corner is None:
            continue
        small = fitted(pictures[i], _FINE * (side - 2 * border))
        height, width = small.shape[0] / _FINE + 2 * border, small.shape[1] / _FINE + 2 * border
        x, y = corner[0] + (side - width) / 2, corner[1] + (side - height) / 2
        boxes[i] = (small, (x, y, x + width, y + height))
    for i, (_, (x0, y0, x1, y1)) in boxes.items():
        path = np.stack([points[i], np.clip(points[i], (x0, y0), (x1, y1))])
        scene.items += [Line(path, (255, 255, 255), 3.5, 0.8), Line(path, (60, 64, 72), 1.2)]
    for i, (small, (x0, y0, x1, y1)) in boxes.items():
        colour: Colour = tuple(int(v) for v in inks.colours[i])  # type: ignore[assignment]
        scene.box((x0 - 1, y0 - 1, x1 + 1, y1 + 1), (255, 255, 255))
        scene.box((x0, y0, x1, y1), colour)
        scene.items.append(Photo((x0 + border, y0 + border, x1 - border, y1 - border), small))


def _placed(
    coords: np.ndarray,
    size: tuple[int, int],
    margin: float,
    spread: np.ndarray | None,
    shown: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """Coords `(N, 2)` as pixels of a panel; both axes have one scale, the second points up."""
    height, width = size
    low, high = shown
    across, down = (width - 2 * margin) / (high - low)[0], (height - 2 * margin) / (high - low)[1]
    scale = across if spread is not None else min(across, down)
    points = (coords - (low + high) / 2) * (scale, -scale) + (width / 2, height / 2)
    if spread is not None:
        points[:, 1] += spread * (height / 2 - min(margin, height / 4))
    return points


def _opacity(points: np.ndarray, diameter: float) -> float:
    """Less where a point typically shares its place with many others: the median over points, on cells of its size."""
    if not len(points):
        return 1.0
    cells = np.floor(points / max(diameter, 1.0)).astype(np.int64)
    _, owner, counts = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    crowd = float(np.median(counts[owner.reshape(-1)]))
    return float(np.clip(1.15 / np.sqrt(crowd), 0.25, 0.9))
