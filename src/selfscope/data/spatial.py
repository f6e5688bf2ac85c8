"""Transforms that move pixels without choosing a part: resizes, flips, rotations by a few degrees.

Definitions and argument names are those of MMCV, MMClassification and MMSelfSup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from selfscope.data.parameters import interval, one_of, pair, probability
from selfscope.data.resample import PILLOW_FILTERS, check_resampling, resize
from selfscope.data.trace import moved, pixels_of, trace_of
from selfscope.errors import ConfigError

Results = dict[str, Any]
DIRECTIONS = ("horizontal", "vertical", "diagonal")


def _resized(results: Mapping[str, Any], name: str, size: tuple[int, int], interpolation: str, backend: str) -> Results:
    """Results with the image at `size = (w, h)`."""
    pixels = pixels_of(results)
    before = (pixels.shape[1], pixels.shape[0])
    after = resize(pixels, size, interpolation=interpolation, backend=backend)
    trace = trace_of(results).resized(before, size).step(name, w=size[0], h=size[1])
    factor = (size[0] / before[0], size[1] / before[1])
    return moved(results, after, trace, scale=size, scale_factor=factor)


@dataclass(frozen=True)
class Resize:
    """To `scale`, one side or `(w, h)`, or by `scale_factor`; `keep_ratio` fits within `scale` without stretching."""

    scale: Any = None
    scale_factor: Any = None
    keep_ratio: bool = False
    clip_object_border: bool = True
    backend: str = "cv2"
    interpolation: str = "bilinear"

    def __post_init__(self) -> None:
        check_resampling(self.interpolation, self.backend)
        if self.scale is None and self.scale_factor is None:
            raise ConfigError("Resize needs 'scale' or 'scale_factor'")
        if self.scale is not None:
            object.__setattr__(self, "scale", pair(self.scale, "scale"))
        else:
            factor = self.scale_factor
            both = (factor, factor) if isinstance(factor, (int, float)) else tuple(factor)
            if len(both) != 2 or min(both) <= 0:
                raise ConfigError(f"scale_factor={factor!r}: expected a positive number or two of them")
            object.__setattr__(self, "scale_factor", both)

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        height, width = pixels_of(results).shape[:2]
        size = self._size(width, height)
        return _resized(results, "Resize", size, self.interpolation, self.backend)

    def _size(self, width: int, height: int) -> tuple[int, int]:
        if self.scale is None:
            factor = self.scale_factor
        elif not self.keep_ratio:
            return self.scale
        else:
            fit = min(max(self.scale) / max(width, height), min(self.scale) / min(width, height))
            factor = (fit, fit)
        return max(1, int(width * factor[0] + 0.5)), max(1, int(height * factor[1] + 0.5))


@dataclass(frozen=True)
class ResizeEdge:
    """One edge (`short`, `long`, `width`, `height`) to `scale` pixels, the other in proportion, rounded down."""

    scale: int
    edge: str = "short"
    backend: str = "cv2"
    interpolation: str = "bilinear"

    def __post_init__(self) -> None:
        one_of(self.edge, "edge", ("short", "long", "width", "height"))
        check_resampling(self.interpolation, self.backend)
        pair(self.scale, "scale")

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        height, width = pixels_of(results).shape[:2]
        by_width = {"short": width < height, "long": width > height}.get(self.edge, self.edge == "width")
        if by_width:
            size = (self.scale, max(1, int(self.scale * height / width)))
        else:
            size = (max(1, int(self.scale * width / height)), self.scale)
        return _resized(results, "ResizeEdge", size, self.interpolation, self.backend)


@dataclass(frozen=True)
class RandomFlip:
    """Mirrored with probability `prob`.

    With several directions and one `prob`, each has an equal share of it; with a list, each has its own.
    """

    prob: Any
    direction: Any = "horizontal"

    def __post_init__(self) -> None:
        names = [self.direction] if isinstance(self.direction, str) else list(self.direction)
        for name in names:
            one_of(name, "direction", DIRECTIONS)
        if isinstance(self.prob, Sequence):
            chances = [probability(value) for value in self.prob]
        else:
            chances = [probability(self.prob) / len(names)] * len(names)
        if len(chances) != len(names) or sum(chances) > 1 + 1e-9:
            raise ConfigError(
                f"RandomFlip: expected one probability a direction, summing to at most 1, got {self.prob!r}"
            )
        object.__setattr__(self, "prob", tuple(chances))
        object.__setattr__(self, "direction", tuple(names))

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        draw, direction = rng.random(), None
        for name, chance in zip(self.direction, self.prob, strict=True):
            if draw < chance:
                direction = name
                break
            draw -= chance
        flip = {"flip": direction is not None, "flip_direction": direction}
        trace = trace_of(results).step("RandomFlip", direction=direction)
        if direction is None:
            return {**results, **flip, "trace": trace}
        return {**mirrored(results, direction, trace), **flip}


def mirrored(results: Mapping[str, Any], direction: str, trace: Any) -> Results:
    """Results with the image mirrored in one of the three directions."""
    pixels = pixels_of(results)
    height, width = pixels.shape[:2]
    horizontal, vertical = direction in ("horizontal", "diagonal"), direction in ("vertical", "diagonal")
    turned = pixels[:: -1 if vertical else 1, :: -1 if horizontal else 1]
    return moved(results, turned, trace.mirrored(width, height, horizontal=horizontal, vertical=vertical))


@dataclass(frozen=True)
class RandomRotation:
    """Turned clockwise by an angle drawn from `degrees`, `(min, max)` or one number for both sides of 0.

    What comes in from outside is `fill`. `expand` enlarges the image to hold all of the turned one. `center` is
    `(x, y)` in pixel positions, the image's middle when None.
    """

    degrees: Any
    interpolation: str = "nearest"
    expand: bool = False
    center: Any = None
    fill: int = 0

    def __post_init__(self) -> None:
        one_of(self.interpolation, "interpolation", ("nearest", "bilinear", "bicubic"))
        both = (-self.degrees, self.degrees) if isinstance(self.degrees, (int, float)) else self.degrees
        object.__setattr__(self, "degrees", interval(both, "degrees"))
        if self.expand and self.center is not None:
            raise ConfigError("RandomRotation: expand=True turns about the middle, so it does not go with center")

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        pixels, angle = pixels_of(results), float(rng.uniform(*self.degrees))
        height, width = pixels.shape[:2]
        center = (width / 2, height / 2) if self.center is None else (self.center[0] + 0.5, self.center[1] + 0.5)
        turned = np.array(
            Image.fromarray(pixels).rotate(
                -angle,
                resample=PILLOW_FILTERS[self.interpolation],
                expand=self.expand,
                center=center,
                fillcolor=(self.fill,) * 3,
            )
        )
        after = (turned.shape[1] / 2, turned.shape[0] / 2) if self.expand else center
        trace = trace_of(results).rotated(angle, center, after).step("RandomRotation", degrees=angle)
        return moved(results, turned, trace)
