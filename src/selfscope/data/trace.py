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
PICTURED = "keep_pictures"
"""The key of `results` that asks for the image after every step."""
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
    pictured: bool = False
    """Whether every step keeps the image that it made."""

    def step(self, name: str, **params: Any) -> Trace:
        """The same place, with one more applied transform on record."""
        return self._with(steps=(*self.steps, Step(name, params)))

    def seen(self, pixels: np.ndarray) -> Trace:
        """With `pixels` as what the last step made, unless pictures are not kept or it has its own."""
        if not self.pictured or not self.steps or self.steps[-1].picture is not None:
            return self
        return self._with(steps=(*self.steps[:-1], replace(self.steps[-1], picture=pixels)))

    def through(self, inner: Affine) -> Trace:
        """After a transform whose new pixels come from `inner` of them in the image before it."""
        return self._with(map=_after(self.map, inner))

    def _with(self, **changed: Any) -> Trace:
        made = object.__new__(Trace)  # not by `replace`, which is slow: this runs at every transform
        made.__dict__.update(self.__dict__, **changed)
        return made

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
    return Trace(width, height, pictured=bool(results.get(PICTURED)))


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


def with_pictures(results: dict[str, Any]) -> dict[str, Any]:
    """The results with each view's image kept in its trace, where that is asked for."""
    traces = results.get("trace")
    several = isinstance(traces, (list, tuple))
    if not traces or not (traces[0] if several else traces).pictured:
        return results
    if several:
        return {**results, "trace": [t.seen(image) for t, image in zip(traces, results["img"], strict=True)]}
    return {**results, "trace": traces.seen(results["img"])}


def on_first_view(results: Mapping[str, Any], name: str, **params: Any) -> Any:
    """The trace or traces of `results` with a step more on the first view: of what was drawn beside the image."""
    traces = results.get("trace")
    if isinstance(traces, (list, tuple)):
        return [traces[0].step(name, **params), *traces[1:]]
    return traces if traces is None else traces.step(name, **params)


def _after(outer: Affine, inner: Affine) -> Affine:
    a, b, c, d, e, f = outer
    g, h, i, j, k, m = inner
    return (a * g + b * j, a * h + b * k, a * i + b * m + c, d * g + e * j, d * h + e * k, d * i + e * m + f)


def _apply(affine: Affine, x: float, y: float) -> tuple[float, float]:
    a, b, c, d, e, f = affine
    return a * x + b * y + c, d * x + e * y + f
