from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .sources_of_pictures import FIXTURES


@pytest.fixture(scope="session")
def ancestor() -> dict[str, np.ndarray]:
    """Arrays that MMCV 2.0.1, MMClassification 1.0rc6 and OpenCV 5.0 made of `photo.jpg` and of noise, as RGB."""
    with np.load(FIXTURES / "ancestor.npz") as arrays:
        return dict(arrays)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Saves a small picture below tmp_path; its colour is `value`."""

    def save(name: str, value: int = 100, size: tuple[int, int] = (12, 9), mode: str = "RGB") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fill = value if mode == "L" else (value, 50, 200)
        Image.new(mode, size, fill).save(path)
        return path

    return save
