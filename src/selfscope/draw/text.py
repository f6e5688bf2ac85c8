"""Text on pictures: measuring, wrapping, shortening, captions and labels. Sizes and widths are pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from selfscope.draw.canvas import INK, SOFT, Canvas
from selfscope.draw.colour import Colour, parse, readable_on
from selfscope.draw.glyphs import line_height, text_width
from selfscope.errors import UsageError

AMBER: Colour = (255, 243, 214)
AMBER_EDGE: Colour = (240, 166, 26)
AMBER_INK: Colour = (122, 76, 0)

_DOTS = "…"


def size_for(picture_height: int) -> int:
    """The text size that reads well beside pictures of this height: 13 at 224 pixels, 18 at 512, at most 26."""
    return min(26, 9 + max(4, round(picture_height / 56)))


def measure(text: str, size: int) -> tuple[int, int]:
    """Width and height of a text, which may have several lines."""
    lines = text.split("\n")
    return math.ceil(max(text_width(line, size) for line in lines)), len(lines) * line_height(size)


def shorten(text: str, size: int, width: float, *, keep: str = "start") -> str:
    """One line of at most `width` pixels: what does not fit gives way to `…`.

    `keep` says which part stays: `start`, `end` or `both`.
    """
    if text_width(text, size) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if text_width(_cut(text, middle, keep), size) <= width else (low, middle - 1)
    return _cut(text, low, keep)


def wrap(text: str, size: int, width: float, *, max_lines: int | None = None) -> list[str]:
    """Lines of at most `width` pixels, broken at spaces, inside words longer than a line, and at line feeds.

    Past `max_lines` the last line ends in `…`.
    """
    lines = [line for paragraph in text.split("\n") for line in _wrap_paragraph(paragraph, size, width)]
    if max_lines is None or len(lines) <= max_lines:
        return lines
    last = lines[max_lines - 1] + _DOTS
    return [*lines[: max_lines - 1], shorten(last, size, width)]


def unbroken(text: str, longest: int = 20) -> str:
    """The text with short items between commas kept on one line: `hue +14°` is not torn apart."""
    items = text.split(", ")
    return ", ".join(item.replace(" ", "\u00a0") if len(item) <= longest else item for item in items)


def caption_below(picture: np.ndarray, text: str, *, size: int | None = None, background: Any = "w") -> np.ndarray:
    """The picture on a taller one, with the text wrapped and centred below it."""
    size = size or size_for(picture.shape[0])
    lines = wrap(text, size, picture.shape[1], max_lines=4)
    ground = parse(background)
    canvas = Canvas.blank(picture.shape[0] + len(lines) * line_height(size) + size // 2, picture.shape[1], ground)
    canvas.paste(picture, 0, 0)
    ink = SOFT if readable_on(ground) != (255, 255, 255) else (255, 255, 255)
    write(canvas, lines, picture.shape[1] / 2, picture.shape[0] + size // 3, size, ink, align="m")
    return canvas.pixels


def label(
    picture: np.ndarray,
    text: str,
    position: Sequence[float] = (0, 0),
    *,
    size: int | None = None,
    colour: Any = "w",
    background: Any = "k",
    alpha: float = 0.75,
) -> np.ndarray:
    """The picture with a short text on a box of contrasting colour, its upper left corner at `position` x, y.

    The box is moved inside the picture where it would leave it.
    """
    canvas = Canvas(picture)
    draw_label(canvas, text, position, size or size_for(picture.shape[0]), colour, background, alpha=alpha)
    return canvas.pixels


def draw_label(
    canvas: Canvas,
    text: str,
    position: Sequence[float],
    size: int,
    colour: Any = "w",
    background: Any = "k",
    *,
    alpha: float = 1.0,
) -> None:
    """As `label`, onto a canvas."""
    width, height = label_size(text, size)
    x = max(0, min(round(position[0]), canvas.width - width))
    y = max(0, min(round(position[1]), canvas.height - height))
    canvas.rectangle((x, y, x + width, y + height), parse(background), alpha)
    write(canvas, text.split("\n"), x + _pad(size), y, size, parse(colour))


def label_size(text: str, size: int) -> tuple[int, int]:
    """Width and height of the box that `label` draws."""
    width, height = measure(text, size)
    return width + 2 * _pad(size), height


def _pad(size: int) -> int:
    return max(2, size // 4)


def write(
    canvas: Canvas, lines: Sequence[str], x: float, y: float, size: int, colour: Colour = INK, *, align: str = "l"
) -> int:
    """Lines below each other from y down, `align` `l`, `m` or `r` to x; the y below the last."""
    for i, line in enumerate(lines):
        canvas.text(x, y + i * line_height(size), line, size, colour, anchor=f"{align}t")
    return round(y + len(lines) * line_height(size))


def _cut(text: str, length: int, keep: str) -> str:
    if keep == "start":
        return text[:length].rstrip() + _DOTS
    if keep == "end":
        return _DOTS + text[len(text) - length :].lstrip()
    if keep == "both":
        return text[: (length + 1) // 2] + _DOTS + text[len(text) - length // 2 :]
    raise UsageError(f"expected keep 'start', 'end' or 'both', got {keep!r}")


def _wrap_paragraph(paragraph: str, size: int, width: float) -> list[str]:
    if not paragraph.startswith(" ") and text_width(paragraph, size) <= width:  # most do; measuring words costs more
        return [paragraph]
    lines, line = [], ""
    for word in paragraph.split(" "):
        longer = f"{line} {word}" if line else word
        if text_width(longer, size) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        while text_width(word, size) > width and len(word) > 1:
            fitting = next((n for n in range(len(word) - 1, 1, -1) if text_width(word[:n], size) <= width), 1)
            lines.append(word[:fitting])
            word = word[fitting:]
        line = word
    return [*lines, line]


if __name__ == "__main__":
    from selfscope.draw.show import demonstrate, sample_photo

    named = label(sample_photo(), "masked · 75 %", (8, 8))
    demonstrate(caption_below(named, "n02391049_zebra/4.jpg — Größe, 東京: what no font here has is spelt out"))
