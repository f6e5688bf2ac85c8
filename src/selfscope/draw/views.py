"""The views of a sample side by side: two-view pairs, multi-crops, masks, rotations, patches of a puzzle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from selfscope.draw import mask as masks
from selfscope.draw.canvas import RULE, Canvas
from selfscope.draw.colour import Colour, palette, readable_on
from selfscope.draw.compose import Cell, grid, panel, side_by_side
from selfscope.draw.picture import fit, resize
from selfscope.draw.text import draw_label, label_size, size_for
from selfscope.records import Sample

_LEGIBLE = 160
"""Smaller pictures are enlarged by a whole factor up to about this many pixels, so that words fit beside them."""


def transformed_picture(sample: Sample) -> np.ndarray:
    """What the model gets to see, side by side.

    A mask lies on a second copy of the first view; patch boxes are named on the picture they were cut from, and the
    patches stand as they lie there; crops keep their relative sizes; what the model makes of the views itself comes
    last. Tiny views are enlarged by whole factors.
    """
    if sample.boxes is not None and sample.boxed is not None:
        blocks = _with_patches(sample)
    else:
        factor = enlargement([view.picture for view in sample.views])
        cells = [(enlarged(view.picture, factor), heading(sample, i)) for i, view in enumerate(sample.views)]
        if sample.mask is not None:
            cells.insert(1, masked(cells[0][0], sample.mask))
        cells += [(enlarged(picture, factor), name) for name, picture in sample.derived.items()]
        blocks = arrange(cells)
    return side_by_side(blocks, gap=size_for(max(block.shape[0] for block in blocks)), align="start")


def heading(sample: Sample, i: int) -> str:
    default = "view" if len(sample.views) == 1 else f"view {i + 1}"
    return sample.views[i].name or default


def short_name(sample: Sample, i: int) -> str:
    """The first word of a view's name, for a box: `centre`, or `0` of `0 upper left`; without a name its number."""
    name = sample.views[i].name
    return name.split()[0] if name else str(i + 1)


def masked(view: np.ndarray, mask: np.ndarray) -> Cell:
    """The view under its mask, and how much that removes."""
    return masks.overlay(view, mask), f"masked · {100 * np.mean(mask != 0):.0f} %"


def arrange(cells: Sequence[Cell]) -> list[np.ndarray]:
    """One block a picture, but crops much smaller than the largest share blocks, below each other and in columns."""
    tallest = max(picture.shape[0] for picture, _ in cells)
    size = size_for(tallest)
    blocks = [panel(edged(picture), words, size) for picture, words in cells if picture.shape[0] > 0.6 * tallest]
    small = [panel(edged(picture), words, size) for picture, words in cells if picture.shape[0] <= 0.6 * tallest]
    if small:
        rows = max(1, round((blocks[0].shape[0] + size) / max(p.shape[0] + size for p in small)))
        blocks.append(grid(small, columns=-(-len(small) // rows), gap=size))
    return blocks


def edged(picture: np.ndarray) -> np.ndarray:
    """The picture with a hairline around it: without, a white one has no end on white paper."""
    canvas = Canvas.blank(picture.shape[0] + 2, picture.shape[1] + 2, RULE)
    canvas.paste(picture, 1, 1)
    return canvas.pixels


def numbered_boxes(
    picture: np.ndarray, boxes: np.ndarray, colours: Sequence[Colour], names: Sequence[str] | None = None
) -> np.ndarray:
    """Boxes `(n, 4)` xyxy with their names, by default counted from 1, on their edges where no other name stands."""
    canvas = Canvas(picture)
    width, size = max(2, picture.shape[0] // 110), size_for(picture.shape[0])
    for box, colour in zip(boxes, colours, strict=True):
        x0, y0, x1, y1 = (round(side) for side in box.tolist())
        canvas.frame((x0 - 1, y0 - 1, x1 + 1, y1 + 1), (255, 255, 255), 1, alpha=0.6)
        canvas.frame((x0 + width, y0 + width, x1 - width, y1 - width), (255, 255, 255), 1, alpha=0.6)
        canvas.frame((x0, y0, x1, y1), colour, width)
    names = [str(i) for i in range(1, len(boxes) + 1)] if names is None else names
    taken: list[tuple[float, ...]] = []
    for name, box, colour in zip(names, boxes, colours, strict=True):
        place = _free_place(canvas, box, label_size(name, size), taken)
        draw_label(canvas, name, place, size, readable_on(colour), colour)
    return canvas.pixels


def _free_place(
    canvas: Canvas, box: np.ndarray, size: tuple[int, int], taken: list[tuple[float, ...]]
) -> tuple[float, float]:
    """Where a label of `size` goes: the first place along the box's upper, then lower edge that no other one takes."""
    (x0, y0, x1, y1), (w, h) = (round(side) for side in box.tolist()), size
    across = range(x0, max(x0, x1 - w) + 1, max(4, w // 2))
    rightmost, lowest = canvas.width - w, canvas.height - h
    places = ((max(0, min(x, rightmost)), max(0, min(y, lowest))) for y in (y0, y1 - h) for x in across)
    free = (p for p in places if not any(_cross((*p, p[0] + w, p[1] + h), other) for other in taken))
    x, y = next(free, (max(0, min(x0, rightmost)), max(0, min(y0, lowest))))
    taken.append((x, y, x + w, y + h))
    return x, y


def _cross(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def enlargement(pictures: Sequence[np.ndarray]) -> int:
    """The whole factor by which tiny pictures grow."""
    shortest, longest = max(min(p.shape[:2]) for p in pictures), max(max(p.shape[:2]) for p in pictures)
    return max(1, min(round(_LEGIBLE / shortest), 3 * _LEGIBLE // longest))


def enlarged(picture: np.ndarray, factor: int) -> np.ndarray:
    return (
        picture if factor == 1 else resize(picture, (picture.shape[0] * factor, picture.shape[1] * factor), "nearest")
    )


def _with_patches(sample: Sample) -> list[np.ndarray]:
    """The picture with its named boxes, then the patches apart, in the rows and columns in which they lie."""
    assert sample.boxes is not None
    assert sample.boxed is not None
    factor = enlargement([sample.boxed])
    names = [short_name(sample, i) for i in range(len(sample.views))]
    colours = palette(len(sample.boxes))
    drawn = numbered_boxes(enlarged(sample.boxed, factor), sample.boxes * factor, colours, names)
    size = size_for(drawn.shape[0])
    rows, columns = _places(sample.boxes)
    gap = size // 2
    room = max(24, (drawn.shape[0] + gap) // (max(rows) + 1) - gap)
    patches = [
        _named(fit(view.picture, (room, room)), name, colour, size)
        for view, name, colour in zip(sample.views, names, colours, strict=True)
    ]
    h, w = (gap + max(patch.shape[axis] for patch in patches) for axis in (0, 1))
    sheet = Canvas.blank((max(rows) + 1) * h - gap, (max(columns) + 1) * w - gap)
    for patch, row, column in zip(patches, rows, columns, strict=True):
        sheet.paste(patch, column * w, row * h)
    return [panel(drawn, "patches on the image", size), panel(sheet.pixels, "the patches", size)]


def _places(boxes: np.ndarray) -> tuple[list[int], list[int]]:
    """Row and column of every box where they lie on a grid, one a cell; else in reading order, about square."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    side = (boxes[:, 2:] - boxes[:, :2]).mean(axis=0)
    columns, rows = (_steps(centres[:, axis], side[axis] / 2) for axis in (0, 1))
    if len(set(zip(rows, columns, strict=True))) == len(boxes):
        return rows, columns
    wide = int(np.ceil(np.sqrt(len(boxes))))
    return [i // wide for i in range(len(boxes))], [i % wide for i in range(len(boxes))]


def _steps(values: np.ndarray, apart: float) -> list[int]:
    """Which of the groups, `apart` from each other or more, each value lies in, counted from the lowest."""
    order = np.argsort(values, kind="stable")
    group = np.concatenate([[0], np.cumsum(np.diff(values[order]) > apart)])
    found = np.empty(len(values), int)
    found[order] = group
    return found.tolist()


def _named(patch: np.ndarray, name: str, colour: Colour, size: int) -> np.ndarray:
    canvas = Canvas(patch)
    canvas.frame((0, 0, canvas.width, canvas.height), colour, 2)
    draw_label(canvas, name, (0, 0), size, readable_on(colour), colour)
    return canvas.pixels
