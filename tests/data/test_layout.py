from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from selfscope.data.layout import contiguous


@pytest.mark.parametrize(
    "cut", [np.s_[:], np.s_[:, ::-1], np.s_[::-1], np.s_[2:4, 1:3], np.s_[::2, ::3], np.s_[..., ::-1], np.s_[:1, :1]]
)
def test_the_same_pixels_in_c_order(cut: Any) -> None:
    pixels = np.arange(7 * 5 * 3, dtype=np.uint8).reshape(7, 5, 3)[cut]
    made = contiguous(pixels)
    assert made.flags.c_contiguous
    np.testing.assert_array_equal(made, pixels)


def test_a_turned_picture() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 9, 3), np.uint8)
    np.testing.assert_array_equal(contiguous(np.rot90(pixels, -1)), np.rot90(pixels, -1))


def test_what_lies_right_is_not_copied() -> None:
    pixels = np.zeros((4, 9, 3), np.uint8)
    assert contiguous(pixels) is pixels


@pytest.mark.parametrize("shape", [(4, 9), (4, 9, 4), (4, 9, 1)])
def test_other_shapes(shape: tuple[int, ...]) -> None:
    pixels = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)[:, ::-1]
    np.testing.assert_array_equal(contiguous(pixels), pixels)
    assert contiguous(pixels).flags.c_contiguous
