from __future__ import annotations

import math
from contextlib import nullcontext, suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfscope.data.masks import BEiTMaskGenerator, RandomPatchMask, SimMIMMaskGenerator, random_patch_mask
from selfscope.data.trace import Trace
from selfscope.errors import ConfigError


@pytest.mark.parametrize(
    ("grid", "ratio"), [((14, 14), 0.75), ((1, 1), 0.75), ((7, 3), 0.5), ((14, 14), 0.0), ((4, 4), 1.0)]
)
def test_patch_masks_keep_an_exact_number(grid: tuple[int, int], ratio: float, rng: np.random.Generator) -> None:
    masks = random_patch_mask(rng, 50, grid, ratio)
    assert masks.shape == (50, *grid)
    assert masks.dtype == np.uint8
    assert ((masks == 0).sum(axis=(1, 2)) == int(grid[0] * grid[1] * (1 - ratio))).all()
    assert set(np.unique(masks)) <= {0, 1}


def test_every_patch_is_removed_equally_often(rng: np.random.Generator) -> None:
    share = random_patch_mask(rng, 4000, (14, 14), 0.75).mean(axis=0)
    np.testing.assert_allclose(share, 0.75, atol=5 * math.sqrt(0.75 * 0.25 / 4000))


def test_as_a_transform(rng: np.random.Generator) -> None:
    results = RandomPatchMask(grid=(6, 4), ratio=0.5)({"kept": 1}, rng)
    assert results["kept"] == 1
    assert results["mask"].shape == (6, 4)
    assert results["mask"].sum() == 12


def test_simmim_removes_whole_squares(rng: np.random.Generator) -> None:
    removed = np.zeros((6, 6))
    for _ in range(500):
        mask = SimMIMMaskGenerator()({}, rng)["mask"]
        assert mask.shape == (48, 48)
        squares = mask.reshape(6, 8, 6, 8)
        np.testing.assert_array_equal(squares.min(axis=(1, 3)), squares.max(axis=(1, 3)))
        assert squares[:, 0, :, 0].sum() == math.ceil(36 * 0.6) == 22
        removed += squares[:, 0, :, 0]
    np.testing.assert_allclose(removed / 500, 22 / 36, atol=0.1)


@pytest.mark.parametrize(
    "arguments",
    [
        {"input_size": (14, 14), "num_masking_patches": 75, "max_num_patches": None, "min_num_patches": 16},
        {"input_size": (14, 14), "num_masking_patches": 75, "max_num_patches": 75, "min_num_patches": 16},
        {"input_size": 14, "num_masking_patches": 78, "min_num_patches": 15},
        {"input_size": [5, 9], "num_masking_patches": 20},
        {"input_size": 14, "num_masking_patches": 0},
    ],
)
def test_beit_removes_exactly_as_many(arguments: dict[str, Any], rng: np.random.Generator) -> None:
    generator = BEiTMaskGenerator(**arguments)
    for _ in range(50):
        mask = generator({}, rng)["mask"]
        assert mask.shape == generator.input_size
        assert mask.dtype == np.uint8
        assert mask.sum() == arguments["num_masking_patches"]


def test_beit_removes_blocks_not_single_patches(rng: np.random.Generator) -> None:
    def touching(mask: np.ndarray) -> float:
        return float(np.mean(mask[:, 1:] == mask[:, :-1]))

    blocks = [BEiTMaskGenerator(14, 75, 16)({}, rng)["mask"] for _ in range(100)]
    single = random_patch_mask(rng, 100, (14, 14), 1 - (196 - 75) / 196)
    assert np.mean([touching(mask) for mask in blocks]) > 0.75
    assert np.mean([touching(mask) for mask in single]) < 0.6


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 12), st.integers(2, 12), st.floats(0, 0.9), st.integers(1, 6), st.integers(0, 9))
def test_beit_on_any_grid(height: int, width: int, share: float, least: int, seed: int) -> None:
    count = int(height * width * share)
    generator = BEiTMaskGenerator((height, width), count, min_num_patches=least)
    may_not_fill = min(height, width) <= 3  # a rectangle is never as high or as wide as the grid
    with suppress(ConfigError) if may_not_fill else nullcontext():
        assert generator({}, np.random.default_rng(seed))["mask"].sum() == count


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SimMIMMaskGenerator(input_size=200), "multiple of mask_patch_size"),
        (lambda: SimMIMMaskGenerator(mask_ratio=1.2), "between 0 and 1"),
        (lambda: BEiTMaskGenerator(14, 197), "of 196 patches"),
        (lambda: BEiTMaskGenerator(14, 10, min_aspect=2.0, max_aspect=1.0), "min_aspect"),
        (lambda: RandomPatchMask(grid=0), "positive integer"),
    ],
)
def test_what_cannot_be_is_refused_when_built(make: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make()


@pytest.mark.parametrize(
    ("generator", "blocks"),
    [
        (SimMIMMaskGenerator(), 22),
        (BEiTMaskGenerator(input_size=14, num_masking_patches=75, min_num_patches=16), None),
        (RandomPatchMask(), 0),
    ],
)
def test_what_was_drawn_is_on_record_for_the_first_view(
    generator: Any, blocks: int | None, rng: np.random.Generator
) -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    for traces in (Trace(4, 4), [Trace(4, 4), Trace(4, 4)]):
        results = generator({"img": image, "trace": traces}, rng)
        first, *others = results["trace"] if isinstance(traces, list) else [results["trace"]]
        (step,) = first.steps
        assert step.name == type(generator).__name__
        assert (step.params["patches"], step.params["removed"]) == (results["mask"].size, results["mask"].sum())
        assert blocks is None or len(step.params["blocks"]) == blocks
        assert all(other.steps == () for other in others)


def test_the_blocks_on_record_cover_what_beit_removes(rng: np.random.Generator) -> None:
    generator = BEiTMaskGenerator(input_size=(10, 12), num_masking_patches=40, min_num_patches=6)
    for _ in range(20):
        results = generator({"trace": Trace(1, 1)}, rng)
        blocks = results["trace"].steps[0].params["blocks"]
        assert sum(h * w for h, w in blocks) >= 40
        for h, w in blocks:
            windows = np.lib.stride_tricks.sliding_window_view(results["mask"], (h, w))
            assert windows.all(axis=(2, 3)).any()
