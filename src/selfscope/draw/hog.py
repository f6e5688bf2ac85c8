"""Histograms of oriented gradients as strokes: what MaskFeat predicts, in the drawing that its users know."""

from __future__ import annotations

from typing import Any

import numpy as np

from selfscope.draw.picture import to_numpy
from selfscope.errors import RecordError


def hog_picture(cells: Any, pool: int = 8) -> np.ndarray:
    """`(h * pool, w * pool)` floats 0..255 for cells `(bins, h, w)`: white strokes on black.

    A cell's strokes cross at its upper left corner, one a bin, 360° / bins apart, as long and (by a square root) as
    bright as the bin's share of the largest value in all cells. Cells of several colour channels are averaged before.
    Positions are truncated to whole pixels and later strokes cover earlier ones, as in MMSelfSup, so that pictures
    agree pixel by pixel. Where no value is above zero the picture is black.

    To show it: `as_picture(hog, vmin=0, vmax=255)`.
    """
    cells = to_numpy(cells)
    if cells.ndim != 3 or 0 in cells.shape or cells.dtype.kind not in "fiu":
        raise RecordError(f"hog: expected cells (bins, h, w) of numbers, got {cells.dtype} {cells.shape}")
    if not np.isfinite(cells).all():
        raise RecordError("hog: some cells are NaN or infinite: replace them before drawing")
    cells = cells.astype(np.float32)
    bins, height, width = cells.shape
    picture = np.zeros((height * pool, width * pool))
    largest = cells.max()
    if largest <= 0:
        return picture
    share = (cells / largest).transpose(1, 2, 0)  # (bins, h, w) -> (h, w, bins): the order of drawing
    angle = np.deg2rad(np.arange(bins) * 360 / bins)
    reach = share * np.float32(pool / 2)
    down, across = reach * np.cos(angle).astype(np.float32), reach * np.sin(angle).astype(np.float32)
    row = np.arange(height, dtype=np.float32)[:, None, None] * pool
    column = np.arange(width, dtype=np.float32)[None, :, None] * pool
    start = np.stack([column + across, row + down], axis=-1).astype(np.int32).reshape(-1, 2)
    end = np.stack([column - across, row - down], axis=-1).astype(np.int32).reshape(-1, 2)
    brightness = np.floor(255 * np.sqrt(np.maximum(share, 0, dtype=np.float64))).ravel()
    draw_segments(picture, start, end, brightness)
    return picture


def draw_segments(picture: np.ndarray, start: np.ndarray, end: np.ndarray, values: np.ndarray) -> None:
    """Draws lines one pixel wide into `picture (H, W)`, in order, between whole x, y `(n, 2)`.

    The pixels are those of OpenCV's 8-connected `line`: clipped first, then walked from left to right.
    """
    right, bottom = picture.shape[1] - 1, picture.shape[0] - 1
    beyond = ~_inside(start, end, right, bottom)
    if beyond.any():
        start, end, kept = start.copy(), end.copy(), np.ones(len(start), bool)
        start[beyond], end[beyond], kept[beyond] = _clip(start[beyond], end[beyond], right, bottom)
        start, end, values = start[kept], end[kept], values[kept]
    leftward = end[:, 0] < start[:, 0]
    x0, y0 = np.where(leftward, end.T, start.T)
    x1, y1 = np.where(leftward, start.T, end.T)
    wide, tall = x1 - x0, np.abs(y1 - y0)
    steep, row = tall > wide, picture.shape[1]
    right, down = np.ones_like(x0), np.where(y1 < y0, -row, row)
    length, side = np.maximum(wide, tall), np.minimum(wide, tall)
    forward, sideways = np.where(steep, (down, right), (right, down))
    walks = [y0 * row + x0, forward, sideways, 2 * side, np.maximum(length - 1, 0), np.maximum(2 * length, 1)]
    first, forward, sideways, rise, half, run = np.repeat(np.stack(walks).astype(np.int32), length + 1, axis=1)
    owner = np.repeat(np.arange(len(length), dtype=np.int32), length + 1)
    along = np.arange(len(owner), dtype=np.int32) - (np.cumsum(length + 1) - length - 1).astype(np.int32).take(owner)
    places = first + forward * along + sideways * ((rise * along + half) // run)
    # Of several writes to one pixel the last must win, and assignment by an array promises no order.
    last = np.full(picture.size, -1)
    np.maximum.at(last, places, np.arange(len(owner)))
    drawn = np.flatnonzero(last >= 0)
    picture.reshape(-1)[drawn] = values.take(owner.take(last.take(drawn)))


def _clip(start: np.ndarray, end: np.ndarray, right: int, bottom: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whole-pixel ends moved onto the picture's border along their line, and which segments touch the picture at all.

    First y is brought inside, then x; each move truncates towards zero. The arrays are changed.
    """
    for axis, limit in ((1, bottom), (0, right)):
        for moved, other in ((start, end), (end, start)):
            bound = np.clip(moved[:, axis], 0, limit)
            outside = (moved[:, axis] != bound) & ~_beyond(start, end, right, bottom)
            run = np.where(outside, other[:, axis] - moved[:, axis], 1)
            rise = other[:, 1 - axis] - moved[:, 1 - axis]
            step = np.trunc((bound - moved[:, axis]).astype(np.float64) * rise / np.where(run == 0, 1, run))
            moved[:, 1 - axis] += np.where(outside, step, 0).astype(np.int64)
            moved[:, axis] = np.where(outside, bound, moved[:, axis])
    return start, end, _inside(start, end, right, bottom)


def _inside(start: np.ndarray, end: np.ndarray, right: int, bottom: int) -> np.ndarray:
    """Segments with both ends on the picture."""
    inside = np.ones(len(start), bool)
    for x, y in (start.T, end.T):
        inside &= (x >= 0) & (x <= right) & (y >= 0) & (y <= bottom)
    return inside


def _beyond(start: np.ndarray, end: np.ndarray, right: int, bottom: int) -> np.ndarray:
    """Segments with both ends beyond the same side."""
    low, high = np.minimum(start, end), np.maximum(start, end)
    return (high[:, 0] < 0) | (high[:, 1] < 0) | (low[:, 0] > right) | (low[:, 1] > bottom)


if __name__ == "__main__":
    from selfscope.draw.picture import as_picture
    from selfscope.draw.show import demonstrate

    turning = np.cos(np.linspace(0, np.pi, 9)[:, None, None] - np.mgrid[0:28, 0:28].sum(0) / 9) ** 8
    demonstrate(as_picture(hog_picture(turning), vmin=0, vmax=255))
