"""MaskFeat (Wei et al. 2022, arXiv:2112.09133): guess the gradient histograms of removed patches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from selfscope.data.masks import BEiTMaskGenerator
from selfscope.errors import ConfigError
from selfscope.models.hog import HOGGenerator
from selfscope.models.masking import MaskedImageModel
from selfscope.models.necks import LinearNeck
from selfscope.models.normaliser import build_normaliser
from selfscope.models.parts import build_backbone, build_part
from selfscope.models.vit import MaskFeatViT, check_ratio

MASK_RATIO, SMALLEST_BLOCK = 0.4, 15
CRITERIA = {"L1": torch.abs, "L2": torch.square}


class MaskFeatPretrainHead(nn.Module):
    """Says how errors are measured, `loss=dict(criterion="L2" | "L1")`; holds no weights."""

    def __init__(self, loss: Mapping[str, Any] | None = None, init_cfg: Any = None) -> None:
        super().__init__()
        self.criterion = (loss or {}).get("criterion", "L2")
        if self.criterion not in CRITERIA:
            raise ConfigError(f"loss.criterion: expected L1 or L2, got {self.criterion!r}")


class MaskFeat(MaskedImageModel):
    """MaskFeat as a config describes it: `features` are `(B, L, C * nbins * n * n)`, 108 a patch by default.

    `prediction_picture` and `target` draw the histograms, averaged over the colour channels, as strokes.
    """

    backbone: MaskFeatViT
    neck: LinearNeck

    def __init__(
        self,
        backbone: Mapping[str, Any],
        neck: Mapping[str, Any] | None = None,
        head: Mapping[str, Any] | None = None,
        target_generator: Mapping[str, Any] | None = None,
        data_preprocessor: Mapping[str, Any] | None = None,
        image_size: int | tuple[int, int] | None = None,
        pretrained: Any = None,
        init_cfg: Any = None,
        trust: bool = False,
    ) -> None:
        encoder = build_backbone(backbone, image_size, trust=trust)
        if not isinstance(encoder, MaskFeatViT):
            raise ConfigError(f"MaskFeat: expected a backbone MaskFeatViT, got {type(encoder).__name__}")
        if not neck or not target_generator:
            raise ConfigError("MaskFeat needs a neck (LinearNeck) and a target_generator (HOGGenerator)")
        predictor = build_part(neck, trust=trust)
        super().__init__(encoder, build_normaliser(data_preprocessor), method=type(self).__name__, neck=predictor)
        self.target_generator: HOGGenerator = build_part(target_generator, trust=trust)
        self.criterion: str = build_part(head, trust=trust).criterion if head else "L2"
        self.patch_size = encoder.patch_embed.patch_size[0]
        cells = self.patch_size // self.target_generator.pool
        wanted = 3 * self.target_generator.nbins * cells**2
        if predictor.fc.out_features != wanted:
            raise ConfigError(f"MaskFeat: the neck gives {predictor.fc.out_features} values a patch, HOG has {wanted}")
        nn.init.trunc_normal_(predictor.fc.weight, std=0.02)
        nn.init.zeros_(predictor.fc.bias)

    def random_mask(self, batch: int, generator: np.random.Generator, ratio: float | None = None) -> np.ndarray:
        """`(B, h, w)` uint8: blocks that make up 40 % of the patches, or `ratio` of them."""
        h, w = self.mask_grid
        removed = int(h * w * (MASK_RATIO if ratio is None else check_ratio(ratio)))
        blocks = BEiTMaskGenerator((h, w), removed, min_num_patches=max(1, min(SMALLEST_BLOCK, removed // 4)))
        return np.stack([blocks({}, generator)["mask"] for _ in range(batch)])

    def loss(self, pixels: Tensor, mask: Any) -> Tensor:
        """Mean error of the removed patches' histograms; a scalar."""
        removed = self._removed(mask, pixels)  # (B, h, w)
        errors = self._guess(pixels, removed) - self.target_generator.features(pixels, self.mask_grid)
        return (CRITERIA[self.criterion](errors).mean(-1) * removed.flatten(1)).sum() / removed.sum().clamp(min=1)

    def prediction_picture(self, features: Tensor, pixels: Tensor, mask: Any, pixel_stats: str = "patch") -> Tensor:
        """The predicted histograms drawn, `(B, H, W, 3)` in grey levels 0..255; no rule has anything to fill in."""
        return self._drawn(self.target_generator.cells_of(features, self.mask_grid))

    def target(self, pixels: Tensor) -> Tensor:
        """The image's own histograms drawn, `(B, H, W, 3)` in grey levels 0..255."""
        return self._drawn(self.target_generator.cells(pixels))

    def to_picture(self, pred: Tensor) -> Tensor:
        """`pred` or `target` `(B, H, W, 3)` as uint8 RGB."""
        return pred.round().clamp(0, 255).to(torch.uint8)

    def _guess(self, pixels: Tensor, removed: Tensor) -> Tensor:
        vit = self.backbone
        x = vit.embed(pixels)  # (B, L, D)
        weights = removed.flatten(1)[..., None].to(x.dtype)
        x = x * (1 - weights) + vit.mask_token * weights
        x = torch.cat([vit.cls_token.expand(len(x), -1, -1), x], dim=1) + vit.pos_embed  # (B, 1 + L, D)
        return self.neck(vit.norm(vit.blocks(vit.pos_drop(x))))[:, 1:]

    def _drawn(self, cells: Tensor) -> Tensor:
        from selfscope.draw.hog import hog_picture

        means = cells.mean(1).float().cpu().numpy()  # (B, nbins, h, w)
        drawn = [hog_picture(histograms, self.target_generator.pool) for histograms in means]
        levels = torch.from_numpy(np.stack(drawn)).float()  # (B, H, W)
        return levels[..., None].expand(-1, -1, -1, 3)
