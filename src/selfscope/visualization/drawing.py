"""The drawing verbs: boxes, points, texts, lines, circles, polygons, masks on one picture, each call after the last.

Coordinates are x, y in pixels. Widths and font sizes are points at 100 dots an inch (1 point = 1.39 pixels), as with
MMEngine, whose signatures these are. Colours: names, RGB integers 0..255 or fractions, one for all or a list.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from selfscope.draw.canvas import Canvas
from selfscope.draw.colour import parse_each
from selfscope.draw.compose import as_picture
from selfscope.draw.picture import to_numpy
from selfscope.errors import UsageError
from selfscope.visualization.featmap import featmap_picture
from selfscope.visualization.markers import draw_marker
from selfscope.visualization.ranks import master_only
from selfscope.visualization.strokes import dashes
from selfscope.visualization.words import TextStyle, draw_words

D = TypeVar("D", bound="Drawing")

PIXELS_PER_POINT = 100 / 72


class Drawing:
    """A picture and what was drawn on it; every `draw_…` returns the object itself, so that calls chain."""

    def __init__(self, image: Any = None) -> None:
        self._canvas: Canvas | None = None
        if image is not None:
            self.set_image(image)

    @property
    def width(self) -> int:
        return self._drawn_on().width

    @property
    def height(self) -> int:
        return self._drawn_on().height

    @property
    def _default_font_size(self) -> float:
        """Points, by the picture's size."""
        return max(np.sqrt(self.height * self.width) // 90, 10)

    @master_only
    def set_image(self, image: Any) -> None:
        """The picture to draw on, copied: `(H, W[, C])` or `(C, H, W)`, integers 0..255 or floats [0, 1], RGB."""
        self._canvas = Canvas(as_picture(image, key="set_image"))

    @master_only
    def get_image(self) -> np.ndarray:
        """A copy of the picture as drawn so far, `(H, W, 3)` uint8 RGB."""
        return self._drawn_on().pixels.copy()

    @master_only
    def draw_bboxes(
        self: D,
        bboxes: Any,
        edge_colors: Any = "g",
        line_styles: str | Sequence[str] = "-",
        line_widths: float | Sequence[float] = 2,
        face_colors: Any = "none",
        alpha: float = 0.8,
    ) -> D:
        """Boxes `(4,)` or `(n, 4)` of x1, y1, x2, y2 with x1 ≤ x2 and y1 ≤ y2; the outline is centred on the edge."""
        boxes = _rows(bboxes, 4, "bboxes")
        if not (boxes[:, :2] <= boxes[:, 2:]).all():
            raise UsageError("bboxes: expected x1 <= x2 and y1 <= y2 in every box")
        self._warn_outside("bbox", boxes.reshape(-1, 2))
        styles = self._outlines(len(boxes), edge_colors, line_styles, line_widths, face_colors)
        for box, (edge, style, width, face) in zip(boxes, styles, strict=True):
            if face is not None:
                self._drawn_on().rectangle(box.tolist(), face, alpha)
            if edge is not None and style == "-":
                grown = np.concatenate([box[:2] - width / 2, box[2:] + width / 2])
                self._drawn_on().frame(grown.tolist(), edge, width, alpha)
            elif edge is not None:
                self._outline(box[[0, 1, 2, 1, 2, 3, 0, 3]].reshape(4, 2), edge, style, width, alpha)
        return self

    @master_only
    def draw_polygons(
        self: D,
        polygons: Any,
        edge_colors: Any = "g",
        line_styles: str | Sequence[str] = "-",
        line_widths: float | Sequence[float] = 2,
        face_colors: Any = "none",
        alpha: float = 0.8,
    ) -> D:
        """One polygon `(m, 2)`, or a list of them; the last point is joined to the first."""
        several = polygons if isinstance(polygons, (list, tuple)) else [polygons]
        shapes = [_rows(polygon, 2, "polygons") for polygon in several]
        styles = self._outlines(len(shapes), edge_colors, line_styles, line_widths, face_colors)
        for points, (edge, style, width, face) in zip(shapes, styles, strict=True):
            self._warn_outside("polygon", points)
            if face is not None:
                self._drawn_on().polygon(points, face, alpha)
            if edge is not None:
                self._outline(points, edge, style, width, alpha)
        return self

    @master_only
    def draw_circles(
        self: D,
        center: Any,
        radius: Any,
        edge_colors: Any = "g",
        line_styles: str | Sequence[str] = "-",
        line_widths: float | Sequence[float] = 2,
        face_colors: Any = "none",
        alpha: float = 0.8,
    ) -> D:
        """Circles around `(2,)` or `(n, 2)` centres, with a radius each."""
        centres, radii = _rows(center, 2, "center"), np.atleast_1d(to_numpy(radius)).astype(np.float64)
        if radii.shape != (len(centres),):
            raise UsageError(f"radius: expected {len(centres)} of them, one a centre, got shape {radii.shape}")
        self._warn_outside("circle", np.concatenate([centres - radii[:, None], centres + radii[:, None]]))
        styles = self._outlines(len(centres), edge_colors, line_styles, line_widths, face_colors)
        for (x, y), r, (edge, style, width, face) in zip(centres, radii, styles, strict=True):
            if face is not None:
                self._drawn_on().disc(x, y, r, face, alpha)
            if edge is not None:
                angle = np.linspace(0, 2 * np.pi, max(16, int(4 * r)), endpoint=False)
                points = np.stack([x + r * np.cos(angle), y + r * np.sin(angle)], axis=1)
                self._outline(points, edge, style, width, alpha)
        return self

    @master_only
    def draw_lines(
        self: D,
        x_datas: Any,
        y_datas: Any,
        colors: Any = "g",
        line_styles: str | Sequence[str] = "-",
        line_widths: float | Sequence[float] = 2,
    ) -> D:
        """Lines from x[0], y[0] to x[1], y[1], for `(2,)` or `(n, 2)` arrays."""
        xs, ys = _rows(x_datas, 2, "x_datas"), _rows(y_datas, 2, "y_datas")
        if xs.shape != ys.shape:
            raise UsageError(f"expected x_datas and y_datas of one shape, got {xs.shape} and {ys.shape}")
        lines = np.stack([xs, ys], axis=-1)  # (n, 2) -> (n, 2 ends, 2)
        self._warn_outside("line", lines.reshape(-1, 2))
        colours = parse_each(colors, len(lines))
        styles, widths = _each(line_styles, len(lines)), _each(line_widths, len(lines))
        for line, colour, style, points in zip(lines, colours, styles, widths, strict=True):
            if colour is not None:
                width = points * PIXELS_PER_POINT
                start, end = dashes(line, style, width)
                self._drawn_on().segments(start, end, colour, width)
        return self

    @master_only
    def draw_points(self: D, positions: Any, colors: Any = "g", marker: str | None = None, sizes: Any = None) -> D:
        """Markers at `(2,)` or `(n, 2)` positions; `sizes` are areas in square points, 36 by default."""
        points = _rows(positions, 2, "positions")
        areas = np.broadcast_to(36.0 if sizes is None else to_numpy(sizes).astype(np.float64), len(points))
        for (x, y), colour, area in zip(points, parse_each(colors, len(points)), areas, strict=True):
            if colour is not None:
                draw_marker(self._drawn_on(), marker or "o", x, y, np.sqrt(area) * PIXELS_PER_POINT, colour)
        return self

    @master_only
    def draw_texts(
        self: D,
        texts: str | Sequence[str],
        positions: Any,
        font_sizes: float | Sequence[float] | None = None,
        colors: Any = "g",
        vertical_alignments: str | Sequence[str] = "top",
        horizontal_alignments: str | Sequence[str] = "left",
        font_families: str | Sequence[str] = "sans-serif",
        bboxes: Any = None,
        font_properties: Any = None,
    ) -> D:
        """Texts at `(2,)` or `(n, 2)` positions; `bboxes`: dicts of `facecolor`, `edgecolor`, `alpha`, `pad` (points).

        The font is the package's own, with the system's for scripts that it lacks: families and properties change
        nothing.
        """
        words = [texts] if isinstance(texts, str) else list(texts)
        points = _rows(positions, 2, "positions")
        if len(points) != len(words):
            raise UsageError(f"expected {len(words)} positions, one a text, got {len(points)}")
        self._warn_outside("text", points)
        n = len(words)
        columns = zip(
            _each(self._default_font_size if font_sizes is None else font_sizes, n),
            parse_each(colors, n),
            _each(vertical_alignments, n),
            _each(horizontal_alignments, n),
            _each(bboxes, n),
            strict=True,
        )
        for word, (x, y), (size, colour, vertical, horizontal, box) in zip(words, points, columns, strict=True):
            style = TextStyle(round(size * PIXELS_PER_POINT), colour, vertical, horizontal, box)
            draw_words(self._drawn_on(), word, x, y, style)
        return self

    @master_only
    def draw_binary_masks(self: D, binary_masks: Any, colors: Any = "g", alphas: float | Sequence[float] = 0.8) -> D:
        """Colour over the true pixels of masks `(H, W)` or `(n, H, W)`, bool or 0 and 1, of the picture's size."""
        canvas, masks = self._drawn_on(), to_numpy(binary_masks)
        masks = masks[None] if masks.ndim == 2 else masks
        if masks.shape[1:] != (canvas.height, canvas.width):
            raise UsageError(
                f"binary_masks: expected (n, {canvas.height}, {canvas.width}) like the picture, got {masks.shape}"
            )
        if masks.dtype != bool:
            if not np.isin(masks, (0, 1)).all():
                raise UsageError(f"binary_masks: expected bool, or 0 and 1, got {masks.dtype} with other values")
            masks = masks.astype(bool)
        columns = zip(masks, parse_each(colors, len(masks)), _each(alphas, len(masks)), strict=True)
        for mask, colour, alpha in columns:
            if colour is not None:
                _wash(canvas.pixels, mask, colour, alpha)
        return self

    @staticmethod
    @master_only
    def draw_featmap(
        featmap: Any,
        overlaid_image: Any = None,
        channel_reduction: str | None = "squeeze_mean",
        topk: int = 20,
        arrangement: tuple[int, int] = (4, 5),
        resize_shape: tuple[int, int] | None = None,
        alpha: float = 0.5,
    ) -> np.ndarray:
        """A feature map `(C, H, W)` as a heat map, `(H, W, 3)` uint8 RGB, over the image where one is given.

        `channel_reduction`: `squeeze_mean`, `select_max` (the channel with the largest sum), or None: the `topk`
        channels by sum, in `arrangement` (rows, columns); with `topk` ≤ 0, one or three channels as they are.
        """
        return featmap_picture(featmap, overlaid_image, channel_reduction, topk, arrangement, resize_shape, alpha)

    def _drawn_on(self) -> Canvas:
        if self._canvas is None:
            raise UsageError("there is no picture to draw on yet: call set_image first")
        return self._canvas

    def _outlines(self, n: int, edges: Any, styles: Any, widths: Any, faces: Any) -> list[tuple]:
        """Edge colour, style, width in pixels (as wide as suits the picture at most) and face colour of each shape."""
        widest = max(1.0, self._default_font_size / 4)
        pixels = [min(max(width, 1), widest) * PIXELS_PER_POINT for width in _each(widths, n)]
        return list(zip(parse_each(edges, n), _each(styles, n), pixels, parse_each(faces, n), strict=True))

    def _outline(self, points: np.ndarray, colour: Any, style: str, width: float, alpha: float) -> None:
        start, end = dashes(np.concatenate([points, points[:1]]), style, width)
        self._drawn_on().segments(start, end, colour, width, alpha)

    def _warn_outside(self, what: str, points: np.ndarray) -> None:
        inside = (points >= 0).all() and (points[:, 0] <= self.width).all() and (points[:, 1] <= self.height).all()
        if not inside:
            warnings.warn(f"the {what} is out of bounds: what lies outside of the picture is not drawn", stacklevel=4)


def _rows(values: Any, columns: int, name: str) -> np.ndarray:
    array = np.atleast_2d(to_numpy(values)).astype(np.float64)
    if array.ndim != 2 or array.shape[1] != columns:
        raise UsageError(f"{name}: expected ({columns},) or (n, {columns}) numbers, got {array.shape}")
    return array


def _each(value: Any, count: int) -> list[Any]:
    """One value for each of `count` items, from one or from a list that has at least so many."""
    if not isinstance(value, (list, tuple, np.ndarray)):
        return [value] * count
    if len(value) < count:
        raise UsageError(f"expected one value, or {count} of them, got {len(value)}")
    return list(value[:count])


def _wash(pixels: np.ndarray, mask: np.ndarray, colour: tuple[int, int, int], alpha: float) -> None:
    """Mixes colour into the masked pixels, in place, in 8-bit fixed point."""
    share = round(256 * alpha)
    mixed = pixels.astype(np.uint16)
    mixed *= np.uint16(256 - share)
    mixed += np.array(colour, np.uint16) * np.uint16(share)
    mixed >>= 8
    np.copyto(pixels, mixed.astype(np.uint8), where=mask[..., None])
