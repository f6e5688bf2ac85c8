"""The numbers that MMSelfSup gave, and models here with the same weights. See `fixtures/parity/make.py`."""

from __future__ import annotations

import json
import lzma
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from selfscope.models.build import build_model
from selfscope.models.checkpoint import Checkpoint
from selfscope.models.encoding import Encoder
from selfscope.models.fit import FitReport, fit
from selfscope.models.resnet import Sobel
from tests.models.generated import weights

PARITY = Path(__file__).parents[1] / "fixtures" / "parity"


@lru_cache
def described() -> dict[str, Any]:
    return json.loads((PARITY / "models.json").read_text())


@lru_cache
def numbers() -> dict[str, np.ndarray]:
    with np.load(PARITY / "numbers.npz") as file:
        return dict(file)


@lru_cache
def layouts() -> dict[str, list[str]]:
    return json.loads(lzma.decompress((PARITY / "layouts.json.xz").read_bytes()))


def photo(side: int = 224) -> torch.Tensor:
    """The photo, or a part of it, as a batch of one: `(1, 3, side, side)` uint8 RGB."""
    pixels = np.array(Image.open(PARITY / "photo.png"))
    part = pixels if side == 224 else pixels[:side, 60 : 60 + side]
    return torch.from_numpy(part.copy()).permute(2, 0, 1)[None]


def checkpoint(kind: str, name: str) -> Checkpoint:
    """The weights of a golden model under OpenMMLab's names."""
    made = weights({key: tuple(shape) for key, shape in described()[kind][name]["shapes"].items()})
    state = {key: torch.from_numpy(value) for key, value in made.items()}
    if name == "resnet_sobel":
        state |= {f"backbone.sobel_layer.{key}": value for key, value in Sobel().state_dict().items()}
    return Checkpoint(state, source=f"{name}.pth")


def fitted(kind: str, name: str, image_size: Any, needed: str = "all") -> tuple[Encoder, FitReport]:
    """A golden model with its weights, and how they fitted."""
    model = build_model(described()[kind][name]["config"], image_size=image_size, seed=0)
    return model, fit(model, checkpoint(kind, name), needed)
