"""Masks of patches over pictures: 1 = removed, washed in grey and hatched; 0 = kept, untouched."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from selfscope.draw.colour import Colour, parse
from selfscope.draw.picture import to_numpy
from selfscope.errors import RecordError

REMOVED = (80, 80, 80)
"""The wash over removed patches: on a dark photo lighter, on a light one darker than what was kept."""
_HATCH_LIGHT = 46
"""How much lighter hatch lines are than what they cross, in grey levels."""
_BAND = 1 << 16
"""Bytes of picture that are worked on at a time."""


def expand(mask: Any, size: tuple[int, int]) -> np.ndarray:
    """A mask `(h, w)` at `size` (H, W): every pixel takes the value of the patch that holds its centre.

    The patches need not divide the picture: 14 over 1080 pixels gives patches of 77 and 78.
    """
    mask = _patches(mask)
    rows, columns = _owners(mask.shape[0], size[0]), _owners(mask.shape[1], size[1])
    return mask.take(columns, axis=1).take(rows, axis=0)


def overlay(
    picture: np.ndarray, mask: Any, colour: Any = REMOVED, alpha: float = 0.8, *, hatch: bool = True, grid: bool = False
) -> np.ndarray:
    """The picture with removed patches under a wash of colour and diagonal hatching; what was there stays visible.

    `alpha` 0 leaves the picture as it is, 1 hides it. Any non-zero value of the mask `(h, w)` is removed. `grid` draws
    the patches' borders.
    """
    if not 0 <= alpha <= 1:
        raise RecordError(f"overlay: expected alpha in [0, 1], got {alpha}")
    removed = _patches(mask) != 0
    height, width = picture.shape[:2]
    rows, columns = _owners(removed.shape[0], height), np.repeat(_owners(removed.shape[1], width), 3)
    gone = removed.take(columns, axis=1) * np.uint16(0xFFFF)  # (h, W * 3): widened by columns here, by rows below
    keep = np.where(gone, round(256 * (1 - alpha)), 256).astype(np.uint16)
    period = _period((height, width), removed.shape) if hatch else 0
    wash = _wash(width, parse(colour), alpha, period)
    source, drawn = picture.reshape(height, width * 3), np.empty((height, width * 3), np.uint8)
    step = max(1, _BAND // (width * 3))
    for top in range(0, height, step):  # bands that stay in the cache
        band = slice(top, top + step)
        blend = keep.take(rows[band], axis=0)
        blend *= source[band]
        blend += wash.take(np.arange(height)[band] % len(wash), axis=0) & gone.take(rows[band], axis=0)
        blend >>= 8
        np.copyto(drawn[band], blend, casting="unsafe")
    drawn = drawn.reshape(height, width, 3)
    return _with_grid(drawn, removed.shape) if grid else drawn


def _period(size: tuple[int, int], patches: tuple[int, ...]) -> int:
    """Pixels between hatch lines: by the picture's size, but so that every patch of six pixels or more has its own."""
    patch = min(size[0] // patches[0], size[1] // patches[1])
    return max(6, min(round(min(size) / 28), patch))


@lru_cache(maxsize=32)
def _wash(width: int, colour: Colour, alpha: float, period: int) -> np.ndarray:
    """What is added to the weakened picture: the colour's share, lighter or darker along lines `period` pixels apart.

    `(period, W * 3)` uint16 in 256ths of a grey level, half a level included for rounding; the rows repeat downwards.
    Period 0 has no lines.
    """
    share, levels = 256 - round(256 * (1 - alpha)), np.array(colour)
    if not period:
        return np.tile(levels * share + 128, width).astype(np.uint16)[None]
    light = _HATCH_LIGHT if levels.mean() < 128 else -_HATCH_LIGHT
    distance = np.abs((np.arange(width + period) % period) - (period - 1) / 2)
    line = np.clip(period / 8 + 0.5 - distance, 0, 1)  # soft edges keep the diagonal smooth
    strip = (np.clip(levels + light * line[:, None], 0, 255) * share + 128).astype(np.uint16).ravel()
    return np.stack([strip[3 * shift : 3 * (shift + width)] for shift in range(period)])


def _with_grid(picture: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    for axis, count in enumerate(shape[:2]):
        edges = np.flatnonzero(np.diff(_owners(count, picture.shape[axis]))) + 1
        lines: tuple[Any, ...] = (edges,) if axis == 0 else (slice(None), edges)
        picture[lines] = (picture[lines].astype(np.uint16) * 3 + 255 + 2) // 4
    return picture


def _patches(mask: Any) -> np.ndarray:
    array = to_numpy(mask)
    if array.ndim != 2 or 0 in array.shape:
        raise RecordError(f"expected a mask (h, w) of patches, 1 = removed, got {array.shape}")
    return array


@lru_cache(maxsize=128)
def _owners(count: int, length: int) -> np.ndarray:
    """Which of `count` equal parts of `length` pixels holds the centre of each pixel."""
    return (2 * np.arange(length) + 1) * count // (2 * length)


if __name__ == "__main__":
    from selfscope.draw.show import demonstrate, sample_photo

    photo = sample_photo(224, 320)
    scattered = np.random.default_rng(0).permutation(140).reshape(10, 14) < 105
    demonstrate(overlay(photo, scattered))
