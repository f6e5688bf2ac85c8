"""The HOG drawing, against the ancestor's own and against a walk pixel by pixel."""

from __future__ import annotations

import math

import numpy as np
import pytest

from selfscope.draw.hog import draw_segments, hog_picture
from selfscope.errors import RecordError
from tests.draw.golden import FOLDER

RNG = np.random.default_rng(0)


def walk(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    """Bresenham's line from left to right, with the error kept in whole numbers."""
    (x, y), (x1, y1) = (start, end) if start[0] <= end[0] else (end, start)
    dx, dy, up = x1 - x, abs(y1 - y), 1 if y1 >= y else -1
    steep = dy > dx
    long, short = (dy, dx) if steep else (dx, dy)
    error, pixels = long - 2 * short, [(x, y)]
    for _ in range(long):
        side = error < 0
        error += 2 * long * side - 2 * short
        x += 1 if not steep or side else 0
        y += up if steep or side else 0
        pixels.append((x, y))
    return pixels


def slow_hog(cells: np.ndarray, pool: int) -> np.ndarray:
    """A loop over cells and bins, in 32-bit floats; segments must not leave the picture."""
    bins, height, width = cells.shape
    picture = np.zeros((height * pool, width * pool))
    share = cells / cells.max()
    for i in range(height):
        for j in range(width):
            for b in range(bins):
                m, turn = share[b, i, j], math.radians(b * 360 / bins)
                dx, dy = (m * np.float32(pool / 2) * np.float32(f(turn)) for f in (math.sin, math.cos))
                x0, y0 = np.float32(j * pool), np.float32(i * pool)
                ends = [(int(x0 + dx), int(y0 + dy)), (int(x0 - dx), int(y0 - dy))]
                for x, y in walk(*ends):
                    picture[y, x] = int(255 * math.sqrt(max(0, m)))
    return picture


def test_the_ancestors_drawing_is_reproduced() -> None:
    with np.load(FOLDER / "hog.npz") as golden:
        assert np.abs(hog_picture(golden["cells"]) - golden["drawing"]).max() <= 1e-4


@pytest.mark.parametrize(("bins", "pool"), [(9, 8), (7, 6), (18, 16)])
def test_strokes_inside_are_the_walk_pixel_by_pixel(bins: int, pool: int) -> None:
    cells = RNG.uniform(0.1, 1, (bins, 5, 6)).astype(np.float32)
    cells[:, 0], cells[:, :, 0] = 0, 0
    np.testing.assert_array_equal(hog_picture(cells, pool), slow_hog(cells, pool))


def test_any_two_points_are_joined_by_the_walk() -> None:
    for _ in range(200):
        start, end = RNG.integers(0, (13, 9)), RNG.integers(0, (13, 9))
        picture, expected = np.zeros((9, 13)), np.zeros((9, 13))
        draw_segments(picture, start[None], end[None], np.array([5.0]))
        for x, y in walk(tuple(start), tuple(end)):
            expected[y, x] = 5
        np.testing.assert_array_equal(picture, expected)


def test_later_segments_cover_earlier_ones() -> None:
    picture = np.zeros((5, 5))
    draw_segments(picture, np.array([[0, 2], [2, 0]]), np.array([[4, 2], [2, 4]]), np.array([1.0, 2.0]))
    np.testing.assert_array_equal(picture[2], [1, 1, 2, 1, 1])


@pytest.mark.parametrize(
    ("start", "end", "pixels"),
    [
        ((-3, 2), (8, 2), {(0, 2), (1, 2), (2, 2), (3, 2), (4, 2)}),
        ((-2, -2), (2, 2), {(0, 0), (1, 1), (2, 2)}),
        ((-5, 1), (-1, 3), set()),
        ((6, -4), (9, 9), set()),
        ((2, 9), (2, -9), {(2, 0), (2, 1), (2, 2), (2, 3), (2, 4)}),
    ],
)
def test_segments_are_cut_at_the_border(
    start: tuple[int, int], end: tuple[int, int], pixels: set[tuple[int, int]]
) -> None:
    picture = np.zeros((5, 5))
    draw_segments(picture, np.array([start]), np.array([end]), np.array([1.0]))
    assert {(int(x), int(y)) for y, x in zip(*np.nonzero(picture), strict=True)} == pixels


def test_a_scale_of_all_cells_changes_nothing_and_cells_stay_as_they_are() -> None:
    cells = RNG.uniform(0, 1, (9, 3, 4)).astype(np.float32)
    given = cells.copy()
    np.testing.assert_array_equal(hog_picture(cells), hog_picture(cells * 4))
    np.testing.assert_array_equal(cells, given)


@pytest.mark.parametrize("cells", [np.zeros((9, 2, 2)), np.full((9, 1, 1), -1.0)])
def test_nothing_above_zero_is_black(cells: np.ndarray) -> None:
    assert (hog_picture(cells) == 0).all()


def test_negative_values_are_drawn_black() -> None:
    cells = np.zeros((9, 2, 2), np.float32)
    cells[0, 1, 1], cells[3, 1, 1] = 1, -1
    assert set(np.unique(hog_picture(cells)).tolist()) == {0, 255}


@pytest.mark.parametrize("cells", [np.zeros((9, 9)), np.zeros((9, 0, 2)), np.full((9, 2, 2), np.nan)])
def test_what_is_not_cells_is_refused(cells: np.ndarray) -> None:
    with pytest.raises(RecordError, match="hog: "):
        hog_picture(cells)
