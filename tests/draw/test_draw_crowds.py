"""Maps of very many points, and pictures on maps."""

from __future__ import annotations

import numpy as np
import pytest

from selfscope.draw.density import DENSE, shaded
from selfscope.draw.scatter import embedding_picture, embedding_scene
from selfscope.draw.scene import Photo
from selfscope.draw.thumbnails import Room, fitted, place, spread_out
from selfscope.records import Embedding

RNG = np.random.default_rng(0)
RED, BLUE = (200, 0, 0), (0, 0, 200)


def test_a_pixel_is_the_stronger_the_more_points_it_has() -> None:
    points = np.repeat([(0.5, 0.5), (1.5, 0.5), (2.5, 0.5)], (1, 10, 100), axis=0)
    picture = shaded(points, np.tile(np.array(RED, np.uint8), (111, 1)), (1, 4))
    np.testing.assert_array_equal(picture[0, 0], np.rint(255 + (np.array(RED) - 255) * 0.3))
    assert picture[0, 0, 1] > picture[0, 1, 1] > picture[0, 2, 1] == 0
    assert (picture[0, 3] == 255).all()


def test_only_colours_of_the_key_appear_in_the_shares_of_their_points() -> None:
    points = np.stack([np.tile(np.arange(2000) + 0.5, 5), np.full(10_000, 0.5)], axis=1)
    blue = RNG.random(10_000) < 0.3
    colours = np.where(blue[:, None], BLUE, RED).astype(np.uint8)
    picture = shaded(points, colours, (1, 2000))[0]
    is_blue = (picture == BLUE).all(axis=1)
    assert (is_blue | (picture == RED).all(axis=1)).all()
    assert is_blue.mean() == pytest.approx(0.3, abs=0.04)


def test_pale_points_show_where_there_are_no_others_and_strangers_nowhere() -> None:
    points = np.array([(0.5, 0.5), (0.5, 0.5), (1.5, 0.5), (-3.0, 0.5), (9.0, 0.5)])
    colours = np.array([RED, BLUE, BLUE, RED, RED], np.uint8)
    for seed in range(5):
        picture = shaded(points, colours, (1, 3), pale=np.array([False, True, True, False, False]), seed=seed)
        assert picture[0, 0, 0] > picture[0, 0, 2]
        assert picture[0, 1, 2] > picture[0, 1, 0]
        assert (picture[0, 2] == 255).all()


def test_a_crowd_is_shaded_and_says_so() -> None:
    crowd = Embedding("crowd", RNG.normal(size=(DENSE, 2)).astype(np.float32))
    (photo,) = (item for item in embedding_scene(crowd, width=400).items if isinstance(item, Photo))
    assert photo.pixels.shape[1] == 2 * (photo.box[2] - photo.box[0])
    levels = photo.pixels.min(axis=2).astype(int)
    half, side = levels.shape[0] // 2, levels.shape[1] // 2
    assert levels[half - 20 : half + 20, side - 20 : side + 20].mean() + 50 < levels.mean()


def test_thumbnails_overlap_neither_each_other_nor_their_points() -> None:
    points = RNG.uniform(0, 600, (500, 2)) * (1, 0.7)
    anchors = points[:12]
    corners = place(anchors, 40, Room(600, 420, points))
    assert None not in corners
    boxes = np.array(corners)
    for i in range(12):
        assert 0 <= boxes[i, 0] <= 560
        assert 0 <= boxes[i, 1] <= 380
        for j in range(i):
            assert np.abs(boxes[i] - boxes[j]).max() >= 40
    for x, y in boxes:
        assert not ((anchors > (x, y)) & (anchors < (x + 40, y + 40))).all(axis=1).any()


def test_thumbnails_keep_to_empty_places_near_their_points() -> None:
    left = RNG.uniform((0, 0), (200, 400), (2000, 2))
    ((x, y),) = place(np.array([(190.0, 200.0)]), 60, Room(600, 400, left))  # type: ignore[misc]
    assert 200 <= x < 260
    assert abs(y + 30 - 200) < 80


def test_what_finds_no_room_is_left_out() -> None:
    corners = place(RNG.uniform(0, 100, (50, 2)), 40, Room(100, 100, np.zeros((1, 2))))
    assert corners.count(None) >= 45


def test_every_group_is_stood_for_then_the_rest_of_the_map() -> None:
    labels = np.repeat([0, 1, 2, -1], 50)
    coords = np.array([(0, 0), (10, 0), (0, 10), (10, 10)])[np.repeat(range(4), 50)] + RNG.normal(0, 0.5, (200, 2))
    three = spread_out(coords, labels, 3)
    assert sorted(labels[three]) == [0, 1, 2]
    for i in three:
        members = coords[labels == labels[i]]
        assert np.linalg.norm(coords[i] - np.median(members, axis=0)) < 0.4
    assert len(spread_out(coords, labels, 10)) == 10
    assert len(spread_out(coords, None, 10)) == 10
    np.testing.assert_array_equal(spread_out(coords, None, 10), spread_out(coords, None, 10))


@pytest.mark.parametrize("n", [1, 2, 5])
def test_few_points_are_all_chosen(n: int) -> None:
    np.testing.assert_array_equal(spread_out(RNG.normal(size=(n, 2)), None, 20), range(n))


def test_points_in_one_place_or_nowhere_are_no_trouble() -> None:
    coords = np.zeros((30, 2))
    coords[:10] = np.nan
    assert len(spread_out(coords, None, 5)) >= 1
    assert len(spread_out(coords[:10], None, 5)) == 0


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_pictures_stand_on_the_map_in_frames_of_their_class(dimensions: int) -> None:
    coords = RNG.normal(size=(50, dimensions)).astype(np.float32)
    photo = np.full((30, 60, 3), (1, 2, 3), np.uint8)
    plain = embedding_picture(Embedding("map", coords), width=700)
    picture = embedding_picture(Embedding("map", coords), width=700, thumbnails={4: photo})
    assert not (plain == (1, 2, 3)).all(axis=2).any()
    rows, columns = (picture == (1, 2, 3)).all(axis=2).nonzero()
    assert np.ptp(columns) == pytest.approx(2 * np.ptp(rows), abs=3)


def test_a_picture_keeps_its_proportions() -> None:
    assert fitted(np.zeros((10, 40, 3), np.uint8), 20).shape == (5, 20, 3)
    assert fitted(np.zeros((900, 1, 3), np.uint8), 30).shape == (30, 1, 3)
