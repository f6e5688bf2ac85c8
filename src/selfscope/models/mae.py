"""Masked autoencoders (He et al. 2022, arXiv:2111.06377): see a quarter of the patches, paint the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from timm.models.vision_transformer import Block
from torch import Tensor, nn

from selfscope.data.masks import random_patch_mask
from selfscope.errors import ConfigError, ModelError
from selfscope.models.arch import layer_norm
from selfscope.models.masking import MaskedImageModel
from selfscope.models.normaliser import build_normaliser
from selfscope.models.parts import build_backbone, build_part, with_changes
from selfscope.models.patches import head_units, patch_stats, visible_stats
from selfscope.models.vit import MAEViT, check_ratio, exact_ratio, fixed_position


class MAEPretrainDecoder(nn.Module):
    """Visible tokens and a mask token everywhere else, through small blocks, to values of each patch."""

    dialect = "mae_decoder"

    def __init__(
        self,
        num_patches: int = 196,
        patch_size: int = 16,
        in_chans: int = 3,
        embed_dim: int = 1024,
        decoder_embed_dim: int = 512,
        decoder_depth: int = 8,
        decoder_num_heads: int = 16,
        mlp_ratio: float = 4.0,
        norm_cfg: Mapping[str, Any] | None = None,
        predict_feature_dim: int | None = None,
        init_cfg: Any = None,
        grid: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        grid = grid or (round(num_patches**0.5),) * 2
        norm, width = layer_norm(norm_cfg, 1e-6), decoder_embed_dim
        ratio = exact_ratio(width, int(mlp_ratio * width))
        self.decoder_embed = nn.Linear(embed_dim, width)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, width))
        self.decoder_pos_embed = fixed_position(grid, width)
        self.decoder_blocks = nn.Sequential(
            *(Block(width, decoder_num_heads, ratio, qkv_bias=True, norm_layer=norm) for _ in range(decoder_depth))  # type: ignore[arg-type]
        )
        self.decoder_norm = norm(width)
        self.decoder_pred = nn.Linear(width, predict_feature_dim or patch_size**2 * in_chans)
        self._start()

    def forward(self, latent: Tensor, kept: Tensor) -> Tensor:
        """Latent `(B, 1 + K, D)` of the patches `kept` `(B, K)` -> values of all patches `(B, L, p * p * 3)`."""
        x = self.decoder_embed(latent)  # (B, 1 + K, W)
        batch, _, width = x.shape
        patches = self.mask_token.expand(batch, self.decoder_pos_embed.shape[1] - 1, width)  # (B, L, W)
        patches = patches.scatter(1, kept[..., None].expand(-1, -1, width), x[:, 1:].to(patches.dtype))
        x = torch.cat([x[:, :1], patches], dim=1) + self.decoder_pos_embed  # (B, 1 + L, W)
        x = self.decoder_norm(self.decoder_blocks(x))
        return self.decoder_pred(x)[:, 1:]

    def _start(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        nn.init.normal_(self.mask_token, std=0.02)


class MAEPretrainHead(nn.Module):
    """Says whether a patch is painted in its own mean and deviation (`norm_pix`) or in pixels; holds no weights."""

    def __init__(
        self, loss: Any = None, norm_pix: bool = False, patch_size: int = 16, in_channels: int = 3, init_cfg: Any = None
    ) -> None:
        super().__init__()
        self.norm_pix = norm_pix
        self.patch_size = patch_size


class MAE(MaskedImageModel):
    """MAE as a config describes it: `features` are patches `(B, L, p * p * 3)` in the head's units.

    A patch's values run over rows, then columns, then channels. With `norm_pix` they are in units of the patch's own
    standard deviation (unbiased, 1e-6 added to the variance) around its mean.
    """

    backbone: MAEViT
    neck: MAEPretrainDecoder

    def __init__(
        self,
        backbone: Mapping[str, Any],
        neck: Mapping[str, Any] | None = None,
        head: Mapping[str, Any] | None = None,
        data_preprocessor: Mapping[str, Any] | None = None,
        image_size: int | tuple[int, int] | None = None,
        target_generator: Any = None,
        pretrained: Any = None,
        init_cfg: Any = None,
        trust: bool = False,
    ) -> None:
        encoder = build_backbone(backbone, image_size, trust=trust)
        if not isinstance(encoder, MAEViT):
            raise ConfigError(f"MAE: expected a backbone MAEViT, got {type(encoder).__name__}")
        if not neck or not head:
            raise ConfigError("MAE needs a neck (MAEPretrainDecoder) and a head (MAEPretrainHead)")
        decoder = build_part(with_changes(neck, {"grid": encoder.grid}), trust=trust)
        super().__init__(encoder, build_normaliser(data_preprocessor), method=type(self).__name__, neck=decoder)
        settings = build_part(head, trust=trust)
        self.norm_pix: bool = settings.norm_pix
        self.patch_size = encoder.patch_embed.patch_size[0]
        if settings.patch_size != self.patch_size or decoder.decoder_pred.out_features != 3 * self.patch_size**2:
            raise ConfigError(f"MAE: neck and head must have the backbone's patch_size, {self.patch_size}")

    def random_mask(self, batch: int, generator: np.random.Generator, ratio: float | None = None) -> np.ndarray:
        """`(B, h, w)` uint8, for each image alone a uniform choice; `ratio` defaults to the config's."""
        share = self.backbone.mask_ratio if ratio is None else check_ratio(ratio)
        return random_patch_mask(generator, batch, self.mask_grid, share)

    def loss(self, pixels: Tensor, mask: Any) -> Tensor:
        """Mean squared error of the removed patches, in the head's units; a scalar."""
        removed = self._removed(mask, pixels)  # (B, h, w)
        errors = (self._guess(pixels, removed) - self.target_patches(pixels)).square().mean(-1)  # (B, L)
        return (errors * removed.flatten(1)).sum() / removed.sum().clamp(min=1)

    def target_patches(self, pixels: Tensor) -> Tensor:
        """What the features should be, `(B, L, p * p * 3)`."""
        patches = self.patchify(pixels)
        if not self.norm_pix:
            return patches
        mean, std = patch_stats(patches)
        return (patches - mean) / std

    @torch.no_grad()
    def prediction_picture(self, features: Tensor, pixels: Tensor, mask: Any, pixel_stats: str = "patch") -> Tensor:
        """`pred` `(B, H, W, 3)` in normalised pixel units; `to_picture` shows it.

        A `norm_pix` head needs each patch's mean and deviation: `patch` takes the true ones, a leak that must be
        said; `visible` interpolates them from the kept patches; `none` shows the units themselves, 0 as mid-grey and
        ±3 as black and white. A head that predicts pixels has nothing to fill in and ignores the rule.
        """
        if pixel_stats not in ("patch", "visible", "none"):
            raise ModelError(f"pixel_stats: expected patch, visible or none, got {pixel_stats!r}")
        if self.norm_pix and pixel_stats == "patch":
            mean, std = patch_stats(self.patchify(pixels))
            features = features * std + mean
        elif self.norm_pix and pixel_stats == "visible":
            removed = self._removed(mask, pixels).flatten(1)  # (B, L)
            mean, std = visible_stats(self.patchify(pixels), removed, self.mask_grid)
            features = features * std + mean
        picture = self.unpatchify(features)  # (B, 3, H, W)
        if self.norm_pix and pixel_stats == "none":
            picture = self.normaliser.from_levels(head_units(picture))
        return picture.permute(0, 2, 3, 1)

    def _guess(self, pixels: Tensor, removed: Tensor) -> Tensor:
        kept = kept_indices(removed.flatten(1))  # (B, K)
        return self.neck(self._see(pixels, kept), kept)

    def _see(self, pixels: Tensor, kept: Tensor) -> Tensor:
        """Latent `(B, 1 + K, D)` of the kept patches `(B, K)`, class token first."""
        vit = self.backbone
        x = vit.embed(pixels) + vit.pos_embed[:, 1:]  # (B, L, D)
        x = x.gather(1, kept[..., None].expand(-1, -1, x.shape[2]))  # (B, K, D)
        token = (vit.cls_token + vit.pos_embed[:, :1]).expand(len(x), -1, -1)
        return vit.norm(vit.blocks(torch.cat([token, x], dim=1)))


class PixMIM(MAE):
    """PixMIM (Liu et al. 2023, arXiv:2303.02416): an MAE that learnt to paint a low-pass copy of the image."""

    def loss(self, pixels: Tensor, mask: Any) -> Tensor:
        raise ModelError("PixMIM learns from low-pass targets, which are not made here: train an MAE, or look only")


def kept_indices(removed: Tensor) -> Tensor:
    """Positions `(B, K)` of kept patches in raster order, which changes nothing: attention has no order of its own."""
    counts = (removed == 0).sum(1)
    if len(counts.unique()) > 1:
        low, high = int(counts.min()), int(counts.max())
        raise ModelError(f"mask: the images of one batch must keep equally many patches, got {low} to {high}")
    return (removed == 0).nonzero()[:, 1].reshape(len(removed), -1)
