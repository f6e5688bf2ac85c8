"""Position embeddings of patches: the fixed sine-cosine one, and moving a learnt one to another grid."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from selfscope.errors import ModelError


def sincos_position(grid: tuple[int, int], width: int, *, prefix: int = 1) -> Tensor:
    """Fixed 2-D sine-cosine embedding `(1, prefix + h * w, width)`; the prefix tokens get zeros.

    The first half of the channels encodes the row, the second the column, each as width / 4 sines, then as many
    cosines, with wavelengths 2π · 10000^(k / (width / 4)), in MMSelfSup's order (MoCo v3, arXiv:2104.02057).
    """
    if width % 4:
        raise ModelError(f"a 2-D sine-cosine embedding needs a width that 4 divides, got {width}")
    rows, columns = torch.meshgrid(*(torch.arange(n, dtype=torch.float32) for n in grid), indexing="ij")
    frequencies = 10000.0 ** -(torch.arange(width // 4, dtype=torch.float32) / (width // 4))
    angles = [axis.flatten()[:, None] * frequencies for axis in (rows, columns)]  # 2 × (L, width / 4)
    table = torch.cat([wave(angle) for angle in angles for wave in (torch.sin, torch.cos)], dim=1)
    return torch.cat([torch.zeros(prefix, width), table])[None]


def resize_position(table: Tensor, grid: tuple[int, int], *, prefix: int = 1, mode: str = "bicubic") -> Tensor | None:
    """A table `(1, prefix + n * n, D)` interpolated to `grid`, prefix tokens kept; None when it is not square."""
    if not is_square(table.shape[1] - prefix):
        return None
    side = math.isqrt(table.shape[1] - prefix)
    if (side, side) == tuple(grid):
        return table
    tokens, patches = table[:, :prefix], table[:, prefix:]
    planes = patches.unflatten(1, (side, side)).movedim(-1, 1).float()  # (1, n * n, D) -> (1, D, n, n)
    planes = F.interpolate(planes, size=tuple(grid), mode=mode, align_corners=False)
    return torch.cat([tokens, planes.flatten(2).mT.to(patches.dtype)], dim=1)


def is_square(count: int) -> bool:
    """Whether so many patches can be a square grid."""
    return count > 0 and math.isqrt(count) ** 2 == count
