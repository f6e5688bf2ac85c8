"""From a batch to the loss terms: what is wrapped for several devices and mixed precision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from selfscope.errors import ModelError
from selfscope.models.masking import MaskedImageModel
from selfscope.training.feed import TrainBatch
from selfscope.training.noise import mask_generators


class Learning(nn.Module):
    """A model whose forward is its loss. A masked-image model is called as `loss(pixels, mask)`, others as
    `loss(views)`, a list of pixels `(B, 3, H, W)`; a loss is a scalar, or a dict of terms.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        if not callable(getattr(model, "loss", None)):
            name = getattr(model, "method", type(model).__name__)
            raise ModelError(f"{name} has no loss here, so it cannot be trained: MAE, SimMIM, MaskFeat and SimSiam can")
        self.model = model
        self.masked = isinstance(model, MaskedImageModel)

    def forward(self, views: Sequence[Tensor], masks: np.ndarray | None) -> dict[str, Tensor]:
        """Images `(B, 3, H, W)` uint8 of each view -> terms; `loss` is the one to follow down."""
        pixels = [self.model.normaliser(view) for view in views]  # type: ignore[operator]
        given = self.model.loss(pixels[0], masks) if self.masked else self.model.loss(pixels)  # type: ignore[operator]
        return loss_terms(given)


def loss_terms(given: Any) -> dict[str, Tensor]:
    """`{"loss": …}` of a scalar; of a dict its terms, with `loss` the sum of all whose name holds "loss"."""
    if isinstance(given, Tensor):
        return {"loss": given}
    if not isinstance(given, Mapping) or not any("loss" in name for name in given):
        raise ModelError(f"a model's loss is a scalar or a dict with a 'loss', got {type(given).__name__}")
    terms = {name: value.mean() for name, value in given.items() if isinstance(value, Tensor)}
    if "loss" not in terms:
        terms["loss"] = torch.stack([value for name, value in terms.items() if "loss" in name]).sum()
    return terms


def draw_masks(learning: Learning, batch: TrainBatch, seed: int) -> np.ndarray | None:
    """`(B, h, w)` uint8 for a masked-image model: the pipeline's, else the model's own kind, each sample from its seed.

    Drawn on the CPU, where checking them waits for no device.
    """
    if not learning.masked:
        return None
    if batch.masks is not None:
        return batch.masks.numpy()
    generators = mask_generators(seed, batch.epoch, batch.indices.tolist())
    draw = learning.model.random_mask
    return np.concatenate([draw(1, generator) for generator in generators])  # type: ignore[operator]
