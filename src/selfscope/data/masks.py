"""Which patches of an image are removed: the published generators. A mask is `(h, w)` uint8, 1 = removed, 0 = kept."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from selfscope.data.parameters import interval, pair, probability
from selfscope.data.trace import on_first_view
from selfscope.errors import ConfigError

Results = dict[str, Any]
FRUITLESS_ROUNDS = 1000


def random_patch_mask(rng: np.random.Generator, n: int, grid: tuple[int, int], ratio: float) -> np.ndarray:
    """`(n, h, w)` masks that remove single patches anywhere and keep exactly `int(h * w * (1 - ratio))`. (MAE, 2021)"""
    patches = grid[0] * grid[1]
    kept = int(patches * (1 - ratio))
    rank = rng.random((n, patches)).argsort(axis=1).argsort(axis=1)
    return (rank >= kept).astype(np.uint8).reshape(n, *grid)


def _with_mask(results: Mapping[str, Any], mask: np.ndarray, name: str, blocks: Sequence[tuple[int, int]]) -> Results:
    """Results with a mask, and a step that says how much it removes, in blocks of which `(h, w)` in patches."""
    drawn = {"patches": mask.size, "removed": int(mask.sum()), "blocks": tuple(blocks)}
    return {**results, "mask": mask, "trace": on_first_view(results, name, **drawn)}


@dataclass(frozen=True)
class RandomPatchMask:
    """Single patches anywhere, a share `ratio`: what MAE does inside the model, as a transform. `grid` is `(h, w)`."""

    grid: Any = (14, 14)
    ratio: float = 0.75

    def __post_init__(self) -> None:
        object.__setattr__(self, "grid", pair(self.grid, "grid"))
        probability(self.ratio, "ratio")

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        return _with_mask(results, random_patch_mask(rng, 1, self.grid, self.ratio)[0], type(self).__name__, ())


@dataclass(frozen=True)
class SimMIMMaskGenerator:
    """Squares of `mask_patch_size` pixels at random, on the grid of `model_patch_size`: `(48, 48)` by default.

    `ceil(mask_ratio * squares)` squares are removed. (SimMIM, 2021)
    """

    input_size: int = 192
    mask_patch_size: int = 32
    model_patch_size: int = 4
    mask_ratio: float = 0.6

    def __post_init__(self) -> None:
        probability(self.mask_ratio, "mask_ratio")
        if self.input_size % self.mask_patch_size or self.mask_patch_size % self.model_patch_size:
            raise ConfigError(
                f"SimMIMMaskGenerator: input_size {self.input_size} must be a multiple of mask_patch_size "
                f"{self.mask_patch_size}, and that of model_patch_size {self.model_patch_size}"
            )

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        side = self.input_size // self.mask_patch_size
        squares, removed = np.zeros(side * side, np.uint8), math.ceil(side * side * self.mask_ratio)
        squares[rng.permutation(side * side)[:removed]] = 1
        scale = self.mask_patch_size // self.model_patch_size
        mask = squares.reshape(side, side).repeat(scale, axis=0).repeat(scale, axis=1)
        return _with_mask(results, mask, type(self).__name__, [(scale, scale)] * removed)


@dataclass(frozen=True)
class BEiTMaskGenerator:
    """Overlapping rectangles until exactly `num_masking_patches` are removed; `input_size` is `(h, w)` of the grid.

    A rectangle aims at `min_num_patches..max_num_patches` patches with an aspect ratio log-uniform in
    `min_aspect..max_aspect` (by default its inverse), and never removes more than what is left to remove. (BEiT, 2021)
    """

    input_size: Any
    num_masking_patches: int
    min_num_patches: int = 4
    max_num_patches: int | None = None
    min_aspect: float = 0.3
    max_aspect: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "input_size", pair(self.input_size, "input_size"))
        height, width = self.input_size
        if not 0 <= self.num_masking_patches <= height * width:
            raise ConfigError(
                f"BEiTMaskGenerator: num_masking_patches={self.num_masking_patches} of {height * width} patches"
            )
        aspects = interval((self.min_aspect, self.max_aspect or 1 / self.min_aspect), "(min_aspect, max_aspect)", low=0)
        object.__setattr__(self, "max_aspect", aspects[1])
        if self.max_num_patches is None:
            object.__setattr__(self, "max_num_patches", self.num_masking_patches)

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        mask = np.zeros(self.input_size, np.uint8)
        removed = fruitless = 0
        blocks: list[tuple[int, int]] = []
        while removed < self.num_masking_patches:
            most = min(self.num_masking_patches - removed, self.max_num_patches or 0)
            added, block = self._remove(mask, most, rng)
            removed += added
            blocks += [block] if added else []
            fruitless = 0 if added else fruitless + 1
            if fruitless == FRUITLESS_ROUNDS:
                raise ConfigError(f"{self}: no rectangle fits any more after {removed} patches; lower min_num_patches")
        return _with_mask(results, mask, type(self).__name__, blocks)

    def _remove(self, mask: np.ndarray, most: int, rng: np.random.Generator) -> tuple[int, tuple[int, int]]:
        """Ten tries to add a rectangle of at most `most` new patches to the mask; how many it added, and its size."""
        height, width = mask.shape
        low, high = math.log(self.min_aspect), math.log(self.max_aspect or 1.0)
        for share, log_share, y_share, x_share in rng.random((10, 4)).tolist():
            area = self.min_num_patches + share * (most - self.min_num_patches)
            aspect = math.exp(low + log_share * (high - low))
            h, w = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if not (h < height and w < width):
                continue
            top, left = int(y_share * (height - h + 1)), int(x_share * (width - w + 1))
            rectangle = mask[top : top + h, left : left + w]
            new = h * w - int(rectangle.sum())
            if 0 < new <= most:
                rectangle[:] = 1
                return new, (h, w)
        return 0, (0, 0)
