"""Small pictures on a map beside the points that they belong to, without covering each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from selfscope.draw.picture import resize


@dataclass(frozen=True)
class Room:
    """A panel of `width` × `height` pixels, and how many points lie where in it."""

    width: int
    height: int
    points: np.ndarray
    """`(N, 2)` x, y."""


def place(anchors: np.ndarray, side: int, room: Room) -> list[tuple[int, int] | None]:
    """The upper left corner x, y of a square of `side` pixels for each anchor `(K, 2)`; None where none is left.

    No two squares overlap and none covers an anchor. Each lies as near its anchor as it can without hiding points: an
    eighth of the panel's width away counts as much as hiding the points of an average square. Anchors far from the
    middle choose first.
    """
    step = max(2, side // 6)
    xs, ys = (np.arange(2, max(3, length - side - 1), step) for length in (room.width, room.height))
    corner_x, corner_y = (grid.ravel() for grid in np.meshgrid(xs, ys))
    hidden = _hidden(room, corner_x, corner_y, side)
    free = np.ones(len(corner_x), bool)
    gap = max(3, side // 12)
    for x, y in anchors.tolist():
        free &= ~(
            (corner_x - gap < x) & (x < corner_x + side + gap) & (corner_y - gap < y) & (y < corner_y + side + gap)
        )
    found: list[tuple[int, int] | None] = [None] * len(anchors)
    middle = (room.width / 2, room.height / 2)
    for i in np.argsort(-np.hypot(*(anchors - middle).T), kind="stable").tolist():
        away = np.hypot(corner_x + side / 2 - anchors[i, 0], corner_y + side / 2 - anchors[i, 1])
        cost = np.where(free, away / room.width * 8 + hidden, np.inf)
        best = int(cost.argmin())
        if not np.isfinite(cost[best]):
            continue
        x, y = int(corner_x[best]), int(corner_y[best])
        found[i] = (x, y)
        free &= (np.abs(corner_x - x) >= side + gap) | (np.abs(corner_y - y) >= side + gap)
    return found


def _hidden(room: Room, corner_x: np.ndarray, corner_y: np.ndarray, side: int) -> np.ndarray:
    """Points under a square at each corner, over what they would be if points lay evenly; by sums over rectangles."""
    bins = (np.arange(room.height + 1), np.arange(room.width + 1))
    counts, _, _ = np.histogram2d(room.points[:, 1], room.points[:, 0], bins=bins)
    sums = np.zeros((room.height + 1, room.width + 1))
    sums[1:, 1:] = counts.cumsum(axis=0).cumsum(axis=1)
    x1, y1 = np.minimum(corner_x + side, room.width), np.minimum(corner_y + side, room.height)
    inside = sums[y1, x1] - sums[corner_y, x1] - sums[y1, corner_x] + sums[corner_y, corner_x]
    even = max(len(room.points), 1) * side**2 / (room.width * room.height)
    return inside / even


def fitted(picture: np.ndarray, side: int) -> np.ndarray:
    """The picture shrunk to have `side` pixels on its longer edge."""
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    return resize(picture, (max(1, round(height * scale)), max(1, round(width * scale))))


def spread_out(coords: np.ndarray, groups: np.ndarray | None, count: int, seed: int = 0) -> np.ndarray:
    """`count` points (fewer if there are fewer) that stand for a map `(N, 1..3)`, by number and in order.

    With groups `(N,)`, -1 for none, every group gives one first, the point nearest to the group's median on the map,
    larger groups before smaller. The others are the middles of parts that k-means cuts a sample of the map into.
    """
    from sklearn.cluster import KMeans

    usable = np.flatnonzero(np.isfinite(coords).all(axis=1))
    chosen: list[int] = []
    if groups is not None:
        names, sizes = np.unique(groups[usable][groups[usable] >= 0], return_counts=True)
        for name in names[np.argsort(-sizes, kind="stable")][:count].tolist():
            members = usable[groups[usable] == name]
            chosen.append(int(members[_nearest(coords[members], np.median(coords[members], axis=0))]))
    missing = min(count, len(usable)) - len(chosen)
    if missing > 0:
        rng = np.random.default_rng(seed)
        rest = np.setdiff1d(usable, chosen)
        sample = rest if len(rest) <= 20_000 else rng.choice(rest, 20_000, replace=False)
        different = len(np.unique(coords[sample], axis=0))
        parts = KMeans(min(missing, different), n_init=1, random_state=seed).fit(coords[sample].astype(np.float64))
        for i, centre in enumerate(parts.cluster_centers_):
            members = sample[parts.labels_ == i]
            chosen.append(int(members[_nearest(coords[members], centre)]))
    return np.array(sorted(set(chosen)), np.int64)


def _nearest(points: np.ndarray, centre: Sequence[float] | np.ndarray) -> int:
    return int(((points - centre) ** 2).sum(axis=1).argmin())
