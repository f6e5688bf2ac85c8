"""What masked-image models share: a grid of patches, masks on it, and pixels as patches."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from selfscope.errors import ModelError
from selfscope.models.encoding import Encoder, evaluating
from selfscope.models.patches import patchify, unpatchify


class MaskedImageModel(Encoder):
    """A backbone on a grid of patches, whose neck guesses what was removed.

    Masks are `(h, w)`, 1 = removed, for all images of a batch or each alone: see `fit_mask`.
    """

    norm_pix = False
    """Whether a patch is predicted in units of its own mean and deviation."""
    patch_size: int

    @property
    def mask_grid(self) -> tuple[int, int]:
        """Patches down and across."""
        return self.backbone.grid  # type: ignore[return-value]

    @torch.no_grad()
    def predict(self, pixels: Tensor, mask: Any) -> Tensor:
        """Features as the class says; kept patches are predicted too, as the ancestor gives them."""
        with evaluating(self):
            return self._guess(pixels, self._removed(mask, pixels))

    def to_picture(self, pred: Tensor) -> Tensor:
        """`pred` `(B, H, W, 3)` as uint8 RGB."""
        return self.normaliser.to_picture(pred.permute(0, 3, 1, 2))

    def patchify(self, pixels: Tensor) -> Tensor:
        """Pixels `(B, 3, H, W)` -> `(B, L, p * p * 3)`."""
        return patchify(pixels, self.patch_size)

    def unpatchify(self, patches: Tensor) -> Tensor:
        """`(B, L, p * p * 3)` -> pixels `(B, 3, H, W)`."""
        return unpatchify(patches, self.patch_size, self.mask_grid)

    def through_neck(self, vectors: list[Tensor]) -> tuple[list[Tensor], tuple[str, ...]]:
        raise ModelError(f"{self.method}'s neck guesses removed patches: choose the stage backbone")

    def _removed(self, mask: Any, pixels: Tensor) -> Tensor:
        return fit_mask(mask, self.mask_grid, len(pixels), pixels.device)

    def _guess(self, pixels: Tensor, removed: Tensor) -> Tensor:
        """Features of `pixels` without the patches `removed` `(B, h, w)`."""
        raise NotImplementedError


def fit_mask(mask: Any, grid: tuple[int, int], batch: int, device: torch.device) -> Tensor:
    """A mask `(B, h, w)` float of zeros and ones, from one on this very grid, flat or 2-D, for one image or a batch.

    Anything else is refused with both sizes; `views.given_mask` brings coarser ones to a grid.
    """
    given = torch.as_tensor(np.asarray(mask.cpu() if isinstance(mask, Tensor) else mask))
    shape, (h, w) = tuple(given.shape), grid
    fits = shape in ((h, w), (h * w,)) or (shape[:1] in ((1,), (batch,)) and shape[1:] in ((h, w), (h * w,)))
    if not fits:
        raise ModelError(f"mask: expected ({h}, {w}) for one or each of {batch} images, or flat, got {shape}")
    if not bool(((given == 0) | (given == 1)).all()):
        raise ModelError("mask: expected 0 (kept) and 1 (removed) only")
    return given.reshape(-1, h, w).expand(batch, h, w).to(device, torch.float32)
