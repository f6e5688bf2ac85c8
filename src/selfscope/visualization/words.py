"""Texts at a place of a picture, with alignment and an optional box behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from selfscope.draw.canvas import Canvas
from selfscope.draw.colour import Colour, parse_each
from selfscope.draw.glyphs import ascent
from selfscope.draw.text import measure, write
from selfscope.errors import UsageError, nearest

_ACROSS = {"left": 0.0, "center": 0.5, "right": 1.0}
_DOWN = {"top": 0.0, "center": 0.5, "bottom": 1.0, "center_baseline": 0.5}


@dataclass(frozen=True)
class TextStyle:
    """Size in pixels; `box` is a dict of `facecolor`, `edgecolor`, `alpha` and `pad` in points, or None."""

    size: int
    colour: Colour | None
    vertical: str = "top"
    horizontal: str = "left"
    box: Mapping[str, Any] | None = None


def draw_words(canvas: Canvas, text: str, x: float, y: float, style: TextStyle) -> None:
    """The text, which may have several lines, aligned to x, y; `baseline` is that of the first line."""
    width, height = measure(text, style.size)
    left = x - width * _share(style.horizontal, _ACROSS, "horizontal")
    if style.vertical == "baseline":
        top = y - ascent(style.size)
    else:
        top = y - height * _share(style.vertical, _DOWN, "vertical")
    if style.box is not None:
        _draw_box(canvas, (left, top, left + width, top + height), style.box)
    if style.colour is not None:
        write(canvas, text.split("\n"), left, top, style.size, style.colour)


def _draw_box(canvas: Canvas, box: tuple[float, float, float, float], style: Mapping[str, Any]) -> None:
    known = ("facecolor", "edgecolor", "alpha", "pad", "boxstyle", "linewidth")
    unknown = [name for name in style if name not in known]
    if unknown:
        raise UsageError(f"bboxes: no such entry {unknown[0]!r}.{nearest(unknown[0], known)}")
    pad, alpha = float(style.get("pad", 4)) * 100 / 72, style.get("alpha")
    grown = (box[0] - pad, box[1] - pad, box[2] + pad, box[3] + pad)
    face, edge = parse_each([style.get("facecolor", "C0"), style.get("edgecolor", "k")], 2)
    if face is not None:
        canvas.rectangle(grown, face, 1.0 if alpha is None else alpha)
    if edge is not None:
        canvas.frame(
            grown, edge, max(1.0, float(style.get("linewidth", 1)) * 100 / 72), 1.0 if alpha is None else alpha
        )


def _share(word: str, table: Mapping[str, float], axis: str) -> float:
    if word not in table:
        raise UsageError(f"{axis} alignment: expected one of {', '.join(table)}, got {word!r}.{nearest(word, table)}")
    return table[word]
