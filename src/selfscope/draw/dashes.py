"""Line styles: a path cut into the pieces that are inked."""

from __future__ import annotations

from typing import Any

import numpy as np

from selfscope.draw.canvas import clip_segments
from selfscope.errors import UsageError

_STYLES: dict[str, tuple[float, ...]] = {
    "-": (),
    "solid": (),
    "--": (3.7, 1.6),
    "dashed": (3.7, 1.6),
    "-.": (6.4, 1.6, 1.0, 1.6),
    "dashdot": (6.4, 1.6, 1.0, 1.6),
    ":": (0.01, 2.0),
    "dotted": (0.01, 2.0),
}
"""Ink and gap by turns, in line widths, between the round ends of the strokes."""


def dash(path: np.ndarray, style: Any, width: float, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Starts and ends `(n, 2)` of a path's inked pieces, for a style's name or `(offset, (on, off, …))` in widths.

    Parts well outside `size` (height, width) are left out, so that a far point costs nothing.
    """
    start, end = path[:-1], path[1:]
    pattern, offset = _pattern(style)
    if not pattern:
        return start, end
    width = max(width, 1.0)
    lengths = np.hypot(*(end - start).T)
    before = np.cumsum(lengths) - lengths + offset * width
    reach = 2 * width
    inside, _ = clip_segments(start, end, (-reach, -reach, size[1] + reach, size[0] + reach))
    if not len(inside):
        return start[:0], end[:0]
    edges = np.cumsum((0.0, *pattern)) * width
    period = edges[-1]
    pieces_start, pieces_end = [], []
    for a, b, length, offset_here in zip(start, end, lengths, before, strict=True):
        near = _visible(a, b, reach, size)
        if near is None or length == 0:
            continue
        low, high = offset_here + near[0] * length, offset_here + near[1] * length
        turns = np.arange(np.floor(low / period), np.floor(high / period) + 1) * period
        on = (turns[:, None] + edges[:-1:2]).ravel()
        off = (turns[:, None] + edges[1::2]).ravel()
        first, last = np.maximum(on, low), np.minimum(off, high)
        kept = first < last
        direction = (b - a) / length
        pieces_start.append(a + (first[kept] - offset_here)[:, None] * direction)
        pieces_end.append(a + (last[kept] - offset_here)[:, None] * direction)
    if not pieces_start:
        return start[:0], end[:0]
    return np.concatenate(pieces_start), np.concatenate(pieces_end)


def _visible(a: np.ndarray, b: np.ndarray, reach: float, size: tuple[int, int]) -> tuple[float, float] | None:
    """Which share of a segment, from 0 to 1, lies near the picture."""
    start, end = clip_segments(a[None], b[None], (-reach, -reach, size[1] + reach, size[0] + reach))
    if not len(start):
        return None
    length = float(np.hypot(*(b - a))) or 1.0
    return float(np.hypot(*(start[0] - a))) / length, float(np.hypot(*(end[0] - a))) / length


def _pattern(style: Any) -> tuple[tuple[float, ...], float]:
    if isinstance(style, str) and style in _STYLES:
        return _STYLES[style], 0.0
    if isinstance(style, tuple) and len(style) == 2 and not isinstance(style[0], str):
        offset, pattern = style
        if pattern is None:
            return (), 0.0
        if len(pattern) % 2 == 0 and all(part >= 0 for part in pattern) and sum(pattern) > 0:
            return tuple(float(part) for part in pattern), float(offset)
    raise UsageError(f"expected a line style of {' '.join(_STYLES)}, or (offset, (on, off, …)), got {style!r}")
