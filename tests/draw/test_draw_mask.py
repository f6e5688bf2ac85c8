"""Masks over pictures, against loops over pixels."""

from __future__ import annotations

import numpy as np
import pytest

from selfscope.draw.mask import expand, overlay
from selfscope.draw.show import sample_photo
from selfscope.errors import RecordError
from tests.draw.golden import check_golden

RNG = np.random.default_rng(0)
SIZES = [((14, 14), (224, 224)), ((14, 14), (108, 120)), ((3, 5), (7, 13)), ((4, 4), (1, 1)), ((48, 48), (10, 9))]


def slow_expand(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    out = np.zeros(size, mask.dtype)
    for i in range(size[0]):
        for j in range(size[1]):
            # the patch in which (i + ½, j + ½) lies, in whole numbers
            out[i, j] = mask[(2 * i + 1) * mask.shape[0] // (2 * size[0]), (2 * j + 1) * mask.shape[1] // (2 * size[1])]
    return out


@pytest.mark.parametrize(("patches", "size"), SIZES)
def test_expand_is_the_loop_over_pixels(patches: tuple[int, int], size: tuple[int, int]) -> None:
    mask = RNG.integers(0, 2, patches, dtype=np.uint8)
    np.testing.assert_array_equal(expand(mask, size), slow_expand(mask, size))


def test_a_mask_that_does_not_divide_the_picture_gets_nearly_equal_patches() -> None:
    columns = expand(np.arange(14)[None], (1, 1080))[0]
    assert set(np.bincount(columns).tolist()) == {77, 78}
    assert (np.diff(columns) >= 0).all()


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.7, 1.0])
@pytest.mark.parametrize(("patches", "size"), SIZES)
def test_without_hatching_removed_pixels_are_a_mixture(
    patches: tuple[int, int], size: tuple[int, int], alpha: float
) -> None:
    picture = RNG.integers(0, 256, (*size, 3), dtype=np.uint8)
    mask = RNG.integers(0, 2, patches, dtype=np.uint8)
    colour = np.array((200, 30, 90))
    removed = slow_expand(mask, size).astype(bool)[..., None]
    expected = np.where(removed, picture * (1 - alpha) + colour * alpha, picture)
    given = picture.copy()
    drawn = overlay(picture, mask, tuple(colour.tolist()), alpha, hatch=False)
    assert np.abs(drawn - expected).max() <= 1.01
    np.testing.assert_array_equal(drawn[~removed[..., 0]], picture[~removed[..., 0]])
    np.testing.assert_array_equal(picture, given)


@pytest.mark.parametrize("grey", [0, 20, 80, 128, 255])
def test_kept_patches_are_untouched_and_removed_ones_stand_out_on_any_ground(grey: int) -> None:
    drawn = overlay(np.full((64, 64, 3), grey, np.uint8), np.array([[0, 1]]))
    assert (drawn[:, :32] == grey).all()
    assert np.abs(drawn[:, 32:].astype(int) - grey).max(axis=2).reshape(64, 4, 8).max(axis=2).min() >= 25
    assert drawn[:, 32:].astype(int).max() - drawn[:, 32:].min() >= 25


def test_another_colour_lies_over_black_too() -> None:
    drawn = overlay(np.zeros((64, 64, 3), np.uint8), np.ones((2, 2)), "k", 0.7)
    assert drawn.max() > 20
    assert drawn.min() == 0


def test_every_removed_patch_has_its_hatching() -> None:
    drawn = overlay(np.zeros((512, 512, 3), np.uint8), np.ones((32, 32)))
    patches = drawn[..., 0].reshape(32, 16, 32, 16)
    assert patches.max(axis=(1, 3)).min() > 20


def test_what_was_removed_can_still_be_recognised() -> None:
    photo = sample_photo(96, 96)
    drawn = overlay(photo, np.ones((4, 4), np.uint8), hatch=False).astype(float)
    assert np.corrcoef(drawn.ravel(), photo.ravel())[0, 1] > 0.99


def test_any_value_but_zero_is_removed_and_tensors_are_taken() -> None:
    picture = RNG.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    mask = np.eye(2)
    for same in (mask.astype(bool), mask * 7, mask.tolist()):
        np.testing.assert_array_equal(overlay(picture, same), overlay(picture, mask))


def test_grid_lines_lie_between_patches() -> None:
    picture = np.full((8, 12, 3), 100, np.uint8)
    drawn = overlay(picture, np.zeros((2, 3)), grid=True)
    changed = (drawn != 100).any(axis=2)
    assert sorted(np.flatnonzero(changed.all(axis=1)).tolist()) == [4]
    assert sorted(np.flatnonzero(changed.all(axis=0)).tolist()) == [4, 8]


@pytest.mark.parametrize("mask", [np.zeros(196), np.zeros((1, 14, 14)), np.zeros((0, 3))])
def test_a_mask_that_is_not_two_dimensional_is_refused(mask: np.ndarray) -> None:
    with pytest.raises(RecordError, match=r"mask \(h, w\)"):
        overlay(np.zeros((8, 8, 3), np.uint8), mask)


def test_an_impossible_alpha_is_refused() -> None:
    with pytest.raises(RecordError, match=r"alpha in \[0, 1\]"):
        overlay(np.zeros((8, 8, 3), np.uint8), np.zeros((2, 2)), alpha=1.5)


def test_golden() -> None:
    mask = np.random.default_rng(0).permutation(35).reshape(5, 7) < 24
    check_golden(overlay(sample_photo(108, 150), mask, grid=True), "mask")
