"""Masks of patches, `(B, h, w)` with 1 = removed: checked, brought to a model's grid, drawn at random."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from selfscope.errors import ModelError


def fit_mask(mask: Any, grid: tuple[int, int], batch: int, device: torch.device) -> Tensor:
    """A mask `(B, h, w)` float of zeros and ones, from one that is flat or 2-D, for one image or a batch.

    A coarser mask is enlarged when its sides divide the grid's. Anything else is refused with both sizes.
    """
    given = torch.as_tensor(np.asarray(mask.cpu() if isinstance(mask, Tensor) else mask))
    shape, (h, w) = tuple(given.shape), grid
    if given.is_floating_point() or given.dtype != torch.bool:
        if not bool(((given == 0) | (given == 1)).all()):
            raise ModelError("mask: expected 0 (kept) and 1 (removed) only")
        given = given.bool()
    if shape[-1:] == (h * w,) and given.ndim <= 2:
        given = given.reshape(-1, h, w)
    elif given.ndim == 2:
        given = given[None]
    if given.ndim != 3 or 0 in given.shape or h % given.shape[1] or w % given.shape[2] or len(given) not in (1, batch):
        raise ModelError(
            f"mask: expected ({h}, {w}) for each of {batch} images, or a size that divides it, got {shape}"
        )
    given = given.repeat_interleave(h // given.shape[1], 1).repeat_interleave(w // given.shape[2], 2)
    return given.expand(batch, h, w).to(device, torch.float32)


def uniform_masks(batch: int, grid: tuple[int, int], removed: int, generator: np.random.Generator) -> np.ndarray:
    """`(B, h, w)` uint8: for each image alone, `removed` patches of all, every choice as likely."""
    length = grid[0] * grid[1]
    order = generator.random((batch, length)).argsort(axis=1).argsort(axis=1)
    return (order >= length - removed).astype(np.uint8).reshape(batch, *grid)


def block_masks(
    batch: int, grid: tuple[int, int], removed: int, generator: np.random.Generator, *, smallest: int
) -> np.ndarray:
    """`(B, h, w)` uint8: rectangles of `smallest` patches or more, aspects 0.3 to 1/0.3, up to `removed` patches.

    BEiT's block-wise masking (arXiv:2106.08254, algorithm 1); the number removed may fall a little short.
    """
    return np.stack([_blocks(grid, removed, generator, smallest) for _ in range(batch)])


def _blocks(grid: tuple[int, int], removed: int, generator: np.random.Generator, smallest: int) -> np.ndarray:
    mask = np.zeros(grid, np.uint8)
    while (left := removed - int(mask.sum())) > 0:
        for _ in range(10):
            area = generator.uniform(min(smallest, left), left)
            aspect = math.exp(generator.uniform(math.log(0.3), -math.log(0.3)))
            height, width = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if not (0 < height < grid[0] and 0 < width < grid[1]):
                continue
            top = int(generator.integers(0, grid[0] - height + 1))
            start = int(generator.integers(0, grid[1] - width + 1))
            block = mask[top : top + height, start : start + width]
            if 0 < block.size - int(block.sum()) <= left:
                block[:] = 1
                break
        else:
            break
    return mask
