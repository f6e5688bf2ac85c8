"""Points far off: who they are, where their arrows stand, and what the caption says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from selfscope.draw.course import course_scene
from selfscope.draw.map_panels import Style, map_panel
from selfscope.draw.scatter import caption, demo_embedding, embedding_picture, embedding_scene
from selfscope.draw.scene import Line, Marks, Scene, Words
from selfscope.draw.strays import add_arrow, stray_words, strays
from selfscope.records import Embedding


def cloud(count: int, dimensions: int = 2, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, dimensions)).astype(np.float32)


@pytest.mark.parametrize("dimensions", [1, 2, 3])
@pytest.mark.parametrize("count", [40, 300, 3000])
def test_one_point_far_off_is_the_stray_and_clouds_have_none(count: int, dimensions: int) -> None:
    coords = cloud(count, dimensions)
    assert not strays(coords).any()
    coords[7, -1] = 40
    np.testing.assert_array_equal(np.flatnonzero(strays(coords)), [7])
    np.testing.assert_array_equal(strays(5 - 1e4 * coords), strays(coords))


def test_a_group_is_no_stray_nor_is_anyone_of_a_few_points() -> None:
    coords = cloud(1000)
    coords[:4] += 60
    assert not strays(coords).any()  # one in 250: a small class
    assert strays(coords[1:])[:3].all()
    few = cloud(39)
    few[0] = 100
    assert not strays(few).any()


def test_what_is_not_finite_is_no_stray_and_hides_none() -> None:
    coords = cloud(200)
    coords[3], coords[5] = np.nan, (50, 0)
    np.testing.assert_array_equal(np.flatnonzero(strays(coords)), [5])


def test_the_others_are_drawn_as_without_strays_and_arrows_point_at_them() -> None:
    emb = demo_embedding(5, 400)
    coords = emb.coords.copy()
    coords[[10, 20]] = (0, 300), (-500, 1)
    kept = np.delete(np.arange(400), [10, 20])
    with_strays = embedding_scene(replace(emb, coords=coords), width=600, legend=False)
    without = embedding_scene(
        Embedding("demo", coords[kept], labels=emb.labels[kept], class_names=emb.class_names), width=600, legend=False
    )
    marks, alone = (next(item for item in s.items if isinstance(item, Marks)) for s in (with_strays, without))
    assert len(marks.points) == 398
    span, span_alone = (np.ptp(m.points, axis=0) for m in (marks, alone))
    np.testing.assert_allclose(span, span_alone, rtol=0.01)  # point sizes, and so margins, differ by a hair
    shafts = [item.path for item in with_strays.items if isinstance(item, Line) and len(item.path) == 2]
    up, left = shafts[0], shafts[2]  # each after its white ground
    x0, y0, x1, _ = marks.box
    assert up[1, 1] - y0 < 6
    assert up[1, 1] < up[0, 1]
    assert left[1, 0] - x0 < 6 < x1 - left[1, 0]
    assert left[1, 0] < left[0, 0]


def test_the_caption_counts_them_and_tells_how_far() -> None:
    coords = np.random.default_rng(0).random((100, 2))
    coords[0], coords[1], coords[2] = (0, 0), (1, 1), (3.5, 0.5)
    assert stray_words(coords[:2]) == ""
    assert stray_words(coords) == "1 point lies far off, 2.5 map widths outside: arrows at the border"
    assert stray_words(coords) in caption(Embedding("map", coords.astype(np.float32)))[0]
    coords[3], coords[4] = (0, -2), (0, 2)
    assert stray_words(np.concatenate([coords] * 5)[:400]) == ""  # twelve of 400
    more = np.concatenate([coords, np.random.default_rng(1).random((100, 2))])
    assert stray_words(more).startswith("3 points lie far off, up to 2.5 map widths")


def test_pictures_of_a_map_keep_their_size_whatever_is_far_off() -> None:
    emb = demo_embedding(5, 400)
    coords = emb.coords.copy()
    coords[1] = (1e7, -1e7)
    picture = embedding_picture(replace(emb, coords=coords), width=600, thumbnails={1: np.zeros((8, 8, 3), np.uint8)})
    assert picture.shape[1] == 600
    without = embedding_picture(emb, width=600, legend=False)
    assert (without != 255).any(axis=2).mean() < 2 * (picture != 255).any(axis=2).mean()


def test_panels_of_a_course_share_their_stretch_without_strays() -> None:
    first = demo_embedding(5, 400)
    coords = first.coords.copy()
    coords[0] = (0, 400)
    scene = course_scene([first, replace(first, coords=coords)], ["a", "b"], width=800)
    said = " ".join(item.text for item in scene.items if isinstance(item, Words))
    assert "up to 1 point" not in said
    assert "1 point lies far off" in said
    spans = [np.ptp(item.points, axis=0)[0] for item in scene.items if isinstance(item, Marks)]
    assert spans[0] == pytest.approx(spans[1])
    assert sum(isinstance(item, Line) for item in scene.items) == 4


def test_a_given_stretch_turns_what_is_outside_into_arrows() -> None:
    from selfscope.draw.map_inks import inks

    emb = demo_embedding(3, 50)
    low, high = np.array((-1.0, -1.0)), np.array((1.0, 1.0))
    panel = map_panel(emb.coords.astype(float), inks(emb, None), (200, 200), Style(extent=(low, high)))
    drawn = sum(len(item.points) for item in panel.items if isinstance(item, Marks))
    arrows = sum(isinstance(item, Line) for item in panel.items) // 4
    assert drawn + arrows == 50
    assert arrows > 10


def test_arrows_of_large_points_that_just_do_not_fit_point_outwards() -> None:
    from selfscope.draw.map_inks import inks

    coords = np.array(((0, 0), (-1.2, 0), (0, 1.22)), np.float32)
    shown = Style(extent=(np.array((-1.0, -1.0)), np.array((1.0, 1.0))), point_size=20)
    panel = map_panel(coords.astype(float), inks(Embedding("a", coords), None), (200, 200), shown)
    left, up = [item.path for item in panel.items if isinstance(item, Line) and len(item.path) == 2][::2]
    np.testing.assert_allclose(left, [(20, 100), (10, 100)])
    np.testing.assert_allclose(up, [(100, 20), (100, 10)])


@pytest.mark.parametrize(
    ("point", "ahead"), [((6, 40), (-1, 0)), ((40, 6), (0, -1)), ((94, 40), (1, 0)), ((40, 75), (0, 1))]
)
def test_an_arrow_at_a_point_inside_points_at_the_nearest_side(
    point: tuple[float, float], ahead: tuple[float, float]
) -> None:
    scene = Scene(80, 100)
    add_arrow(scene, np.array(point, float), np.zeros(3, np.uint8), 10, margin=4)
    shaft = next(item.path for item in scene.items if isinstance(item, Line))
    np.testing.assert_allclose(shaft[1] - shaft[0], 10 * np.array(ahead))
