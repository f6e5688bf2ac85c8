"""A picture being drawn on: anti-aliased ink on numpy.

Coordinates are x, y in pixels, the first pixel covering [0, 1) on both axes. Everything may lie partly or wholly
outside the picture; what is outside is not drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from selfscope.draw import glyphs
from selfscope.draw.colour import Colour

INK: Colour = (30, 33, 38)
"""Titles and headings."""
SOFT: Colour = (96, 102, 112)
"""Captions and footnotes."""
RULE: Colour = (214, 217, 222)
"""Frames and grid lines."""

_SUPERSAMPLE = 4
_BAND = 1 << 16
"""Pixels of a polygon that are worked on at a time."""
_FAR = 1e7


class Canvas:
    """Draws in place on its own copy of a picture; `pixels` is the result."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels.copy()

    @classmethod
    def blank(cls, height: int, width: int, colour: Colour = (255, 255, 255)) -> Canvas:
        canvas = cls.__new__(cls)
        canvas.pixels = np.empty((max(1, height), max(1, width), 3), np.uint8)
        if colour[0] == colour[1] == colour[2]:
            canvas.pixels.fill(colour[0])
        else:
            canvas.pixels[0] = colour
            canvas.pixels[1:] = canvas.pixels[0]  # whole rows are copied faster than pixels
        return canvas

    @property
    def height(self) -> int:
        return self.pixels.shape[0]

    @property
    def width(self) -> int:
        return self.pixels.shape[1]

    def paste(self, picture: np.ndarray, x: int, y: int) -> None:
        """Lays a picture with its upper left corner at x, y."""
        rows, columns = _overlap(y, picture.shape[0], self.height), _overlap(x, picture.shape[1], self.width)
        if rows and columns:
            (y0, y1), (x0, x1) = rows, columns
            self.pixels[y0:y1, x0:x1] = picture[y0 - y : y1 - y, x0 - x : x1 - x]

    def blend(self, mask: np.ndarray, x: int, y: int, colour: Colour, alpha: float = 1.0) -> None:
        """Lays colour through a coverage mask, `(h, w)` uint8 or floats within [0, 1]."""
        rows, columns = _overlap(y, mask.shape[0], self.height), _overlap(x, mask.shape[1], self.width)
        if not rows or not columns or alpha <= 0:
            return
        (y0, y1), (x0, x1) = rows, columns
        part = mask[y0 - y : y1 - y, x0 - x : x1 - x]
        weight = part.astype(np.float32) * (alpha / 255 if part.dtype == np.uint8 else alpha)
        region = self.pixels[y0:y1, x0:x1]
        ground = region.astype(np.float32)
        ground += (np.array(colour, np.float32) - ground) * weight[..., None]
        region[:] = np.rint(ground, out=ground)

    def rectangle(self, box: Sequence[float], colour: Colour, alpha: float = 1.0) -> None:
        """A filled rectangle x0, y0, x1, y1; edges between pixels cover these in part."""
        x0, y0, x1, y1 = _within(box, self.width, self.height)
        if x0 >= x1 or y0 >= y1:
            return
        left, top, right, bottom = int(x0), int(y0), int(np.ceil(x1)), int(np.ceil(y1))
        if (left, top, right, bottom) == (x0, y0, x1, y1):
            self._whole_pixels(self.pixels[top:bottom, left:right], colour, alpha)
            return
        across, down = _cover(x0, x1, left, right), _cover(y0, y1, top, bottom)
        self.blend(down[:, None] * across[None], left, top, colour, alpha)

    @staticmethod
    def _whole_pixels(region: np.ndarray, colour: Colour, alpha: float) -> None:
        share = round(256 * alpha)
        if share == 256:
            region[:] = colour
            return
        mixed = np.multiply(region, 256 - share, dtype=np.uint16)
        mixed += np.array(colour, np.uint16) * np.uint16(share) + np.uint16(128)
        mixed >>= 8
        region[:] = mixed

    def frame(self, box: Sequence[float], colour: Colour, width: float = 1.0, alpha: float = 1.0) -> None:
        """The outline of a rectangle, drawn just inside it."""
        x0, y0, x1, y1 = box
        if 2 * width >= min(x1 - x0, y1 - y0):
            self.rectangle(box, colour, alpha)
            return
        if x0 >= 0 and y0 >= 0 and x1 <= self.width and y1 <= self.height and _whole(x0, y0, x1, y1, width):
            self._whole_frame((int(x0), int(y0), int(x1), int(y1)), colour, int(width), alpha)
            return
        self.rectangle((x0, y0, x1, y0 + width), colour, alpha)
        self.rectangle((x0, y1 - width, x1, y1), colour, alpha)
        self.rectangle((x0, y0 + width, x0 + width, y1 - width), colour, alpha)
        self.rectangle((x1 - width, y0 + width, x1, y1 - width), colour, alpha)

    def _whole_frame(self, box: tuple[int, int, int, int], colour: Colour, width: int, alpha: float) -> None:
        """As `frame`, of whole pixels inside the picture: all four sides are mixed at once."""
        x0, y0, x1, y1 = box
        region = self.pixels[y0:y1, x0:x1]
        inner = slice(width, -width)
        sides = region[:width], region[-width:], region[inner, :width], region[inner, -width:]
        if round(256 * alpha) == 256:
            for side in sides:
                side[:] = colour
            return
        mixed = np.concatenate([side.reshape(-1, 3) for side in sides])
        self._whole_pixels(mixed, colour, alpha)
        first = 0
        for side in sides:
            last = first + side.shape[0] * side.shape[1]
            side[:] = mixed[first:last].reshape(side.shape)
            first = last

    def stroke(self, path: np.ndarray, colour: Colour, width: float = 1.0, alpha: float = 1.0) -> None:
        """A line through the points `(n, 2)`, with round ends and joints; a row of NaN breaks it."""
        path = np.asarray(path, dtype=np.float64)
        self.segments(path[:-1], path[1:], colour, width, alpha)

    def segments(
        self, start: np.ndarray, end: np.ndarray, colour: Colour, width: float = 1.0, alpha: float = 1.0
    ) -> None:
        """Separate lines from `start` to `end`, both `(n, 2)`, as one ink: crossings are not darker."""
        pixels, cover = stroke_cover(start, end, width, (self.height, self.width))
        flat = self.pixels.reshape(-1, 3)
        ground = flat[pixels].astype(np.float32)
        ground += (np.array(colour, np.float32) - ground) * (cover * np.float32(alpha))[:, None]
        flat[pixels] = np.rint(ground)

    def disc(self, x: float, y: float, radius: float, colour: Colour, alpha: float = 1.0) -> None:
        """A filled circle."""
        x0, y0, x1, y1 = _within((x - radius - 1, y - radius - 1, x + radius + 1, y + radius + 1), *self._size)
        left, top, right, bottom = int(x0), int(y0), int(np.ceil(x1)), int(np.ceil(y1))
        if left >= right or top >= bottom:
            return
        across, down = np.arange(left, right) + 0.5 - x, np.arange(top, bottom) + 0.5 - y
        mask = np.clip(radius + 0.5 - np.hypot(across[None], down[:, None]), 0, 1)
        self.blend(mask, left, top, colour, alpha)

    def polygon(self, points: np.ndarray, colour: Colour, alpha: float = 1.0) -> None:
        """A filled polygon through the points `(n, 2)`; where it crosses itself, its inside is by the even-odd rule."""
        points = clip_polygon(np.asarray(points, dtype=np.float64), (-2, -2, self.width + 2, self.height + 2))
        if len(points) < 3:
            return
        left, top = (int(v) for v in np.maximum(np.floor(points.min(0)), 0))
        right, bottom = (int(v) for v in np.minimum(np.ceil(points.max(0)), self._size))
        if left >= right:
            return
        scale = _SUPERSAMPLE
        step = max(8, _BAND // (right - left))
        for band in range(top, bottom, step):
            rows = min(step, bottom - band)
            mask = Image.new("L", ((right - left) * scale, rows * scale))
            corners = ((points - (left, band)) * scale - 0.5).ravel().tolist()
            ImageDraw.Draw(mask).polygon(corners, fill=255)
            self.blend(np.asarray(mask.reduce(scale)), left, band, colour, alpha)

    def text(self, x: float, y: float, text: str, size: int, colour: Colour = INK, anchor: str = "lt") -> None:
        """One line of text. `anchor` is `l`, `m` or `r` for x, then `t`, `m`, `b` or `s` (baseline) for y."""
        mask = glyphs.coverage(text, size)
        height, width = mask.shape
        x -= {"l": 0, "m": width / 2, "r": width}[anchor[0]]
        y -= {"t": 0, "m": height / 2, "b": height, "s": glyphs.ascent(size)}[anchor[1]]
        self.blend(mask, round(x), round(y), colour)

    @property
    def _size(self) -> tuple[int, int]:
        return self.width, self.height


def stroke_cover(start: Any, end: Any, width: float, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Which pixels round-ended segments `(n, 2)` touch within `size` (height, width), and how much of each they cover.

    Flat indices, some of them repeated with the same cover. A line thinner than a pixel covers it in part only.
    """
    reach = max(width, 1.0) / 2 + 0.5
    start, end = np.reshape(start, (-1, 2)).astype(np.float64), np.reshape(end, (-1, 2)).astype(np.float64)
    start, end = clip_segments(start, end, (-reach, -reach, size[1] + reach, size[0] + reach))
    delta = np.abs(end - start)
    steep = delta[:, 1] > delta[:, 0]
    x, y, cover = _flat_entries(start[~steep], end[~steep], reach)
    steep_y, steep_x, steep_cover = _flat_entries(start[steep][:, ::-1], end[steep][:, ::-1], reach)
    x, y = np.concatenate([x, steep_x]), np.concatenate([y, steep_y])
    cover = np.concatenate([cover, steep_cover]) * np.float32(min(1.0, max(width, 0.1)))
    kept = (cover > 0) & (x >= 0) & (x < size[1]) & (y >= 0) & (y < size[0])
    pixels = y[kept] * size[1] + x[kept]
    most = np.zeros(size[0] * size[1], np.float32)
    np.maximum.at(most, pixels, cover[kept])
    return pixels, most[pixels]


def _flat_entries(start: np.ndarray, end: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels x, y near segments that run along x at least as far as along y, and each one's cover by its segment."""
    delta = end - start
    first = np.floor(np.minimum(start[:, 0], end[:, 0]) - reach).astype(int)
    count = np.ceil(np.maximum(start[:, 0], end[:, 0]) + reach).astype(int) - first
    owner = np.repeat(np.arange(len(start)), count)
    column = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + first[owner]
    a, d = start[owner], delta[owner]
    dx = column + 0.5 - a[:, 0]
    share = np.clip(dx / np.where(d[:, 0] == 0, 1, d[:, 0]), 0, 1)
    half = int(reach * np.sqrt(2) + 0.5)
    row = np.floor(a[:, 1] + share * d[:, 1]).astype(int)[:, None] + np.arange(-half, half + 1)  # (along, across)
    dy = row + 0.5 - a[:, 1, None]
    length = np.maximum((d**2).sum(axis=1), 1e-12)
    along = np.clip((dx[:, None] * d[:, 0, None] + dy * d[:, 1, None]) / length[:, None], 0, 1)
    far = np.hypot(dx[:, None] - along * d[:, 0, None], dy - along * d[:, 1, None])
    cover = np.clip(reach - far, 0, 1).astype(np.float32)
    return np.broadcast_to(column[:, None], row.shape).ravel(), row.ravel(), cover.ravel()


def clip_segments(start: np.ndarray, end: np.ndarray, box: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """The parts of segments inside a box x0, y0, x1, y1 (Liang & Barsky); segments with a NaN end vanish."""
    finite = np.isfinite(start).all(1) & np.isfinite(end).all(1)
    start, end = start[finite], end[finite]
    delta = end - start
    enter, leave = np.zeros(len(start)), np.ones(len(start))
    inside = np.ones(len(start), bool)
    for axis, low, high in ((0, box[0], box[2]), (1, box[1], box[3])):
        step, moves = delta[:, axis], delta[:, axis] != 0
        inside &= moves | ((start[:, axis] >= low) & (start[:, axis] <= high))
        safe = np.where(moves, step, 1)
        a, b = (low - start[:, axis]) / safe, (high - start[:, axis]) / safe
        enter = np.where(moves, np.maximum(enter, np.minimum(a, b)), enter)
        leave = np.where(moves, np.minimum(leave, np.maximum(a, b)), leave)
    kept = inside & (enter <= leave)
    start, delta = start[kept], delta[kept]
    return start + delta * enter[kept, None], start + delta * leave[kept, None]


def clip_polygon(points: np.ndarray, box: Sequence[float]) -> np.ndarray:
    """The polygon's part inside a box x0, y0, x1, y1 (Sutherland & Hodgman), so that far corners cost nothing."""
    points = np.clip(points, -_FAR, _FAR)
    for axis, bound, sign in ((0, box[0], 1), (0, box[2], -1), (1, box[1], 1), (1, box[3], -1)):
        if not len(points):
            break
        depth = sign * (points[:, axis] - bound)
        if (depth >= 0).all():
            continue
        following, next_depth = np.roll(points, -1, axis=0), np.roll(depth, -1)
        crosses = (depth >= 0) != (next_depth >= 0)
        share = np.where(crosses, depth / np.where(crosses, depth - next_depth, 1), 0)
        cut = points + (following - points) * share[:, None]
        pairs = np.stack([points, cut], axis=1).reshape(-1, 2)
        points = pairs[np.stack([depth >= 0, crosses], axis=1).ravel()]
    return points


def _overlap(offset: int, length: int, limit: int) -> tuple[int, int] | None:
    first, last = max(0, offset), min(limit, offset + length)
    return (first, last) if first < last else None


def _whole(*lengths: float) -> bool:
    return all(length == int(length) for length in lengths)


def _within(box: Sequence[float], width: int, height: int) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = box
    return max(0, x0), max(0, y0), min(width, x1), min(height, y1)


def _cover(low: float, high: float, first: int, last: int) -> np.ndarray:
    """How much of each pixel from `first` to `last` lies between `low` and `high`."""
    edge = np.arange(first, last)
    return np.clip(np.minimum(edge + 1, high) - np.maximum(edge, low), 0, 1)
