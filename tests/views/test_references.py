"""Raw pixels are the images' own averages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from selfscope.data.dataset import folder_dataset
from selfscope.errors import DataError
from selfscope.views.references import raw_pixels

STEPS = [{"type": "LoadImageFromFile"}, {"type": "PackSelfSupInputs"}]


def test_each_pixel_is_the_mean_of_its_block(tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (5, 8, 16, 3), dtype=np.uint8)
    for i, picture in enumerate(pictures):
        path = tmp_path / f"class {i % 2}" / f"{i}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(picture).save(path)
    found = raw_pixels(folder_dataset(tmp_path, STEPS), side=4)
    order = [int(Path(path).stem) for path in found.paths or ()]
    blocks = pictures[order].reshape(5, 4, 2, 4, 4, 3).mean(axis=(2, 4)).transpose(0, 3, 1, 2).reshape(5, -1) / 255
    assert np.allclose(found.arrays["raw pixels"], blocks, atol=1e-6)
    assert found.labels is not None
    assert found.labels.tolist() == [i % 2 for i in order]


def test_small_images_are_taken_as_they_are_and_broken_ones_named(tmp_path: Path) -> None:
    Image.fromarray(np.full((3, 2, 3), 255, np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no picture")
    found = raw_pixels(folder_dataset(tmp_path, STEPS))
    assert found.arrays["raw pixels"].shape == (1, 18)
    assert len(found.skipped) == 1


def test_nothing_readable_is_said(tmp_path: Path) -> None:
    (tmp_path / "b.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="none of 1 pictures"):
        raw_pixels(folder_dataset(tmp_path, STEPS))
