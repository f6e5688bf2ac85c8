"""Keys beside a map: class names with their markers in columns, and the bar of a colour map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from selfscope.draw.canvas import RULE, SOFT
from selfscope.draw.colour import GREY, SHAPES, Colour, colormap_table
from selfscope.draw.glyphs import line_height, text_width
from selfscope.draw.scene import Marks, Photo, Scene, raster
from selfscope.draw.splat import Look
from selfscope.draw.text import shorten
from selfscope.draw.ticks import nice_ticks, tick_text


@dataclass(frozen=True)
class Entry:
    """One class of the key."""

    name: str
    colour: Colour
    shape: str = "disc"


def class_legend(entries: Sequence[Entry], *, height: int | None, max_width: int, size: int) -> np.ndarray:
    """`class_key` as a picture."""
    return raster(class_key(entries, height=height, max_width=max_width, size=size))


def class_key(entries: Sequence[Entry], *, height: int | None, max_width: int, size: int) -> Scene:
    """Names with markers in columns of at most `height`; classes that `max_width` has no room for are counted below.

    A `height` of None names all, in columns as high as it takes.
    """
    row, mark, gap = _row_height(size), round(size * 1.5), size
    widest = max(text_width(entry.name, size) for entry in entries)
    columns, rows = _layout(len(entries), widest, height, max_width, size)
    room = max(1, min(max_width // columns - mark - gap, int(np.ceil(widest)) + 1))
    shown = list(entries[: columns * rows])
    rows = -(-len(shown) // columns)
    lost = len(entries) - len(shown)
    scene = Scene((rows + (lost > 0)) * row, columns * (mark + room + gap) - gap)
    place = np.array([(i // rows * (mark + room + gap), i % rows * row) for i in range(len(shown))])
    for entry, (x, y) in zip(shown, place.tolist(), strict=True):
        scene.text(x + mark, y + row / 2, shorten(entry.name, size, room), size, SOFT, anchor="lm")
    if lost:
        words = shorten(f"and {lost:,} more classes", size, scene.width - mark)
        scene.text(mark, (rows + 0.5) * row, words, size, SOFT, anchor="lm")
    scene.items.append(_marks(shown, place + (mark / 2 - size / 6, row / 2), size, scene))
    return scene


def names_all(entries: Sequence[Entry], *, height: int, max_width: int, size: int) -> bool:
    """Whether a key of this size has room for every class."""
    widest = max((text_width(entry.name, size) for entry in entries), default=0.0)
    columns, rows = _layout(len(entries), widest, height, max_width, size)
    return columns * rows >= len(entries)


def _layout(count: int, widest: float, height: int | None, max_width: int, size: int) -> tuple[int, int]:
    """Columns and rows of `count` names; long ones are cut, later where the height is free."""
    longest = size * (6 if height is not None else 12)
    most = max(1, max_width // (round(size * 1.5) + size + round(min(widest, longest))))
    rows = -(-count // most) if height is None else max(1, height // _row_height(size) - 1)
    return min(-(-count // rows), most) if count else 1, rows


def _row_height(size: int) -> int:
    return max(line_height(size), round(size * 1.35))


def _marks(entries: Sequence[Entry], centres: np.ndarray, size: int, scene: Scene) -> Marks:
    colours = np.array([entry.colour for entry in entries], np.uint8)
    shapes = np.array([SHAPES.index(entry.shape) for entry in entries])
    return Marks(centres, colours, shapes, Look(size * 0.72), (0, 0, scene.width, scene.height))


def colour_key(
    low: float, high: float, *, name: str, height: int, size: int, missing: bool = False, note: str = ""
) -> Scene:
    """The colour map from `low` at the bottom to `high` at the top, its name above and round numbers beside it.

    With `missing`, a grey field below stands for what has no number; `note` is a line below all.
    """
    ticks = [tick for tick in nice_ticks(low, high, 5) if low <= tick <= high] or [low]
    texts = [tick_text(tick, ticks) for tick in ticks]
    thick, head = round(size * 1.1), line_height(size) + size // 2
    wide = max(text_width(name, size), text_width(note, size), *(thick + size + text_width(t, size) for t in texts))
    foot = line_height(size) // 2 + line_height(size) * (2 * missing + 2 * bool(note))
    scene = Scene(head + height + foot, int(wide) + 2)
    scene.text(0, 0, name, size, SOFT)
    levels = colormap_table()[np.linspace(255, 0, height).round().astype(int)]
    scene.items.append(Photo((0, head, thick, head + height), np.repeat(levels[:, None], thick, axis=1)))
    scene.box((0, head, thick, head + height), RULE, 1)
    for tick, text in zip(ticks, texts, strict=True):
        share = (tick - low) / (high - low) if high > low else 0.5
        y = head + (1 - share) * (height - 1) + 0.5
        scene.box((thick, y - 0.5, thick + size // 3, y + 0.5), SOFT)
        scene.text(thick + size // 2, y, text, size, SOFT, anchor="lm")
    y = head + height + line_height(size)
    if missing:
        scene.box((0, y, thick, y + thick), GREY)
        scene.text(thick + size // 2, y + thick / 2, "none", size, SOFT, anchor="lm")
        y += line_height(size) * 2
    scene.text(0, y, note, size, SOFT)
    return scene
