"""Keys beside a map: class names with their markers in columns, and the bar of a colour map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from selfscope.draw.canvas import RULE, SOFT, Canvas
from selfscope.draw.ticks import nice_ticks, tick_text
from selfscope.draw.colour import SHAPES, Colour, colormap_table
from selfscope.draw.glyphs import line_height, text_width
from selfscope.draw.splat import splat
from selfscope.draw.text import shorten


@dataclass(frozen=True)
class Entry:
    """One class of the key."""

    name: str
    colour: Colour
    shape: str = "disc"


def class_legend(entries: Sequence[Entry], *, height: int, max_width: int, size: int) -> np.ndarray:
    """Names with markers, in as many columns as `height` asks for; classes that `max_width` has no room for are counted."""
    row = max(line_height(size), round(size * 1.35))
    rows = max(1, height // row)
    widest = max(text_width(entry.name, size) for entry in entries)
    mark, gap = round(size * 1.5), size
    columns = -(-len(entries) // rows)
    room = max_width // columns - mark - gap
    least = 6 * size
    if room < min(widest, least):
        columns = max(1, max_width // (mark + gap + round(min(widest, least))))
        room = max_width // columns - mark - gap
    shown = list(entries[: columns * rows])
    if len(shown) < len(entries):
        shown = shown[:-1]
    rows = -(-(len(shown) + (len(shown) < len(entries))) // columns)
    room = min(room, int(np.ceil(widest)) + 1)
    canvas = Canvas.blank(rows * row, columns * (mark + room + gap) - gap)
    place = np.array([(i // rows * (mark + room + gap), i % rows * row) for i in range(len(shown) + 1)])
    for entry, (x, y) in zip(shown, place, strict=False):
        canvas.text(x + mark, y + row / 2, shorten(entry.name, size, room), size, SOFT, anchor="lm")
    if len(shown) < len(entries):
        x, y = place[-1]
        words = f"and {len(entries) - len(shown)} more"
        canvas.text(x + mark, y + row / 2, shorten(words, size, room), size, SOFT, anchor="lm")
    _marks(canvas, shown, place[: len(shown)] + (mark / 2 - size / 6, row / 2), size)
    return canvas.pixels


def _marks(canvas: Canvas, entries: Sequence[Entry], centres: np.ndarray, size: int) -> None:
    colours = np.array([entry.colour for entry in entries], np.uint8)
    shapes = np.array([SHAPES.index(entry.shape) for entry in entries])
    splat(canvas, centres, colours, shapes, diameter=size * 0.72, seed=None)


def colour_bar(low: float, high: float, *, name: str, height: int, size: int) -> np.ndarray:
    """The colour map from `low` at the bottom to `high` at the top, its name above and round numbers beside it."""
    ticks = [tick for tick in nice_ticks(low, high, 5) if low <= tick <= high] or [low]
    texts = [tick_text(tick, ticks) for tick in ticks]
    thick, head = round(size * 1.1), line_height(size) + size // 2
    width = max(int(text_width(name, size)) + 2, thick + size + max(int(text_width(text, size)) for text in texts) + 2)
    canvas = Canvas.blank(head + height + line_height(size) // 2, width)
    canvas.text(0, 0, name, size, SOFT)
    levels = colormap_table()[np.linspace(255, 0, height).round().astype(int)]
    canvas.pixels[head : head + height, :thick] = levels[:, None]
    canvas.frame((0, head, thick, head + height), RULE)
    for tick, text in zip(ticks, texts, strict=True):
        share = (tick - low) / (high - low) if high > low else 0.5
        y = head + (1 - share) * (height - 1) + 0.5
        canvas.rectangle((thick, y - 0.5, thick + size // 3, y + 0.5), SOFT)
        canvas.text(thick + size // 2, y, text, size, SOFT, anchor="lm")
    return canvas.pixels
