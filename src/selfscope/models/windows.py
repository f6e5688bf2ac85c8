"""Attention inside windows of a map of tokens, the parts of a Swin Transformer (arXiv:2103.14030), named as timm's.

Windows are OpenMMLab's: the map is padded to whole windows first and rolled then, and they never shrink.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from selfscope.models.transformer import DropPath, Mlp, whole_heads

FAR = -100.0
"""Added to the attention between tokens that only the roll brought together."""


class WindowAttention(nn.Module):
    """Attention among the tokens of a window, with a learnt bias for each offset between two of them."""

    relative_position_index: Tensor

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads = whole_heads(width, heads)
        self.relative_position_bias_table = nn.Parameter(torch.empty((2 * window - 1) ** 2, heads))
        self.register_buffer("relative_position_index", offset_index(window), persistent=False)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Windows `(B * n, L, D)`, those of an image beside each other; `mask` `(n, L, L)` is added to the scores."""
        q, k, v = (
            self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        )  # (B n, L, 3 D) -> (B n, H, L, d)
        scores = (q * q.shape[-1] ** -0.5) @ k.mT + self._bias()  # (B n, H, L, L)
        if mask is not None:
            scores = (scores.unflatten(0, (-1, len(mask))) + mask[:, None]).flatten(0, 1)
        x = scores.softmax(-1) @ v
        return self.proj(x.transpose(1, 2).flatten(2))  # (B n, H, L, d) -> (B n, L, D)

    def _bias(self) -> Tensor:
        """`(H, L, L)`."""
        return self.relative_position_bias_table[self.relative_position_index].permute(2, 0, 1)


class WindowBlock(nn.Module):
    """A transformer's block on a map `(B, h, w, D)` of one resolution, with windows that are rolled by `shift`.

    A map that is one window wide is not rolled, unless `pad_small_map`.
    """

    attn_mask: Tensor | None

    def __init__(
        self,
        width: int,
        resolution: tuple[int, int],
        heads: int,
        *,
        window: int,
        shift: int,
        hidden: int,
        drop_path: float = 0.0,
        pad_small_map: bool = False,
    ) -> None:
        super().__init__()
        self.window = window
        self.shift = 0 if min(resolution) == window and not pad_small_map else shift
        self.norm1 = nn.LayerNorm(width)
        self.attn = WindowAttention(width, heads, window)
        self.drop_path1 = DropPath(drop_path)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, hidden)
        self.drop_path2 = DropPath(drop_path)
        mask = rolled_apart(resolution, window, self.shift) if self.shift else None
        self.register_buffer("attn_mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.drop_path1(self._look(self.norm1(x)))
        return x + self.drop_path2(self.mlp(self.norm2(x)))

    def _look(self, x: Tensor) -> Tensor:
        height, width = x.shape[1:3]  # (B, h, w, D)
        x = F.pad(x, (0, 0, 0, -width % self.window, 0, -height % self.window))
        grid = (x.shape[1] // self.window, x.shape[2] // self.window)
        x = x.roll((-self.shift, -self.shift), (1, 2))
        x = joined(self.attn(parted(x, self.window), self.attn_mask), grid, self.window)
        return x.roll((self.shift, self.shift), (1, 2))[:, :height, :width].contiguous()


class PatchMerging(nn.Module):
    """Four neighbours become one token: `(B, h, w, D)` -> `(B, ⌈h / 2⌉, ⌈w / 2⌉, width)`."""

    def __init__(self, given: int, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * given)
        self.reduction = nn.Linear(4 * given, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, (0, 0, 0, x.shape[2] % 2, 0, x.shape[1] % 2))
        x = x.unflatten(2, (-1, 2)).unflatten(1, (-1, 2))  # (B, h / 2, 2, w / 2, 2, D)
        return self.reduction(self.norm(x.permute(0, 1, 3, 4, 2, 5).flatten(3)))


def parted(x: Tensor, window: int) -> Tensor:
    """A map `(B, h, w, D)` of whole windows -> the windows `(B * n, window², D)`."""
    x = x.unflatten(2, (-1, window)).unflatten(1, (-1, window))  # (B, rows, window, columns, window, D)
    return x.transpose(2, 3).flatten(3, 4).flatten(0, 2)


def joined(windows: Tensor, grid: tuple[int, int], window: int) -> Tensor:
    """What `parted` took apart: `grid` windows down and across."""
    x = windows.unflatten(1, (window, window)).unflatten(0, (-1, *grid))  # (B, rows, columns, window, window, D)
    return x.transpose(2, 3).flatten(3, 4).flatten(1, 2)


def offset_index(window: int) -> Tensor:
    """`(L, L)`: which entry of a table of all offsets between two tokens of a window is that of this pair."""
    place = torch.arange(window**2)
    row, column = place // window, place % window
    down = row[:, None] - row + window - 1
    across = column[:, None] - column + window - 1
    return down * (2 * window - 1) + across


def rolled_apart(resolution: tuple[int, int], window: int, shift: int) -> Tensor:
    """`(n, L, L)`: `FAR` between tokens of a window that come from opposite edges of the map, else 0."""
    down, across = (_strips(math.ceil(side / window) * window, window, shift) for side in resolution)
    regions = parted((3 * down[:, None] + across)[None, ..., None], window)[..., 0]  # (n, L)
    return torch.where(regions[:, None] == regions[:, :, None], 0.0, FAR)


def _strips(side: int, window: int, shift: int) -> Tensor:
    """`(side,)`: 0 before the last window, 1 in its part that stayed, 2 in what was rolled in."""
    place = torch.arange(side)
    return (place >= side - window).long() + (place >= side - shift).long()
