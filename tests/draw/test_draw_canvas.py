"""Ink on a picture, against slow supersampling and exact areas."""

from __future__ import annotations

import numpy as np
import pytest

from selfscope.draw.canvas import Canvas, clip_polygon, clip_segments, stroke_cover
from selfscope.draw.text import measure

RNG = np.random.default_rng(0)
FINE = 8


def darkness(canvas: Canvas) -> np.ndarray:
    """How much of each pixel is covered by black ink on white, 0..1."""
    return 1 - canvas.pixels[..., 0].astype(float) / 255


def sampled(height: int, width: int, inside: object) -> np.ndarray:
    """Cover of each pixel, from FINE × FINE points in it."""
    y, x = (np.mgrid[0 : height * FINE, 0 : width * FINE] + 0.5) / FINE
    return inside(x, y).reshape(height, FINE, width, FINE).mean(axis=(1, 3))  # type: ignore[operator]


def test_a_canvas_draws_on_its_own_copy() -> None:
    picture = np.zeros((4, 4, 3), np.uint8)
    Canvas(picture).rectangle((0, 0, 4, 4), (255, 255, 255))
    assert (picture == 0).all()


@pytest.mark.parametrize("place", [(0, 0), (-3, 2), (6, 6), (-9, 0), (20, 20)])
def test_pasting_clips_at_the_edges(place: tuple[int, int]) -> None:
    x, y = place
    patch = RNG.integers(1, 256, (5, 6, 3), dtype=np.uint8)
    canvas = Canvas(np.zeros((8, 9, 3), np.uint8))
    canvas.paste(patch, x, y)
    wide = np.zeros((60, 60, 3), np.uint8)
    wide[20 + y : 25 + y, 20 + x : 26 + x] = patch
    np.testing.assert_array_equal(canvas.pixels, wide[20:28, 20:29])


@pytest.mark.parametrize("box", [(1, 2, 6, 5), (0.25, 1.5, 7.75, 4), (-3.5, -3, 20.5, 2.25), (2.2, 2.2, 2.6, 2.4)])
def test_rectangles_cover_exact_areas(box: tuple[float, float, float, float]) -> None:
    canvas = Canvas.blank(7, 9)
    canvas.rectangle(box, (0, 0, 0))
    x0, y0, x1, y1 = np.clip(box, 0, (9, 7, 9, 7))
    assert darkness(canvas).sum() == pytest.approx((x1 - x0) * (y1 - y0), abs=0.1)


def test_a_half_transparent_rectangle_is_the_mixture_on_whole_and_on_broken_pixels() -> None:
    ground = RNG.integers(0, 256, (6, 6, 3), dtype=np.uint8)
    for box in ((1, 1, 5, 5), (0.999999, 1, 5, 5)):
        canvas = Canvas(ground)
        canvas.rectangle(box, (200, 100, 0), 0.3)
        mixed = ground[1:5, 1:5] * 0.7 + np.array((200, 100, 0)) * 0.3
        assert np.abs(canvas.pixels[1:5, 1:5] - mixed).max() <= 1.01
        np.testing.assert_array_equal(canvas.pixels[5], ground[5])


def test_a_frame_is_a_rectangle_without_its_inside() -> None:
    canvas = Canvas.blank(10, 12)
    canvas.frame((1, 2, 11, 9), (0, 0, 0), 2)
    expected = np.zeros((10, 12))
    expected[2:9, 1:11] = 1
    expected[4:7, 3:9] = 0
    np.testing.assert_array_equal(darkness(canvas), expected)


def test_a_frame_thicker_than_its_box_is_full() -> None:
    canvas = Canvas.blank(5, 5)
    canvas.frame((1, 1, 4, 3), (0, 0, 0), 2)
    assert darkness(canvas).sum() == 6


@pytest.mark.parametrize("trial", range(12))
def test_strokes_cover_what_lies_within_half_their_width(trial: int) -> None:
    rng = np.random.default_rng(trial)
    a, b, width = rng.uniform(-10, 50, 2), rng.uniform(-10, 50, 2), rng.uniform(1, 9)
    canvas = Canvas.blank(37, 41)
    canvas.segments(a[None], b[None], (0, 0, 0), width)

    def inside(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        share = ((x - a[0]) * (b - a)[0] + (y - a[1]) * (b - a)[1]) / ((b - a) ** 2).sum()
        share = np.clip(share, 0, 1)
        return np.hypot(x - a[0] - share * (b - a)[0], y - a[1] - share * (b - a)[1]) < width / 2

    difference = np.abs(darkness(canvas) - sampled(37, 41, inside))
    assert difference.max() < 0.25
    assert difference.mean() < 0.01


def test_crossing_lines_of_one_ink_are_not_darker() -> None:
    canvas = Canvas.blank(20, 20)
    start, end = np.array([[0, 10], [10, 0]]), np.array([[20, 10], [10, 20]])
    canvas.segments(start, end, (0, 0, 0), 4, alpha=0.5)
    assert darkness(canvas).max() == pytest.approx(0.5, abs=0.01)


def test_a_hairline_is_as_faint_as_it_is_thin() -> None:
    canvas = Canvas.blank(20, 60)
    canvas.stroke(np.array([[-5, 10.5], [70, 10.5]]), (0, 0, 0), 0.4)
    assert darkness(canvas).sum() == pytest.approx(60 * 0.4, rel=0.05)


def test_a_row_of_nan_breaks_a_line() -> None:
    canvas = Canvas.blank(10, 30)
    canvas.stroke(np.array([[0, 5], [8, 5], [np.nan, np.nan], [20, 5], [30, 5]]), (0, 0, 0), 2)
    assert darkness(canvas)[:, 10:18].sum() == 0
    assert darkness(canvas)[5, [3, 25]].tolist() == [1, 1]


@pytest.mark.parametrize("far", [1e3, 1e6, 1e9])
def test_far_ends_cost_nothing_and_change_nothing(far: float) -> None:
    pixels, cover = stroke_cover([[-far, 10]], [[far, 10]], 2, (20, 20))
    assert len(pixels) <= 20 * 6
    assert cover.max() == 1


@pytest.mark.parametrize(("x", "y", "radius"), [(10, 9, 6), (0.3, 19.6, 7.5), (-5, -5, 3), (8, 8, 400)])
def test_discs(x: float, y: float, radius: float) -> None:
    canvas = Canvas.blank(20, 24)
    canvas.disc(x, y, radius, (0, 0, 0))
    expected = sampled(20, 24, lambda u, v: np.hypot(u - x, v - y) < radius)
    assert np.abs(darkness(canvas) - expected).mean() < 0.01


@pytest.mark.parametrize("trial", range(6))
def test_triangles(trial: int) -> None:
    corners = np.random.default_rng(trial).uniform(-15, 55, (3, 2))
    canvas = Canvas.blank(33, 40)
    canvas.polygon(corners, (0, 0, 0))

    def inside(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        sides = []
        for i in range(3):
            (x0, y0), (x1, y1) = corners[i], corners[(i + 1) % 3]
            sides.append((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) > 0)
        return (sides[0] == sides[1]) & (sides[1] == sides[2])

    assert np.abs(darkness(canvas) - sampled(33, 40, inside)).mean() < 0.015


def test_large_polygons_are_drawn_in_bands_without_seams() -> None:
    canvas = Canvas.blank(700, 600)
    canvas.polygon(np.array([(-1e8, -1e8), (1e8, -1e8), (1e8, 1e8), (-1e8, 1e8)]), (0, 0, 0))
    assert (canvas.pixels == 0).all()


def test_clipped_segments_stay_on_their_line() -> None:
    start, end = RNG.uniform(-30, 30, (200, 2)), RNG.uniform(-30, 30, (200, 2))
    a, b = clip_segments(start, end, (0, 0, 10, 8))
    both = np.concatenate([a, b])
    assert ((both > -1e-9) & (both < np.array((10, 8)) + 1e-9)).all()
    share = np.linspace(0, 1, 401)[:, None, None]
    points = start + share * (end - start)
    touches = ((points >= 0) & (points <= (10, 8))).all(axis=2).any(axis=0)
    assert abs(int(touches.sum()) - len(a)) <= 3


def test_a_clipped_square_is_the_overlap() -> None:
    square = np.array([(-5, -5), (5, -5), (5, 5), (-5, 5)], float)
    clipped = clip_polygon(square, (0, 0, 10, 10))
    assert sorted(map(tuple, clipped.tolist())) == [(0, 0), (0, 5), (5, 0), (5, 5)]
    assert len(clip_polygon(square + 100, (0, 0, 10, 10))) == 0


@pytest.mark.parametrize("anchor", ["lt", "mm", "rb", "ls"])
def test_text_stands_where_its_anchor_says(anchor: str) -> None:
    width, height = measure("Map", 20)
    canvas = Canvas.blank(80, 120)
    canvas.text(60, 40, "Map", 20, (0, 0, 0), anchor)
    rows, columns = np.nonzero(darkness(canvas) > 0.2)
    left = {"l": 60, "m": 60 - width / 2, "r": 60 - width}[anchor[0]]
    assert abs(columns.min() - left) < 4
    assert abs(columns.max() - (left + width)) < 4
    if anchor[1] == "s":
        assert rows.max() > 40  # the p hangs below the baseline
    else:
        top = {"t": 40, "m": 40 - height / 2, "b": 40 - height}[anchor[1]]
        assert rows.min() >= top
        assert rows.max() <= top + height


def test_text_outside_is_not_drawn() -> None:
    canvas = Canvas.blank(10, 10)
    canvas.text(500, -400, "far", 12)
    assert (canvas.pixels == 255).all()


@pytest.mark.parametrize("alpha", [1.0, 0.6, 0.3])
@pytest.mark.parametrize(
    "box", [(0, 0, 40, 30), (3, 4, 17, 29), (5.0, 6.0, 20.0, 16.0), (-2, 3, 12, 33), (1.5, 2, 20, 9)]
)
@pytest.mark.parametrize("width", [1, 3])
def test_a_frame_is_four_rectangles(box: tuple[float, ...], width: int, alpha: float) -> None:
    ground = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    drawn, expected, colour = Canvas(ground), Canvas(ground), (200, 30, 90)
    drawn.frame(box, colour, width, alpha)
    x0, y0, x1, y1 = box
    for side in (
        (x0, y0, x1, y0 + width),
        (x0, y1 - width, x1, y1),
        (x0, y0 + width, x0 + width, y1 - width),
        (x1 - width, y0 + width, x1, y1 - width),
    ):
        expected.rectangle(side, colour, alpha)
    np.testing.assert_array_equal(drawn.pixels, expected.pixels)
