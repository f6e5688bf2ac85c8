"""Line styles: a path becomes the segments that are drawn of it."""

from __future__ import annotations

import numpy as np

from selfscope.errors import UsageError

_PATTERNS: dict[str, tuple[float, ...]] = {
    "-": (),
    "--": (3.7, 1.6),
    ":": (1.0, 1.65),
    "-.": (6.4, 1.6, 1.0, 1.6),
}
_NAMES = {"solid": "-", "dashed": "--", "dotted": ":", "dashdot": "-."}


def dashes(path: np.ndarray, style: str, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Starts and ends, `(k, 2)` each, of what is drawn of a path `(n, 2)`; a style's lengths are in line widths."""
    pattern = _PATTERNS.get(_NAMES.get(style, style))
    if pattern is None:
        raise UsageError(f"expected a line style of {', '.join(_PATTERNS)} or {', '.join(_NAMES)}, got {style!r}")
    if not pattern:
        return path[:-1], path[1:]
    corners = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    edges = np.cumsum(np.tile(pattern, int(corners[-1] / (sum(pattern) * width)) + 1)) * width
    on, off = np.concatenate([[0.0], edges[1::2]]), edges[0::2]
    on, off = on[: len(off)], off[: len(on)]
    stops = np.unique(np.concatenate([corners, on, off]))
    stops = stops[stops <= corners[-1]]
    middle = (stops[:-1] + stops[1:]) / 2
    drawn = np.searchsorted(on, middle, side="right") > np.searchsorted(off, middle, side="right")
    points = np.stack([np.interp(stops, corners, path[:, axis]) for axis in (0, 1)], axis=1)
    return points[:-1][drawn], points[1:][drawn]
