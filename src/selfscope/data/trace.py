"""Where the pixels of a view come from: an affine map back to the upright original, the flips, and what was drawn.

Every geometric transform adds its own small map; crops of crops, resizes and flips compose by themselves. Coordinates
are continuous: pixel `(column, row)` covers `column..column + 1` and `row..row + 1`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from selfscope.errors import ConfigError
from selfscope.records import Step

Affine = tuple[float, float, float, float, float, float]
"""`(a, b, c, d, e, f)`: a point `(x, y)` maps to `(a x + b y + c, d x + e y + f)`."""
IDENTITY: Affine = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
FLIPS = {(False, False): None, (True, False): "horizontal", (False, True): "vertical", (True, True): "diagonal"}


@dataclass(frozen=True)
class Trace:
    """The history of one view, from the upright original of `width` × `height` pixels."""

    width: int
    height: int
    map: Affine = IDENTITY
    """From pixels of the view to pixels of the original."""
    flipped: tuple[bool, bool] = (False, False)
    """Whether the view is mirrored left to right, and top to bottom."""
    steps: tuple[Step, ...] = ()
    known: bool = True
    """False after a transform that moved pixels in a way it did not tell."""

    def step(self, name: str, **params: Any) -> Trace:
        """The same place, with one more applied transform on record."""
        steps = (*self.steps, Step(name, params))
        return Trace(self.width, self.height, self.map, self.flipped, steps, self.known)

    def through(self, inner: Affine) -> Trace:
        """After a transform whose new pixels come from `inner` of them in the image before it."""
        return Trace(self.width, self.height, _after(self.map, inner), self.flipped, self.steps, self.known)

    def cropped(self, x: float, y: float) -> Trace:
        return self.through((1.0, 0.0, float(x), 0.0, 1.0, float(y)))

    def resized(self, before: tuple[int, int], after: tuple[int, int]) -> Trace:
        """Sizes are `(w, h)`."""
        return self.through((before[0] / after[0], 0.0, 0.0, 0.0, before[1] / after[1], 0.0))

    def mirrored(self, width: int, height: int, *, horizontal: bool, vertical: bool) -> Trace:
        x = (-1.0, width) if horizontal else (1.0, 0)
        y = (-1.0, height) if vertical else (1.0, 0)
        turned = (self.flipped[0] != horizontal, self.flipped[1] != vertical)
        return replace(self.through((x[0], 0.0, float(x[1]), 0.0, y[0], float(y[1]))), flipped=turned)

    def rotated(self, degrees: float, before: tuple[float, float], after: tuple[float, float]) -> Trace:
        """After a clockwise turn that carried the point `before` to the point `after`, both `(x, y)`."""
        cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        x = before[0] - cosine * after[0] - sine * after[1]
        y = before[1] + sine * after[0] - cosine * after[1]
        return self.through((cosine, sine, x, -sine, cosine, y))

    def lost(self) -> Trace:
        """After a transform that moved pixels nobody knows where."""
        return replace(self, known=False)

    @property
    def flip(self) -> str | None:
        return FLIPS[self.flipped]

    def crop(self, width: int, height: int) -> tuple[float, float, float, float] | None:
        """`x, y, w, h` in the original of a view of `width` × `height`: its bounding box, within the original.

        None when `known` is False. A view of nothing but padding has no width or no height.
        """
        if not self.known:
            return None
        corners = [_apply(self.map, x, y) for x in (0, width) for y in (0, height)]
        left, top = (max(0.0, min(c[i] for c in corners)) for i in (0, 1))
        right = min(float(self.width), max(c[0] for c in corners))
        bottom = min(float(self.height), max(c[1] for c in corners))
        w, h = max(0.0, right - left), max(0.0, bottom - top)
        return round(left, 6), round(top, 6), round(w, 6), round(h, 6)


def trace_of(results: Mapping[str, Any]) -> Trace:
    """The trace of the image in `results`, begun here when the image was not loaded by this package."""
    if isinstance(results.get("trace"), Trace):
        return results["trace"]
    height, width = pixels_of(results).shape[:2]
    return Trace(width, height)


def pixels_of(results: Mapping[str, Any]) -> np.ndarray:
    """`results["img"]`, refused when there is none yet or when there are several views already."""
    pixels = results.get("img")
    if pixels is None:
        raise ConfigError("the pipeline changes an image before it has loaded one: begin it with LoadImageFromFile")
    if isinstance(pixels, (list, tuple)):
        raise ConfigError(
            "the pipeline changes single images after it has made several views: put that transform before"
        )
    return pixels


def moved(results: Mapping[str, Any], pixels: np.ndarray, trace: Trace, **more: Any) -> dict[str, Any]:
    """New results with another image; the dict that was given is left as it was."""
    return {**results, "img": pixels, "img_shape": pixels.shape[:2], "trace": trace, **more}


def _after(outer: Affine, inner: Affine) -> Affine:
    a, b, c, d, e, f = outer
    g, h, i, j, k, m = inner
    return (a * g + b * j, a * h + b * k, a * i + b * m + c, d * g + e * j, d * h + e * k, d * i + e * m + f)


def _apply(affine: Affine, x: float, y: float) -> tuple[float, float]:
    a, b, c, d, e, f = affine
    return a * x + b * y + c, d * x + e * y + f
