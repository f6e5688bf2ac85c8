"""Boxes, points, lines, circles, polygons, binary masks and texts on a picture; every verb returns a new picture.

The keywords are MMEngine's. A keyword takes one value for all items, or a sequence with one for each. Positions are
x, y in pixels, (0, 0) being the picture's upper left corner; items may lie outside in part or wholly. Colours are read
by `colour.parse`, and `"none"` leaves an edge or a face out. Widths and font sizes are pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from selfscope.draw.canvas import Canvas
from selfscope.draw.colour import Colour, parse, parse_each
from selfscope.draw.dashes import dash
from selfscope.draw.glyphs import ascent, line_height
from selfscope.draw.mask import overlay
from selfscope.draw.picture import to_numpy
from selfscope.draw.splat import Look, splat
from selfscope.draw.stamps import KINDS
from selfscope.draw.text import measure, size_for, write
from selfscope.errors import UsageError, nearest

_MARKERS = {
    "o": "disc",
    ".": "disc",
    "s": "square",
    "^": "triangle",
    "v": "down",
    "D": "diamond",
    "d": "diamond",
    "<": "left",
    ">": "right",
    "p": "pentagon",
    "h": "hexagon",
    "*": "star",
    "x": "cross",
    "+": "plus",
    "|": "bar",
    "_": "dash",
}
_BAND = 1 << 18
"""Pixels that are worked on at a time."""
_ACROSS = {"left": 0.0, "center": 0.5, "right": 1.0}
_DOWN = ("top", "center", "bottom", "baseline")
_BOX_KEYS = {
    "fc": "facecolor",
    "ec": "edgecolor",
    "lw": "linewidth",
    "facecolor": "facecolor",
    "edgecolor": "edgecolor",
    "linewidth": "linewidth",
    "alpha": "alpha",
    "pad": "pad",
    "boxstyle": "boxstyle",
}


@dataclass(frozen=True)
class Pen:
    """How one item is drawn."""

    edge: Colour | None
    face: Colour | None
    style: Any
    width: float
    alpha: float


def draw_bboxes(
    picture: np.ndarray,
    bboxes: Any,
    *,
    edge_colors: Any = "g",
    line_styles: Any = "-",
    line_widths: Any = 2,
    face_colors: Any = "none",
    alpha: Any = 0.8,
) -> np.ndarray:
    """Boxes `(N, 4)` or `(4,)` of x0, y0, x1, y1 on whole pixels; edges run inside, so that neighbours stay apart."""
    boxes = _rows(bboxes, 4, "bboxes")
    if (boxes[:, :2] > boxes[:, 2:]).any():
        wrong = boxes[(boxes[:, :2] > boxes[:, 2:]).any(axis=1)][0].tolist()
        raise UsageError(f"bboxes: expected x0 <= x1 and y0 <= y1, got {wrong}")
    pens = _pens(len(boxes), edge_colors, line_styles, line_widths, face_colors, alpha)
    if any(pen.style not in ("-", "solid") for pen in pens):
        corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)
        inset = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
        return _polygons(picture, [c + inset * pen.width / 2 for c, pen in zip(corners, pens, strict=True)], pens)
    return _solid_boxes(picture, boxes, pens)


def draw_points(
    picture: np.ndarray,
    positions: Any,
    *,
    colors: Any = "g",
    marker: str | None = None,
    sizes: Any = None,
    alpha: float = 1.0,
) -> np.ndarray:
    """Markers at `(N, 2)` or `(2,)`, one of `o . s ^ v < > D d p h * x + | _`.

    `sizes` are areas in square pixels of the square around an `o`, 64 by default.
    """
    points = _rows(positions, 2, "positions")
    name = "o" if marker is None else marker
    if name not in _MARKERS:
        raise UsageError(f"draw_points: expected a marker of {' '.join(_MARKERS)}, got {marker!r}")
    areas = _each(64.0 if sizes is None else sizes, len(points), "sizes")
    colours = [(0, 128, 0) if colour is None else colour for colour in parse_each(colors, len(points))]
    inks, kinds = np.array(colours, np.uint8).reshape(-1, 3), np.full(len(points), KINDS.index(_MARKERS[name]))
    canvas = Canvas(picture)
    for area in sorted(set(areas)):
        chosen = np.array(areas) == area
        diameter = float(np.sqrt(area)) * (0.6 if name == "." else 1.0)
        splat(canvas, points[chosen], inks[chosen], kinds[chosen], look=Look(diameter, alpha), seed=None)
    return canvas.pixels


def draw_lines(
    picture: np.ndarray,
    x_datas: Any,
    y_datas: Any,
    *,
    colors: Any = "g",
    line_styles: Any = "-",
    line_widths: Any = 2,
    alpha: Any = 1.0,
) -> np.ndarray:
    """Straight lines: `x_datas` and `y_datas` `(N, 2)` or `(2,)` hold the start's and the end's x, and y."""
    x, y = _rows(x_datas, 2, "x_datas"), _rows(y_datas, 2, "y_datas")
    if len(x) != len(y):
        raise UsageError(f"draw_lines: expected as many x_datas as y_datas, got {len(x)} and {len(y)}")
    canvas = Canvas(picture)
    pens = _pens(len(x), colors, line_styles, line_widths, "none", alpha)
    for path, pen in zip(np.stack([x, y], axis=-1), pens, strict=True):
        _outline(canvas, path, pen)
    return canvas.pixels


def draw_circles(
    picture: np.ndarray,
    center: Any,
    radius: Any,
    *,
    edge_colors: Any = "g",
    line_styles: Any = "-",
    line_widths: Any = 2,
    face_colors: Any = "none",
    alpha: Any = 0.8,
) -> np.ndarray:
    """Circles round `(N, 2)` or `(2,)` centres; `radius` is one, or `(N,)`."""
    centres = _rows(center, 2, "center")
    radii = _each(radius, len(centres), "radius")
    canvas = Canvas(picture)
    pens = _pens(len(centres), edge_colors, line_styles, line_widths, face_colors, alpha)
    for (x, y), r, pen in zip(centres.tolist(), radii, pens, strict=True):
        if pen.face is not None:
            canvas.disc(x, y, r, pen.face, pen.alpha)
        count = int(np.clip(16 * np.sqrt(max(r, 0)), 16, 4000))
        turn = np.linspace(0, 2 * np.pi, count + 1)
        _outline(canvas, np.stack([x + r * np.cos(turn), y + r * np.sin(turn)], axis=1), pen)
    return canvas.pixels


def draw_polygons(
    picture: np.ndarray,
    polygons: Any,
    *,
    edge_colors: Any = "g",
    line_styles: Any = "-",
    line_widths: Any = 2,
    face_colors: Any = "none",
    alpha: Any = 0.8,
) -> np.ndarray:
    """Closed polygons: one `(M, 2)` array of corners, or a list of them, each of its own length."""
    given = list(polygons) if isinstance(polygons, (list, tuple)) else [polygons]
    corners = [_rows(polygon, 2, "polygons") for polygon in given]
    pens = _pens(len(corners), edge_colors, line_styles, line_widths, face_colors, alpha)
    return _polygons(picture, corners, pens)


def draw_binary_masks(picture: np.ndarray, binary_masks: Any, *, colors: Any = "g", alphas: Any = 0.8) -> np.ndarray:
    """Colour over the true pixels of masks `(N, H, W)` or `(H, W)`, which have the picture's size."""
    masks = to_numpy(binary_masks)
    masks = masks[None] if masks.ndim == 2 else masks
    if masks.ndim != 3 or masks.shape[1:] != picture.shape[:2]:
        raise UsageError(f"draw_binary_masks: expected (N, {picture.shape[0]}, {picture.shape[1]}), got {masks.shape}")
    if masks.dtype != bool and not np.isin(np.unique(masks), (0, 1)).all():
        raise UsageError(f"draw_binary_masks: expected true and false, or 0 and 1, got {masks.min()} to {masks.max()}")
    strengths = _each(alphas, len(masks), "alphas")
    drawn = picture.copy()
    for mask, colour, strength in zip(masks, parse_each(colors, len(masks)), strengths, strict=True):
        if colour is not None:
            drawn = overlay(drawn, mask, colour, strength, hatch=False)
    return drawn


def draw_texts(
    picture: np.ndarray,
    texts: str | Sequence[str],
    positions: Any,
    *,
    font_sizes: Any = None,
    colors: Any = "g",
    vertical_alignments: Any = "top",
    horizontal_alignments: Any = "left",
    bboxes: Any = None,
) -> np.ndarray:
    """Texts at `(N, 2)` or `(2,)`; line feeds make lines.

    Alignments say which part of the text stands at its position: `top center bottom baseline`, and `left center right`.
    `bboxes` puts boxes behind texts: a dict of `facecolor edgecolor alpha pad linewidth` (and their matplotlib
    abbreviations; corners are square whatever `boxstyle` says), with `pad` in pixels.
    """
    words = [texts] if isinstance(texts, str) or not isinstance(texts, Sequence) else list(texts)
    if not all(isinstance(word, str) for word in words):
        raise UsageError(f"draw_texts: expected a text, or a list of texts, got {texts!r:.80}")
    points = _rows(positions, 2, "positions")
    if len(points) != len(words):
        raise UsageError(
            f"draw_texts: expected one position a text, got {len(words)} texts and {len(points)} positions"
        )
    count = len(words)
    sizes = _each(size_for(picture.shape[0]) if font_sizes is None else font_sizes, count, "font_sizes")
    across = _choices(horizontal_alignments, count, tuple(_ACROSS), "horizontal_alignments")
    down = _choices(vertical_alignments, count, _DOWN, "vertical_alignments")
    boxes = [bboxes] * count if bboxes is None or isinstance(bboxes, Mapping) else list(bboxes)
    if len(boxes) != count:
        raise UsageError(f"bboxes: expected one dict, or {count} of them, got {len(boxes)}")
    canvas = Canvas(picture)
    for i, ink in enumerate(parse_each(colors, count)):
        (x, y), size = points[i].tolist(), max(1, round(sizes[i]))
        width, height = measure(words[i], size)
        left, top = x - _ACROSS[across[i]] * width, y - _lift(down[i], height, size)
        _text_box(canvas, (left, top, left + width, top + height), boxes[i])
        if ink is not None:
            write(canvas, words[i].split("\n"), left, top, size, ink)
    return canvas.pixels


def _lift(alignment: str, height: int, size: int) -> float:
    """How far a text's top lies above the position that it is aligned to; a baseline is that of the last line."""
    baseline = height - line_height(size) + ascent(size)
    return {"top": 0, "center": height / 2, "bottom": height, "baseline": baseline}[alignment]


def _solid_boxes(picture: np.ndarray, boxes: np.ndarray, pens: Sequence[Pen]) -> np.ndarray:
    """Boxes by Pillow, in bands of rows: a large picture's round trip through one image costs more than its boxes."""
    reach = 2 + max((pen.width for pen in pens), default=0)
    whole = np.rint(np.clip(boxes, -reach, np.array(picture.shape[1::-1] * 2) + reach)).astype(int)
    whole[:, 2:] = np.maximum(whole[:, 2:] - 1, whole[:, :2])
    inks = [
        [None if colour is None else (*colour, round(255 * pen.alpha)) for colour in (pen.face, pen.edge)]
        for pen in pens
    ]
    drawn = np.empty_like(picture)
    step = max(32, _BAND // picture.shape[1])
    for top in range(0, len(picture), step):
        image = Image.fromarray(picture[top : top + step])
        draw = ImageDraw.Draw(image, "RGBA")
        for (x0, y0, x1, y1), (face, edge), pen in zip(whole.tolist(), inks, pens, strict=True):
            if y0 < top + step and y1 >= top and not (face is None and edge is None):
                width = max(1, round(pen.width))
                draw.rectangle((x0, y0 - top, x1, y1 - top), fill=face, outline=edge, width=width)
        drawn[top : top + step] = image
    return drawn


def _text_box(canvas: Canvas, box: tuple[float, float, float, float], style: Mapping[str, Any] | None) -> None:
    if style is None:
        return
    for key in style:
        if key not in _BOX_KEYS:
            raise UsageError(f"bboxes: unknown key {key!r}; there are {sorted(_BOX_KEYS)}.{nearest(key, _BOX_KEYS)}")
    given = {_BOX_KEYS[key]: value for key, value in style.items()}
    pad, strength = given.get("pad", 3), given.get("alpha", 1.0)
    edge, face = given.get("edgecolor", "k"), given.get("facecolor", "tab:blue")
    x0, y0, x1, y1 = (round(v) for v in (box[0] - pad, box[1] - pad, box[2] + pad, box[3] + pad))
    if face not in (None, "none"):
        canvas.rectangle((x0, y0, x1, y1), parse(face), strength)
    if edge not in (None, "none"):
        canvas.frame((x0, y0, x1, y1), parse(edge), max(1, round(given.get("linewidth", 1))), strength)


def _polygons(picture: np.ndarray, corners: Sequence[np.ndarray], pens: Sequence[Pen]) -> np.ndarray:
    canvas = Canvas(picture)
    for points, pen in zip(corners, pens, strict=True):
        if pen.face is not None:
            canvas.polygon(points, pen.face, pen.alpha)
        _outline(canvas, np.concatenate([points, points[:1]]), pen)
    return canvas.pixels


def _outline(canvas: Canvas, path: np.ndarray, pen: Pen) -> None:
    if pen.edge is not None and pen.width > 0:
        start, end = dash(path, pen.style, pen.width, (canvas.height, canvas.width))
        canvas.segments(start, end, pen.edge, pen.width, pen.alpha)


def _pens(count: int, edges: Any, styles: Any, widths: Any, faces: Any, alphas: Any) -> list[Pen]:
    columns = (
        parse_each(edges, count),
        parse_each(faces, count),
        list(styles) if isinstance(styles, list) else [styles] * count,
        _each(widths, count, "line_widths"),
        _each(alphas, count, "alpha"),
    )
    if len(columns[2]) != count:
        raise UsageError(f"line_styles: expected one, or {count} of them, got {len(columns[2])}")
    if not all(0 <= strength <= 1 for strength in columns[4]):
        raise UsageError(f"alpha: expected values in [0, 1], got {alphas}")
    return [Pen(*row) for row in zip(*columns, strict=True)]


def _rows(values: Any, width: int, name: str) -> np.ndarray:
    """`(N, width)` float64 of finite numbers, from that or from one row."""
    array = to_numpy(values)
    array = array[None] if array.ndim == 1 and array.size else array
    array = array.reshape(0, width) if array.size == 0 else array
    if array.ndim != 2 or array.shape[1] != width or array.dtype.kind not in "fiub":
        raise UsageError(f"{name}: expected numbers of shape (N, {width}), got {array.dtype} {array.shape}")
    if not np.isfinite(array).all():
        raise UsageError(f"{name}: expected finite numbers, got NaN or infinity")
    return array.astype(np.float64)


def _each(value: Any, count: int, name: str) -> list[float]:
    """One number for each item, from one or from a sequence."""
    array = to_numpy(value)
    if array.dtype.kind not in "iufb" or not (array >= 0).all():
        raise UsageError(f"{name}: expected numbers of 0 or more, got {value!r:.80}")
    if array.ndim == 0:
        return [float(array)] * count
    if array.shape != (count,):
        raise UsageError(f"{name}: expected one number, or {count} of them, got {array.shape}")
    return [float(v) for v in array]


def _choices(value: Any, count: int, accepted: Sequence[str], name: str) -> list[str]:
    chosen = [value] * count if isinstance(value, str) else list(value)
    if len(chosen) != count or any(choice not in accepted for choice in chosen):
        raise UsageError(f"{name}: expected one of {' '.join(accepted)}, or {count} of them, got {value!r}")
    return chosen


if __name__ == "__main__":
    from selfscope.draw.show import demonstrate, sample_photo

    drawn = draw_bboxes(sample_photo(), [[16, 90, 96, 200], [110, 30, 180, 100]], edge_colors=["r", "w"])
    drawn = draw_circles(drawn, [(130, 62)], 34, edge_colors="k", line_styles="--")
    drawn = draw_polygons(drawn, np.array([(120, 210), (160, 130), (210, 200)]), face_colors="gold", alpha=0.6)
    drawn = draw_lines(drawn, [[0, 224]], [[224, 0]], colors="w", line_styles=":", line_widths=3)
    demonstrate(draw_texts(drawn, "sun", (150, 62), colors="k", bboxes={"facecolor": "w", "alpha": 0.7}))
