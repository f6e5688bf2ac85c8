"""Colours: reading them, telling many classes apart, and showing numbers.

Distances are taken in OKLab (Ottosson 2020), where equal steps look about equally large.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import ImageColor

from selfscope.errors import UsageError, nearest

Colour = tuple[int, int, int]
"""Red, green and blue, 0..255."""

SHAPES = ("disc", "square", "triangle", "diamond", "cross", "plus", "down", "ring")
"""Marker shapes, in the order in which they come into use."""

GREY: Colour = (170, 173, 178)
"""What has no label or no number."""

_LETTERS = {
    "b": "#0000ff",
    "g": "#008000",
    "r": "#ff0000",
    "c": "#00bfbf",
    "m": "#bf00bf",
    "y": "#bfbf00",
    "k": "#000000",
    "w": "#ffffff",
}
_TABLEAU = {
    "blue": "#1f77b4",
    "orange": "#ff7f0e",
    "green": "#2ca02c",
    "red": "#d62728",
    "purple": "#9467bd",
    "brown": "#8c564b",
    "pink": "#e377c2",
    "gray": "#7f7f7f",
    "grey": "#7f7f7f",
    "olive": "#bcbd22",
    "cyan": "#17becf",
}
_CYCLE = ("blue", "orange", "green", "red", "purple", "brown", "pink", "gray", "olive", "cyan")
_NAMED: dict[str, str] = {
    **{name: str(value) for name, value in ImageColor.colormap.items()},
    **_LETTERS,
    **{f"tab:{name}": value for name, value in _TABLEAU.items()},
    **{f"c{i}": _TABLEAU[name] for i, name in enumerate(_CYCLE)},
}

_FIRST: tuple[Colour, ...] = (
    (22, 69, 220),
    (233, 182, 0),
    (41, 167, 148),
    (160, 15, 26),
    (147, 106, 188),
    (200, 117, 59),
    (79, 205, 255),
    (48, 65, 98),
)
_LIGHTNESS = (0.40, 0.80)
_CALM, _CALM_UNTIL = 0.18, 20
"""Largest chroma of the first so many colours: glaring and very dark ones are kept for when they are needed."""
_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def parse(colour: Any) -> Colour:
    """A colour as three integers 0..255.

    Names: CSS (`teal`), matplotlib's letters (`r`), `tab:blue`, `C0`, a grey level as a string (`"0.5"`), `#rgb` and
    `#rrggbb`.
    Three numbers, in RGB order: integers are 0..255; with a float among them they are fractions if all lie in [0, 1],
    and 0..255 otherwise.
    """
    if colour.__class__ is tuple and len(colour) == 3 and all(v.__class__ is int and 0 <= v <= 255 for v in colour):
        return colour
    return _parse_name(colour) if isinstance(colour, str) else _parse_numbers(colour)


def parse_each(colours: Any, count: int) -> list[Colour | None]:
    """One colour for each of `count` items, from one colour or a sequence of them; `"none"` and None become None."""
    if colours is None or isinstance(colours, str) or _is_triple(colours):
        return [_parse_or_none(colours)] * count
    if len(colours) != count:
        raise UsageError(f"expected one colour, or {count} of them, got {len(colours)}")
    return [_parse_or_none(colour) for colour in colours]


@lru_cache(maxsize=64)
def palette(n: int) -> tuple[Colour, ...]:
    """`n` colours, as far apart as they get on white paper; the first eight differ for colour-blind eyes as well.

    The first k colours of a longer palette are the palette of k. Past about twenty, let markers differ too (`markers`).
    """
    chosen = list(_FIRST[:n])
    if n <= len(_FIRST):
        return tuple(chosen)
    candidates, points = _candidates()
    distance = np.full(len(points), np.inf)
    for colour in (*chosen, (255, 255, 255)):
        distance = np.minimum(distance, ((points - _perceived(np.array(colour))) ** 2).sum(1))
    calm = (np.linalg.norm(points[:, 1:], axis=1) <= 2 * _CALM) & (points[:, 0] >= 0.5)
    while len(chosen) < n:
        best = int((distance * calm if len(chosen) < _CALM_UNTIL else distance).argmax())
        chosen.append(tuple(int(v) for v in candidates[best]))  # type: ignore[arg-type]
        distance = np.minimum(distance, ((points - points[best]) ** 2).sum(1))
    return tuple(chosen)


@lru_cache(maxsize=64)
def markers(n: int, plain: int = 20) -> tuple[tuple[Colour, str], ...]:
    """Colour and shape of each of `n` classes: discs up to `plain` of them; with more, like colours differ in shape."""
    colours = palette(n)
    if n <= plain:
        return tuple((colour, "disc") for colour in colours)
    points = _perceived(np.array(colours))
    shapes: list[int] = []
    for i in range(n):
        far = ((points[:i] - points[i]) ** 2).sum(1)
        nearest_of = [min((far[j] for j in range(i) if shapes[j] == s), default=np.inf) for s in range(len(SHAPES))]
        shapes.append(int(np.argmax(nearest_of)))
    return tuple((colour, SHAPES[shape]) for colour, shape in zip(colours, shapes, strict=True))


def colormap(values: np.ndarray, vmin: float | None = None, vmax: float | None = None) -> np.ndarray:
    """`(..., 3)` uint8 for numbers: dark blue for low over green to yellow for high, in equal perceived steps.

    The range is that of the finite values unless given, and values beyond it take its end colours; NaN is grey.
    Where all values are one, they take the middle colour.
    """
    values = np.asarray(values)
    if values.dtype.kind != "f" or values.dtype.itemsize < 4:
        values = values.astype(np.float64)
    low, high = value_range(values, vmin, vmax)
    missing = np.isnan(values)
    if high > low:
        level = (np.clip(values, low, high) - low) * (255 / (high - low))
    else:
        level = np.full(values.shape, 127.5)
    level = np.where(missing, 0, level) if missing.any() else level
    picture = colormap_table().take(np.rint(level).astype(np.uint8), axis=0)
    if missing.any():
        picture[missing] = GREY
    return picture


def value_range(values: np.ndarray, vmin: float | None = None, vmax: float | None = None) -> tuple[float, float]:
    """The lowest and highest finite value, each replaced by what was given; (0, 1) where nothing is finite."""
    shown = np.isfinite(values)
    finite = values if shown.all() else values[shown]
    low = float(finite.min()) if finite.size else 0.0
    high = float(finite.max()) if finite.size else 1.0
    return low if vmin is None else float(vmin), high if vmax is None else float(vmax)


@lru_cache(maxsize=1)
def colormap_table() -> np.ndarray:
    """The 256 colours of `colormap`, `(256, 3)` uint8: lightness rises evenly, hue turns from violet-blue to yellow."""
    t = np.linspace(0, 1, 1024)
    lightness = 0.26 + 0.62 * t
    hue = np.deg2rad(292 - 190 * t**0.95)
    chroma = 0.085 + 0.25 * (t - 0.4) ** 2  # as much as sRGB has at the teal in the middle, and more at the ends
    lab = np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], axis=1)
    way = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(lab, axis=0), axis=1))])
    even = np.linspace(0, way[-1], 256)
    lab = np.stack([np.interp(even, way, lab[:, i]) for i in range(3)], axis=1)
    table = from_oklab(lab)
    table.flags.writeable = False
    return table


def to_oklab(rgb: np.ndarray) -> np.ndarray:
    """`(..., 3)` OKLab of sRGB in 0..255: lightness 0..1, and two colour axes of about ±0.3."""
    unit = np.asarray(rgb, dtype=np.float64) / 255
    linear = np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T


def from_oklab(lab: np.ndarray) -> np.ndarray:
    """`(..., 3)` uint8 sRGB; colours outside the gamut are clipped channel by channel."""
    linear = ((np.asarray(lab) @ np.linalg.inv(_TO_LAB).T) ** 3) @ np.linalg.inv(_TO_LMS).T
    linear = np.clip(linear, 0, 1)
    unit = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.rint(unit * 255).astype(np.uint8)


def readable_on(background: Sequence[int]) -> Colour:
    """Near-black or white, whichever a text needs on this background."""
    return _readable_on(tuple(background))


@lru_cache(maxsize=1024)
def _readable_on(background: tuple[int, ...]) -> Colour:
    return (30, 33, 38) if to_oklab(np.array(background))[0] > 0.66 else (255, 255, 255)


@lru_cache(maxsize=1024)
def _parse_name(name: str) -> Colour:
    word = name.strip().lower()
    try:
        grey = float(word)
    except ValueError:
        grey = -1.0
    if 0 <= grey <= 1:
        return (round(grey * 255),) * 3
    value = _NAMED.get(word, word)
    try:
        rgb = ImageColor.getrgb(value)
    except ValueError as error:
        hint = nearest(word, _NAMED)
        raise UsageError(f"expected a colour (a CSS name, 'r', 'tab:blue', '#rrggbb'), got {name!r}.{hint}") from error
    if len(rgb) == 4:
        raise UsageError(f"colour {name!r} has an opacity: give it as alpha instead")
    return rgb


def _parse_numbers(colour: Any) -> Colour:
    if not _is_triple(colour):
        raise UsageError(f"expected a colour's name or three numbers, got {colour!r:.80}")
    values = [float(v) for v in colour]
    fractions = any(isinstance(v, (float, np.floating)) for v in colour) and all(0 <= v <= 1 for v in values)
    levels = [round(v * 255) if fractions else round(v) for v in values]
    if not all(0 <= v <= 255 for v in levels):
        raise UsageError(f"expected colour values within 0..255, got {tuple(values)}")
    return levels[0], levels[1], levels[2]


def _parse_or_none(colour: Any) -> Colour | None:
    return None if colour is None or (isinstance(colour, str) and colour.lower() == "none") else parse(colour)


def _is_triple(value: Any) -> bool:
    if isinstance(value, str) or not hasattr(value, "__len__") or len(value) != 3:
        return False
    return all(np.isscalar(v) and not isinstance(v, str) for v in value)


def _perceived(rgb: np.ndarray) -> np.ndarray:
    """OKLab with its colour axes doubled, which brings steps of hue and of lightness to one scale."""
    return to_oklab(rgb) * (1, 2, 2)


@lru_cache(maxsize=1)
def _candidates() -> tuple[np.ndarray, np.ndarray]:
    """Colours of a grid through sRGB that are neither too pale for white paper nor nearly black."""
    axis = np.linspace(0, 255, 20).round()
    rgb = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    lab = to_oklab(rgb)
    kept = (lab[:, 0] >= _LIGHTNESS[0]) & (lab[:, 0] <= _LIGHTNESS[1])
    return rgb[kept].astype(np.uint8), _perceived(rgb[kept])
