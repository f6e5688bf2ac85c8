"""Images cut into square patches, and the mean and deviation of each."""

from __future__ import annotations

import torch
from torch import Tensor

from selfscope.errors import ModelError

SHOWN_DEVIATIONS = 3.0


def patchify(pixels: Tensor, side: int) -> Tensor:
    """Pixels `(B, C, H, W)` -> `(B, h * w, side * side * C)`: over rows, columns, then channels."""
    if pixels.ndim != 4 or pixels.shape[2] % side or pixels.shape[3] % side:
        raise ModelError(f"expected pixels (B, C, H, W) of whole {side}-pixel patches, got {tuple(pixels.shape)}")
    blocks = pixels.unfold(2, side, side).unfold(3, side, side)  # (B, C, h, w, side, side)
    return blocks.permute(0, 2, 3, 4, 5, 1).flatten(3).flatten(1, 2)


def unpatchify(patches: Tensor, side: int, grid: tuple[int, int]) -> Tensor:
    """The inverse of `patchify`: `(B, h * w, side * side * C)` -> `(B, C, H, W)`."""
    if patches.ndim != 3 or patches.shape[1] != grid[0] * grid[1] or patches.shape[2] % side**2:
        raise ModelError(f"expected patches (B, {grid[0] * grid[1]}, {side * side} C), got {tuple(patches.shape)}")
    blocks = patches.unflatten(2, (side, side, -1)).unflatten(1, grid)  # (B, h, w, side, side, C)
    return blocks.permute(0, 5, 1, 3, 2, 4).flatten(4, 5).flatten(2, 3)


def patch_stats(patches: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation `(B, L, 1)` over all values of a patch: √(unbiased variance + 1e-6)."""
    return patches.mean(-1, keepdim=True), (patches.var(-1, keepdim=True) + 1e-6).sqrt()


def visible_stats(patches: Tensor, removed: Tensor, grid: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Means and deviations `(B, L, 1)` as the kept patches suggest them; `removed` is `(B, L)`.

    Kept patches keep their own. A removed one gets a mean over all kept patches, each weighted by the inverse fourth
    power of its distance on the grid (Shepard's interpolation), so that the nearest decide. With nothing kept,
    mean 0 and deviation 1. Guessed from the surroundings, not learnt by the model.
    """
    mean, std = patch_stats(patches)
    rows, columns = torch.meshgrid(*(torch.arange(n, device=patches.device) for n in grid), indexing="ij")
    places = torch.stack([rows.flatten(), columns.flatten()], dim=1).float()  # (L, 2)
    weights = torch.cdist(places, places).clamp(min=1e-3) ** -4.0  # (L, L); itself weighs 1e12
    weights = weights * (1 - removed)[:, None]  # (B, L, L)
    total = weights.sum(-1, keepdim=True)
    kept = total > 0
    weights = weights / total.clamp(min=torch.finfo(total.dtype).tiny)
    mean = torch.where(kept, weights @ mean, torch.zeros_like(mean))
    return mean, torch.where(kept, weights @ std, torch.ones_like(std))


def head_units(picture: Tensor) -> Tensor:
    """Units around 0 as grey levels: 0 is mid-grey, -3 black, 3 white."""
    return 127.5 + picture * (127.5 / SHOWN_DEVIATIONS)


def enlarge(mask: Tensor, size: tuple[int, int]) -> Tensor:
    """A mask `(B, h, w)` as one of pixels `(B, H, W)`; `size` must be a multiple of it."""
    return mask.repeat_interleave(size[0] // mask.shape[1], 1).repeat_interleave(size[1] // mask.shape[2], 2)
