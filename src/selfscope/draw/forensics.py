"""Where the views of a sample come from: their crops on the original, how much these share, what else was drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from selfscope.draw.canvas import INK, SOFT, Canvas
from selfscope.draw.colour import Colour, palette, readable_on
from selfscope.draw.compose import panel, side_by_side, stack
from selfscope.draw.glyphs import line_height, text_width
from selfscope.draw.picture import fit, resize
from selfscope.draw.text import shorten, size_for, unbroken, wrap, write
from selfscope.draw.views import edged, enlarged, enlargement, heading, masked, numbered_boxes, short_name
from selfscope.errors import RecordError
from selfscope.overlap import Overlap, pairwise
from selfscope.records import Sample, View
from selfscope.sampled import MASKS, changes, mask_words, size_words

_NARROWEST = 150
"""Pixels that a view's cell has at least, for its words."""
_BROADEST = 240
"""Pixels that a cell takes for the sake of its title; longer ones are shortened."""
_ORIGINAL = 1.5
"""The original's height, in that of the tallest view."""
_LOCALS = 3
"""Up to this many pictures stand in one row, whatever their sizes."""
_MANY = 12
"""More views than this have no matrix of overlaps: it could not be read."""

Crop = tuple[float, float, float, float]


def forensic_picture(sample: Sample) -> np.ndarray:
    """The original with every view's crop in that view's colour, and the views with all that was drawn for them.

    Below the original stand IoU and containment of every pair of crops. Views that show the same area share a box; a
    view whose place is not known has none, and says so.
    """
    if sample.original is None:
        raise RecordError(f"{sample.key}: the sample holds no original picture to show: browse with it kept")
    colours = palette(len(sample.views))
    factor = enlargement([view.picture for view in sample.views])
    tallest = factor * max(view.picture.shape[0] for view in sample.views)
    size = size_for(tallest)
    left = [_original(sample, colours, round(_ORIGINAL * tallest), size)]
    shared = _overlaps(sample.views, colours, left[0].shape[1], size)
    right = _views(sample, colours, factor, size)
    return side_by_side([stack([*left, *shared], gap=size, align="start"), right], gap=2 * size, align="start")


def _original(sample: Sample, colours: Sequence[Colour], height: int, size: int) -> np.ndarray:
    assert sample.original is not None
    full = sample.original.shape[:2]
    scale = min(height / full[0], 2 * height / full[1])
    shown = resize(sample.original, (max(1, round(full[0] * scale)), max(1, round(full[1] * scale))))
    groups: dict[Crop, list[int]] = {}
    for i, view in enumerate(sample.views):
        if view.crop is not None:
            groups.setdefault(view.crop, []).append(i)
    crops = np.array(list(groups), float).reshape(-1, 4)
    stretch = np.array([shown.shape[1] / full[1], shown.shape[0] / full[0]] * 2)
    boxes = np.concatenate([crops[:, :2], crops[:, :2] + crops[:, 2:]], axis=1) * stretch
    names = [_numbers(sample, members) for members in groups.values()]
    drawn = numbered_boxes(shown, boxes, [colours[members[0]] for members in groups.values()], names)
    told = f"original · {size_words(full[1], full[0])}"
    return panel(_widened(drawn, int(np.ceil(text_width(told, size)))), told, size)


def _numbers(sample: Sample, members: Sequence[int]) -> str:
    """What stands on the box of these views: names of patches, which are known by their places; else numbers."""
    if sample.boxes is not None or len(sample.views) == 1:
        return ", ".join(short_name(sample, i) for i in members)
    if len(members) > 2 and members[-1] - members[0] == len(members) - 1:
        return f"{members[0] + 1}-{members[-1] + 1}"
    return ", ".join(str(i + 1) for i in members)


def _views(sample: Sample, colours: Sequence[Colour], factor: int, size: int) -> np.ndarray:
    """The views in rows, larger ones first, each framed in its colour with its words below."""
    large: list[np.ndarray] = []
    small: list[np.ndarray] = []
    tallest = factor * max(view.picture.shape[0] for view in sample.views)
    titles = [_title(sample, i) for i in range(len(sample.views))]
    least = min(_BROADEST, max(_NARROWEST, *(int(np.ceil(text_width(title, size))) for title in titles)))
    for i, view in enumerate(sample.views):
        canvas = Canvas(enlarged(view.picture, factor))
        if i == 0 and sample.mask is not None:
            hidden = _cell(*masked(canvas.pixels, sample.mask), _mask_said(sample), size, least)
        canvas.frame((0, 0, canvas.width, canvas.height), colours[i], max(2, canvas.height // 64))
        group = large if canvas.height >= 0.7 * tallest else small
        group.append(_cell(canvas.pixels, titles[i], _said(view), size, least))
        group += [hidden] if i == 0 and sample.mask is not None else []
    for name, picture in sample.derived.items():
        large.append(_cell(edged(enlarged(picture, factor)), name, [], size, least))
    if len(large) + len(small) <= _LOCALS:
        return side_by_side([*large, *small], gap=size, align="start")
    room = max(3 * least + 2 * size, sum(cell.shape[1] + size for cell in large[:3]) - size)
    rows = [row for group in (large, small) for row in _balanced(group, room, size)]
    return stack([side_by_side(row, gap=size, align="start") for row in rows], gap=size, align="start")


def _balanced(cells: Sequence[np.ndarray], room: int, gap: int) -> list[Sequence[np.ndarray]]:
    """Rows of about equally many cells, no wider than `room`."""
    if not cells:
        return []
    most = max(1, (room + gap) // (max(cell.shape[1] for cell in cells) + gap))
    columns = -(-len(cells) // -(-len(cells) // most))
    return [cells[i : i + columns] for i in range(0, len(cells), columns)]


def _title(sample: Sample, i: int) -> str:
    view, original = sample.views[i], sample.original
    assert original is not None
    named = heading(sample, i)
    # A name with a number in it, or one that stands on the box, finds its box without another number.
    own = len(sample.views) == 1 or sample.boxes is not None or any(letter.isdigit() for letter in named)
    parts = [named if own else f"{i + 1} · {named}"]
    if view.crop is not None:
        parts.append(f"{100 * view.crop[2] * view.crop[3] / (original.shape[0] * original.shape[1]):.0f} % of image")
    return " · ".join(parts)


def _said(view: View) -> list[str]:
    """What was drawn for one view: place, flip, then colours and sharpness."""
    place = "place not known" if view.crop is None else size_words(round(view.crop[2]), round(view.crop[3]))
    flip = "" if view.flip is None else "flipped" if view.flip == "horizontal" else f"flipped {view.flip}"
    return [part for part in (f"{place}, {flip}" if flip else place, *changes(view.steps)) if part]


def _mask_said(sample: Sample) -> list[str]:
    return [mask_words(step.params) for step in sample.views[0].steps if step.name in MASKS]


def _cell(picture: np.ndarray, title: str, said: Sequence[str], size: int, least: int) -> np.ndarray:
    """A picture with one line above and its words below, as wide as it or as they need."""
    width = max(least, picture.shape[1])
    small = max(12, size - 2)
    lines = [line for part in said for line in wrap(unbroken(part), small, width)]
    framed = panel(_widened(picture, width), "", size)
    canvas = Canvas.blank(framed.shape[0] + len(lines) * line_height(small) + size // 3, width)
    canvas.paste(framed, 0, 0)
    canvas.text(0, 0, shorten(title, size, width), size, INK)
    write(canvas, lines, 0, framed.shape[0] + size // 4, small, SOFT)
    return canvas.pixels


def _widened(picture: np.ndarray, width: int) -> np.ndarray:
    """White paper to its right where the picture is narrower."""
    canvas = Canvas.blank(picture.shape[0], max(width, picture.shape[1]))
    canvas.paste(picture, 0, 0)
    return canvas.pixels


def _overlaps(views: Sequence[View], colours: Sequence[Colour], width: int, size: int) -> list[np.ndarray]:
    """How much the crops share: a sentence for a pair, or where there is nothing to compare, else a matrix."""
    pairs = pairwise([view.crop for view in views])
    if not pairs:
        return []
    if all(pair.iou > 1 - 1e-6 for pair in pairs):
        return [_sentence("All views show the same area.", width, size)]
    if all(pair.iou == 0 for pair in pairs):
        return [_sentence("No two views overlap.", width, size)]
    if len(pairs) == 1:
        (pair,) = pairs
        text = f"Views {pair.view_a} and {pair.view_b}: IoU {pair.iou:.2f}, containment {pair.containment:.2f}"
        return [_sentence(text, width, size)]
    if len(views) > _MANY:
        mean = [np.mean([getattr(pair, name) for pair in pairs]) for name in ("iou", "containment")]
        text = f"Mean of {len(pairs)} pairs of views: IoU {mean[0]:.2f}, containment {mean[1]:.2f}"
        return [_sentence(text, width, size)]
    return [_matrix(pairs, len(views), colours, size)]


def _sentence(text: str, width: int, size: int) -> np.ndarray:
    lines = wrap(text, size, width)
    canvas = Canvas.blank(len(lines) * line_height(size), width)
    write(canvas, lines, 0, 0, size, INK)
    return canvas.pixels


def _matrix(pairs: Sequence[Overlap], count: int, colours: Sequence[Colour], size: int) -> np.ndarray:
    """IoU above the diagonal, containment below it, darker for more."""
    small = max(12, size - 2)
    side = round(text_width(".00", small)) + small
    heads = ["IoU above the diagonal,", "containment below"]
    top = len(heads) * line_height(small) + small // 2
    canvas = Canvas.blank(top + (count + 1) * side, max((count + 1) * side, round(text_width(heads[0], small)) + 2))
    write(canvas, heads, 0, 0, small, SOFT)
    for i in range(count):
        for x, y in ((side * (i + 1), top), (0, top + side * (i + 1))):
            canvas.rectangle((x + 1, y + 1, x + side - 1, y + side - 1), colours[i])
            canvas.text(x + side / 2, y + side / 2, str(i + 1), small, readable_on(colours[i]), "mm")
    for pair in pairs:
        for row, column, value in (
            (pair.view_a, pair.view_b, pair.iou),
            (pair.view_b, pair.view_a, pair.containment),
        ):
            x, y = side * column, top + side * row
            shade = _shade(value)
            canvas.rectangle((x + 1, y + 1, x + side - 1, y + side - 1), shade)
            text = f"{value:.2f}".removeprefix("0") if value < 0.995 else "1"
            canvas.text(x + side / 2, y + side / 2, "0" if value == 0 else text, small, readable_on(shade), "mm")
    return canvas.pixels


def _shade(value: float) -> Colour:
    """White for 0 to a deep blue for 1."""
    low, high = np.array((246, 248, 251)), np.array((22, 69, 160))
    r, g, b = np.rint(low + (high - low) * value).astype(int).tolist()
    return r, g, b


if __name__ == "__main__":
    from selfscope.draw.show import demonstrate, sample_photo
    from selfscope.records import Step

    photo = sample_photo(240, 320)
    drawn = Step("ColorJitter", {"brightness": 1.21, "contrast": 0.8, "hue": 0.03})
    crops = ((20.0, 30.0, 180.0, 170.0), (110.0, 20.0, 190.0, 200.0), (60.0, 100.0, 70.0, 60.0))
    made = [
        View(
            fit(photo[int(y) : int(y + h), int(x) : int(x + w)], (224 - 128 * (i == 2),) * 2),
            (x, y, w, h),
            None if i else "horizontal",
            (drawn,),
        )
        for i, (x, y, w, h) in enumerate(crops)
    ]
    demonstrate(forensic_picture(Sample("hills/0", tuple(made), original=photo)))
