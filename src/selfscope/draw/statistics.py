"""The figure of augmentation statistics: a panel a quantity, groups of views in their colours, warnings below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from selfscope.draw.canvas import INK, RULE, SOFT, Canvas
from selfscope.draw.chart import Axes
from selfscope.draw.colour import Colour, colormap, colormap_table, palette
from selfscope.draw.compose import grid, page, stack
from selfscope.draw.glyphs import line_height, text_width
from selfscope.draw.text import shorten, write
from selfscope.draw.ticks import nice_ticks, tick_text
from selfscope.errors import UsageError
from selfscope.statistics import QUANTITIES, AugmentationStats, Distribution

Curves = Mapping[str, tuple[Distribution, Colour]]
CHANNELS: dict[str, Colour] = {"red": (200, 40, 40), "green": (30, 140, 60), "blue": (30, 80, 220)}
_STILL = {"red": 2, "green": 2, "blue": 2, "hue": 2, "saturation": 0.02, "value": 0.02}
TEXT = 14
HEIGHT = 218
_ASPECT_TICKS = (1 / 4, 1 / 3, 1 / 2, 3 / 4, 1.0, 4 / 3, 2.0, 3.0, 4.0)
_FRACTIONS = {
    1 / 4: "1/4",
    1 / 3: "1/3",
    1 / 2: "1/2",
    3 / 4: "3/4",
    1.0: "1",
    4 / 3: "4/3",
    2.0: "2",
    3.0: "3",
    4.0: "4",
}


def statistics_picture(stats: AugmentationStats, *, width: int = 1280, title: str | None = None) -> np.ndarray:
    """Histograms of everything that was measured, the shares as bars, the map of the masks; of about `width` pixels.

    The height of a curve is the share of views or pairs; the number beside a name is the median. Warnings stand on an
    amber strip.
    """
    if width < 600:
        raise UsageError(f"statistics: expected a width of at least 600 pixels, got {width}")
    columns, gap = max(2, width // 400), 2 * TEXT
    size = (HEIGHT, (width - gap * (columns - 1)) // columns)
    panels = [*_histograms(stats, size), *_shares(stats, size), *_masks(stats, size)]
    body = grid(panels, columns=columns, gap=gap) if panels else Canvas.blank(TEXT, width).pixels
    if len(stats.groups) > 1:
        body = stack(
            [_key(dict(zip(stats.groups, palette(len(stats.groups)), strict=True)), width), body], align="start"
        )
    heading = f"{stats.n} draws of {stats.images} images · {stats.key}" if title is None else title
    notes = [f"Looks broken: {warning}" for warning in stats.warnings]
    return page(body, title=heading, notes=notes, footer=_footer(stats), size=TEXT)


def histogram_panel(
    curves: Curves, size: tuple[int, int], *, title: str, unit: str, logarithmic: bool = False, percent: bool = False
) -> np.ndarray:
    """Outlined histograms over one axis, each with its median; `size` is (height, width)."""
    canvas, top = _panel(size, title, {name: (f"{_number(d.median)}", c) for name, (d, c) in curves.items()})
    low = min(d.edges[0] for d, _ in curves.values())
    high = max(d.edges[-1] for d, _ in curves.values())
    scale = np.log if logarithmic else np.asarray
    densities = {name: d.counts / d.n / np.diff(scale(d.edges)) for name, (d, _) in curves.items()}
    peak = max(float(density.max()) for density in densities.values())
    bottom = size[0] - 2 * line_height(TEXT) - TEXT // 2
    axes = Axes(1, top, size[1] - 2, bottom, (float(scale(low)), float(scale(high))), (0.0, peak * 1.04))
    if low < 0 < high:
        x = round(float(axes.x(0.0)))
        canvas.rectangle((x, top, x + 1, bottom), RULE)
    for name, (found, colour) in curves.items():
        _outline(canvas, axes, scale(found.edges), densities[name], colour)
    canvas.rectangle((0, bottom, size[1], bottom + 1), SOFT)
    ticks = [t for t in _ASPECT_TICKS if low <= t <= high] if logarithmic else nice_ticks(float(low), float(high), 5)
    _x_axis(canvas, axes, {t: _FRACTIONS[t] if logarithmic else tick_text(t, ticks) for t in ticks}, scale)
    canvas.text(0, size[0] - line_height(TEXT), shorten(unit, TEXT, size[1]), TEXT, SOFT)
    return canvas.pixels


def share_panel(shares: Mapping[str, Mapping[str, tuple[float, Colour]]], size: tuple[int, int]) -> np.ndarray:
    """Bars from 0 to 100 %: names on the left, one bar a group."""
    canvas, top = _panel(size, "share of views", {})
    room = max(int(text_width(name, TEXT)) for name in shares) + TEXT
    rows = sum(len(groups) for groups in shares.values()) + 0.6 * (len(shares) - 1)
    step = min((size[0] - top - TEXT) / rows, 1.4 * TEXT)
    axes = Axes(room, top, size[1] - 3 * TEXT, size[0], (0.0, 1.0), (0.0, 1.0))
    y = float(top)
    for name, groups in shares.items():
        canvas.text(room - TEXT // 2, y + step * len(groups) / 2, name, TEXT, INK, anchor="rm")
        for share, colour in groups.values():
            canvas.rectangle((axes.left, y + 0.12 * step, axes.right, y + 0.88 * step), (240, 241, 243))
            canvas.rectangle((axes.left, y + 0.12 * step, float(axes.x(share)), y + 0.88 * step), colour)
            words = f"{100 * share:.0f} %" if share >= 0.01 or share == 0 else "< 1 %"
            canvas.text(axes.right + TEXT // 3, y + step / 2, words, TEXT - 1, SOFT, anchor="lm")
            y += step
        y += 0.6 * step
    return canvas.pixels


def mask_panel(mask_map: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """How often each patch is removed, with the scale from 0 to 100 % and the extremes beside it."""
    canvas, top = _panel(size, "removed, by patch position", {})
    rows, columns = mask_map.shape
    cell = max(1, int(min((size[0] - top) / rows, (size[1] - 12 * TEXT) / columns)))
    height, width = cell * rows, cell * columns
    canvas.paste(np.kron(colormap(mask_map, 0, 1), np.ones((cell, cell, 1), np.uint8)), 0, top)
    bar = colormap_table()[np.linspace(255, 0, height).round().astype(int), None].repeat(TEXT, axis=1)
    canvas.paste(bar, width + TEXT, top)
    x = width + 2.6 * TEXT
    for level, y in ((1, top), (0, top + height)):
        canvas.text(x, y, f"{100 * level} %", TEXT, SOFT, anchor="lt" if level else "lb")
    words = [f"{rows} x {columns} patches", f"{100 * mask_map.min():.0f} to {100 * mask_map.max():.0f} %"]
    write(canvas, words, round(x), top + height // 2 - line_height(TEXT), TEXT, SOFT)
    return canvas.pixels


def _histograms(stats: AugmentationStats, size: tuple[int, int]) -> list[np.ndarray]:
    colours = dict(zip(stats.groups, palette(max(1, len(stats.groups))), strict=True))
    panels = []
    for name, groups in stats.distributions.items():
        quantity = QUANTITIES[name]
        if name in _STILL and colours_unchanged(stats):
            continue
        if name in CHANNELS:
            if name == "red":
                panels.append(_channels(stats, size))
            continue
        if name in ("iou", "containment", "masked"):
            inks = dict(zip(groups, palette(len(groups) + 4)[4:] if len(groups) > 1 else palette(8)[7:], strict=False))
        else:
            inks = colours
        curves = {group: (found, inks[group]) for group, found in groups.items()}
        panels.append(
            histogram_panel(curves, size, title=quantity.title, unit=quantity.unit, logarithmic=quantity.logarithmic)
        )
    return panels


def colours_unchanged(stats: AugmentationStats) -> bool:
    """Whether all shifts are as small as resizing alone makes them: within two levels, two degrees, two per cent."""
    found = [
        (d, _STILL[name]) for name, groups in stats.distributions.items() if name in _STILL for d in groups.values()
    ]
    return bool(found) and all(max(abs(d.quantiles[0]), abs(d.quantiles[-1])) < most for d, most in found)


def _channels(stats: AugmentationStats, size: tuple[int, int]) -> np.ndarray:
    """Red, green and blue of the first group in one panel: groups of views differ little in these."""
    group = next(iter(stats.distributions["red"]))
    curves = {name: (stats.distributions[name][group], colour) for name, colour in CHANNELS.items()}
    where = f", {group}" if len(stats.groups) > 1 else ""
    return histogram_panel(curves, size, title=f"colour{where}", unit=QUANTITIES["red"].unit)


def _shares(stats: AugmentationStats, size: tuple[int, int]) -> list[np.ndarray]:
    """Shares that are zero in every group are left out: nothing of the kind happens."""
    colours = dict(zip(stats.groups, palette(max(1, len(stats.groups))), strict=True))
    shown = {
        name: {group: (share, colours[group]) for group, share in groups.items()}
        for name, groups in stats.shares.items()
        if any(groups.values()) and name != "hardly overlapping"
    }
    return [share_panel(shown, size)] if shown else []


def _masks(stats: AugmentationStats, size: tuple[int, int]) -> list[np.ndarray]:
    return [] if stats.mask_map is None else [mask_panel(stats.mask_map, size)]


def _panel(size: tuple[int, int], title: str, names: Mapping[str, tuple[str, Colour]]) -> tuple[Canvas, int]:
    """White paper with the title, and on the same line a name and number a curve; and where the panel's body begins."""
    canvas = Canvas.blank(*size)
    canvas.text(0, 0, title, TEXT + 1, INK)
    x = float(size[1])
    for name, (number, colour) in reversed(list(names.items())):
        words = f"{name} {number}".strip()
        if x - text_width(words, TEXT) < text_width(title, TEXT + 1) + TEXT:
            words = number
        canvas.text(x, TEXT // 8, words, TEXT, _dark(colour), anchor="rt")
        x -= text_width(words, TEXT) + TEXT
    return canvas, line_height(TEXT + 1) + TEXT // 2


def _outline(canvas: Canvas, axes: Axes, edges: np.ndarray, density: np.ndarray, colour: Colour) -> None:
    x, y = np.repeat(axes.x(edges), 2), np.concatenate([[0.0], np.repeat(density, 2), [0.0]])
    path = np.stack([x, axes.y(y)], axis=1)
    canvas.polygon(path, colour, 0.14)
    canvas.stroke(path, colour, 1.6)


def _x_axis(canvas: Canvas, axes: Axes, ticks: Mapping[float, str], scale: object) -> None:
    for tick, word in ticks.items():
        x = round(float(axes.x(scale(tick))))  # type: ignore[operator]
        if not axes.left - 1 <= x <= axes.right + 1:
            continue
        canvas.rectangle((x, axes.bottom, x + 1, axes.bottom + TEXT // 3), SOFT)
        half = text_width(word, TEXT) / 2
        centre = min(max(x, half), canvas.width - half)
        canvas.text(centre, axes.bottom + TEXT // 2, word, TEXT, SOFT, anchor="mt")


def _key(colours: Mapping[str, Colour], width: int) -> np.ndarray:
    canvas = Canvas.blank(line_height(TEXT) + TEXT // 2, width)
    x = 0.0
    for name, colour in colours.items():
        canvas.rectangle((x, TEXT // 4, x + TEXT, TEXT // 4 + TEXT), colour)
        canvas.text(x + 1.4 * TEXT, 0, name, TEXT, INK)
        x += 1.4 * TEXT + text_width(name, TEXT) + 1.6 * TEXT
    return canvas.pixels


def _footer(stats: AugmentationStats) -> Sequence[str]:
    apart = stats.shares.get("hardly overlapping", {})
    each = ", ".join(f"{group} {100 * share:.0f} %".strip() for group, share in apart.items())
    words = [f"pairs that share less than 10 % of the smaller crop: {each}"] if each else []
    words += ["colours are left as they are"] if colours_unchanged(stats) else []
    seed = [f"seed {stats.settings['seed']}"] if stats.settings.get("seed") is not None else []
    told = "Height: share of views or pairs. Numbers: medians. Shifts are against the same crop before colours changed."
    return [" · ".join(words + seed), told]


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-0.00", "0.00") if abs(value) < 10 else f"{value:.0f}"


def _dark(colour: Colour) -> Colour:
    red, green, blue = (int(level * 0.82) for level in colour)
    return red, green, blue


if __name__ == "__main__":
    from selfscope.draw.show import demonstrate
    from selfscope.statistics import distribution

    rng = np.random.default_rng(0)
    area = {
        name: distribution(rng.uniform(low, 1, 500), QUANTITIES["area"])
        for name, low in (("view 1", 0.2), ("view 2", 0.4))
    }
    made = {group: found for group, found in area.items() if found is not None}
    removed = 1 - np.hypot(*np.mgrid[-1:1:14j, -1:1:14j]) / 1.5
    demonstrate(
        statistics_picture(
            AugmentationStats("train", 500, 250, tuple(made), {"area": made}, mask_map=np.clip(removed, 0, 1))
        )
    )
