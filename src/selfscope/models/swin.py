"""Swin Transformers (arXiv:2103.14030) of timm's blocks, put together as OpenMMLab does.

Four things differ from timm's own Swin: windows are padded, then rolled; windows never shrink; each stage that is
given out has its own norm, taken before the next stage's downsampling; sizes are those of the pipeline's crop.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from timm.layers import PatchEmbed
from timm.models.swin_transformer import PatchMerging, SwinTransformerBlock, window_partition, window_reverse
from torch import Tensor, nn

from selfscope.errors import ConfigError, ModelError
from selfscope.models.arch import (
    SWIN_ARCHS,
    SWIN_KEYS,
    arch_settings,
    image_sides,
    layer_norm,
    patch_side,
    refuse_options,
)
from selfscope.models.outputs import StageOutput, resolve_indices

EPS = 1e-5


class WindowBlock(SwinTransformerBlock):
    """timm's block with OpenMMLab's windows: the map is padded to whole windows first and rolled then."""

    def __init__(
        self, width: int, resolution: tuple[int, int], heads: int, *, pad_small_map: bool, **options: Any
    ) -> None:
        super().__init__(width, resolution, heads, always_partition=True, **options)
        if not pad_small_map and min(resolution) == self.window_size[0]:
            self.shift_size = (0, 0)
            self.register_buffer("attn_mask", None, persistent=False)

    def _attn(self, x: Tensor) -> Tensor:
        height, width = x.shape[1:3]  # (B, H, W, C)
        window, (down, right) = self.window_size, self.shift_size
        x = F.pad(x, (0, 0, 0, -width % window[1], 0, -height % window[0]))
        padded_height, padded_width = x.shape[1:3]
        x = x.roll((-down, -right), (1, 2))
        windows = window_partition(x, window).flatten(1, 2)  # (B * n, window², C)
        windows = self.attn(windows, mask=self.attn_mask)
        x = window_reverse(windows.unflatten(1, window), window, padded_height, padded_width)
        return x.roll((down, right), (1, 2))[:, :height, :width].contiguous()


class SwinStage(nn.Module):
    """Downsampling (from the second stage on), then blocks of which every other one shifts its windows."""

    def __init__(
        self,
        width: int,
        resolution: tuple[int, int],
        depth: int,
        *,
        window: int,
        heads: int,
        drop_paths: Sequence[float],
        downsample: bool,
        pad_small_map: bool,
        block_options: Mapping[str, Any],
    ) -> None:
        super().__init__()
        self.downsample = PatchMerging(width // 2, width) if downsample else nn.Identity()
        self.blocks = nn.Sequential(
            *(
                WindowBlock(
                    width,
                    resolution,
                    heads,
                    window_size=window,
                    shift_size=window // 2 if i % 2 else 0,
                    drop_path=drop_paths[i],
                    pad_small_map=pad_small_map,
                    **block_options,
                )
                for i in range(depth)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(self.downsample(x))


def build_stages(
    sizes: Mapping[str, Any], grid: tuple[int, int], drop_path_rate: float, options: Sequence[Mapping[str, Any]]
) -> nn.Sequential:
    """Each stage has half the resolution and twice the width of the one before; blocks are dropped ever more often."""
    depths = list(sizes["depths"])
    drop_paths = np.split(np.linspace(0, drop_path_rate, sum(depths)), np.cumsum(depths)[:-1])
    stages = nn.Sequential()
    for i, depth in enumerate(depths):
        resolution = (math.ceil(grid[0] / 2**i), math.ceil(grid[1] / 2**i))
        check_window(resolution, options[i]["window"], options[i]["pad_small_map"], i)
        stages.append(
            SwinStage(
                sizes["embed_dims"] * 2**i,
                resolution,
                depth,
                heads=sizes["num_heads"][i],
                drop_paths=drop_paths[i].tolist(),
                downsample=i > 0,
                **options[i],
            )
        )
    return stages


class SwinTransformer(nn.Module):
    """Gives `(B, D, h, w)` of the stages in `out_indices`, 0 to 3, each with its own norm."""

    dialect = "swin"

    def __init__(
        self,
        arch: str | Mapping[str, Any] = "tiny",
        img_size: int | tuple[int, int] = 224,
        patch_size: int = 4,
        in_channels: int = 3,
        window_size: int = 7,
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.1,
        out_indices: int | list[int] | tuple[int, ...] = (3,),
        pad_small_map: bool = False,
        norm_cfg: Mapping[str, Any] | None = None,
        stage_cfgs: Any = None,
        out_after_downsample: bool = False,
        use_abs_pos_embed: bool = False,
        interpolate_mode: str = "bicubic",
        patch_cfg: Mapping[str, Any] | None = None,
        frozen_stages: int = -1,
        norm_eval: bool = False,
        with_cp: bool = False,
        init_cfg: Any = None,
    ) -> None:
        super().__init__()
        refuse_options(
            type(self).__name__,
            out_after_downsample=out_after_downsample,
            use_abs_pos_embed=use_abs_pos_embed,
            patch_cfg=patch_cfg,
        )
        sizes = arch_settings(arch, SWIN_KEYS, SWIN_ARCHS)
        depths, self.embed_dims = list(sizes["depths"]), sizes["embed_dims"]
        self.image_size = image_sides(img_size, patch_side(patch_size))
        self.out_indices = resolve_indices(out_indices, len(depths))
        self.patch_embed = PatchEmbed(
            self.image_size,
            patch_side(patch_size),
            in_channels,
            self.embed_dims,
            norm_layer=layer_norm(None, EPS),
            output_fmt="NHWC",
        )
        self.pos_drop = nn.Dropout(drop_rate)
        options = [stage_options(stage_cfgs, i, window_size, pad_small_map) for i in range(len(depths))]
        self.layers = build_stages(sizes, self.grid, drop_path_rate, options)
        norm = layer_norm(norm_cfg, EPS)
        self.norms = nn.ModuleDict({str(i): norm(self.embed_dims * 2**i) for i in self.out_indices})
        self.apply(start_swin)
        self._freeze(frozen_stages)

    @property
    def grid(self) -> tuple[int, int]:
        """Patches down and across, before the first downsampling."""
        return self.patch_embed.grid_size

    def embed(self, pixels: Tensor) -> Tensor:
        """Patch tokens `(B, h, w, D)`."""
        if tuple(pixels.shape[2:]) != self.image_size:
            raise ModelError(
                f"the model was built for {self.image_size[0]}×{self.image_size[1]} pixels, "
                f"got {pixels.shape[2]}×{pixels.shape[3]}"
            )
        return self.patch_embed(pixels)

    def forward(self, pixels: Tensor) -> tuple[StageOutput, ...]:
        return self.encode(self.embed(pixels))

    def encode(self, x: Tensor) -> tuple[StageOutput, ...]:
        """Patch tokens `(B, h, w, D)` through the stages."""
        x, outputs = self.pos_drop(x), []
        for i, layer in enumerate(self.layers):
            x = layer(x)  # (B, h / 2^i, w / 2^i, 2^i D)
            if i in self.out_indices:
                outputs.append(StageOutput(self.norms[str(i)](x).permute(0, 3, 1, 2).contiguous()))
        return tuple(outputs)

    def _freeze(self, stages: int) -> None:
        if stages >= 0:
            for part in (self.patch_embed, *self.layers[: stages + 1]):
                part.requires_grad_(False)


class SimMIMSwinTransformer(SwinTransformer):
    """The encoder of SimMIM: a Swin that puts a learnt token in place of removed patches."""

    def __init__(self, arch: str | Mapping[str, Any] = "T", **options: Any) -> None:
        super().__init__(arch, **options)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, self.embed_dims))
        nn.init.trunc_normal_(self.mask_token, std=0.02)


def stage_options(stage_cfgs: Any, stage: int, window: int, pad_small_map: bool) -> dict[str, Any]:
    """What one stage is built with; `stage_cfgs` is a dict for all stages or a list of one each."""
    given = stage_cfgs[stage] if isinstance(stage_cfgs, (list, tuple)) else stage_cfgs
    given = dict(given or {})
    blocks = dict(given.pop("block_cfgs", None) or {})
    options = {
        "window": blocks.pop("window_size", given.pop("window_size", window)),
        "pad_small_map": blocks.pop("pad_small_map", given.pop("pad_small_map", pad_small_map)),
        "block_options": {"mlp_ratio": blocks.pop("ffn_ratio", 4.0)},
    }
    if given or blocks:
        unknown = ", ".join([*given, *(f"block_cfgs.{name}" for name in blocks)])
        raise ConfigError(f"stage_cfgs: window_size, pad_small_map and ffn_ratio are supported, got {unknown}")
    return options


def check_window(resolution: Sequence[int], window: int, pad_small_map: bool, stage: int) -> None:
    """Refuses a map smaller than its window, which OpenMMLab refuses too unless `pad_small_map` is on."""
    if min(resolution) < window and not pad_small_map:
        raise ConfigError(
            f"stage {stage} has {resolution[0]}×{resolution[1]} tokens, fewer than its window of {window}: "
            f"use larger images, or pad_small_map=True"
        )


def start_swin(module: nn.Module) -> None:
    """Truncated-normal projections and zero biases, as published."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
