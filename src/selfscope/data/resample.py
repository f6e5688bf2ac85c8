"""Resizing in two dialects: Pillow's filters and OpenCV's interpolation.

The two differ by many grey levels where a picture shrinks: Pillow widens its filter with the factor (antialiasing),
OpenCV samples 2, 4 or 8 neighbours whatever the factor. Models remember which one they were trained with, so both are
here. torch has two of Pillow's filters, several times as fast and a grey level apart in fewer than 3 values of
100: random crops take these, what a model is judged by stays Pillow's to the byte.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from selfscope.errors import ConfigError, DataError, nearest

PILLOW_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "box": Image.Resampling.BOX,
    "lanczos": Image.Resampling.LANCZOS,
    "hamming": Image.Resampling.HAMMING,
}
OPENCV_CODES = {
    "nearest": cv2.INTER_NEAREST,
    "bilinear": cv2.INTER_LINEAR,
    "bicubic": cv2.INTER_CUBIC,
    "area": cv2.INTER_AREA,
    "lanczos": cv2.INTER_LANCZOS4,
}
TORCH_FILTERS = ("bilinear", "bicubic")
INTERPOLATIONS = {"pillow": tuple(PILLOW_FILTERS), "cv2": tuple(OPENCV_CODES)}


def check_resampling(interpolation: str, backend: str) -> None:
    """Refuses a pair that does not exist; called when a transform is built, long before the first picture."""
    if backend not in INTERPOLATIONS:
        raise ConfigError(f"backend {backend!r}: expected 'cv2' or 'pillow'.{nearest(str(backend), INTERPOLATIONS)}")
    known = INTERPOLATIONS[backend]
    if interpolation not in known:
        hint = nearest(str(interpolation), known)
        raise ConfigError(f"interpolation {interpolation!r}: backend {backend!r} has {', '.join(known)}.{hint}")


def resize(
    pixels: np.ndarray,
    size: tuple[int, int],
    *,
    interpolation: str = "bilinear",
    backend: str = "cv2",
    to_the_byte: bool = True,
) -> np.ndarray:
    """`(h, w, 3)` uint8 from `(H, W, 3)` uint8 and `size = (w, h)`; the same array when nothing changes.

    `to_the_byte=False` lets torch stand in for Pillow, at most two grey levels apart.
    """
    height, width = pixels.shape[:2]
    if size[0] < 1 or size[1] < 1:
        raise DataError(f"a picture of {width}×{height} pixels cannot become {size[0]}×{size[1]}")
    if (width, height) == tuple(size):
        return pixels
    if backend == "cv2":
        return cv2.resize(pixels, size, interpolation=OPENCV_CODES[interpolation])
    if to_the_byte or interpolation not in TORCH_FILTERS:
        return np.asarray(Image.fromarray(pixels).resize(size, PILLOW_FILTERS[interpolation]))
    return _antialiased(pixels, size, interpolation)


def _antialiased(pixels: np.ndarray, size: tuple[int, int], interpolation: str) -> np.ndarray:
    """torch's kernels for bytes, which are written for channels that lie together, as they do here."""
    image = torch.from_numpy(np.array(pixels, order="C")).permute(2, 0, 1)[None]
    made = F.interpolate(image, size=(size[1], size[0]), mode=interpolation, antialias=True)
    return made[0].permute(1, 2, 0).numpy()
