"""Masks of patches, `(B, h, w)` with 1 = removed, checked and brought to a model's grid."""

from __future__ import annotations

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
    if not bool(((given == 0) | (given == 1)).all()):
        raise ModelError("mask: expected 0 (kept) and 1 (removed) only")
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
