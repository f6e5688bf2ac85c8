"""Resizing in two dialects: Pillow's filters, and OpenCV's interpolation reproduced without OpenCV.

The two differ by many grey levels where a picture shrinks: Pillow widens its filter with the factor (antialiasing),
OpenCV samples 2, 4 or 8 neighbours whatever the factor. Models remember which one they were trained with, so both are
here. Against the opencv-python wheels 4.11 and 5.0 (x86): nearest and bilinear are equal in every pixel, bicubic
differs by one grey level in fewer than 1 value of 1,000, area and lanczos by at most one grey level.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
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
INTERPOLATIONS = {"pillow": tuple(PILLOW_FILTERS), "cv2": ("nearest", "bilinear", "bicubic", "area", "lanczos")}
Taps = tuple[np.ndarray, np.ndarray]
"""`(n, k)` positions of the old pixels that make each new one, and their `(n, k)` weights."""
FIXED_POINT = 2048
"""OpenCV's bilinear weights are integers in units of 1/2048."""
BAND = 32
"""New rows that are made at once."""
KEPT = 128
"""Plans of axes that stay in memory, 20 kB each for 224 pixels: small pictures have few sizes."""
Axis = Callable[[int, int], Taps]
"""The taps of an axis, from its old and new length."""


def check_resampling(interpolation: str, backend: str) -> None:
    """Refuses a pair that does not exist; called when a transform is built, long before the first picture."""
    if backend not in INTERPOLATIONS:
        raise ConfigError(f"backend {backend!r}: expected 'cv2' or 'pillow'.{nearest(str(backend), INTERPOLATIONS)}")
    known = INTERPOLATIONS[backend]
    if interpolation not in known:
        hint = nearest(str(interpolation), known)
        raise ConfigError(f"interpolation {interpolation!r}: backend {backend!r} has {', '.join(known)}.{hint}")


def resize(
    pixels: np.ndarray, size: tuple[int, int], *, interpolation: str = "bilinear", backend: str = "cv2"
) -> np.ndarray:
    """`(h, w, 3)` uint8 from `(H, W, 3)` uint8 and `size = (w, h)`; the same array when nothing changes."""
    height, width = pixels.shape[:2]
    if size[0] < 1 or size[1] < 1:
        raise DataError(f"a picture of {width}×{height} pixels cannot become {size[0]}×{size[1]}")
    if (width, height) == tuple(size):
        return pixels
    if backend == "pillow":
        return np.asarray(Image.fromarray(pixels).resize(size, PILLOW_FILTERS[interpolation]))
    return _OPENCV[interpolation](pixels, size)


def _bilinear(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """OpenCV's INTER_LINEAR for bytes: weights in 1/2048, and the truncations of its vertical pass."""
    height, width = pixels.shape[:2]
    if (width, height) == (2 * size[0], 2 * size[1]):
        return _halved(pixels)
    return _in_bands(pixels, size, (_linear_columns, _linear_rows), _fixed_point_band)


def _halved(pixels: np.ndarray) -> np.ndarray:
    """The mean of 2×2 pixels: what OpenCV does at exactly half the size, also for INTER_LINEAR."""
    wide = pixels.astype(np.uint16)
    total = wide[0::2, 0::2] + wide[0::2, 1::2] + wide[1::2, 0::2] + wide[1::2, 1::2]
    return ((total + 2) >> 2).astype(np.uint8)


def _nearest(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    height, width = pixels.shape[:2]
    columns = np.minimum(np.floor(np.arange(size[0]) * (1 / (size[0] / width))).astype(np.intp), width - 1)
    rows = np.minimum(np.floor(np.arange(size[1]) * (1 / (size[1] / height))).astype(np.intp), height - 1)
    return pixels[rows[:, None], columns]


def _area(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The mean over what each new pixel covers; where a side grows, OpenCV blends only at the edges of old pixels."""
    height, width = pixels.shape[:2]
    if (width, height) == (2 * size[0], 2 * size[1]):
        return _halved(pixels)
    taps = _blend_taps if size[0] > width or size[1] > height else _cover_taps
    return _in_bands(pixels, size, (taps, taps), _float_band)


def _bicubic(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return _in_bands(pixels, size, (_cubic_taps, _cubic_taps), _float_band)


def _lanczos(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return _in_bands(pixels, size, (_lanczos_taps, _lanczos_taps), _float_band)


def _in_bands(
    pixels: np.ndarray, size: tuple[int, int], axes: tuple[Axis, Axis], band: Callable[..., np.ndarray]
) -> np.ndarray:
    """New columns, then new rows, a band of these at a time, so that what is in between stays in the processor's cache.

    `axes` are the taps of columns and of rows.
    """
    height, width, channels = pixels.shape
    lines = pixels.reshape(height, width * channels)
    across = _across(axes[0], width, size[0], channels)
    result = np.empty((size[1], size[0] * channels), np.uint8)
    for start, (used, down) in zip(range(0, size[1], BAND), _down(axes[1], height, size[1]), strict=True):
        result[start : start + BAND] = band(lines[used], across, down)
    return result.reshape(size[1], size[0], channels)


@lru_cache(KEPT)
def _across(axis: Axis, old: int, new: int, channels: int) -> Taps:
    """Taps of columns, for rows whose pixels lie channel beside channel: `(k, n * C)` both."""
    columns, weights = axis(old, new)
    return _kept(_interleaved(columns, channels), np.repeat(weights.T, channels, axis=1))


@lru_cache(KEPT)
def _down(axis: Axis, old: int, new: int) -> tuple[tuple[slice | np.ndarray, Taps], ...]:
    """For each band of new rows the old rows that it is made of, and its taps `(k, n)` among these."""
    rows, weights = axis(old, new)
    bands = []
    for start in range(0, new, BAND):
        used, index = _used_rows(rows[start : start + BAND])
        bands.append((used, _kept(index.T, weights[start : start + BAND].T)))
    return tuple(bands)


def _kept(positions: np.ndarray, weights: np.ndarray) -> Taps:
    """What many pictures share cannot be written to."""
    positions.flags.writeable = weights.flags.writeable = False
    return positions, weights


def _used_rows(rows: np.ndarray) -> tuple[slice | np.ndarray, np.ndarray]:
    """The old rows that new ones are made of, without most of the others, and where `rows` are among these."""
    first, last = int(rows.min()), int(rows.max()) + 1
    if last - first <= 2 * rows.size:
        return slice(first, last), rows - first
    used, index = np.unique(rows, return_inverse=True)
    return used, index.reshape(rows.shape)


def _fixed_point_band(lines: np.ndarray, across: Taps, down: Taps) -> np.ndarray:
    left, right = (np.take(lines, index, axis=1).astype(np.int32) for index in across[0])
    left *= across[1][0]
    right *= across[1][1]
    left += right  # 19 bits
    left >>= 4
    upper, lower = left[down[0][0]], left[down[0][1]]
    upper *= down[1][0][:, None]
    lower *= down[1][1][:, None]
    upper >>= 16
    lower >>= 16
    upper += lower
    upper += 2
    upper >>= 2
    return upper


def _float_band(lines: np.ndarray, across: Taps, down: Taps) -> np.ndarray:
    wide = np.zeros((len(lines), across[0].shape[1]), np.float32)
    for index, weight in zip(*across, strict=True):
        wide += np.take(lines, index, axis=1) * weight
    result = np.zeros((down[0].shape[1], wide.shape[1]), np.float32)
    for index, weight in zip(*down, strict=True):
        result += wide[index] * weight[:, None]
    np.rint(result, out=result)
    return np.clip(result, 0, 255, out=result)


def _interleaved(columns: np.ndarray, channels: int) -> np.ndarray:
    """Positions of pixels as positions of their channels in a row: `(n, k)` -> `(k, n * C)`."""
    return (columns.T[:, :, None] * channels + np.arange(channels)).reshape(columns.shape[1], -1)


def _positions(old: int, new: int) -> tuple[np.ndarray, np.ndarray]:
    """Where each new pixel's centre lies between old ones: the left neighbour `(n,)` and the distance to it in 0..1."""
    centre = ((np.arange(new) + 0.5) * (1 / (new / old)) - 0.5).astype(np.float32)
    left = np.floor(centre)
    return left.astype(np.intp), centre - left


def _linear_taps(old: int, new: int, *, border_weight: bool) -> Taps:
    """Two neighbours and their weights in 1/2048; beyond the border OpenCV gives one of them all of it, only in x."""
    left, distance = _positions(old, new)
    if not border_weight:
        distance = np.where((left < 0) | (left >= old - 1), np.float32(0), distance)
    neighbours = np.clip(left[:, None] + np.arange(2), 0, old - 1)
    weights = np.stack([1 - distance, distance], axis=1) * np.float32(FIXED_POINT)
    return neighbours, np.rint(weights).astype(np.int32)


def _kernel_taps(old: int, new: int, taps: int, kernel: Callable[[np.ndarray], np.ndarray]) -> Taps:
    left, distance = _positions(old, new)
    offsets = np.arange(taps) - (taps // 2 - 1)
    weights = kernel(offsets - distance[:, None].astype(np.float64))
    weights /= weights.sum(axis=1, keepdims=True)
    return np.clip(left[:, None] + offsets, 0, old - 1), weights.astype(np.float32)


def _linear_columns(old: int, new: int) -> Taps:
    return _linear_taps(old, new, border_weight=False)


def _linear_rows(old: int, new: int) -> Taps:
    return _linear_taps(old, new, border_weight=True)


def _cubic_taps(old: int, new: int) -> Taps:
    return _kernel_taps(old, new, 4, _keys)


def _lanczos_taps(old: int, new: int) -> Taps:
    return _kernel_taps(old, new, 8, _sinc4)


def _keys(x: np.ndarray) -> np.ndarray:
    """The cubic convolution kernel of Keys with a = -0.75, OpenCV's choice (Pillow's is -0.5)."""
    a, x = -0.75, np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def _sinc4(x: np.ndarray) -> np.ndarray:
    return np.where(np.abs(x) < 4, np.sinc(x) * np.sinc(x / 4), 0.0)


def _cover_taps(old: int, new: int) -> Taps:
    """Every old pixel under a new one, weighted by the part of it that is covered."""
    scale = old / new
    start = np.arange(new) * scale
    first = np.floor(start + 1e-9).astype(np.intp)
    index = first[:, None] + np.arange(int(np.ceil(scale)) + 1)
    covered = np.minimum(index + 1, (start + scale)[:, None]) - np.maximum(index, start[:, None])
    return np.minimum(index, old - 1), (np.maximum(covered, 0) / scale).astype(np.float32)


def _blend_taps(old: int, new: int) -> Taps:
    factor = new / old
    scale = 1 / factor
    left = np.floor(np.arange(new) * scale).astype(np.intp)
    over = (np.arange(new) + 1) - (left + 1) * factor
    distance = np.where(over <= 0, 0.0, over - np.floor(over))
    weights = np.stack([1 - distance, distance], axis=1).astype(np.float32)
    return np.clip(left[:, None] + np.arange(2), 0, old - 1), weights


_OPENCV: dict[str, Callable[[np.ndarray, tuple[int, int]], np.ndarray]] = {
    "nearest": _nearest,
    "bilinear": _bilinear,
    "bicubic": _bicubic,
    "area": _area,
    "lanczos": _lanczos,
}
