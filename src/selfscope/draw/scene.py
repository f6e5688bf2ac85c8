"""A figure as a list of what is on it, before it becomes pixels (`raster`), SVG (`draw.svg`) or PDF (`draw.pdf`).

Coordinates are x, y in pixels from the upper left corner. Items lie above each other in their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from selfscope.draw import glyphs
from selfscope.draw.canvas import INK, Canvas
from selfscope.draw.colour import Colour
from selfscope.draw.picture import resize
from selfscope.draw.splat import Look, splat


@dataclass(frozen=True)
class Words:
    """One line of text; `anchor` as in `Canvas.text`."""

    x: float
    y: float
    text: str
    size: int
    colour: Colour
    anchor: str = "lt"

    @property
    def baseline(self) -> float:
        height = glyphs.line_height(self.size)
        above = {"t": 0.0, "m": height / 2, "b": height, "s": glyphs.ascent(self.size)}[self.anchor[1]]
        return self.y - above + glyphs.ascent(self.size)

    @property
    def width(self) -> float:
        return glyphs.text_width(self.text, self.size)

    @property
    def left(self) -> float:
        return self.x - {"l": 0.0, "m": self.width / 2, "r": self.width}[self.anchor[0]]


@dataclass(frozen=True)
class Box:
    """A filled rectangle, or its outline `stroke` pixels wide, drawn just inside it."""

    box: tuple[float, float, float, float]
    colour: Colour
    stroke: float | None = None


@dataclass(frozen=True, eq=False)
class Line:
    """A line through points `(n, 2)`."""

    path: np.ndarray
    colour: Colour
    width: float = 1.0
    alpha: float = 1.0


@dataclass(frozen=True, eq=False)
class Marks:
    """Markers at `points` (N, 2), all finite, painted in their order, inside a box that cuts them off."""

    points: np.ndarray
    colours: np.ndarray
    """`(N, 3)` uint8."""
    shapes: np.ndarray
    """`(N,)` indices into `colour.SHAPES`."""
    look: Look
    box: tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Photo:
    """A picture in a box, scaled to it."""

    box: tuple[float, float, float, float]
    pixels: np.ndarray
    """`(H, W, 3)` uint8; may have more pixels than the box, for output finer than the screen."""


Item = Words | Box | Line | Marks | Photo


@dataclass
class Scene:
    """Items on white paper of `height` × `width` pixels."""

    height: int
    width: int
    items: list[Item] = field(default_factory=list)

    def text(self, x: float, y: float, text: str, size: int, colour: Colour = INK, anchor: str = "lt") -> None:
        if text:
            self.items.append(Words(x, y, text, size, colour, anchor))

    def lines(self, texts: Sequence[str], x: float, y: float, size: int, colour: Colour = INK) -> float:
        """Texts below each other from y down; the y below the last."""
        for i, text in enumerate(texts):
            self.text(x, y + i * glyphs.line_height(size), text, size, colour)
        return y + len(texts) * glyphs.line_height(size)

    def box(self, box: Sequence[float], colour: Colour, stroke: float | None = None) -> None:
        x0, y0, x1, y1 = box
        self.items.append(Box((x0, y0, x1, y1), colour, stroke))

    def paste(self, other: Scene, x: float, y: float) -> None:
        """Everything of another scene, its upper left corner at x, y."""
        self.items += [_moved(item, x, y) for item in other.items]


def raster(scene: Scene) -> np.ndarray:
    """The scene as a picture `(H, W, 3)` uint8 RGB, a pixel a unit."""
    canvas = Canvas.blank(scene.height, scene.width)
    for item in scene.items:
        draw_item(canvas, item)
    return canvas.pixels


def draw_item(canvas: Canvas, item: Item) -> None:
    """One item onto a canvas."""
    if isinstance(item, Words):
        canvas.text(item.x, item.y, item.text, item.size, item.colour, item.anchor)
    elif isinstance(item, Box) and item.stroke is None:
        canvas.rectangle(item.box, item.colour)
    elif isinstance(item, Box):
        canvas.frame(item.box, item.colour, item.stroke or 1.0)
    elif isinstance(item, Line):
        canvas.stroke(item.path, item.colour, item.width, item.alpha)
    elif isinstance(item, Marks):
        x, y = round(item.box[0]), round(item.box[1])
        canvas.paste(marks_layer(item, 1, ground=_ground(canvas, item.box)), x, y)
    else:
        x0, y0, x1, y1 = (round(v) for v in item.box)
        canvas.paste(resize(item.pixels, (max(1, y1 - y0), max(1, x1 - x0))), x0, y0)


def marks_layer(marks: Marks, scale: int, ground: np.ndarray | None = None) -> np.ndarray:
    """Markers as a picture of their box with `scale` pixels a unit, on white or on `ground`."""
    x0, y0, x1, y1 = (round(v) for v in marks.box)
    layer = Canvas.blank((y1 - y0) * scale, (x1 - x0) * scale) if ground is None else Canvas(ground)
    look = replace(marks.look, diameter=marks.look.diameter * scale, halo=marks.look.halo * scale)
    splat(layer, (marks.points - (x0, y0)) * scale, marks.colours, marks.shapes, look=look, seed=None)
    return layer.pixels


def _ground(canvas: Canvas, box: tuple[float, float, float, float]) -> np.ndarray:
    x0, y0, x1, y1 = (round(v) for v in box)
    return canvas.pixels[y0:y1, x0:x1]


def _moved(item: Item, x: float, y: float) -> Item:
    if isinstance(item, Words):
        return replace(item, x=item.x + x, y=item.y + y)
    if isinstance(item, Line):
        return replace(item, path=item.path + (x, y))
    x0, y0, x1, y1 = item.box
    moved: dict[str, Any] = {"box": (x0 + x, y0 + y, x1 + x, y1 + y)}
    if isinstance(item, Marks):
        moved["points"] = item.points + (x, y)
    return replace(item, **moved)
