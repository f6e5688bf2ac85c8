"""Histograms of oriented gradients as MaskFeat takes them (arXiv:2112.09133), in the pixels that the model sees."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from selfscope.errors import ConfigError, ModelError


class HOGGenerator(nn.Module):
    """Cells of `pool` × `pool` pixels, `nbins` directions over half a turn, each colour channel on its own.

    A gradient's length is weighted by a Gaussian that repeats over windows of `gaussian_window` pixels (0: none).
    """

    across: Tensor
    window: Tensor

    def __init__(self, nbins: int = 9, pool: int = 8, gaussian_window: int = 16, init_cfg: Any = None) -> None:
        super().__init__()
        if min(nbins, pool) < 1 or gaussian_window < 0:
            raise ConfigError(f"HOGGenerator: expected positive nbins and pool, got {nbins!r} and {pool!r}")
        self.nbins, self.pool, self.gaussian_window = nbins, pool, gaussian_window
        across = torch.tensor([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])
        self.register_buffer("across", across, persistent=False)
        self.register_buffer("window", gaussian(gaussian_window), persistent=False)

    @torch.no_grad()
    def cells(self, pixels: Tensor) -> Tensor:
        """Pixels `(B, C, H, W)` -> histograms `(B, C, nbins, H / pool, W / pool)`, each of length 1.

        In the pixels' own precision also where the model runs in half: this is the target.
        """
        with torch.autocast(pixels.device.type, enabled=False):
            return self._cells(pixels)

    def _cells(self, pixels: Tensor) -> Tensor:
        channels = pixels.shape[1]
        kernels = torch.stack([self.across, self.across.T])[:, None].repeat(channels, 1, 1, 1)  # (C * 2, 1, 3, 3)
        framed = F.pad(pixels, (1, 1, 1, 1), mode="reflect")
        across, down = F.conv2d(framed, kernels, groups=channels).unflatten(1, (channels, 2)).unbind(2)
        return self.histograms(across, down)

    @torch.no_grad()
    def histograms(self, across: Tensor, down: Tensor) -> Tensor:
        """Gradients, both `(B, C, H, W)`, left minus right and above minus below, -> cells as `cells` has them."""
        height, width = across.shape[2:]
        self._check(height, width)
        lengths = torch.hypot(across, down)
        if self.gaussian_window:
            lengths = lengths * self.window.repeat(height // self._unit, width // self._unit)
        turns = torch.atan2(across, down).div_(math.pi).mul_(self.nbins)
        bins = turns.floor_().remainder_(self.nbins).long()
        # Row by row of all cells at once: no two values of a row go to one place, so their order cannot matter.
        rows = lengths.new_zeros(*across.shape[:2], self.nbins, height // self.pool, width)
        for row in range(self.pool):
            one = slice(row, None, self.pool)
            rows.scatter_add_(2, bins[:, :, None, one], lengths[:, :, None, one])
        pooled = rows.unflatten(4, (-1, self.pool)).sum(5)
        return pooled / pooled.square().sum(2, keepdim=True).sqrt_().clamp_min_(
            1e-12
        )  # `normalize`, in a tenth of its time

    def _check(self, height: int, width: int) -> None:
        """Refuses pixels that are no whole cells, or no whole windows."""
        for unit in (self.pool, self._unit):
            if height % unit or width % unit:
                raise ModelError(f"HOG: {height}×{width} pixels are not a multiple of {unit}")

    def features(self, pixels: Tensor, grid: tuple[int, int]) -> Tensor:
        """What each patch of `grid` should predict, `(B, L, C * nbins * n * n)`, with n cells along its side."""
        cells = self.cells(pixels).flatten(1, 2)  # (B, C * nbins, h * n, w * n)
        n = self.cells_per_patch(cells.shape[2:], grid)
        blocks = cells.unfold(2, n, n).unfold(3, n, n)  # (B, C * nbins, h, w, n, n)
        return blocks.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)

    def cells_of(self, features: Tensor, grid: tuple[int, int], channels: int = 3) -> Tensor:
        """The inverse of `features`' layout: `(B, L, C * nbins * n * n)` -> `(B, C, nbins, h * n, w * n)`."""
        n = math.isqrt(features.shape[2] // (channels * self.nbins))
        blocks = features.unflatten(2, (channels, self.nbins, n, n)).unflatten(1, grid)  # (B, h, w, C, nbins, n, n)
        return blocks.permute(0, 3, 4, 1, 5, 2, 6).flatten(5, 6).flatten(3, 4)

    def cells_per_patch(self, cells: tuple[int, ...], grid: tuple[int, int]) -> int:
        """Cells along the side of a patch."""
        n = cells[0] // grid[0]
        if n < 1 or (n * grid[0], n * grid[1]) != tuple(cells):
            raise ModelError(f"HOG: {cells[0]}×{cells[1]} cells do not share out among {grid[0]}×{grid[1]} patches")
        return n

    @property
    def _unit(self) -> int:
        return self.gaussian_window or 1


def gaussian(size: int) -> Tensor:
    """A Gaussian `(size, size)` of deviation size // 2 that sums to 1."""
    if size < 1:
        return torch.ones(1, 1)
    offsets = (torch.arange(size) - (size - 1) / 2) / (size // 2 or 1)
    curve = torch.exp(-0.5 * offsets**2)
    plane = curve[:, None] * curve[None]
    return plane / plane.sum()
