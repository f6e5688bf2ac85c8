"""The one door for pictures: what a user holds becomes `(H, W, 3)` uint8 RGB here, by stated rules, or is refused."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from PIL import Image

from selfscope.errors import RecordError

Method = Literal["nearest", "lanczos"]

_CHANNELS = (1, 3, 4)
_FILTERS = {"nearest": Image.Resampling.NEAREST, "lanczos": Image.Resampling.LANCZOS}
_SLACK = 1e-4
"""How far floats may lie outside [0, 1]: rounding of a resize or a matrix product, which is clipped."""


def as_picture(value: Any, *, vmin: float | None = None, vmax: float | None = None, key: str = "picture") -> np.ndarray:
    """Anything that holds one picture, as `(H, W, 3)` uint8 RGB; a value that is one already is returned as it is.

    * Kind: numpy arrays, Pillow images, and tensors (anything with `detach`, `cpu`, `numpy`).
    * Axes: `(H, W)`, `(H, W, C)` or `(C, H, W)` with C = 1 (grey), 3 (RGB) or 4 (RGBA, laid on white); where the first
      and the last axis both could be channels, the last one is. A batch is refused.
    * Values: uint8; bool (0, 255); uint16 by its full range; other integers within 0..255; floats within [0, 1].
      With `vmin` and `vmax`, real numbers of any type are mapped from that range, and clipped at its ends.
      NaN, infinities and every other range are refused; colours must be in RGB order.
    """
    array = _to_numpy(value, key)
    if array.dtype == np.uint8 and array.ndim == 3 and array.shape[2] == 3 and array.size and vmin is vmax is None:
        return array
    array = _channels_last(array, key)
    levels = _to_uint8(array, vmin, vmax, key)
    if levels.shape[2] == 4:
        opacity = levels[..., 3:].astype(np.uint16)
        levels = ((levels[..., :3] * opacity + 255 * (255 - opacity) + 127) // 255).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(levels, (*levels.shape[:2], 3)))


def resize(picture: np.ndarray, size: tuple[int, int], method: Method = "lanczos") -> np.ndarray:
    """The picture at `size` (height, width) pixels; `nearest` keeps every pixel's colour, `lanczos` is for photos."""
    height, width = (int(n) for n in size)
    if height < 1 or width < 1:
        raise RecordError(f"resize: expected a size (height, width) of at least 1 × 1 pixels, got {height} × {width}")
    if method not in _FILTERS:
        raise RecordError(f"resize: expected method 'nearest' or 'lanczos', got {method!r}")
    if picture.shape[:2] == (height, width):
        return picture
    return np.array(Image.fromarray(picture).resize((width, height), _FILTERS[method]))


def fit(picture: np.ndarray, size: tuple[int, int], *, enlarge: bool = True) -> np.ndarray:
    """The picture inside a box of `size` (height, width), its proportions kept.

    Larger pictures shrink by Lanczos; smaller ones grow by whole factors and nearest, so that pixels stay pixels.
    """
    height, width = picture.shape[:2]
    scale = min(size[0] / height, size[1] / width)
    if scale < 1:
        return resize(picture, (max(1, round(height * scale)), max(1, round(width * scale))))
    factor = int(scale) if enlarge else 1
    return resize(picture, (height * factor, width * factor), "nearest")


def to_numpy(value: Any) -> np.ndarray:
    """Arrays, sequences and tensors as numpy, on the CPU and detached; half-precision bfloat16 becomes float32."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if "bfloat16" in str(value.dtype):
            value = value.float()
        return np.asarray(value.numpy())
    return np.asarray(value)


def _to_numpy(value: Any, key: str) -> np.ndarray:
    if isinstance(value, Image.Image) and value.mode not in ("L", "RGB", "RGBA", "I;16", "I", "F"):
        value = value.convert("RGBA" if "transparency" in value.info or "A" in value.mode else "RGB")
    array = to_numpy(value)
    if array.dtype.kind not in "buif":
        raise RecordError(f"{key}: expected numbers, got {type(value).__name__} of {array.dtype}")
    if array.size == 0:
        raise RecordError(f"{key}: expected at least one pixel, got {array.shape}")
    return array


def _channels_last(array: np.ndarray, key: str) -> np.ndarray:
    if array.ndim == 2:
        return array[..., None]
    if array.ndim == 3 and array.shape[2] in _CHANNELS:
        return array
    if array.ndim == 3 and array.shape[0] in _CHANNELS:
        return array.transpose(1, 2, 0)
    hint = ": give one picture of the batch" if array.ndim == 4 else ""
    raise RecordError(
        f"{key}: expected (H, W), (H, W, C) or (C, H, W) with 1, 3 or 4 channels, got {array.dtype} {array.shape}{hint}"
    )


def _to_uint8(array: np.ndarray, vmin: float | None, vmax: float | None, key: str) -> np.ndarray:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).sum())
        raise RecordError(f"{key}: {bad} of {array.size} values are NaN or infinite: replace them before drawing")
    if vmin is not None or vmax is not None:
        if vmin is None or vmax is None or not vmin < vmax:
            raise RecordError(f"{key}: expected both vmin and vmax with vmin < vmax, got {vmin} and {vmax}")
        return _round((array.astype(np.float64) - vmin) / (vmax - vmin))
    low, high = array.min(), array.max()
    if array.dtype == np.uint8:
        return array
    if array.dtype == bool:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype == np.uint16:
        return _round(array / 65535)
    if array.dtype.kind == "f" and low >= -_SLACK and high <= 1 + _SLACK:
        return _round(array)
    if array.dtype.kind in "iu" and low >= 0 and high <= 255:
        return array.astype(np.uint8)
    accepted = "floats in [0, 1]" if array.dtype.kind == "f" else "integers in 0..255"
    raise RecordError(f"{key}: expected {accepted}, got {low:g} to {high:g}: give vmin and vmax to map this range")


def _round(unit: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(unit, 0, 1) * 255).astype(np.uint8)
