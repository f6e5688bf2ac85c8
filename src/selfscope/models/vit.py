"""Vision Transformers with OpenMMLab's options on timm's parts (arXiv:2010.11929)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from timm.models.vision_transformer import VisionTransformer as TimmVisionTransformer
from torch import Tensor, nn

from selfscope.errors import ConfigError, ModelError
from selfscope.models.arch import (
    VIT_ARCHS,
    VIT_KEYS,
    arch_settings,
    image_sides,
    layer_norm,
    patch_side,
    refuse_options,
)
from selfscope.models.outputs import StageOutput, resolve_indices
from selfscope.models.position import sincos_position

OUT_TYPES = ("raw", "cls_token", "featmap", "avg_featmap")


class VisionTransformer(TimmVisionTransformer):
    """timm's ViT that answers with the blocks named in `out_indices`, as MMClassification's and MMPretrain's do.

    The final norm applies to the last block only. The vector of an image is the class token (`output_cls_token`, or
    `out_type="cls_token"`), a normed mean over patches (`avg_token`, or `"avg_featmap"`), a mean over all tokens
    (`"raw"`), or else it is left to be taken from the map.
    """

    dialect = "vit"
    pos_embed: nn.Parameter

    def __init__(
        self,
        arch: str | Mapping[str, Any] = "base",
        img_size: int | tuple[int, int] = 224,
        patch_size: int = 16,
        in_channels: int = 3,
        out_indices: int | list[int] = -1,
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
        qkv_bias: bool = True,
        norm_cfg: Mapping[str, Any] | None = None,
        final_norm: bool = True,
        with_cls_token: bool = True,
        avg_token: bool = False,
        output_cls_token: bool = True,
        out_type: str | None = None,
        frozen_stages: int = -1,
        interpolate_mode: str = "bicubic",
        pre_norm: bool = False,
        layer_scale_init_value: float = 0.0,
        patch_cfg: Mapping[str, Any] | None = None,
        layer_cfgs: Any = None,
        init_cfg: Any = None,
    ) -> None:
        refuse_options(type(self).__name__, patch_cfg=patch_cfg, layer_cfgs=layer_cfgs)
        sizes = arch_settings(arch, VIT_KEYS, VIT_ARCHS)
        norm, width, patch = layer_norm(norm_cfg, 1e-6), sizes["embed_dims"], patch_side(patch_size)
        super().__init__(
            img_size=image_sides(img_size, patch),
            patch_size=patch,
            in_chans=in_channels,
            num_classes=0,
            global_pool="token" if with_cls_token else "avg",
            embed_dim=width,
            depth=sizes["num_layers"],
            num_heads=sizes["num_heads"],
            mlp_ratio=exact_ratio(width, sizes["feedforward_channels"]),
            qkv_bias=qkv_bias,
            init_values=layer_scale_init_value or None,
            class_token=with_cls_token,
            pre_norm=pre_norm,
            fc_norm=False,
            pos_drop_rate=drop_rate,
            proj_drop_rate=drop_rate,
            drop_path_rate=drop_path_rate,
            norm_layer=norm,
        )
        if not final_norm:
            self.norm = nn.Identity()
        self.out_indices = resolve_indices(out_indices, sizes["num_layers"])
        self.out_type = self._out_type(out_type, with_cls_token, avg_token, output_cls_token)
        if avg_token or out_type == "avg_featmap":
            self.fc_norm = norm(width)
        self.interpolate_mode = interpolate_mode
        self._freeze(frozen_stages)

    @property
    def grid(self) -> tuple[int, int]:
        """Patches down and across."""
        return self.patch_embed.grid_size

    @property
    def image_size(self) -> tuple[int, int]:
        return self.patch_embed.img_size

    def embed(self, pixels: Tensor) -> Tensor:
        """Patch tokens `(B, L, D)` before class token and position."""
        if tuple(pixels.shape[2:]) != tuple(self.image_size):
            raise ModelError(
                f"the model was built for {self.image_size[0]}×{self.image_size[1]} pixels, "
                f"got {pixels.shape[2]}×{pixels.shape[3]}"
            )
        return self.patch_embed(pixels)

    def forward(self, pixels: Tensor) -> tuple[StageOutput, ...]:  # type: ignore[override]
        x = self.embed(pixels)  # (B, L, D)
        if self.cls_token is not None:
            x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1)  # (B, 1 + L, D)
        x = self.norm_pre(self.pos_drop(x + self.pos_embed))
        outputs, last = [], len(self.blocks) - 1
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i == last:
                x = self.norm(x)
            if i in self.out_indices:
                outputs.append(self._output(x))
        return tuple(outputs)

    def _output(self, x: Tensor) -> StageOutput:
        patches = x[:, self.num_prefix_tokens :]  # (B, L, D)
        planes = patches.mT.unflatten(2, self.grid)  # (B, L, D) -> (B, D, h, w)
        token = x[:, 0] if self.cls_token is not None else None
        if self.out_type == "cls_token":
            return StageOutput(planes, token, token)
        if self.out_type == "avg_featmap":
            return StageOutput(planes, self.fc_norm(patches.mean(1)), token)
        return StageOutput(planes, x.mean(1) if self.out_type == "raw" else None, token)

    def _out_type(self, out_type: str | None, cls_token: bool, avg_token: bool, output_cls_token: bool) -> str:
        if out_type is None:
            wants_token = cls_token and output_cls_token
            out_type = "cls_token" if wants_token else "avg_featmap" if avg_token else "featmap"
        if out_type not in OUT_TYPES:
            raise ConfigError(f"out_type: expected one of {', '.join(OUT_TYPES)}, got {out_type!r}")
        if out_type == "cls_token" and not cls_token:
            raise ConfigError("out_type='cls_token' needs with_cls_token=True")
        return out_type

    def _freeze(self, stages: int) -> None:
        if stages <= 0:
            return
        frozen: list[nn.Module] = [self.patch_embed, *self.blocks[:stages]]
        frozen += [self.norm] if stages == len(self.blocks) else []
        for parameter in (self.pos_embed, self.cls_token, *(p for part in frozen for p in part.parameters())):
            if parameter is not None:
                parameter.requires_grad_(False)


class MAEViT(VisionTransformer):
    """The encoder of MAE: `mask_ratio` is its own, and the sine-cosine position embedding is not trained."""

    cls_token: nn.Parameter

    def __init__(self, arch: str | Mapping[str, Any] = "b", mask_ratio: float = 0.75, **options: Any) -> None:
        super().__init__(arch, **options)
        self.mask_ratio = check_ratio(mask_ratio)
        start_like_mae(self)


class MaskFeatViT(VisionTransformer):
    """The encoder of MaskFeat: a ViT that puts a learnt token in place of removed patches."""

    cls_token: nn.Parameter

    def __init__(self, arch: str | Mapping[str, Any] = "b", **options: Any) -> None:
        super().__init__(arch, **options)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, self.embed_dim))
        for token in (self.mask_token, self.cls_token):
            nn.init.trunc_normal_(token, std=0.02)


class MoCoV3ViT(VisionTransformer):
    """The encoder of MoCo v3: fixed positions, and a patch projection that is not trained (`stop_grad_conv1`)."""

    def __init__(
        self,
        arch: str | Mapping[str, Any] = "base",
        stop_grad_conv1: bool = False,
        norm_eval: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(arch, **options)
        start_like_mae(self)
        self.patch_embed.requires_grad_(not stop_grad_conv1)


def start_like_mae(vit: VisionTransformer) -> None:
    """Starts the weights as the MAE paper's code does: Xavier-uniform projections, fixed sine-cosine positions."""
    for module in vit.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    nn.init.xavier_uniform_(vit.patch_embed.proj.weight.flatten(1))
    if vit.cls_token is not None:
        nn.init.normal_(vit.cls_token, std=0.02)
    vit.pos_embed = fixed_position(vit.grid, vit.embed_dim, prefix=vit.num_prefix_tokens)


def fixed_position(grid: tuple[int, int], width: int, *, prefix: int = 1) -> nn.Parameter:
    """A sine-cosine position embedding as a parameter that is stored but not trained."""
    return nn.Parameter(sincos_position(grid, width, prefix=prefix), requires_grad=False)


def check_ratio(ratio: Any) -> float:
    """A share of patches to remove, 0 to 1."""
    if isinstance(ratio, bool) or not isinstance(ratio, (int, float)) or not 0 <= ratio <= 1:
        raise ConfigError(f"mask_ratio: expected a share from 0 to 1, got {ratio!r}")
    return float(ratio)


def exact_ratio(width: int, hidden: int) -> float:
    """The ratio that timm's `int(width * ratio)` turns into exactly `hidden`."""
    return (hidden + 0.5) / width
