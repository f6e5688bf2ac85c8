"""The parts of a Vision Transformer (arXiv:2010.11929), named as timm names them, so that its weights fit.

They are written out here rather than taken from timm because `import timm` costs more than `import torch`: it loads
every model that it has, and through torchvision the compiler of torch. `tests/models/test_transformer.py` holds them
to timm's numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from selfscope.errors import ConfigError, ModelError

Norm = Callable[[int], nn.Module]


class PatchEmbedding(nn.Module):
    """Square patches of pixels to tokens: `(B, C, H, W)` -> `(B, h, w, D)`, for images of one size."""

    def __init__(
        self,
        image_size: tuple[int, int],
        patch_size: int,
        in_channels: int,
        width: int,
        *,
        bias: bool = True,
        norm: Norm | None = None,
    ) -> None:
        super().__init__()
        self.image_size = image_size
        self.patch_size = patch_size
        self.grid = (image_size[0] // patch_size, image_size[1] // patch_size)
        self.proj = nn.Conv2d(in_channels, width, patch_size, patch_size, bias=bias)
        self.norm = nn.Identity() if norm is None else norm(width)

    def forward(self, pixels: Tensor) -> Tensor:
        if tuple(pixels.shape[2:]) != self.image_size:
            raise ModelError(
                f"the model was built for {self.image_size[0]}×{self.image_size[1]} pixels, "
                f"got {pixels.shape[2]}×{pixels.shape[3]}"
            )
        return self.norm(self.proj(pixels).permute(0, 2, 3, 1))  # (B, D, h, w) -> (B, h, w, D)


class Attention(nn.Module):
    """Every token looks at every token, in several heads."""

    def __init__(self, width: int, heads: int, *, qkv_bias: bool = True, drop: float = 0.0) -> None:
        super().__init__()
        self.heads = whole_heads(width, heads)
        self.qkv = nn.Linear(width, 3 * width, bias=qkv_bias)
        self.proj = nn.Linear(width, width)
        self.proj_drop = nn.Dropout(drop)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # (B, L, 3 D) -> (B, H, L, d)
        x = F.scaled_dot_product_attention(q, k, v)
        return self.proj_drop(self.proj(x.transpose(1, 2).flatten(2)))  # (B, H, L, d) -> (B, L, D)


class Mlp(nn.Module):
    def __init__(self, width: int, hidden: int, *, drop: float = 0.0) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.act = nn.GELU()
        self.drop1 = nn.Dropout(drop)
        self.fc2 = nn.Linear(hidden, width)
        self.drop2 = nn.Dropout(drop)

    def forward(self, x: Tensor) -> Tensor:
        return self.drop2(self.fc2(self.drop1(self.act(self.fc1(x)))))


class LayerScale(nn.Module):
    """A learnt factor for each channel (arXiv:2103.17239)."""

    def __init__(self, width: int, start: float) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((width,), start))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gamma


class DropPath(nn.Module):
    """In training leaves a branch out for some samples and scales it up for the others (arXiv:1603.09382)."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return x
        kept = x.new_empty((len(x),) + (1,) * (x.ndim - 1)).bernoulli_(1 - self.rate)
        return x * kept.div_(max(1 - self.rate, 1e-12))


class Block(nn.Module):
    """Attention, then a multilayer perceptron on each token, either added to what it was given, normed."""

    def __init__(
        self,
        width: int,
        heads: int,
        hidden: int,
        *,
        norm: Norm = nn.LayerNorm,
        qkv_bias: bool = True,
        drop: float = 0.0,
        drop_path: float = 0.0,
        layer_scale: float = 0.0,
    ) -> None:
        super().__init__()
        self.norm1 = norm(width)
        self.attn = Attention(width, heads, qkv_bias=qkv_bias, drop=drop)
        self.ls1 = LayerScale(width, layer_scale) if layer_scale else nn.Identity()
        self.drop_path1 = DropPath(drop_path)
        self.norm2 = norm(width)
        self.mlp = Mlp(width, hidden, drop=drop)
        self.ls2 = LayerScale(width, layer_scale) if layer_scale else nn.Identity()
        self.drop_path2 = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.drop_path1(self.ls1(self.attn(self.norm1(x))))
        return x + self.drop_path2(self.ls2(self.mlp(self.norm2(x))))


def whole_heads(width: int, heads: int) -> int:
    """The number of heads, refused where they do not share the width evenly."""
    if width % heads:
        raise ConfigError(f"{heads} attention heads cannot share {width} channels evenly: change num_heads")
    return heads


def rising(rate: float, depths: Sequence[int]) -> list[list[float]]:
    """Rates of the blocks of each stage, from 0 at the first of all blocks to `rate` at the last."""
    last = max(sum(depths) - 1, 1)
    rates = iter([rate * i / last for i in range(sum(depths))])
    return [[next(rates) for _ in range(depth)] for depth in depths]
