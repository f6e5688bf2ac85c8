"""Pictures beside, above and below each other, with titles, captions, notes and footnotes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from selfscope.draw.canvas import INK, SOFT, Canvas
from selfscope.draw.colour import parse
from selfscope.draw.glyphs import line_height
from selfscope.draw.picture import as_picture, fit, resize
from selfscope.draw.scene import Photo, Scene, raster
from selfscope.draw.sheet import sheet as paper
from selfscope.draw.text import shorten, size_for, wrap, write
from selfscope.errors import UsageError

__all__ = ["as_picture", "contact_sheet", "fit", "grid", "page", "panel", "panels", "resize", "side_by_side", "stack"]

Cell = tuple[np.ndarray, str]
"""A picture, and the words that go with it."""

SHEET_WIDTH = 1600
_NARROWEST = 120
"""Pixels that a cell of a sheet has at least, for its caption."""
_WIDEST = 2500
"""Pixels that a sheet of pictures with words in them has at most."""
_COMMON = 800
"""A sheet of such pictures has as many columns as pictures of up to this width find room at their own size."""
_FAR_LARGER = 1.5
"""A picture that is higher or wider than so many times the median shrinks to that."""
_ALIGN = {"start": 0.0, "center": 0.5, "end": 1.0}


def side_by_side(
    pictures: Sequence[np.ndarray], *, gap: int = 8, align: str = "center", background: Any = "w"
) -> np.ndarray:
    """Pictures in a row, `gap` pixels of background between them; lower ones are placed by `align`, never scaled."""
    _check(pictures, align)
    height, width = max(p.shape[0] for p in pictures), sum(p.shape[1] for p in pictures) + gap * (len(pictures) - 1)
    canvas = Canvas.blank(height, width, parse(background))
    x = 0
    for picture in pictures:
        canvas.paste(picture, x, int((height - picture.shape[0]) * _ALIGN[align]))
        x += picture.shape[1] + gap
    return canvas.pixels


def stack(pictures: Sequence[np.ndarray], *, gap: int = 8, align: str = "center", background: Any = "w") -> np.ndarray:
    """Pictures below each other; as `side_by_side`."""
    _check(pictures, align)
    turned = [picture.transpose(1, 0, 2) for picture in pictures]
    return np.ascontiguousarray(side_by_side(turned, gap=gap, align=align, background=background).transpose(1, 0, 2))


def grid(
    pictures: Sequence[np.ndarray], *, columns: int | None = None, gap: int = 8, background: Any = "w"
) -> np.ndarray:
    """Pictures in rows of `columns` equal cells, each as large as the largest picture; about square by default."""
    _check(pictures, "center")
    columns = min(columns or int(np.ceil(np.sqrt(len(pictures)))), len(pictures))
    if columns < 1:
        raise UsageError(f"grid: expected at least one column, got {columns}")
    height, width = max(p.shape[0] for p in pictures), max(p.shape[1] for p in pictures)
    rows = -(-len(pictures) // columns)
    canvas = Canvas.blank(rows * (height + gap) - gap, columns * (width + gap) - gap, parse(background))
    for i, picture in enumerate(pictures):
        y, x = i // columns * (height + gap), i % columns * (width + gap)
        canvas.paste(picture, x + (width - picture.shape[1]) // 2, y + (height - picture.shape[0]) // 2)
    return canvas.pixels


def panel(picture: np.ndarray, heading: str, size: int | None = None) -> np.ndarray:
    """The picture with one line above it, which is shortened to the picture's width."""
    size = size or size_for(picture.shape[0])
    top = line_height(size) + size // 4
    canvas = Canvas.blank(top + picture.shape[0], picture.shape[1])
    canvas.text(0, 0, shorten(heading, size, picture.shape[1]), size, SOFT)
    canvas.paste(picture, 0, top)
    return canvas.pixels


def panels(cells: Sequence[Cell], *, gap: int | None = None, size: int | None = None) -> np.ndarray:
    """Pictures in a row with a heading above each, if there are any, their upper edges on one line."""
    _check(cells, "center")
    size = size or size_for(max(picture.shape[0] for picture, _ in cells))
    named = any(heading for _, heading in cells)
    drawn = [panel(*cell, size) if named else cell[0] for cell in cells]
    return side_by_side(drawn, gap=size if gap is None else gap, align="start")


def page(
    body: np.ndarray,
    *,
    title: str = "",
    notes: Sequence[str] = (),
    footer: Sequence[str] = (),
    size: int | None = None,
    min_width: int = 0,
) -> np.ndarray:
    """A picture on white paper: the title above it, notes below it on an amber strip, then small footnotes.

    All words wrap to the width of the body, or to `min_width` where that is more.
    """
    height, width = body.shape[:2]
    scene = Scene(height, width, [Photo((0, 0, width, height), body)])
    size = size or size_for(height)
    return raster(paper(scene, title=title, notes=notes, footer=footer, size=size, min_width=min_width))


def contact_sheet(
    cells: Sequence[Cell],
    *,
    columns: int | None = None,
    title: str = "",
    notes: Sequence[str] = (),
    footer: Sequence[str] = (),
    width: int = SHEET_WIDTH,
    words: bool = False,
) -> np.ndarray:
    """Many captioned pictures on one sheet of about `width` pixels.

    Cells of a row are equally wide and high; a picture keeps its proportions, shrinks to its cell, and grows by whole
    factors only. Captions have two lines at most. Without `columns`, their number makes the sheet a little wider than
    high. Pictures with `words` in them begin on a common line and keep their size, so that all words are equally
    large, on a sheet that may then be half as wide again; what is too large even for that shrinks, and so does what is
    far larger than the others.
    """
    _check(cells, "center")
    cells = _of_like_size(cells) if words and len(cells) > 3 else cells
    size, gap = max(13, width // 100), max(8, width // 80)
    aspects = np.array([picture.shape[1] / picture.shape[0] for picture, _ in cells])
    room = max(1, (width + gap) // (_NARROWEST + gap))
    if words:
        room = max(1, (_WIDEST + 2 * gap) // (min(_COMMON, max(picture.shape[1] for picture, _ in cells)) + 2 * gap))
    columns = min(len(cells), columns or min(room, _columns(aspects, 3 * size / width)))
    if words:
        rows = _headed_rows(cells, columns, gap, size)
    else:
        rows = _thumbnail_rows(cells, columns, gap, size, width)
    body = stack(rows, gap=gap, align="start")
    return page(body, title=title, notes=notes, footer=footer, size=size, min_width=min(width, 640))


def _of_like_size(cells: Sequence[Cell]) -> list[Cell]:
    """None much larger than most: one panorama would make every row as wide, or as high, as itself."""
    height, width = np.median([picture.shape[:2] for picture, _ in cells], axis=0)
    limit = (max(_NARROWEST, round(_FAR_LARGER * height)), max(_NARROWEST, round(_FAR_LARGER * width)))
    return [(fit(picture, limit, enlarge=False), words) for picture, words in cells]


def _thumbnail_rows(cells: Sequence[Cell], columns: int, gap: int, size: int, width: int) -> list[np.ndarray]:
    """Pictures as large as their cells allow."""
    largest = max(p.shape[1] * max(1, width // columns // 2 // p.shape[1]) for p, _ in cells)
    cell = max(_NARROWEST, min((width - gap * (columns - 1)) // columns, largest))
    return [_row(cells[i : i + columns], cell, columns, gap, size) for i in range(0, len(cells), columns)]


def _headed_rows(cells: Sequence[Cell], columns: int, gap: int, size: int) -> list[np.ndarray]:
    """Pictures at their own size, with their captions above them; farther apart than what stands in each."""
    gap *= 2
    most = (_WIDEST - gap * (columns - 1)) // columns
    shown = [(fit(picture, (_WIDEST, most), enlarge=False), words) for picture, words in cells]
    cell = max(_NARROWEST, *(picture.shape[1] for picture, _ in shown))
    return [_headed_row(shown[i : i + columns], cell, columns, gap, size) for i in range(0, len(cells), columns)]


def _headed_row(cells: Sequence[Cell], width: int, columns: int, gap: int, size: int) -> np.ndarray:
    """One row of such a sheet: upper left corners on a common line, captions stand on it."""
    captions = [_caption(words, size, width) for _, words in cells]
    lines = max(len(caption) for caption in captions)
    top = lines * line_height(size) + (size // 2 if lines else 0)
    canvas = Canvas.blank(top + max(p.shape[0] for p, _ in cells) + gap // 2, columns * (width + gap) - gap)
    for i, ((picture, _), words) in enumerate(zip(cells, captions, strict=True)):
        write(canvas, words, i * (width + gap), (lines - len(words)) * line_height(size), size, INK)
        canvas.paste(picture, i * (width + gap), top)
    return canvas.pixels


def _row(cells: Sequence[Cell], width: int, columns: int, gap: int, size: int) -> np.ndarray:
    """One row of a sheet: pictures stand on a common line, captions hang from it."""
    # A tall picture may be a quarter higher than its cell is wide, so that one portrait does not blow up a row.
    pictures = [fit(picture, (width * 5 // 4, width)) for picture, _ in cells]
    captions = [_caption(words, size, width) for _, words in cells]
    tallest, lines = max(p.shape[0] for p in pictures), max(len(c) for c in captions)
    space = lines * line_height(size) + (size // 3 if lines else 0)
    canvas = Canvas.blank(tallest + space, columns * (width + gap) - gap)
    for i, (picture, words) in enumerate(zip(pictures, captions, strict=True)):
        x = i * (width + gap)
        canvas.paste(picture, x + (width - picture.shape[1]) // 2, tallest - picture.shape[0])
        write(canvas, words, x + width / 2, tallest + size // 3, size, SOFT, align="m")
    return canvas.pixels


def _caption(words: str, size: int, width: int) -> list[str]:
    """At most two lines; a single long word, such as a path, keeps its two ends."""
    if not words:
        return []
    if " " not in words.strip():
        return [shorten(words, size, width, keep="both")]
    return wrap(words, size, width, max_lines=2)


def _columns(aspects: np.ndarray, caption: float) -> int:
    """The number of columns that brings the sheet nearest to 4 : 3; `caption` is a caption's height over its width."""
    count = len(aspects)
    candidates = np.arange(1, count + 1)
    height = np.median(np.minimum(1 / aspects, 1.25)) / candidates + caption
    total = np.ceil(count / candidates) * height
    return int(candidates[np.abs(np.log(1 / total / (4 / 3))).argmin()])


def _check(items: Sequence[Any], align: str) -> None:
    if not len(items):
        raise UsageError("expected at least one picture, got none")
    if align not in _ALIGN:
        raise UsageError(f"expected align 'start', 'center' or 'end', got {align!r}")


if __name__ == "__main__":
    from selfscope.draw.show import demonstrate, sample_photo

    photos = [sample_photo(120 + 20 * (i % 3), 160 + 40 * (i % 4), seed=i) for i in range(12)]
    sheet = contact_sheet(
        [(photo, f"hills/{i}.jpg · seed {i}") for i, photo in enumerate(photos)],
        title="Twelve landscapes",
        notes=["made of arithmetic"],
        footer=["every cell keeps its proportions"],
        width=1000,
    )
    demonstrate(sheet)
