"""Masks that a model draws itself, drawn here as it would: what the pipeline alone does not show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from selfscope.config.reader import Config
from selfscope.records import Sample, Step

CELLS = {"MixMIM": 0.5, "SparK": 0.6}
"""Models that remove cells of 32 pixels, whatever the patches, and the share of them when the config does not say."""
CELL = 32
KEPT: dict[str, Callable[[int, float], int]] = {
    "MixMIM": lambda cells, ratio: cells - int(cells * ratio),
    "SparK": lambda cells, ratio: round(cells * (1 - ratio)),
}
"""How many of the cells each model keeps, where it does not round as MAE does."""
WEIGHED = ("MILAN",)
"""Models that keep some patches rather than others, by the attention of another network."""
SHARED = ("MixMIM",)
"""Models whose batch has one mask; here two samples have, which are mixed: 0 and 1, 2 and 3, …."""


@dataclass(frozen=True)
class ModelMask:
    """How the model of a config draws its masks."""

    kind: str
    ratio: float
    side: int
    """Pixels of one patch or cell."""

    @property
    def told(self) -> str:
        """Where the mask comes from, for the foot of a picture."""
        if self.kind in WEIGHED:
            return f"drawn evenly, ratio {self.ratio:g}; {self.kind} keeps more of those that CLIP attends to"
        return f"drawn as the model does, ratio {self.ratio:g}"

    def draw(self, sample: Sample, seed: int) -> Sample:
        """The sample with such a mask over its first view, the same for the same seed, epoch and index."""
        first = sample.views[0]
        height, width = first.picture.shape[:2]
        grid = (max(1, height // self.side), max(1, width // self.side))
        index = sample.index // 2 if self.kind in SHARED else sample.index
        rng = np.random.default_rng([seed, int(sample.settings.get("epoch", 0)), index])
        cells = grid[0] * grid[1]
        kept = KEPT.get(self.kind, lambda count, ratio: int(count * (1 - ratio)))(cells, self.ratio)
        mask = (rng.random(cells).argsort().argsort() >= kept).astype(np.uint8).reshape(grid)
        pictured = any(step.picture is not None for step in first.steps)
        drawn = {"patches": cells, "removed": cells - kept, "blocks": ()}
        step = Step("ModelMask", drawn, first.picture if pictured else None)
        views = (replace(first, steps=(*first.steps, step)), *sample.views[1:])
        return replace(sample, views=views, mask=mask, settings={**sample.settings, "mask": self.told})


def completed(sample: Sample, mask: ModelMask | None, seed: int) -> Sample:
    """The sample with the model's mask, unless the pipeline has drawn one."""
    return sample if mask is None or sample.mask is not None else mask.draw(sample, seed)


def model_mask(config: Config | None) -> ModelMask | None:
    """None for models that take their mask from the pipeline or have none."""
    model: Mapping[str, Any] = {} if config is None else config.get("model") or {}
    kind = str(model.get("type", "")).rsplit(".", 1)[-1]
    backbone = model.get("backbone") or {}
    ratio = backbone.get("mask_ratio", model.get("mask_ratio", CELLS.get(kind)))
    if ratio is None:
        return None
    return ModelMask(kind, float(ratio), CELL if kind in CELLS else int(backbone.get("patch_size", 16)))
