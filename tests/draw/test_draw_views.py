"""Boxes with names, and patches in their places."""

from __future__ import annotations

import numpy as np
import pytest

from selfscope.draw.canvas import Canvas
from selfscope.draw.colour import palette
from selfscope.draw.sample import sample_picture
from selfscope.draw.show import sample_photo
from selfscope.draw.views import numbered_boxes
from selfscope.records import Sample, Step, View
from tests.draw.test_draw_compose import find

PHOTO = sample_photo(180, 240)


def test_boxes_keep_what_they_enclose() -> None:
    boxes = np.array([[20, 20, 120, 120]], float)
    drawn = numbered_boxes(PHOTO, boxes, palette(1))
    np.testing.assert_array_equal(drawn[60:110, 60:110], PHOTO[60:110, 60:110])
    np.testing.assert_array_equal(drawn[130:], PHOTO[130:])
    assert drawn[119, 70].tolist() == list(palette(1)[0])


@pytest.mark.parametrize("count", [2, 4, 8])
def test_names_of_boxes_on_one_spot_stand_beside_each_other(count: int) -> None:
    colours = palette(count)
    drawn = numbered_boxes(PHOTO, np.tile((10.0, 10.0, 230.0, 170.0), (count, 1)), colours)
    apart = numbered_boxes(PHOTO, np.array([(10.0, 10.0, 230.0, 170.0)]), colours[:1])
    filled = int((apart == colours[0]).all(axis=2)[10:30, 10:30].sum())  # one label with its corner of the frame
    for colour in colours:
        assert (drawn == colour).all(axis=2).sum() > filled / 3


@pytest.mark.parametrize("box", [(0, 0, 240, 180), (230, 170, 240, 180), (-20, -20, 5, 5), (0, 0, 0, 0)])
def test_names_stay_on_the_picture(box: tuple[int, ...]) -> None:
    drawn = numbered_boxes(PHOTO, np.array([box], float), palette(1), ["a name"])
    assert drawn.shape == PHOTO.shape
    assert (drawn == palette(1)[0]).all(axis=2).sum() > 50


@pytest.mark.parametrize("mode", ["transformed", "concat", "pipeline"])
def test_what_the_model_makes_of_its_views_stands_last(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    text = Canvas.text

    def written(canvas: Canvas, x: float, y: float, line: str, *more: object, **options: object) -> None:
        said.append(line)
        text(canvas, x, y, line, *more, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Canvas, "text", written)
    seen, made = sample_photo(166, 166, 1), sample_photo(166, 166, 2)
    view = View(seen, (0.0, 0.0, 240.0, 180.0), steps=(Step("RandomFlip", {}, seen),), name="view")
    mask = np.eye(4, dtype=np.uint8)
    drawn = sample_picture(Sample("a/1", (view,), original=PHOTO, mask=mask, derived={"its target": made}), mode=mode)
    ((_, x),) = find(drawn, made)
    assert x > max(left for _, left in find(drawn, seen[8:-8, 8:-8]))
    assert "its target" in said


def test_derived_pictures_of_several_views_are_a_row_of_their_own() -> None:
    views = tuple(
        View(PHOTO, steps=(Step("Jitter", {"by": seed}, PHOTO), Step("RandomFlip", {}, sample_photo(166, 166, seed))))
        for seed in (1, 2)
    )
    made = sample_photo(166, 166, 3)
    drawn = sample_picture(Sample("a/1", views, original=PHOTO, derived={"its target": made}), mode="pipeline")
    ((y, _),) = find(drawn, made)
    assert y > max(find(drawn, sample_photo(166, 166, seed))[0][0] for seed in (1, 2))


def puzzle(order: list[int]) -> tuple[Sample, np.ndarray]:
    cells = np.array([(60 * c, 60 * r, 60 * c + 50, 60 * r + 50) for r in range(3) for c in range(3)], float)
    boxes = cells[order] + np.random.default_rng(0).integers(0, 10, (9, 1)).repeat(4, axis=1)
    picture = PHOTO[:, :180]
    views = tuple(View(picture[int(y0) : int(y1), int(x0) : int(x1)].copy(), name=f"{i}") for i, (x0, y0, x1, y1)
                  in zip(order, boxes, strict=True))  # fmt: skip
    return Sample("a/1", views, boxes=boxes, boxed=picture), boxes


def test_patches_stand_as_they_lie_on_the_image() -> None:
    """Whatever their order: the ancestor's, ours (centre first), or any."""
    sample, boxes = puzzle([4, 0, 1, 2, 3, 5, 6, 7, 8])
    drawn = sample_picture(sample)
    assert find(drawn, numbered_boxes(np.ascontiguousarray(PHOTO[:, :180]), boxes, palette(9), list("401235678")))
    places = {}
    for view in sample.views:
        inner = view.picture[25:48, 4:48]  # clear of the name and the frame
        places[int(view.name)] = max(find(drawn, inner), key=lambda place: place[1])
    ordered = sorted(places, key=lambda name: (places[name][0] // 20, places[name][1]))
    assert ordered == list(range(9))


def test_patches_that_lie_on_no_grid_are_shown_in_order() -> None:
    boxes = np.array([(10.0, 10, 60, 60), (15, 12, 65, 62), (12, 18, 62, 68)])
    views = tuple(View(PHOTO[int(y0) : int(y1), int(x0) : int(x1)].copy()) for x0, y0, x1, y1 in boxes)
    drawn = sample_picture(Sample("a/1", views, boxes=boxes, boxed=PHOTO))
    assert find(drawn, numbered_boxes(PHOTO, boxes, palette(3)))
    for colour in palette(3):
        assert (drawn == colour).all(axis=2).sum() > 100
