"""A matrix's cells stand where they belong, in the colours of their values."""

from __future__ import annotations

import numpy as np
import pytest

from selfscope.draw.colour import colormap
from selfscope.draw.matrix import matrix_picture
from selfscope.errors import UsageError


def cell_colours(picture: np.ndarray, count: int, size: int) -> np.ndarray:
    """The colour of each cell's upper left corner, counted from the lower right end of the table."""
    wide, high = round(4.2 * size), round(2.2 * size)
    left = picture.shape[1] - size - count * wide
    top = picture.shape[0] - size - count * high
    return np.array([[picture[top + i * high + 2, left + j * wide + 2] for j in range(count)] for i in range(count)])


def test_each_cell_has_the_colour_of_its_value() -> None:
    values = np.array([[1, 0.25, 0.5], [0.1, 1, 0.9], [0, 0.7, 1]])
    picture = matrix_picture(values, ["a", "b", "c"], size=15)
    assert np.array_equal(cell_colours(picture, 3, 15), colormap(values, 0, 1))


def test_what_is_no_number_stays_white() -> None:
    picture = matrix_picture(np.array([[1, np.nan], [0.2, 1]]), ["a", "a very long name that goes on and on"])
    assert (cell_colours(picture, 2, 15)[0, 1] == 255).all()


def test_a_row_a_name() -> None:
    with pytest.raises(UsageError, match="3 names, got \\(2, 2\\)"):
        matrix_picture(np.eye(2), ["a", "b", "c"])


@pytest.mark.parametrize("end", ["", " and on, for more than there is room for in any table that is to be read"])
def test_names_that_differ_at_their_ends_are_told_apart(end: str) -> None:
    long = "vit-base-p16_imagenet" + end
    first, second = (matrix_picture(np.eye(1), [f"{long} (tsne_{i})"]) for i in (1, 7))
    assert first.shape != second.shape or (first != second).any()
