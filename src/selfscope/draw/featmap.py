"""Feature maps as pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from selfscope.draw.canvas import Canvas
from selfscope.draw.colour import colormap
from selfscope.draw.compose import grid
from selfscope.draw.picture import as_picture, resize, to_numpy
from selfscope.draw.text import draw_label, size_for
from selfscope.errors import UsageError

_BAND = 1 << 16
"""Pixels that are worked on at a time."""
_REDUCTIONS = ("squeeze_mean", "select_max")


def draw_featmap(
    featmap: Any,
    overlaid_image: np.ndarray | None = None,
    channel_reduction: str | None = "squeeze_mean",
    topk: int = 20,
    arrangement: tuple[int, int] = (4, 5),
    resize_shape: tuple[int, int] | None = None,
    alpha: float = 0.5,
) -> np.ndarray:
    """A feature map `(C, h, w)` in the colours of `colormap`, each map from its own lowest to its highest value.

    * `channel_reduction`: `squeeze_mean` shows the mean of all channels, `select_max` the channel of the largest sum.
    * None with `topk` > 0 shows the `topk` channels of largest sum, largest first and named, in `arrangement` (rows,
      columns); None with `topk` <= 0 shows the one channel there is, or three as red, green and blue.
    * The map is laid over `overlaid_image` with `alpha`, at that picture's size; `resize_shape` (height, width) resizes
      both. Enlarging is bilinear.
    """
    maps = to_numpy(featmap)
    if maps.ndim != 3 or 0 in maps.shape or maps.dtype.kind not in "fiub":
        raise UsageError(f"draw_featmap: expected a feature map (C, h, w), got {maps.dtype} {maps.shape}")
    maps = maps.astype(np.float32, copy=False)
    under = None if overlaid_image is None else as_picture(overlaid_image, key="overlaid_image")
    size = resize_shape or (maps.shape[1:] if under is None else under.shape[:2])
    if under is not None:
        under = resize(under, size)
    if channel_reduction is None and topk > 0:
        return _channels(maps, under, (int(size[0]), int(size[1])), topk=topk, arrangement=arrangement, alpha=alpha)
    return _laid_over(_coloured(_reduced(maps, channel_reduction), size), under, alpha)


def _reduced(maps: np.ndarray, reduction: str | None) -> np.ndarray:
    """The one channel, or the three, that are shown."""
    if reduction == "squeeze_mean":
        return maps.mean(axis=0, keepdims=True)
    if reduction == "select_max":
        return maps[np.argmax(maps.sum(axis=(1, 2)))][None]
    if reduction is not None:
        raise UsageError(f"draw_featmap: expected channel_reduction of {_REDUCTIONS} or None, got {reduction!r}")
    if len(maps) not in (1, 3):
        raise UsageError(
            f"draw_featmap: {len(maps)} channels are not one picture: give channel_reduction, or topk above 0"
        )
    return maps


def _coloured(maps: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    enlarged = [_resized(channel, size) for channel in maps]
    if len(enlarged) == 1:
        return colormap(enlarged[0])
    stacked = np.stack(enlarged, axis=-1)
    low, high = float(np.nanmin(stacked)), float(np.nanmax(stacked))
    return as_picture(stacked, vmin=low, vmax=high if high > low else low + 1, key="feature map")


def _channels(
    maps: np.ndarray,
    under: np.ndarray | None,
    size: tuple[int, int],
    *,
    topk: int,
    arrangement: tuple[int, int],
    alpha: float,
) -> np.ndarray:
    rows, columns = arrangement
    if rows * columns < topk:
        raise UsageError(f"draw_featmap: an arrangement of {rows} × {columns} has no room for topk = {topk} channels")
    order = np.argsort(-maps.sum(axis=(1, 2)), kind="stable")[:topk]
    cells = []
    for index in order.tolist():
        canvas = Canvas(_laid_over(_coloured(maps[index][None], size), under, alpha))
        if min(size) >= 48:
            draw_label(canvas, f"channel {index}", (0, 0), size_for(size[0]), alpha=0.6)
        cells.append(canvas.pixels)
    return grid(cells, columns=columns, gap=4)


def _resized(channel: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    if channel.shape == tuple(size):
        return channel
    return np.asarray(Image.fromarray(channel).resize((int(size[1]), int(size[0])), Image.Resampling.BILINEAR))


def _laid_over(colours: np.ndarray, under: np.ndarray | None, alpha: float) -> np.ndarray:
    if under is None:
        return colours
    if not 0 <= alpha <= 1:
        raise UsageError(f"draw_featmap: expected alpha in [0, 1], got {alpha}")
    share = round(256 * alpha)
    mixed = np.empty_like(under)
    step = max(1, _BAND // under.shape[1])
    for top in range(0, len(under), step):  # bands that stay in the cache
        band = slice(top, top + step)
        mixture = np.multiply(under[band], 256 - share, dtype=np.uint16)
        mixture += np.multiply(colours[band], share, dtype=np.uint16)
        mixture += 128
        np.copyto(mixed[band], mixture >> 8, casting="unsafe")
    return mixed


if __name__ == "__main__":
    from selfscope.draw.show import demonstrate, sample_photo

    waves = np.stack([np.cos(np.mgrid[0:14, 0:14][i % 2] / (1 + i)) for i in range(6)])
    demonstrate(draw_featmap(waves, sample_photo(), None, topk=6, arrangement=(2, 3)))
