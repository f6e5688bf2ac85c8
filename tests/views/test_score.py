from __future__ import annotations

import numpy as np
import pytest

from selfscope.views.score import patch_mean_fill, patch_skill, pixel_scores, ssim_map, visible_fill


def photo(height: int = 24, width: int = 32) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def half(height: int = 24, width: int = 32) -> np.ndarray:
    hidden = np.zeros((height, width), bool)
    hidden[:, : width // 2] = True
    return hidden


def test_identical_pictures_are_perfect() -> None:
    assert pixel_scores(photo(), photo(), half()) == {"psnr": float("inf"), "l1": 0.0, "ssim": pytest.approx(1.0)}


def test_only_hidden_pixels_count() -> None:
    changed = photo()
    changed[~half()] = 0
    assert pixel_scores(photo(), changed, half())["l1"] == 0.0


def test_psnr_of_a_known_error() -> None:
    a = np.full((8, 8, 3), 100, np.uint8)
    scores = pixel_scores(a, a + np.uint8(51), np.ones((8, 8)))
    assert scores["l1"] == pytest.approx(0.2)
    assert scores["psnr"] == pytest.approx(-20 * np.log10(0.2))


def test_nothing_hidden_has_no_scores() -> None:
    assert pixel_scores(photo(), photo(), np.zeros((24, 32))) == {}


def test_ssim_agrees_with_its_definition() -> None:
    """Against windows summed one by one."""
    rng = np.random.default_rng(1)
    a, b = rng.random((15, 15, 1)), rng.random((15, 15, 1))
    axis = np.arange(-5, 6)
    window = np.exp(-(axis[:, None] ** 2 + axis**2) / (2 * 1.5**2))
    window /= window.sum()
    x, y = a[2:13, 2:13, 0], b[2:13, 2:13, 0]
    mean_x, mean_y = (window * x).sum(), (window * y).sum()
    var_x, var_y = (window * x * x).sum() - mean_x**2, (window * y * y).sum() - mean_y**2
    covariance = (window * x * y).sum() - mean_x * mean_y
    expected = (2 * mean_x * mean_y + 1e-4) * (2 * covariance + 9e-4)
    expected /= (mean_x**2 + mean_y**2 + 1e-4) * (var_x + var_y + 9e-4)
    assert ssim_map(a, b)[7, 7, 0] == pytest.approx(expected, rel=1e-6)


def test_skill_of_the_mean_is_zero_and_of_the_truth_one() -> None:
    target = np.random.default_rng(2).normal(size=(9, 12))
    mask = np.array([1, 1, 0, 1, 0, 0, 1, 0, 1])
    means = np.broadcast_to(target.mean(axis=1, keepdims=True), target.shape)
    assert patch_skill(target, target, mask) == 1
    assert patch_skill(means, target, mask) == pytest.approx(0)
    assert np.isnan(patch_skill(target, target, np.zeros(9)))


def test_patch_means_leave_the_visible_alone() -> None:
    mask = np.array([[1, 0], [0, 1], [0, 0]])
    filled = patch_mean_fill(photo(), mask)
    np.testing.assert_array_equal(filled[:8, 16:], photo()[:8, 16:])
    np.testing.assert_array_equal(filled[3, 5], np.rint(photo()[:8, :16].mean(axis=(0, 1))))


def test_interpolation_restores_a_gradient() -> None:
    gradient = np.repeat((np.arange(32, dtype=np.uint8) * 4)[None, :, None], 24, axis=0).repeat(3, axis=2)
    hidden = np.zeros((24, 32), bool)
    hidden[8:16, 8:16] = True
    damaged = np.where(hidden[..., None], 255, gradient).astype(np.uint8)
    np.testing.assert_array_equal(visible_fill(damaged, hidden), gradient)


@pytest.mark.parametrize("hidden", [np.ones((24, 32)), np.zeros((24, 32)), half()])
def test_fills_keep_what_is_visible(hidden: np.ndarray) -> None:
    filled = visible_fill(photo(), hidden)
    np.testing.assert_array_equal(filled[~hidden.astype(bool)], photo()[~hidden.astype(bool)])
