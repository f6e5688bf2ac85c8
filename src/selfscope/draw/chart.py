"""Small figures: lines over an x axis, and bars. White paper, few rules, names beside what they name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from selfscope.draw.canvas import INK, RULE, SOFT, Canvas
from selfscope.draw.colour import Colour, palette, parse
from selfscope.draw.glyphs import line_height, text_width
from selfscope.draw.legend import Entry, class_legend
from selfscope.draw.picture import to_numpy
from selfscope.draw.text import shorten
from selfscope.draw.ticks import log_ticks, nice_ticks, tick_text
from selfscope.errors import UsageError

_DIRECT = 8
"""Up to so many lines are named at their ends; more are named in a key."""


@dataclass(frozen=True)
class Axes:
    """Where data lie on a figure: a box of pixels, and the ranges that fill it."""

    left: int
    top: int
    right: int
    bottom: int
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    logy: bool = False

    def x(self, values: Any) -> Any:
        return self.left + (values - self.x_range[0]) / (self.x_range[1] - self.x_range[0]) * (self.right - self.left)

    def y(self, values: Any) -> Any:
        low, high = self.y_range
        if self.logy:
            values, low, high = np.log10(values), np.log10(low), np.log10(high)
        return self.bottom - (values - low) / (high - low) * (self.bottom - self.top)


def line_chart(
    series: Mapping[str, tuple[Any, Any]],
    *,
    title: str = "",
    xlabel: str = "",
    ylabel: str = "",
    logy: bool = False,
    size: tuple[int, int] = (420, 640),
) -> np.ndarray:
    """Lines by name, each an (x, y) pair of equally long sequences, on a figure of `size` (height, width).

    A value that is NaN, infinite, or not above zero on a log axis leaves a gap; a single value between gaps is a dot.
    Up to eight lines are named at their right ends, more in a key.
    """
    data = {name: _pair(name, x, y, logy) for name, (x, y) in series.items()}
    text = int(np.clip(round(min(size[0] / 28, size[1] / 44)), 11, 26))
    canvas = _start(size, title, text)
    colours = palette(max(1, len(data)))
    key = _key(list(data), colours, size, text) if len(data) > _DIRECT else None
    tail = text + max((int(text_width(name, text)) for name in data), default=0)
    right = size[1] - (key.shape[1] + 2 * text if key is not None else min(tail, size[1] // 3) + text)
    axes = _axes(data, canvas, title=title, labels=(xlabel, ylabel), logy=logy, text=text, right=right)
    if not any(np.isfinite(y).any() for _, y in data.values()):
        middle = (axes.left + axes.right) / 2, (axes.top + axes.bottom) / 2
        canvas.text(*middle, "no finite values to show", text, SOFT, anchor="mm")
    ends = [
        _draw_line(canvas, name, np.stack([axes.x(x), axes.y(y)], axis=1), colour, max(1.6, text / 7))
        for (name, (x, y)), colour in zip(data.items(), colours, strict=False)
    ]
    if key is not None:
        canvas.paste(key, right + text, axes.top)
    else:
        _end_names(canvas, [end for end in ends if end is not None], axes.right + text // 2, text)
    return canvas.pixels


def bar_chart(
    values: Mapping[str, float],
    *,
    title: str = "",
    xlabel: str = "",
    number: str = "{:.3g}",
    colours: Sequence[Any] | None = None,
    size: tuple[int, int] | None = None,
) -> np.ndarray:
    """Horizontal bars by name, from zero, each with its value written by `number`.

    `size` is (height, width); by default the height follows the number of bars. NaN has no bar and is written `n/a`.
    """
    if not values:
        raise UsageError("bar_chart: expected at least one value, got none")
    numbers = np.array([float(value) for value in values.values()])
    rows = len(numbers)
    size = size or (34 * rows + (58 if title else 28) + (26 if xlabel else 0), 600)
    text = int(np.clip(round(size[1] / 42), 11, 26))
    canvas = _start(size, title, text)
    inks = [parse(colour) for colour in colours] if colours is not None else [palette(1)[0]] * rows
    if len(inks) != rows:
        raise UsageError(f"bar_chart: expected {rows} colours, got {len(inks)}")
    words = [number.format(value) if np.isfinite(value) else "n/a" for value in numbers]
    finite = np.where(np.isfinite(numbers), numbers, 0)
    room = min(max(int(text_width(name, text)) for name in values) + text, size[1] * 2 // 5)
    axes = _bar_axes(finite, size, room, max(int(text_width(word, text)) for word in words) + text, text)
    axes = replace(axes, top=_below_title(title, text), bottom=axes.bottom - (line_height(text) if xlabel else 0))
    step, zero = (axes.bottom - axes.top) / rows, float(axes.x(0.0))
    for i, (name, value) in enumerate(zip(values, finite.tolist(), strict=True)):
        middle, end = axes.top + (i + 0.5) * step, float(axes.x(value))
        canvas.rectangle((min(zero, end), middle - 0.32 * step, max(zero, end), middle + 0.32 * step), inks[i])
        canvas.text(room, middle, shorten(name, text, room - text), text, INK, anchor="rm")
        side, shift = ("r", -text // 2) if value < 0 else ("l", text // 2)
        canvas.text(end + shift, middle, words[i], text, SOFT, anchor=f"{side}m")
    canvas.rectangle((round(zero) - 1, axes.top, round(zero), axes.bottom), SOFT)
    canvas.text(axes.left, axes.bottom + text // 2, xlabel, text, SOFT)
    return canvas.pixels


def _draw_line(
    canvas: Canvas, name: str, path: np.ndarray, colour: Colour, width: float
) -> tuple[str, float, Colour] | None:
    """Draws what is finite of a path `(n, 2)`; gives name, height of its end and colour, or None for nothing."""
    drawn = np.isfinite(path).all(axis=1)
    if not drawn.any():
        return None
    canvas.stroke(path, colour, width)
    alone = drawn & ~np.append(drawn[1:], False) & ~np.append(False, drawn[:-1])
    for x, y in path[alone]:
        canvas.disc(x, y, width * 1.2, colour)
    return name, float(path[drawn][-1, 1]), colour


def _bar_axes(values: np.ndarray, size: tuple[int, int], room: int, tail: int, text: int) -> Axes:
    """Bars between names of `room` pixels and numbers of `tail` pixels: on both sides if any value is negative."""
    low, high = min(0.0, values.min()), max(0.0, values.max())
    left = room + text + (tail if low < 0 else 0)
    return Axes(left, 0, size[1] - tail - text, size[0] - text, (low, high if high > low else low + 1), (0, 1))


def _pair(name: str, x: Any, y: Any, logy: bool) -> tuple[np.ndarray, np.ndarray]:
    xs, ys = to_numpy(x).astype(np.float64), to_numpy(y).astype(np.float64)
    if xs.ndim != 1 or xs.shape != ys.shape:
        raise UsageError(f"line_chart: {name!r}: expected x and y of one length, got {xs.shape} and {ys.shape}")
    shown = np.isfinite(xs) & np.isfinite(ys) & ((ys > 0) if logy else True)
    return np.where(shown, xs, np.nan), np.where(shown, ys, np.nan)


def _start(size: tuple[int, int], title: str, text: int) -> Canvas:
    height, width = size
    if height < 60 or width < 100:
        raise UsageError(f"chart: expected a size (height, width) of at least 60 × 100 pixels, got {height} × {width}")
    canvas = Canvas.blank(height, width)
    big = round(text * 1.2)
    canvas.text(text, text * 2 // 3, shorten(title, big, width - 2 * text), big, INK)
    return canvas


def _below_title(title: str, text: int) -> int:
    return line_height(round(text * 1.2)) + text * 4 // 3 if title else text


def _axes(
    data: Mapping[str, tuple[np.ndarray, np.ndarray]],
    canvas: Canvas,
    *,
    title: str,
    labels: tuple[str, str],
    logy: bool,
    text: int,
    right: int,
) -> Axes:
    """Draws the grid, the ticks and the axes' names, and returns where the data go."""
    x_range, y_range = _range([x for x, _ in data.values()]), _range([y for _, y in data.values()], logy)
    rows = max(3, canvas.height // (5 * text))
    y_ticks = log_ticks(*y_range) if logy else nice_ticks(*y_range, rows)
    y_texts = [tick_text(tick, [tick] if logy else y_ticks) for tick in y_ticks]
    xlabel, ylabel = labels
    left = text * 2 + max(int(text_width(word, text)) for word in y_texts)
    top = _below_title(title, text) + (line_height(text) + text // 3 if ylabel else 0)
    bottom = canvas.height - line_height(text) - text - (line_height(text) if xlabel else 0)
    axes = Axes(left, top, max(right, left + 20), bottom, x_range, (y_ticks[0], y_ticks[-1]), logy)
    for tick, word in zip(y_ticks, y_texts, strict=True):
        y = round(float(axes.y(tick)))
        canvas.rectangle((axes.left, y, axes.right, y + 1), SOFT if tick is y_ticks[0] else RULE)
        canvas.text(axes.left - text // 2, y, word, text, SOFT, anchor="rm")
    x_ticks = nice_ticks(*x_range, max(2, (axes.right - axes.left) // (6 * text)))
    shown = [tick for tick in x_ticks if x_range[0] <= tick <= x_range[1]]
    for tick in shown:
        x = round(float(axes.x(tick)))
        canvas.rectangle((x, axes.bottom, x + 1, axes.bottom + text // 3), SOFT)
        canvas.text(x, axes.bottom + text // 2, tick_text(tick, x_ticks), text, SOFT, anchor="mt")
    if xlabel:
        canvas.text((axes.left + axes.right) / 2, canvas.height - text // 2, xlabel, text, SOFT, anchor="mb")
    if ylabel:
        canvas.text(text, top - line_height(text) - text // 2, ylabel, text, SOFT)
    return axes


def _range(columns: Sequence[np.ndarray], logarithmic: bool = False) -> tuple[float, float]:
    """Lowest and highest finite value; one value gets room on both sides, and no value the range 0 to 1 (1 to 10)."""
    finite = np.concatenate([column[np.isfinite(column)] for column in columns] or [np.zeros(0)])
    if not finite.size:
        return (1.0, 10.0) if logarithmic else (0.0, 1.0)
    low, high = float(finite.min()), float(finite.max())
    if high - low > 1e-12 * max(abs(low), abs(high)):
        return low, high
    room = abs(low) / 2 or 0.5
    return low - room, high + room


def _key(names: Sequence[str], colours: Sequence[Colour], size: tuple[int, int], text: int) -> np.ndarray:
    entries = [Entry(name, colour) for name, colour in zip(names, colours, strict=True)]
    return class_legend(entries, height=size[0] - 4 * text, max_width=size[1] // 3, size=text)


def _end_names(canvas: Canvas, ends: Sequence[tuple[str, float, Colour]], x: int, text: int) -> None:
    """Names at the heights of their lines' ends, moved apart where they would overlap."""
    step = line_height(text)
    ordered = sorted(ends, key=lambda end: end[1])
    places = np.array([y for _, y, _ in ordered])
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + step)
    if len(places):
        places -= max(0.0, places[-1] + step / 2 - canvas.height)
    for i in range(len(places) - 2, -1, -1):
        places[i] = min(places[i], places[i + 1] - step)
    for (name, _, colour), y in zip(ordered, places.tolist(), strict=True):
        dark = tuple(int(level * 0.82) for level in colour)
        canvas.text(x, y, shorten(name, text, canvas.width - x), text, (dark[0], dark[1], dark[2]), anchor="lm")


if __name__ == "__main__":
    from selfscope.draw.show import demonstrate

    steps = np.arange(0, 400)
    noise = np.random.default_rng(0).normal(0, 0.02, (2, 400))
    falling = {
        "training": (steps, np.exp(-steps / 120) + 0.3 + noise[0]),
        "held out": (steps, np.exp(-steps / 150) + 0.36 + noise[1]),
    }
    demonstrate(line_chart(falling, title="Loss", xlabel="step", ylabel="mean squared error"))
