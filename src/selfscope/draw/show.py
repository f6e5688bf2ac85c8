"""What `python -m selfscope.draw.<module>` shows: a picture of the module's work, on a photo made of arithmetic."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image


def demonstrate(picture: np.ndarray) -> None:
    """Writes the picture to the path given on the command line, else to a temporary file, and prints where."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp()) / "selfscope.png"
    Image.fromarray(picture).save(path)
    print(path)


def sample_photo(height: int = 224, width: int = 224, seed: int = 0) -> np.ndarray:
    """A landscape of sky, sun and hills, `(H, W, 3)` uint8; the seed moves the hills."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    depth = y / y.max() if height > 1 else y
    scene = np.array((92, 150, 214)) + depth[..., None] * np.array((140, 60, -60))
    sun = np.hypot(x - rng.uniform(0.2, 0.8) * x.max(), y - 0.28 * y.max())
    scene += np.array((90, 70, 10)) * np.exp(-((sun / 0.12) ** 2))[..., None]
    scene = np.where((sun < 0.07)[..., None], (255, 241, 196), scene)
    for ridge, colour in enumerate(((92, 110, 140), (66, 104, 92), (38, 74, 48))):
        phase, height_of = rng.uniform(0, 6.3, 3), 0.5 + 0.16 * ridge
        line = sum(np.sin(x * f + p) * a for f, p, a in zip((7, 17, 41), phase, (0.07, 0.03, 0.012), strict=True))
        scene = np.where((depth > height_of + line)[..., None], np.array(colour) + 30 * (1 - depth[..., None]), scene)
    return np.clip(scene + rng.normal(0, 3, scene.shape), 0, 255).astype(np.uint8)
