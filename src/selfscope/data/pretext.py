"""Transforms that set a task by themselves: which way up, and which patch lies where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from selfscope.data.layout import contiguous
from selfscope.data.trace import Trace, pixels_of, trace_of
from selfscope.errors import DataError

Results = dict[str, Any]
SPLIT = 3
JITTER = 21
"""Pixels by which a patch is smaller than its cell of the grid, and may be shifted in it."""
PLACES = ("upper left", "above", "upper right", "left", "right", "lower left", "below", "lower right")
"""Where the neighbours of the central patch lie; their order is that of the labels."""


@dataclass(frozen=True)
class RotationWithLabels:
    """Four views: the image turned clockwise by 0°, 90°, 180° and 270°; `rot_label` is 0..3. (RotNet, 2018)"""

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        pixels, trace = pixels_of(results), trace_of(results)
        height, width = pixels.shape[:2]
        before = (width / 2, height / 2)
        views, traces = [], []
        for quarter in range(4):
            views.append(contiguous(np.rot90(pixels, -quarter)))
            after = before if quarter % 2 == 0 else before[::-1]
            turned = trace.rotated(90 * quarter, before, after) if quarter else trace
            traces.append(turned.step("RotationWithLabels", degrees=90 * quarter))
        names = [f"{90 * quarter}°" for quarter in range(4)]
        return {**results, "img": views, "trace": traces, "view_names": names, "rot_label": np.arange(4)}


@dataclass(frozen=True)
class RandomPatchWithLabels:
    """Nine views: the central patch of a 3 × 3 grid, then its eight neighbours in reading order, each shifted a little.

    A patch is 21 pixels smaller than its cell and lies anywhere in it. Adds `patch_label` (1, 8), 0..7 for the
    neighbours; `patch_box` (1, 9, 4), xyxy with the right and lower edge outside, in the order of the views;
    `unpatched_img` (1, H, W, 3). The paper's order (Doersch et al. 2015); MMSelfSup counts column by column.
    """

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        pixels, trace = pixels_of(results), trace_of(results)
        cell_h, cell_w = pixels.shape[0] // SPLIT, pixels.shape[1] // SPLIT
        h, w = cell_h - JITTER, cell_w - JITTER
        if h < 1 or w < 1:
            least = SPLIT * (JITTER + 1)
            shape = f"{pixels.shape[1]}×{pixels.shape[0]}"
            raise DataError(f"RandomPatchWithLabels needs an image of at least {least}×{least} pixels, got {shape}")
        shifts = rng.integers(JITTER + 1, size=(SPLIT, SPLIT, 2)).tolist()
        boxes = [
            (column * cell_w + shifts[row][column][0], row * cell_h + shifts[row][column][1])
            for row in range(SPLIT)
            for column in range(SPLIT)
        ]
        middle = len(boxes) // 2
        boxes = [boxes[middle], *boxes[:middle], *boxes[middle + 1 :]]
        return {
            **results,
            "img": [pixels[y : y + h, x : x + w] for x, y in boxes],
            "trace": [self._traced(trace, x, y, w, h) for x, y in boxes],
            "view_names": ["centre", *(f"{label} {place}" for label, place in enumerate(PLACES))],
            "patch_label": np.arange(len(boxes) - 1)[None],
            "patch_box": np.array([[(x, y, x + w, y + h) for x, y in boxes]]),
            "unpatched_img": pixels[None],
        }

    @staticmethod
    def _traced(trace: Trace, x: int, y: int, w: int, h: int) -> Trace:
        return trace.cropped(x, y).step("RandomPatchWithLabels", x=x, y=y, w=w, h=h)
