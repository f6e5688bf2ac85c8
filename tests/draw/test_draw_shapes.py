"""The drawing verbs: identities, edges, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from selfscope.draw.dashes import dash
from selfscope.draw.shapes import (
    draw_bboxes,
    draw_binary_masks,
    draw_circles,
    draw_lines,
    draw_points,
    draw_polygons,
    draw_texts,
)
from selfscope.draw.show import sample_photo
from selfscope.errors import UsageError
from tests.draw.golden import check_golden

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (37, 53, 3), dtype=np.uint8)
VERBS: list[tuple[Any, tuple[Any, ...]]] = [
    (draw_bboxes, ([[3, 4, 20, 30]],)),
    (draw_points, ([[10, 10]],)),
    (draw_lines, ([[1, 40]], [[2, 30]])),
    (draw_circles, ([[20, 15]], 8)),
    (draw_polygons, (np.array([[3, 3], [30, 5], [20, 30]]),)),
    (draw_texts, ("text", (5, 5))),
]


@pytest.mark.parametrize(("verb", "where"), VERBS)
def test_verbs_return_a_new_picture(verb: Any, where: tuple[Any, ...]) -> None:
    given = PICTURE.copy()
    drawn = verb(PICTURE, *where)
    np.testing.assert_array_equal(PICTURE, given)
    assert drawn.shape == PICTURE.shape
    assert drawn.dtype == np.uint8
    assert (drawn != PICTURE).any()


@pytest.mark.parametrize(("verb", "where"), VERBS[:1] + VERBS[3:5])
def test_without_edge_and_face_nothing_changes(verb: Any, where: tuple[Any, ...]) -> None:
    np.testing.assert_array_equal(verb(PICTURE, *where, edge_colors="none"), PICTURE)
    np.testing.assert_array_equal(verb(PICTURE, *where, edge_colors="r", face_colors="b", alpha=0.0), PICTURE)


@pytest.mark.parametrize("style", ["-", "--"])
def test_what_lies_outside_changes_nothing(style: str) -> None:
    far = {"line_styles": style}
    for offset in (-1e9, -200.0, 200.0, 1e9):
        box = [[offset, offset, offset + 50, offset + 50]]
        np.testing.assert_array_equal(draw_bboxes(PICTURE, box, face_colors="r", **far), PICTURE)
        np.testing.assert_array_equal(draw_lines(PICTURE, [[offset, offset]], [[0, offset]], **far), PICTURE)
        np.testing.assert_array_equal(draw_circles(PICTURE, [[offset, 0]], 30, face_colors="r", **far), PICTURE)
        corners = np.array([[offset, 0], [offset, 9], [offset + 9, 9]])
        np.testing.assert_array_equal(draw_polygons(PICTURE, corners, face_colors="r", **far), PICTURE)
        np.testing.assert_array_equal(draw_points(PICTURE, [[offset, offset]]), PICTURE)
        np.testing.assert_array_equal(draw_texts(PICTURE, "far", (offset, offset)), PICTURE)


def test_no_items_are_no_change() -> None:
    np.testing.assert_array_equal(draw_bboxes(PICTURE, np.zeros((0, 4))), PICTURE)
    np.testing.assert_array_equal(draw_points(PICTURE, []), PICTURE)
    np.testing.assert_array_equal(draw_polygons(PICTURE, []), PICTURE)
    np.testing.assert_array_equal(draw_texts(PICTURE, [], np.zeros((0, 2))), PICTURE)
    np.testing.assert_array_equal(draw_binary_masks(PICTURE, np.zeros((0, 37, 53), bool)), PICTURE)


def test_a_box_is_outlined_just_inside() -> None:
    drawn = draw_bboxes(PICTURE, [5, 6, 25, 30], edge_colors="r", line_widths=3, alpha=1.0)
    expected = PICTURE.copy()
    expected[6:30, 5:25] = (255, 0, 0)
    expected[9:27, 8:22] = PICTURE[9:27, 8:22]
    np.testing.assert_array_equal(drawn, expected)


def test_a_box_around_the_whole_picture_shows_all_its_edges() -> None:
    drawn = draw_bboxes(PICTURE, [[0, 0, 53, 37]], edge_colors=(1, 2, 3), line_widths=1, alpha=1.0)
    edges = np.ones((37, 53), bool)
    edges[1:-1, 1:-1] = False
    assert (drawn[edges] == (1, 2, 3)).all()
    np.testing.assert_array_equal(drawn[~edges], PICTURE[~edges])


def test_a_box_that_reaches_beyond_the_picture_gets_no_edge_at_the_border() -> None:
    drawn = draw_bboxes(PICTURE, [[-40, 10, 90, 20]], edge_colors="r", line_widths=1, alpha=1.0)
    changed = (drawn != PICTURE).any(axis=2)
    assert set(np.flatnonzero(changed.any(axis=1)).tolist()) == {10, 19}


def test_translucent_faces_are_mixtures() -> None:
    drawn = draw_bboxes(PICTURE, [[5, 6, 25, 30]], edge_colors="none", face_colors=(0, 0, 200), alpha=0.4)
    mixed = PICTURE[6:30, 5:25] * 0.6 + np.array((0, 0, 200)) * 0.4
    assert np.abs(drawn[6:30, 5:25] - mixed).max() <= 1.5


def test_large_pictures_are_drawn_in_bands_without_seams() -> None:
    large = np.zeros((1100, 400, 3), np.uint8)
    drawn = draw_bboxes(large, [[10, 10, 390, 1090]], edge_colors="w", face_colors="b", line_widths=2, alpha=1.0)
    expected = large.copy()
    expected[10:1090, 10:390] = 255
    expected[12:1088, 12:388] = (0, 0, 255)
    np.testing.assert_array_equal(drawn, expected)


def test_an_item_each_is_the_items_one_after_another() -> None:
    boxes = [[1, 1, 20, 20], [10, 10, 50, 30]]
    together = draw_bboxes(PICTURE, boxes, edge_colors=["r", (0, 0, 1.0)], line_widths=[1, 4], alpha=[1.0, 0.5])
    first = draw_bboxes(PICTURE, boxes[0], edge_colors="r", line_widths=1, alpha=1.0)
    second = draw_bboxes(first, boxes[1], edge_colors="b", line_widths=4, alpha=0.5)
    np.testing.assert_array_equal(together, second)


def test_a_polygon_on_whole_pixels_is_the_box() -> None:
    corners = np.array([[5, 6], [25, 6], [25, 30], [5, 30]])
    filled = draw_polygons(PICTURE, corners, edge_colors="none", face_colors="r", alpha=1.0)
    box = draw_bboxes(PICTURE, [5, 6, 25, 30], edge_colors="none", face_colors="r", alpha=1.0)
    assert (filled != box).any(axis=2).mean() < 0.06  # the border's pixels may be mixtures
    np.testing.assert_array_equal(filled[7:29, 6:24], box[7:29, 6:24])


def test_a_circle_is_round() -> None:
    white = np.full((61, 61, 3), 255, np.uint8)
    drawn = draw_circles(white, (30.5, 30.5), 20, edge_colors="k", line_widths=2, alpha=1.0)
    np.testing.assert_allclose(drawn, drawn.transpose(1, 0, 2), atol=12)
    np.testing.assert_allclose(drawn, drawn[::-1], atol=12)
    ink = 1 - drawn[..., 0] / 255
    assert ink.sum() == pytest.approx(2 * np.pi * 20 * 2, rel=0.02)


@pytest.mark.parametrize("marker", ["o", "s", "^", "v", "<", ">", "D", "p", "h", "*", "x", "+", "|", "_"])
def test_points_of_every_marker_have_their_place_and_size(marker: str) -> None:
    white = np.full((40, 40, 3), 255, np.uint8)
    drawn = draw_points(white, [[20, 20]], colors="k", marker=marker, sizes=100)
    ink = 1 - drawn[..., 0] / 255
    rows, columns = np.nonzero(ink > 0.3)
    assert abs(columns.mean() + 0.5 - 20) < 2
    assert abs(rows.mean() + 0.5 - 20) < 2
    assert ink.sum() == pytest.approx(np.pi * 25, rel=0.2)


def test_points_each_with_a_colour_and_a_size() -> None:
    white = np.full((20, 60, 3), 255, np.uint8)
    drawn = draw_points(white, [[10, 10], [30, 10], [50, 10]], colors=["r", "b", "k"], sizes=[16, 64, 64])
    assert drawn[10, 10].tolist() == [255, 0, 0]
    assert drawn[10, 30].tolist() == [0, 0, 255]
    assert (drawn[:, 25:35] != 255).any(axis=2).sum() > 2 * (drawn[:, 5:15] != 255).any(axis=2).sum()


def test_masks_colour_their_pixels() -> None:
    masks = RNG.random((2, 37, 53)) < 0.3
    drawn = draw_binary_masks(PICTURE, masks, colors=["r", (0, 0, 255)], alphas=[1.0, 0.5])
    expected = np.where(masks[0][..., None], (255, 0, 0), PICTURE)
    expected = np.where(masks[1][..., None], expected * 0.5 + np.array((0, 0, 255)) * 0.5, expected)
    assert np.abs(drawn - expected).max() <= 1.01


@pytest.mark.parametrize("across", ["left", "center", "right"])
@pytest.mark.parametrize("down", ["top", "center", "bottom", "baseline"])
def test_texts_are_aligned(across: str, down: str) -> None:
    white = np.full((80, 120, 3), 255, np.uint8)
    drawn = draw_texts(
        white, "Mxx", (60, 40), font_sizes=20, colors="k", horizontal_alignments=across, vertical_alignments=down
    )
    rows, columns = np.nonzero(drawn[..., 0] < 128)
    centre = {"left": columns.min(), "center": (columns.min() + columns.max()) / 2, "right": columns.max()}[across]
    assert abs(centre - 60) <= 3
    if down == "baseline":
        assert abs(rows.max() + 1 - 40) <= 1
    elif down == "center":
        assert abs((rows.min() + rows.max()) / 2 - 40) <= 4
    else:
        assert (rows.min() >= 40) if down == "top" else (rows.max() <= 40)


def test_text_boxes() -> None:
    white = np.full((40, 80, 3), 255, np.uint8)
    drawn = draw_texts(white, "a", (30, 10), colors="w", bboxes={"facecolor": "b", "edgecolor": "none", "pad": 2})
    assert (drawn == (0, 0, 255)).all(axis=2).sum() > 100
    with pytest.raises(UsageError, match="Did you mean 'facecolor'"):
        draw_texts(white, "a", (30, 10), bboxes={"facecolour": "b"})


@pytest.mark.parametrize("style", ["--", ":", "-.", "dashed", (0, (2, 2))])
def test_dashes_ink_a_part_of_the_line_and_nothing_else(style: Any) -> None:
    white = np.full((20, 200, 3), 255, np.uint8)
    solid = draw_lines(white, [[5, 195]], [[10, 10]], colors="k", line_widths=2)
    dashed = draw_lines(white, [[5, 195]], [[10, 10]], colors="k", line_styles=style, line_widths=2)
    assert (dashed >= solid).all()
    assert (dashed == 255).mean() - (solid == 255).mean() + 0.2 > 0.2
    changes = np.abs(np.diff((dashed[10, :, 0] < 128).astype(int))).sum()
    assert changes > 10


def test_dashes_follow_a_pattern_across_corners() -> None:
    path = np.array([[0, 0], [10, 0], [10, 10]], float)
    start, end = dash(path, (0, (6, 2)), 1, (100, 100))
    lengths = np.hypot(*(end - start).T)
    np.testing.assert_allclose(lengths, [6, 2, 4, 4], atol=1e-9)  # 0–6, 8–10 | 10–14, 16–20
    shifted, _ = dash(path, (3, (6, 2)), 1, (100, 100))
    assert shifted[0].tolist() == [0, 0]
    assert shifted[1].tolist() == [5, 0]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: draw_bboxes(PICTURE, [[5, 5, 1, 9]]), "x0 <= x1"),
        (lambda: draw_bboxes(PICTURE, [[1, 2, 3]]), r"shape \(N, 4\), got .*\(1, 3\)"),
        (lambda: draw_bboxes(PICTURE, [[1, 2, np.nan, 4]]), "finite"),
        (lambda: draw_bboxes(PICTURE, [[1, 2, 3, 4]], line_widths=[1, 2]), "line_widths: expected one number, or 1"),
        (lambda: draw_bboxes(PICTURE, [[1, 2, 3, 4]], alpha=2), "alpha"),
        (lambda: draw_bboxes(PICTURE, [[1, 2, 3, 4]], edge_colors="gren"), "colour"),
        (lambda: draw_bboxes(PICTURE, [[1, 2, 3, 4]], line_styles="~"), "line style"),
        (lambda: draw_lines(PICTURE, [[1, 2], [3, 4]], [[1, 2]]), "as many x_datas"),
        (lambda: draw_points(PICTURE, [[1, 2]], marker="?"), "marker"),
        (lambda: draw_polygons(PICTURE, [np.zeros((3, 3))]), "polygons"),
        (lambda: draw_binary_masks(PICTURE, np.zeros((5, 5), bool)), r"\(N, 37, 53\)"),
        (lambda: draw_binary_masks(PICTURE, np.full((37, 53), 3)), "0 and 1"),
        (lambda: draw_texts(PICTURE, ["a", "b"], [[1, 2]]), "2 texts and 1 positions"),
        (lambda: draw_texts(PICTURE, "a", [1, 2], vertical_alignments="middle"), "top center bottom baseline"),
    ],
)
def test_what_cannot_be_drawn_is_refused(call: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        call()


@pytest.mark.parametrize("shape", [(1, 1), (7, 13), (1, 50)])
@pytest.mark.parametrize(("verb", "where"), VERBS)
def test_odd_sizes(verb: Any, where: tuple[Any, ...], shape: tuple[int, int]) -> None:
    assert verb(np.zeros((*shape, 3), np.uint8), *where).shape == (*shape, 3)


def test_golden() -> None:
    drawn = sample_photo(120, 160)
    drawn = draw_bboxes(drawn, [[8, 60, 50, 110], [80, 8, 150, 50]], edge_colors=["r", "w"], line_styles=["-", "--"])
    drawn = draw_circles(drawn, [(110, 80)], 25, edge_colors="k", face_colors="gold", alpha=0.6)
    drawn = draw_lines(drawn, [[0, 160]], [[120, 0]], colors="w", line_styles="-.", line_widths=3)
    drawn = draw_polygons(drawn, np.array([(20, 10), (60, 15), (40, 50)]), face_colors="tab:purple")
    drawn = draw_points(drawn, np.random.default_rng(0).uniform(0, 120, (9, 2)), colors="c", marker="^")
    check_golden(draw_texts(drawn, "two\nlines", (110, 80), colors="k", bboxes={"fc": "w", "alpha": 0.7}), "shapes")
