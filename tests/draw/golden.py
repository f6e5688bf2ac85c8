"""Comparison with pictures that were looked at: small PNG files under `tests/fixtures/draw`.

`SELFSCOPE_GOLDEN=write pytest tests/draw -n 0` writes them anew; look at every one before it is committed.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image

FOLDER = Path(__file__).parents[1] / "fixtures" / "draw"


def check_golden(picture: np.ndarray, name: str) -> None:
    """Equal but for hairlines: font renderers differ in single pixels, so means of 4 × 4 pixels are compared."""
    path = FOLDER / f"{name}.png"
    if os.environ.get("SELFSCOPE_GOLDEN") == "write":
        Image.fromarray(picture).save(path, optimize=True)
    expected = np.asarray(Image.open(path).convert("RGB"))
    assert picture.shape == expected.shape
    difference = np.abs(coarse(picture) - coarse(expected))
    assert difference.max() <= 16
    assert difference.mean() <= 0.5


def coarse(picture: np.ndarray) -> np.ndarray:
    height, width = (n // 4 * 4 for n in picture.shape[:2])
    blocks = picture[:height, :width].astype(np.float64).reshape(height // 4, 4, width // 4, 4, 3)
    return blocks.mean(axis=(1, 3))
