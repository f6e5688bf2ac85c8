"""The original with its crops, and the views with what was drawn for them."""

from __future__ import annotations

import numpy as np
import pytest

from selfscope.draw import forensics
from selfscope.draw.colour import palette
from selfscope.draw.forensics import forensic_picture
from selfscope.draw.mask import overlay
from selfscope.draw.picture import resize
from selfscope.draw.show import sample_photo
from selfscope.draw.views import numbered_boxes
from selfscope.records import Sample, Step, View
from tests.draw.test_draw_compose import find

PHOTO = sample_photo(180, 240)
JITTER = Step("ColorJitter", {"brightness": 1.2, "hue": 0.03, "order": ("hue", "brightness")})


def view(side: int, seed: int = 0, **fields: object) -> View:
    return View(sample_photo(side, side, seed), **fields)  # type: ignore[arg-type]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every line that is written."""
    lines: list[str] = []
    canvas_text = forensics.Canvas.text

    def text(self: object, x: float, y: float, line: str, *more: object, **options: object) -> None:
        lines.append(line.replace("\u00a0", " "))
        canvas_text(self, x, y, line, *more, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(forensics.Canvas, "text", text)
    return lines


def test_the_original_shows_every_crop_in_its_views_colour() -> None:
    crops = ((10.0, 10.0, 100.0, 100.0), (100.0, 40.0, 120.0, 120.0))
    sample = Sample("a/1", tuple(view(180, seed, crop=crop) for seed, crop in enumerate(crops)), original=PHOTO)
    drawn = forensic_picture(sample)
    boxes = np.array([(10, 10, 110, 110), (100, 40, 220, 160)], float) * 1.5
    assert find(drawn, numbered_boxes(resize(PHOTO, (270, 360)), boxes, palette(2)))
    for i, one in enumerate(sample.views):
        ((y, x),) = find(drawn, one.picture[10:-10, 10:-10])
        assert drawn[y - 9, x].tolist() == list(palette(2)[i])


def test_a_pair_gets_iou_containment_and_what_was_drawn(said: list[str]) -> None:
    views = (
        view(180, crop=(0.0, 0.0, 120.0, 90.0), flip="horizontal", steps=(JITTER,)),
        view(180, 1, crop=(60.0, 0.0, 60.0, 90.0), flip="vertical"),
    )
    forensic_picture(Sample("a/1", views, original=PHOTO))
    assert "Views 1 and 2: IoU 0.50, containment 1.00" in said
    assert {"view 1 · 25 % of image", "view 2 · 12 % of image"} <= set(said)
    assert {"120 x 90 px, flipped", "60 x 90 px, flipped vertical"} <= set(said)
    assert "brightness 1.20, hue +11°" in said


def test_a_matrix_holds_every_pair(said: list[str]) -> None:
    crops = ((0.0, 0.0, 100.0, 100.0), (50.0, 0.0, 100.0, 100.0), (0.0, 0.0, 50.0, 50.0))
    forensic_picture(Sample("a/1", tuple(view(120, crop=crop) for crop in crops), original=PHOTO))
    assert "IoU above the diagonal," in said
    assert [line for line in said if line in (".33", ".50", ".25", "1", "0")].count("1") >= 1
    assert {".33", ".50", ".25", "0"} <= set(said)


@pytest.mark.parametrize(
    ("crops", "words"),
    [
        ([(0.0, 0.0, 240.0, 180.0)] * 4, "All views show the same area."),
        ([(0.0, 0.0, 20.0, 20.0), (50.0, 50.0, 20.0, 20.0)], "No two views overlap."),
        ([(float(i), 0.0, 50.0, 50.0) for i in range(13)], "Mean of 78 pairs of views: IoU 0.83, containment 0.91"),
    ],
)
def test_what_needs_no_matrix_is_a_sentence(crops: list, words: str, said: list[str]) -> None:
    forensic_picture(Sample("a/1", tuple(view(60, crop=crop) for crop in crops), original=PHOTO))
    assert words in said


def test_views_of_one_area_share_a_box_and_an_unknown_place_has_none(said: list[str]) -> None:
    crop = (10.0, 20.0, 60.0, 60.0)
    views = (view(90, crop=crop), view(90, 1, crop=crop), view(90, 2, crop=crop), view(90, 3))
    forensic_picture(Sample("a/1", views, original=PHOTO))
    assert said.count("1-3") == 1
    assert "place not known" in said


def test_a_mask_stands_beside_its_view_with_its_blocks(said: list[str]) -> None:
    mask = np.zeros((6, 6), np.uint8)
    mask[:2, :3] = 1
    step = Step("BEiTMaskGenerator", {"patches": 36, "removed": 6, "blocks": ((2, 3),)})
    one = view(192, crop=(0.0, 0.0, 240.0, 180.0), steps=(step,))
    drawn = forensic_picture(Sample("a/1", (one,), original=PHOTO, mask=mask))
    assert len(find(drawn, overlay(one.picture, mask))) == 1
    assert {"masked · 17 %", "6 of 36 patches in a block of 2x3"} <= set(said)


@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 400, 3), (400, 5, 3), (1000, 30, 3)])
def test_originals_of_any_proportion(shape: tuple[int, ...]) -> None:
    original = sample_photo(*shape[:2])
    views = (view(96, crop=(0.0, 0.0, float(shape[1]), float(shape[0]))), view(32, 1, crop=(0.0, 0.0, 0.0, 0.0)))
    drawn = forensic_picture(Sample("a/1", views, original=original))
    assert max(drawn.shape) < 1500


def test_boxes_of_patches_are_called_as_their_pictures_are(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The eight around the centre count from 0, which is not the place of their view."""
    named: list[str] = []
    draw = forensics.numbered_boxes
    monkeypatch.setattr(forensics, "numbered_boxes", lambda *a: (named.extend(a[3]), draw(*a))[1])
    names, crops = (
        ("centre", "0 upper left", "1 above"),
        ((80.0, 60.0, 40.0, 40.0), (0.0, 0.0, 40.0, 40.0), (80.0, 0.0, 40.0, 40.0)),
    )
    views = tuple(view(64, i, crop=crop, name=name) for i, (crop, name) in enumerate(zip(crops, names, strict=True)))
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h in crops], np.float32)
    forensic_picture(Sample("a/1", views, original=PHOTO, boxes=boxes, boxed=PHOTO))
    assert named == ["centre", "0", "1"]
    assert {"centre · 4 % of image", "0 upper left · 4 % of image"} <= set(said)


def test_the_heading_of_a_narrow_original_is_whole(said: list[str]) -> None:
    tall = sample_photo(400, 100)
    forensic_picture(Sample("a/1", (view(128, crop=(0.0, 0.0, 100.0, 400.0)),), original=tall))
    assert "original · 100 x 400 px" in said
