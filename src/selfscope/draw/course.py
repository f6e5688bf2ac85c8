"""One map a checkpoint, all in one coordinate system: side by side, and as frames of a moving picture."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from selfscope.draw.canvas import INK, RULE, SOFT
from selfscope.draw.glyphs import line_height
from selfscope.draw.legend import class_key, colour_key
from selfscope.draw.map_inks import Inks, inks
from selfscope.draw.map_panels import Style, map_panel
from selfscope.draw.map_words import MEANINGS
from selfscope.draw.map_words import title as map_title
from selfscope.draw.scene import Scene, raster
from selfscope.draw.sheet import sheet
from selfscope.draw.strays import extent, stray_words, strays
from selfscope.draw.text import shorten
from selfscope.errors import RecordError
from selfscope.records import Embedding

BETWEEN = 12
"""Frames from one checkpoint to the next."""
PAUSE, FRAME = 1200, 60
"""Milliseconds that a checkpoint and a frame between two stay."""
_MOST_COLUMNS = 4
BEFORE = ("drift", "kept")
"""Columns that compare a map with the one before, and which the first has not."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture of a moving one, and how long it stays."""

    picture: np.ndarray
    milliseconds: int


def course_scene(
    maps: Sequence[Embedding],
    names: Sequence[str],
    *,
    under: Sequence[str] = (),
    notes: Sequence[str] = (),
    footer: Sequence[str] = (),
    color_by: str | None = "label",
    width: int = 1600,
) -> Scene:
    """A panel a map, headed by its name, a line of `under` below it; all share one stretch of plane and colours."""
    drawn, style = _shared(maps, color_by)
    size = max(11, round(width / 92))
    whole = width - 2 * (size + 3)
    key = _key(drawn[-1], round(width * 0.4), whole * 2 // 5, size)
    room = whole - (0 if key is None else key.width + 2 * size)
    columns = _columns(len(maps))
    side = (room - (columns - 1) * size) // columns
    line = line_height(size)
    high = side + line * (2 if under else 1) + size
    rows = -(-len(maps) // columns)
    scene = Scene(max(rows * high - size, 0 if key is None else key.height), whole)
    for t, (emb, ink) in enumerate(zip(maps, drawn, strict=True)):
        left, top = t % columns * (side + size), t // columns * high
        scene.text(left, top, shorten(names[t], size, side), size, INK)
        scene.paste(map_panel(emb.coords.astype(np.float64), ink, (side, side), style), left, top + line)
        if under:
            scene.text(left, top + line + side, shorten(under[t], size, side), size, SOFT)
    if key is not None:
        scene.paste(key, room + 2 * size, line)
    return sheet(scene, title=map_title(maps[-1]), notes=notes, footer=_footer(drawn[-1], maps, footer), size=size)


def _columns(count: int) -> int:
    """As few as make the sheet no higher than wide; of these the number that leaves the fewest places empty."""
    few = min(count, _MOST_COLUMNS, max(2, math.ceil(math.sqrt(count))))
    return min(range(few, min(count, _MOST_COLUMNS) + 1), key=lambda columns: -count % columns)


def course_frames(
    maps: Sequence[Embedding],
    names: Sequence[str],
    *,
    footer: Sequence[str] = (),
    color_by: str | None = "label",
    width: int = 900,
) -> Iterator[Frame]:
    """Points on their way from map to map: eased, straight lines between, a pause at each map.

    Only the maps themselves are results; what is between them is there for the eye to follow.
    """
    drawn, style = _shared(maps, color_by)
    film = _Film.of(drawn[-1], style, names, _footer(drawn[-1], maps, footer), width)
    for t, emb in enumerate(maps):
        yield Frame(film.picture(emb.coords, drawn[t], float(t)), PAUSE)
        if t + 1 < len(maps):
            for share in np.arange(1, BETWEEN) / BETWEEN:
                eased = share * share * (3 - 2 * share)
                coords = (1 - eased) * emb.coords + eased * maps[t + 1].coords
                yield Frame(film.picture(coords, drawn[t] if share < 0.5 else drawn[t + 1], t + float(eased)), FRAME)


@dataclass(frozen=True, eq=False)
class _Film:
    """What all frames have in common, so that all have one size."""

    names: Sequence[str]
    footer: Sequence[str]
    style: Style
    key: Scene | None
    size: int
    whole: int

    @classmethod
    def of(cls, last: Inks, style: Style, names: Sequence[str], footer: Sequence[str], width: int) -> _Film:
        size = max(12, round(width / 64))
        whole = width - 2 * (size + 3)
        key = _key(last, round(width * 0.5), whole // 3, size)
        return cls(names, footer, style, key, size, whole)

    def picture(self, coords: np.ndarray, ink: Inks, at: float) -> np.ndarray:
        """The map below a line of time, on which the checkpoints are marked and the moment is a dot."""
        size = self.size
        side = self.whole - (0 if self.key is None else self.key.width + size)
        top = 2 * line_height(size) + size
        scene = Scene(top + side, self.whole)
        nearest = round(at)
        scene.text(0, 0, self.names[nearest] if abs(at - nearest) < 1e-6 else "moving", size + 2, INK)
        self._add_time(scene, at, side)
        scene.paste(map_panel(np.asarray(coords, np.float64), ink, (side, side), self.style), 0, top)
        if self.key is not None:
            scene.paste(self.key, side + size, top)
        return raster(sheet(scene, title="", footer=self.footer, size=size))

    def _add_time(self, scene: Scene, at: float, side: int) -> None:
        y, last = line_height(self.size + 2) + self.size // 2, len(self.names) - 1
        scene.box((0, y, side, y + 2), RULE)
        for t in range(len(self.names)):
            x = side * t / last
            scene.box((x - 1 if t else 0, y - 4, x + 1 if t else 2, y + 6), SOFT)
        x = side * at / last
        scene.box((max(0, x - 5), y - 4, min(side, x + 5), y + 6), INK)


def _shared(maps: Sequence[Embedding], color_by: str | None) -> tuple[list[Inks], Style]:
    """The inks of every map and one stretch of the plane for all."""
    if len(maps) < 2 or any(emb.coords.shape != maps[0].coords.shape or emb.coords.shape[1] != 2 for emb in maps):
        shapes = [emb.coords.shape for emb in maps]
        raise RecordError(f"course: expected two or more maps (N, 2) of the same items, got {shapes}")
    every = np.concatenate([emb.coords[~strays(emb.coords)] for emb in maps]).astype(np.float64)
    low, high = extent(every)
    middle, half = (low + high) / 2, (high - low).max() / 2
    own = [] if color_by is None else [emb.columns[color_by] for emb in maps if color_by in emb.columns]
    span = np.concatenate(own) if own and own[0].dtype.kind in "fiub" else None
    drawn = [inks(emb, color_by if color_by not in BEFORE or t else None, span=span) for t, emb in enumerate(maps)]
    return drawn, replace(Style(), extent=(middle - half, middle + half))


def _footer(drawn: Inks, maps: Sequence[Embedding], lines: Sequence[str]) -> list[str]:
    coloured = [f"coloured by {MEANINGS[drawn.name]}"] if drawn.name in MEANINGS else []
    off = stray_words(*(emb.coords for emb in maps))
    return [*coloured, *lines, *([off] if off else [])]


def _key(drawn: Inks, height: int, max_width: int, size: int) -> Scene | None:
    if drawn.bar is not None:
        bar = drawn.bar
        return colour_key(bar.low, bar.high, name=bar.name, height=height // 2, size=size, note=bar.note)
    return class_key(drawn.entries, height=height, max_width=max_width, size=size) if drawn.entries else None
