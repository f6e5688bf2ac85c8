"""A pipeline step by step."""

from __future__ import annotations

import numpy as np
import pytest

from selfscope.draw.mask import overlay
from selfscope.draw.picture import fit
from selfscope.draw.show import sample_photo
from selfscope.draw.steps import pipeline_picture
from selfscope.errors import RecordError
from selfscope.records import Sample, Step, View
from tests.draw.test_draw_compose import find

PHOTO = sample_photo(120, 160)


def step(seed: int, name: str = "RandomFlip", **params: object) -> Step:
    return Step(name, params, sample_photo(96, 96, seed))


def place(drawn: np.ndarray, picture: np.ndarray | None) -> tuple[int, int]:
    assert picture is not None
    (found,) = find(drawn, fit(picture, (166, 166)))
    return found


def test_one_view_is_one_row_from_the_original_on() -> None:
    steps = (step(1), step(2), step(3))
    drawn = pipeline_picture(Sample("a", (View(PHOTO, steps=steps),), original=PHOTO))
    places = [place(drawn, picture) for picture in (PHOTO, *(one.picture for one in steps))]
    assert len({y for y, _ in places}) == 1
    assert [x for _, x in places] == sorted(x for _, x in places)


def test_what_views_share_is_shown_once_and_every_view_has_a_row() -> None:
    shared = step(1)
    tails = [(step(2), step(3)), (step(4), step(5))]
    views = tuple(View(PHOTO, steps=(shared, *tail)) for tail in tails)
    drawn = pipeline_picture(Sample("a", views, original=PHOTO))
    assert place(drawn, shared.picture)[1] > place(drawn, PHOTO)[1]
    rows = [[place(drawn, one.picture) for one in tail] for tail in tails]
    for row in rows:
        assert row[0][0] == row[1][0]
        assert place(drawn, shared.picture)[1] < row[0][1] < row[1][1]
    assert rows[0][0][0] < rows[1][0][0]
    assert rows[0][0][1] == rows[1][0][1]


def test_a_target_shares_the_row_of_its_view_when_there_is_room() -> None:
    shared = step(1)
    views = (View(PHOTO, steps=(shared, step(2), step(3))), View(PHOTO, steps=(shared, step(4)), name="target"))
    drawn = pipeline_picture(Sample("a", views, original=PHOTO))
    places = [place(drawn, picture) for picture in (PHOTO, *(sample_photo(96, 96, seed) for seed in (1, 2, 3, 4)))]
    assert len({y for y, _ in places}) == 1
    assert [x for _, x in places] == sorted(x for _, x in places)


def test_steps_that_came_back_from_a_file_are_shared_by_their_pictures() -> None:
    again = [Step("RandomFlip", {}, sample_photo(96, 96, 1)) for _ in range(2)]
    views = tuple(View(PHOTO, steps=(one, step(2 + i), step(4 + i))) for i, one in enumerate(again))
    drawn = pipeline_picture(Sample("a", views, original=PHOTO))
    assert len(find(drawn, fit(sample_photo(96, 96, 1), (166, 166)))) == 1


def test_views_that_differ_in_one_step_share_a_row() -> None:
    views = tuple(View(PHOTO, steps=(step(9), step(seed))) for seed in range(4))
    drawn = pipeline_picture(Sample("a", views, original=PHOTO))
    places = [place(drawn, sample_photo(96, 96, seed)) for seed in (9, 0, 1, 2, 3)]
    assert len({y for y, _ in places}) == 1


def test_a_mask_lies_on_its_own_step_alone() -> None:
    mask = np.eye(6, dtype=np.uint8)
    drawn_mask = step(2, "SimMIMMaskGenerator", patches=36, removed=6, blocks=())
    drawn = pipeline_picture(Sample("a", (View(PHOTO, steps=(step(1), drawn_mask)),), mask=mask, original=PHOTO))
    assert len(find(drawn, fit(overlay(drawn_mask.picture, mask), (166, 166)))) == 1  # type: ignore[arg-type]
    assert len(find(drawn, fit(sample_photo(96, 96, 1), (166, 166)))) == 1


def test_long_pipelines_wrap() -> None:
    steps = tuple(step(seed, "AVeryLongNameOfSomeTransform") for seed in range(20))
    drawn = pipeline_picture(Sample("a", (View(PHOTO, steps=steps),), original=PHOTO))
    assert drawn.shape[1] < 1400
    assert len({place(drawn, one.picture)[0] for one in steps}) == 3


def test_without_pictures_of_steps_the_mode_is_named() -> None:
    with pytest.raises(RecordError, match="browse in the mode 'pipeline'"):
        pipeline_picture(Sample("a", (View(PHOTO, steps=(Step("RandomFlip"),)),), original=PHOTO))


def test_how_values_became_a_picture_is_a_step_only_where_it_made_another() -> None:
    first = step(1)
    same, other = (
        Step("shown", {"rule": "stretched"}, picture) for picture in (first.picture, sample_photo(96, 96, 9))
    )
    plain, kept, stretched = (
        pipeline_picture(Sample("a", (View(PHOTO, steps=steps),), original=PHOTO))
        for steps in ((first,), (first, same), (first, other))
    )
    assert np.array_equal(plain, kept)
    place(stretched, other.picture)
