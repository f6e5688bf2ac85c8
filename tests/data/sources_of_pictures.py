"""Pictures that the tests of this folder share."""

from __future__ import annotations

from pathlib import Path

import numpy as np

FIXTURES = Path(__file__).parents[1] / "fixtures" / "data"
PHOTO = FIXTURES / "photo.jpg"


def gradient(width: int, height: int) -> np.ndarray:
    """A picture that says where each pixel was: red is the column, green the row, both scaled to 0..255."""
    x = np.linspace(0, 255, width)[None, :].repeat(height, 0)
    y = np.linspace(0, 255, height)[:, None].repeat(width, 1)
    return np.rint(np.stack([x, y, np.zeros_like(x)], axis=2)).astype(np.uint8)
