"""SimMIM (Xie et al. 2022, arXiv:2111.09886): a Swin sees a token for removed patches, and guesses pixels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor, nn

from selfscope.data.masks import random_patch_mask
from selfscope.errors import ConfigError, ModelError
from selfscope.models.masking import MaskedImageModel
from selfscope.models.normaliser import build_normaliser
from selfscope.models.parts import build_backbone, build_part
from selfscope.models.patches import enlarge
from selfscope.models.swin import SimMIMSwinTransformer
from selfscope.models.vit import check_ratio

MASK_PATCH, MASK_RATIO, FEWEST_BLOCKS = 32, 0.6, 4


class SimMIMNeck(nn.Module):
    """A 1 × 1 convolution whose channels are shuffled out to pixels."""

    def __init__(self, in_channels: int, encoder_stride: int, init_cfg: Any = None) -> None:
        super().__init__()
        self.stride = encoder_stride
        self.decoder = nn.Sequential(nn.Conv2d(in_channels, encoder_stride**2 * 3, 1), nn.PixelShuffle(encoder_stride))

    def forward(self, latent: Tensor) -> Tensor:
        """`(B, D, h, w)` -> pixels `(B, 3, h * stride, w * stride)`."""
        return self.decoder(latent)


class SimMIMHead(nn.Module):
    """Says how large a patch of the mask is; holds no weights."""

    def __init__(self, patch_size: int = 4, loss: Any = None, init_cfg: Any = None) -> None:
        super().__init__()
        self.patch_size = patch_size


class SimMIM(MaskedImageModel):
    """SimMIM as a config describes it: `features` are pixels `(B, 3, H, W)`, normalised.

    Masks are on the grid of the Swin's 4-pixel patches, (48, 48) at 192 pixels; `random_mask` removes blocks of 32.
    """

    backbone: SimMIMSwinTransformer
    neck: SimMIMNeck

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
        if not isinstance(encoder, SimMIMSwinTransformer):
            raise ConfigError(f"SimMIM: expected a backbone SimMIMSwinTransformer, got {type(encoder).__name__}")
        if not neck or not head:
            raise ConfigError("SimMIM needs a neck (SimMIMNeck) and a head (SimMIMHead)")
        decoder = build_part(neck, trust=trust)
        super().__init__(encoder, build_normaliser(data_preprocessor), method=type(self).__name__, neck=decoder)
        self.patch_size: int = build_part(head, trust=trust).patch_size
        if any(side % decoder.stride for side in encoder.image_size):
            height, width = encoder.image_size
            raise ConfigError(f"SimMIM: {height}×{width} pixels are not a multiple of encoder_stride {decoder.stride}")
        if any(side // self.patch_size != n for side, n in zip(encoder.image_size, encoder.grid, strict=True)):
            raise ConfigError(f"SimMIM: head.patch_size={self.patch_size} is not the backbone's patch size")

    def random_mask(self, batch: int, generator: np.random.Generator, ratio: float | None = None) -> np.ndarray:
        """`(B, h, w)` uint8: 60 % (rounded up) of the 32-pixel blocks of each image, as the paper's masking does.

        Images below 128 pixels have smaller blocks, four or more to a side.
        """
        block = MASK_PATCH // self.patch_size
        while block > 1 and min(self.mask_grid) < FEWEST_BLOCKS * block:
            block //= 2
        if any(n % block for n in self.mask_grid):
            raise ModelError(f"a mask of {MASK_PATCH}-pixel blocks needs an image that these divide")
        coarse = (self.mask_grid[0] // block, self.mask_grid[1] // block)
        share = MASK_RATIO if ratio is None else check_ratio(ratio)
        return random_patch_mask(generator, batch, coarse, share).repeat(block, 1).repeat(block, 2)

    def loss(self, pixels: Tensor, mask: Any) -> Tensor:
        """Mean absolute error of the removed pixels; a scalar."""
        removed = self._removed(mask, pixels)  # (B, h, w)
        weights = enlarge(removed, (pixels.shape[2], pixels.shape[3]))[:, None]  # (B, 1, H, W)
        errors = (self._guess(pixels, removed) - pixels).abs()
        return (errors * weights).sum() / (weights.sum() + 1e-5) / pixels.shape[1]

    def prediction_picture(self, features: Tensor, pixels: Tensor, mask: Any, pixel_stats: str = "patch") -> Tensor:
        """`pred` `(B, H, W, 3)` in normalised pixel units: SimMIM predicts pixels, no rule has anything to fill in."""
        return features.permute(0, 2, 3, 1)

    def _guess(self, pixels: Tensor, removed: Tensor) -> Tensor:
        swin = self.backbone
        x = swin.embed(pixels)  # (B, h, w, D)
        weights = removed[..., None].to(x.dtype)
        x = x * (1 - weights) + swin.mask_token[:, :, None] * weights
        latent = swin.encode(x)[-1].map  # (B, 8 D, h / 8, w / 8)
        assert latent is not None
        return self.neck(latent)
