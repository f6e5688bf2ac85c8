"""Patches, masks and positions, against slow and obvious versions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from selfscope.errors import ModelError
from selfscope.models.hog import HOGGenerator
from selfscope.models.masking import fit_mask
from selfscope.models.patches import enlarge, head_units, patch_stats, patchify, unpatchify, visible_stats
from selfscope.models.position import resize_position, sincos_position

CPU = torch.device("cpu")


@given(h=st.integers(1, 5), w=st.integers(1, 5), side=st.integers(1, 4), channels=st.integers(1, 4))
@settings(deadline=None, max_examples=30)
def test_unpatchify_undoes_patchify(h: int, w: int, side: int, channels: int) -> None:
    pixels = torch.randn(2, channels, h * side, w * side)
    patches = patchify(pixels, side)
    assert patches.shape == (2, h * w, side * side * channels)
    assert torch.equal(unpatchify(patches, side, (h, w)), pixels)


def test_a_patch_runs_over_rows_columns_channels() -> None:
    pixels = torch.arange(3 * 4 * 6).reshape(1, 3, 4, 6)
    patch = patchify(pixels, 2)[0, 4]  # second row of patches, second of three columns
    slow = [pixels[0, channel, 2 + row, 2 + column] for row in (0, 1) for column in (0, 1) for channel in (0, 1, 2)]
    assert patch.tolist() == [int(value) for value in slow]


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ModelError, match="whole 4-pixel patches"):
        patchify(torch.zeros(1, 3, 8, 6), 4)
    with pytest.raises(ModelError, match=r"expected patches \(B, 4, 16 C\), got \(1, 5, 48\)"):
        unpatchify(torch.zeros(1, 5, 48), 4, (2, 2))


def test_patch_stats_are_those_of_the_mae_paper() -> None:
    patches = torch.randn(2, 3, 48)
    mean, std = patch_stats(patches)
    row = patches[1, 2].numpy()
    assert mean[1, 2, 0] == pytest.approx(row.mean(), abs=1e-6)
    assert std[1, 2, 0] == pytest.approx(math.sqrt(row.var(ddof=1) + 1e-6), rel=1e-6)


def test_visible_stats_come_from_kept_patches_only() -> None:
    torch.manual_seed(0)
    grid = (4, 5)
    patches, removed = torch.randn(2, 20, 12) * 3 + 1, (torch.rand(2, 20) < 0.6).float()
    mean, std = visible_stats(patches, removed, grid)
    true_mean, true_std = patch_stats(patches)
    spoiled = torch.where(removed[..., None] == 1, torch.full_like(patches, 1e3), patches)
    for found, again in zip((mean, std), visible_stats(spoiled, removed, grid), strict=True):
        torch.testing.assert_close(found, again)
    kept = removed == 0
    torch.testing.assert_close(mean[kept], true_mean[kept])
    torch.testing.assert_close(std[kept], true_std[kept])
    for i in range(20):
        if not removed[0, i]:
            continue
        weights = [math.dist(divmod(i, 5), divmod(j, 5)) ** -4.0 if kept[0, j] else 0.0 for j in range(20)]
        slow = sum(weight * float(true_mean[0, j]) for j, weight in enumerate(weights)) / sum(weights)
        assert mean[0, i, 0] == pytest.approx(slow, abs=1e-5)


def test_visible_stats_of_nothing_visible() -> None:
    mean, std = visible_stats(torch.randn(1, 4, 12), torch.ones(1, 4), (2, 2))
    assert mean.abs().max() == 0
    assert (std == 1).all()


def test_head_units_are_mid_grey_at_zero_and_span_three_deviations() -> None:
    assert head_units(torch.tensor([-3.0, 0.0, 3.0])).tolist() == [0.0, 127.5, 255.0]


@pytest.mark.parametrize(
    "mask",
    [
        np.eye(4, dtype=np.uint8),
        np.eye(4, dtype=bool).reshape(1, 16),
        torch.eye(4).flatten(),
        np.stack([np.eye(4, dtype=np.int64)] * 3),
        np.stack([np.eye(4).ravel()] * 3),
        torch.eye(4)[None],
    ],
)
def test_masks_in_every_shape_they_come_in(mask: object) -> None:
    fitted = fit_mask(mask, (4, 4), 3, CPU)
    assert fitted.dtype == torch.float32
    assert torch.equal(fitted, torch.eye(4).expand(3, 4, 4))


def test_patches_of_a_mask_become_pixels() -> None:
    enlarged = enlarge(torch.tensor([[[1.0, 0.0], [0.0, 1.0]]]), (4, 6))
    assert enlarged[0].tolist() == [[1, 1, 1, 0, 0, 0]] * 2 + [[0, 0, 0, 1, 1, 1]] * 2


@pytest.mark.parametrize("shape", [(5, 5), (3, 4), (8, 8), (2, 2), (2, 4, 4), (1, 2, 2), (2, 16), (17,), (0, 4), ()])
def test_a_mask_that_does_not_fit_is_refused_with_both_sizes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match=r"mask: expected \(4, 4\)") as refused:
        fit_mask(np.zeros(shape), (4, 4), 3, CPU)
    assert str(shape) in str(refused.value)


def test_a_mask_of_anything_but_zero_and_one_is_refused() -> None:
    for value in (2, 255, -1, 0.5, math.nan):
        with pytest.raises(ModelError, match="expected 0 \\(kept\\) and 1 \\(removed\\) only"):
            fit_mask(np.full((4, 4), value), (4, 4), 1, CPU)


@pytest.mark.parametrize(("grid", "width"), [((3, 3), 8), ((2, 5), 16), ((1, 1), 4)])
def test_sincos_position_against_its_formula(grid: tuple[int, int], width: int) -> None:
    table = sincos_position(grid, width)
    assert table.shape == (1, 1 + grid[0] * grid[1], width)
    assert table[0, 0].abs().max() == 0
    quarter = width // 4
    for row in range(grid[0]):
        for column in range(grid[1]):
            slow = [
                wave(place / 10000 ** (k / quarter))
                for place in (row, column)
                for wave in (math.sin, math.cos)
                for k in range(quarter)
            ]
            assert table[0, 1 + row * grid[1] + column].tolist() == pytest.approx(slow, abs=1e-6)
    with pytest.raises(ModelError, match="width that 4 divides, got 6"):
        sincos_position((2, 2), 6)


def test_positions_keep_their_grid_or_say_that_they_cannot() -> None:
    table = torch.randn(1, 10, 4)
    assert resize_position(table, (3, 3)) is table
    assert resize_position(table, (3, 3), prefix=0) is None
    moved = resize_position(table, (6, 2))
    assert moved is not None
    assert moved.shape == (1, 13, 4)
    assert torch.equal(moved[:, 0], table[:, 0])


def slow_hog(pixels: np.ndarray, bins: int, pool: int) -> np.ndarray:
    """One channel `(H, W)`, one pixel at a time, without the Gaussian window."""
    height, width = pixels.shape
    padded = np.pad(pixels, 1, mode="reflect")
    across = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]])
    cells = np.zeros((bins, height // pool, width // pool))
    for y in range(height):
        for x in range(width):
            window = padded[y : y + 3, x : x + 3]
            gx, gy = (window * across).sum(), (window * across.T).sum()
            direction = math.floor(math.atan2(gx, gy) / math.pi * bins) % bins
            cells[direction, y // pool, x // pool] += math.hypot(gx, gy)
    return cells / np.maximum(np.sqrt((cells**2).sum(0, keepdims=True)), 1e-12)


@pytest.mark.parametrize(("bins", "pool", "size"), [(9, 8, (16, 24)), (5, 4, (8, 8))])
def test_hog_against_a_loop(bins: int, pool: int, size: tuple[int, int]) -> None:
    pixels = np.random.RandomState(0).randint(-9, 10, (2, 3, *size)).astype(float)  # whole: no sum is rounded
    found = HOGGenerator(bins, pool, 0).double().cells(torch.from_numpy(pixels).double()).numpy()
    assert np.abs(found[1, 2] - slow_hog(pixels[1, 2], bins, pool)).max() < 1e-5


@pytest.mark.parametrize("size", [(32, 32), (64, 32)])
def test_hog_layout_round_trip_and_refusals(size: tuple[int, int]) -> None:
    generator, grid = HOGGenerator(), (size[0] // 16, size[1] // 16)
    pixels = torch.randn(2, 3, *size)
    features = generator.features(pixels, grid)
    assert features.shape == (2, grid[0] * grid[1], 108)
    torch.testing.assert_close(generator.cells_of(features, grid), generator.cells(pixels))
    with pytest.raises(ModelError, match="HOG: 40×32 pixels are not a multiple of 16"):
        generator.cells(torch.zeros(1, 3, 40, 32))
    with pytest.raises(ModelError, match="cells do not share out among 3×3 patches"):
        generator.features(pixels, (3, 3))
