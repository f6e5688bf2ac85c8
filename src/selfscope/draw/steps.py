"""A pipeline step by step: what each transform made of the image, with what it drew."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from selfscope.draw import mask as masks
from selfscope.draw.canvas import INK, SOFT, Canvas
from selfscope.draw.compose import panel, side_by_side, stack
from selfscope.draw.glyphs import line_height
from selfscope.draw.picture import fit
from selfscope.draw.text import shorten, unbroken, wrap, write
from selfscope.draw.views import edged, heading
from selfscope.errors import RecordError
from selfscope.records import Sample, Step
from selfscope.sampled import MASKS, SHOWN, size_words, words

_SIDE = 168
"""Pixels that a step's picture fits into."""
_ACROSS = 7
"""Steps in a row."""
_SIZE, _SMALL = 13, 12


def pipeline_picture(sample: Sample) -> np.ndarray:
    """The original, then the picture after every step, named and with its sampled parameters below.

    Steps that all views share come first, then a row a view; views that differ in their last step alone share a
    row, and so does a target beside its view. What the model makes of the views itself comes last.
    """
    steps = [step for view in sample.views for step in view.steps]
    if steps and not any(step.picture is not None for step in steps):
        raise RecordError(f"{sample.key}: the sample holds no pictures of its steps: browse in the mode 'pipeline'")
    shared = _shared([view.steps for view in sample.views])
    tails = [_shown(view.steps[shared:]) for view in sample.views]
    first = [_original(sample)] if sample.original is not None else []
    last = [_panel(picture, name, "") for name, picture in sample.derived.items()]
    if not steps:
        views = [_panel(view.picture, heading(sample, i), "") for i, view in enumerate(sample.views)]
        return _lines((first or views) + last)
    first += [_cell(sample, step) for step in _shown(sample.views[0].steps[:shared])]
    if len(tails) == 1:
        return _lines(first + [_cell(sample, step) for step in tails[0]] + last)
    if max(map(len, tails)) <= 1:
        named = [_cell(sample, step, heading(sample, i)) for i, tail in enumerate(tails) for step in tail]
        return _lines(first + named + last)
    rows = [
        panel(_lines([_cell(sample, step) for step in tail]), heading(sample, i), _SIZE)
        for i, tail in enumerate(tails)
        if tail
    ]
    rows += [panel(_lines(last), "", _SIZE)] if last else []
    image = [panel(_lines(first), "image", _SIZE)] if first else []
    if max(map(len, tails[1:])) > 1 or len(first) + sum(map(len, tails)) + len(last) > _ACROSS:
        rows = [stack(rows, gap=_SIZE, align="start")]
    return side_by_side([*image, *rows], gap=2 * _SIZE, align="start")


def _lines(cells: Sequence[np.ndarray]) -> np.ndarray:
    lines = [cells[i : i + _ACROSS] for i in range(0, len(cells), _ACROSS)]
    return stack([side_by_side(line, gap=_SIZE, align="start") for line in lines], gap=_SIZE, align="start")


def _shared(views: Sequence[Sequence[Step]]) -> int:
    """How many steps all views have in common, from the first on."""
    count = 0
    while all(count < len(steps) for steps in views) and all(_same(steps[count], views[0][count]) for steps in views):
        count += 1
    return count


def _same(a: Step, b: Step) -> bool:
    if a is b:
        return True
    if a != b or (a.picture is None) != (b.picture is None):
        return False
    return a.picture is None or b.picture is None or np.array_equal(a.picture, b.picture)


def _shown(steps: Sequence[Step]) -> list[Step]:
    """Steps with a picture: one that only decides about those inside it has none.

    How values became a picture is a step of its own only where it made another picture; the rule stands in the foot.
    """
    pictured = [step for step in steps if step.picture is not None]
    if len(pictured) < 2 or pictured[-1].name != SHOWN:
        return pictured
    before, after = (np.asarray(step.picture) for step in pictured[-2:])
    return pictured[:-1] if np.array_equal(before, after) else pictured


def _original(sample: Sample) -> np.ndarray:
    assert sample.original is not None
    height, width = sample.original.shape[:2]
    return _panel(sample.original, "original", size_words(width, height))


def _cell(sample: Sample, step: Step, title: str = "") -> np.ndarray:
    assert step.picture is not None
    picture = step.picture
    if step.name in MASKS and sample.mask is not None:
        picture = masks.overlay(picture, sample.mask)
    return _panel(picture, title or step.name.rsplit("/", 1)[-1], words(step))


def _panel(picture: np.ndarray, title: str, said: str) -> np.ndarray:
    """A cell of one width: title, picture, words."""
    shown = edged(fit(picture, (_SIDE - 2, _SIDE - 2)))
    lines = wrap(unbroken(said), _SMALL, _SIDE, max_lines=5) if said else []
    top = line_height(_SIZE) + 3
    canvas = Canvas.blank(top + shown.shape[0] + 4 + len(lines) * line_height(_SMALL), _SIDE)
    canvas.text(0, 0, shorten(title, _SIZE, _SIDE, keep="both"), _SIZE, INK)
    canvas.paste(shown, 0, top)
    write(canvas, lines, 0, top + shown.shape[0] + 4, _SMALL, SOFT)
    return canvas.pixels


if __name__ == "__main__":
    from selfscope.draw.show import demonstrate, sample_photo
    from selfscope.records import View

    photo = sample_photo(200, 300)
    crop = Step("RandomResizedCrop", {"x": 40, "y": 20, "w": 150, "h": 150}, fit(photo[20:170, 40:190], (150, 150)))
    flip = Step("RandomFlip", {"direction": "horizontal"}, np.ascontiguousarray(crop.picture[:, ::-1]))  # type: ignore[index]
    demonstrate(pipeline_picture(Sample("hills/0", (View(photo, steps=(crop, flip)),), original=photo)))
