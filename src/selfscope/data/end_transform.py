"""The end of a pipeline that is a function of the user's: from a Pillow image to what a module takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from selfscope.data.seeds import global_seeds
from selfscope.errors import ConfigError


@dataclass(frozen=True)
class ToModel:
    """Packs what `transform` makes of the image, `(C, H, W)`, as it is: nothing is normalised after it."""

    transform: Callable[[Any], Any]

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
        with global_seeds(rng):
            pixels = self.transform(Image.fromarray(results["img"]))
        if not isinstance(pixels, torch.Tensor) or pixels.ndim != 3:
            given = tuple(pixels.shape) if hasattr(pixels, "shape") else type(pixels).__name__
            raise ConfigError(f"transform: expected a tensor (C, H, W) from a Pillow image, got {given}")
        return {**results, "inputs": [pixels], "data_samples": None}
