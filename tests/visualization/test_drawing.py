from __future__ import annotations

import numpy as np
import pytest
import torch

from selfscope.draw import shapes
from selfscope.draw.show import sample_photo
from selfscope.errors import UsageError
from selfscope.visualization.drawing import Drawing

PHOTO = sample_photo(60, 80)
BOXES = np.array([[5, 5, 30, 25], [40, 10, 70, 50.5]])
TRIANGLE = np.array([[10, 10], [50, 20], [30, 55]])
MASK = np.zeros((60, 80), bool)
MASK[10:20, 30:50] = True

CALLS = {
    "draw_bboxes": ((BOXES,), {"edge_colors": ["r", (0, 255, 0)], "line_styles": "--", "line_widths": [1, 3]}),
    "draw_polygons": (([TRIANGLE, TRIANGLE + 5],), {"face_colors": "y", "alpha": 0.5}),
    "draw_circles": ((np.array([[20, 20], [50, 30]]), np.array([5, 12])), {"edge_colors": "b", "line_widths": 1}),
    "draw_lines": ((np.array([[1, 70], [3, 60]]), np.array([[2, 50], [55, 4]])), {"colors": ["w", "k"]}),
    "draw_points": ((TRIANGLE,), {"colors": "m", "marker": "s", "sizes": np.array([9, 25, 49])}),
    "draw_texts": ((["one", "two"], np.array([[5, 5], [40, 30]])), {"bboxes": {"facecolor": "k", "alpha": 0.6}}),
    "draw_binary_masks": ((MASK,), {"colors": "c", "alphas": 0.4}),
}


def tensors(value):
    if isinstance(value, list) and isinstance(value[0], np.ndarray):
        return [torch.from_numpy(item) for item in value]
    return torch.from_numpy(value) if isinstance(value, np.ndarray) else value


@pytest.mark.parametrize("verb", CALLS)
@pytest.mark.parametrize("convert", [lambda value: value, tensors], ids=["arrays", "tensors"])
def test_verbs_draw_what_the_shapes_draw(verb, convert):
    items, styles = CALLS[verb]
    drawing = Drawing(PHOTO)
    assert getattr(drawing, verb)(*map(convert, items), **styles) is drawing
    expected = getattr(shapes, verb)(PHOTO, *items, **styles)
    np.testing.assert_array_equal(drawing.get_image(), expected)
    assert not np.array_equal(expected, PHOTO)


def test_calls_chain_on_top_of_each_other_and_leave_the_callers_picture_alone():
    given = PHOTO.copy()
    drawn = Drawing(given).draw_bboxes(BOXES).draw_points(TRIANGLE).get_image()
    np.testing.assert_array_equal(drawn, shapes.draw_points(shapes.draw_bboxes(PHOTO, BOXES), TRIANGLE))
    np.testing.assert_array_equal(given, PHOTO)


def test_one_item_is_many_of_one():
    for verb, one, many in (
        ("draw_bboxes", (BOXES[0],), (BOXES[:1],)),
        ("draw_polygons", (TRIANGLE,), ([TRIANGLE],)),
        ("draw_circles", (np.array([20, 20]), np.array([5])), (np.array([[20, 20]]), np.array([5]))),
        ("draw_circles", (np.array([20, 20]), 5), (np.array([[20, 20]]), np.array([5]))),
        ("draw_lines", (np.array([1, 9]), np.array([2, 8])), (np.array([[1, 9]]), np.array([[2, 8]]))),
        ("draw_points", (np.array([7, 9]),), (np.array([[7, 9]]),)),
        ("draw_texts", ("word", np.array([7, 9])), (["word"], np.array([[7, 9]]))),
        ("draw_binary_masks", (MASK,), (MASK[None],)),
    ):
        first, second = (getattr(Drawing(PHOTO), verb)(*items).get_image() for items in (one, many))
        np.testing.assert_array_equal(first, second)


def test_nothing_to_draw_draws_nothing():
    drawing = Drawing(PHOTO).draw_bboxes(np.zeros((0, 4))).draw_points(np.zeros((0, 2))).draw_polygons([])
    np.testing.assert_array_equal(drawing.get_image(), PHOTO)


@pytest.mark.parametrize(
    ("verb", "items", "what"),
    [
        ("draw_bboxes", (torch.tensor([1, 1, 200, 20]),), "bbox"),
        ("draw_polygons", (torch.tensor([[1, 1], [2, 2], [160, 4]]),), "polygon"),
        ("draw_circles", (torch.tensor([12, 5]), torch.tensor([10])), "circle"),
        ("draw_lines", (torch.tensor([120, 5]), torch.tensor([2, 6])), "line"),
        ("draw_points", (torch.tensor([-1, 5]),), "point"),
        ("draw_texts", ("text", torch.tensor([150, 5])), "text"),
    ],
)
def test_what_lies_outside_is_warned_of(verb, items, what):
    with pytest.warns(UserWarning, match=f"the {what} is out of bounds"):
        getattr(Drawing(PHOTO), verb)(*items)


@pytest.mark.parametrize(
    ("verb", "items", "styles"),
    [
        ("draw_bboxes", (torch.tensor([5, 1, 2, 2]),), {}),
        ("draw_bboxes", (torch.tensor([1, 2, 3]),), {}),
        ("draw_points", (np.array([1, 2, 3]),), {}),
        ("draw_points", (np.array([1, 2]),), {"marker": "smiley"}),
        ("draw_texts", (["a", "b"], torch.tensor([5, 5])), {}),
        ("draw_texts", ("a", torch.tensor([[5, 5], [3, 3]])), {}),
        ("draw_texts", (["a", "b"], torch.tensor([[5, 5], [3, 3]])), {"colors": ["r"]}),
        ("draw_texts", (["a", "b"], torch.tensor([[5, 5], [3, 3]])), {"font_sizes": [1]}),
        ("draw_texts", (["a", "b"], torch.tensor([[5, 5], [3, 3]])), {"vertical_alignments": ["top"]}),
        ("draw_texts", (["a", "b"], torch.tensor([[5, 5], [3, 3]])), {"horizontal_alignments": ["left"]}),
        ("draw_texts", (["a", "b"], torch.tensor([[5, 5], [3, 3]])), {"font_sizes": "b"}),
        ("draw_texts", (3, torch.tensor([5, 5])), {}),
        ("draw_texts", ([3], torch.tensor([[5, 5]])), {}),
        ("draw_lines", (torch.tensor([1, 5]), torch.tensor([[2, 6], [4, 7]])), {}),
        ("draw_lines", (torch.tensor([1, 5]), torch.tensor([2, 6])), {"line_widths": -1}),
        ("draw_circles", (torch.tensor([10, 15]), torch.tensor([-1])), {}),
        ("draw_circles", (torch.tensor([10, 15]), torch.tensor([float("nan")])), {}),
        ("draw_points", (np.array([1, 2, 3], dtype=object),), {}),
        ("draw_binary_masks", (MASK,), {"colors": np.array([1, 22, 4, 45])}),
        ("draw_circles", (torch.tensor([[10, 15]]), torch.tensor([1, 2])), {}),
        ("draw_binary_masks", (np.zeros((8, 10), bool),), {}),
        ("draw_binary_masks", (np.zeros((60, 80, 3), bool),), {}),
        ("draw_binary_masks", (np.full((60, 80), 7),), {}),
        ("draw_bboxes", (BOXES,), {"edge_colors": "no such colour"}),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(verb, items, styles):
    drawing = Drawing(PHOTO)
    with pytest.raises(UsageError):
        getattr(drawing, verb)(*items, **styles)
    np.testing.assert_array_equal(drawing.get_image(), PHOTO)


def test_without_a_picture_one_sentence():
    for call in (Drawing().get_image, lambda: Drawing().draw_points(TRIANGLE), lambda: Drawing().width):
        with pytest.raises(UsageError, match="call set_image first"):
            call()


def test_sizes_and_copies():
    drawing = Drawing()
    drawing.set_image(torch.from_numpy(PHOTO / 255.0).permute(2, 0, 1))
    assert (drawing.width, drawing.height) == (80, 60)
    drawing.get_image()[:] = 0
    np.testing.assert_array_equal(drawing.get_image(), PHOTO)


def test_feature_maps():
    maps = torch.randn(6, 7, 5, generator=torch.Generator().manual_seed(0))
    assert Drawing.draw_featmap(maps).shape == (7, 5, 3)
    assert Drawing.draw_featmap(maps, PHOTO).shape == PHOTO.shape
    assert Drawing.draw_featmap(maps, PHOTO, resize_shape=(30, 40)).shape == (30, 40, 3)
    strongest = maps[maps.sum((1, 2)).argmax()][None]
    np.testing.assert_array_equal(
        Drawing.draw_featmap(maps, channel_reduction="select_max"), Drawing.draw_featmap(strongest)
    )
    np.testing.assert_array_equal(Drawing.draw_featmap(maps), Drawing.draw_featmap(maps.mean(0)[None]))
    four = Drawing.draw_featmap(maps, channel_reduction=None, topk=4, arrangement=(2, 2))
    assert four.shape[0] >= 14
    assert four.shape[1] >= 10
    for bad in ({"channel_reduction": "max"}, {"channel_reduction": None, "topk": 0}):
        with pytest.raises(UsageError):
            Drawing.draw_featmap(maps, **bad)
